// SPDX-License-Identifier: Apache-2.0
#include "meter.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "simulation.h"
#include "usage.h"

void meter_init(struct meter *meter, struct simulation *simulation)
{
	*meter = (struct meter){.simulation = simulation};
}

void meter_done(struct meter *meter)
{
	free(meter->milliseconds);
}

static struct meter_reading read_all(const struct simulation *simulation)
{
	const struct fleet_counts *counts = &simulation->fleet.counts;
	struct meter_reading reading = {
		.time_ns = clock_monotonic_ns(),
		.batches = counts->batches,
		.items = counts->items,
		.rows = counts->rows,
		.reports = counts->reports,
		.controller_seconds = usage_of(simulation->server.process).cpu_seconds,
		.hosts_seconds = usage_of(getpid()).cpu_seconds,
	};
	for (size_t i = 0; i < FLEET_CLIENTS; i++) {
		reading.down_bytes += http_client_received(simulation->clients[i].streams);
		reading.up_bytes += http_client_sent(simulation->clients[i].reports);
	}
	return reading;
}

void meter_start(struct meter *meter)
{
	meter->start = read_all(meter->simulation);
	meter->start.time_ns = clock_monotonic_ns();
}

void meter_add(struct meter *meter, double milliseconds)
{
	if (meter->count == meter->capacity) {
		meter->capacity = meter->capacity ? 2 * meter->capacity : 64;
		meter->milliseconds = memory_resize(
			meter->milliseconds, meter->capacity, sizeof(*meter->milliseconds));
	}
	meter->milliseconds[meter->count++] = milliseconds;
}

static void add_difference(struct meter *meter, const struct meter_reading *now)
{
	const struct meter_reading *start = &meter->start;
	struct meter_reading *sum = &meter->sum;
	sum->batches += now->batches - start->batches;
	sum->items += now->items - start->items;
	sum->rows += now->rows - start->rows;
	sum->reports += now->reports - start->reports;
	sum->down_bytes += now->down_bytes - start->down_bytes;
	sum->up_bytes += now->up_bytes - start->up_bytes;
	sum->controller_seconds += now->controller_seconds - start->controller_seconds;
	sum->hosts_seconds += now->hosts_seconds - start->hosts_seconds;
}

void meter_stop(struct meter *meter)
{
	uint64_t end = clock_monotonic_ns();
	struct meter_reading now = read_all(meter->simulation);
	add_difference(meter, &now);
	meter_add(meter, (double)(end - meter->start.time_ns) / 1e6);
}

static int compare(const void *first, const void *second)
{
	double a = *(const double *)first, b = *(const double *)second;
	return a < b ? -1 : a > b;
}

// The nearest rank: of 100 values the 99th is the p99.
static double quantile(const struct meter *meter, double part)
{
	size_t rank = (size_t)ceil(part * (double)meter->count);
	return meter->milliseconds[rank ? rank - 1 : 0];
}

json_t *meter_encode(struct meter *meter)
{
	const struct meter_reading *sum = &meter->sum;
	double count = (double)meter->count;
	json_t *samples = json_array();
	if (!meter->count)
		return NULL;
	for (size_t i = 0; i < meter->count; i++)
		json_array_append_new(samples, json_real(meter->milliseconds[i]));
	qsort(meter->milliseconds, meter->count, sizeof(*meter->milliseconds), compare);
	json_t *json = json_pack("{s:I,s:f,s:f,s:f}", "changes", (json_int_t)meter->count, "p50_ms",
		quantile(meter, 0.5), "p99_ms", quantile(meter, 0.99), "most_ms",
		quantile(meter, 1));
	json_object_update_new(json,
		json_pack("{s:f,s:f,s:f,s:f,s:f,s:f}", "hosts_told", (double)sum->batches / count,
			"objects_sent", (double)sum->items / count, "rows_written",
			(double)sum->rows / count, "reports", (double)sum->reports / count,
			"bytes_down", (double)sum->down_bytes / count, "bytes_up",
			(double)sum->up_bytes / count));
	json_object_set_new(json, "hosts_cpu_ms", json_real(sum->hosts_seconds * 1000 / count));
	if (meter->simulation->server.process)
		json_object_set_new(json, "controller_cpu_ms",
			json_real(sum->controller_seconds * 1000 / count));
	json_object_set_new(json, "samples_ms", samples);
	return json;
}

json_t *meter_memory(const struct simulation *simulation)
{
	uint64_t hosts = usage_of(getpid()).memory_bytes;
	json_t *json = json_pack("{s:I}", "hosts_bytes", (json_int_t)hosts);
	if (simulation->fleet.full == simulation->plan.hosts)
		json_object_set_new(json, "host_bytes",
			json_real((double)hosts / (double)simulation->plan.hosts));
	if (!simulation->server.process)
		return json;
	uint64_t controller = usage_of(simulation->server.process).memory_bytes;
	json_object_set_new(json, "controller_bytes", json_integer((json_int_t)controller));
	json_object_set_new(json, "controller_port_bytes",
		json_real((double)controller / (double)simulation->plan.ports));
	return json;
}
