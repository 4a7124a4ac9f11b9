// SPDX-License-Identifier: Apache-2.0
#include "store_engines.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "etcd_server.h"

static char *file_place(void)
{
	char directory[] = "/tmp/weft-store-XXXXXX";
	assert_non_null(mkdtemp(directory));
	return memory_format("sqlite:%s/weft.db", directory);
}

// The file, its log, and what a process that was killed while creating it left behind.
static void file_remove(char *url)
{
	char *path = url + strlen("sqlite:");
	cleanup_free char *pattern = memory_format("%s*", path);
	glob_t found;
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0); // nothing else is left behind
	free(url);
}

static char *memory_place(void)
{
	return memory_text("sqlite::memory:");
}

static void memory_remove(char *url)
{
	free(url);
}

// One etcd for all tests of a program, and a prefix for each store.
static struct etcd_server etcd;
static pid_t etcd_owner;

static void etcd_end(void)
{
	if (getpid() == etcd_owner)
		etcd_server_remove(&etcd);
}

static char *etcd_place(void)
{
	static int places;
	if (!etcd.process) {
		etcd_server_start(&etcd);
		etcd_owner = getpid();
		atexit(etcd_end);
	}
	return memory_format("etcd:http://127.0.0.1:%d?prefix=test%d", etcd.port, places++);
}

static void etcd_remove(char *url)
{
	cleanup_free char *prefix = memory_format("%s/", strchr(url, '=') + 1);
	etcd_server_delete(&etcd, prefix);
	free(url);
}

const struct store_engine store_engines[] = {
	{"sqlite", true, 60, file_place, file_remove},
	{"memory", false, 0, memory_place, memory_remove},
	{"etcd", true, 12, etcd_place, etcd_remove},
};
const size_t store_engine_count = array_count(store_engines);

struct store *store_must_open(const char *url)
{
	struct store *store = NULL;
	struct error error = {0};
	if (store_open(&store, url, &error))
		fail_msg("%s: %s", url, error.message);
	return store;
}
