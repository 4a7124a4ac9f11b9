// SPDX-License-Identifier: Apache-2.0
// Hashes for tables. Who chooses what is looked up, as tenants do with names and labels, must not be
// able to choose what falls together: then each look-up would walk over all. So the hash is keyed:
// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), by a key that each
// process draws when it first hashes. It differs from run to run: nothing that is kept or told may
// follow from it.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t low, high;
};

uint64_t hash_bytes(const void *bytes, size_t count);
uint64_t hash_text(const char *text);

// The functions themselves. SipHash-2-4 is what the paper gives vectors of.
uint64_t siphash_1_3(const struct hash_key *key, const void *bytes, size_t count);
uint64_t siphash_2_4(const struct hash_key *key, const void *bytes, size_t count);
