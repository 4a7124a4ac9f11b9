// SPDX-License-Identifier: Apache-2.0
#include "evaluate.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

// ---- segments ----

static const struct network *network_find(
	const struct world *world, const char *tenant, const char *name)
{
	for (unsigned i = 0; i < NETWORKS; i++) {
		const struct object *object = world->networks[i];
		if (object && !strcmp(object->tenant, tenant) && !strcmp(object->name, name))
			return (const struct network *)object;
	}
	return NULL;
}

static bool joins(const struct world *world, const struct router *router, unsigned index)
{
	for (size_t i = 0; i < router->networks.count; i++) {
		const struct network *network = network_find(
			world, router->object.tenant, router->networks.items[i].network);
		if (network && &network->object == world->networks[index])
			return true;
	}
	return false;
}

// The smallest VNI spreads over routers until nothing changes.
void evaluate_segments(struct world *world)
{
	bool changed = true;
	for (unsigned i = 0; i < NETWORKS; i++)
		world->domains[i] =
			world->networks[i] ? ((struct network *)world->networks[i])->vni : 0;
	while (changed) {
		changed = false;
		for (unsigned i = 0; i < ROUTERS * NETWORKS * NETWORKS; i++) {
			const struct router *router = (struct router *)world->routers[i % ROUTERS];
			unsigned a = i / ROUTERS % NETWORKS, b = i / ROUTERS / NETWORKS;
			if (!router || world->domains[a] >= world->domains[b] ||
				!joins(world, router, a) || !joins(world, router, b))
				continue;
			world->domains[b] = world->domains[a];
			changed = true;
		}
	}
}

uint32_t evaluate_domain(const struct world *world, const struct port *port)
{
	for (unsigned i = 0; i < NETWORKS; i++) {
		const struct object *network = world->networks[i];
		if (network && !strcmp(network->name, port->network) &&
			!strcmp(network->tenant, port->object.tenant))
			return world->domains[i];
	}
	return 0;
}

// ---- peers ----

// Whose address it is. Of several, the one with the greatest path.
static const struct port *owner_of(
	const struct world *world, uint32_t domain, const struct address *address)
{
	const struct port *owner = NULL;
	char path[OBJECT_PATH_TEXT], best[OBJECT_PATH_TEXT] = "";
	for (unsigned i = 0; i < PORTS; i++) {
		const struct port *port = (struct port *)world->ports[i];
		if (!port)
			continue;
		struct address link_local = address_link_local(&port->mac);
		bool owns = !address_compare(&link_local, address);
		for (size_t j = 0; j < port->addresses.count; j++)
			owns = owns || !address_compare(&port->addresses.items[j], address);
		if (owns)
			object_path(&port->object, path);
		if (!owns || evaluate_domain(world, port) != domain || strcmp(path, best) < 0)
			continue;
		memcpy(best, path, sizeof(best));
		owner = port;
	}
	return owner;
}

static bool in_set(const struct world *world, const char *tenant, const char *name,
	const struct address *address)
{
	for (unsigned i = 0; i < SETS; i++) {
		const struct address_set *set = (struct address_set *)world->sets[i];
		if (!set || strcmp(set->object.tenant, tenant) || strcmp(set->object.name, name))
			continue;
		for (size_t j = 0; j < set->addresses.count; j++)
			if (prefix_contains(&set->addresses.items[j], address))
				return true;
	}
	return false;
}

static bool peers_take(const struct world *world, const struct peer_list *peers, const char *tenant,
	const struct port *port, const struct address *address)
{
	bool taken = peers->count == 0;
	for (size_t i = 0; i < peers->count; i++) {
		const struct peer *peer = &peers->items[i];
		switch (peer->kind) {
		case PEER_ANY:
			taken = true;
			break;
		case PEER_SELECTOR:
			taken = taken || (port && !strcmp(port->object.tenant, tenant) &&
						 selector_matches(&peer->selector, &port->labels));
			break;
		case PEER_PREFIX:
			taken = taken || prefix_contains(&peer->prefix, address);
			break;
		case PEER_SET:
			taken = taken || in_set(world, tenant, peer->name, address);
			break;
		}
	}
	return taken;
}

static bool services_take(const struct service_list *services, uint8_t protocol, uint16_t port)
{
	bool taken = services->count == 0;
	for (size_t i = 0; i < services->count; i++)
		taken = taken ||
			(services->items[i].protocol == protocol &&
				services->items[i].low <= port && port <= services->items[i].high);
	return taken;
}

// ---- rules ----

static bool rule_takes(const struct world *world, const struct policy_rule *rule,
	const struct port *port, const struct packet *packet)
{
	bool ingress = rule->direction == RULE_INGRESS;
	const struct address *here = ingress ? &packet->destination : &packet->source;
	const struct address *there = ingress ? &packet->source : &packet->destination;
	const struct port *other = owner_of(world, evaluate_domain(world, port), there);
	const char *tenant = port->object.tenant;
	return peers_take(world, ingress ? &rule->to : &rule->from, tenant, port, here) &&
	       peers_take(world, ingress ? &rule->from : &rule->to, tenant, other, there) &&
	       services_take(&rule->ports, packet->protocol, packet->service) &&
	       services_take(&rule->source_ports, packet->protocol, packet->source_port);
}

static int rank(enum rule_action action)
{
	return action == RULE_DROP ? 0 : action == RULE_REJECT ? 1 : action == RULE_ALLOW ? 2 : 3;
}

static bool has_direction(const struct policy *policy, enum rule_direction direction)
{
	for (size_t i = 0; i < policy->rules.count; i++)
		if (policy->rules.items[i].direction == direction)
			return true;
	return false;
}

// Does rule a of policy p come before rule b of policy q? Policies stand in the order of their
// paths.
static bool before(
	unsigned p, const struct policy *a, size_t i, unsigned q, const struct policy *b, size_t j)
{
	const struct policy_rule *x = &a->rules.items[i], *y = &b->rules.items[j];
	if (a->tier != b->tier)
		return a->tier < b->tier;
	if (x->priority != y->priority)
		return x->priority > y->priority;
	if (rank(x->action) != rank(y->action))
		return rank(x->action) < rank(y->action);
	return p != q ? p < q : i < j;
}

static struct verdict verdict_of(const struct policy *policy, int rule)
{
	static const int actions[] = {
		[RULE_ALLOW] = ALLOWED,
		[RULE_ALLOW_STATELESS] = ALLOWED_STATELESS,
		[RULE_DROP] = DROPPED,
		[RULE_REJECT] = REJECTED,
	};
	struct verdict verdict = {.policy = &policy->object, .rule = rule};
	verdict.action = actions[policy->rules.items[rule].action];
	return verdict;
}

struct verdict evaluate(const struct world *world, unsigned index, enum rule_direction direction,
	const struct packet *packet)
{
	const struct port *port = (struct port *)world->ports[index];
	const struct policy *first = NULL, *best = NULL;
	unsigned best_policy = 0;
	size_t best_rule = 0;
	for (unsigned p = 0; p < POLICIES; p++) {
		const struct policy *policy = (struct policy *)world->policies[p];
		if (!policy || strcmp(policy->object.tenant, port->object.tenant) ||
			!selector_matches(&policy->applies_to, &port->labels) ||
			!has_direction(policy, direction))
			continue;
		if (!first || policy->tier < first->tier)
			first = policy;
		for (size_t i = 0; i < policy->rules.count; i++) {
			const struct policy_rule *rule = &policy->rules.items[i];
			if (rule->direction != direction || !rule_takes(world, rule, port, packet))
				continue;
			if (best && !before(p, policy, i, best_policy, best, best_rule))
				continue;
			best = policy;
			best_policy = p;
			best_rule = i;
		}
	}
	if (best)
		return verdict_of(best, (int)best_rule);
	if (first && first->otherwise == POLICY_DROP)
		return (struct verdict){DROPPED, &first->object, -1};
	return (struct verdict){ALLOWED, NULL, 0};
}
