// SPDX-License-Identifier: Apache-2.0
// The store on etcd with members that do not answer, and with answers that are lost.
#include "etcd_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "etcd_proxy.h"
#include "store_engines.h"
#include "store_text.h"

// ---- members that do not answer ----

// Accepts connections and says nothing.
static int mute_listener(unsigned short *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void test_dead_members(void **state)
{
	(void)state;
	unsigned short mute, dead = etcd_server_free_port();
	int listener = mute_listener(&mute);
	cleanup_free char *text = memory_format("etcd:http://127.0.0.1:%d,http://127.0.0.1:%d,"
						"http://127.0.0.1:%d?prefix=test%d",
		dead, mute, server.port, place);
	struct store *store = store_must_open(text);
	uint64_t start = clock_monotonic_ms();
	for (int i = 0; i < 10; i++)
		assert_int_equal(put(store, "a", "1"), 0);
	// It stays with the member that answers: not ten times the wait for the mute one.
	assert_true(clock_monotonic_ms() - start < 10 * 1500);
	struct store *other = open_store();
	assert_int_equal(put(other, "b", "1"), 0);
	struct pollfd news = {store_descriptor(store), POLLIN, 0};
	while (store_revision(store) < 11) {
		assert_int_equal(poll(&news, 1, PATIENCE_MS), 1);
		assert_int_equal(store_refresh(store, NULL), 0);
	}
	store_close(store);
	store_close(other);
	close(listener);
}

static void test_nobody_answers(void **state)
{
	(void)state;
	unsigned short mute, dead = etcd_server_free_port();
	int listener = mute_listener(&mute);
	cleanup_free char *text =
		memory_format("etcd:http://127.0.0.1:%d,http://127.0.0.1:%d?timeout=1", dead, mute);
	cleanup_free char *refused =
		memory_format("etcd at http://127.0.0.1:%d: Connection "
			      "refused; etcd at http://127.0.0.1:%d: no answer",
			dead, mute);
	assert_open_fails(text, EAGAIN, refused);
	close(listener);
}

static void test_etcd_goes_and_comes(void **state)
{
	(void)state;
	cleanup_free char *text = url_at(server.port, "&timeout=1");
	struct store *store = store_must_open(text);
	struct error error = {0};
	assert_int_equal(put(store, "a", "1"), 0);
	etcd_server_kill(&server);
	struct store_operation operation = {"a", "2", 1};
	assert_int_equal(store_refresh(store, &error), -EAGAIN);
	assert_message(&error, EAGAIN, "etcd at http://127.0.0.1:");
	error = (struct error){0};
	assert_int_equal(store_commit(store, NULL, 0, &operation, 1, NULL, &error), -EAGAIN);
	assert_message(&error, EAGAIN, "refused");
	assert_int_equal(store_lease(store, "duty", 5, NULL), -EAGAIN);
	assert_int_equal(store_compact(store, 1, NULL), -EAGAIN);
	assert_snapshot(store, "", 0, "a=1@1 "); // what it has can be read
	etcd_server_start(&server);
	assert_int_equal(store_refresh(store, NULL), 0);
	assert_int_equal(put(store, "a", "3"), 0);
	assert_int_equal(store_revision(store), 2);
	store_close(store);
}

// A watch that is silent, because its member is cut off for one, is no proof that nothing happens.
static void test_a_silent_watch(void **state)
{
	(void)state;
	struct store *store = open_store();
	struct pollfd news = {store_descriptor(store), POLLIN, 0};
	uint64_t end = clock_monotonic_ms() + PATIENCE_MS;
	while (poll(&news, 1, 300) == 1 && clock_monotonic_ms() < end)
		assert_int_equal(store_refresh(store, NULL), 0);
	assert_int_equal(kill(server.process, SIGSTOP), 0);
	int told = poll(&news, 1, PATIENCE_MS);
	assert_int_equal(kill(server.process, SIGCONT), 0);
	assert_int_equal(told, 1);
	assert_int_equal(store_refresh(store, NULL), 0);
	store_close(store);
}

static void test_a_full_etcd(void **state)
{
	(void)state;
	struct etcd_server small = {.quota = "4194304"};
	etcd_server_start(&small);
	cleanup_free char *text = url_at(small.port, "");
	cleanup_free unsigned char *values = random_values();
	struct store *store = store_must_open(text);
	struct error error = {0};
	int result;
	uint64_t before;
	assert_int_equal(put(store, "a", "1"), 0);
	do {
		before = store_revision(store);
		error = (struct error){0};
		result = commit_large(store, NULL, values, &error);
	} while (result == 0 && before < 10);
	assert_int_equal(result, -EAGAIN);
	assert_message(&error, EAGAIN, "space");
	assert_int_equal(put(store, "a", "2"), -EAGAIN);
	assert_int_equal(store_revision(store), before);
	assert_int_equal(store_refresh(store, NULL), 0);
	assert_int_equal(store_revision(store), before);
	assert_get(store, "a", 0, "a=1@1 ");
	store_close(store);
	etcd_server_remove(&small);
}

// ---- answers that are lost ----

struct behind_proxy {
	struct etcd_proxy *proxy;
	struct store *store;
};

static struct behind_proxy open_behind_proxy(void)
{
	struct behind_proxy both;
	etcd_proxy_start(&both.proxy, server.port);
	cleanup_free char *text = url_at(etcd_proxy_port(both.proxy), "&timeout=1");
	both.store = store_must_open(text);
	assert_int_equal(put(both.store, "a", "1"), 0);
	return both;
}

static void close_behind_proxy(struct behind_proxy *both)
{
	store_close(both->store);
	etcd_proxy_stop(both->proxy);
}

// The change is in at the first attempt, or at a later one; applied once.
static void test_some_answers_are_lost(void **state)
{
	(void)state;
	struct behind_proxy both = open_behind_proxy();
	etcd_proxy_cut(both.proxy, 1);
	assert_int_equal(put_if(both.store, "a", "2", "a", 1), 0);
	assert_int_equal(store_revision(both.store), 2);
	etcd_proxy_swallow(both.proxy, 1);
	assert_int_equal(put_if(both.store, "a", "3", "a", 2), 0);
	assert_int_equal(store_revision(both.store), 3);
	etcd_proxy_cut(both.proxy, 1);
	assert_int_equal(put_if(both.store, "a", "4", "a", 2), -ESTALE);
	// The same with a commit in pieces, whichever of its requests it meets.
	cleanup_free unsigned char *values = random_values();
	for (int i = 0; i < 3; i++) {
		etcd_proxy_cut(both.proxy, 1);
		assert_int_equal(commit_large(both.store, NULL, values, NULL), 0);
		assert_int_equal(store_revision(both.store), 4 + i);
	}
	assert_large(both.store, values);
	etcd_proxy_cut(both.proxy, 2);
	assert_int_equal(compact(both.store, 5), 0);
	etcd_proxy_cut(both.proxy, 1);
	assert_int_equal(store_lease(both.store, "duty", 60, NULL), 0);
	close_behind_proxy(&both);
	struct store *store = open_store();
	assert_int_equal(store_revision(store), 6);
	assert_get(store, "a", 0, "a=3@3 ");
	store_close(store);
}

static void assert_unknown(struct store *store, const char *value)
{
	struct error error = {0};
	struct store_operation operation = {"a", value, strlen(value)};
	assert_int_equal(store_commit(store, NULL, 0, &operation, 1, NULL, &error), -ETIMEDOUT);
	assert_message(
		&error, ETIMEDOUT, "whether the change is in is not known yet: etcd at http");
}

static void test_all_answers_are_lost(void **state)
{
	(void)state;
	struct behind_proxy both = open_behind_proxy();
	etcd_proxy_cut(both.proxy, 10000);
	assert_unknown(both.store, "2");
	assert_int_equal(store_revision(both.store), 1);
	etcd_proxy_cut(both.proxy, 0);
	assert_int_equal(store_refresh(both.store, NULL), 0); // it was in
	assert_snapshot(both.store, "", 0, "a=2@2 ");
	// A request that never arrived looks the same from here.
	etcd_proxy_swallow(both.proxy, 10000);
	assert_unknown(both.store, "3");
	etcd_proxy_swallow(both.proxy, 0);
	assert_int_equal(store_refresh(both.store, NULL), 0);
	assert_snapshot(both.store, "", 0, "a=2@2 ");
	// Without a refresh in between, the next commit finds out.
	etcd_proxy_cut(both.proxy, 10000);
	assert_unknown(both.store, "4");
	etcd_proxy_cut(both.proxy, 0);
	assert_int_equal(put_if(both.store, "a", "5", "a", 2), -ESTALE);
	assert_int_equal(put_if(both.store, "a", "5", "a", 3), 0);
	assert_changes(both.store, "", 0, "a=1@1 a=2@2 a=4@3 a=5@4 ");
	close_behind_proxy(&both);
}

// Refused connections after an answer that was lost do not make it a change that was not made.
static void test_lost_and_then_refused(void **state)
{
	(void)state;
	struct behind_proxy both = open_behind_proxy();
	etcd_proxy_refuse(both.proxy);
	etcd_proxy_cut(both.proxy, 1);
	assert_unknown(both.store, "2");
	assert_int_equal(put(both.store, "a", "3"), -EAGAIN); // not sent at all
	close_behind_proxy(&both);
	struct store *store = open_store();
	assert_snapshot(store, "", 0, "a=2@2 ");
	store_close(store);
}

enum { WRITERS = 3, WRITES = 16 };

struct writer {
	pthread_t thread;
	char *url;
	int number, opened;
	int results[WRITES];
	uint64_t revisions[WRITES];
};

static void *write_many(void *context)
{
	struct writer *writer = context;
	struct store *store;
	do
		writer->opened = store_open(&store, writer->url, NULL);
	while (writer->opened == -EAGAIN);
	for (int i = 0; writer->opened == 0 && i < WRITES; i++) {
		char key[32];
		snprintf(key, sizeof(key), "%d/%d", writer->number, i);
		struct store_operation operation = {key, "1", 1};
		writer->results[i] =
			store_commit(store, NULL, 0, &operation, 1, &writer->revisions[i], NULL);
	}
	if (writer->opened == 0)
		store_close(store);
	return NULL;
}

struct log {
	uint64_t revisions[WRITERS][WRITES]; // at which it was applied
	uint64_t entries;
};

static int note_change(void *context, const struct store_entry *entry)
{
	struct log *log = context;
	int writer, number;
	if (sscanf(entry->key, "%d/%d", &writer, &number) != 2 || log->revisions[writer][number])
		return -EEXIST; // applied twice
	log->revisions[writer][number] = entry->revision;
	return ++log->entries == entry->revision ? 0 : -ERANGE; // not dense
}

// Most requests or their answers are lost. What was accepted is in, at its revision; what was
// refused is not; what nobody knows is in once or not at all.
static void test_random_losses(void **state)
{
	(void)state;
	struct etcd_proxy *proxy;
	struct writer writers[WRITERS] = {0};
	struct log log = {0};
	int counts[3] = {0}; // accepted, refused, unknown
	etcd_proxy_start(&proxy, server.port);
	etcd_proxy_lose(proxy, 90);
	for (int i = 0; i < WRITERS; i++) {
		writers[i].number = i;
		writers[i].url = url_at(etcd_proxy_port(proxy), "&timeout=1");
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(writers[i].thread, NULL);
		free(writers[i].url);
	}
	etcd_proxy_stop(proxy);
	struct store *store = open_store();
	assert_int_equal(store_changes(store, "", 0, note_change, &log, NULL), 0);
	assert_int_equal(log.entries, store_revision(store));
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(writers[i].opened, 0);
		for (int j = 0; j < WRITES; j++) {
			int result = writers[i].results[j];
			if (result == 0)
				assert_int_equal(log.revisions[i][j], writers[i].revisions[j]);
			else if (result == -EAGAIN)
				assert_int_equal(log.revisions[i][j], 0);
			else
				assert_int_equal(result, -ETIMEDOUT);
			counts[result == 0 ? 0 : result == -EAGAIN ? 1 : 2]++;
		}
	}
	printf("%d accepted, %d refused, %d unknown\n", counts[0], counts[1], counts[2]);
	assert_true(counts[0] > 0);
	store_close(store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ETCD_TEST(test_dead_members),
		ETCD_TEST(test_nobody_answers),
		ETCD_TEST(test_etcd_goes_and_comes),
		ETCD_TEST(test_a_silent_watch),
		ETCD_TEST(test_a_full_etcd),
		ETCD_TEST(test_some_answers_are_lost),
		ETCD_TEST(test_all_answers_are_lost),
		ETCD_TEST(test_lost_and_then_refused),
		ETCD_TEST(test_random_losses),
	};
	return ETCD_TEST_MAIN(tests);
}
