// SPDX-License-Identifier: Apache-2.0
// What a transaction changes, for people.
#pragma once

#include <jansson.h>
#include <stdio.h>

// Print `changes` ([{"before": object or null, "after": object or null}...]): each object with "+", "-"
// or "~" for new, gone and changed, and its fields that differ. Of lists the items that come and go.
void difference_print(const json_t *changes, FILE *out);
