// SPDX-License-Identifier: Apache-2.0
#include "trace.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "probe.h"

enum { TTL = 64, FIRST_EPHEMERAL_PORT = 49152 };

// What the controller asks. Strings are borrowed.
struct question {
	const struct port *port;
	const struct network *network;
	uint32_t ifindex; // of the port's device
	struct probe_packet packet;
	uint8_t frame[PROBE_BYTES];
	size_t length;
};

// ---- where a packet of the port goes first ----

struct gateway_search {
	const struct trace_world *world;
	const struct question *question;
	const char *router; // the best so far; NULL: none
	bool leads;         // it has a network that the destination is in
	struct address address;
};

static bool in_subnet(const struct network *network, const struct address *address)
{
	for (size_t i = 0; network && i < network->subnets.count; i++)
		if (prefix_contains(&network->subnets.items[i], address))
			return true;
	return false;
}

static bool leads(const struct gateway_search *search, const struct router *router)
{
	for (size_t i = 0; i < router->networks.count; i++)
		if (in_subnet((const struct network *)view_find(search->world->view, MODEL_NETWORK,
				      router->object.tenant, router->networks.items[i].network),
			    &search->question->packet.destination))
			return true;
	return false;
}

static bool address_on(const struct router_network *joined, const struct network *network,
	bool family, struct address *out)
{
	struct address_list list = router_addresses(joined, network);
	bool found = false;
	for (size_t i = 0; i < list.count && !found; i++) {
		found = address_is_ipv4(&list.items[i]) == family;
		if (found)
			*out = list.items[i];
	}
	free(list.items);
	return found;
}

// Of the routers of its network a port has learnt the first by name, and of the others the way to their own networks.
static void try_router(void *context, const struct object *object)
{
	struct gateway_search *search = context;
	const struct router *router = (const struct router *)object;
	const struct network *network = search->question->network;
	struct address address;
	if (strcmp(object->tenant, network->object.tenant))
		return;
	for (size_t i = 0; i < router->networks.count; i++) {
		const struct router_network *joined = &router->networks.items[i];
		bool family = address_is_ipv4(&search->question->packet.destination);
		if (strcmp(joined->network, network->object.name) ||
			!address_on(joined, network, family, &address))
			continue;
		bool better = leads(search, router);
		if (search->router && (better < search->leads ||
					      (better == search->leads &&
						      strcmp(object->name, search->router) > 0)))
			continue;
		search->router = object->name;
		search->leads = better;
		search->address = address;
	}
}

// The address whose MAC the packet is sent to: on the link, or of a router; without any, as if all the world were on the link.
static struct address next_hop(const struct trace_world *world, const struct question *question)
{
	const struct address *destination = &question->packet.destination;
	struct gateway_search search = {.world = world, .question = question};
	if (in_subnet(question->network, destination) || address_is_link_local(destination))
		return *destination;
	view_each(world->view, MODEL_ROUTER, try_router, &search);
	return search.router ? search.address : *destination;
}

// ---- running ----

struct device_search {
	const char *path; // of the port, or:
	uint32_t ifindex;
	char device[64], found[OBJECT_PATH_TEXT];
};

static void match_port(void *context, const struct compiler_port *port)
{
	struct device_search *search = context;
	char path[OBJECT_PATH_TEXT];
	object_path_of(MODEL_PORT, port->tenant, port->name, path);
	bool match = search->path ? !strcmp(path, search->path)
				  : port->ifindex && port->ifindex == search->ifindex;
	if (!match)
		return;
	search->ifindex = port->ifindex;
	snprintf(search->device, sizeof(search->device), "%s", port->device ? port->device : "");
	snprintf(search->found, sizeof(search->found), "%s", path);
}

static bool find_device(const struct trace_world *world, struct question *question)
{
	char path[OBJECT_PATH_TEXT];
	struct device_search search = {.path = object_path(&question->port->object, path)};
	compiler_ports(world->compiler, match_port, &search);
	question->ifindex = search.ifindex;
	return search.ifindex;
}

struct host_search {
	struct address vtep;
	const char *name;
};

static void match_vtep(void *context, const struct object *object)
{
	struct host_search *search = context;
	if (!address_compare(&((const struct host *)object)->vtep, &search->vtep))
		search->name = object->name;
}

// Which host an outer packet goes to; NULL: none that is known.
static const char *outer_host(const struct trace_world *world, const struct native_output *output)
{
	struct host_search search = {.vtep = {{[10] = 0xff, [11] = 0xff}}};
	bool four = output->length > 14 && output->bytes[12] == 0x08;
	if (output->length < (four ? 34u : 54u))
		return NULL;
	memcpy(search.vtep.bytes + (four ? 12 : 0), output->bytes + (four ? 30 : 38),
		four ? 4 : 16);
	view_each(world->view, MODEL_HOST, match_vtep, &search);
	return search.name;
}

static json_t *encode_output(
	const struct trace_world *world, uint32_t ifindex, const struct native_output *output)
{
	json_t *json = json_pack("{s:b, s:o}", "underlay", output->underlay, "frame",
		trace_frame_encode(output->bytes, output->length));
	if (output->underlay) {
		const char *host = outer_host(world, output);
		json_object_set_new(json, "host", host ? json_string(host) : json_null());
		return json;
	}
	struct device_search search = {.ifindex = output->ifindex};
	compiler_ports(world->compiler, match_port, &search);
	json_object_set_new(json, "host", json_string(world->host));
	json_object_set_new(json, "device", json_string(search.device));
	json_object_set_new(json, "port", *search.found ? json_string(search.found) : json_null());
	json_object_set_new(json, "back", json_boolean(output->ifindex == ifindex));
	return json;
}

static const char *const verdicts[] = {
	[NATIVE_DROP] = "dropped",
	[NATIVE_DONE] = "copied",
	[NATIVE_SENT] = "sent",
	[NATIVE_HOST] = "host",
};

// A frame on its way, and what became of it.
struct run {
	uint32_t ifindex; // that it came in by
	struct datapath *datapath;
	struct native_result result;
	struct trace trace;
};

static void run_start(const struct trace_world *world, enum datapath_role role,
	const uint8_t *bytes, size_t length, struct run *run)
{
	struct native_frame frame = {.bytes = bytes, .length = length};
	struct dp_mac mac;
	datapath_overlay(&run->datapath, world->datapath);
	native_resolver(run->datapath, world->resolve, world->resolve_context);
	memcpy(&mac, &world->underlay_mac, sizeof(mac));
	native_underlay_mac(run->datapath, mac);
	datapath_trace(run->datapath, role, run->ifindex, &frame, &run->result, &run->trace);
}

static void run_done(struct run *run)
{
	trace_done(&run->trace);
	native_result_done(&run->result);
	datapath_close(run->datapath);
}

static json_t *run_encode(const struct trace_world *world, const struct run *run)
{
	const struct native_result *result = &run->result;
	json_t *stages = json_array(), *outputs = json_array();
	const struct trace_stage *stage = NULL, *before = NULL;
	for (; (stage = utarray_next(&run->trace.stages, stage)); before = stage)
		json_array_append_new(stages, trace_stage_encode(world, stage, before));
	for (size_t i = 0; i < result->count; i++)
		json_array_append_new(
			outputs, encode_output(world, run->ifindex, &result->outputs[i]));
	json_t *json = json_pack("{s:s, s:s, s:o, s:o}", "host", world->host, "verdict",
		verdicts[result->verdict], "stages", stages, "outputs", outputs);
	if (!result->reason)
		return json;
	json_object_set_new(json, "reason", json_string(datapath_reason_name(result->reason)));
	json_object_set_new(json, "help", json_string(datapath_reason_help(result->reason)));
	return json;
}

// ---- from a port ----

static bool is_to_many(const struct address *address)
{
	return address_is_multicast(address) ||
	       !memcmp(address->bytes + 10, "\xff\xff\xff\xff\xff\xff", 6);
}

// The MAC of the next hop, as the network answers the port's question for it. NULL; or where it does not answer, what became of
// the question: a new reference.
static json_t *resolve(const struct trace_world *world, struct question *question)
{
	struct probe_packet *packet = &question->packet;
	struct address next = next_hop(world, question);
	struct run run = {.ifindex = question->ifindex};
	char text[ADDRESS_TEXT];
	json_t *json = NULL;
	if (is_to_many(&packet->destination)) {
		packet->destination_mac = probe_multicast(&packet->destination);
		return NULL;
	}
	size_t length =
		probe_question(&packet->source_mac, &packet->source, &next, question->frame);
	run_start(world, DATAPATH_PORT, question->frame, length, &run);
	const struct native_output *output = run.result.outputs;
	// The answer goes back, from the MAC that is asked for.
	if (run.result.verdict == NATIVE_SENT && output->ifindex == question->ifindex) {
		memcpy(&packet->destination_mac, output->bytes + 6,
			sizeof(packet->destination_mac));
	} else {
		json = run_encode(world, &run);
		json_object_set_new(json, "asked", json_string(address_format(&next, text)));
	}
	run_done(&run);
	return json;
}

static json_t *run_whole(const struct trace_world *world, enum datapath_role role, uint32_t ifindex,
	const uint8_t *bytes, size_t length)
{
	struct run run = {.ifindex = ifindex};
	run_start(world, role, bytes, length, &run);
	json_t *json = run_encode(world, &run);
	run_done(&run);
	return json;
}

static json_t *problem(const struct trace_world *world, const char *format, const char *what)
{
	json_t *text = json_sprintf(format, what);
	return json_pack("{s:s, s:o, s:[], s:[]}", "host", world->host, "problem", text, "stages",
		"outputs");
}

static uint32_t number(const json_t *json, const char *name, uint32_t otherwise)
{
	const json_t *value = json_object_get(json, name);
	return json_is_integer(value) ? (uint32_t)json_integer_value(value) : otherwise;
}

// The first address of the port in the family of the destination; of its MAC where that is on the link.
static bool choose_source(struct question *question)
{
	struct probe_packet *packet = &question->packet;
	bool four = address_is_ipv4(&packet->destination);
	if (!four && address_is_link_local(&packet->destination)) {
		packet->source = address_link_local(&question->port->mac);
		return true;
	}
	for (size_t i = 0; i < question->port->addresses.count; i++) {
		if (address_is_ipv4(&question->port->addresses.items[i]) != four)
			continue;
		packet->source = question->port->addresses.items[i];
		return true;
	}
	return false;
}

static json_t *ask_port(
	const struct trace_world *world, struct question *question, const json_t *json)
{
	const char *tenant = json_string_value(json_object_get(json, "tenant"));
	const char *name = json_string_value(json_object_get(json, "port"));
	const char *destination = json_string_value(json_object_get(json, "destination"));
	struct probe_packet *packet = &question->packet;
	if (!tenant || !name || !destination || address_parse(destination, &packet->destination))
		return problem(world, "%s", "the question is not understood");
	question->port = (const struct port *)view_find(world->view, MODEL_PORT, tenant, name);
	if (!question->port)
		return problem(world, "port %s is not known on this host yet", name);
	question->network = (const struct network *)view_find(
		world->view, MODEL_NETWORK, tenant, question->port->network);
	if (!find_device(world, question))
		return problem(world, "the device %s of the port is not there",
			question->port->device ? question->port->device : "");
	if (!choose_source(question))
		return problem(world, "port %s has no address of that family", name);
	packet->source_mac = question->port->mac;
	packet->protocol = (uint8_t)number(json, "protocol", IPPROTO_ICMP);
	packet->destination_port = (uint16_t)number(json, "destination_port", 0);
	packet->source_port = (uint16_t)number(json, "source_port", FIRST_EPHEMERAL_PORT);
	packet->ttl = (uint8_t)number(json, "ttl", TTL);
	packet->size = number(json, "size", 0);
	json_t *answer = resolve(world, question);
	if (answer)
		return answer;
	question->length = probe_packet(packet, question->frame);
	return run_whole(
		world, DATAPATH_PORT, question->ifindex, question->frame, question->length);
}

// ---- from the underlay ----

static int nibble(char digit)
{
	const char *digits = "0123456789abcdef";
	const char *found = digit ? strchr(digits, digit) : NULL;
	return found ? (int)(found - digits) : -1;
}

// How many bytes; what is no hexadecimal ends it.
static size_t decode_frame(const char *text, uint8_t *out)
{
	size_t length = 0;
	for (; length < PROBE_BYTES; length++, text += 2) {
		int high = nibble(text[0]), low = high < 0 ? -1 : nibble(text[1]);
		if (low < 0)
			break;
		out[length] = (uint8_t)(high << 4 | low);
	}
	return length;
}

static json_t *ask_underlay(
	const struct trace_world *world, struct question *question, const json_t *json)
{
	const char *frame = json_string_value(json_object_get(json, "frame"));
	if (!world->underlay)
		return problem(world, "%s", "no link carries the VTEP of this host");
	question->length = frame ? decode_frame(frame, question->frame) : 0;
	return run_whole(
		world, DATAPATH_UNDERLAY, world->underlay, question->frame, question->length);
}

json_t *trace_answer(const struct trace_world *world, const json_t *json)
{
	cleanup_free struct question *question = memory_new(sizeof(*question));
	return json_object_get(json, "frame") ? ask_underlay(world, question, json)
					      : ask_port(world, question, json);
}
