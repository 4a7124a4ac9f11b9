// SPDX-License-Identifier: Apache-2.0
// What every provider promises, run against the one that the first argument names. The kernel's needs root.
#include "datapath/datapath.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "provider.h"

static const char *provider;

static int open_datapath(void **state)
{
	struct error error = {0};
	struct datapath *datapath;

	if (datapath_open(&datapath, provider, "/sys/fs/bpf/provider-test", &error) < 0) {
		print_error("%s\n", error.message);
		return -1;
	}
	*state = datapath;
	return 0;
}

static int close_datapath(void **state)
{
	datapath_close(*state);
	return datapath_destroy(provider, "/sys/fs/bpf/provider-test", NULL, NULL, NULL);
}

// ---- rows ----

struct seen {
	unsigned count;
	uint64_t sum; // of the first four bytes of keys
	unsigned stop_at;
};

static int see(void *context, const void *key, const void *value)
{
	struct seen *seen = context;
	uint32_t number;

	(void)value;
	memcpy(&number, key, sizeof(number));
	seen->sum += number;
	return ++seen->count == seen->stop_at ? -ECANCELED : 0;
}

static struct seen see_all(struct datapath *datapath, enum dp_table table)
{
	struct seen seen = {0};

	assert_int_equal(datapath_each(datapath, table, see, &seen, NULL), 0);
	return seen;
}

static void put_network(struct datapath *datapath, uint32_t vni, uint32_t mtu)
{
	struct dp_network row = {.mtu = mtu};

	assert_int_equal(datapath_put(datapath, DP_TABLE_NETWORK, &vni, &row, NULL), 0);
}

static void test_rows(void **state)
{
	struct datapath *datapath = *state;
	uint32_t vni = 7;

	for (uint32_t i = 1; i <= 1000; i++)
		put_network(datapath, i, 1400);
	struct seen seen = see_all(datapath, DP_TABLE_NETWORK);
	assert_int_equal(seen.count, 1000);
	assert_int_equal(seen.sum, 500500);

	put_network(datapath, 7, 1500); // replaces
	assert_int_equal(see_all(datapath, DP_TABLE_NETWORK).count, 1000);
	assert_int_equal(datapath_remove(datapath, DP_TABLE_NETWORK, &vni, NULL), 0);
	assert_int_equal(see_all(datapath, DP_TABLE_NETWORK).sum, 500493);

	seen = (struct seen){.stop_at = 3};
	assert_int_equal(datapath_each(datapath, DP_TABLE_NETWORK, see, &seen, NULL), -ECANCELED);
	assert_int_equal(seen.count, 3);
}

static void test_find(void **state)
{
	struct datapath *datapath = *state;
	struct dp_network network = {0};
	struct dp_config config = {0};
	uint32_t vni = 7, zero = 0;

	assert_int_equal(datapath_find(datapath, DP_TABLE_NETWORK, &vni, &network, NULL), -ENOENT);
	put_network(datapath, vni, 1400);
	assert_int_equal(datapath_find(datapath, DP_TABLE_NETWORK, &vni, &network, NULL), 0);
	assert_int_equal(network.mtu, 1400);

	// An array has all its rows: one without a bit set counts as absent.
	assert_int_equal(datapath_find(datapath, DP_TABLE_CONFIG, &zero, &config, NULL), -ENOENT);
	config.host = 3;
	assert_int_equal(datapath_put(datapath, DP_TABLE_CONFIG, &zero, &config, NULL), 0);
	config.host = 0;
	assert_int_equal(datapath_find(datapath, DP_TABLE_CONFIG, &zero, &config, NULL), 0);
	assert_int_equal(config.host, 3);
}

static void test_writes(void **state)
{
	struct datapath *datapath = *state;
	uint64_t before = datapath_writes(datapath);
	uint32_t vni = 1;

	put_network(datapath, 1, 1400);
	assert_int_equal(datapath_writes(datapath), before + 1);
	assert_int_equal(datapath_remove(datapath, DP_TABLE_NETWORK, &vni, NULL), 0);
	assert_int_equal(datapath_writes(datapath), before + 2);
	assert_int_equal(datapath_remove(datapath, DP_TABLE_NETWORK, &vni, NULL), 0); // absent
	see_all(datapath, DP_TABLE_NETWORK);
	assert_int_equal(datapath_writes(datapath), before + 2);
}

static void test_array(void **state)
{
	struct datapath *datapath = *state;
	struct dp_config config = {.host = 1};
	uint32_t zero = 0, one = 1;
	struct error error = {0};

	assert_int_equal(see_all(datapath, DP_TABLE_CONFIG).count, 0);
	assert_int_equal(datapath_put(datapath, DP_TABLE_CONFIG, &zero, &config, NULL), 0);
	assert_int_equal(see_all(datapath, DP_TABLE_CONFIG).count, 1);
	assert_int_equal(datapath_remove(datapath, DP_TABLE_CONFIG, &zero, NULL), 0);
	assert_int_equal(datapath_remove(datapath, DP_TABLE_CONFIG, &zero, NULL), 0);
	assert_int_equal(see_all(datapath, DP_TABLE_CONFIG).count, 0);
	assert_true(datapath_put(datapath, DP_TABLE_CONFIG, &one, &config, &error) < 0);
	assert_non_null(strstr(error.message, "config"));
}

static struct dp_allowed_key allowed(uint32_t port, uint32_t bits, uint8_t last)
{
	return (struct dp_allowed_key){
		.prefix_length = DP_ALLOWED_FIXED_BITS + bits,
		.port = port,
		.address = {{[15] = last}},
	};
}

static void test_prefixes(void **state)
{
	struct datapath *datapath = *state;
	struct dp_allowed value = {0};

	for (uint32_t bits = 0; bits <= 128; bits++) {
		struct dp_allowed_key key = allowed(1, bits, 0);
		assert_int_equal(datapath_put(datapath, DP_TABLE_ALLOWED, &key, &value, NULL), 0);
	}
	assert_int_equal(see_all(datapath, DP_TABLE_ALLOWED).count, 129);
	struct dp_allowed_key key = allowed(1, 64, 0);
	assert_int_equal(datapath_remove(datapath, DP_TABLE_ALLOWED, &key, NULL), 0);
	assert_int_equal(see_all(datapath, DP_TABLE_ALLOWED).count, 128);

	struct dp_allowed_key longer = allowed(1, 129, 0);
	assert_true(datapath_put(datapath, DP_TABLE_ALLOWED, &longer, &value, NULL) < 0);
}

static void test_full(void **state)
{
	struct datapath *datapath = *state;
	struct dp_remote row = {0};
	struct error error = {0};
	uint32_t maximum = (uint32_t)datapath_tables[DP_TABLE_REMOTE].maximum, key;

	for (key = 1; key <= maximum; key++)
		assert_int_equal(datapath_put(datapath, DP_TABLE_REMOTE, &key, &row, NULL), 0);
	assert_int_equal(datapath_put(datapath, DP_TABLE_REMOTE, &key, &row, &error), -ENOSPC);
	assert_int_equal(error.code, ENOSPC);
	assert_non_null(strstr(error.message, "remote"));
	assert_int_equal(see_all(datapath, DP_TABLE_REMOTE).count, maximum);
	key = 1; // a row that is there can still be replaced
	assert_int_equal(datapath_put(datapath, DP_TABLE_REMOTE, &key, &row, NULL), 0);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(datapath_table_name(DP_TABLE_STATION), "station");
	assert_int_equal(datapath_key_size(DP_TABLE_STATION), sizeof(struct dp_station_key));
	assert_int_equal(datapath_value_size(DP_TABLE_STATION), sizeof(struct dp_station));

	struct datapath *datapath = NULL;
	struct error error = {0};
	assert_int_equal(datapath_open(&datapath, "dpdk", NULL, &error), -EINVAL);
	assert_null(datapath);
}

static void test_reasons(void **state)
{
	(void)state;
	uint32_t reason = 0;

	for (; datapath_reason_name(reason); reason++) {
		assert_null(strchr(datapath_reason_name(reason), '_'));
		assert_non_null(datapath_reason_help(reason));
	}
	assert_true(reason > 30);
	assert_null(datapath_reason_help(reason));
	assert_null(datapath_reason_name(UINT32_MAX));
}

// ---- attachment, to the loopback device of a namespace of our own ----

enum { LOOPBACK = 1 };

static void test_attach(void **state)
{
	struct datapath *datapath = *state;

	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_PORT), 0);
	assert_int_equal(datapath_attach(datapath, LOOPBACK, DATAPATH_PORT, NULL), 0);
	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_PORT), 1);
	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_UNDERLAY), 0);
	assert_int_equal(datapath_attach(datapath, LOOPBACK, DATAPATH_UNDERLAY, NULL), 0);
	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_UNDERLAY), 1);
	enum datapath_role role = DATAPATH_PORT;
	assert_int_equal(datapath_found(datapath, LOOPBACK, &role), 1);
	assert_int_equal(role, DATAPATH_UNDERLAY);
	assert_int_equal(datapath_detach(datapath, LOOPBACK, NULL), 0);
	assert_int_equal(datapath_detach(datapath, LOOPBACK, NULL), 0);
	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_UNDERLAY), 0);
}

// The kernel's world is this process's own: no device but lo, no BPF file system but a new one.
static int enter_world(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0 ? -errno : 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_datapath, close_datapath)

int main(int count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows),
		TEST(test_find),
		TEST(test_writes),
		TEST(test_array),
		TEST(test_prefixes),
		TEST(test_full),
		TEST(test_attach),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_reasons),
	};

	provider = count > 1 ? arguments[1] : "native";
	if (strcmp(provider, "kernel") == 0 && enter_world() < 0) {
		fprintf(stderr, "the kernel provider's tests need root: %s\n", strerror(errno));
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
