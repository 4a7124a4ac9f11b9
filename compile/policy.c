// SPDX-License-Identifier: Apache-2.0
// The rules of a policy: which of them say the same as before, and what they are called.
#include "state.h"
#include "tenancy.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>
#include <utstring.h>

#include "base/memory.h"

const struct policy *policy_of(const struct policy_node *policy)
{
	return (const struct policy *)policy->node.object;
}

// ---- rules ----

struct rule *rule_ref(struct rule *rule)
{
	rule->references++;
	return rule;
}

void rule_unref(struct rule *rule)
{
	if (!rule || --rule->references)
		return;
	object_unref(rule->policy);
	for (size_t i = 0; i < rule->set_count; i++)
		object_unref(rule->sets[i]);
	free(rule->sets);
	free(rule->content);
	free(rule);
}

// Does the rule name this address set?
static bool names_set(const struct policy_rule *says, const struct set_use *use)
{
	const struct peer_list *ends[2] = {&says->from, &says->to};
	const char *name = strrchr(use->set->node.origin.path, '/') + 1;
	for (size_t end = 0; end < 2; end++)
		for (size_t i = 0; i < ends[end]->count; i++)
			if (ends[end]->items[i].kind == PEER_SET &&
				!strcmp(ends[end]->items[i].name, name))
				return true;
	return false;
}

// What the rule says, with the revisions of the address sets that it names: equal texts are equal
// rules.
static char *content_of(
	const struct policy_node *policy, const struct policy_rule *says, const char *text)
{
	UT_string content;
	utstring_init(&content);
	utstring_bincpy(&content, text, strlen(text));
	for (size_t i = 0; i < policy->use_count; i++) {
		const struct node *set = &policy->uses[i].set->node;
		if (names_set(says, &policy->uses[i]))
			utstring_printf(&content, "\n%s@%llu", set->origin.path,
				set->object ? (unsigned long long)set->object->revision : 0);
	}
	return utstring_body(&content);
}

static struct rule *rule_new(const struct policy_node *policy, size_t index, uint32_t number,
	char *content /* taken over */)
{
	const struct policy *object = policy_of(policy);
	struct rule *rule = memory_new(sizeof(*rule));
	rule->references = 1;
	rule->number = number;
	rule->content = content;
	rule->digest = number_hash(
		number_hash(NUMBER_SEED, content, strlen(content)), &number, sizeof(number));
	rule->policy = object_ref(policy->node.object);
	rule->says = &object->rules.items[index];
	rule->sets = memory_new((policy->use_count + 1) * sizeof(*rule->sets));
	for (size_t i = 0; i < policy->use_count; i++) {
		struct object *set = policy->uses[i].set->node.object;
		if (set && names_set(rule->says, &policy->uses[i]))
			rule->sets[rule->set_count++] = object_ref(set);
	}
	return rule;
}

// The same words, but in the policy as it is now.
static void rule_move(struct rule *rule, const struct policy_node *policy, size_t index)
{
	struct object *before = rule->policy;
	rule->policy = object_ref(policy->node.object);
	rule->says = &policy_of(policy)->rules.items[index];
	object_unref(before);
}

// ---- names ----

static void name_free(struct compiler *compiler, struct policy_node *policy, struct rule_name *name)
{
	HASH_DEL(policy->names, name);
	number_release(&compiler->rule_numbers, name->number);
	rule_unref(name->rule);
	free(name->name);
	free(name);
}

static struct rule_name *name_new(
	struct compiler *compiler, struct policy_node *policy, const char *key)
{
	size_t size = strlen(key);
	const char *path = policy->node.origin.path;
	struct rule_name *name = memory_new(sizeof(*name) + size + 1);
	memcpy(name->key, key, size);
	name->policy = policy;
	name->number = number_take(&compiler->rule_numbers,
		number_hash(number_hash(NUMBER_SEED, path, strlen(path) + 1), key, size), name);
	HASH_ADD_KEYPTR(hh, policy->names, name->key, size, name);
	return name;
}

// A rule that has a name is found by it; one that has none by what it says, the n-th of them if
// there are more.
static struct rule_name *name_get(struct compiler *compiler, struct policy_node *policy,
	const struct policy_rule *says, const char *text)
{
	for (unsigned n = 0;; n++) {
		struct rule_name *name;
		cleanup_free char *key = says && says->name ? memory_format("name %s", says->name)
							    : memory_format("rule %u %s", n, text);
		HASH_FIND_STR(policy->names, key, name);
		if (!name)
			name = name_new(compiler, policy, key);
		if (name->in_use && !(says && says->name))
			continue;
		name->in_use = true;
		free(name->name);
		name->name = memory_text(says ? says->name : NULL);
		return name;
	}
}

// ---- compiling ----

static void compile_rule(struct compiler *compiler, struct policy_node *policy, size_t index)
{
	const struct policy_rule *says = &policy_of(policy)->rules.items[index];
	cleanup_free char *text = rule_text(says);
	cleanup_free char *content = content_of(policy, says, text);
	struct rule_name *name = name_get(compiler, policy, says, text);
	name->index = (int)index;
	if (name->rule && !strcmp(name->rule->content, content)) {
		rule_move(name->rule, policy, index);
	} else {
		rule_unref(name->rule);
		name->rule = rule_new(policy, index, name->number, steal(content));
	}
	policy->rules[index] = name->rule;
}

static void policy_compile(struct compiler *compiler, struct policy_node *policy)
{
	struct rule_name *name, *next;
	HASH_ITER (hh, policy->names, name, next)
		name->in_use = false;
	free(steal(policy->rules));
	policy->count = 0;
	if (policy->node.object) {
		policy->count = policy_of(policy)->rules.count;
		policy->rules = memory_new((policy->count + 1) * sizeof(struct rule *));
		for (size_t i = 0; i < policy->count; i++)
			compile_rule(compiler, policy, i);
		name = name_get(compiler, policy, NULL, "default");
		name->index = -1;
		policy->otherwise = name;
	}
	HASH_ITER (hh, policy->names, name, next)
		if (!name->in_use)
			name_free(compiler, policy, name);
}

void policies_settle(struct compiler *compiler)
{
	struct node *node;
	DL_FOREACH (compiler->touched, node) {
		if (node->kind != MODEL_POLICY)
			continue;
		struct policy_node *policy = (struct policy_node *)node;
		policy_compile(compiler, policy);
		policy->tenancy->reorder = true;
		tenancy_touch(compiler, policy->tenancy);
	}
}

void policy_done(struct compiler *compiler, struct policy_node *policy)
{
	struct rule_name *name, *next;
	HASH_ITER (hh, policy->names, name, next)
		name_free(compiler, policy, name);
	free(policy->rules);
	free(policy->uses);
}

// ---- links ----

static void use_set(struct compiler *compiler, struct policy_node *policy, const char *name)
{
	struct address_set_node *set = (struct address_set_node *)node_get(
		compiler, MODEL_ADDRESS_SET, policy_of(policy)->object.tenant, name);
	for (size_t i = 0; i < policy->use_count; i++)
		if (policy->uses[i].set == set)
			return;
	policy->uses[policy->use_count++] = (struct set_use){.policy = policy, .set = set};
}

static size_t sets_in(struct compiler *compiler, struct policy_node *policy, bool use)
{
	const struct policy_rule_list *rules = &policy_of(policy)->rules;
	size_t count = 0;
	for (size_t i = 0; i < rules->count; i++) {
		const struct peer_list *ends[2] = {&rules->items[i].from, &rules->items[i].to};
		for (size_t j = 0; j < ends[0]->count + ends[1]->count; j++) {
			const struct peer *peer = j < ends[0]->count
							  ? &ends[0]->items[j]
							  : &ends[1]->items[j - ends[0]->count];
			if (peer->kind != PEER_SET)
				continue;
			count++;
			if (use)
				use_set(compiler, policy, peer->name);
		}
	}
	return count;
}

void policy_link(struct compiler *compiler, struct policy_node *policy)
{
	policy->tenancy = tenancy_get(compiler, policy_of(policy)->object.tenant);
	DL_APPEND(policy->tenancy->policies, policy);
	policy->uses = memory_new((sets_in(compiler, policy, false) + 1) * sizeof(*policy->uses));
	sets_in(compiler, policy, true);
	for (size_t i = 0; i < policy->use_count; i++)
		DL_APPEND(policy->uses[i].set->users, &policy->uses[i]);
}

void policy_unlink(struct compiler *compiler, struct policy_node *policy)
{
	DL_DELETE(policy->tenancy->policies, policy);
	for (size_t i = 0; i < policy->use_count; i++) {
		DL_DELETE(policy->uses[i].set->users, &policy->uses[i]);
		node_touch(compiler, &policy->uses[i].set->node);
	}
	free(steal(policy->uses));
	policy->use_count = 0;
}

void address_set_changed(struct compiler *compiler, struct address_set_node *set)
{
	struct set_use *use;
	DL_FOREACH (set->users, use)
		node_touch(compiler, &use->policy->node);
}

int compiler_rule(const struct compiler *compiler, uint32_t number, struct compiler_rule *out)
{
	const struct rule_name *name = number_owner(&compiler->rule_numbers, number);
	if (!name)
		return -ENOENT;
	*out = (struct compiler_rule){
		.policy = name->policy->node.origin.path,
		.revision = name->policy->node.origin.revision,
		.name = name->name,
		.index = name->index,
	};
	return 0;
}

size_t compiler_rule_count(const struct compiler *compiler)
{
	return number_count(&compiler->rule_numbers);
}

void compiler_each_rule(const struct compiler *compiler,
	void (*visit)(void *context, uint32_t number), void *context)
{
	number_each(&compiler->rule_numbers, visit, context);
}
