// SPDX-License-Identifier: Apache-2.0
// Over the native datapath: rows are real, forwarding is not asked for.
#include "program.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

static struct error error;

static void put(struct compiler *compiler, enum model_kind kind, const char *tenant,
	const char *name, json_t *fields)
{
	struct object *object = NULL;
	assert_int_equal(object_decode(&object, kind, tenant, name, fields, true, &error), 0);
	compiler_put(compiler, object);
	object_unref(object);
	json_decref(fields);
}

static struct compiler *compiler_with_port(void)
{
	struct compiler *compiler;
	struct compiler_device device = {9, DP_DEVICE_PLAIN};
	compiler_new(&compiler, "h1");
	put(compiler, MODEL_HOST, NULL, "h1",
		json_pack("{s:s,s:i}", "vtep", "192.0.2.1", "key", 1));
	put(compiler, MODEL_HOST, NULL, "h2",
		json_pack("{s:s,s:i}", "vtep", "192.0.2.2", "key", 2));
	put(compiler, MODEL_NETWORK, "acme", "web",
		json_pack("{s:[s],s:i}", "subnets", "10.0.0.0/24", "vni", 100));
	put(compiler, MODEL_PORT, "acme", "web1",
		json_pack("{s:s,s:s,s:[s],s:i,s:s,s:s}", "network", "web", "mac",
			"02:00:00:00:00:01", "addresses", "10.0.0.5", "key", 7, "host", "h1",
			"device", "tap0"));
	compiler_device(compiler, "tap0", &device);
	return compiler;
}

static size_t all_rows(const struct compiler *compiler)
{
	size_t count = 0;
	for (int table = 0; table < DP_TABLE_COUNT; table++)
		count += compiler_count(compiler, table);
	return count;
}

static int audit_all(struct program *program)
{
	int repaired = 0;
	for (int table = 0; table < DP_TABLE_COUNT; table++) {
		int result = program_audit(program, table, &error);
		assert_true(result >= 0);
		repaired += result;
	}
	return repaired;
}

struct fixture {
	struct datapath *datapath;
	struct compiler *compiler;
	struct program *program;
};

static int setup(void **state)
{
	static struct fixture fixture;
	error = (struct error){0};
	fixture.compiler = compiler_with_port();
	assert_int_equal(datapath_open(&fixture.datapath, "native", NULL, &error), 0);
	program_new(&fixture.program, fixture.datapath, fixture.compiler);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	program_free(fixture->program);
	compiler_free(fixture->compiler);
	datapath_close(fixture->datapath);
	return 0;
}

static void test_apply(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(program_apply(fixture->program, &error), 0);
	assert_int_equal(datapath_writes(fixture->datapath), all_rows(fixture->compiler));
	// Again, and as another agent over the same datapath: nothing is written.
	assert_int_equal(program_apply(fixture->program, &error), 0);
	struct compiler *compiler = compiler_with_port();
	struct program *program;
	program_new(&program, fixture->datapath, compiler);
	assert_int_equal(program_apply(program, &error), 0);
	assert_int_equal(audit_all(program), 0);
	assert_int_equal(datapath_writes(fixture->datapath), all_rows(fixture->compiler));
	assert_int_equal(program_repairs(program), 0);
	program_free(program);
	compiler_free(compiler);
}

// A new agent over rows of which some are wrong writes those alone.
static void test_restart(void **state)
{
	struct fixture *fixture = *state;
	uint32_t host = 2, stranger = 77, ifindex = 9;
	struct dp_remote remote = {.encapsulation = DP_VXLAN};
	assert_int_equal(program_apply(fixture->program, &error), 0);
	datapath_put(fixture->datapath, DP_TABLE_REMOTE, &host, &remote, &error);
	datapath_put(fixture->datapath, DP_TABLE_REMOTE, &stranger, &remote, &error);
	datapath_remove(fixture->datapath, DP_TABLE_SOURCE, &ifindex, &error);
	uint64_t writes = datapath_writes(fixture->datapath);

	struct compiler *compiler = compiler_with_port();
	struct program *program;
	program_new(&program, fixture->datapath, compiler);
	// Not before the first snapshot.
	assert_int_equal(audit_all(program), 0);
	assert_int_equal(datapath_writes(fixture->datapath), writes);
	assert_int_equal(program_apply(program, &error), 0);
	assert_int_equal(datapath_writes(fixture->datapath), writes + 3);
	assert_int_equal(audit_all(program), 0);
	assert_int_equal(program_repairs(program), 0); // that was not drift
	program_free(program);
	compiler_free(compiler);
}

// Rules are found again as they were left, under the same numbers.
static void test_policy(void **state)
{
	struct fixture *fixture = *state;
	static const char *const action[] = {"allow", "drop", "drop"};
	for (unsigned i = 0; i < 3; i++) {
		struct compiler *compiler = compiler_with_port();
		struct program *program;
		put(compiler, MODEL_POLICY, "acme", "front",
			json_pack("{s:[{s:s,s:[s],s:s}]}", "rules", "from", "tier=web", "ports",
				"tcp/80", "action", action[i]));
		program_new(&program, fixture->datapath, compiler);
		uint64_t writes = datapath_writes(fixture->datapath);
		assert_int_equal(program_apply(program, &error), 0);
		writes = datapath_writes(fixture->datapath) - writes;
		// All rows; then another rule and set with their vectors, the guard and the generation
		// as they turn, and what they replace; then nothing.
		if (i == 1)
			assert_in_range(writes, 6, 16);
		else
			assert_int_equal(writes, i ? 0 : all_rows(compiler));
		assert_int_equal(audit_all(program), 0);
		program_free(program);
		compiler_free(compiler);
	}
}

static void test_drift(void **state)
{
	struct fixture *fixture = *state;
	uint32_t host = 2, stranger = 77, ifindex = 9;
	struct dp_remote remote = {.encapsulation = DP_VXLAN};
	assert_int_equal(program_apply(fixture->program, &error), 0);
	assert_int_equal(audit_all(fixture->program), 0);
	datapath_put(fixture->datapath, DP_TABLE_REMOTE, &host, &remote, &error);
	datapath_put(fixture->datapath, DP_TABLE_REMOTE, &stranger, &remote, &error);
	datapath_remove(fixture->datapath, DP_TABLE_SOURCE, &ifindex, &error);
	assert_int_equal(program_audit(fixture->program, DP_TABLE_REMOTE, &error), 2);
	assert_int_equal(program_audit(fixture->program, DP_TABLE_SOURCE, &error), 1);
	assert_int_equal(audit_all(fixture->program), 0);
	assert_int_equal(program_repairs(fixture->program), 3);
}

// More ports than the table of sources holds: the failure names a port, and goes when there is
// room.
static void test_full(void **state)
{
	struct fixture *fixture = *state;
	enum { SOURCES = 16384 };
	char name[32], mac[32];
	for (unsigned i = 0; i < SOURCES; i++) {
		struct compiler_device device = {100 + i, DP_DEVICE_PLAIN};
		snprintf(name, sizeof(name), "p%u", i);
		snprintf(mac, sizeof(mac), "02:00:00:01:%02x:%02x", i >> 8, i & 255);
		put(fixture->compiler, MODEL_PORT, "acme", name,
			json_pack("{s:s,s:s,s:[],s:i,s:s,s:s}", "network", "web", "mac", mac,
				"addresses", "key", 100 + i, "host", "h1", "device", name));
		compiler_device(fixture->compiler, name, &device);
	}
	assert_int_equal(program_apply(fixture->program, &error), -ENOSPC);
	assert_int_equal(error.code, ENOSPC);
	assert_string_not_equal(error.object, "");
	assert_non_null(program_failure(fixture->program, error.object));
	// Still so.
	struct error again = {0};
	assert_int_equal(program_apply(fixture->program, &again), -ENOSPC);
	assert_string_equal(again.object, error.object);

	compiler_remove(fixture->compiler, MODEL_PORT, "acme", "web1");
	program_apply(fixture->program, NULL); // the removal comes after the put that fails
	assert_int_equal(program_apply(fixture->program, &again), 0);
	assert_null(program_failure(fixture->program, error.object));
	assert_int_equal(audit_all(fixture->program), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_apply, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drift, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};
	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
