// SPDX-License-Identifier: Apache-2.0
// Memory. An allocation that fails ends the process with a message: nothing is lost when a Weft
// process dies, and half of a change is worse than none. So these never return NULL, and callers do
// not check.
//
// Cleanup attributes: `cleanup_free char *text = ...;` frees at the end of the scope; `steal(text)`
// hands it on.
#pragma once

#include <stddef.h>
#include <stdlib.h>

void *memory_new(size_t size);                                // zeroed
void *memory_resize(void *memory, size_t count, size_t size); // count * size, checked for overflow
char *memory_text(const char *text);                          // a copy; NULL gives NULL
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline void cleanup_free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_pointer)))
#define steal(pointer)                                   \
	({                                               \
		__typeof__(pointer) stolen_ = (pointer); \
		(pointer) = NULL;                        \
		stolen_;                                 \
	})
#define array_count(array) (sizeof(array) / sizeof((array)[0]))
