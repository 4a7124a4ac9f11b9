// SPDX-License-Identifier: Apache-2.0
// What all hosts that a packet met say, in one word and one sentence. Pure.
#pragma once

#include <jansson.h>

// From "to" and "hosts" of a trace: set "verdict", "summary", "reached", and of a drop "host", "stage", "reason", "help", "object",
// "revision", "rule".
void verdict_add(json_t *trace);
