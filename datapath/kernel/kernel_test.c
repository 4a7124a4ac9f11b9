// SPDX-License-Identifier: Apache-2.0
// The kernel provider beyond what all providers promise: pins, restarts, drift, others that write meanwhile. Needs root; in
// namespaces and a BPF file system of its own.
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "datapath/kernel.h"
#include "hooks.h"

#define STATE "/sys/fs/bpf/kernel-test/h1"

enum { LOOPBACK = 1, MISSING = 4242 };

static struct datapath *open_state(const char *path)
{
	struct error error = {0};
	struct datapath *datapath;

	if (datapath_open(&datapath, "kernel", path, &error) < 0)
		fail_msg("%s", error.message);
	return datapath;
}

static int destroy(const char *path)
{
	return datapath_destroy("kernel", path, NULL, NULL, NULL);
}

static int clean(void **state)
{
	(void)state;
	return destroy(STATE);
}

static int count_row(void *context, const void *key, const void *value)
{
	(void)key;
	(void)value;
	++*(unsigned *)context;
	return 0;
}

static unsigned count_rows(struct datapath *datapath, enum dp_table table)
{
	unsigned count = 0;

	assert_int_equal(datapath_each(datapath, table, count_row, &count, NULL), 0);
	return count;
}

static void put_network(struct datapath *datapath, uint32_t vni)
{
	struct dp_network row = {.mtu = 1400};

	assert_int_equal(datapath_put(datapath, DP_TABLE_NETWORK, &vni, &row, NULL), 0);
}

// ---- what is counted ----

enum { PORT = 7, TENANT = 5, LONG = 8000 };

static const uint64_t SECOND = 1000000000;

static const struct dp_tuple *tuple(void)
{
	static struct dp_tuple out = {.domain = 3, .protocol = 6, .ports = {1000, 80}};

	out.ends[1].bytes[0] = 1;
	return &out;
}

static void write_state(
	struct datapath *datapath, enum dp_state state, const void *key, const void *value)
{
	const struct kernel *kernel = (const struct kernel *)datapath;

	assert_int_equal(bpf_map_update_elem(kernel->states[state], key, value, BPF_ANY), 0);
}

// What the port counts; -ENOENT: nothing.
static int find_usage(struct datapath *datapath)
{
	struct dp_usage usage;
	uint32_t port = PORT;
	int result = datapath_find_state(datapath, DP_STATE_USAGE, &port, &usage, NULL);

	return result ? result : (int)usage.established;
}

static struct dp_share find_share(struct datapath *datapath, uint32_t tenant)
{
	struct dp_share share;

	assert_int_equal(datapath_find_state(datapath, DP_STATE_SHARE, &tenant, &share, NULL), 0);
	return share;
}

// One connection of the port, seen at second 1, as programs would leave it, and a bucket of it.
static void connect_port(struct datapath *datapath)
{
	struct dp_connection connection = {.seen = SECOND,
		.ports = {PORT},
		.state = DP_CONNECTION_ESTABLISHED,
		.tenant = TENANT};
	struct dp_embryo_key key = {.initiator = PORT, .bucket = TENANT * DP_EMBRYO_BUCKETS + 9};
	struct dp_embryo embryo = {.slots = {{.tuple = *tuple(), .tag = 1}}};
	struct dp_share share = {.rows = {1, 1}};
	uint32_t port = PORT, tenants[] = {0, TENANT};

	embryo.slots[0].connection = connection;
	write_state(datapath, DP_STATE_CONNECTION, tuple(), &connection);
	write_state(datapath, DP_STATE_EMBRYO, &key, &embryo);
	write_state(datapath, DP_STATE_USAGE, &port, &(struct dp_usage){1});
	for (size_t i = 0; i < array_count(tenants); i++)
		write_state(datapath, DP_STATE_SHARE, &tenants[i], &share);
}

// ---- the state directory ----

static void test_not_on_bpf(void **state)
{
	(void)state;
	struct error error = {0};
	struct datapath *datapath = NULL;

	assert_int_equal(
		datapath_open(&datapath, "kernel", "/tmp/no/such/folder", &error), -ENOTSUP);
	assert_null(datapath);
	assert_non_null(strstr(error.message, "mount -t bpf"));
	assert_int_equal(access("/tmp/no", F_OK), -1);

	error = (struct error){0};
	assert_int_equal(datapath_open(&datapath, "kernel", "relative", &error), -EINVAL);
	assert_int_equal(datapath_open(&datapath, "kernel", NULL, NULL), -EINVAL);
}

static void test_one_at_a_time(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE), *second = NULL;
	struct error error = {0};

	assert_int_equal(datapath_open(&second, "kernel", STATE, &error), -EBUSY);
	assert_null(second);
	datapath_close(datapath);
	datapath_close(open_state(STATE));
}

// Whoever can write a folder of pins decides what the kernel forwards by.
static void test_folders_of_others(void **state)
{
	(void)state;
	static const struct {
		uid_t owner;
		mode_t mode;
		const char *message;
	} cases[] = {
		{65534, 0700, "/sys/fs/bpf/kernel-test belongs to another user (uid 65534)"},
		{0, 0770, "/sys/fs/bpf/kernel-test can be written by other users (mode 0770)"},
		{0, 01777, "/sys/fs/bpf/kernel-test can be written by other users (mode 1777)"},
	};
	struct datapath *datapath = NULL;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = {0};
		assert_int_equal(mkdir("/sys/fs/bpf/kernel-test", 0700), 0);
		assert_int_equal(chown("/sys/fs/bpf/kernel-test", cases[i].owner, 0), 0);
		assert_int_equal(chmod("/sys/fs/bpf/kernel-test", cases[i].mode), 0);
		assert_int_equal(datapath_open(&datapath, "kernel", STATE, &error), -EPERM);
		assert_non_null(strstr(error.message, cases[i].message));
		assert_int_equal(rmdir("/sys/fs/bpf/kernel-test"), 0); // nothing was made in it
	}
}

static void test_restart_keeps_rows(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);

	put_network(datapath, 1);
	put_network(datapath, 2);
	datapath_close(datapath);
	datapath = open_state(STATE);
	assert_int_equal(count_rows(datapath, DP_TABLE_NETWORK), 2);
	assert_int_equal(datapath_writes(datapath), 0);
	datapath_close(datapath);
}

static void replace_pin(const char *path, int map)
{
	assert_true(map >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(bpf_obj_pin(map, path), 0);
	close(map);
}

// And with a table that counts rows of others, these.
static void test_other_layout_is_replaced(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);

	put_network(datapath, 1);
	connect_port(datapath);
	uint32_t host = 2;
	assert_int_equal(
		datapath_put(datapath, DP_TABLE_REMOTE, &host, &(struct dp_remote){0}, NULL), 0);
	datapath_close(datapath);

	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	replace_pin(STATE "/v1/network",
		bpf_map_create(BPF_MAP_TYPE_HASH, "network", 4, 64, 65536, &options));
	replace_pin(
		STATE "/v1/share", bpf_map_create(BPF_MAP_TYPE_ARRAY, "share", 4, 64, 128, NULL));

	datapath = open_state(STATE);
	assert_int_equal(count_rows(datapath, DP_TABLE_NETWORK), 0);
	assert_int_equal(count_rows(datapath, DP_TABLE_REMOTE), 1);
	put_network(datapath, 1);
	assert_int_equal(find_share(datapath, TENANT).rows[DP_SHARED_CONNECTION], 0);
	assert_int_equal(find_usage(datapath), -ENOENT);
	assert_int_equal(datapath_find_state(datapath, DP_STATE_CONNECTION, tuple(),
				 &(struct dp_connection){0}, NULL),
		-ENOENT);
	datapath_close(datapath);
}

static void test_states_are_apart(void **state)
{
	(void)state;
	struct datapath *one = open_state(STATE), *two = open_state("/sys/fs/bpf/kernel-test/h2");

	put_network(one, 1);
	assert_int_equal(count_rows(two, DP_TABLE_NETWORK), 0);
	datapath_close(two);
	assert_int_equal(destroy("/sys/fs/bpf/kernel-test/h2"), 0);
	assert_int_equal(access("/sys/fs/bpf/kernel-test/h2", F_OK), -1);
	datapath_close(one);
	assert_int_equal(access(STATE "/v1/network", F_OK), 0);
}

// ---- others write ----

static void disturb(struct datapath *datapath)
{
	for (uint32_t i = 0;; i++) {
		uint32_t vni = 100000 + i % 2000;
		if (i / 2000 % 2 == 0)
			put_network(datapath, vni);
		else
			datapath_remove(datapath, DP_TABLE_NETWORK, &vni, NULL);
	}
}

static int count_lasting(void *context, const void *key, const void *value)
{
	(void)value;
	unsigned char *seen = context;
	uint32_t vni;

	memcpy(&vni, key, sizeof(vni));
	if (vni < 100000)
		seen[vni]++;
	return 0;
}

static void test_walk_while_others_write(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);

	for (uint32_t vni = 0; vni < 5000; vni++)
		put_network(datapath, vni);
	pid_t child = fork();
	if (child == 0)
		disturb(datapath);
	for (int round = 0; round < 100; round++) {
		unsigned char seen[5000] = {0};
		assert_int_equal(
			datapath_each(datapath, DP_TABLE_NETWORK, count_lasting, seen, NULL), 0);
		for (uint32_t vni = 0; vni < 5000; vni++)
			assert_int_equal(seen[vni], 1);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	datapath_close(datapath);
}

// ---- attachment ----

static void test_missing_device(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);

	assert_int_equal(datapath_attach(datapath, MISSING, DATAPATH_PORT, NULL), -ENODEV);
	assert_int_equal(datapath_attached(datapath, MISSING, DATAPATH_PORT), -ENODEV);
	assert_int_equal(datapath_detach(datapath, MISSING, NULL), 0);
	datapath_close(datapath);
}

static void test_restart_is_drift(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);

	assert_int_equal(datapath_attach(datapath, LOOPBACK, DATAPATH_PORT, NULL), 0);
	datapath_close(datapath);
	datapath = open_state(STATE); // its programs are others, over the same maps
	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_PORT), 0);
	enum datapath_role role = DATAPATH_UNDERLAY;
	assert_int_equal(datapath_found(datapath, LOOPBACK, &role), 1);
	assert_int_equal(role, DATAPATH_PORT);
	struct datapath *other = open_state("/sys/fs/bpf/kernel-test/h2");
	assert_int_equal(datapath_found(other, LOOPBACK, &role), 0);
	datapath_close(other);
	assert_int_equal(destroy("/sys/fs/bpf/kernel-test/h2"), 0);
	assert_int_equal(datapath_attach(datapath, LOOPBACK, DATAPATH_PORT, NULL), 0);
	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_PORT), 1);
	datapath_close(datapath);
}

// All programs at tcx, in their order.
static unsigned at_tcx(uint32_t *programs)
{
	uint32_t count = 8;

	assert_int_equal(bpf_prog_query(LOOPBACK, TCX_INGRESS, 0, NULL, programs, &count), 0);
	return count;
}

static void test_programs_of_others_stay(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);
	const struct kernel *kernel = (struct kernel *)datapath;
	uint32_t programs[8];
	int theirs = kernel->expire[DP_STATE_EMBRYO]; // any program that is not known by its name

	assert_int_equal(bpf_prog_attach(theirs, LOOPBACK, TCX_INGRESS, 0), 0);
	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_PORT), 0);
	assert_int_equal(datapath_attach(datapath, LOOPBACK, DATAPATH_UNDERLAY, NULL), 0);
	for (int round = 0; round < 2; round++) { // the second time in the place of the first
		assert_int_equal(datapath_attach(datapath, LOOPBACK, DATAPATH_PORT, NULL), 0);
		assert_int_equal(at_tcx(programs), 2);
		assert_int_equal(programs[1], kernel->program_ids[DATAPATH_PORT]);
	}
	assert_int_equal(datapath_detach(datapath, LOOPBACK, NULL), 0);
	assert_int_equal(at_tcx(programs), 1);
	assert_int_equal(datapath_detach(datapath, LOOPBACK, NULL), 0);
	assert_int_equal(at_tcx(programs), 1);
	assert_int_equal(bpf_prog_detach2(theirs, LOOPBACK, TCX_INGRESS), 0);
	datapath_close(datapath);
}

// An agent that knew no tcx has left a filter: it goes when the program comes, or with everything.
static void test_a_filter_from_before_goes(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);
	const struct kernel *kernel = (struct kernel *)datapath;
	enum datapath_role role;
	uint32_t program;

	assert_int_equal(clsact_attach(LOOPBACK, kernel->programs[DATAPATH_PORT]), 0);
	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_PORT), 0);
	assert_int_equal(datapath_found(datapath, LOOPBACK, &role), 1);
	assert_int_equal(role, DATAPATH_PORT);
	assert_int_equal(datapath_attach(datapath, LOOPBACK, DATAPATH_PORT, NULL), 0);
	assert_int_equal(datapath_attached(datapath, LOOPBACK, DATAPATH_PORT), 1);
	assert_int_equal(clsact_find(LOOPBACK, &program), 0);
	assert_int_equal(program, 0);

	assert_int_equal(clsact_attach(LOOPBACK, kernel->programs[DATAPATH_PORT]), 0);
	assert_int_equal(datapath_detach(datapath, LOOPBACK, NULL), 0);
	assert_int_equal(datapath_found(datapath, LOOPBACK, &role), 0);
	datapath_close(datapath);
}

struct detached {
	unsigned count;
	char name[16];
	enum datapath_role role;
};

static void keep_detached(void *context, const char *interface, enum datapath_role role)
{
	struct detached *detached = context;

	detached->count++;
	detached->role = role;
	snprintf(detached->name, sizeof(detached->name), "%s", interface);
}

static void test_destroy(void **state)
{
	(void)state;
	struct datapath *other = open_state("/sys/fs/bpf/kernel-test/h2");
	struct datapath *datapath = open_state(STATE);
	struct detached detached = {0};
	struct error error = {0};

	assert_int_equal(datapath_attach(other, LOOPBACK, DATAPATH_PORT, NULL), 0);
	assert_int_equal(datapath_destroy("kernel", STATE, NULL, NULL, &error), -EBUSY);
	assert_string_equal(error.message, "an agent is running on " STATE);
	assert_int_equal(access(STATE "/v1/network", F_OK), 0);
	datapath_close(datapath);
	assert_int_equal(destroy(STATE), 0);
	assert_int_equal(datapath_attached(other, LOOPBACK, DATAPATH_PORT), 1); // not ours

	datapath = open_state(STATE);
	assert_int_equal(datapath_attach(datapath, LOOPBACK, DATAPATH_UNDERLAY, NULL), 0);
	datapath_close(datapath);
	for (int round = 0; round < 2; round++) // the second time there is nothing
		assert_int_equal(
			datapath_destroy("kernel", STATE, keep_detached, &detached, NULL), 0);
	assert_int_equal(detached.count, 1);
	assert_string_equal(detached.name, "lo");
	assert_int_equal(detached.role, DATAPATH_UNDERLAY);
	assert_int_equal(datapath_attached(other, LOOPBACK, DATAPATH_PORT), 0);
	assert_int_equal(access(STATE, F_OK), -1);
	datapath_close(other);
	assert_int_equal(destroy("/sys/fs/bpf/kernel-test/h2"), 0);
}

// ---- clsact ----

static struct bpf_tc_hook hook_of(enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook), .ifindex = LOOPBACK, .attach_point = point};
}

// Another brings it; false: it is there.
static bool bring(void)
{
	struct bpf_tc_hook hook = hook_of(BPF_TC_INGRESS);
	int result = bpf_tc_hook_create(&hook);

	assert_true(result == 0 || result == -EEXIST);
	return result == 0;
}

static void take_away(void)
{
	struct bpf_tc_hook hook = hook_of(BPF_TC_INGRESS | BPF_TC_EGRESS);

	assert_int_equal(bpf_tc_hook_destroy(&hook), 0);
}

static void add(struct datapath *datapath, enum datapath_role role)
{
	uint32_t program;

	assert_int_equal(clsact_attach(LOOPBACK, ((struct kernel *)datapath)->programs[role]), 0);
	assert_int_equal(clsact_find(LOOPBACK, &program), 0);
	assert_int_equal(program, ((struct kernel *)datapath)->program_ids[role]);
}

static void add_and_remove(struct datapath *datapath)
{
	add(datapath, DATAPATH_PORT);
	assert_int_equal(clsact_detach(LOOPBACK), 0);
}

static void test_what_was_brought_is_taken_away(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);

	bring(); // another test may have left it
	take_away();
	add_and_remove(datapath);
	assert_true(bring());
	add_and_remove(datapath);
	assert_false(bring()); // theirs
	take_away();

	// An agent that starts anew, and another that removes everything, know it too.
	add(datapath, DATAPATH_PORT);
	datapath_close(datapath);
	datapath = open_state(STATE);
	add(datapath, DATAPATH_UNDERLAY);
	datapath_close(datapath);
	assert_int_equal(destroy(STATE), 0);
	assert_true(bring());
	take_away();
}

static void test_a_filter_of_others_keeps_clsact(void **state)
{
	(void)state;
	static const enum bpf_tc_attach_point points[] = {BPF_TC_INGRESS, BPF_TC_EGRESS};
	struct datapath *datapath = open_state(STATE);
	uint32_t program;

	for (size_t i = 0; i < array_count(points); i++) {
		struct bpf_tc_hook hook = hook_of(points[i]);
		struct bpf_tc_opts theirs = {.sz = sizeof(theirs),
			.handle = 1,
			.priority = 1,
			.prog_fd = ((struct kernel *)datapath)->programs[DATAPATH_PORT]};
		struct bpf_tc_opts found = {.sz = sizeof(found), .handle = 1, .priority = 1};

		add(datapath, DATAPATH_PORT);
		assert_int_equal(bpf_tc_attach(&hook, &theirs), 0);
		assert_int_equal(clsact_detach(LOOPBACK), 0);
		assert_int_equal(clsact_find(LOOPBACK, &program), 0);
		assert_int_equal(program, 0);
		assert_int_equal(bpf_tc_query(&hook, &found), 0);
		take_away();
	}
	datapath_close(datapath);
}

// ---- counters ----

struct drops {
	uint32_t port, reason;
	uint64_t packets, bytes;
	unsigned rows;
};

static void keep_drops(void *context, uint32_t port, uint32_t reason, const struct dp_drops *drops)
{
	struct drops *kept = context;

	*kept = (struct drops){port, reason, drops->packets, drops->bytes, kept->rows + 1};
}

// Five packets on each of two CPUs.
static void send_ten(struct datapath *datapath, unsigned char *frame, uint32_t size)
{
	struct __sk_buff context = {.ifindex = LOOPBACK};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = size,
		.ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);
	int program = datapath_kernel_program(datapath, DATAPATH_PORT);

	for (int cpu = 0; cpu < 2; cpu++) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
		for (int i = 0; i < 5; i++)
			assert_int_equal(bpf_prog_test_run_opts(program, &run), 0);
	}
}

static void test_drops(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);
	unsigned char frame[64] = {[12] = 0x88, 0xb5};
	struct drops drops = {0};

	send_ten(datapath, frame, sizeof(frame)); // one counter a CPU, added up
	assert_int_equal(datapath_drops(datapath, keep_drops, &drops, NULL), 0);
	assert_int_equal(drops.rows, 1);
	assert_int_equal(drops.port, 0);
	assert_string_equal(datapath_reason_name(drops.reason), "unknown-port");
	assert_int_equal(drops.packets, 10);
	assert_int_equal(drops.bytes, 10 * sizeof(frame));

	datapath_counters_forget(datapath, 0);
	drops = (struct drops){0};
	assert_int_equal(datapath_drops(datapath, keep_drops, &drops, NULL), 0);
	assert_int_equal(drops.rows, 0);
	datapath_close(datapath);
}

// How often each of two ports was told, and what of it.
struct counted {
	uint32_t ports[2];
	unsigned told[2];
	uint64_t packets[2], bytes[2];
};

static void keep_counters(void *context, uint32_t port, const struct dp_counters *counters)
{
	struct counted *counted = context;

	for (int i = 0; i < 2; i++) {
		if (counted->ports[i] != port)
			continue;
		counted->told[i]++;
		counted->packets[i] += counters->from_port_packets;
		counted->bytes[i] += counters->from_port_bytes;
	}
}

static void check_counters(
	struct datapath *datapath, const uint32_t ports[2], uint64_t first, uint64_t second)
{
	struct counted counted = {.ports = {ports[0], ports[1]}};
	uint64_t expected[2] = {first, second};

	assert_int_equal(datapath_counters(datapath, keep_counters, &counted, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(counted.told[i], expected[i] ? 1 : 0);
		assert_int_equal(counted.packets[i], expected[i]);
		assert_int_equal(counted.bytes[i], expected[i] * 64);
	}
}

// Two ports that would have the same place: who comes second gets it when the other one has gone, and loses no count.
static void test_counters(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);
	unsigned char frame[64] = {[6] = 2, [12] = 0x88, 0xb5};
	struct dp_source source = {.mac = {{2}}, .vni = 9, .mtu = 1400};
	uint32_t device = LOOPBACK, ports[2] = {7, 8};

	while (dp_counter_place(ports[1]) != dp_counter_place(ports[0]))
		ports[1]++;
	for (int i = 0; i < 2; i++) {
		source.port = ports[i];
		assert_int_equal(
			datapath_put(datapath, DP_TABLE_SOURCE, &device, &source, NULL), 0);
		send_ten(datapath, frame, sizeof(frame));
	}
	check_counters(datapath, ports, 10, 10);
	datapath_counters_forget(datapath, ports[0]);
	check_counters(datapath, ports, 0, 10);
	send_ten(datapath, frame, sizeof(frame));
	check_counters(datapath, ports, 0, 20);
	datapath_counters_forget(datapath, ports[1]);
	check_counters(datapath, ports, 0, 0);
	datapath_close(datapath);
}

static void test_expiry_gives_back(void **state)
{
	(void)state;
	struct datapath *datapath = open_state(STATE);
	uint32_t port = PORT;

	connect_port(datapath);
	write_state(datapath, DP_STATE_UNANSWERED, &port, &(struct dp_unanswered){0});
	datapath_counters_forget(datapath, PORT);
	assert_int_equal(datapath_expire(datapath, 2 * SECOND, SIZE_MAX, NULL), 0);
	assert_int_equal(find_share(datapath, TENANT).rows[DP_SHARED_CONNECTION], 1);
	assert_int_equal(find_share(datapath, TENANT).rows[DP_SHARED_EMBRYO], 1);
	assert_int_equal(datapath_find_state(datapath, DP_STATE_UNANSWERED, &port,
				 &(struct dp_unanswered){0}, NULL),
		-ENOENT);
	// The port has gone, and may come back: it goes on to count what it had. Then nothing of it stays.
	assert_int_equal(find_usage(datapath), 1);
	assert_int_equal(datapath_expire(datapath, LONG * SECOND, SIZE_MAX, NULL), 2);
	for (uint32_t i = 0; i < 2; i++) {
		struct dp_share share = find_share(datapath, i * TENANT);
		assert_int_equal(share.rows[DP_SHARED_CONNECTION], 0);
		assert_int_equal(share.rows[DP_SHARED_EMBRYO], 0);
	}
	assert_int_equal(datapath_expire(datapath, LONG * SECOND, SIZE_MAX, NULL), 0);
	assert_int_equal(find_usage(datapath), -ENOENT);
	datapath_close(datapath);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_not_on_bpf, clean),
		cmocka_unit_test(test_folders_of_others),
		cmocka_unit_test_teardown(test_one_at_a_time, clean),
		cmocka_unit_test_teardown(test_restart_keeps_rows, clean),
		cmocka_unit_test_teardown(test_other_layout_is_replaced, clean),
		cmocka_unit_test_teardown(test_states_are_apart, clean),
		cmocka_unit_test_teardown(test_walk_while_others_write, clean),
		cmocka_unit_test_teardown(test_missing_device, clean),
		cmocka_unit_test_teardown(test_restart_is_drift, clean),
		cmocka_unit_test_teardown(test_programs_of_others_stay, clean),
		cmocka_unit_test_teardown(test_a_filter_from_before_goes, clean),
		cmocka_unit_test_teardown(test_destroy, clean),
		cmocka_unit_test_teardown(test_what_was_brought_is_taken_away, clean),
		cmocka_unit_test_teardown(test_a_filter_of_others_keeps_clsact, clean),
		cmocka_unit_test_teardown(test_drops, clean),
		cmocka_unit_test_teardown(test_counters, clean),
		cmocka_unit_test_teardown(test_expiry_gives_back, clean),
	};

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0) {
		fprintf(stderr, "the kernel provider's tests need root: %s\n", strerror(errno));
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
