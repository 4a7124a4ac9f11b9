// SPDX-License-Identifier: Apache-2.0
// A token bucket: fills at a rate, up to a size; what is taken may exceed what is in it, and then it
// owes. So a single large piece goes through, and the rate holds over time all the same.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	double level;    // below 0: owing
	uint64_t filled; // monotonic milliseconds
};

struct bucket_size {
	double rate; // a second
	double most;
};

void bucket_init(struct bucket *bucket, struct bucket_size size, uint64_t now_ms);
void bucket_fill(struct bucket *bucket, struct bucket_size size, uint64_t now_ms);
// After how many whole seconds there is something in it; 0: now. Filled up to now.
unsigned bucket_wait_s(const struct bucket *bucket, struct bucket_size size);
bool bucket_full(const struct bucket *bucket, struct bucket_size size);
