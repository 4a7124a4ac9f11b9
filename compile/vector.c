// SPDX-License-Identifier: Apache-2.0
#include "vector.h"

#include <string.h>

#include "base/memory.h"

// Of two summaries that are equal only the words that they name can differ.
static bool contents_equal(const struct dp_vector *a, const struct dp_vector *b)
{
	if (a->summary != b->summary)
		return false;
	for (uint64_t rest = a->summary; rest; rest &= rest - 1) {
		unsigned word = (unsigned)__builtin_ctzll(rest);
		if (a->words[word] != b->words[word])
			return false;
	}
	return true;
}

#undef HASH_KEYCMP
#define HASH_KEYCMP(a, b, size) (!contents_equal((const void *)(a), (const void *)(b)))

struct vector {
	struct dp_vector content;
	uint32_t number;
	unsigned references;
	struct origin origin;
	UT_hash_handle hh;
};

// Of the words that are not zero: few are.
static uint64_t hash_of(const struct dp_vector *content)
{
	uint64_t hash = number_hash(NUMBER_SEED, &content->summary, sizeof(content->summary));
	for (uint64_t rest = content->summary; rest; rest &= rest - 1) {
		unsigned word = (unsigned)__builtin_ctzll(rest);
		hash = number_hash(hash, &content->words[word], sizeof(content->words[word]));
	}
	return hash;
}

static struct vector *vector_new(struct vectors *vectors, struct rows *rows,
	const struct dp_vector *content, uint64_t hash, const struct origin *from)
{
	struct vector *vector = memory_new(sizeof(*vector));
	vector->content = *content;
	vector->number = number_take(&vectors->numbers, hash, vector);
	vector->origin.path = memory_text(from->path);
	vector->origin.revision = from->revision;
	HASH_ADD_BYHASHVALUE(
		hh, vectors->all, content, sizeof(vector->content), (unsigned)hash, vector);
	rows_claim(rows, &vector->origin, DP_TABLE_VECTOR, &vector->number, content);
	return vector;
}

uint32_t vector_get(struct vectors *vectors, struct rows *rows, const struct dp_vector *content,
	const struct origin *from)
{
	struct vector *vector;
	if (!content->summary)
		return 0;
	uint64_t hash = hash_of(content);
	HASH_FIND_BYHASHVALUE(hh, vectors->all, content, sizeof(*content), (unsigned)hash, vector);
	if (!vector)
		vector = vector_new(vectors, rows, content, hash, from);
	vector->references++;
	return vector->number;
}

void vector_put(struct vectors *vectors, struct rows *rows, uint32_t number)
{
	struct vector *vector = number_owner(&vectors->numbers, number);
	if (!vector || --vector->references)
		return;
	HASH_DEL(vectors->all, vector);
	number_release(&vectors->numbers, number);
	rows_begin(&vector->origin);
	rows_end(rows, &vector->origin);
	free(vector->origin.path);
	free(vector);
}
