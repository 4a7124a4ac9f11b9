// SPDX-License-Identifier: Apache-2.0
#include "watch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "../bytes.h"
#include "header.h"
#include "keys.h"
#include "request.h"

enum {
	SILENCE_MS = 5000, // after which one asks anyway
	RETRY_MS = 200,
	KEEPALIVE_SECONDS = 2,
	LINE_MOST = 1 << 16,
};

struct etcd_watch {
	const struct etcd_location *location;
	pthread_t thread;
	CURLM *multi;
	int descriptor;
	atomic_bool stopping;
	atomic_bool unknown;          // there may be news, of which no revision is known
	_Atomic uint64_t news, taken; // revisions: the newest heard of, the newest of the handle
	// The thread's own:
	size_t endpoint;
	struct bytes pending; // of the stream, a line that is not whole
	uint64_t heard_ms;
};

// ---- telling ----

static void tell(struct etcd_watch *watch)
{
	eventfd_write(watch->descriptor, 1);
}

static void tell_unknown(struct etcd_watch *watch)
{
	atomic_store(&watch->unknown, true);
	tell(watch);
}

static void tell_revision(struct etcd_watch *watch, uint64_t revision)
{
	if (revision > atomic_load(&watch->news))
		atomic_store(&watch->news, revision);
	if (revision > atomic_load(&watch->taken))
		tell(watch);
}

void etcd_watch_begin(struct etcd_watch *watch)
{
	eventfd_t count;
	eventfd_read(watch->descriptor, &count);
	atomic_store(&watch->unknown, false);
}

// In this order: news that come in between are told again, never lost.
void etcd_watch_taken(struct etcd_watch *watch, uint64_t revision)
{
	eventfd_t count;
	atomic_store(&watch->taken, revision);
	eventfd_read(watch->descriptor, &count);
	if (atomic_load(&watch->unknown) || atomic_load(&watch->news) > revision)
		tell(watch);
}

int etcd_watch_descriptor(const struct etcd_watch *watch)
{
	return watch->descriptor;
}

// ---- the thread ----

// {"result": {"events": [{"kv": {"value": HEAD}}]}}; other lines say that the watch has begun, or
// is at its end.
static void take_line(struct etcd_watch *watch, const char *line, size_t length)
{
	json_t *json = json_loadb(line, length, 0, NULL);
	const json_t *events = json_object_get(json_object_get(json, "result"), "events");
	cleanup_bytes struct bytes value = {0};
	if (json_array_size(events) == 0)
		tell_unknown(watch);
	for (size_t i = 0; i < json_array_size(events); i++) {
		struct etcd_head head;
		const json_t *item = json_object_get(json_array_get(events, i), "kv");
		if (etcd_read_value(item, &value) == 0 && etcd_head_parse(&head, &value, NULL) == 0)
			tell_revision(watch, head.revision);
		else
			tell_unknown(watch);
	}
	json_decref(json);
}

static size_t receive(char *data, size_t size, size_t count, void *context)
{
	struct etcd_watch *watch = context;
	struct bytes *pending = &watch->pending;
	const unsigned char *end;
	bytes_append(pending, data, size * count);
	watch->heard_ms = clock_monotonic_ms();
	while (pending->length && (end = memchr(pending->data, '\n', pending->length))) {
		size_t length = (size_t)(end - pending->data) + 1;
		take_line(watch, (const char *)pending->data, length);
		bytes_drop(pending, length);
	}
	return pending->length < LINE_MOST ? size * count : 0; // no etcd
}

// A member that loses its leader ends the watch, so that another can be asked.
static struct curl_slist *watch_headers(void)
{
	return curl_slist_append(NULL, "Grpc-Metadata-Hasleader: true");
}

static char *watch_request(const struct etcd_watch *watch)
{
	char key[ETCD_KEY];
	size_t length;
	cleanup_free char *text = base64_encode(etcd_key(key, watch->location->prefix, "head"),
		strlen(watch->location->prefix) + strlen("/head"), &length);
	return memory_format("{\"create_request\":{\"key\":\"%s\"}}", text);
}

static void wait_ms(struct etcd_watch *watch, int milliseconds)
{
	curl_multi_poll(watch->multi, NULL, 0, milliseconds, NULL);
}

// Until the transfer ends, or the thread is told to stop.
static void transfer(struct etcd_watch *watch, CURL *curl)
{
	int running = 1;
	curl_multi_add_handle(watch->multi, curl);
	watch->heard_ms = clock_monotonic_ms();
	while (!atomic_load(&watch->stopping)) {
		if (curl_multi_perform(watch->multi, &running) != CURLM_OK || !running)
			break;
		uint64_t silent = clock_monotonic_ms() - watch->heard_ms;
		if (silent >= SILENCE_MS) {
			tell_unknown(watch);
			watch->heard_ms = clock_monotonic_ms();
			silent = 0;
		}
		wait_ms(watch, (int)(SILENCE_MS - silent));
	}
	curl_multi_remove_handle(watch->multi, curl);
}

static void watch_once(struct etcd_watch *watch)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = watch_headers();
	cleanup_free char *request = watch_request(watch);
	if (curl) {
		etcd_connect_options(curl, watch->location, watch->endpoint, "/v3/watch");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, watch);
		curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
		curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_SECONDS);
		curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_SECONDS);
		transfer(watch, curl);
	}
	watch->pending.length = 0;
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
}

static void *run(void *context)
{
	struct etcd_watch *watch = context;
	while (!atomic_load(&watch->stopping)) {
		watch_once(watch);
		tell_unknown(watch);
		watch->endpoint = (watch->endpoint + 1) % watch->location->endpoint_count;
		if (!atomic_load(&watch->stopping))
			wait_ms(watch, RETRY_MS);
	}
	return NULL;
}

int etcd_watch_start(
	struct etcd_watch **out, const struct etcd_location *location, struct error *error)
{
	struct etcd_watch *watch = memory_new(sizeof(*watch));
	sigset_t all, before;
	watch->location = location;
	watch->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch->multi = curl_multi_init();
	// Signals are for the threads of the program.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = watch->descriptor < 0 || !watch->multi
			     ? EMFILE
			     : pthread_create(&watch->thread, NULL, run, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		if (watch->descriptor >= 0)
			close(watch->descriptor);
		curl_multi_cleanup(watch->multi);
		free(watch);
		return error_set(error, failed, "cannot watch etcd: %s", strerror(failed));
	}
	*out = watch;
	return 0;
}

void etcd_watch_stop(struct etcd_watch *watch)
{
	if (!watch)
		return;
	atomic_store(&watch->stopping, true);
	curl_multi_wakeup(watch->multi);
	pthread_join(watch->thread, NULL);
	curl_multi_cleanup(watch->multi);
	close(watch->descriptor);
	bytes_done(&watch->pending);
	free(watch);
}
