// SPDX-License-Identifier: Apache-2.0
#include "age.h"

#include <inttypes.h>
#include <stdio.h>

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
