// SPDX-License-Identifier: Apache-2.0
#include "model/warning.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "shadow.h"
#include "warnings.h"

static const struct {
	const char *name, *help;
} warnings[] = {
#define WARNING_TEXT(constant, name, help) [constant] = {name, help},
	MODEL_WARNINGS(WARNING_TEXT)};

const char *model_warning_name(enum model_warning warning)
{
	return warnings[warning].name;
}

const char *model_warning_help(enum model_warning warning)
{
	return warnings[warning].help;
}

// So much is done for one transaction, in comparisons of rules and the like: a fraction of a
// second.
enum { WORK_MAXIMUM = 5000000 };

struct finding {
	const struct catalog *catalog;
	const struct object *object; // that is looked at
	size_t work;                 // left
	warning_visit visit;
	void *context;
	size_t told;
};

// The message is in `what` already.
static void tell(struct finding *finding, enum model_warning warning, struct error *what)
{
	char path[OBJECT_PATH_TEXT];
	if (finding->told++ >= WARNINGS_MAXIMUM)
		return;
	error_set_object(what, "%s", object_path(finding->object, path));
	finding->visit(finding->context, warning, what);
}

// ---- rules that others hide ----

// "rule 'web' (rules[2])", "rules[2]"
static char *rule_text(const struct policy *policy, size_t index)
{
	const char *name = policy->rules.items[index].name;
	if (name)
		return memory_format("rule '%s' (rules[%zu])", name, index);
	return memory_format("rules[%zu]", index);
}

static void tell_hidden(void *context, const struct policy *policy, size_t hidden, size_t by)
{
	const struct policy_rule *one = &policy->rules.items[hidden];
	const struct policy_rule *other = &policy->rules.items[by];
	cleanup_free char *by_text = rule_text(policy, by);
	cleanup_free char *name = one->name ? memory_format("rule '%s' ", one->name) : NULL;
	struct error what = {0};
	bool same = one->action == other->action;
	error_set_field(&what, "rules[%zu]", hidden);
	error_set(&what, EINVAL, "%sis shadowed by %s, which takes all its packets before%s",
		name ? name : "", by_text, same ? "" : " and does otherwise");
	tell(context, same ? WARNING_RULE_SHADOWED : WARNING_RULE_CONTRADICTED, &what);
}

// ---- selectors that select nothing ----

// Where the policy uses a selector.
struct use {
	const struct selector *selector;
	size_t rule; // SIZE_MAX: applies_to
	const char *side;
};

struct selecting {
	struct use *uses;
	size_t count;
};

static void add_peers(
	struct selecting *selecting, const struct peer_list *peers, size_t rule, const char *side)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i].kind == PEER_SELECTOR)
			selecting->uses[selecting->count++] =
				(struct use){&peers->items[i].selector, rule, side};
}

static void find_uses(struct selecting *selecting, const struct policy *policy)
{
	size_t most = 1;
	for (size_t i = 0; i < policy->rules.count; i++)
		most += policy->rules.items[i].from.count + policy->rules.items[i].to.count;
	selecting->uses = memory_new(most * sizeof(*selecting->uses));
	if (policy->applies_to.count)
		selecting->uses[selecting->count++] =
			(struct use){&policy->applies_to, SIZE_MAX, "applies_to"};
	for (size_t i = 0; i < policy->rules.count; i++) {
		add_peers(selecting, &policy->rules.items[i].from, i, "from");
		add_peers(selecting, &policy->rules.items[i].to, i, "to");
	}
}

static void tell_useless(struct finding *finding, const struct use *use)
{
	cleanup_free char *text = selector_format(use->selector);
	struct error what = {0};
	if (use->rule == SIZE_MAX)
		error_set_field(&what, "%s", use->side);
	else
		error_set_field(&what, "rules[%zu].%s", use->rule, use->side);
	error_set(&what, EINVAL, "'%s' selects none of the ports that there are", text);
	tell(finding, WARNING_SELECTOR_EMPTY, &what);
}

static void find_useless_selectors(struct finding *finding, const struct policy *policy)
{
	struct selecting selecting = {0};
	find_uses(&selecting, policy);
	for (size_t i = 0; i < selecting.count; i++)
		if (!labels_select(finding->catalog->records.labels, policy->object.tenant,
			    selecting.uses[i].selector, &finding->work))
			tell_useless(finding, &selecting.uses[i]);
	free(selecting.uses);
}

// ---- address sets ----

static bool is_empty(const struct object *object)
{
	return object && !((const struct address_set *)object)->addresses.count;
}

static int tell_empty_set(void *context, const char *field, enum model_kind kind,
	const char *tenant, const char *name)
{
	struct finding *finding = context;
	struct error what = {0};
	if (kind != MODEL_ADDRESS_SET ||
		!is_empty(catalog_find(finding->catalog, kind, tenant, name)))
		return 0;
	error_set_field(&what, "%s", field);
	error_set(&what, EINVAL, "address set '%s' is empty: this matches nothing", name);
	tell(finding, WARNING_SET_EMPTY, &what);
	return 0;
}

static void find_in_set(struct finding *finding, const struct object *set)
{
	struct error what = {0};
	if (!is_empty(set))
		return;
	error_set_field(&what, "addresses");
	error_set(&what, EINVAL, "is empty: rules that name this set match nothing");
	tell(finding, WARNING_SET_EMPTY, &what);
}

static void find_in_policy(struct finding *finding, const struct policy *policy)
{
	find_useless_selectors(finding, policy);
	shadows_find(finding->catalog, policy, &finding->work, tell_hidden, finding);
	object_references(&policy->object, tell_empty_set, finding);
}

// ---- routers ----

static void tell_loop(void *context, size_t route, const struct record *over)
{
	struct error what = {0};
	error_set_field(&what, "routes[%zu]", route);
	error_set(&what, EINVAL,
		"leads to router '%s', whose routes lead back: packets would go round until they "
		"are dropped",
		over->name);
	tell(context, WARNING_ROUTES_LOOP, &what);
}

static void find_in_router(struct finding *finding, const struct router *router)
{
	for (size_t i = 0; i < router->networks.count; i++) {
		const struct router_network *joined = &router->networks.items[i];
		const struct network *network = (const struct network *)catalog_find(
			finding->catalog, MODEL_NETWORK, router->object.tenant, joined->network);
		struct address_list addresses = router_addresses(joined, network);
		struct error what = {0};
		free(addresses.items);
		if (addresses.count)
			continue;
		error_set_field(&what, "networks[%zu]", i);
		error_set(&what, EINVAL, "the router has no address on network '%s'",
			joined->network);
		tell(finding, WARNING_ROUTER_SILENT, &what);
	}
	loops_find(finding->catalog,
		records_find(&finding->catalog->records, MODEL_ROUTER, router->object.tenant,
			router->object.name),
		&finding->work, tell_loop, finding);
}

void warnings_find(const struct catalog *catalog, const struct catalog_change *changes,
	size_t count, warning_visit visit, void *context)
{
	struct finding finding = {
		.catalog = catalog, .visit = visit, .context = context, .work = WORK_MAXIMUM};
	for (size_t i = 0; i < count; i++) {
		finding.object = changes[i].after;
		if (!finding.object)
			continue;
		if (finding.object->kind == MODEL_POLICY)
			find_in_policy(&finding, (const struct policy *)finding.object);
		else if (finding.object->kind == MODEL_ADDRESS_SET)
			find_in_set(&finding, finding.object);
		else if (finding.object->kind == MODEL_ROUTER)
			find_in_router(&finding, (const struct router *)finding.object);
	}
}
