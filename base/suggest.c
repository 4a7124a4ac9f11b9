// SPDX-License-Identifier: Apache-2.0
#include "base/suggest.h"

#include <string.h>

enum { WORD_MAXIMUM = 32 }; // longer words are not typing errors of ours

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours between
// words of at most WORD_MAXIMUM.
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAXIMUM + 1];
	size_t *before = rows[0], *previous = rows[1], *current = rows[2];
	size_t a_length = strlen(a), b_length = strlen(b);
	for (size_t j = 0; j <= b_length; j++)
		current[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *oldest = before;
		before = previous;
		previous = current;
		current = oldest;
		current[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t best = previous[j - 1] + (a[i - 1] != b[j - 1]);
			best = smaller(best, smaller(previous[j], current[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = smaller(best, before[j - 2] + 1);
			current[j] = best;
		}
	}
	return current[b_length];
}

const char *suggest(const char *word, size_t count,
	const char *(*word_at)(void *context, size_t index), void *context)
{
	const char *nearest = NULL;
	size_t length = strlen(word);
	if (!length || length > WORD_MAXIMUM)
		return NULL;
	size_t nearest_distance = length / 3 + 2; // one more than is accepted
	for (size_t i = 0; i < count; i++) {
		const char *known = word_at(context, i);
		if (strlen(known) > WORD_MAXIMUM)
			continue;
		// A beginning is what was meant, too: "addr" for "addresses".
		size_t away =
			length >= 3 && !strncmp(known, word, length) ? 1 : distance(word, known);
		if (away < nearest_distance && away < strlen(known)) {
			nearest = known;
			nearest_distance = away;
		}
	}
	return nearest;
}
