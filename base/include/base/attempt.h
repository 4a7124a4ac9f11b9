// SPDX-License-Identifier: Apache-2.0
// Attempts: by which numbers one stream of a host is newer than another, wherever the two are seen.
//
// A host numbers its attempts to open a stream, each with a greater number than the last: the
// microseconds of its clock, or one more than the last if the clock has not gone on. So it needs no
// memory of what it said before it was restarted. Where the clock has jumped back, or the machine
// that it runs on was set back, whoever knows a newer attempt answers which, and the host goes on from
// there. A number is right by where it came from alone: how long anything took on its way, and what
// the clocks of others say, does not matter.
//
// A relay numbers its own streams likewise. A host's stream goes with the relay when that moves to
// another controller, so of one attempt of the host, that in the newer attempt of its relay is newer.
//
// Numbers are 1 to ATTEMPT_LAST and compared modulo 2^63, as sequence numbers are (RFC 1982): there is
// always a newer one, whatever a host, or one that speaks for it, has said. 0: none.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ATTEMPT_LAST INT64_MAX

struct attempt {
	uint64_t host;
	uint64_t relay; // 0: not through one
};

// Any is newer than none.
bool attempt_number_newer(uint64_t one, uint64_t other);
bool attempt_newer(struct attempt one, struct attempt other);
// A number newer than `last` (0: none), by the clock.
uint64_t attempt_next(uint64_t last);
// The same, at a time in microseconds. Pure.
uint64_t attempt_next_at(uint64_t last, uint64_t now_us);
