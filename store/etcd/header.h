// SPDX-License-Identifier: Apache-2.0
// The small values that say what is in etcd: the head, and how each log entry and the base begin.
//
// Ids are 32 hexadecimal digits, drawn at random; NO_ID stands for the entry before the first.
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "../bytes.h"

enum { ETCD_FORMAT = 1, ETCD_ID = 33, ETCD_HEAD = 160 };
#define ETCD_NO_ID "00000000000000000000000000000000"

void etcd_id_draw(char id[ETCD_ID]);

// The newest revision: the one value that every commit compares and replaces. Naming store and
// entry, it never takes the same value twice.
struct etcd_head {
	char store[ETCD_ID]; // drawn when the store was made
	uint64_t revision;
	char entry[ETCD_ID]; // the id of the log entry of `revision`
};

char *etcd_head_format(const struct etcd_head *head, char text[ETCD_HEAD]);
// -EPROTO: of a newer format; -EUCLEAN: no head of a store.
int etcd_head_parse(struct etcd_head *out, const struct bytes *value, struct error *error);

// The first line, JSON, of a log entry or of the base. Its records follow, compressed (zlib), unless
// they stand in pieces of their own.
struct etcd_header {
	uint64_t revision;
	char id[ETCD_ID];       // of this entry, and of its pieces
	char after[ETCD_ID];    // log: the entry before it; base: the log entry of its revision
	uint64_t records, size; // of the records, not compressed: how many, and how many bytes
	uint32_t check;         // CRC-32 of those bytes
	unsigned pieces;        // 0: the records follow
};

void etcd_header_append(struct bytes *out, const struct etcd_header *header);
// `used`: the length of the header's line. -EPROTO: of a newer format; -EUCLEAN: none.
int etcd_header_parse(
	struct etcd_header *out, const struct bytes *value, size_t *used, struct error *error);
