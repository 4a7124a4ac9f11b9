// SPDX-License-Identifier: Apache-2.0
// What all hosts that a packet met say, in one word and one sentence. Pure.
#pragma once

#include <jansson.h>
#include <stdbool.h>

// From "from", "to", "destination" and "hosts" of a trace: set "verdict", "summary", "reached", and of a drop "host", "stage", "reason", "help", "object",
// "revision", "rule".
void verdict_add(json_t *trace);
// Of one host's answer: was the packet dropped, and is what goes out word of that to its sender?
bool verdict_answers(const json_t *host);
