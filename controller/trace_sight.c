// SPDX-License-Identifier: Apache-2.0
#include "trace_sight.h"

#include <string.h>

// An object's path that the client sees: "acme/ports/web1".
static bool sees(const struct identity *identity, const json_t *path)
{
	enum model_kind kind;
	char tenant[64], name[64];
	const char *text = json_string_value(path);
	return text && !object_path_parse(text, &kind, tenant, name) && *tenant &&
	       identity_sees_tenant(identity, tenant);
}

static void keep(json_t *object, const char *const *members)
{
	const char *name;
	json_t *value;
	void *next;
	json_object_foreach_safe(object, next, name, value)
	{
		size_t i = 0;
		while (members[i] && strcmp(members[i], name))
			i++;
		if (!members[i])
			json_object_del(object, name);
	}
}

// Frames show the underlay's addresses, drift the rows of others; details speak of both where the
// stage is not of an object that is seen.
static json_t *reduce_stage(const struct identity *identity, const json_t *stage)
{
	static const char *const own[] = {
		"stage", "ok", "detail", "object", "revision", "rule", "reason", "help", NULL};
	static const char *const others[] = {"stage", "ok", "reason", "help", NULL};
	json_t *copy = json_copy((json_t *)stage);
	keep(copy, sees(identity, json_object_get(stage, "object")) ? own : others);
	if (!json_object_get(copy, "detail"))
		json_object_set_new(copy, "detail", json_string(""));
	return copy;
}

static json_t *reduce_output(const struct identity *identity, const json_t *output)
{
	static const char *const own[] = {"underlay", "host", "back", "device", "port", NULL};
	static const char *const others[] = {"underlay", "host", "back", NULL};
	json_t *copy = json_copy((json_t *)output);
	keep(copy, sees(identity, json_object_get(output, "port")) ? own : others);
	return copy;
}

static void reduce_list(const struct identity *identity, json_t *host, const char *list,
	json_t *(*reduce)(const struct identity *, const json_t *))
{
	json_t *reduced = json_array(), *item;
	size_t index;
	json_array_foreach (json_object_get(host, list), index, item)
		json_array_append_new(reduced, reduce(identity, item));
	json_object_set_new(host, list, reduced);
}

void trace_reduce(const struct identity *identity, json_t *hosts)
{
	size_t index;
	json_t *host;
	if (!identity_is_scoped(identity))
		return;
	json_array_foreach (hosts, index, host) {
		static const char *const known[] = {"host", "stages", "verdict", "outputs",
			"reason", "help", "asked", "problem", NULL};
		keep(host, known);
		reduce_list(identity, host, "stages", reduce_stage);
		reduce_list(identity, host, "outputs", reduce_output);
	}
}
