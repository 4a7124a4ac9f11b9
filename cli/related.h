// SPDX-License-Identifier: Apache-2.0
// What an object has to do with others, as tables: the ports of a network, the rules of a policy and
// whom they protect, what a router joins.
#pragma once

#include "client.h"
#include "model/object.h"

// Print all that is related to `object`, which is `json` as the API tells it. On failure: -errno, and
// perhaps a part is printed.
int related_print(struct client *client, const struct object *object, const json_t *json,
	struct error *error);
