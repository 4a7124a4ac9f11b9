// SPDX-License-Identifier: Apache-2.0
#include "compile/compile.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "flush.h"
#include "state.h"
#include "tenancy.h"

void compiler_new(struct compiler **out, const char *host)
{
	struct compiler *compiler = memory_new(sizeof(*compiler));
	compiler->host = memory_text(host);
	rows_init(&compiler->rows);
	*out = compiler;
}

static void node_free(struct compiler *compiler, struct node *node)
{
	HASH_DEL(compiler->nodes, node);
	object_unref(node->object);
	free(node->origin.path);
	free(node);
}

static void device_free(struct compiler *compiler, struct device *device)
{
	HASH_DEL(compiler->devices, device);
	free(device->name);
	free(device);
}

void compiler_free(struct compiler *compiler)
{
	if (!compiler)
		return;
	tenancies_done(compiler);
	struct node *node, *next;
	HASH_ITER (hh, compiler->nodes, node, next) {
		struct presence *presence, *after;
		if (node->kind == MODEL_NETWORK) {
			struct network_node *network = (struct network_node *)node;
			HASH_ITER (hh, network->remotes, presence, after) {
				HASH_DEL(network->remotes, presence);
				free(presence);
			}
		} else if (node->kind == MODEL_ROUTER) {
			struct router_node *router = (struct router_node *)node;
			routes_release(compiler, router);
			free(router->joined);
		} else if (node->kind == MODEL_POLICY) {
			policy_done(compiler, (struct policy_node *)node);
		}
		node_free(compiler, node);
	}
	rows_done(&compiler->rows);
	struct device *device, *following;
	HASH_ITER (hh, compiler->devices, device, following)
		device_free(compiler, device);
	free(compiler->host);
	free(compiler);
}

// ---- nodes ----

static struct node *node_find(
	struct compiler *compiler, enum model_kind kind, const char *tenant, const char *name)
{
	char path[OBJECT_PATH_TEXT];
	struct node *node;
	object_path_of(kind, tenant, name, path);
	HASH_FIND_STR(compiler->nodes, path, node);
	return node;
}

struct node *node_get(
	struct compiler *compiler, enum model_kind kind, const char *tenant, const char *name)
{
	static const size_t sizes[MODEL_KIND_COUNT] = {
		[MODEL_HOST] = sizeof(struct host_node),
		[MODEL_NETWORK] = sizeof(struct network_node),
		[MODEL_PORT] = sizeof(struct port_node),
		[MODEL_ROUTER] = sizeof(struct router_node),
		[MODEL_ADDRESS_SET] = sizeof(struct address_set_node),
		[MODEL_POLICY] = sizeof(struct policy_node),
	};
	struct node *node = node_find(compiler, kind, tenant, name);
	if (node)
		return node;
	char path[OBJECT_PATH_TEXT];
	node = memory_new(sizes[kind]);
	node->kind = kind;
	node->origin.path = memory_text(object_path_of(kind, tenant, name, path));
	HASH_ADD_KEYPTR(hh, compiler->nodes, node->origin.path, strlen(node->origin.path), node);
	return node;
}

void node_touch(struct compiler *compiler, struct node *node)
{
	if (node->touched)
		return;
	node->touched = true;
	DL_APPEND(compiler->touched, node);
}

static void node_compile(struct compiler *compiler, struct node *node)
{
	rows_begin(&node->origin);
	if (node->object && node->kind == MODEL_HOST)
		host_compile(compiler, (struct host_node *)node);
	else if (node->object && node->kind == MODEL_NETWORK)
		network_compile(compiler, (struct network_node *)node);
	else if (node->object && node->kind == MODEL_PORT)
		port_compile(compiler, (struct port_node *)node);
	else if (node->object && node->kind == MODEL_ROUTER)
		router_compile(compiler, (struct router_node *)node);
	rows_end(&compiler->rows, &node->origin);
	if (node->kind == MODEL_ROUTER)
		routes_release(compiler, (struct router_node *)node);
	else if (node->kind == MODEL_PORT)
		guard_compile(compiler, (struct port_node *)node);
}

// Does anything still hold this node? Who lets go of a node touches it, so the flush finds those
// that nobody needs.
static bool node_unused(const struct node *node)
{
	if (node->object)
		return false;
	if (node->kind == MODEL_HOST)
		return !((const struct host_node *)node)->ports;
	if (node->kind == MODEL_NETWORK) {
		const struct network_node *network = (const struct network_node *)node;
		return !network->local && !network->other && !network->routers;
	}
	if (node->kind == MODEL_ADDRESS_SET)
		return !((const struct address_set_node *)node)->users;
	return true;
}

// What the object refers to.
static void node_link(struct compiler *compiler, struct node *node)
{
	if (node->kind == MODEL_PORT)
		port_link(compiler, (struct port_node *)node);
	else if (node->kind == MODEL_ROUTER)
		router_link(compiler, (struct router_node *)node);
	else if (node->kind == MODEL_POLICY)
		policy_link(compiler, (struct policy_node *)node);
}

static void node_unlink(struct compiler *compiler, struct node *node)
{
	if (node->kind == MODEL_PORT)
		port_unlink(compiler, (struct port_node *)node);
	else if (node->kind == MODEL_ROUTER)
		router_unlink(compiler, (struct router_node *)node);
	else if (node->kind == MODEL_POLICY)
		policy_unlink(compiler, (struct policy_node *)node);
}

static void node_replace(struct compiler *compiler, struct node *node, struct object *object)
{
	struct object *before = node->object;
	if (before)
		node_unlink(compiler, node);
	node->object = object;
	if (object) {
		node->origin.revision = object->revision;
		node_link(compiler, node);
	}
	if (node->kind == MODEL_ADDRESS_SET)
		address_set_changed(compiler, (struct address_set_node *)node);
	else if (node->kind == MODEL_NETWORK)
		network_changed(compiler, (struct network_node *)node, before);
	else if (node->kind == MODEL_HOST)
		host_changed(compiler, (struct host_node *)node, before);
	node_touch(compiler, node);
	object_unref(before);
}

// ---- inputs ----

void compiler_put(struct compiler *compiler, struct object *object)
{
	if (object->kind == MODEL_TENANT)
		return; // nothing follows from a tenant by itself
	struct node *node = node_get(compiler, object->kind, object->tenant, object->name);
	node_replace(compiler, node, object_ref(object));
}

void compiler_remove(
	struct compiler *compiler, enum model_kind kind, const char *tenant, const char *name)
{
	struct node *node = node_find(compiler, kind, tenant, name);
	if (node && node->object)
		node_replace(compiler, node, NULL);
}

struct device *device_get(struct compiler *compiler, const char *name)
{
	struct device *device;
	HASH_FIND_STR(compiler->devices, name, device);
	if (device)
		return device;
	device = memory_new(sizeof(*device));
	device->name = memory_text(name);
	HASH_ADD_KEYPTR(hh, compiler->devices, device->name, strlen(device->name), device);
	return device;
}

void device_release(struct compiler *compiler, struct device *device)
{
	if (!device->seen.ifindex && !device->ports)
		device_free(compiler, device);
}

void compiler_device(
	struct compiler *compiler, const char *name, const struct compiler_device *seen)
{
	struct compiler_device now = seen ? *seen : (struct compiler_device){0};
	struct device *device = device_get(compiler, name);
	if (device->seen.ifindex != now.ifindex || device->seen.device != now.device) {
		device->seen = now;
		struct port_node *port;
		DL_FOREACH2(device->ports, port, device_next)
		{
			compiler->ports_changes++;
			node_touch(compiler, &port->node);
			node_touch(compiler, &port->network->node);
		}
	}
	device_release(compiler, device);
}

void compiler_underlay(struct compiler *compiler, uint32_t ifindex, uint32_t mtu)
{
	compiler->underlay_ifindex = ifindex;
	compiler->underlay_mtu = mtu;
	struct node *node = node_find(compiler, MODEL_HOST, NULL, compiler->host);
	if (node)
		node_touch(compiler, node);
}

// ---- outputs ----

int compiler_flush(struct compiler *compiler, compiler_emit emit, void *context)
{
	segments_settle(compiler);
	policies_settle(compiler);
	tenancies_settle(compiler);
	while (compiler->touched) {
		struct node *node = compiler->touched;
		DL_DELETE(compiler->touched, node);
		node->touched = false;
		node_compile(compiler, node);
		if (node_unused(node) && node->kind == MODEL_POLICY)
			policy_done(compiler, (struct policy_node *)node);
		if (node_unused(node))
			node_free(compiler, node);
	}
	return flush_rows(&compiler->rows, emit, context);
}

int compiler_rows(const struct compiler *compiler, compiler_emit emit, void *context)
{
	return rows_each(&compiler->rows, emit, context);
}

const void *compiler_row(const struct compiler *compiler, enum dp_table table, const void *key)
{
	return rows_find(&compiler->rows, table, key);
}

int compiler_origin(const struct compiler *compiler, enum dp_table table, const void *key,
	struct compiler_origin *out)
{
	const struct origin *origin = rows_origin(&compiler->rows, table, key);
	if (!origin)
		return -ENOENT;
	*out = (struct compiler_origin){origin->path, origin->revision};
	return 0;
}

size_t compiler_count(const struct compiler *compiler, enum dp_table table)
{
	return compiler->rows.installed[table];
}

void compiler_forget(struct compiler *compiler)
{
	rows_forget(&compiler->rows);
}

void compiler_found(
	struct compiler *compiler, enum dp_table table, const void *key, const void *value)
{
	rows_found(&compiler->rows, table, key, value);
}

// Why the port cannot be realized; NULL: it can, once its device is there. Owned by the caller.
static char *port_problem(const struct port_node *port)
{
	const struct port *object = (const struct port *)port->node.object;
	if (!network_of(port->network))
		return memory_format(
			"network %s/%s is not known", object->object.tenant, object->network);
	for (int direction = 0; direction < DP_DIRECTIONS; direction++) {
		const struct ruleset *ruleset = port->identity->rulesets[direction];
		if (ruleset && ruleset->overflow)
			return memory_format(
				"the policies of the port have more than %d rules", DP_SET_RULES);
	}
	if (!port->device)
		return memory_text("the port names no device");
	const struct port_node *other;
	DL_FOREACH2(port->device->ports, other, device_next)
	{
		if (strcmp(other->node.origin.path, port->node.origin.path) > 0)
			return memory_format("device %s is used by port %s/%s", port->device->name,
				other->node.object->tenant, other->node.object->name);
	}
	return NULL;
}

void compiler_ports(const struct compiler *compiler,
	void (*visit)(void *context, const struct compiler_port *port), void *context)
{
	char path[OBJECT_PATH_TEXT];
	struct node *node;
	object_path_of(MODEL_HOST, NULL, compiler->host, path);
	HASH_FIND_STR(compiler->nodes, path, node);
	if (!node)
		return;
	const struct port_node *port;
	DL_FOREACH2(((struct host_node *)node)->ports, port, host_next)
	{
		const struct port *object = (const struct port *)port->node.object;
		cleanup_free char *problem = port_problem(port);
		struct compiler_port seen = {
			.tenant = object->object.tenant,
			.name = object->object.name,
			.device = object->device,
			.ifindex = port->device ? port->device->seen.ifindex : 0,
			.key = object->key,
			.problem = problem,
		};
		visit(context, &seen);
	}
}

uint64_t compiler_ports_changes(const struct compiler *compiler)
{
	return compiler->ports_changes;
}
