// SPDX-License-Identifier: Apache-2.0
// A digest of a set of objects: what two sides compare to know that they hold the same.
//
// The digest of a set is the sum, modulo 2^64, of a 64-bit hash of each object's path and revision.
// A sum does not depend on any order, and follows a change by one subtraction and one addition. The
// revision stands for the content: within one history of a store, path and revision are written
// once.
//
// Why collisions do not matter: the digest guards against mistakes and lost messages, not against
// an enemy, who would have to be inside a controller or an agent to profit. Two different sets agree
// by chance once in 2^64 comparisons, so ten thousand hosts that diverge every second all the time
// would hide one divergence in sixty million years, and the next snapshot heals that too.
#pragma once

#include "model/object.h"

// Of one object, from its identity and revision; the content is not read. NULL: 0, as of an empty
// set. The hash is the same on every machine and in every version, as both sides compute it: FNV-1a
// over the bytes of the path, then the revision mixed in by two rounds of multiply and shift.
uint64_t object_digest(const struct object *object);

// 16 hexadecimal digits, as the stream carries them.
enum { DIGEST_TEXT = 17 };
char *digest_format(uint64_t digest, char *text /* DIGEST_TEXT bytes */);
// 0 or -EINVAL. NULL is no digest.
int digest_parse(const char *text, uint64_t *out);
