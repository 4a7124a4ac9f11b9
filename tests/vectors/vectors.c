// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/datapath.h"
#include "datapath/native.h"

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static struct bytes bytes_decode(const char *hex)
{
	size_t length = strlen(hex) / 2;
	struct bytes bytes = {memory_new(length + 1), length};

	for (size_t i = 0; i < length; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1]};
		bytes.data[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return bytes;
}

static enum vector_device_kind device_kind(const char *name)
{
	if (strcmp(name, "tap") == 0)
		return DEVICE_TAP;
	return strcmp(name, "plain") == 0 ? DEVICE_PLAIN : DEVICE_PEER;
}

static enum vector_reach host_reach(const char *name)
{
	if (strcmp(name, "none") == 0)
		return REACH_NONE;
	return strcmp(name, "silent") == 0 ? REACH_SILENT : REACH_NEIGHBOR;
}

static int load_faults(unsigned *out, const json_t *names, struct error *error)
{
	static const char *const faults[] = {
		"store", "resize", "open", "close", "clone", "routing", "punt", "state"};
	const json_t *name;
	size_t i, j;

	_Static_assert(1 << (array_count(faults) - 1) == NATIVE_FAULT_STATE, "one name a fault");
	json_array_foreach (names, i, name) {
		for (j = 0; j < array_count(faults); j++)
			if (strcmp(faults[j], json_string_value(name)) == 0)
				break;
		if (j == array_count(faults))
			return error_set(
				error, EINVAL, "there is no fault %s", json_string_value(name));
		*out |= 1u << j;
	}
	return 0;
}

static int load_topology(
	struct vector_topology *topology, const json_t *object, struct error *error)
{
	const json_t *devices = json_object_get(object, "devices");
	const json_t *hosts = json_object_get(object, "hosts");
	json_t *item;
	size_t i;

	topology->name = text(object, "name");
	topology->host = text(object, "host");
	topology->underlay_mtu =
		(uint32_t)json_integer_value(json_object_get(object, "underlay_mtu"));
	topology->underlay = json_is_true(json_object_get(object, "underlay"));
	topology->objects = json_object_get(object, "objects");
	topology->without = json_object_get(object, "without");

	topology->device_count = json_array_size(devices);
	topology->devices = memory_new((topology->device_count + 1) * sizeof(*topology->devices));
	json_array_foreach (devices, i, item) {
		topology->devices[i] = (struct vector_device){
			.port = text(item, "port"),
			.name = text(item, "device"),
			.kind = device_kind(text(item, "kind")),
		};
	}

	topology->host_count = json_array_size(hosts);
	topology->hosts = memory_new((topology->host_count + 1) * sizeof(*topology->hosts));
	json_array_foreach (hosts, i, item) {
		struct vector_host *host = &topology->hosts[i];
		host->name = text(item, "name");
		host->reach = host_reach(text(item, "reach"));
		if (address_parse(text(item, "vtep"), &host->vtep) < 0 ||
			mac_parse(text(item, "mac"), &host->mac) < 0)
			return error_set(error, EINVAL, "topology %s: host %s: bad address",
				topology->name, host->name);
	}
	return 0;
}

static int find_reason(const char *name, uint32_t *out)
{
	const char *known;

	for (uint32_t reason = 0; (known = datapath_reason_name(reason)); reason++)
		if (strcmp(known, name) == 0) {
			*out = reason;
			return 0;
		}
	return -ENOENT;
}

static int load_expectation(struct vector_case *c, const json_t *expect, struct error *error)
{
	const json_t *drop = json_object_get(expect, "drop");
	const json_t *outputs = json_object_get(expect, "outputs");
	json_t *item;
	size_t i;

	c->output_count = json_array_size(outputs);
	c->outputs = memory_new((c->output_count + 1) * sizeof(*c->outputs));
	json_array_foreach (outputs, i, item) {
		c->outputs[i] = (struct vector_output){
			.to = text(item, "to"),
			.bytes = bytes_decode(text(item, "bytes")),
			.mask = bytes_decode(text(item, "mask")),
		};
	}
	if (json_is_true(json_object_get(expect, "pass")))
		c->verdict = VECTOR_PASS;
	if (!json_is_object(drop))
		return 0;
	c->verdict = VECTOR_DROP;
	c->reason_port = text(drop, "port");
	c->reason_ports = json_object_get(drop, "ports");
	const char *also = text(drop, "also");
	if (also && find_reason(also, &c->also) < 0)
		return error_set(error, EINVAL, "%s: %s: there is no drop reason %s", c->file,
			c->name, also);
	if (find_reason(text(drop, "reason"), &c->reason) < 0)
		return error_set(error, EINVAL, "%s: %s: there is no drop reason %s", c->file,
			c->name, text(drop, "reason"));
	return 0;
}

static int load_case(
	struct vectors *vectors, struct vector_case *c, const json_t *object, struct error *error)
{
	const char *topology = text(object, "topology");

	c->name = text(object, "name");
	c->file = text(object, "file");
	c->from = text(object, "from");
	c->only = text(object, "only");
	c->before = (unsigned)json_integer_value(json_object_get(object, "before"));
	c->gso = (uint32_t)json_integer_value(json_object_get(object, "gso"));
	c->tagged = json_is_true(json_object_get(object, "tagged"));
	c->due = json_is_true(json_object_get(object, "due"));
	c->continues = json_is_true(json_object_get(object, "continues"));
	c->after = (uint32_t)json_integer_value(json_object_get(object, "after"));
	c->put = json_object_get(object, "put");
	c->room = json_object_get(object, "room");
	const json_t *connections = json_object_get(object, "connections");
	c->connections = connections ? (int)json_integer_value(connections) : -1;
	c->packet = bytes_decode(text(object, "packet"));
	for (size_t i = 0; i < vectors->topology_count; i++)
		if (strcmp(vectors->topologies[i].name, topology) == 0)
			c->topology = &vectors->topologies[i];
	if (!c->topology)
		return error_set(error, EINVAL, "%s: %s: there is no topology %s", c->file, c->name,
			topology);
	int result = load_faults(&c->faults, json_object_get(object, "faults"), error);
	return result < 0 ? result : load_expectation(c, json_object_get(object, "expect"), error);
}

int vectors_load(struct vectors *out, const char *path, struct error *error)
{
	json_error_t cause;
	struct vectors vectors = {.document = json_load_file(path, 0, &cause)};
	const json_t *topologies = json_object_get(vectors.document, "topologies");
	const json_t *cases = json_object_get(vectors.document, "cases");
	int result = 0;

	if (!vectors.document)
		return error_set(error, EINVAL, "%s:%d: %s", path, cause.line, cause.text);
	vectors.topology_count = json_array_size(topologies);
	vectors.case_count = json_array_size(cases);
	vectors.topologies = memory_new((vectors.topology_count + 1) * sizeof(*vectors.topologies));
	vectors.cases = memory_new((vectors.case_count + 1) * sizeof(*vectors.cases));
	for (size_t i = 0; i < vectors.topology_count && result == 0; i++)
		result =
			load_topology(&vectors.topologies[i], json_array_get(topologies, i), error);
	for (size_t i = 0; i < vectors.case_count && result == 0; i++)
		result = load_case(&vectors, &vectors.cases[i], json_array_get(cases, i), error);
	if (result < 0)
		vectors_done(&vectors);
	else
		*out = vectors;
	return result;
}

void vectors_done(struct vectors *vectors)
{
	for (size_t i = 0; i < vectors->topology_count; i++) {
		free(vectors->topologies[i].devices);
		free(vectors->topologies[i].hosts);
	}
	for (size_t i = 0; i < vectors->case_count; i++) {
		struct vector_case *c = &vectors->cases[i];
		free(c->packet.data);
		for (size_t j = 0; j < c->output_count; j++) {
			free(c->outputs[j].bytes.data);
			free(c->outputs[j].mask.data);
		}
		free(c->outputs);
	}
	free(vectors->topologies);
	free(vectors->cases);
	json_decref(vectors->document);
}
