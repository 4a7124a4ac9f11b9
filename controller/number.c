// SPDX-License-Identifier: Apache-2.0
#include "number.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"

// Digits at the front; `rest` is what follows them.
static int digits(const char *text, uint64_t *out, const char **rest)
{
	uint64_t value = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');
		if (value > (INT64_MAX - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
	}
	if (at == text)
		return -EINVAL;
	*rest = at;
	*out = value;
	return 0;
}

int number_parse(const char *text, uint64_t *out)
{
	uint64_t value;
	const char *rest;
	if (digits(text, &value, &rest) < 0 || *rest)
		return -EINVAL;
	*out = value;
	return 0;
}

int duration_parse(const char *text, uint64_t *milliseconds)
{
	static const struct {
		const char *name;
		uint64_t milliseconds;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}};
	const uint64_t limit = 60 * 60 * 1000;
	uint64_t value;
	const char *rest;
	if (digits(text, &value, &rest) < 0)
		return -EINVAL;
	for (size_t i = 0; i < array_count(units); i++) {
		if (strcmp(rest, units[i].name))
			continue;
		if (value > limit / units[i].milliseconds)
			return -EINVAL;
		*milliseconds = value * units[i].milliseconds;
		return 0;
	}
	return -EINVAL;
}
