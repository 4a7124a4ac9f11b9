// SPDX-License-Identifier: Apache-2.0
#include "vector.h"

#include "base/memory.h"

struct vector {
	struct dp_vector content;
	uint32_t number;
	unsigned references;
	struct origin origin;
	UT_hash_handle hh;
};

static struct vector *vector_new(struct vectors *vectors, struct rows *rows,
	const struct dp_vector *content, const struct origin *from)
{
	struct vector *vector = memory_new(sizeof(*vector));
	vector->content = *content;
	vector->number = number_take(
		&vectors->numbers, number_hash(NUMBER_SEED, content, sizeof(*content)), vector);
	vector->origin.path = memory_text(from->path);
	vector->origin.revision = from->revision;
	HASH_ADD(hh, vectors->all, content, sizeof(vector->content), vector);
	rows_claim(rows, &vector->origin, DP_TABLE_VECTOR, &vector->number, content);
	return vector;
}

uint32_t vector_get(struct vectors *vectors, struct rows *rows, const struct dp_vector *content,
	const struct origin *from)
{
	struct vector *vector;
	if (!content->summary)
		return 0;
	HASH_FIND(hh, vectors->all, content, sizeof(*content), vector);
	if (!vector)
		vector = vector_new(vectors, rows, content, from);
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
