// SPDX-License-Identifier: Apache-2.0
// The records of a log entry or of the base: compressed, and where they are too large for one
// value, in pieces, which are written before the entry that names them.
//
// etcd takes 1.5 MB and 128 operations a request. Pieces hang on a claim, the claim on a lease
// until the transaction that creates the entry takes it over: what a writer that died has left
// behind is known by its missing claim.
#pragma once

#include <zlib.h>

#include "client.h"
#include "header.h"
#include "record.h"

enum { BODY_PIECE = 1 << 20 }; // bytes

struct body_writer {
	struct etcd_client *client;
	const char *prefix;
	struct etcd_header header; // its `id`, `records`, `size`, `check`, `pieces`
	struct bytes packed;       // not in a piece yet; after the end, if no pieces: all
	struct bytes record;
	z_stream stream;
	int64_t lease; // of the claim; 0: no claim
	uint64_t renewed_ms;
};

int body_begin(struct body_writer *writer, struct etcd_client *client, const char *prefix,
	struct error *error);
// Errors of both: -EAGAIN, as etcd_call; nothing counts that was written.
int body_add(struct body_writer *writer, const struct store_entry *entry, struct error *error);
// `apart`: in pieces, however small.
int body_end(struct body_writer *writer, bool apart, struct error *error);
// Frees; the claim goes, unless a transaction has taken it over.
void body_done(struct body_writer *writer);

// For the transaction that creates the entry: that the claim is still there, and the claim's new
// value. No-ops if there are no pieces.
void body_claim(
	const struct body_writer *writer, const char *value, json_t *compares, json_t *success);

// Visit the records of `header`; `packed` are the bytes behind it. -ENOENT: a piece is not there.
// -EUCLEAN: not what was written. -EAGAIN: as etcd_call. What `visit` answers, if not 0. After any
// failure the visits do not count.
int body_read(struct etcd_client *client, const char *prefix, const struct etcd_header *header,
	const void *packed, size_t length, store_visit visit, void *context, struct error *error);
