// SPDX-License-Identifier: Apache-2.0
#include "crowding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

enum { MINUTE_MS = 60000 };

static void put(struct compiler *compiler, enum model_kind kind, const char *tenant,
	const char *name, json_t *fields)
{
	struct object *object = NULL;
	assert_int_equal(object_decode(&object, kind, tenant, name, fields, true, NULL), 0);
	compiler_put(compiler, object);
	object_unref(object);
	json_decref(fields);
}

static void put_port(struct compiler *compiler, const char *tenant, const char *name, int key)
{
	put(compiler, MODEL_PORT, tenant, name,
		json_pack("{s:s,s:s,s:i,s:s,s:s}", "network", "web", "mac", "02:00:00:00:00:01",
			"key", key, "host", "h1", "device", name));
}

static struct compiler *compiler_with_ports(void)
{
	struct compiler *compiler;
	compiler_new(&compiler, "h1");
	put(compiler, MODEL_HOST, NULL, "h1",
		json_pack("{s:s,s:i}", "vtep", "192.0.2.1", "key", 1));
	put(compiler, MODEL_NETWORK, "acme", "web", json_pack("{s:i}", "vni", 100));
	put(compiler, MODEL_NETWORK, "umbrella", "web", json_pack("{s:i}", "vni", 101));
	put_port(compiler, "acme", "a1", 7);
	put_port(compiler, "acme", "a2", 8);
	put_port(compiler, "umbrella", "u1", 9);
	return compiler;
}

static uint32_t reason_of(const char *name)
{
	uint32_t reason = 0;
	while (!datapath_reason_name(reason) || strcmp(datapath_reason_name(reason), name) != 0)
		reason++;
	return reason;
}

// As if the datapath had dropped so many packets of the port for this reason.
static void set_dropped(struct port_counters *port, const char *reason, uint64_t packets)
{
	static const UT_icd icd = {sizeof(struct drop_count), NULL, NULL, NULL};
	struct drop_count count = {reason_of(reason), {.packets = packets}};
	if (!port->drops.icd.sz)
		utarray_init(&port->drops, &icd);
	utarray_clear(&port->drops);
	utarray_push_back(&port->drops, &count);
}

static size_t count_warnings(const struct crowding *crowding, const char *tenant)
{
	json_t *sentences = json_array();
	crowding_warn(crowding, sentences);
	size_t count = json_array_size(sentences);
	if (count)
		assert_non_null(strstr(json_string_value(json_array_get(sentences, 0)), tenant));
	json_decref(sentences);
	return count;
}

static void test_who_is_refused_lately(void **state)
{
	(void)state;
	struct compiler *compiler = compiler_with_ports();
	struct port_counters ports[] = {{.port = 7}, {.port = 8}, {.port = 9}};
	struct counters counters = {0};
	struct crowding crowding = {0};
	for (size_t i = 0; i < array_count(ports); i++)
		HASH_ADD(hh, counters.ports, port, sizeof(ports[i].port), &ports[i]);
	set_dropped(&ports[0], "connection-share", 5);
	set_dropped(&ports[2], "connection-quota", 5);

	// What was counted before the agent's start is not of now.
	assert_false(crowding_collect(&crowding, compiler, &counters, 1000));
	assert_int_equal(count_warnings(&crowding, ""), 0);
	set_dropped(&ports[1], "connection-share", 1);
	set_dropped(&ports[2], "connection-quota", 6);
	assert_true(crowding_collect(&crowding, compiler, &counters, 2000));
	assert_int_equal(count_warnings(&crowding, "tenant acme: "), 1);
	assert_false(crowding_collect(&crowding, compiler, &counters, 1999 + MINUTE_MS));
	assert_true(crowding_collect(&crowding, compiler, &counters, 2000 + MINUTE_MS));
	assert_int_equal(count_warnings(&crowding, ""), 0);

	set_dropped(&ports[1], "connection-share", 2);
	assert_true(crowding_collect(&crowding, compiler, &counters, 3 * MINUTE_MS));
	compiler_remove(compiler, MODEL_PORT, "acme", "a1");
	compiler_remove(compiler, MODEL_PORT, "acme", "a2");
	assert_true(crowding_collect(&crowding, compiler, &counters, 3 * MINUTE_MS));
	assert_int_equal(count_warnings(&crowding, ""), 0);

	// A tenant that comes now and is refused before it is first looked at is refused now.
	crowding_done(&crowding);
	compiler_free(compiler);
	compiler = compiler_with_ports();
	assert_true(crowding_collect(&crowding, compiler, &counters, 4 * MINUTE_MS));
	assert_int_equal(count_warnings(&crowding, "tenant acme: "), 1);

	crowding_done(&crowding);
	HASH_CLEAR(hh, counters.ports);
	for (size_t i = 0; i < array_count(ports); i++)
		utarray_done(&ports[i].drops);
	compiler_free(compiler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_is_refused_lately)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
