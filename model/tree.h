// SPDX-License-Identifier: Apache-2.0
// YAML (and JSON, which is YAML too) as a tree in which every value knows where it stands. Plain scalars mean what the
// core schema of YAML 1.2 says (section 10.3.2): `no` and 02:00:00:00:00:01 are strings. Anchors, aliases and tags are
// refused: a file says what it says. Private to the model.
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"
#include "base/table.h"

struct position {
	int line, column; // from 1
};

enum node_type { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_type type;
	struct position at;
	char *key;              // in a map
	struct position key_at; // in a map; elsewhere as `at`
	json_t *scalar;
	struct node **items; // of a list or map, in order
	size_t count;
	struct node *by_key; // of a map
	UT_hash_handle hh;   // in the parent's `by_key`
};

// Parse all documents of `text` into a list node. -EINVAL with line and column.
int tree_parse(struct node **out, const char *text, size_t length, struct error *error);
void tree_free(struct node *node);

// NULL unless `node` is a map with that key.
struct node *tree_child(const struct node *node, const char *key);
// The string of a scalar; NULL if it is something else.
const char *tree_string(const struct node *node);
// New reference.
json_t *tree_json(const struct node *node);
// The node that `path`, "security[0].mac", leads to from `node`: as far as the tree goes with it. `rest` is what of
// the path was left.
const struct node *tree_walk(const struct node *node, const char *path, const char **rest);
