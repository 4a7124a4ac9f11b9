// SPDX-License-Identifier: Apache-2.0
#include "counters.h"

#include "base/memory.h"

static const UT_icd drop_icd = {sizeof(struct drop_count), NULL, NULL, NULL};

static struct port_counters *port_get(struct counters *counters, uint32_t port)
{
	struct port_counters *entry;
	HASH_FIND(hh, counters->ports, &port, sizeof(port), entry);
	if (entry)
		return entry;
	entry = memory_new(sizeof(*entry));
	entry->port = port;
	utarray_init(&entry->drops, &drop_icd);
	HASH_ADD(hh, counters->ports, port, sizeof(port), entry);
	return entry;
}

void counters_done(struct counters *counters)
{
	struct port_counters *entry, *next;
	HASH_ITER (hh, counters->ports, entry, next) {
		HASH_DEL(counters->ports, entry);
		utarray_done(&entry->drops);
		free(entry);
	}
}

static void take_counters(void *context, uint32_t port, const struct dp_counters *values)
{
	port_get(context, port)->counters = *values;
}

static void take_drops(void *context, uint32_t port, uint32_t reason, const struct dp_drops *drops)
{
	struct drop_count count = {reason, *drops};
	utarray_push_back(&port_get(context, port)->drops, &count);
}

static int compare_reasons(const void *left, const void *right)
{
	const struct drop_count *a = left, *b = right;
	return a->reason < b->reason ? -1 : a->reason > b->reason;
}

static bool port_equal(const struct port_counters *a, const struct port_counters *b)
{
	if (memcmp(&a->counters, &b->counters, sizeof(a->counters)) ||
		utarray_len(&a->drops) != utarray_len(&b->drops))
		return false;
	for (unsigned i = 0; i < utarray_len(&a->drops); i++) {
		const struct drop_count *x = (const void *)utarray_eltptr(&a->drops, i);
		const struct drop_count *y = (const void *)utarray_eltptr(&b->drops, i);
		if (x->reason != y->reason || x->drops.packets != y->drops.packets)
			return false;
	}
	return true;
}

int counters_collect(struct counters *counters, struct datapath *datapath, struct error *error)
{
	struct counters now = {0};
	int result = datapath_counters(datapath, take_counters, &now, error);
	if (!result)
		result = datapath_drops(datapath, take_drops, &now, error);
	if (result) {
		counters_done(&now);
		return result;
	}
	bool moved = HASH_COUNT(now.ports) != HASH_COUNT(counters->ports);
	for (struct port_counters *entry = now.ports; entry; entry = entry->hh.next) {
		if (utarray_len(&entry->drops))
			utarray_sort(&entry->drops, compare_reasons);
		const struct port_counters *before = counters_find(counters, entry->port);
		moved = moved || !before || !port_equal(before, entry);
	}
	counters_done(counters);
	*counters = now;
	return moved;
}

const struct port_counters *counters_find(const struct counters *counters, uint32_t port)
{
	const struct port_counters *entry;
	HASH_FIND(hh, counters->ports, &port, sizeof(port), entry);
	return entry;
}

json_t *counters_encode(const struct port_counters *from)
{
	if (!from)
		return NULL;
	return json_pack("{s:I,s:I,s:I,s:I}", "from_port_packets",
		(json_int_t)from->counters.from_port_packets, "from_port_bytes",
		(json_int_t)from->counters.from_port_bytes, "to_port_packets",
		(json_int_t)from->counters.to_port_packets, "to_port_bytes",
		(json_int_t)from->counters.to_port_bytes);
}

json_t *counters_encode_drops(const struct port_counters *from)
{
	if (!from)
		return NULL;
	json_t *drops = json_object();
	for (unsigned i = 0; i < utarray_len(&from->drops); i++) {
		const struct drop_count *count = (const void *)utarray_eltptr(&from->drops, i);
		const char *name = datapath_reason_name(count->reason);
		if (name)
			json_object_set_new(drops, name,
				json_pack("{s:I,s:I}", "packets", (json_int_t)count->drops.packets,
					"bytes", (json_int_t)count->drops.bytes));
	}
	return drops;
}
