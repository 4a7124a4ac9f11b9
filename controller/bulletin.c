// SPDX-License-Identifier: Apache-2.0
#include "bulletin.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "channel.h"
#include "feed.h"
#include "loop.h"
#include "presence.h"
#include "reports.h"

enum { PING_MS = 10000 };

struct reader {
	struct controller *controller;
	struct channel *channel;
	// Hosts that it has not been told of yet, sorted; those before `told` it has.
	char (*hosts)[64];
	size_t count, told;
	struct reader *prev, *next;
};

struct bulletin {
	struct reader *readers;
	uv_timer_t *timer;
};

static struct bytes *line_host(
	const struct controller *controller, const char *host, bool connected, uint64_t since)
{
	json_t *line = json_pack("{s:s, s:s, s:b, s:I}", "type", "host", "host", host, "connected",
		connected, "since_ms", (json_int_t)(clock_monotonic_ms() - since));
	if (connected) {
		struct attempt attempt = feed_attempt(controller->feed, host);
		json_object_set_new(line, "attempt", json_integer((json_int_t)attempt.host));
		json_object_set_new(line, "relay", json_integer((json_int_t)attempt.relay));
	}
	return bytes_line(line);
}

// A host that has realized all that concerns it, has realized all revisions that this controller has
// taken in: one that has just started does not know whom they concerned.
static struct bytes *line_report(
	const struct controller *controller, const char *host, json_t *report)
{
	json_t *line =
		json_pack("{s:s, s:s, s:o}", "type", "report", "host", host, "report", report);
	if (presence_settled(controller, host))
		json_object_set_new(
			line, "settled", json_integer((json_int_t)controller_revision(controller)));
	return bytes_line(line);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

// It will be told all of the host that there is to tell.
static bool is_pending(const struct reader *reader, const char *host)
{
	return host && bsearch(host, reader->hosts + reader->told, reader->count - reader->told,
			       sizeof(*reader->hosts), compare_names);
}

// To everybody, of a host (NULL: of none). One that does not read begins anew.
static void tell(struct bulletin *bulletin, const char *host, struct bytes *line)
{
	struct reader *reader;
	DL_FOREACH (bulletin->readers, reader) {
		if (is_pending(reader, host))
			continue;
		if (channel_overdue(reader->channel)) {
			log_warning("another controller does not read what it is told");
			channel_drop(reader->channel);
		} else {
			channel_push(reader->channel, line);
		}
	}
	bytes_unref(line);
}

void bulletin_host(struct controller *controller, const char *host, bool connected, uint64_t since)
{
	if (controller->bulletin->readers)
		tell(controller->bulletin, host, line_host(controller, host, connected, since));
}

void bulletin_report(struct controller *controller, const char *host, const json_t *report)
{
	if (controller->bulletin->readers)
		tell(controller->bulletin, host,
			line_report(controller, host, json_incref((json_t *)report)));
}

// ---- a reader comes ----

static void push(struct reader *reader, struct bytes *line)
{
	channel_push(reader->channel, line);
	bytes_unref(line);
}

// False: it has left meanwhile.
static bool tell_all_of(struct reader *reader, const char *host)
{
	uint64_t since;
	if (!presence_is_here(reader->controller, host, &since))
		return false;
	json_t *report = reports_encode(reader->controller, host);
	push(reader, line_host(reader->controller, host, true, since));
	if (report)
		push(reader, line_report(reader->controller, host, report));
	return true;
}

// It has read what was pushed: one host more. However many there are, and however slowly it reads,
// there is one in memory.
static void tell_more(void *context)
{
	struct reader *reader = context;
	while (reader->told < reader->count && !tell_all_of(reader, reader->hosts[reader->told++]))
		;
}

static void add_host(void *context, const char *host, uint64_t since)
{
	(void)since;
	struct reader *reader = context;
	reader->hosts = memory_resize(reader->hosts, reader->count + 1, sizeof(*reader->hosts));
	snprintf(reader->hosts[reader->count++], sizeof(*reader->hosts), "%s", host);
}

static void reader_gone(void *context)
{
	struct reader *reader = context;
	DL_DELETE(reader->controller->bulletin->readers, reader);
	free(reader->hosts);
	free(reader);
}

// The reader has just read the store: what it is told is as new as that, if it can be.
void handle_bulletin(
	struct controller *controller, struct request *request, const struct target *target)
{
	(void)target;
	struct reader *reader = memory_new(sizeof(*reader));
	reader->controller = controller;
	const struct channel_events events = {
		.more = tell_more, .closed = reader_gone, .context = reader};
	reader->channel = channel_open(request, &events);
	DL_APPEND(controller->bulletin->readers, reader);
	push(reader, bytes_line(json_pack("{s:s, s:s}", "type", "hello", "version", WEFT_VERSION)));
	presence_each_here(controller, add_host, reader);
	qsort(reader->hosts, reader->count, sizeof(*reader->hosts), compare_names);
}

// ---- life ----

static void on_ping(uv_timer_t *timer)
{
	tell(timer->data, NULL, bytes_line(json_pack("{s:s}", "type", "ping")));
}

void bulletin_start(struct controller *controller)
{
	struct bulletin *bulletin = memory_new(sizeof(*bulletin));
	bulletin->timer = memory_new(sizeof(*bulletin->timer));
	bulletin->timer->data = bulletin;
	uv_timer_init(controller->loop, bulletin->timer);
	uv_timer_start(bulletin->timer, on_ping, PING_MS, PING_MS);
	controller->bulletin = bulletin;
}

void bulletin_end(struct controller *controller)
{
	struct reader *reader;
	DL_FOREACH (controller->bulletin->readers, reader)
		channel_end(reader->channel);
}

void bulletin_free(struct controller *controller)
{
	struct bulletin *bulletin = steal(controller->bulletin);
	loop_close(bulletin->timer);
	free(bulletin);
}
