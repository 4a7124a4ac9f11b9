// SPDX-License-Identifier: Apache-2.0
#include "usage.h"

#include <dirent.h>
#include <stdio.h>

#include "base/memory.h"

static uint64_t read_memory(pid_t process)
{
	char path[64], line[256];
	unsigned long long kilobytes = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "RssAnon: %llu kB", &kilobytes) == 1)
			break;
	fclose(file);
	return (uint64_t)kilobytes << 10;
}

// Of one thread; the first number of schedstat is nanoseconds on a processor.
static uint64_t read_thread(const char *process, const char *thread)
{
	cleanup_free char *path = memory_format("%s/%s/schedstat", process, thread);
	unsigned long long nanoseconds = 0;
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &nanoseconds) != 1)
		nanoseconds = 0;
	fclose(file);
	return nanoseconds;
}

static double read_cpu(pid_t process)
{
	char path[64];
	uint64_t nanoseconds = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
	DIR *threads = opendir(path);
	const struct dirent *thread;
	while (threads && (thread = readdir(threads)))
		if (thread->d_name[0] != '.')
			nanoseconds += read_thread(path, thread->d_name);
	if (threads)
		closedir(threads);
	return (double)nanoseconds / 1e9;
}

struct usage usage_of(pid_t process)
{
	return (struct usage){read_cpu(process), read_memory(process)};
}
