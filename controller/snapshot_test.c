// SPDX-License-Identifier: Apache-2.0
#include "snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

enum { HOSTS = 20, PORTS = 400, ALL = HOSTS + PORTS + 1 };

static struct topology *topology;
static struct object *ports[PORTS];

static struct object *make(enum model_kind kind, const char *name, json_t *fields)
{
	struct object *object;
	struct error error = {0};
	if (object_decode(
		    &object, kind, kind == MODEL_HOST ? NULL : "t", name, fields, true, &error))
		fail_msg("%s: %s", name, error.message);
	json_decref(fields);
	return object;
}

static struct object *make_port(int number, const char *label)
{
	char name[16], host[16];
	snprintf(name, sizeof(name), "p%d", number);
	snprintf(host, sizeof(host), "h%d", number % HOSTS);
	return make(MODEL_PORT, name,
		json_pack(
			"{s:s, s:s, s:{s:s}}", "network", "n", "host", host, "labels", "l", label));
}

static void add(struct object *object)
{
	topology_apply(topology, &(struct topology_change){NULL, object}, 1, NULL, NULL);
	object_unref(object);
}

// One network, and every host has ports on it.
static int setup(void **state)
{
	(void)state;
	topology_new(&topology);
	for (int i = 0; i < HOSTS; i++) {
		char name[16], vtep[16];
		snprintf(name, sizeof(name), "h%d", i);
		snprintf(vtep, sizeof(vtep), "192.0.2.%d", i + 1);
		add(make(MODEL_HOST, name, json_pack("{s:s}", "vtep", vtep)));
	}
	add(make(MODEL_NETWORK, "n", json_object()));
	for (int i = 0; i < PORTS; i++) {
		ports[i] = object_ref(make_port(i, "before"));
		add(ports[i]);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < PORTS; i++)
		object_unref(ports[i]);
	topology_free(topology);
	return 0;
}

// Lines of the snapshot, and how many of them say `text`.
static size_t read_all(struct snapshot *snapshot, const char *text, size_t *with)
{
	size_t lines = 0;
	struct bytes *bytes;
	*with = 0;
	while ((bytes = snapshot_next(snapshot))) {
		cleanup_free char *copy = memory_new(bytes->length + 1);
		memcpy(copy, bytes->data, bytes->length);
		assert_int_equal(copy[bytes->length - 1], '\n');
		for (char *at = copy; (at = strchr(at, '\n')); at++)
			lines++;
		for (char *at = copy; (at = strstr(at, text)); at++)
			++*with;
		bytes_unref(bytes);
	}
	return lines;
}

static void snapshot_all(struct snapshots *snapshots)
{
	for (int i = 0; i < HOSTS; i++) {
		struct snapshot *snapshot;
		char host[16];
		size_t with;
		snprintf(host, sizeof(host), "h%d", i);
		snapshot_begin(&snapshot, snapshots, topology, host);
		assert_int_equal(read_all(snapshot, "before", &with), ALL);
		assert_int_equal(with, PORTS);
		snapshot_end(snapshot);
	}
}

static void change_port(int number, const char *label)
{
	struct object *after = make_port(number, label);
	topology_apply(topology, &(struct topology_change){ports[number], after}, 1, NULL, NULL);
	object_unref(ports[number]);
	ports[number] = after;
}

static void test_encodes_once_for_all(void **state)
{
	(void)state;
	struct snapshots *snapshots;
	snapshots_new(&snapshots, 10 << 20);
	snapshot_all(snapshots);
	assert_int_equal(snapshots_encoded(snapshots), ALL);
	// Used a moment ago: it stays. Then nobody comes any more, and it goes in some calls.
	for (uint64_t now = 0; now < 9000; now += 100)
		snapshots_sweep(snapshots, now);
	snapshot_all(snapshots);
	assert_int_equal(snapshots_encoded(snapshots), ALL);
	for (uint64_t now = 9000; now < 30000; now += 100)
		snapshots_sweep(snapshots, now);
	snapshot_all(snapshots);
	assert_int_equal(snapshots_encoded(snapshots), 2 * ALL);
	snapshots_free(snapshots);
}

// Where nothing can be kept it costs more, and says the same.
static void test_keeps_no_more_than_it_may(void **state)
{
	(void)state;
	struct snapshots *snapshots;
	snapshots_new(&snapshots, 0);
	snapshot_all(snapshots);
	assert_int_equal(snapshots_encoded(snapshots), HOSTS * ALL);
	snapshots_free(snapshots);
}

// One that is under way goes on as it began.
static void test_is_of_one_moment(void **state)
{
	(void)state;
	struct snapshots *snapshots;
	struct snapshot *before, *after;
	size_t with;
	snapshots_new(&snapshots, 10 << 20);
	snapshot_begin(&before, snapshots, topology, "h1");
	struct bytes *first = snapshot_next(before);
	change_port(PORTS - 1, "after");
	snapshot_begin(&after, snapshots, topology, "h1");
	read_all(before, "after", &with);
	assert_int_equal(with, 0);
	assert_int_equal(read_all(after, "after", &with), ALL);
	assert_int_equal(with, 1);
	bytes_unref(first);
	snapshot_end(before);
	snapshot_end(after);
	change_port(PORTS - 1, "before");
	// And one that is broken off leaves nothing behind.
	snapshot_begin(&before, snapshots, topology, "h2");
	bytes_unref(snapshot_next(before));
	snapshot_end(before);
	snapshots_free(snapshots);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodes_once_for_all),
		cmocka_unit_test(test_keeps_no_more_than_it_may),
		cmocka_unit_test(test_is_of_one_moment),
	};
	return cmocka_run_group_tests_name("snapshot", tests, setup, teardown);
}
