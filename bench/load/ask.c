// SPDX-License-Identifier: Apache-2.0
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Slow start and cold caches are left out.
static const double WARM_SECONDS = 0.05;
// A path that has been choked answers late: TCP sends again after 0.2 s, 0.4 s, …
static const double PATIENCE_SECONDS = 5;

void ask_start(struct ask *ask, const struct load *load)
{
	struct count ready;

	*ask = (struct ask){.fd = request_open(&load->to, REQUEST_COUNT)};
	if (recv(ask->fd, &ready, sizeof(ready), MSG_WAITALL) != sizeof(ready))
		fail("the server's count");
	uint64_t now = now_ns();
	ask->next_ns = now + nanoseconds(WARM_SECONDS);
	ask->length_ns = nanoseconds(load->seconds);
	ask->give_up_ns = ask->next_ns + ask->length_ns + nanoseconds(PATIENCE_SECONDS);
}

static void ask_send(struct ask *ask)
{
	char byte = REQUEST_COUNT;

	ask->have = 0;
	if (send(ask->fd, &byte, 1, MSG_DONTWAIT) != 1)
		fail("the server's count");
}

// True: the answer is complete.
static bool ask_receive(struct ask *ask, struct count *count)
{
	ssize_t size =
		recv(ask->fd, (char *)count + ask->have, sizeof(*count) - ask->have, MSG_DONTWAIT);

	if (size == 0 || (size < 0 && errno != EAGAIN))
		fail("the server's count");
	if (size > 0)
		ask->have += (size_t)size;
	return ask->have == sizeof(*count);
}

bool ask_step(struct ask *ask)
{
	uint64_t now = now_ns();

	switch (ask->state) {
	case ASK_WARM:
	case ASK_RUN:
		if (now >= ask->next_ns) {
			ask_send(ask);
			ask->state++;
		}
		break;
	case ASK_FIRST:
		if (ask_receive(ask, &ask->first)) {
			ask->next_ns = now + ask->length_ns;
			ask->state = ASK_RUN;
		}
		break;
	case ASK_LAST:
		if (ask_receive(ask, &ask->last))
			ask->state = ASK_DONE;
		break;
	case ASK_DONE:
		break;
	}
	if (ask->state != ASK_DONE && now > ask->give_up_ns) {
		errno = ETIMEDOUT;
		fail("the server's count");
	}
	return ask->state != ASK_DONE;
}

double ask_seconds(const struct ask *ask)
{
	return (double)(ask->last.time_ns - ask->first.time_ns) / 1e9;
}
