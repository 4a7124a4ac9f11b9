// SPDX-License-Identifier: Apache-2.0
// The world of network namespaces: this host, the guests behind its ports, and the outside that its underlay leads to. A
// frame goes two ways: through BPF_PROG_TEST_RUN, which tells the verdict and the packet, and over the wire, from a
// guest's device to where it comes out, which shows that the verdict leads there.
#include "world.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "datapath/kernel.h"
#include "links.h"
#include "state.h"

#define STATE "/sys/fs/bpf/vectors"
#define UNDERLAY "underlay0"
#define OUTSIDE "outside0"

enum { TEST_RUN_ROOM = 128 * 1024 };
enum { PATIENCE_MS = 2000, SETTLE_US = 1500 };

struct links {
	int home, host, guests, outside; // namespaces
	int *sockets;                    // where frames of each device's port come out
	int underlay_socket;
	struct bytes scratch;
};

// ---- devices ----

static int guest_device(struct links *links, const struct vector_device *device)
{
	cleanup_free char *peer = memory_format("p-%s", device->port);
	int fd;

	if (device->kind == DEVICE_TAP)
		return tap_new(device->name);
	int at = device->kind == DEVICE_PEER ? links->guests : links->host;
	int result = veth_new(device->name, NULL, peer, at);
	if (result < 0)
		return result;
	result = namespace_enter(at);
	fd = result < 0 ? result : packet_socket(peer);
	result = namespace_enter(links->host);
	return result < 0 ? result : fd;
}

static int underlay_address(const struct vector_topology *topology, const struct vector_host *host)
{
	bool four = address_is_ipv4(&host->vtep);

	if (strcmp(host->name, topology->host) == 0)
		return link_add_address(UNDERLAY, &host->vtep, four ? 24 : 64);
	return host->reach == REACH_NEIGHBOR ? link_add_neighbor(UNDERLAY, &host->vtep, &host->mac)
					     : 0;
}

static int underlay_device(struct world *world, struct links *links)
{
	const struct vector_topology *topology = world->topology;
	const struct vector_host *self = world_host(world, topology->host);
	int result = veth_new(UNDERLAY, &self->mac, OUTSIDE, links->outside);

	if (result == 0)
		result = link_set_mtu(UNDERLAY, topology->underlay_mtu);
	if (result == 0)
		result = sysctl_set("ipv6/conf/" UNDERLAY "/disable_ipv6", "0");
	// The copies of a flooded frame are routed from the loopback device.
	if (result == 0)
		result = sysctl_set("ipv4/conf/lo/forwarding", "1");
	if (result == 0)
		result = sysctl_set("ipv6/conf/lo/forwarding", "1");
	for (size_t i = 0; i < topology->host_count && result == 0; i++)
		result = underlay_address(topology, &topology->hosts[i]);
	if (result == 0)
		result = namespace_enter(links->outside);
	if (result == 0)
		result = links->underlay_socket = packet_socket(OUTSIDE);
	int back = namespace_enter(links->host);
	return result < 0 ? result : back;
}

static int make_devices(struct world *world, struct links *links)
{
	const struct vector_topology *topology = world->topology;
	int result;

	if ((links->guests = namespace_new()) < 0)
		return links->guests;
	if ((links->outside = namespace_new()) < 0)
		return links->outside;
	if ((links->host = namespace_new()) < 0)
		return links->host;
	result = underlay_device(world, links);
	if (result < 0)
		return result;
	world->underlay_ifindex = if_nametoindex(UNDERLAY);
	for (size_t i = 0; i < topology->device_count; i++) {
		links->sockets[i] = guest_device(links, &topology->devices[i]);
		if (links->sockets[i] < 0)
			return links->sockets[i];
		world->device_ifindexes[i] = if_nametoindex(topology->devices[i].name);
	}
	return 0;
}

// A BPF file system of our own, if this mount namespace has none yet.
static int mount_bpf(void)
{
	static bool mounted;

	if (mounted)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0)
		return -errno;
	mounted = true;
	return 0;
}

static int kernel_world_open(struct world *world, struct error *error)
{
	struct links *links = memory_new(sizeof(*links));

	links->home = links->host = links->guests = links->outside = -1;
	links->underlay_socket = -1;
	links->sockets = memory_new((world->topology->device_count + 1) * sizeof(int));
	for (size_t i = 0; i < world->topology->device_count; i++)
		links->sockets[i] = -1;
	links->scratch = (struct bytes){memory_new(TEST_RUN_ROOM), TEST_RUN_ROOM};
	world->links = links;

	int result = mount_bpf();
	if (result < 0)
		return error_set(
			error, -result, "cannot mount a BPF file system: %s", strerror(-result));
	links->home = namespace_current();
	result = links->home < 0 ? links->home : make_devices(world, links);
	if (result < 0)
		return error_set(error, -result, "cannot make the devices of %s: %s",
			world->topology->name, strerror(-result));
	return datapath_open(&world->datapath, "kernel", STATE, error);
}

static int kernel_world_attach(struct world *world, struct error *error)
{
	int result =
		datapath_attach(world->datapath, world->underlay_ifindex, DATAPATH_UNDERLAY, error);

	for (size_t i = 0; i < world->topology->device_count && result == 0; i++)
		result = datapath_attach(
			world->datapath, world->device_ifindexes[i], DATAPATH_PORT, error);
	return result;
}

static void close_at(int fd)
{
	if (fd >= 0)
		close(fd);
}

// The devices go with their namespaces.
static void kernel_world_close(struct world *world)
{
	struct links *links = world->links;

	datapath_close(world->datapath);
	datapath_destroy("kernel", STATE, NULL, NULL, NULL);
	for (size_t i = 0; i < world->topology->device_count; i++)
		close_at(links->sockets[i]);
	close_at(links->underlay_socket);
	if (links->home >= 0)
		namespace_enter(links->home);
	close_at(links->guests);
	close_at(links->outside);
	close_at(links->host);
	close_at(links->home);
	free(links->sockets);
	free(links->scratch.data);
	free(links);
}

static int kernel_world_age(struct world *world, uint32_t seconds, struct error *error)
{
	(void)world;
	return state_age(STATE, seconds, error);
}

static int kernel_world_forget(struct world *world, struct error *error)
{
	(void)world;
	return state_forget(STATE, error);
}

static int kernel_world_share(
	struct world *world, uint32_t tenant, const struct dp_share *share, struct error *error)
{
	(void)world;
	return state_share(STATE, tenant, share, error);
}

// ---- what comes out ----

// Of the outside only tunnel packets are looked at: the host's own neighbor discovery is there too.
static bool is_tunnel(const struct bytes *frame)
{
	size_t udp = ETH_HLEN;
	uint16_t port;

	if (frame->length < 64)
		return false;
	if (frame->data[12] == 0x08 && frame->data[23] == IPPROTO_UDP)
		udp += 20;
	else if (frame->data[12] == 0x86 && frame->data[20] == IPPROTO_UDP)
		udp += 40;
	else
		return false;
	memcpy(&port, frame->data + udp + 2, sizeof(port));
	return port == htons(DP_UDP_GENEVE) || port == htons(DP_UDP_VXLAN);
}

// All frames that are waiting. Those that nobody looks at are thrown away.
static void gather(struct world *world, struct seen *out)
{
	struct links *links = world->links;
	struct bytes frame;
	uint32_t gso;

	while (frame_receive(links->underlay_socket, &frame, &gso) == 0) {
		const char *host = world_host_by_mac(world, frame.data);
		if (is_tunnel(&frame))
			seen_add(out, host ? host : "nowhere", frame, gso);
		else
			free(frame.data);
	}
	for (size_t i = 0; i < world->topology->device_count; i++)
		while (frame_receive(links->sockets[i], &frame, &gso) == 0)
			seen_add(out, world->topology->devices[i].port, frame, gso);
	world_punts(world, out);
}

static void wait_us(long microseconds)
{
	nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
}

// Until as many frames and drops were seen as are expected, and a little longer for those that are not.
static void gather_all(struct world *world, const struct vector_case *c, size_t outputs,
	const struct counted *before, struct seen *out)
{
	uint64_t deadline = clock_monotonic_ms() + PATIENCE_MS;

	for (;;) {
		gather(world, out);
		world_count_since(world, before, out);
		bool enough = out->output_count >= outputs &&
			      (c->verdict != VECTOR_DROP || out->drop_count > 0);
		if (enough || clock_monotonic_ms() > deadline)
			break;
		wait_us(200);
	}
	wait_us(SETTLE_US);
	gather(world, out);
	world_count_since(world, before, out);
}

// ---- the ways ----

// The verdict of the program. The packet as it leaves it: `length` bytes in the scratch room.
static int test_run(struct world *world, const struct vector_case *c, uint32_t *length,
	uint32_t *verdict, struct error *error)
{
	struct links *links = world->links;
	bool underlay = strcmp(c->from, "underlay") == 0;
	int device = world_device(world, c->from);
	struct __sk_buff context = {
		.ifindex = underlay ? world->underlay_ifindex : world->device_ifindexes[device],
	};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = c->packet.data,
		.data_size_in = (uint32_t)c->packet.length, .data_out = links->scratch.data,
		.data_size_out = (uint32_t)links->scratch.length, .ctx_in = &context,
		.ctx_size_in = sizeof(context), .repeat = 1);
	int program = datapath_kernel_program(
		world->datapath, underlay ? DATAPATH_UNDERLAY : DATAPATH_PORT);
	int result = bpf_prog_test_run_opts(program, &options);
	if (result < 0)
		return error_set(error, -result, "BPF_PROG_TEST_RUN: %s", strerror(-result));
	*length = options.data_size_out;
	*verdict = options.retval;
	return 0;
}

// What comes before the frame that is looked at.
static int prepare(struct world *world, const struct vector_case *c, struct error *error)
{
	struct seen junk = {0};
	uint32_t length, verdict;
	int result = 0;

	for (unsigned i = 0; i < c->before && result == 0; i++)
		result = test_run(world, c, &length, &verdict, error);
	gather(world, &junk);
	seen_done(&junk);
	return result;
}

static int run_test(
	struct world *world, const struct vector_case *c, struct seen *out, struct error *error)
{
	struct links *links = world->links;
	uint32_t length, verdict;
	int result = prepare(world, c, error);

	struct counted before = world_count(world);
	if (result == 0)
		result = test_run(world, c, &length, &verdict, error);
	if (result < 0) {
		counted_done(&before);
		return result;
	}

	// The packet itself, if it is redirected, comes back here and goes nowhere.
	bool redirected = verdict == TC_ACT_REDIRECT;
	size_t copies = c->output_count - (redirected && c->output_count > 0 ? 1 : 0);
	gather_all(world, c, copies, &before, out);
	counted_done(&before);
	if (redirected) {
		struct bytes frame = {memory_new(length + 1), length};
		memcpy(frame.data, links->scratch.data, frame.length);
		seen_add(out, NULL, frame, 0);
	}
	if (verdict == TC_ACT_OK || verdict == (uint32_t)TC_ACT_UNSPEC)
		out->verdict = VECTOR_PASS;
	else if (out->drop_count > 0)
		out->verdict = VECTOR_DROP;
	return 0;
}

static int run_wire(
	struct world *world, const struct vector_case *c, struct seen *out, struct error *error)
{
	struct links *links = world->links;
	int device = world_device(world, c->from);
	int fd = device < 0 ? links->underlay_socket : links->sockets[device];
	int result = prepare(world, c, error);

	if (result < 0)
		return result;
	struct counted before = world_count(world);
	result = frame_send(fd, &c->packet, c->gso);
	if (result < 0) {
		counted_done(&before);
		return error_set(error, -result, "cannot send: %s", strerror(-result));
	}
	gather_all(world, c, c->output_count, &before, out);
	counted_done(&before);
	if (out->drop_count > 0)
		out->verdict = VECTOR_DROP;
	else if (out->output_count == 0)
		out->verdict = VECTOR_PASS;
	return 0;
}

// The test run knows no superpackets (it sets their segment size and not their kind), and refuses IP frames that end inside
// the header.
static bool suits_test_run(const struct vector_case *c)
{
	uint8_t type = c->packet.length > ETH_HLEN ? c->packet.data[12] : 0;
	size_t least = ETH_HLEN + (type == 0x08 ? 20 : type == 0x86 ? 40 : 0);

	return c->gso == 0 && c->packet.length >= least;
}

static const struct way kernel_ways[] = {
	{.name = "test run", .run = run_test, .suits = suits_test_run},
	{.name = "wire", .run = run_wire},
};

const struct world_kind world_kernel = {
	.name = "kernel",
	.ways = kernel_ways,
	.way_count = array_count(kernel_ways),
	.open = kernel_world_open,
	.attach = kernel_world_attach,
	.close = kernel_world_close,
	.age = kernel_world_age,
	.forget = kernel_world_forget,
	.share = kernel_world_share,
};
