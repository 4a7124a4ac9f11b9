// SPDX-License-Identifier: Apache-2.0
#include "shards.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/table.h"
#include "loop.h"

enum {
	ACCEPTED_AT_ONCE = 64, // then the others have their turn
	FULL_MS = 100,         // until it is looked again whether there is room
	TICK_MS = 1000,
	ARRIVE_TICKS = 20,  // in which a connection has to ask for something
	GIVE_WAY_TICKS = 2, // where there are too many that have not
};

struct shard {
	struct shards *shards;
	struct MHD_Daemon *daemon;
	uv_poll_t *poll;
	uv_timer_t *timer; // libmicrohttpd's
	size_t count;      // of its connections
	bool resumed;      // something was, since libmicrohttpd last ran
	bool touched;      // its timer has to be set anew
	struct shard *next;
	struct shard *next_touched;
	struct shard *room_prev, *room_next; // while it has room
};

// IPv4 or IPv6; 0 where it is neither.
struct address {
	int family;
	unsigned char bytes[16];
};

struct neighbours {
	struct address address;
	size_t count;
	UT_hash_handle hh;
};

// The ticks are those of the loop, so that time in which it did something else does not count.
struct arrival {
	uint64_t since; // the tick
	int fd;
	bool waiting; // in the list: neither has it asked, nor was it turned away
	struct arrival *prev, *next;
};

struct shards {
	uv_loop_t *loop;
	struct shards_options options;
	int fd; // -1: closed
	uv_poll_t *poll;
	uv_timer_t *full; // runs while nobody is accepted
	uv_prepare_t *prepare;
	struct shard *all, *touched, *room;
	size_t count; // of connections
	struct neighbours *by_address;
	struct arrival *arrivals; // the oldest first
	size_t arriving;          // how many
	uv_timer_t *tick;         // runs while there are any
	uint64_t ticks;
	uint64_t turned_away;
};

// ---- running ----

static void shard_touch(struct shard *shard)
{
	if (shard->touched)
		return;
	shard->touched = true;
	shard->next_touched = shard->shards->touched;
	shard->shards->touched = shard;
}

static void shard_run(struct shard *shard)
{
	shard->resumed = false;
	MHD_run(shard->daemon);
	shard_touch(shard);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	shard_run(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
	shard_run(timer->data);
}

static void set_timer(struct shard *shard)
{
	MHD_UNSIGNED_LONG_LONG timeout = 0;
	if (shard->resumed || MHD_get_timeout(shard->daemon, &timeout) == MHD_YES)
		uv_timer_start(shard->timer, on_timer, timeout, 0);
	else
		uv_timer_stop(shard->timer);
}

// Before the loop sleeps: no longer than libmicrohttpd may. Only where something has happened can
// that have changed.
static void on_prepare(uv_prepare_t *prepare)
{
	struct shards *shards = prepare->data;
	while (shards->touched) {
		struct shard *shard = shards->touched;
		shards->touched = shard->next_touched;
		shard->touched = false;
		set_timer(shard);
	}
}

void shard_resumed(struct shard *shard)
{
	shard->resumed = true;
	shard_touch(shard);
}

void *shard_context(const struct shard *shard)
{
	return shard->shards->options.context;
}

void shards_run(struct shards *shards)
{
	struct shard *shard;
	LL_FOREACH (shards->all, shard)
		shard_run(shard);
}

// ---- addresses ----

static struct address address_of(const struct sockaddr *from)
{
	struct address address = {0};
	if (from && from->sa_family == AF_INET) {
		address.family = AF_INET;
		memcpy(address.bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
	} else if (from && from->sa_family == AF_INET6) {
		address.family = AF_INET6;
		memcpy(address.bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	}
	return address;
}

static struct neighbours *neighbours_find(
	const struct shards *shards, const struct address *address)
{
	struct neighbours *neighbours;
	HASH_FIND(hh, shards->by_address, address, sizeof(*address), neighbours);
	return neighbours;
}

static bool has_too_many(const struct shards *shards, const struct sockaddr *from)
{
	struct address address = address_of(from);
	if (!shards->options.per_address || !address.family)
		return false;
	const struct neighbours *neighbours = neighbours_find(shards, &address);
	return neighbours && neighbours->count >= shards->options.per_address;
}

static void count_address(struct shards *shards, const struct sockaddr *from, bool comes)
{
	struct address address = address_of(from);
	struct neighbours *neighbours = neighbours_find(shards, &address);
	if (!neighbours) {
		neighbours = memory_new(sizeof(*neighbours));
		neighbours->address = address;
		HASH_ADD(hh, shards->by_address, address, sizeof(address), neighbours);
	}
	neighbours->count += comes ? 1 : -(size_t)1;
	if (neighbours->count)
		return;
	HASH_DEL(shards->by_address, neighbours);
	free(neighbours);
}

// ---- who has not asked yet ----

static void arrival_over(struct shards *shards, struct arrival *arrival)
{
	if (!arrival || !arrival->waiting)
		return;
	arrival->waiting = false;
	shards->arriving--;
	DL_DELETE(shards->arrivals, arrival);
}

// Whether the oldest took that long; then it has to go.
static bool turn_away_oldest(struct shards *shards, uint64_t ticks)
{
	struct arrival *oldest = shards->arrivals;
	if (!oldest || shards->ticks - oldest->since < ticks)
		return false;
	arrival_over(shards, oldest);
	shutdown(oldest->fd, SHUT_RDWR); // libmicrohttpd sees it end
	shards->turned_away++;
	return true;
}

static void on_tick(uv_timer_t *timer)
{
	struct shards *shards = timer->data;
	shards->ticks++;
	while (turn_away_oldest(shards, ARRIVE_TICKS))
		;
	if (!shards->arrivals)
		uv_timer_stop(timer);
}

static struct arrival *arrival_new(struct shards *shards, int fd)
{
	struct arrival *arrival = memory_new(sizeof(*arrival));
	*arrival = (struct arrival){.since = shards->ticks, .fd = fd, .waiting = true};
	if (!uv_is_active((uv_handle_t *)shards->tick))
		uv_timer_start(shards->tick, on_tick, TICK_MS, TICK_MS);
	DL_APPEND(shards->arrivals, arrival);
	shards->arriving++;
	return arrival;
}

void shard_asked(struct shard *shard, struct arrival *arrival)
{
	arrival_over(shard->shards, arrival);
}

uint64_t shards_turned_away(const struct shards *shards)
{
	return shards->turned_away;
}

static const struct sockaddr *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

// ---- one server ----

static struct shard *shard_new(struct shards *shards)
{
	struct shard *shard = memory_new(sizeof(*shard));
	shard->shards = shards;
	shard->daemon = shards->options.start(shards->options.context, shard);
	if (!shard->daemon) {
		free(shard);
		return NULL;
	}
	int epoll = MHD_get_daemon_info(shard->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	shard->poll = memory_new(sizeof(*shard->poll));
	shard->poll->data = shard;
	uv_poll_init(shards->loop, shard->poll, epoll);
	uv_poll_start(shard->poll, UV_READABLE, on_readable);
	shard->timer = memory_new(sizeof(*shard->timer));
	shard->timer->data = shard;
	uv_timer_init(shards->loop, shard->timer);
	LL_PREPEND(shards->all, shard);
	DL_APPEND2(shards->room, shard, room_prev, room_next);
	return shard;
}

struct arrival *shard_connected(struct shard *shard, struct MHD_Connection *connection)
{
	struct shards *shards = shard->shards;
	shards->count++;
	if (++shard->count == SHARD_CONNECTIONS)
		DL_DELETE2(shards->room, shard, room_prev, room_next);
	count_address(shards, client_of(connection), true);
	if (!shards->options.arriving)
		return NULL;
	return arrival_new(shards,
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
}

void shard_disconnected(
	struct shard *shard, struct MHD_Connection *connection, struct arrival *arrival)
{
	struct shards *shards = shard->shards;
	arrival_over(shards, arrival);
	free(arrival);
	shards->count--;
	if (shard->count-- == SHARD_CONNECTIONS)
		DL_APPEND2(shards->room, shard, room_prev, room_next);
	count_address(shards, client_of(connection), false);
}

// ---- who comes ----

static void on_listening(uv_poll_t *poll, int status, int events);

static void on_full(uv_timer_t *timer)
{
	struct shards *shards = timer->data;
	uv_poll_start(shards->poll, UV_READABLE, on_listening);
}

// Whoever waits to be accepted goes on waiting, and the loop is not kept awake by it.
static void accept_later(struct shards *shards)
{
	uv_poll_stop(shards->poll);
	uv_timer_start(shards->full, on_full, FULL_MS, 0);
}

static bool has_too_many_arriving(struct shards *shards)
{
	return shards->options.arriving && shards->arriving >= shards->options.arriving &&
	       !turn_away_oldest(shards, GIVE_WAY_TICKS);
}

// Whether there may be more to accept at once.
static bool accept_one(struct shards *shards)
{
	struct sockaddr_storage storage;
	struct sockaddr *from = (struct sockaddr *)&storage;
	socklen_t length = sizeof(storage);
	struct shard *shard = NULL;
	if (shards->count < shards->options.connections && !has_too_many_arriving(shards))
		shard = shards->room ? shards->room : shard_new(shards);
	if (!shard) {
		accept_later(shards);
		return false;
	}
	int fd = accept4(shards->fd, from, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
		return true;
	if (fd < 0) {
		// Nobody else is there, or there is no descriptor for it.
		if (errno != EAGAIN)
			accept_later(shards);
		return false;
	}
	if (has_too_many(shards, from)) {
		close(fd);
		shards->turned_away++;
		return true;
	}
	// It closes the descriptor where it fails.
	MHD_add_connection(shard->daemon, fd, from, length);
	shard_touch(shard);
	return true;
}

static void on_listening(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	for (int i = 0; i < ACCEPTED_AT_ONCE && accept_one(poll->data); i++)
		;
}

// ---- life ----

int shards_open(struct shards **out, uv_loop_t *loop, int fd, const struct shards_options *options,
	struct error *error)
{
	struct shards *shards = memory_new(sizeof(*shards));
	shards->loop = loop;
	shards->options = *options;
	shards->fd = fd;
	if (!shard_new(shards)) {
		close(fd);
		free(shards);
		return error_set(error, EIO, "cannot start the HTTP server");
	}
	shards->poll = memory_new(sizeof(*shards->poll));
	shards->poll->data = shards;
	uv_poll_init(loop, shards->poll, fd);
	uv_poll_start(shards->poll, UV_READABLE, on_listening);
	shards->full = memory_new(sizeof(*shards->full));
	shards->full->data = shards;
	uv_timer_init(loop, shards->full);
	shards->tick = memory_new(sizeof(*shards->tick));
	shards->tick->data = shards;
	uv_timer_init(loop, shards->tick);
	shards->prepare = memory_new(sizeof(*shards->prepare));
	shards->prepare->data = shards;
	uv_prepare_init(loop, shards->prepare);
	uv_prepare_start(shards->prepare, on_prepare);
	*out = shards;
	return 0;
}

void shards_shut(struct shards *shards)
{
	if (shards->fd < 0)
		return;
	loop_close(steal(shards->poll));
	loop_close(steal(shards->full));
	close(shards->fd);
	shards->fd = -1;
}

static void shard_free(struct shard *shard)
{
	uv_poll_stop(shard->poll);
	loop_close(shard->poll);
	loop_close(shard->timer);
	MHD_stop_daemon(shard->daemon);
	free(shard);
}

void shards_close(struct shards *shards)
{
	struct shard *shard, *next;
	if (!shards)
		return;
	shards_shut(shards);
	LL_FOREACH_SAFE(shards->all, shard, next)
	shard_free(shard);
	loop_close(shards->tick);
	loop_close(shards->prepare);
	free(shards);
}
