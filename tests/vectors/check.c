// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>
#include <string.h>
#include <utstring.h>

#include "base/memory.h"
#include "datapath/datapath.h"

static const char *const verdict_names[] = {
	[VECTOR_FORWARD] = "forwarded",
	[VECTOR_DROP] = "dropped",
	[VECTOR_PASS] = "left to the host",
};

static void print_frame(UT_string *text, const char *label, const struct bytes *frame)
{
	utstring_printf(text, "\n  %s (%zu bytes)", label, frame->length);
	for (size_t i = 0; i < frame->length && i < 160; i++) {
		if (i % 16 == 0)
			utstring_printf(text, "\n    %04zx ", i);
		utstring_printf(text, " %02x", frame->data[i]);
	}
}

static char *take(UT_string *text)
{
	char *copy = memory_text(utstring_body(text));

	utstring_free(text);
	return copy;
}

// Ethernet fills up short frames (IEEE 802.3, section 4.2.3.3), with zeros.
enum { SHORTEST_FRAME = 60 };

static bool same_frame(const struct vector_output *expected, const struct bytes *frame)
{
	size_t length = expected->bytes.length;

	if (frame->length < length || (frame->length > length && frame->length > SHORTEST_FRAME))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((expected->bytes.data[i] ^ frame->data[i]) & expected->mask.data[i])
			return false;
	for (size_t i = length; i < frame->length; i++)
		if (frame->data[i] != 0)
			return false;
	return true;
}

static bool same_place(const struct vector_output *expected, const struct seen_output *seen)
{
	return !seen->to || strcmp(seen->to, expected->to) == 0;
}

// The expected frame beside the one that came there instead, if any.
static char *describe_missing(
	const struct vector_output *expected, const struct seen *seen, const bool *used)
{
	UT_string *text;
	size_t i;

	utstring_new(text);
	for (i = 0; i < seen->output_count; i++)
		if (!used[i] && same_place(expected, &seen->outputs[i]))
			break;
	if (i == seen->output_count) {
		utstring_printf(text, "nothing came to %s", expected->to);
		print_frame(text, "expected", &expected->bytes);
		return take(text);
	}
	const struct bytes *frame = &seen->outputs[i].bytes;
	size_t at = 0;
	while (at < frame->length && at < expected->bytes.length &&
		!((expected->bytes.data[at] ^ frame->data[at]) & expected->mask.data[at]))
		at++;
	utstring_printf(text, "another frame came to %s, from byte 0x%zx on", expected->to, at);
	print_frame(text, "expected", &expected->bytes);
	print_frame(text, "seen", frame);
	return take(text);
}

static char *check_outputs(const struct vector_case *c, const struct seen *seen)
{
	cleanup_free bool *used = memory_new(seen->output_count + 1);

	for (size_t i = 0; i < c->output_count; i++) {
		size_t j;
		for (j = 0; j < seen->output_count; j++)
			if (!used[j] && same_place(&c->outputs[i], &seen->outputs[j]) &&
				same_frame(&c->outputs[i], &seen->outputs[j].bytes))
				break;
		if (j == seen->output_count)
			return describe_missing(&c->outputs[i], seen, used);
		used[j] = true;
		// A test run cannot tell.
		uint32_t gso = c->verdict == VECTOR_DROP ? 0 : c->gso; // an answer is a packet
		if (seen->outputs[j].to && seen->outputs[j].gso != gso)
			return memory_format("segments of %u bytes came to %s, not of %u",
				seen->outputs[j].gso, seen->outputs[j].to, gso);
	}
	for (size_t j = 0; j < seen->output_count; j++) {
		if (used[j])
			continue;
		UT_string *text;
		utstring_new(text);
		utstring_printf(text, "a frame came to %s that nobody expects",
			seen->outputs[j].to ? seen->outputs[j].to : "somewhere");
		print_frame(text, "seen", &seen->outputs[j].bytes);
		return take(text);
	}
	return NULL;
}

// `port`: whose counter; NULL: whosever.
static char *check_drop(
	const struct world *world, const struct seen *seen, uint32_t reason, const char *port)
{
	size_t i;

	for (i = 0; i < seen->drop_count; i++)
		if (seen->drops[i].reason == reason &&
			(!port || seen->drops[i].port == world_port_key(world, port)))
			break;
	for (size_t j = 0; j < seen->drop_count && i == seen->drop_count; j++)
		if (seen->drops[j].reason == reason)
			i = j; // for a port that is not meant
	if (i == seen->drop_count)
		return memory_format("dropped: %s, not %s",
			datapath_reason_name(seen->drops[0].reason), datapath_reason_name(reason));
	if (port && seen->drops[i].port != world_port_key(world, port))
		return memory_format("the drop was counted for port key %u, not for %s",
			seen->drops[i].port, port);
	return NULL;
}

// The counters that move are that of the reason, at the port that is to answer for it, and of an answer that was held back.
static char *check_drops(
	const struct world *world, const struct vector_case *c, const struct seen *seen)
{
	if (c->verdict != VECTOR_DROP)
		return seen->drop_count == 0 ? NULL
					     : memory_format("dropped: %s",
						       datapath_reason_name(seen->drops[0].reason));
	if (seen->drop_count == 0)
		return memory_text("no drop was counted");
	bool from_port = strcmp(c->from, "underlay") != 0;
	const char *port = c->reason_port ? c->reason_port : from_port ? c->from : NULL;
	size_t ports = json_array_size(c->reason_ports), counted = ports ? ports : 1;
	char *difference = ports ? NULL : check_drop(world, seen, c->reason, port);
	for (size_t i = 0; i < ports && !difference; i++)
		difference = check_drop(world, seen, c->reason,
			json_string_value(json_array_get(c->reason_ports, i)));
	if (!difference && c->also)
		difference = check_drop(world, seen, c->also, port);
	if (!difference && seen->drop_count > counted + (c->also ? 1 : 0))
		difference = memory_format("%zu reasons were counted, %s and %s among them",
			seen->drop_count, datapath_reason_name(seen->drops[0].reason),
			datapath_reason_name(seen->drops[1].reason));
	return difference;
}

// The counters tell of as many packets as came out, of each port but the sender: an answer to it is no packet of the network's.
static char *check_handed(
	const struct world *world, const struct vector_case *c, const struct seen *seen)
{
	for (size_t i = 0; i < world->topology->device_count && c->gso == 0; i++) {
		const char *port = world->topology->devices[i].port;
		uint64_t expected = 0;
		if (strcmp(port, c->from) == 0)
			continue;
		for (size_t j = 0; j < c->output_count; j++)
			expected += strcmp(c->outputs[j].to, port) == 0;
		if (seen->handed[i] != expected)
			return memory_format("%lu packets to %s were counted, not %lu",
				(unsigned long)seen->handed[i], port, (unsigned long)expected);
	}
	return NULL;
}

char *check_seen(const struct world *world, const struct vector_case *c, const struct seen *seen)
{
	char *difference = check_drops(world, c, seen);

	if (!difference && seen->verdict != c->verdict)
		difference = memory_format(
			"%s, not %s", verdict_names[seen->verdict], verdict_names[c->verdict]);
	if (!difference)
		difference = check_outputs(c, seen);
	return difference ? difference : check_handed(world, c, seen);
}

char *check_coverage(const struct vectors *vectors)
{
	UT_string *text;
	const char *name;

	utstring_new(text);
	for (uint32_t reason = 1; (name = datapath_reason_name(reason)); reason++) {
		size_t i;
		for (i = 0; i < vectors->case_count; i++)
			if (vectors->cases[i].verdict == VECTOR_DROP &&
				(vectors->cases[i].reason == reason ||
					vectors->cases[i].also == reason))
				break;
		if (i == vectors->case_count)
			utstring_printf(text, " %s", name);
	}
	if (utstring_len(text) > 0)
		return take(text);
	utstring_free(text);
	return NULL;
}
