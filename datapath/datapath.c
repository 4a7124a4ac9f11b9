// SPDX-License-Identifier: Apache-2.0
// Dispatch to the provider, and what is the same for all of them.
#include "datapath/datapath.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "provider.h"

#define TABLE(name_, NAME, key, value, kind_, maximum_) \
	[DP_TABLE_##NAME] = {                           \
		.name = #name_,                         \
		.key_size = sizeof(key),                \
		.value_size = sizeof(value),            \
		.maximum = maximum_,                    \
		.kind = DATAPATH_TABLE_##kind_,         \
	},
#define STATE(name_, NAME, key, value, kind_, maximum_) \
	[DP_STATE_##NAME] = {                           \
		.name = #name_,                         \
		.key_size = sizeof(key),                \
		.value_size = sizeof(value),            \
		.maximum = maximum_,                    \
		.kind = DATAPATH_TABLE_##kind_,         \
	},
const struct datapath_table datapath_tables[DP_TABLE_COUNT] = {DP_TABLES(TABLE)};
const struct datapath_table datapath_states[DP_STATE_COUNT] = {DP_STATES(STATE)};
#undef TABLE
#undef STATE

static const struct datapath_provider *const providers[] = {&datapath_kernel, &datapath_native};

static const struct datapath_provider *find_provider(const char *name, struct error *error)
{
	for (size_t i = 0; i < array_count(providers); i++)
		if (strcmp(providers[i]->name, name) == 0)
			return providers[i];
	error_set(error, EINVAL, "there is no datapath \"%s\"; there are kernel and native", name);
	return NULL;
}

int datapath_open(struct datapath **out, const char *name, const char *state, struct error *error)
{
	const struct datapath_provider *provider = find_provider(name, error);

	return provider ? provider->open(out, state, error) : -EINVAL;
}

void datapath_close(struct datapath *datapath)
{
	if (datapath)
		datapath->provider->close(datapath);
}

int datapath_destroy(const char *name, const char *state, datapath_detached_visit visit,
	void *context, struct error *error)
{
	const struct datapath_provider *provider = find_provider(name, error);

	return provider ? provider->destroy(state, visit, context, error) : -EINVAL;
}

size_t datapath_key_size(enum dp_table table)
{
	return datapath_tables[table].key_size;
}

size_t datapath_value_size(enum dp_table table)
{
	return datapath_tables[table].value_size;
}

const char *datapath_table_name(enum dp_table table)
{
	return datapath_tables[table].name;
}

size_t datapath_state_key_size(enum dp_state state)
{
	return datapath_states[state].key_size;
}

size_t datapath_state_value_size(enum dp_state state)
{
	return datapath_states[state].value_size;
}

bool datapath_row_is_zero(enum dp_table table, const void *value)
{
	const uint8_t *bytes = value;

	for (size_t i = 0; i < datapath_tables[table].value_size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

int datapath_put(struct datapath *datapath, enum dp_table table, const void *key, const void *value,
	struct error *error)
{
	int result = datapath->provider->put(datapath, table, key, value, error);

	if (result == 0)
		datapath->writes++;
	return result;
}

int datapath_remove(
	struct datapath *datapath, enum dp_table table, const void *key, struct error *error)
{
	int result = datapath->provider->remove(datapath, table, key, error);

	if (result == 0)
		datapath->writes++;
	return result == -ENOENT ? 0 : result;
}

int datapath_find(struct datapath *datapath, enum dp_table table, const void *key, void *value,
	struct error *error)
{
	return datapath->provider->find(datapath, table, key, value, error);
}

int datapath_each(struct datapath *datapath, enum dp_table table, datapath_visit visit,
	void *context, struct error *error)
{
	return datapath->provider->each(datapath, table, visit, context, error);
}

int datapath_settle(struct datapath *datapath, struct error *error)
{
	return datapath->provider->settle(datapath, error);
}

uint64_t datapath_writes(const struct datapath *datapath)
{
	return datapath->writes;
}

int datapath_attach(
	struct datapath *datapath, uint32_t ifindex, enum datapath_role role, struct error *error)
{
	return datapath->provider->attach(datapath, ifindex, role, error);
}

int datapath_detach(struct datapath *datapath, uint32_t ifindex, struct error *error)
{
	return datapath->provider->detach(datapath, ifindex, error);
}

int datapath_attached(struct datapath *datapath, uint32_t ifindex, enum datapath_role role)
{
	return datapath->provider->attached(datapath, ifindex, role);
}

int datapath_found(struct datapath *datapath, uint32_t ifindex, enum datapath_role *role)
{
	return datapath->provider->found(datapath, ifindex, role);
}

int datapath_counters(struct datapath *datapath, datapath_counters_visit visit, void *context,
	struct error *error)
{
	return datapath->provider->counters(datapath, visit, context, error);
}

int datapath_drops(
	struct datapath *datapath, datapath_drops_visit visit, void *context, struct error *error)
{
	return datapath->provider->drops(datapath, visit, context, error);
}

int datapath_punts(struct datapath *datapath, unsigned maximum, datapath_punts_visit visit,
	void *context, struct error *error)
{
	return datapath->provider->punts(datapath, maximum, visit, context, error);
}

int datapath_decisions(struct datapath *datapath, datapath_decisions_visit visit, void *context,
	struct error *error)
{
	return datapath->provider->decisions(datapath, visit, context, error);
}

int datapath_punts_fd(struct datapath *datapath, struct error *error)
{
	return datapath->provider->punts_fd(datapath, error);
}

void datapath_counters_forget(struct datapath *datapath, uint32_t port)
{
	datapath->provider->counters_forget(datapath, port);
}

int datapath_each_state(struct datapath *datapath, enum dp_state state, datapath_visit visit,
	void *context, struct error *error)
{
	return datapath->provider->each_state(datapath, state, visit, context, error);
}

struct connections {
	datapath_connections_visit visit;
	void *context;
};

static int visit_connection(void *context, const void *key, const void *value)
{
	const struct connections *connections = context;

	return connections->visit(connections->context, key, value);
}

static int visit_embryo(void *context, const void *key, const void *value)
{
	const struct connections *connections = context;
	const struct dp_embryo *embryo = value;
	int result = 0;

	(void)key;
	for (size_t i = 0; i < DP_EMBRYO_SLOTS && result == 0; i++)
		if (embryo->slots[i].tag)
			result = connections->visit(connections->context, &embryo->slots[i].tuple,
				&embryo->slots[i].connection);
	return result;
}

int datapath_connections(struct datapath *datapath, datapath_connections_visit visit, void *context,
	struct error *error)
{
	struct connections connections = {visit, context};
	int result = datapath_each_state(
		datapath, DP_STATE_CONNECTION, visit_connection, &connections, error);

	return result ? result
		      : datapath_each_state(
				datapath, DP_STATE_EMBRYO, visit_embryo, &connections, error);
}

int datapath_find_state(struct datapath *datapath, enum dp_state state, const void *key,
	void *value, struct error *error)
{
	return datapath->provider->find_state(datapath, state, key, value, error);
}

int datapath_expire(struct datapath *datapath, uint64_t now, size_t budget, struct error *error)
{
	return datapath->provider->expire(datapath, now, budget, error);
}

int datapath_rule_counters(
	struct datapath *datapath, datapath_rules_visit visit, void *context, struct error *error)
{
	return datapath->provider->rule_counters(datapath, visit, context, error);
}

int datapath_rule_counted(
	struct datapath *datapath, uint32_t rule, struct dp_rule_counters *counters)
{
	return datapath->provider->rule_counted(datapath, rule, counters);
}

void datapath_rule_counters_forget(struct datapath *datapath, uint32_t rule)
{
	datapath->provider->rule_counters_forget(datapath, rule);
}
