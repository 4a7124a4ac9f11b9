// SPDX-License-Identifier: Apache-2.0
// Objects of one kind as rows of a table.
#pragma once

#include <jansson.h>

#include "model/object.h"
#include "table.h"

struct view {
	enum model_kind kind;
	bool wide;     // more columns
	bool events;   // a column EVENT before all others
	bool tenants;  // a column TENANT
	bool states;   // a column STATE
	bool problems; // a column PROBLEM in a wide table
	struct table *table;
};

// The table with its columns, as the flags say. Release with table_free(view->table).
void view_open(struct view *view);
// A row for the object as the API tells it; `event` is "put" or "delete", or NULL where there is no
// such column. On failure (the object is not what this program knows): -errno.
int view_add(struct view *view, const char *event, const json_t *item, struct error *error);

// What the controller has discovered about an object, in a word; NULL if nothing. Borrowed.
const char *view_state(const json_t *item);
// Why it is not as desired; NULL if nothing is known of that. Borrowed.
const char *view_problem(const json_t *item);
enum table_colour view_state_colour(const char *state);
// The value of a field for a cell: short, a list of objects as their number. Owned by the caller
// (free).
char *view_cell(const json_t *object, const char *field, bool wide);
