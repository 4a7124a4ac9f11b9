// SPDX-License-Identifier: Apache-2.0
// The status of objects: desired, realized and discovered state put together for people.
#pragma once

#include "state.h"

// An object as it is read: its fields, and `status` where its kind has one. New reference.
json_t *status_encode(const struct controller *controller, const struct object *object);
