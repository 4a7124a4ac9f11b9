// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

static const struct {
	const char *name;
	const char *colour; // ANSI escape; empty: the terminal's own
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", "\033[31m"},
	[LOG_LEVEL_WARNING] = {"warning", "\033[33m"},
	[LOG_LEVEL_INFO] = {"info", ""},
	[LOG_LEVEL_DEBUG] = {"debug", "\033[2m"},
};

static char log_program[64] = "weft";
static enum log_level log_threshold = LOG_LEVEL_INFO;
static bool log_coloured;

void log_init(const char *program)
{
	snprintf(log_program, sizeof(log_program), "%s", program);
	log_coloured = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
	const char *wanted = getenv("WEFT_LOG");
	for (size_t i = 0; wanted && i < array_count(levels); i++)
		if (!strcasecmp(wanted, levels[i].name))
			log_threshold = (enum log_level)i;
}

void log_set_level(enum log_level level)
{
	log_threshold = level;
}

bool log_shows(enum log_level level)
{
	return level <= log_threshold;
}

void log_write(enum log_level level, const char *format, ...)
{
	if (!log_shows(level))
		return;
	struct timespec now;
	struct tm broken;
	char stamp[32], message[2048];
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &broken);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &broken);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	// A message may quote what a stranger sent: no line breaks, no terminal escapes.
	for (char *at = message; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	// One call, one line: lines of several processes on one terminal do not mix.
	fprintf(stderr, "%s%s.%03ld %-7s %s: %s%s\n", log_coloured ? levels[level].colour : "",
		stamp, now.tv_nsec / 1000000, levels[level].name, log_program, message,
		log_coloured ? "\033[0m" : "");
}
