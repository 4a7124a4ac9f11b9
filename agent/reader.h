// SPDX-License-Identifier: Apache-2.0
// The stream's bytes in, batches out (docs/design/api.md, "The stream to an agent"). Pure.
//
// A batch is what a commit ends. One that begins with a snapshot is all that this host needs, whatever
// else it holds is to be forgotten; what a batch has brought so far is then void. A connection begins
// with a snapshot, unless the host has said what it holds already.
#pragma once

#include <jansson.h>
#include <utarray.h>

#include "base/error.h"
#include "model/object.h"

struct batch_item {
	enum model_kind kind;
	char *tenant, *name;
	struct object *object; // NULL: delete
};

struct batch {
	bool snapshot;
	char history[40]; // of a snapshot: what its revision is one of; empty: none was named
	uint64_t revision;
	UT_array items; // struct batch_item, in order
};

// `batch` is borrowed.
typedef void (*reader_batch)(void *context, const struct batch *batch);
// What the controller wants to know ("trace"), or says besides, at any time between two batches or
// within one. -EPROTO: that is nothing that one can say here.
typedef int (*reader_message)(void *context, const char *type, json_t *message);

// After a commit, and with a ping between batches: the digest (model/digest.h) of what the controller
// believes that this host holds.
typedef void (*reader_claim)(void *context, uint64_t digest);

// An object that this host holds, as all batches before left it, so that it can be told what differs.
// Borrowed; NULL: it holds none of that name.
typedef const struct object *(*reader_find)(
	void *context, enum model_kind kind, const char *tenant, const char *name);

enum { READER_LINE_MAX = 16 << 20 };

struct reader {
	reader_batch callback;
	reader_message message; // NULL: questions are left unanswered
	reader_claim claim;     // NULL: nobody compares
	reader_find find;       // NULL: objects have to be told whole
	void *context;
	char *line; // the beginning of a line whose end has not come
	size_t length, capacity;
	bool begun; // there is something that changes can follow
	struct batch batch;
};

void reader_init(struct reader *reader, reader_batch callback, void *context);
void reader_done(struct reader *reader);
// A new connection: forget what was begun. `resuming`: it may go on with changes.
void reader_reset(struct reader *reader, bool resuming);
// -EPROTO for what is not a stream, -EFBIG for a line over READER_LINE_MAX, errors of
// object_decode: then the connection is worth nothing more. Batches that were complete have been
// delivered.
int reader_feed(struct reader *reader, const char *data, size_t length, struct error *error);
