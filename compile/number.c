// SPDX-License-Identifier: Apache-2.0
#include "number.h"

#include "base/memory.h"

struct number {
	uint32_t value;
	void *owner;
	UT_hash_handle hh;
};

uint64_t number_hash(uint64_t hash, const void *bytes, size_t count)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < count; i++)
		hash = (hash ^ at[i]) * UINT64_C(1099511628211);
	return hash;
}

static struct number *number_find(const struct numbers *numbers, uint32_t value)
{
	struct number *number;
	HASH_FIND(hh, numbers->taken, &value, sizeof(value), number);
	return number;
}

static uint32_t number_add(struct numbers *numbers, uint32_t value, void *owner)
{
	struct number *number = memory_new(sizeof(*number));
	number->value = value;
	number->owner = owner;
	HASH_ADD(hh, numbers->taken, value, sizeof(value), number);
	return value;
}

static uint32_t number_of_hash(uint64_t hash)
{
	return (uint32_t)(hash >> 32) ^ (uint32_t)hash;
}

uint32_t number_take(struct numbers *numbers, uint64_t hash, void *owner)
{
	uint32_t value = number_of_hash(hash);
	while (!value || number_find(numbers, value))
		value++;
	return number_add(numbers, value, owner);
}

uint32_t number_take_below(struct numbers *numbers, uint32_t limit, uint64_t hash, void *owner)
{
	uint32_t value = number_of_hash(hash) % limit;
	if (number_count(numbers) + 1 >= limit)
		return 0;
	while (!value || number_find(numbers, value))
		value = (value + 1) % limit;
	return number_add(numbers, value, owner);
}

void *number_owner(const struct numbers *numbers, uint32_t value)
{
	const struct number *number = number_find(numbers, value);
	return number ? number->owner : NULL;
}

size_t number_count(const struct numbers *numbers)
{
	return HASH_COUNT(numbers->taken);
}

void number_each(
	const struct numbers *numbers, void (*visit)(void *context, uint32_t number), void *context)
{
	const struct number *number, *next;
	HASH_ITER (hh, numbers->taken, number, next)
		visit(context, number->value);
}

void number_release(struct numbers *numbers, uint32_t value)
{
	struct number *number = number_find(numbers, value);
	if (!number)
		return;
	HASH_DEL(numbers->taken, number);
	free(number);
}
