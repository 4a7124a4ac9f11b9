// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

uint64_t clock_realtime_us(void)
{
	return now_ns(CLOCK_REALTIME) / 1000;
}

uint64_t clock_realtime_ms(void)
{
	return now_ns(CLOCK_REALTIME) / 1000000;
}

char *clock_format(int64_t seconds, char *text)
{
	struct tm parts;
	time_t time = (time_t)seconds;
	gmtime_r(&time, &parts);
	strftime(text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return text;
}

int clock_parse(const char *text, int64_t *seconds)
{
	struct tm parts = {0};
	char again[CLOCK_TEXT];
	if (strlen(text) != strlen("1970-01-01T00:00:00Z"))
		return -EINVAL;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	if (!end || *end)
		return -EINVAL;
	time_t time = timegm(&parts);
	// Days that there are not, 31 February, come out as others.
	if (time <= 0 || strcmp(clock_format(time, again), text))
		return -EINVAL;
	*seconds = time;
	return 0;
}
