// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// ---- SipHash-c-d, section 2 of the paper ----

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

// One SipRound, section 2.4.
static inline void mix(struct state *state)
{
	state->v0 += state->v1;
	state->v2 += state->v3;
	state->v1 = rotate(state->v1, 13) ^ state->v0;
	state->v3 = rotate(state->v3, 16) ^ state->v2;
	state->v0 = rotate(state->v0, 32);
	state->v2 += state->v1;
	state->v0 += state->v3;
	state->v1 = rotate(state->v1, 17) ^ state->v2;
	state->v3 = rotate(state->v3, 21) ^ state->v0;
	state->v2 = rotate(state->v2, 32);
}

static inline void compress(struct state *state, uint64_t word, unsigned rounds)
{
	state->v3 ^= word;
	for (unsigned i = 0; i < rounds; i++)
		mix(state);
	state->v0 ^= word;
}

static inline uint64_t word_at(const unsigned char *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

// The bytes that are left, and the count modulo 256 in the highest.
static inline uint64_t last_word(const unsigned char *bytes, size_t left, size_t count)
{
	uint64_t word = (uint64_t)count << 56;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)bytes[i] << 8 * i;
	return word;
}

static inline uint64_t siphash(const struct hash_key *key, const unsigned char *bytes, size_t count,
	unsigned compression, unsigned finalization)
{
	struct state state = {
		key->low ^ UINT64_C(0x736f6d6570736575),
		key->high ^ UINT64_C(0x646f72616e646f6d),
		key->low ^ UINT64_C(0x6c7967656e657261),
		key->high ^ UINT64_C(0x7465646279746573),
	};
	size_t whole = count / 8 * 8;
	for (size_t i = 0; i < whole; i += 8)
		compress(&state, word_at(bytes + i), compression);
	compress(&state, last_word(bytes + whole, count - whole, count), compression);
	state.v2 ^= 0xff;
	for (unsigned i = 0; i < finalization; i++)
		mix(&state);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

uint64_t siphash_1_3(const struct hash_key *key, const void *bytes, size_t count)
{
	return siphash(key, bytes, count, 1, 3);
}

uint64_t siphash_2_4(const struct hash_key *key, const void *bytes, size_t count)
{
	return siphash(key, bytes, count, 2, 4);
}

// ---- the process's own ----

static struct hash_key own;
static pthread_once_t drawn = PTHREAD_ONCE_INIT;

static void draw(void)
{
	size_t have = 0;
	while (have < sizeof(own)) {
		ssize_t got = getrandom((char *)&own + have, sizeof(own) - have, 0);
		if (got < 0 && errno != EINTR)
			abort(); // a kernel without it is older than any that Weft runs on
		have += got > 0 ? (size_t)got : 0;
	}
}

uint64_t hash_bytes(const void *bytes, size_t count)
{
	pthread_once(&drawn, draw);
	return siphash_1_3(&own, bytes, count);
}

uint64_t hash_text(const char *text)
{
	return hash_bytes(text, strlen(text));
}
