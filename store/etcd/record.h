// SPDX-License-Identifier: Apache-2.0
// What a commit or a checkpoint consists of, as bytes: one record after the other, each a line that
// a person can read, then key and value as they are.
//
//   put KEY-LENGTH VALUE-LENGTH REVISION\n<key><value>\n
//   del KEY-LENGTH 0 REVISION\n<key>\n
//
// In a checkpoint the revision is the one that last changed the key; in a commit it is 0: the
// commit has one of its own.
#pragma once

#include <stdint.h>

#include "../bytes.h"
#include "store/store.h"

void record_append(struct bytes *out, const struct store_entry *entry);

// Reads records from bytes that come in parts of any size.
struct record_reader {
	struct bytes pending; // the beginning of a record
	struct bytes key;
	uint64_t count; // of records read
};

// -EUCLEAN: not records. What `visit` answers, if not 0.
int record_read(struct record_reader *reader, const void *data, size_t length, store_visit visit,
	void *context);
void record_reader_done(struct record_reader *reader);
