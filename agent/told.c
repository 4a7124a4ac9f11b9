// SPDX-License-Identifier: Apache-2.0
#include "told.h"

#include <string.h>

#include "base/memory.h"

static void member_free(struct told *told, struct told_member *member)
{
	HASH_DEL(told->members, member);
	free(member);
}

void told_forget(struct told *told)
{
	struct told_member *member, *next;
	HASH_ITER (hh, told->members, member, next)
		member_free(told, member);
}

void told_begin(struct told *told)
{
	told->round++;
}

static struct told_member *member_new(struct told *told, uint32_t number, const char *name)
{
	struct told_member *member = memory_new(sizeof(*member) + strlen(name) + 1);
	member->number = number;
	strcpy(member->name, name);
	HASH_ADD(hh, told->members, number, sizeof(number), member);
	return member;
}

static struct told_member *member_find(const struct told *told, uint32_t number)
{
	struct told_member *member;
	HASH_FIND(hh, told->members, &number, sizeof(number), member);
	return member;
}

bool told_still(struct told *told, uint32_t number, uint64_t digest)
{
	struct told_member *member = member_find(told, number);
	if (!member || member->digest != digest)
		return false;
	member->round = told->round;
	return true;
}

bool told_look(struct told *told, uint32_t number, const char *name, uint64_t digest,
	told_gone gone, void *context)
{
	struct told_member *member = member_find(told, number);
	if (member && strcmp(member->name, name)) {
		gone(context, member->name);
		member_free(told, member);
		member = NULL;
	}
	bool news = !member || member->digest != digest;
	if (!member)
		member = member_new(told, number, name);
	member->digest = digest;
	member->round = told->round;
	return news;
}

void told_end(struct told *told, told_gone gone, void *context)
{
	struct told_member *member, *next;
	HASH_ITER (hh, told->members, member, next) {
		if (member->round == told->round)
			continue;
		gone(context, member->name);
		member_free(told, member);
	}
}

// FNV-1a, eight bytes at a time where there are eight.
uint64_t told_digest(uint64_t digest, const void *bytes, size_t count)
{
	const unsigned char *at = bytes;
	for (; count >= 8; at += 8, count -= 8) {
		uint64_t word;
		memcpy(&word, at, 8);
		digest = (digest ^ word) * UINT64_C(1099511628211);
		digest ^= digest >> 32;
	}
	for (; count; at++, count--)
		digest = (digest ^ *at) * UINT64_C(1099511628211);
	return digest;
}

uint64_t told_digest_text(uint64_t digest, const char *text)
{
	return text ? told_digest(digest, text, strlen(text) + 1) : told_digest(digest, "\1", 1);
}
