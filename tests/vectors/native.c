// SPDX-License-Identifier: Apache-2.0
// The world of memory: devices are numbers.
#include "world.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/native.h"

enum { UNDERLAY_IFINDEX = 2, FIRST_DEVICE_IFINDEX = 10 };

static int native_world_open(struct world *world, struct error *error)
{
	const struct vector_topology *topology = world->topology;
	int result = datapath_open(&world->datapath, "native", NULL, error);

	if (result < 0)
		return result;
	for (size_t i = 0; i < topology->device_count; i++)
		world->device_ifindexes[i] = FIRST_DEVICE_IFINDEX + (uint32_t)i;
	world->underlay_ifindex = UNDERLAY_IFINDEX;
	for (size_t i = 0; i < topology->host_count; i++) {
		const struct vector_host *host = &topology->hosts[i];
		struct dp_address address;
		struct dp_mac mac = {{0}};
		memcpy(&address, &host->vtep, sizeof(address));
		if (host->reach == REACH_NEIGHBOR)
			memcpy(&mac, &host->mac, sizeof(mac));
		if (strcmp(host->name, topology->host) == 0)
			native_underlay_mac(world->datapath, mac);
		else if (host->reach != REACH_NONE)
			native_neighbor(world->datapath, address, mac);
	}
	return 0;
}

static int native_world_attach(struct world *world, struct error *error)
{
	(void)world;
	(void)error;
	return 0;
}

static void native_world_close(struct world *world)
{
	datapath_close(world->datapath);
}

static int native_world_age(struct world *world, uint32_t seconds, struct error *error)
{
	(void)error;
	native_advance(world->datapath, seconds * 1000000000ULL);
	return 0;
}

static int native_world_forget(struct world *world, struct error *error)
{
	(void)error;
	native_forget(world->datapath);
	return 0;
}

static int native_world_share(
	struct world *world, uint32_t tenant, const struct dp_share *share, struct error *error)
{
	(void)error;
	native_put_state(world->datapath, DP_STATE_SHARE, &tenant, share);
	return 0;
}

static const char *output_name(const struct world *world, const struct native_output *output)
{
	if (output->underlay)
		return output->ifindex == world->underlay_ifindex && output->length >= 6
			       ? world_host_by_mac(world, output->bytes)
			       : NULL;
	for (size_t i = 0; i < world->topology->device_count; i++)
		if (world->device_ifindexes[i] == output->ifindex)
			return world->topology->devices[i].port;
	return NULL;
}

static int run_native(
	struct world *world, const struct vector_case *c, struct seen *out, struct error *error)
{
	static const enum vector_verdict verdicts[] = {
		[NATIVE_DROP] = VECTOR_DROP,
		[NATIVE_DONE] = VECTOR_FORWARD,
		[NATIVE_SENT] = VECTOR_FORWARD,
		[NATIVE_HOST] = VECTOR_PASS,
	};
	bool underlay = strcmp(c->from, "underlay") == 0;
	int device = world_device(world, c->from);
	struct native_frame frame = {
		.bytes = c->packet.data,
		.length = c->packet.length,
		.segment = c->gso,
		.tagged = c->tagged,
		.due = c->due,
		.faults = c->faults,
	};
	enum datapath_role role = underlay ? DATAPATH_UNDERLAY : DATAPATH_PORT;
	struct native_result result;
	struct seen junk = {0};

	if (!underlay && device < 0)
		return error_set(error, EINVAL, "%s has no device here", c->from);
	uint32_t ifindex = underlay ? world->underlay_ifindex : world->device_ifindexes[device];
	for (unsigned i = 0; i < c->before; i++) {
		native_run(world->datapath, role, ifindex, &frame, &result);
		native_result_done(&result);
	}
	world_punts(world, &junk);
	seen_done(&junk);
	struct counted before = world_count(world);
	native_run(world->datapath, role, ifindex, &frame, &result);
	*out = (struct seen){.verdict = verdicts[result.verdict]};
	world_count_since(world, &before, out);
	counted_done(&before);
	if (result.verdict != NATIVE_HOST && out->drop_count > 0)
		out->verdict = VECTOR_DROP; // of some copies, or of what an answer went out for
	for (size_t i = 0; i < result.count; i++) {
		struct native_output *output = &result.outputs[i];
		const char *name = output_name(world, output);
		seen_add(out, name ? name : "nowhere",
			(struct bytes){steal(output->bytes), output->length}, output->segment);
	}
	native_result_done(&result);
	world_punts(world, out);
	return 0;
}

static const struct way native_ways[] = {{.name = "native", .run = run_native}};

const struct world_kind world_native = {
	.name = "native",
	.ways = native_ways,
	.way_count = array_count(native_ways),
	.open = native_world_open,
	.attach = native_world_attach,
	.close = native_world_close,
	.age = native_world_age,
	.forget = native_world_forget,
	.share = native_world_share,
};
