// SPDX-License-Identifier: Apache-2.0
// What was allowed when it began and goes on, a watch, a wait, the stream of a host, ends when its
// token or certificate does: at once when that is revoked, within a second when its time is over.
#pragma once

#include "state.h"

void enforcement_start(struct controller *controller);
void enforcement_stop(struct controller *controller);
// These objects have changed.
void enforcement_changed(
	struct controller *controller, const struct topology_change *changes, size_t count);
