// SPDX-License-Identifier: Apache-2.0
// Identities: label lists, each one once in a tenant.
#include "state.h"
#include "tenancy.h"

#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/text.h"

// Names and values with their terminators, one after the other: no two lists give the same bytes.
static size_t key_write(const struct label_list *labels, char *out)
{
	size_t size = 0;
	for (size_t i = 0; i < labels->count; i++) {
		const char *words[2] = {labels->items[i].name, labels->items[i].value};
		for (size_t j = 0; j < 2; j++) {
			size_t length = strlen(words[j]) + 1;
			if (out)
				memcpy(out + size, words[j], length);
			size += length;
		}
	}
	return size;
}

static void labels_copy(struct label_list *to, const struct label_list *from)
{
	to->count = from->count;
	to->items = memory_new((from->count + 1) * sizeof(*to->items));
	for (size_t i = 0; i < from->count; i++) {
		to->items[i].name = text_share(from->items[i].name);
		to->items[i].value = text_share(from->items[i].value);
	}
}

static void touch(struct compiler *compiler, struct identity *identity)
{
	tenancy_touch(compiler, identity->tenancy);
	if (identity->touched)
		return;
	identity->touched = true;
	DL_APPEND(identity->tenancy->touched, identity);
}

static struct identity *identity_get(
	struct compiler *compiler, struct tenancy *tenancy, const struct label_list *labels)
{
	size_t size = key_write(labels, NULL);
	struct identity *identity = memory_new(sizeof(*identity) + size + 1), *found;
	key_write(labels, identity->key);
	HASH_FIND(hh, tenancy->identities, identity->key, size, found);
	if (found) {
		free(identity);
		return found;
	}
	uint64_t hash = number_hash(NUMBER_SEED, tenancy->name, strlen(tenancy->name) + 1);
	identity->number = number_take(
		&compiler->identity_numbers, number_hash(hash, identity->key, size), identity);
	identity->tenancy = tenancy;
	identity->key_size = size;
	identity->fresh = true;
	labels_copy(&identity->labels, labels);
	HASH_ADD_KEYPTR(hh, tenancy->identities, identity->key, size, identity);
	return identity;
}

void identity_dismiss(struct identity *identity)
{
	for (int direction = 0; direction < DP_DIRECTIONS; direction++)
		ruleset_put(steal(identity->rulesets[direction]));
	identity->judged = false;
}

void identity_free(struct compiler *compiler, struct identity *identity)
{
	while (identity->memberships)
		membership_free(compiler, identity->memberships);
	identity_dismiss(identity);
	number_release(&compiler->identity_numbers, identity->number);
	HASH_DEL(identity->tenancy->identities, identity);
	for (size_t i = 0; i < identity->labels.count; i++) {
		text_release(identity->labels.items[i].name);
		text_release(identity->labels.items[i].value);
	}
	free(identity->labels.items);
	free(identity);
}

void identity_join(struct compiler *compiler, struct port_node *port, bool local)
{
	const struct port *object = (const struct port *)port->node.object;
	struct tenancy *tenancy = tenancy_get(compiler, object->object.tenant);
	port->identity = identity_get(compiler, tenancy, &object->labels);
	port->identity->ports++;
	if (local)
		DL_APPEND2(port->identity->local, port, identity_prev, identity_next);
	touch(compiler, port->identity);
}

// The next flush finds out whether anybody still needs it.
void identity_leave(struct compiler *compiler, struct port_node *port, bool local)
{
	port->identity->ports--;
	if (local)
		DL_DELETE2(port->identity->local, port, identity_prev, identity_next);
	for (int direction = 0; local && direction < DP_DIRECTIONS; direction++)
		if (port->identity->rulesets[direction])
			port->identity->rulesets[direction]->left = true;
	touch(compiler, port->identity);
	port->identity = NULL;
}
