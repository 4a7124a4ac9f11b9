// SPDX-License-Identifier: Apache-2.0
// A tenant for the fuzzed services, and what must hold of every answer.
#pragma once

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char services_objects[] =
	"[{\"kind\": \"network\", \"name\": \"web\", \"vni\": 1, \"dhcp\": true, \"mtu\": 1280,"
	"  \"subnets\": [\"10.0.0.0/24\", \"10.0.1.0/28\", \"fd00::/64\"], \"dns_domain\": "
	"\"acme.test\"},"
	" {\"kind\": \"network\", \"name\": \"far\", \"vni\": 2, \"subnets\": [\"10.2.0.0/16\"]},"
	" {\"kind\": \"port\", \"name\": \"web1\", \"network\": \"web\", \"key\": 1,"
	"  \"mac\": \"02:00:00:00:00:01\", \"addresses\": [\"10.0.0.5\", \"fd00::5\", "
	"\"fd00::6\"]},"
	" {\"kind\": \"router\", \"name\": \"r1\", \"key\": 1, \"networks\": [\"web\"]},"
	" {\"kind\": \"router\", \"name\": \"r2\", \"key\": 2,"
	"  \"networks\": [{\"network\": \"web\", \"addresses\": [\"10.0.0.254\"]}, \"far\"]}]";

static inline const struct directory *services_directory(void)
{
	static struct directory *directory;
	json_t *objects, *item;
	size_t i;

	if (directory)
		return directory;
	directory_new(&directory);
	objects = json_loads(services_objects, 0, NULL);
	json_array_foreach (objects, i, item) {
		enum model_kind kind;
		struct object *object;
		if (model_kind_find(json_string_value(json_object_get(item, "kind")), &kind) ||
			object_decode(&object, kind, "acme",
				json_string_value(json_object_get(item, "name")), item, true, NULL))
			abort();
		directory_put(directory, object);
		object_unref(object);
	}
	json_decref(objects);
	directory_settle(directory);
	return directory;
}

static inline const struct binding *services_binding(void)
{
	static struct binding binding;

	if (!binding.port && binding_make(&binding, services_directory(),
				     directory_port(services_directory(), 1)))
		abort();
	return &binding;
}

// A message over UDP from the port, as the datapath would hand it over.
static inline struct frame services_frame(
	const uint8_t *data, size_t size, const char *from, const char *to, uint16_t port)
{
	struct frame frame = {
		.source = services_binding()->port->mac,
		.destination = services_binding()->answerer,
		.udp = true,
		.hop_limit = 64,
		.source_port = 40000,
		.destination_port = port,
		.payload = data,
		.length = size,
	};

	if (address_parse(from, &frame.from) || address_parse(to, &frame.to))
		abort();
	return frame;
}

// It fits in a packet, and reads back as it was written; it goes to the port, or to all.
static inline void services_hold(const struct answer *answer)
{
	static uint8_t bytes[FRAME_BYTES];
	const struct binding *binding = services_binding();
	size_t length = frame_encode(answer, binding->network->mtu, bytes);
	struct frame frame;

	if (!length || frame_parse(&frame, bytes, length) || frame.udp != answer->udp ||
		frame.length != answer->length ||
		memcmp(frame.payload, answer->payload, answer->length))
		abort();
	if (!mac_is_multicast(&answer->destination) &&
		mac_compare(&answer->destination, &binding->port->mac))
		abort();
}
