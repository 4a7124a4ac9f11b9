// SPDX-License-Identifier: Apache-2.0
// Where in etcd things are, all below the store's prefix:
//
//   head                the newest revision (header.h)
//   log/REVISION        what a revision changed
//   base                what is live at the revision before which the log is gone
//   claim/ID            these pieces are somebody's: "writing", with a lease, or "log REVISION",
//                       or "base REVISION"
//   piece/ID/NUMBER     a part of records that are too large for an entry
//   lease/NAME          who owns that duty, with a lease
//
// Pieces without a claim are nobody's: whoever sees them deletes them.
#pragma once

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

enum { ETCD_KEY = 256 };

static inline const char *etcd_key(char text[ETCD_KEY], const char *prefix, const char *name)
{
	snprintf(text, ETCD_KEY, "%s/%s", prefix, name);
	return text;
}

static inline const char *etcd_key_log(char text[ETCD_KEY], const char *prefix, uint64_t revision)
{
	snprintf(text, ETCD_KEY, "%s/log/%016" PRIx64, prefix, revision);
	return text;
}

static inline const char *etcd_key_claim(char text[ETCD_KEY], const char *prefix, const char *id)
{
	snprintf(text, ETCD_KEY, "%s/claim/%s", prefix, id);
	return text;
}

static inline const char *etcd_key_piece(
	char text[ETCD_KEY], const char *prefix, const char *id, unsigned number)
{
	snprintf(text, ETCD_KEY, "%s/piece/%s/%08x", prefix, id, number);
	return text;
}
