// SPDX-License-Identifier: Apache-2.0
// Receipts: which hosts have realized a revision, and which are late and why.
#pragma once

#include "client.h"
#include "option.h"

// Wait until every host that the revision concerns has realized it, or until `deadline` (monotonic
// milliseconds), which holds for whatever the client is asked for from then on; on a terminal, show how
// far it is. `receipt` (a new reference) is the last one seen. 0 also where it is not complete.
int receipt_wait(struct client *client, uint64_t revision, uint64_t deadline, json_t **receipt,
	struct error *error);

// Say it in words: complete on stdout, the hosts that are late on stderr. With --json nothing is
// printed. EXIT_OK if complete, else EXIT_REFUSED.
int receipt_report(const json_t *receipt);

// --wait[=TIME] of the commands that write.
extern const struct option_spec receipt_options[];

// The end of a command that has written: wait for the revision of the server's `answer` if --wait
// is given, put the receipt into it as "receipt" and what is the matter with its ports as
// "remarks", and with --json print it whole. An exit code.
int receipt_finish(struct client *client, json_t *answer);
