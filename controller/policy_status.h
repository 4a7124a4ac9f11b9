// SPDX-License-Identifier: Apache-2.0
// The status of a policy.
#pragma once

#include "state.h"

// {"rules": [{"name", "index", "direction", "action", "packets", "bytes"}...]}: all rules in the
// order of the policy, then its default, with index -1. Of one that is logged also "log": the newest
// [{"at", "host", "port", "action", "packet"}...], oldest first. New reference.
json_t *policy_status(const struct controller *controller, const struct policy *policy);
