// SPDX-License-Identifier: Apache-2.0
#include "bucket.h"

enum { WAIT_MAXIMUM = 3600 };

void bucket_init(struct bucket *bucket, struct bucket_size size, uint64_t now_ms)
{
	bucket->level = size.most;
	bucket->filled = now_ms;
}

void bucket_fill(struct bucket *bucket, struct bucket_size size, uint64_t now_ms)
{
	bucket->level += (double)(now_ms - bucket->filled) / 1000 * size.rate;
	bucket->filled = now_ms;
	if (bucket->level > size.most)
		bucket->level = size.most;
}

unsigned bucket_wait_s(const struct bucket *bucket, struct bucket_size size)
{
	if (bucket->level >= 1)
		return 0;
	double seconds = (1 - bucket->level) / size.rate;
	return seconds < WAIT_MAXIMUM ? (unsigned)seconds + 1 : WAIT_MAXIMUM;
}

bool bucket_full(const struct bucket *bucket, struct bucket_size size)
{
	return bucket->level >= size.most;
}
