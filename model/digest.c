// SPDX-License-Identifier: Apache-2.0
#include "model/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t fnv(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	return value ^ value >> 31;
}

uint64_t object_digest(const struct object *object)
{
	if (!object)
		return 0;
	uint64_t hash = 0xcbf29ce484222325;
	if (object->tenant)
		hash = fnv(fnv(hash, object->tenant), "/");
	hash = fnv(fnv(fnv(hash, model_kind_plural(object->kind)), "/"), object->name);
	return mix(mix(hash) + object->revision);
}

char *digest_format(uint64_t digest, char *text)
{
	snprintf(text, DIGEST_TEXT, "%016" PRIx64, digest);
	return text;
}

int digest_parse(const char *text, uint64_t *out)
{
	static const char digits[] = "0123456789abcdef";
	if (!text || strlen(text) != DIGEST_TEXT - 1 || strspn(text, digits) != DIGEST_TEXT - 1)
		return -EINVAL;
	*out = strtoull(text, NULL, 16);
	return 0;
}
