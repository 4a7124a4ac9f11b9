// SPDX-License-Identifier: Apache-2.0
// What changes cost in a large topology, and what it takes of memory: topology_bench [HOSTS PORTS].
//
// Ports are placed at random, 100 on a network, so that a network has about 100 hosts and almost
// every pair of hosts shares one at the larger size: the worst placement for the pairs.
#include "topology/topology.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

enum { NETWORK_PORTS = 100, SAMPLES = 2000 };

struct bench {
	int hosts, networks, ports;
	struct topology *topology;
	struct object **port, **host;
	size_t emissions;
};

static int at_random(int count)
{
	return (int)((rand() * 32768ll + rand()) % count);
}

static struct object *make(enum model_kind kind, const char *format, int number, json_t *fields)
{
	char name[32];
	struct object *object;
	struct error error = {0};
	snprintf(name, sizeof(name), format, number);
	if (object_decode(&object, kind, model_kind_in_tenant(kind) ? "acme" : NULL, name, fields,
		    true, &error)) {
		fprintf(stderr, "%s: %s: %s\n", name, error.field, error.message);
		exit(EXIT_FAILURE);
	}
	json_decref(fields);
	return object;
}

static struct object *make_host(int number)
{
	static unsigned serial;
	char vtep[32];
	serial++;
	snprintf(vtep, sizeof(vtep), "10.%u.%u.%u", serial >> 16 & 255, serial >> 8 & 255,
		serial & 255);
	return make(MODEL_HOST, "host-%d", number, json_pack("{s:s}", "vtep", vtep));
}

static struct object *make_network(int number)
{
	return make(MODEL_NETWORK, "network-%d", number, json_pack("{s:i}", "vni", number + 1));
}

static struct object *make_port(int number, int network, int host)
{
	char network_name[32], host_name[32], mac[32], address[32];
	snprintf(network_name, sizeof(network_name), "network-%d", network);
	snprintf(host_name, sizeof(host_name), "host-%d", host);
	snprintf(mac, sizeof(mac), "02:00:00:%02x:%02x:%02x", number >> 16 & 255, number >> 8 & 255,
		number & 255);
	snprintf(address, sizeof(address), "10.%d.%d.%d", number >> 16 & 255, number >> 8 & 255,
		number & 255);
	return make(MODEL_PORT, "port-%d", number,
		json_pack("{s:s, s:s, s:s, s:[s], s:i}", "network", network_name, "host", host_name,
			"mac", mac, "addresses", address, "key", number + 1));
}

static void count_emission(
	void *context, const char *host, struct object *before, struct object *after)
{
	(void)host, (void)before, (void)after;
	((struct bench *)context)->emissions++;
}

static size_t memory_in_use(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

// ---- building ----

static void build(struct bench *bench)
{
	size_t count = 0;
	size_t total = (size_t)(bench->hosts + bench->networks + bench->ports);
	struct topology_change *changes = memory_new(total * sizeof(*changes));
	bench->host = memory_new((size_t)bench->hosts * sizeof(*bench->host));
	bench->port = memory_new((size_t)bench->ports * sizeof(*bench->port));
	size_t lists = memory_in_use();
	for (int i = 0; i < bench->hosts; i++)
		changes[count++].after = bench->host[i] = make_host(i);
	for (int i = 0; i < bench->networks; i++)
		changes[count++].after = make_network(i);
	for (int i = 0; i < bench->ports; i++)
		changes[count++].after = bench->port[i] =
			make_port(i, i / NETWORK_PORTS, at_random(bench->hosts));
	size_t objects = memory_in_use();
	uint64_t start = clock_monotonic_ns();
	topology_new(&bench->topology);
	topology_apply(bench->topology, changes, count, NULL, NULL);
	uint64_t took = clock_monotonic_ns() - start;
	size_t graph = memory_in_use();
	printf("load                        %8.1f ms, %.2f us a port\n", (double)took / 1e6,
		(double)took / 1e3 / bench->ports);
	printf("memory of the objects       %8.0f bytes a port\n",
		(double)(objects - lists) / bench->ports);
	printf("memory of the topology      %8.0f bytes a port\n",
		(double)(graph - objects) / bench->ports);
	for (int i = 0; i < bench->networks; i++)
		object_unref(changes[bench->hosts + i].after);
	free(changes);
}

// ---- measuring ----

static int compare_times(const void *first, const void *second)
{
	uint64_t a = *(const uint64_t *)first, b = *(const uint64_t *)second;
	return a < b ? -1 : a > b;
}

static uint64_t apply(struct bench *bench, struct object *before, struct object *after)
{
	struct topology_change change = {before, after};
	uint64_t start = clock_monotonic_ns();
	topology_apply(bench->topology, &change, 1, count_emission, bench);
	return clock_monotonic_ns() - start;
}

// Apply one change and keep what it made in `place`.
static uint64_t replace(struct bench *bench, struct object **place, struct object *after)
{
	uint64_t took = apply(bench, *place, after);
	object_unref(*place);
	*place = after;
	return took;
}

static void report(struct bench *bench, const char *what, uint64_t *times, size_t count)
{
	uint64_t sum = 0;
	qsort(times, count, sizeof(*times), compare_times);
	for (size_t i = 0; i < count; i++)
		sum += times[i];
	printf("%-24s mean %8.1f  p50 %8.1f  p99 %8.1f us, %8.1f emissions\n", what,
		(double)sum / 1e3 / (double)count, (double)times[count / 2] / 1e3,
		(double)times[count * 99 / 100] / 1e3, (double)bench->emissions / (double)count);
	bench->emissions = 0;
}

static const char *host_of(const struct object *port)
{
	return ((const struct port *)port)->host;
}

static void measure_ports(struct bench *bench)
{
	static uint64_t changed[SAMPLES], moved[SAMPLES], deleted[SAMPLES], added[SAMPLES];
	for (size_t i = 0; i < SAMPLES; i++) {
		int number = at_random(bench->ports);
		int host = atoi(host_of(bench->port[number]) + strlen("host-"));
		struct object *after = make_port(number, number / NETWORK_PORTS, host);
		changed[i] = replace(bench, &bench->port[number], after);
	}
	report(bench, "port changed", changed, SAMPLES);
	for (size_t i = 0; i < SAMPLES; i++) {
		int number = at_random(bench->ports);
		struct object *after =
			make_port(number, number / NETWORK_PORTS, at_random(bench->hosts));
		moved[i] = replace(bench, &bench->port[number], after);
	}
	report(bench, "port moved", moved, SAMPLES);
	int numbers[SAMPLES];
	for (size_t i = 0; i < SAMPLES; i++) {
		do
			numbers[i] = at_random(bench->ports);
		while (!bench->port[numbers[i]]);
		deleted[i] = replace(bench, &bench->port[numbers[i]], NULL);
	}
	report(bench, "port deleted", deleted, SAMPLES);
	for (size_t i = 0; i < SAMPLES; i++) {
		struct object *after =
			make_port(numbers[i], numbers[i] / NETWORK_PORTS, at_random(bench->hosts));
		added[i] = replace(bench, &bench->port[numbers[i]], after);
	}
	report(bench, "port added", added, SAMPLES);
}

static void measure_hosts(struct bench *bench)
{
	static uint64_t changed[SAMPLES / 20], asked[SAMPLES / 20];
	for (size_t i = 0; i < array_count(changed); i++) {
		int number = at_random(bench->hosts);
		changed[i] = replace(bench, &bench->host[number], make_host(number));
	}
	report(bench, "host changed", changed, array_count(changed));
	for (size_t i = 0; i < array_count(asked); i++) {
		char name[32];
		snprintf(name, sizeof(name), "host-%d", at_random(bench->hosts));
		uint64_t start = clock_monotonic_ns();
		topology_host(bench->topology, name, count_emission, bench);
		asked[i] = clock_monotonic_ns() - start;
	}
	report(bench, "all of one host", asked, array_count(asked));
}

// One port changed in a network of many ports on `NETWORK_PORTS` hosts: as cheap as in a small one.
static void measure_large_network(struct bench *bench)
{
	enum { LARGE = 10000 };
	static uint64_t changed[SAMPLES];
	struct object **ports = memory_new(LARGE * sizeof(*ports));
	struct topology_change *changes = memory_new((LARGE + 1) * sizeof(*changes));
	struct object *network = make_network(bench->networks);
	changes[LARGE].after = network;
	for (int i = 0; i < LARGE; i++)
		changes[i].after = ports[i] =
			make_port(bench->ports + i, bench->networks, i % NETWORK_PORTS);
	topology_apply(bench->topology, changes, LARGE + 1, NULL, NULL);
	for (size_t i = 0; i < SAMPLES; i++) {
		int number = at_random(LARGE);
		struct object *after =
			make_port(bench->ports + number, bench->networks, number % NETWORK_PORTS);
		changed[i] = replace(bench, &ports[number], after);
	}
	report(bench, "one of 10,000 changed", changed, SAMPLES);
	for (int i = 0; i < LARGE; i++)
		object_unref(ports[i]);
	object_unref(network);
	free(changes);
	free(ports);
}

static void run(int hosts, int ports)
{
	struct bench bench = {.hosts = hosts,
		.networks = (ports + NETWORK_PORTS - 1) / NETWORK_PORTS,
		.ports = ports};
	printf("%d hosts, %d networks, %d ports\n", hosts, bench.networks, ports);
	srand(1);
	build(&bench);
	measure_ports(&bench);
	measure_hosts(&bench);
	measure_large_network(&bench);
	printf("\n");
	topology_free(bench.topology);
	for (int i = 0; i < hosts; i++)
		object_unref(bench.host[i]);
	for (int i = 0; i < ports; i++)
		object_unref(bench.port[i]);
	free(bench.host);
	free(bench.port);
}

int main(int count, char **arguments)
{
	if (count == 3) {
		int hosts = atoi(arguments[1]), ports = atoi(arguments[2]);
		if (hosts < NETWORK_PORTS || ports < SAMPLES) {
			fprintf(stderr, "at least %d hosts and %d ports\n", NETWORK_PORTS, SAMPLES);
			return EXIT_FAILURE;
		}
		run(hosts, ports);
		return EXIT_SUCCESS;
	}
	run(1000, 50000);
	run(10000, 1000000);
	return EXIT_SUCCESS;
}
