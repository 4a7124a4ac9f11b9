// SPDX-License-Identifier: Apache-2.0
// Bearer tokens (RFC 6750) of people and programs: "weft.NAME.SECRET". The name finds the token's
// object, the secret proves it.
#pragma once

#include "state.h"

// The token that the value of an Authorization header carries; borrowed. NULL: it is none, none
// that there is, or not with this secret. Whether it has expired is not looked at.
struct token *bearer_find(const struct controller *controller, const char *authorization);
// What the client is to carry, shown once: a new reference.
json_t *bearer_encode(const char *name, const char *secret);
