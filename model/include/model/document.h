// SPDX-License-Identifier: Apache-2.0
// Files that people write: YAML or JSON in, operations out, every value with the line and column
// where it stands.
//
// Form: `tenant: acme` and one map per kind in plural, {ports: {web1: {...}}}; hosts and tenants at
// the top level need no tenant. `tenant: acme` alone declares the tenant if it is not there yet.
// Several YAML documents ("---") in one file are one transaction. A list of objects as `weft get -o
// json` prints them ({"kind": ..., "name": ...} each) is accepted too; of those that have a revision,
// the fields that the controller alone sets are left out.
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "model/object.h"

struct document_item {
	enum model_kind kind;
	char *tenant; // NULL for kinds in no tenant
	char *name;
	json_t *fields;
	bool if_absent; // the tenant that "tenant: acme" implies: create, never replace
};

struct document;

// Parse `text`; `file` is only a name for messages. Duplicate keys, bad syntax, unknown kinds,
// wrong shape: -EINVAL with file, line and column. Each item is also decoded once (object_decode)
// so that unknown fields, types and ranges are reported with their position.
int document_parse(struct document **out, const char *file, const char *text, size_t length,
	struct error *error);
void document_free(struct document *document);
size_t document_items(const struct document *document, const struct document_item **out);
// Fill file, line and column of an error that names an object and a field (as a server answered
// it).
void document_locate(const struct document *document, struct error *error);
