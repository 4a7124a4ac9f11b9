// SPDX-License-Identifier: Apache-2.0
// What is changed, as operations of transactions.
#include <stdio.h>
#include <string.h>

#include "simulation.h"

struct place change_place(struct simulation *simulation)
{
	const struct plan *plan = &simulation->plan;
	struct place place = {.port = simulation_port(simulation)};
	place.tenant = plan_tenant_of(plan, place.port);
	plan_tenant_name(plan, place.tenant, place.tenant_name);
	plan_port_name(place.port, place.name);
	plan_host_name(plan_port_host(plan, place.tenant, place.port), place.host);
	return place;
}

// Of one's own for every turn: some may be under way at once.
static const char *spare_name(size_t turn, char *text)
{
	snprintf(text, PLAN_NAME, "spare%zu", turn);
	return text;
}

void change_port_added(struct simulation *simulation, size_t turn, struct change *out)
{
	struct place place = change_place(simulation);
	char name[PLAN_NAME], device[PLAN_NAME];
	snprintf(name, sizeof(name), "x%zu", turn);
	json_t *object = plan_port_object(&simulation->plan, place.tenant, place.port);
	json_object_set_new(object, "device", json_string(spare_name(turn, device)));
	out->operation = plan_operation("create", "port", place.tenant_name, name, object);
	out->undo = plan_operation("delete", "port", place.tenant_name, name, NULL);
}

static json_t *label_patch(const struct place *place, size_t role)
{
	return plan_operation("patch", "port", place->tenant_name, place->name,
		json_pack("{s:{s:s}}", "labels", "role", plan_role(role)));
}

void change_label(struct simulation *simulation, size_t turn, struct change *out)
{
	struct place place = change_place(simulation);
	(void)turn;
	out->operation = label_patch(&place, place.port - place.tenant->first + 1);
	out->undo = label_patch(&place, place.port - place.tenant->first);
}

static json_t *move_patch(const struct place *place, const char *host, const char *device)
{
	return plan_operation("patch", "port", place->tenant_name, place->name,
		json_pack("{s:s,s:s}", "host", host, "device", device));
}

void change_port_moved(struct simulation *simulation, size_t turn, struct change *out)
{
	const struct plan *plan = &simulation->plan;
	struct place place = change_place(simulation);
	char other[PLAN_NAME], device[PLAN_NAME];
	size_t n = simulation_draw(simulation, place.tenant->hosts);
	plan_host_name(plan_host(plan, place.tenant, n), other);
	if (!strcmp(other, place.host))
		plan_host_name(plan_host(plan, place.tenant, n + 1), other);
	out->operation = move_patch(&place, other, spare_name(turn, device));
	out->undo = move_patch(&place, place.host, plan_device_name(place.port, device));
}

static void make_rule(const struct plan *plan, const char *group, size_t turn, struct change *out)
{
	char name[PLAN_NAME];
	const struct plan_tenant *tenant = plan_group(plan, group);
	out->operation = plan_operation("put", "policy", plan_tenant_name(plan, tenant, name),
		"group", plan_group_policy(tenant, turn % 2 ? 9000 : 8999));
}

void change_rule_1000(struct simulation *simulation, size_t turn, struct change *out)
{
	make_rule(&simulation->plan, "1000", turn, out);
}

void change_rule_10000(struct simulation *simulation, size_t turn, struct change *out)
{
	make_rule(&simulation->plan, "10000", turn, out);
}
