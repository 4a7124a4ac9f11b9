// SPDX-License-Identifier: Apache-2.0
// News: what has been committed to the store and this controller has not taken in yet, by whomever.
// Copied on the store's thread, made into objects and published on the loop.
#pragma once

#include "entries.h"
#include "state.h"

struct news {
	bool whole;        // everything there is, not what has changed: history does not reach back
	uint64_t revision; // up to which it tells
	uint64_t compacted;     // of the store
	struct entries entries; // in order of revision, or of key if it is whole
};

// A commit that is on its way to the store, or of which nobody knows whether it is stored: news that have
// it say so.
struct sought {
	const char *id;
	uint64_t revision; // as which it was found; 0: it was not
};

// On the store's thread: all that its handle has taken in after `since`. Release with news_done.
int news_collect(struct news *news, struct store *store, uint64_t since, struct error *error);
void news_done(struct news *news);

// On the loop: take it in, revision after revision, up to `news->revision`. A controller that cannot
// is of no use any more, and ends its process: it would decide on something that is not so.
void news_take(struct controller *controller, const struct news *news);
