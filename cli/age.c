// SPDX-License-Identifier: Apache-2.0
#include "age.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static const uint64_t YEAR_10000 = 253402300800000; // milliseconds

char *age_format(uint64_t milliseconds, char *text)
{
	uint64_t seconds = milliseconds / 1000, minutes = seconds / 60, hours = minutes / 60;

	if (seconds < 10)
		snprintf(text, AGE_TEXT, "%" PRIu64 ".%" PRIu64 "s", seconds,
			milliseconds / 100 % 10);
	else if (seconds < 60)
		snprintf(text, AGE_TEXT, "%" PRIu64 "s", seconds);
	else if (minutes < 60)
		snprintf(text, AGE_TEXT, "%" PRIu64 "m%" PRIu64 "s", minutes, seconds % 60);
	else if (hours < 24)
		snprintf(text, AGE_TEXT, "%" PRIu64 "h%" PRIu64 "m", hours, minutes % 60);
	else
		snprintf(text, AGE_TEXT, "%" PRIu64 "d%" PRIu64 "h", hours / 24, hours % 24);
	return text;
}

int age_end(const char *option, uint64_t milliseconds, char *text, struct error *error)
{
	uint64_t now = clock_realtime_ms();
	if (!milliseconds)
		return error_set(error, EINVAL, "--%s: it must last longer than 0s", option);
	if (milliseconds >= YEAR_10000 - now)
		return error_set(error, EINVAL, "--%s: it must end before the year 10000", option);
	clock_format((int64_t)((now + milliseconds + 999) / 1000), text);
	return 0;
}
