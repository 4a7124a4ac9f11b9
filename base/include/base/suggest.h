// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known word nearest to one that is not known.
#pragma once

#include <stddef.h>

// Looks among `count` words; `word_at` gives each. NULL if none is near enough to be what was meant.
const char *suggest(const char *word, size_t count,
	const char *(*word_at)(void *context, size_t index), void *context);
