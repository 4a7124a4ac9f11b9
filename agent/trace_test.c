// SPDX-License-Identifier: Apache-2.0
// Two hosts in memory: what the one answers is handed to the other, as the controller does.
#include "trace.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "probe.h"
#include "program.h"

enum { HOSTS = 2, UNDERLAY = 3 };

struct host_world {
	struct view view;
	struct compiler *compiler;
	struct datapath *datapath;
	struct program *program;
	struct trace_world world;
};

struct fixture {
	struct host_world hosts[HOSTS];
};

static bool resolve(void *context, const struct dp_address *address, struct dp_mac *mac)
{
	(void)context;
	*mac = (struct dp_mac){{2, 0xff, 0, 0, 0, address->bytes[15]}};
	return true;
}

static void add(struct batch *batch, enum model_kind kind, const char *tenant, const char *name,
	json_t *fields)
{
	struct error error = {0};
	struct batch_item item = {.kind = kind};
	assert_int_equal(object_decode(&item.object, kind, tenant, name, fields, true, &error), 0);
	utarray_push_back(&batch->items, &item);
	json_decref(fields);
}

static json_t *port_of(int host, int key, const char *device)
{
	char name[8], mac[MAC_TEXT], address[ADDRESS_TEXT], address6[ADDRESS_TEXT];
	snprintf(name, sizeof(name), "h%d", host);
	snprintf(mac, sizeof(mac), "02:00:00:00:00:%02x", key);
	snprintf(address, sizeof(address), "10.0.0.%d", key);
	snprintf(address6, sizeof(address6), "fd00::%d", key);
	return json_pack("{s:s, s:s, s:[s,s], s:i, s:s, s:s, s:i}", "network", "web", "mac", mac,
		"addresses", address, address6, "key", key, "host", name, "device", device,
		"revision", 40 + key);
}

static void fill(struct batch *batch)
{
	for (int i = 1; i <= HOSTS; i++) {
		char name[8], vtep[ADDRESS_TEXT];
		snprintf(name, sizeof(name), "h%d", i);
		snprintf(vtep, sizeof(vtep), "192.0.2.%d", i);
		add(batch, MODEL_HOST, NULL, name,
			json_pack("{s:s, s:i, s:i}", "vtep", vtep, "key", i, "revision", 10 + i));
	}
	add(batch, MODEL_NETWORK, "acme", "web",
		json_pack("{s:[s,s], s:i, s:i}", "subnets", "10.0.0.0/24", "fd00::/64", "vni", 100,
			"revision", 20));
	add(batch, MODEL_NETWORK, "acme", "far",
		json_pack(
			"{s:[s], s:i, s:i}", "subnets", "10.1.0.0/24", "vni", 101, "revision", 21));
	add(batch, MODEL_PORT, "acme", "web1", port_of(1, 5, "tap0"));
	add(batch, MODEL_PORT, "acme", "web2", port_of(1, 6, "tap1"));
	add(batch, MODEL_PORT, "acme", "db1", port_of(2, 7, "tap0"));
	add(batch, MODEL_PORT, "acme", "far1",
		json_pack("{s:s, s:s, s:[s], s:i, s:s, s:s, s:i}", "network", "far", "mac",
			"02:00:00:00:00:08", "addresses", "10.1.0.8", "key", 8, "host", "h2",
			"device", "tap1", "revision", 48));
	add(batch, MODEL_ROUTER, "acme", "gate",
		json_pack("{s:[s,s], s:[{s:s,s:[s]}, {s:s,s:s}, {s:s,s:[s],s:[s]}], s:i, s:i}",
			"networks", "web", "far", "routes", "to", "172.16.0.0/12", "via",
			"10.0.0.6", "to", "172.31.0.0/16", "action", "reject", "to",
			"172.16.0.0/12", "via", "10.1.0.8", "ports", "tcp/80", "key", 3, "revision",
			30));
}

static void take_batch(
	struct host_world *host, bool snapshot, void (*fill_batch)(struct batch *batch))
{
	UT_icd icd = {sizeof(struct batch_item), NULL, NULL, NULL};
	struct batch batch = {.snapshot = snapshot, .revision = 50};
	struct batch_item *item = NULL;
	utarray_init(&batch.items, &icd);
	fill_batch(&batch);
	view_apply(&host->view, &batch, host->compiler);
	while ((item = utarray_next(&batch.items, item)))
		object_unref(item->object);
	utarray_done(&batch.items);
}

static void start_host(struct host_world *host, const char *name)
{
	struct error error = {0};
	compiler_new(&host->compiler, name);
	take_batch(host, true, fill);
	compiler_device(host->compiler, "tap0", &(struct compiler_device){10, DP_DEVICE_PLAIN});
	compiler_device(host->compiler, "tap1", &(struct compiler_device){11, DP_DEVICE_PLAIN});
	compiler_underlay(host->compiler, UNDERLAY, 1500);
	assert_int_equal(datapath_open(&host->datapath, "native", NULL, &error), 0);
	program_new(&host->program, host->datapath, host->compiler);
	assert_int_equal(program_apply(host->program, &error), 0);
	host->world = (struct trace_world){
		.host = name,
		.view = &host->view,
		.compiler = host->compiler,
		.datapath = host->datapath,
		.underlay = UNDERLAY,
		.underlay_mac = {{2, 0xff, 0, 0, 0, 9}},
		.resolve = resolve,
	};
}

static int setup(void **state)
{
	struct fixture *fixture = memory_new(sizeof(*fixture));
	start_host(&fixture->hosts[0], "h1");
	start_host(&fixture->hosts[1], "h2");
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < HOSTS; i++) {
		struct host_world *host = &fixture->hosts[i];
		program_free(host->program);
		compiler_free(host->compiler);
		view_done(&host->view);
		datapath_close(host->datapath);
	}
	free(fixture);
	return 0;
}

// ---- asking ----

static json_t *ask(const struct trace_world *world, json_t *question)
{
	json_t *answer = trace_answer(world, question);
	json_decref(question);
	return answer;
}

static json_t *question_to(const char *destination)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i}", "tenant", "acme", "port", "web1",
		"destination", destination, "protocol", 6, "destination_port", 5432);
}

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));
	return value ? value : "";
}

static const json_t *stage_of(const json_t *answer, const char *name)
{
	size_t index;
	json_t *stage;
	json_array_foreach (json_object_get(answer, "stages"), index, stage)
		if (!strcmp(text(stage, "stage"), name))
			return stage;
	return NULL;
}

static void assert_stages(const json_t *answer, const char *names)
{
	char seen[256] = "";
	size_t index;
	json_t *stage;
	json_array_foreach (json_object_get(answer, "stages"), index, stage) {
		strcat(seen, index ? " " : "");
		strcat(seen, text(stage, "stage"));
	}
	assert_string_equal(seen, names);
}

static const json_t *only_output(const json_t *answer)
{
	assert_int_equal(json_array_size(json_object_get(answer, "outputs")), 1);
	return json_array_get(json_object_get(answer, "outputs"), 0);
}

static void test_same_host(void **state)
{
	struct fixture *fixture = *state;
	static const char *const destinations[] = {"10.0.0.6", "fd00::6", "fe80::ff:fe00:6"};
	for (size_t i = 0; i < array_count(destinations); i++) {
		json_t *answer = ask(&fixture->hosts[0].world, question_to(destinations[i]));
		assert_string_equal(text(answer, "verdict"), "sent");
		assert_stages(answer, "port parse security switch deliver");
		assert_string_equal(text(only_output(answer), "port"), "acme/ports/web2");
		assert_string_equal(text(only_output(answer), "device"), "tap1");
		const json_t *where = stage_of(answer, "switch");
		assert_string_equal(text(where, "object"), "acme/ports/web2");
		assert_int_equal(json_integer_value(json_object_get(where, "revision")), 46);
		assert_null(json_object_get(where, "drift"));
		json_decref(answer);
	}
}

static void test_other_host(void **state)
{
	struct fixture *fixture = *state;
	json_t *first = ask(&fixture->hosts[0].world, question_to("10.0.0.7"));
	assert_stages(first, "port parse security switch encapsulate");
	assert_string_equal(text(stage_of(first, "encapsulate"), "object"), "hosts/h2");
	const json_t *output = only_output(first);
	assert_true(json_is_true(json_object_get(output, "underlay")));
	assert_string_equal(text(output, "host"), "h2");
	assert_memory_equal(text(output, "frame"), "02ff0000000202ff000000090800", 28);

	json_t *second =
		ask(&fixture->hosts[1].world, json_pack("{s:s}", "frame", text(output, "frame")));
	assert_stages(second, "tunnel parse switch deliver");
	assert_string_equal(text(stage_of(second, "tunnel"), "object"), "hosts/h1");
	assert_string_equal(text(only_output(second), "port"), "acme/ports/db1");
	// What comes out is what was sent.
	assert_string_equal(
		text(only_output(second), "frame"), text(stage_of(first, "port"), "frame"));
	json_decref(first);
	json_decref(second);
}

// Through the router: which way, and what it rewrites.
static void test_routed(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *destination;
		int port;
		const char *stages, *deciding, *detail, *to;
	} cases[] = {
		{"10.1.0.8", 5432, "port parse security switch route encapsulate", "route",
			"10.1.0.0/24 is a network of the router", "h2"},
		{"172.16.9.9", 5432, "port parse security switch route deliver", "route",
			"172.16.0.0/12 leads to 10.0.0.6", "h1"},
		{"172.16.9.9", 80, "port parse security switch route steer encapsulate", "steer",
			"policy route 1 leads to 10.1.0.8", "h2"},
		{"10.0.0.1", 5432, "port parse security switch route", "route",
			"10.0.0.0/24 is a network of the router", "h1"},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		json_t *question = question_to(cases[i].destination);
		json_object_set_new(question, "destination_port", json_integer(cases[i].port));
		json_t *answer = ask(&fixture->hosts[0].world, question);
		assert_stages(answer, cases[i].stages);
		const json_t *stage = stage_of(answer, cases[i].deciding);
		assert_string_equal(text(stage, "detail"), cases[i].detail);
		assert_string_equal(text(stage, "object"), "acme/routers/gate");
		assert_int_equal(json_integer_value(json_object_get(stage, "revision")), 30);
		assert_string_equal(text(only_output(answer), "host"), cases[i].to);
		json_decref(answer);
	}
}

static void test_rejected_by_route(void **state)
{
	struct fixture *fixture = *state;
	json_t *answer = ask(&fixture->hosts[0].world, question_to("172.31.0.1"));
	assert_string_equal(text(answer, "reason"), "route-rejects");
	assert_string_equal(text(stage_of(answer, "route"), "detail"), "172.31.0.0/16 is rejected");
	assert_true(json_is_true(json_object_get(only_output(answer), "back")));
	json_decref(answer);
}

static void test_unknown_address(void **state)
{
	struct fixture *fixture = *state;
	static const char *const destinations[] = {"10.0.0.99", "fd00::99"};
	for (size_t i = 0; i < array_count(destinations); i++) {
		json_t *answer = ask(&fixture->hosts[0].world, question_to(destinations[i]));
		assert_string_equal(text(answer, "verdict"), "dropped");
		assert_string_equal(text(answer, "reason"), "unknown-neighbor");
		assert_string_equal(text(answer, "asked"), destinations[i]);
		assert_stages(answer, "port parse security resolve switch");
		json_decref(answer);
	}
}

static void test_broadcast(void **state)
{
	struct fixture *fixture = *state;
	json_t *answer = ask(&fixture->hosts[0].world, question_to("255.255.255.255"));
	assert_string_equal(text(answer, "verdict"), "copied");
	assert_int_equal(json_array_size(json_object_get(answer, "outputs")), 2);
	assert_stages(answer, "port parse security switch flood deliver encapsulate encapsulate");
	json_decref(answer);
}

static void test_size_and_source(void **state)
{
	struct fixture *fixture = *state;
	json_t *question = question_to("10.0.0.6");
	json_object_set_new(question, "size", json_integer(1401));
	json_t *answer = ask(&fixture->hosts[0].world, question);
	assert_string_equal(text(answer, "reason"), "mtu-exceeded");
	json_decref(answer);
}

// ---- policies ----

static void fill_policies(struct batch *batch)
{
	static const char policy[] =
		"{\"revision\": 42, \"rules\": ["
		"{\"name\": \"web\", \"priority\": 2000, \"action\": \"allow\", \"from\": \"any\", "
		"\"to\": \"any\", "
		"\"ports\": [\"tcp/80\", \"udp/54\"]},"
		"{\"name\": \"none-else\", \"action\": \"drop\", \"from\": \"any\", "
		"\"to\": \"10.0.0.6/32\"},"
		"{\"direction\": \"egress\", \"action\": \"reject\", \"from\": \"any\", "
		"\"to\": \"any\", \"ports\": [\"tcp/25\"]},"
		"{\"direction\": \"egress\", \"action\": \"allow\", \"from\": \"any\", "
		"\"to\": \"any\"}]}";
	add(batch, MODEL_POLICY, "acme", "guard", json_loads(policy, 0, NULL));
}

static void apply_policies(struct host_world *host)
{
	struct error error = {0};
	take_batch(host, false, fill_policies);
	assert_int_equal(program_apply(host->program, &error), 0);
}

static json_t *ask_service(
	struct fixture *fixture, const char *destination, int protocol, int source_port, int port)
{
	json_t *question = question_to(destination);
	json_object_set_new(question, "protocol", json_integer(protocol));
	json_object_set_new(question, "source_port", json_integer(source_port));
	json_object_set_new(question, "destination_port", json_integer(port));
	return ask(&fixture->hosts[0].world, question);
}

static void assert_rule(const json_t *stage, const char *name, int index)
{
	const json_t *rule = json_object_get(stage, "rule");
	assert_string_equal(text(stage, "object"), "acme/policies/guard");
	assert_int_equal(json_integer_value(json_object_get(stage, "revision")), 42);
	assert_string_equal(text(rule, "name"), name);
	assert_int_equal(json_integer_value(json_object_get(rule, "index")), index);
}

// The rule that decides is named, at the end whose rule it is.
static void test_policies(void **state)
{
	static const struct {
		const char *destination;
		int port;
		const char *reason, *stage, *name;
		int index;
	} cases[] = {
		{"10.0.0.6", 80, "", "ingress", "web", 0},
		{"10.0.0.6", 81, "denied-by-rule", "ingress", "none-else", 1},
		{"fd00::6", 81, "denied-by-default", "ingress", "", -1},
		{"10.0.0.6", 25, "denied-by-rule", "egress", "", 2},
	};
	struct fixture *fixture = *state;
	apply_policies(&fixture->hosts[0]);
	for (size_t i = 0; i < array_count(cases); i++) {
		json_t *answer = ask_service(
			fixture, cases[i].destination, IPPROTO_TCP, 7000, cases[i].port);
		assert_string_equal(text(answer, "reason"), cases[i].reason);
		const json_t *stage = stage_of(answer, cases[i].stage);
		assert_rule(stage, cases[i].name, cases[i].index);
		assert_string_equal(text(stage, "reason"), cases[i].reason);
		assert_string_equal(text(stage_of(answer, "connection"), "detail"), "none");
		// Of a rejected one the sender is told.
		assert_int_equal(json_array_size(json_object_get(answer, "outputs")),
			!*cases[i].reason || cases[i].index == 2);
		json_decref(answer);
	}
}

static int keep_connection(
	void *context, const struct dp_tuple *tuple, const struct dp_connection *connection)
{
	(void)tuple;
	memcpy(context, connection, sizeof(*connection));
	return 0;
}

// A connection that the datapath knows is found, and the trace leaves it as it is.
static void test_connection(void **state)
{
	struct fixture *fixture = *state;
	struct host_world *host = &fixture->hosts[0];
	struct dp_connection before = {0}, after = {0};
	struct native_result result;
	struct probe_packet packet = {
		.source_mac = {{2, 0, 0, 0, 0, 5}},
		.destination_mac = {{2, 0, 0, 0, 0, 6}},
		.protocol = IPPROTO_UDP,
		.source_port = 7000,
		.destination_port = 54,
		.ttl = 64,
	};
	cleanup_free uint8_t *bytes = memory_new(PROBE_BYTES);
	address_parse("10.0.0.5", &packet.source);
	address_parse("10.0.0.6", &packet.destination);
	struct native_frame frame = {.bytes = bytes, .length = probe_packet(&packet, bytes)};
	apply_policies(host);
	native_run(host->datapath, DATAPATH_PORT, 10, &frame, &result);
	assert_int_equal(result.verdict, NATIVE_SENT);
	native_result_done(&result);

	datapath_connections(host->datapath, keep_connection, &before, NULL);
	assert_true(before.created > 0);
	for (int i = 0; i < 2; i++) {
		json_t *answer = ask_service(fixture, "10.0.0.6", IPPROTO_UDP, 7000, 54);
		assert_stages(answer, "port parse security switch connection deliver");
		const json_t *stage = stage_of(answer, "connection");
		assert_string_equal(text(stage, "detail"), "a new one, not answered yet");
		assert_rule(stage, "web", 0);
		json_decref(answer);
	}
	datapath_connections(host->datapath, keep_connection, &after, NULL);
	assert_memory_equal(&before, &after, sizeof(before));
	json_t *answer = ask_service(fixture, "10.0.0.6", IPPROTO_UDP, 7001, 54);
	assert_string_equal(text(stage_of(answer, "connection"), "detail"), "none");
	assert_non_null(stage_of(answer, "ingress"));
	json_decref(answer);
}

// ---- drift ----

static const char *drift(const json_t *answer, const char *stage, const char *member)
{
	const json_t *list = json_object_get(stage_of(answer, stage), "drift");
	assert_int_equal(json_array_size(list), 1);
	return text(json_array_get(list, 0), member);
}

// What the datapath holds counts, and where it is not what it should be, that is told.
static void test_drift(void **state)
{
	struct fixture *fixture = *state;
	struct host_world *host = &fixture->hosts[0];
	struct dp_station_key key = {.vni = 100, .mac = {{2, 0, 0, 0, 0, 6}}};
	struct dp_station wrong = {.port = 7, .ifindex = 10};
	assert_int_equal(datapath_remove(host->datapath, DP_TABLE_STATION, &key, NULL), 0);
	json_t *answer = ask(&host->world, question_to("10.0.0.6"));
	assert_string_equal(text(answer, "reason"), "unknown-unicast");
	assert_string_equal(drift(answer, "switch", "problem"), "missing");
	assert_string_equal(drift(answer, "switch", "object"), "acme/ports/web2");
	json_decref(answer);

	assert_int_equal(datapath_put(host->datapath, DP_TABLE_STATION, &key, &wrong, NULL), 0);
	answer = ask(&host->world, question_to("10.0.0.6"));
	assert_string_equal(drift(answer, "switch", "problem"), "different");
	json_decref(answer);

	// A row that nobody asked for, in the table that is looked up by prefixes.
	struct dp_source source;
	uint32_t device = 10;
	assert_int_equal(datapath_find(host->datapath, DP_TABLE_SOURCE, &device, &source, NULL), 0);
	source.ipv4 = (struct dp_address){{0}};
	source.flags |= DP_SOURCE_PAIRS;
	struct dp_allowed_key allowed = {.prefix_length = DP_ALLOWED_FIXED_BITS + 96,
		.port = __builtin_bswap32(5),
		.mac = source.mac,
		.family = 4,
		.address = {{[10] = 0xff, [11] = 0xff}}};
	struct dp_allowed yes = {0};
	datapath_put(host->datapath, DP_TABLE_SOURCE, &device, &source, NULL);
	datapath_put(host->datapath, DP_TABLE_ALLOWED, &allowed, &yes, NULL);
	answer = ask(&host->world, question_to("10.0.0.6"));
	assert_true(json_is_true(json_object_get(stage_of(answer, "security"), "ok")));
	assert_string_equal(drift(answer, "port", "problem"), "different");
	assert_string_equal(drift(answer, "security", "problem"), "unexpected");
	json_decref(answer);
}

static void test_problems(void **state)
{
	struct fixture *fixture = *state;
	const struct trace_world *world = &fixture->hosts[0].world;
	json_t *question = question_to("10.0.0.6");
	json_object_set_new(question, "port", json_string("nobody"));
	json_t *answer = ask(world, question);
	assert_string_equal(text(answer, "problem"), "port nobody is not known on this host yet");
	json_decref(answer);

	compiler_device(fixture->hosts[0].compiler, "tap0", NULL);
	answer = ask(world, question_to("10.0.0.6"));
	assert_string_equal(text(answer, "problem"), "the device tap0 of the port is not there");
	json_decref(answer);

	answer = ask(world, question_to("nonsense"));
	assert_string_equal(text(answer, "problem"), "the question is not understood");
	json_decref(answer);

	answer = ask(world, json_pack("{s:s}", "frame", "02zz"));
	assert_string_equal(text(answer, "verdict"), "host");
	json_decref(answer);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_same_host),
		TEST(test_other_host),
		TEST(test_routed),
		TEST(test_rejected_by_route),
		TEST(test_unknown_address),
		TEST(test_broadcast),
		TEST(test_size_and_source),
		TEST(test_policies),
		TEST(test_connection),
		TEST(test_drift),
		TEST(test_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
