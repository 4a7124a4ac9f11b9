// SPDX-License-Identifier: Apache-2.0
// What the controller has been told of the members of a list, so that only differences are told
// again. Pure.
//
// Members are known by a number that stays theirs, and told by name. A round goes through the list:
// begin, look at each, end.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"

struct told_member {
	uint32_t number;
	uint32_t round; // that last looked at it
	uint64_t digest;
	UT_hash_handle hh;
	char name[];
};

struct told {
	struct told_member *members; // hash by number
	uint32_t round;
};

// The controller is not to hear of this name any more.
typedef void (*told_gone)(void *context, const char *name);

// Nothing is told: the next round finds everything new.
void told_forget(struct told *told);
void told_begin(struct told *told);
// Is what has this digest news? It counts as told from here on. A member that has another name now
// is gone under the old one.
bool told_look(struct told *told, uint32_t number, const char *name, uint64_t digest,
	told_gone gone, void *context);
// Has it this digest still? Then it is looked at; else it is as if nobody had asked. For where the
// digest holds the name too, and to write the name takes time.
bool told_still(struct told *told, uint32_t number, uint64_t digest);
// What the round did not look at is gone.
void told_end(struct told *told, told_gone gone, void *context);

// For digests: begin with TOLD_SEED, go on with the answer.
#define TOLD_SEED UINT64_C(14695981039346656037)
uint64_t told_digest(uint64_t digest, const void *bytes, size_t count);
uint64_t told_digest_text(uint64_t digest, const char *text); // NULL is not ""
