// SPDX-License-Identifier: Apache-2.0
// What the tests of the store on etcd share: one etcd for all tests of a program, and a store of its
// own for each.
#pragma once

#include "etcd_server.h"
#include "store/store.h"

enum { PATIENCE_MS = 30000, LARGE = 200, LARGE_VALUE = 16384 };

extern struct etcd_server server;
extern int place; // the store of the test that runs has the prefix test<place>

int etcd_fixture_setup(void **state);
int etcd_fixture_teardown(void **state);

#define ETCD_TEST(function) \
	cmocka_unit_test_setup_teardown(function, etcd_fixture_setup, etcd_fixture_teardown)

// The main of a program of such tests.
#define ETCD_TEST_MAIN(tests)                                              \
	({                                                                 \
		etcd_server_start(&server);                                \
		int failed_ = cmocka_run_group_tests((tests), NULL, NULL); \
		etcd_server_remove(&server);                               \
		failed_;                                                   \
	})

// The store's URL, by way of this port; `options` begin with "&". Owned by the caller (free).
char *url_at(unsigned short port, const char *options);
char *url(void);
struct store *open_store(void);

// Keys of the store as they are in etcd, without the prefix.
char *key_of(const char *name);
int count_keys(const char *name); // that begin so
void put_text(const char *name, const char *text);

// `error` has this code and says this.
void assert_message(const struct error *error, int code, const char *part);
void assert_open_fails(const char *url, int code, const char *part);

// A commit of LARGE keys, "large/NNN", three megabytes that cannot be compressed.
unsigned char *random_values(void);
int commit_large(struct store *store, const struct store_compare *compare, unsigned char *values,
	struct error *error);
void assert_large(struct store *store, const unsigned char *values); // they are what is there now
