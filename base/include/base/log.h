// SPDX-License-Identifier: Apache-2.0
// Logging to standard error, one line a message: time, level, program, text. Coloured on a
// terminal. Libraries (base … compile) do not log above debug: they return errors. A function logs
// or returns, never both.
#pragma once

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// `program` names the role in each line, "weft-agent h1"; kept by copy. Default level: info, or
// WEFT_LOG.
void log_init(const char *program);
void log_set_level(enum log_level level);
// Whether such messages are shown: to spare what would be made for none.
bool log_shows(enum log_level level);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
