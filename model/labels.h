// SPDX-License-Identifier: Apache-2.0
// Which labels the ports of each tenant have, kept as ports come and go, so that whether a selector
// selects any of them is asked without a walk over the ports. Private to the model.
//
// Ports with the same labels count as one: a set of labels. Under each label, and under each name
// of a label, stand the sets that have it.
#pragma once

#include "base/table.h"
#include "model/object.h"

struct label_set;
struct label_use;

struct tenant_labels {
	const char *tenant;
	struct label_set *sets; // hash by labels
	struct label_use *uses; // hash by name and value, and by name alone
	UT_hash_handle hh;
};

// `object` comes or goes. One that is no port has no part in it.
void labels_add(struct tenant_labels **all, const struct object *object);
void labels_remove(struct tenant_labels **all, const struct object *object);
void labels_done(struct tenant_labels **all);

// Does the selector select one port of the tenant at least? A selector of one requirement costs a
// look-up for each of its values; one of several takes from `work`, which is never exceeded, the
// fewest sets that any of its requirements leaves. With the work used up the answer is yes.
bool labels_select(struct tenant_labels *all, const char *tenant, const struct selector *selector,
	size_t *work);
