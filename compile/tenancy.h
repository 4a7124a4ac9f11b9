// SPDX-License-Identifier: Apache-2.0
// What labels and policies of one tenant make: identities, rules, and rule sets that ports obey.
//
//   port ──► identity      one for each list of labels: the number by which rows know who an
//                          address is (identity.c)
//   policy ──► rules       what a rule says, the same as long as it says the same (policy.c)
//   identity ──► rulesets  which rules its ports obey, and in which order, follows from the labels
//                          alone (tenancy.c)
//   ruleset ──► rows       shared by all that obey the same rules (ruleset.c)
//   ruleset × identity     a membership: the rows by which the set knows the identity as the other
//                          end (membership.c)
//
// So a label that changes on one port makes or finds an identity, and its memberships; and a rule
// that changes makes new rulesets in place of those that held it, and of no others.
#pragma once

#include <stdbool.h>
#include <utarray.h>

#include "classifier.h"
#include "model/object.h"
#include "rows.h"

struct compiler;
struct port_node;
struct policy_node;
struct address_set_node;

struct tenancy {
	char *name;
	uint32_t number; // of its share of the host; 0: there are more tenants than shares
	struct identity *identities;  // hash by key
	struct identity *touched;     // list
	struct policy_node *policies; // list
	struct ruleset *rulesets;     // hash by entries and default
	struct rule_place *order
		[DP_DIRECTIONS]; // all rules in the order in which they are asked, while not stale
	size_t order_count[DP_DIRECTIONS];
	bool stale;   // in compiler->stale_tenancies
	bool reorder; // its policies have changed
	struct tenancy *stale_prev, *stale_next;
	UT_hash_handle hh;
};

// ---- identities ----

struct identity {
	struct tenancy *tenancy;
	struct label_list labels;
	uint32_t number;
	unsigned ports;                 // everywhere
	struct port_node *local;        // list by identity_prev, identity_next: those on this host
	bool fresh, touched;            // fresh: no ruleset knows it yet
	struct identity *prev, *next;   // in tenancy->touched
	struct membership *memberships; // list
	bool judged;                    // `rulesets` are worked out
	bool changed;                   // they are others: the guards of local ports will be
	struct ruleset
		*rulesets[DP_DIRECTIONS]; // what its local ports obey; NULL: everything is allowed
	uint32_t flags;                   // DP_GUARD_*
	UT_hash_handle hh;
	size_t key_size;
	char key[]; // its labels, in one piece
};

void identity_join(struct compiler *compiler, struct port_node *port, bool local);
void identity_leave(struct compiler *compiler, struct port_node *port, bool local);
// No port of it is on this host any more.
void identity_dismiss(struct identity *identity);
void identity_free(struct compiler *compiler, struct identity *identity);

// ---- rules ----

// By what a rule is known in counters and logs, as long as its policy has it.
struct rule_name {
	uint32_t number;
	struct policy_node *policy;
	struct rule *rule; // NULL: of the default
	char *name;        // NULL: none
	int index;         // in the policy; -1: its default
	bool in_use;
	UT_hash_handle hh;
	char key[];
};

// What one rule of a policy says. Rulesets hold it as long as they have rows of it.
struct rule {
	unsigned references;
	uint32_t number;
	uint64_t digest; // of `content` and the number
	char *content;
	struct object *policy;
	const struct policy_rule *says; // in `policy`
	struct object **sets;           // those that are known of the address sets that it names
	size_t set_count;
};

struct rule *rule_ref(struct rule *rule);
void rule_unref(struct rule *rule);

// Where a rule stands among those of its tenant.
struct rule_place {
	struct rule *rule;
	const struct policy_node *policy;
	size_t index;
};

// ---- rulesets ----

// A rule as a ruleset has it. `by_address`: it names the end whose rules these are by address.
struct entry {
	struct rule *rule;
	uintptr_t by_address;
};

// It takes no packet.
bool entry_is_void(const struct entry *entry);

// What the classifier knows of an entry: the other end by identity, by address, or not at all.
struct term {
	const struct entry *entry;
	enum { TERM_ANY, TERM_IDENTITY, TERM_ADDRESS } other;
};

// Rows of a set that follow from the same of its rules (classifier.h).
struct facet {
	struct origin origin; // its path is that of the whole
	UT_array vectors;     // uint32_t, one for each that was got
};

// The rows of a set. A ruleset that follows another one takes them over.
struct set_rows {
	struct origin origin; // path: of the policy that is asked first; claims nothing itself
	struct facet facets[CLASSIFIER_FACETS];
	struct dp_set row; // as it was built last
};

// Between settlings of the tenancy each ruleset has its rows and somebody who obeys it. While one
// runs there are new ones without rows, and some that nobody obeys any more; in the end a new one
// goes on with the rows of the one that it follows, as versions of one set.
struct ruleset {
	struct set_rows *rows; // NULL: another ruleset has taken them over
	struct tenancy *tenancy;
	unsigned references;
	struct ruleset
		*before; // while it is `fresh`: what who asked for it first obeyed until then
	bool fresh;      // has no rows yet
	// Since the last settling a port has ceased to obey it, and its guard may be on its way out.
	bool left;
	size_t count;       // of entries
	uint32_t otherwise; // rule number of the default; 0: allow
	bool overflow;      // there are more rules than a set holds
	struct term *terms;
	size_t term_count;
	uint64_t hash;                  // of what it says
	uint32_t set, base;             // numbers; 0: another ruleset goes on with it
	struct membership *memberships; // list
	UT_hash_handle hh;
	size_t key_size;
	struct entry entries[]; // and one more, with the default: the key
};

// One more reference to the ruleset with these entries, found or made, that ends with the default
// of `first`, for who obeyed `before` until now (NULL: none).
struct ruleset *ruleset_get(struct tenancy *tenancy, const struct policy_node *first,
	const struct entry *entries, size_t count, struct ruleset *before);
void ruleset_put(struct ruleset *ruleset);
// Give new ones their rows, and let go of those that nobody obeys.
void rulesets_settle(struct compiler *compiler, struct tenancy *tenancy);
// The number of its set, once it has one; 0 of NULL.
uint32_t ruleset_number(const struct ruleset *ruleset);

// ---- memberships ----

struct membership {
	struct origin origin; // the path is the ruleset's
	struct ruleset *ruleset;
	struct identity *identity;
	struct dp_vectors vectors;
	struct membership *ruleset_prev, *ruleset_next;
	struct membership *identity_prev, *identity_next;
};

// Work out whether rules of the set select the identity, and claim the rows.
void membership_add(struct compiler *compiler, struct ruleset *ruleset, struct identity *identity);
// The same of all identities that there are. `ruleset` goes on with the bases of `before` (NULL: of
// none), and so with its memberships; `anew`: its rules select others than those of `before`.
void memberships_follow(
	struct compiler *compiler, struct ruleset *ruleset, struct ruleset *before, bool anew);
void membership_free(struct compiler *compiler, struct membership *membership);

// ---- tenancies ----

struct tenancy *tenancy_get(struct compiler *compiler, const char *name);
void tenancy_touch(struct compiler *compiler, struct tenancy *tenancy);
void tenancies_settle(struct compiler *compiler);
void tenancies_done(struct compiler *compiler);
