// SPDX-License-Identifier: Apache-2.0
// weft trace: what would become of a packet, stage by stage, host by host.
#include <string.h>

#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "output.h"
#include "packet.h"
#include "table.h"
#include "target.h"

enum { TRACE_TIMEOUT_MS = 15000 };

static const uint64_t absent = UINT64_MAX;
static uint64_t source_port = UINT64_MAX, ttl = UINT64_MAX, size = UINT64_MAX;
static const char *family;
static bool packets;

static const char *const families[] = {"4", "6", NULL};

static const struct option_spec trace_options[] = {
	{.name = "source-port",
		.type = OPTION_NUMBER,
		.target = &source_port,
		.argument = "NUMBER",
		.help = "of TCP or UDP; of an echo request its identifier (49152)"},
	{.name = "ttl",
		.type = OPTION_NUMBER,
		.target = &ttl,
		.argument = "NUMBER",
		.help = "time to live, or hop limit (64)"},
	{.name = "size",
		.letter = 's',
		.type = OPTION_NUMBER,
		.target = &size,
		.argument = "BYTES",
		.help = "of the IP packet; as small as can be where not given"},
	{.name = "family",
		.type = OPTION_CHOICE,
		.target = &family,
		.argument = "FAMILY",
		.choices = families,
		.help = "4 or 6, where both ports have addresses of both; IPv4 where not given"},
	{.name = "packets",
		.letter = 'p',
		.type = OPTION_FLAG,
		.target = &packets,
		.help = "show whole packets, and each rewrite before and after"},
	{0},
};

static const char *text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

// ---- packets ----

struct packet {
	uint8_t *bytes;
	size_t length;
	UT_array *lines;
};

static void packet_read(struct packet *packet, const char *frame)
{
	packet->bytes = packet_decode(frame, &packet->length);
	utarray_new(packet->lines, &ut_str_icd);
	packet_lines(packet->bytes, packet->length, packet->lines);
}

static void packet_done(struct packet *packet)
{
	free(packet->bytes);
	utarray_free(packet->lines);
}

static bool has_line(const struct packet *packet, const char *line)
{
	char **at = NULL;

	while ((at = (char **)utarray_next(packet->lines, at)))
		if (!strcmp(*at, line))
			return true;
	return false;
}

// ---- the table ----

// A cell that is empty where there is nothing to say.
static void cell(struct table *table, const char *words, enum table_colour colour)
{
	table_cell(table, words, words && *words ? colour : TABLE_BLANK);
}

static void row(struct table *table, const char *host, const char *mark, enum table_colour colour,
	const char *stage, const char *found)
{
	table_row(table);
	cell(table, host, TABLE_PLAIN);
	cell(table, mark, colour);
	cell(table, stage, TABLE_PLAIN);
	cell(table, found, TABLE_PLAIN);
}

static void cells_of_object(struct table *table, const json_t *json)
{
	const json_t *revision = json_object_get(json, "revision");
	cleanup_free char *number =
		json_is_integer(revision)
			? memory_format("%" JSON_INTEGER_FORMAT, json_integer_value(revision))
			: NULL;

	cell(table, text(json, "object"), TABLE_PLAIN);
	cell(table, number, TABLE_FAINT);
}

static void row_of_header(
	struct table *table, const char *mark, enum table_colour colour, const char *line)
{
	row(table, NULL, mark, colour, NULL, line);
	cells_of_object(table, NULL);
}

// The lines of `packet` that `other` does not have; all of them where it is NULL.
static void rows_of_packet(struct table *table, const struct packet *packet,
	const struct packet *other, const char *mark, enum table_colour colour)
{
	char **line = NULL;

	while ((line = (char **)utarray_next(packet->lines, line)))
		if (!other || !has_line(other, *line))
			row_of_header(table, mark, colour, *line);
}

static void rows_of_rewrite(struct table *table, const char *before, const char *after)
{
	struct packet old, new;

	if (!before || !after || !strcmp(before, after))
		return;
	packet_read(&old, before);
	packet_read(&new, after);
	if (packets)
		rows_of_packet(table, &old, &new, "-", TABLE_BAD);
	rows_of_packet(table, &new, &old, "+", TABLE_GOOD);
	packet_done(&old);
	packet_done(&new);
}

static void rows_of_drift(struct table *table, const json_t *stage)
{
	size_t index;
	json_t *drift;

	json_array_foreach (json_object_get(stage, "drift"), index, drift) {
		const char *problem = text(drift, "problem"), *where = text(drift, "table");
		cleanup_free char *found = memory_format("the row of table %s is %s",
			where ? where : "-", problem ? problem : "not as it should be");
		row(table, NULL, "!", TABLE_WARN, "drift", found);
		cells_of_object(table, drift);
	}
}

// What was found in the stage: of a failed one the reason, of parsing the packet itself.
static char *found_in(const json_t *stage, const char *frame)
{
	const char *reason = text(stage, "reason"), *detail = text(stage, "detail");
	const char *name = text(stage, "stage");

	if (reason && detail)
		return memory_format("%s; %s", detail, reason);
	if (reason || detail)
		return memory_text(reason ? reason : detail);
	if (name && !strcmp(name, "parse") && frame) {
		size_t length;
		cleanup_free uint8_t *bytes = packet_decode(frame, &length);
		return packet_summary(bytes, length);
	}
	return memory_text("");
}

// The frame with which the stage ends: as the next one finds it, or as it goes out.
static const char *frame_after(const json_t *host, size_t index, const char *frame)
{
	const json_t *next = json_array_get(json_object_get(host, "stages"), index + 1);
	const json_t *outputs = json_object_get(host, "outputs");
	size_t count = json_array_size(outputs);
	const char *after = next ? text(next, "frame")
				 : text(json_array_get(outputs, count ? count - 1 : 0), "frame");

	return after ? after : frame;
}

static void rows_of_host(struct table *table, const json_t *host)
{
	const char *problem = text(host, "problem"), *name = text(host, "host"), *frame = NULL;
	size_t index;
	json_t *stage;

	json_array_foreach (json_object_get(host, "stages"), index, stage) {
		bool ok = json_is_true(json_object_get(stage, "ok"));
		if (text(stage, "frame"))
			frame = text(stage, "frame");
		if (packets && index == 0 && frame) {
			struct packet packet;
			packet_read(&packet, frame);
			rows_of_packet(table, &packet, NULL, NULL, TABLE_PLAIN);
			packet_done(&packet);
		}
		cleanup_free char *found = found_in(stage, frame);
		row(table, index ? NULL : name, ok ? "✓" : "✗", ok ? TABLE_GOOD : TABLE_BAD,
			text(stage, "stage"), found);
		cells_of_object(table, stage);
		rows_of_drift(table, stage);
		rows_of_rewrite(table, frame, frame_after(host, index, frame));
	}
	if (!problem)
		return;
	row(table, name, "?", TABLE_WARN, NULL, problem);
	cells_of_object(table, host);
}

static void print_trace(const json_t *trace, bool reaches)
{
	static const char *const columns[] = {"HOST", "", "STAGE", "FOUND", "OBJECT", "REVISION"};
	bool coloured = output_coloured(stdout);
	const char *summary = text(trace, "summary");
	struct table *table;
	size_t index;
	json_t *host;

	table_new(&table, coloured);
	for (size_t i = 0; i < array_count(columns); i++)
		table_column(table, columns[i]);
	json_array_foreach (json_object_get(trace, "hosts"), index, host)
		rows_of_host(table, host);
	table_print(table, stdout);
	table_free(table);
	cleanup_free char *sentence = text_printable(summary ? summary : "");
	printf(coloured ? "\n\033[1;%sm%s\033[0m\n" : "\n%.0s%s\n", reaches ? "32" : "31",
		sentence);
}

// ---- the command ----

static void set_number(json_t *json, const char *name, uint64_t value)
{
	if (value != absent)
		json_object_set_new(json, name,
			json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static int request(struct client *client, const struct target *from, const char *const *words,
	json_t **answer, struct error *error)
{
	cleanup_free char *path = memory_format("/v1/tenants/%s/trace", from->tenant);
	json_t *body = json_pack("{s:s, s:s}", "from", from->name, "to", words[1]);

	if (words[2])
		json_object_set_new(body, "protocol", json_string(words[2]));
	if (family)
		json_object_set_new(body, "family", json_integer(*family - '0'));
	set_number(body, "source_port", source_port);
	set_number(body, "ttl", ttl);
	set_number(body, "size", size);
	int rc = client_request(client, "POST", path, body, TRACE_TIMEOUT_MS, answer, error);
	json_decref(body);
	return rc;
}

static int run(const char *const *words)
{
	cleanup_client struct client *client = NULL;
	cleanup_target struct target from = {0};
	struct error error = {0};
	json_t *answer = NULL;
	int rc = client_open(&client, &error);

	if (!rc)
		rc = target_resolve(client, MODEL_PORT, words[0], &from, &error);
	if (!rc)
		rc = request(client, &from, words, &answer, &error);
	if (rc)
		return output_error(&error, client, NULL);
	const char *verdict = text(answer, "verdict");
	bool reaches = verdict && !strcmp(verdict, "reaches");
	if (output_json)
		output_print_json(answer, stdout);
	else
		print_trace(answer, reaches);
	json_decref(answer);
	return reaches ? EXIT_OK : EXIT_REFUSED;
}

const struct command command_trace = {
	.name = "trace",
	.summary = "Show what would become of a packet",
	.help = "A packet as the port FROM would send it to TO, a port or an address, runs through "
		"the "
		"same forwarding as in\n"
		"the kernel, over the rows that the hosts really hold; nothing is sent. PROTOCOL "
		"is "
		"tcp/5432, udp/53, icmp,\n"
		"icmp/8, 47; an echo request where not given. Rows that are not as they should be "
		"are "
		"shown as drift. Exit\n"
		"status 0 when the packet reaches TO, else 1.",
	.examples =
		"weft trace acme/web1 db1                   # an echo request\n"
		"weft trace acme/web1 db1 tcp/5432 -p       # a connection; show whole packets\n"
		"weft trace acme/web1 192.0.2.7 --ttl 1\n",
	.group = COMMAND_LOOK,
	.words = {{"FROM"}, {"TO"}, {"PROTOCOL", true}},
	.options = (const struct option_spec *const[]){trace_options, target_options,
		client_options, NULL},
	.run = run,
};
