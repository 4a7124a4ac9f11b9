// SPDX-License-Identifier: Apache-2.0
// What requests to etcd are made of, and what its answers hold.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../bytes.h"
#include "client.h"

// Operations of a transaction, and what they compare: new references.
json_t *etcd_put(const char *key, const void *value, size_t length, int64_t lease); // 0: no lease
json_t *etcd_get(const char *key);
// From `from` to before `to`; `limit` 0: all.
json_t *etcd_range(const char *from, const char *to, unsigned limit, bool keys_only);
json_t *etcd_delete(const char *key);
json_t *etcd_delete_range(const char *from, const char *to);
json_t *etcd_if_exists(const char *key, bool exists);
json_t *etcd_if_value(const char *key, const char *value);

// One atomic transaction: `success` if all `compares` hold, else `failure`. Steals all three; NULL
// stands for none. Errors as etcd_call. `succeeded`: which of both was done.
int etcd_transact(struct etcd_client *client, json_t *compares, json_t *success, json_t *failure,
	bool *succeeded, json_t **answer, struct error *error);

// The keys that operation `index` of a transaction has read: a borrowed array, or NULL.
const json_t *etcd_read_of(const json_t *answer, size_t index);
// Decode a key with its value; both are emptied first. -EUCLEAN: it is not base64.
int etcd_read_key(const json_t *item, struct bytes *key); // with a terminator, not counted
int etcd_read_value(const json_t *item, struct bytes *value);
// The number of a member that etcd writes as a text; 0 if it is not there.
int64_t etcd_read_number(const json_t *json, const char *name);
