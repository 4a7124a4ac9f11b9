// SPDX-License-Identifier: Apache-2.0
// What a transaction would do: judged like any other, and then forgotten.
#pragma once

#include "state.h"

// Answer the request with {"revision": as it is, "changed": N, "created": M, "changes": [{"before":
// object or null, "after": object or null}...]} and warnings if there are any, or refuse it as the
// transaction would be. The transaction is gone, and what it was given (keys, MACs, addresses) with
// it.
void preview_request(
	struct controller *controller, struct request *request, struct transaction *transaction);
