// SPDX-License-Identifier: Apache-2.0
// The bulletin: what this controller tells the others of the hosts that are connected to it, that they
// are, and what they report. First all that is so, then what changes, a line each:
//
//   {"type":"hello","version":"0.1.0"}              the first, so that it is seen to be read
//   {"type":"host","host":"h1","connected":true,"since_ms":5200,
//    "attempt":1790000000000000,"relay":0}        of its stream, where it is connected: base/attempt.h
//   {"type":"report","host":"h1","report":{…},      as the agent posts it, every member optional
//    "settled":43}                                  absent, or: it has realized all up to this
//   {"type":"ping"}                                 every 10 s
#pragma once

#include "handler.h"

void bulletin_start(struct controller *controller);
// End it, once what is queued has been read; then, with no connection left, free it.
void bulletin_end(struct controller *controller);
void bulletin_free(struct controller *controller);

void bulletin_host(struct controller *controller, const char *host, bool connected, uint64_t since);
void bulletin_report(struct controller *controller, const char *host, const json_t *report);
