// SPDX-License-Identifier: Apache-2.0
// Rules that no packet reaches, because another rule of the policy takes all of theirs first.
// Private to the model.
#pragma once

#include "model/catalog.h"

// `hidden` is never reached: `by` is asked before, and takes all its packets.
typedef void (*shadow_visit)(void *context, const struct policy *policy, size_t hidden, size_t by);

// Find them in the order in which the rules are asked; each hidden rule once, with the first that
// hides it.
//
// A rule hides another if it does so in each field by itself: services and prefixes exactly, of a
// list also together; a selector if one selector of the list alone contains it. What several rules
// hide together is not found. The search ends when `work`, the comparisons that are left, is used
// up; about the square of the rules, halved, is what a policy takes.
void shadows_find(const struct catalog *catalog, const struct policy *policy, size_t *work,
	shadow_visit visit, void *context);
