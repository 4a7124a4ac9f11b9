// SPDX-License-Identifier: Apache-2.0
// The backlog: what each host was told of late, revision by revision.
//
// From it, streams are written: a host that keeps up is at its end, one that is slow somewhere
// behind, one that comes back where it left off. So nothing is queued for a host: what a revision
// changes is kept once, and for each host that it concerns a few bytes more. The oldest goes when it
// is too much or too old; a host that had not come that far is *lost*, and takes a snapshot instead,
// which is never more than what it needs.
//
// Objects are encoded when the first host reads them, and the bytes are shared by all: the whole
// object, or what differs from the version that a host holds.
//
// Coming back: a host says at which revision it stopped and the digest of what it holds. What it
// was told since then has a known effect on the digest. If digest and effect together give what the
// host should hold now, then and only then that is what it lacks. It does not matter which controller
// it got its state from, nor what the two have in common but the order of revisions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "model/object.h"

struct backlog;

// What one revision told one host.
struct backlog_entry;

// A host's place. Zeroed: a new host.
struct backlog_host {
	struct backlog_entry *first, *last; // all that is kept, in order
	struct backlog_entry *next;         // that it has not read; NULL: it has read all
	uint32_t position;                  // lines of `next` that it has read
	uint32_t building; // of the revision that is being told: entry, from 1; 0: none
	bool lost;         // of what it has not read something is gone
};

// Keeps about `limit` bytes at most, or the newest revision alone if that is larger; and nothing that
// is older than `age_ms`.
void backlog_new(struct backlog **out, size_t limit, uint64_t age_ms);
void backlog_free(struct backlog *backlog); // hosts are forgotten by then

// Tell a revision: begin, add what each host held before and should hold after (one of them may be
// NULL), end. All of one object in a row. `now`: the caller's monotonic milliseconds.
void backlog_begin(struct backlog *backlog, uint64_t revision, uint64_t now);
void backlog_add(struct backlog *backlog, struct backlog_host *host, struct object *before,
	struct object *after);
// `visit` for each host that was told something, with what that does to the digest of what it holds.
typedef void (*backlog_visit)(void *context, struct backlog_host *host, uint64_t difference);
void backlog_end(struct backlog *backlog, backlog_visit visit, void *context);
// Drop what is too old, or too much since it was encoded.
void backlog_trim(struct backlog *backlog, uint64_t now);
// Bytes that are kept, about.
size_t backlog_size(const struct backlog *backlog);

// The host is no more.
void backlog_forget(struct backlog_host *host);
// It needs nothing of what is kept.
void backlog_skip(struct backlog_host *host);
// It holds a set with the digest `held` as of revision `since`, and should hold one with `wanted`.
// True: what brings it there is what is now `next` and after. False: nobody knows.
bool backlog_resume(struct backlog_host *host, uint64_t since, uint64_t held, uint64_t wanted);

// Read on: the next line of `next`, borrowed until the next call of anything here. NULL: its lines are
// read; backlog_advance then goes on to the next entry. `patches`: the host can be told what differs
// from what it holds, which is all of the entries before `next`.
struct bytes *backlog_read(struct backlog *backlog, struct backlog_host *host, bool patches);
uint64_t backlog_revision(const struct backlog_host *host);   // of `next`
uint64_t backlog_difference(const struct backlog_host *host); // likewise: to the digest
void backlog_advance(struct backlog_host *host);
