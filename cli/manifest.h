// SPDX-License-Identifier: Apache-2.0
// Objects as the file that describes them, for `weft apply`.
#pragma once

#include <jansson.h>

// From objects as the API tells them, of any kinds and tenants: a list of documents, first the one of
// what is in no tenant, then one a tenant: {"tenant": "acme", "ports": {"web1": {...}}}. What the
// controller alone decides (keys, revision, status) is left out. New reference.
json_t *manifest_documents(const json_t *items);
