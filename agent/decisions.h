// SPDX-License-Identifier: Apache-2.0
// What rules decided that are logged: a line each in the agent's own log, and the newest of each rule for reports.
#pragma once

#include <jansson.h>

#include "compile/compile.h"
#include "datapath/datapath.h"

struct rule_log;

struct decisions {
	struct rule_log *logs; // by rule
};

void decisions_done(struct decisions *decisions);
// Take what the datapath has gathered, and forget what was logged for rules that are no more. 0 or -errno.
int decisions_collect(struct decisions *decisions, struct datapath *datapath,
	const struct compiler *compiler, struct error *error);
// The newest of a rule, oldest first: {"at" in milliseconds since 1970, "port", "action", "packet"}. New reference, NULL if there are none.
json_t *decisions_encode(const struct decisions *decisions, uint32_t rule);
