// SPDX-License-Identifier: Apache-2.0
#include "datapath/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/reasons.h"
#include "datapath/stages.h"

enum { VNI = 100, FIRST_PORT = 7, FIRST_DEVICE = 17, SECOND_PORT = 8, SECOND_DEVICE = 18 };

static const struct dp_mac first_mac = {{2, 0, 0, 0, 0, 1}}, second_mac = {{2, 0, 0, 0, 0, 2}};
static const struct dp_address far_vtep = {
	{[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 2}};

// Ethernet alone, which port security lets through by its MAC.
static const uint8_t frame_bytes[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
static const struct native_frame frame = {.bytes = frame_bytes, .length = sizeof(frame_bytes)};

static void put(struct datapath *datapath, enum dp_table table, const void *key, const void *value)
{
	assert_int_equal(datapath_put(datapath, table, key, value, NULL), 0);
}

static void put_station(struct datapath *datapath, struct dp_station value)
{
	struct dp_station_key key = {.vni = VNI, .mac = second_mac};

	put(datapath, DP_TABLE_STATION, &key, &value);
}

// A host with two ports in one network.
static struct datapath *new_host(void)
{
	struct datapath *datapath;
	uint32_t device = FIRST_DEVICE, vni = VNI;
	struct dp_source source = {.port = FIRST_PORT, .vni = VNI, .mac = first_mac, .mtu = 1400};
	struct dp_network network = {.mtu = 1400};

	assert_int_equal(datapath_open(&datapath, "native", NULL, NULL), 0);
	put(datapath, DP_TABLE_SOURCE, &device, &source);
	put(datapath, DP_TABLE_NETWORK, &vni, &network);
	put_station(datapath, (struct dp_station){.port = SECOND_PORT, .ifindex = SECOND_DEVICE});
	return datapath;
}

static const struct trace_stage *stage_at(const struct trace *trace, unsigned index)
{
	assert_true(index < utarray_len(&trace->stages));
	return (const struct trace_stage *)utarray_eltptr(&trace->stages, index);
}

static void assert_stages(const struct trace *trace, const uint32_t *stages, size_t count)
{
	assert_int_equal(utarray_len(&trace->stages), count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(stage_at(trace, (unsigned)i)->stage, stages[i]);
}

static void test_delivered(void **state)
{
	(void)state;
	static const uint32_t stages[] = {DP_STAGE_PORT, DP_STAGE_PARSE, DP_STAGE_SECURITY,
		DP_STAGE_SWITCH, DP_STAGE_DELIVER};
	struct datapath *host = new_host(), *overlay;
	struct native_result result;
	struct trace trace;

	datapath_overlay(&overlay, host);
	uint64_t writes = datapath_writes(host);
	datapath_trace(overlay, DATAPATH_PORT, FIRST_DEVICE, &frame, &result, &trace);
	assert_int_equal(result.verdict, NATIVE_SENT);
	assert_int_equal(result.outputs[0].ifindex, SECOND_DEVICE);
	assert_stages(&trace, stages, array_count(stages));
	const struct trace_stage *port = stage_at(&trace, 0), *deliver = stage_at(&trace, 4);
	assert_int_equal(port->first, FIRST_DEVICE);
	assert_int_equal(port->length, sizeof(frame_bytes));
	assert_memory_equal(port->bytes, frame_bytes, sizeof(frame_bytes));
	assert_int_equal(deliver->first, SECOND_PORT);
	assert_int_equal(deliver->second, SECOND_DEVICE);

	const struct trace_lookup *lookup =
		(const struct trace_lookup *)utarray_front(&stage_at(&trace, 3)->lookups);
	assert_int_equal(lookup->table, DP_TABLE_STATION);
	assert_int_equal(((const struct dp_station_key *)lookup->key)->vni, VNI);
	assert_int_equal(((const struct dp_station *)lookup->value)->port, SECOND_PORT);
	assert_int_equal(datapath_writes(host), writes);
	trace_done(&trace);
	native_result_done(&result);
	datapath_close(overlay);
	datapath_close(host);
}

// What is seen is what the other datapath holds at that moment.
static void test_rows_of_now(void **state)
{
	(void)state;
	struct datapath *host = new_host(), *overlay;
	struct dp_station_key key = {.vni = VNI, .mac = second_mac};
	struct native_result result;
	struct trace trace;

	datapath_overlay(&overlay, host);
	assert_int_equal(datapath_remove(host, DP_TABLE_STATION, &key, NULL), 0);
	datapath_trace(overlay, DATAPATH_PORT, FIRST_DEVICE, &frame, &result, &trace);
	assert_int_equal(result.verdict, NATIVE_DROP);
	const struct trace_stage *last = (const struct trace_stage *)utarray_back(&trace.stages);
	assert_int_equal(last->stage, DP_STAGE_SWITCH);
	assert_int_equal(last->reason, DP_REASON_UNKNOWN_UNICAST);
	const struct trace_lookup *lookup =
		(const struct trace_lookup *)utarray_front(&last->lookups);
	assert_int_equal(lookup->table, DP_TABLE_STATION);
	assert_null(lookup->value);
	trace_done(&trace);
	native_result_done(&result);

	// One of its own comes first.
	put_station(overlay, (struct dp_station){.port = SECOND_PORT, .ifindex = 99});
	native_run(overlay, DATAPATH_PORT, FIRST_DEVICE, &frame, &result);
	assert_int_equal(result.outputs[0].ifindex, 99);
	native_result_done(&result);
	datapath_close(overlay);
	datapath_close(host);
}

static bool resolve(void *context, const struct dp_address *address, struct dp_mac *mac)
{
	++*(int *)context;
	if (memcmp(address, &far_vtep, sizeof(far_vtep)) != 0)
		return false;
	*mac = (struct dp_mac){{2, 1, 1, 1, 1, 1}};
	return true;
}

// To another host: the frame before and after, and who is asked for the next hop.
static void test_encapsulated(void **state)
{
	(void)state;
	struct datapath *host = new_host(), *overlay;
	uint32_t zero = 0, far = 2;
	struct dp_config config = {
		.vtep = far_vtep, .host = 1, .underlay_ifindex = 3, .underlay_mtu = 1500};
	struct dp_remote remote = {.vtep = far_vtep, .encapsulation = DP_GENEVE};
	struct native_result result;
	struct trace trace;
	int asked = 0;

	config.vtep.bytes[15] = 1;
	put(host, DP_TABLE_CONFIG, &zero, &config);
	put(host, DP_TABLE_REMOTE, &far, &remote);
	put_station(host, (struct dp_station){.port = 9, .host = far});
	datapath_overlay(&overlay, host);
	datapath_trace(overlay, DATAPATH_PORT, FIRST_DEVICE, &frame, &result, &trace);
	assert_int_equal(result.reason, DP_REASON_NO_UNDERLAY_ROUTE);
	trace_done(&trace);
	native_result_done(&result);

	native_resolver(overlay, resolve, &asked);
	for (int i = 0; i < 2; i++) {
		datapath_trace(overlay, DATAPATH_PORT, FIRST_DEVICE, &frame, &result, &trace);
		assert_int_equal(result.verdict, NATIVE_SENT);
		assert_true(result.outputs[0].underlay);
		assert_int_equal(
			result.outputs[0].length, sizeof(frame_bytes) + 14 + 20 + 8 + 8 + 12);
		const struct trace_stage *last =
			(const struct trace_stage *)utarray_back(&trace.stages);
		assert_int_equal(last->stage, DP_STAGE_ENCAPSULATE);
		assert_int_equal(last->first, far);
		assert_int_equal(last->second, 9);
		assert_int_equal(last->length, sizeof(frame_bytes));
		trace_done(&trace);
		native_result_done(&result);
	}
	assert_int_equal(asked, 1);
	datapath_close(overlay);
	datapath_close(host);
}

static void test_names(void **state)
{
	(void)state;
	for (uint32_t stage = 0; stage < DP_STAGE_COUNT; stage++) {
		assert_non_null(datapath_stage_name(stage));
		assert_non_null(datapath_stage_help(stage));
	}
	assert_string_equal(datapath_stage_name(DP_STAGE_SECURITY), "security");
	assert_null(datapath_stage_name(DP_STAGE_COUNT));
	assert_null(datapath_stage_help(DP_STAGE_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivered),
		cmocka_unit_test(test_rows_of_now),
		cmocka_unit_test(test_encapsulated),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
