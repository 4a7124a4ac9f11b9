// SPDX-License-Identifier: Apache-2.0
// The status of a policy: what all hosts counted by its rules.
#include "policy_status.h"

#include <string.h>

#include "base/memory.h"
#include "reports.h"

enum { LOGGED = 16 };

struct sum {
	uint64_t packets, bytes;
	json_t *log; // of all hosts; NULL: nothing is logged
};

struct sums {
	const struct policy *policy;
	json_t *places;    // name to index
	struct sum *items; // by index; the default behind the last
};

// Where the rule is now that was counted; -1: there is none. A rule without a name is known by its
// place, which may be another one's in another revision.
static json_int_t place_of(const struct sums *sums, const json_t *counted)
{
	json_int_t count = (json_int_t)sums->policy->rules.count;
	json_int_t index = json_integer_value(json_object_get(counted, "index"));
	json_int_t revision = json_integer_value(json_object_get(counted, "revision"));
	const char *name = json_string_value(json_object_get(counted, "name"));
	if (name) {
		const json_t *place = json_object_get(sums->places, name);
		return place ? json_integer_value(place) : -1;
	}
	if (index == -1)
		return count;
	return revision == (json_int_t)sums->policy->object.revision && index < count ? index : -1;
}

// By time: each host's are in order.
static void insert(json_t *log, json_t *entry)
{
	size_t place = json_array_size(log);
	json_int_t at = json_integer_value(json_object_get(entry, "at"));
	while (place &&
		json_integer_value(json_object_get(json_array_get(log, place - 1), "at")) > at)
		place--;
	json_array_insert_new(log, place, entry);
	if (json_array_size(log) > LOGGED)
		json_array_remove(log, 0);
}

static void add_log(struct sum *sum, const char *host, const json_t *log)
{
	size_t index;
	json_t *entry;
	json_array_foreach (log, index, entry) {
		if (!json_is_object(entry))
			continue;
		json_t *copy = json_copy(entry);
		json_object_set_new(copy, "host", json_string(host));
		if (!sum->log)
			sum->log = json_array();
		insert(sum->log, copy);
	}
}

static void add(void *context, const char *host, const json_t *counted)
{
	struct sums *sums = context;
	json_int_t place = place_of(sums, counted);
	if (place < 0)
		return;
	sums->items[place].packets +=
		(uint64_t)json_integer_value(json_object_get(counted, "packets"));
	sums->items[place].bytes += (uint64_t)json_integer_value(json_object_get(counted, "bytes"));
	add_log(&sums->items[place], host, json_object_get(counted, "log"));
}

static json_t *sum_encode(const struct sum *sum, const char *name, json_int_t index,
	const char *direction, const char *action)
{
	return json_pack("{s:s?,s:I,s:s?,s:s,s:I,s:I,s:o*}", "name", name, "index", index,
		"direction", direction, "action", action, "packets", (json_int_t)sum->packets,
		"bytes", (json_int_t)sum->bytes, "log", sum->log);
}

json_t *policy_status(const struct controller *controller, const struct policy *policy)
{
	static const char *const directions[] = {
		[RULE_INGRESS] = "ingress", [RULE_EGRESS] = "egress"};
	static const char *const actions[] = {
		[RULE_ALLOW] = "allow",
		[RULE_ALLOW_STATELESS] = "allow-stateless",
		[RULE_DROP] = "drop",
		[RULE_REJECT] = "reject",
	};
	size_t count = policy->rules.count;
	struct sums sums = {policy, json_object(), memory_new((count + 1) * sizeof(struct sum))};
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		if (policy->rules.items[i].name)
			json_object_set_new(sums.places, policy->rules.items[i].name,
				json_integer((json_int_t)i));
	reports_rules(controller, &policy->object, add, &sums);
	for (size_t i = 0; i < count; i++) {
		const struct policy_rule *rule = &policy->rules.items[i];
		json_array_append_new(
			list, sum_encode(&sums.items[i], rule->name, (json_int_t)i,
				      directions[rule->direction], actions[rule->action]));
	}
	json_array_append_new(list, sum_encode(&sums.items[count], "default", -1, NULL,
					    policy->otherwise == POLICY_DROP ? "drop" : "allow"));
	json_decref(sums.places);
	free(sums.items);
	return json_pack("{s:o}", "rules", list);
}
