// SPDX-License-Identifier: Apache-2.0
// What a process has used, as /proc tells.
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct usage {
	double cpu_seconds;    // of the threads that it has, user and system
	uint64_t memory_bytes; // anonymous memory that is resident
};

// Zeros for a process that is not there.
struct usage usage_of(pid_t process);
