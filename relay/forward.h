// SPDX-License-Identifier: Apache-2.0
// What the relay does not understand and need not: passed on to the controller, and its answer back.
#pragma once

#include "parts.h"

void forward(struct relay *relay, struct request *request);
void forward_end(struct relay *relay); // no request may be left
