// SPDX-License-Identifier: Apache-2.0
// Bulk TCP: as much as goes through, on one or several connections.
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STREAMS = 64, CHUNK = 1 << 17 };

int stream_run(const struct load *load)
{
	static char chunk[CHUNK];
	struct pollfd streams[STREAMS];
	nfds_t count = load->parallel < STREAMS ? load->parallel : STREAMS;
	struct ask ask;

	for (nfds_t i = 0; i < count; i++)
		streams[i] = (struct pollfd){request_open(&load->to, REQUEST_SINK), POLLOUT, 0};
	ask_start(&ask, load);
	while (ask_step(&ask)) {
		if (poll(streams, count, 1) < 0)
			fail("poll");
		for (nfds_t i = 0; i < count; i++)
			if (streams[i].revents &&
				send(streams[i].fd, chunk, sizeof(chunk), MSG_DONTWAIT) < 0 &&
				errno != EAGAIN)
				fail("send");
	}
	double bits = (double)(ask.last.bytes - ask.first.bytes) * 8;
	printf("{\"gbit_per_second\": %.4f, \"seconds\": %.4f}\n", bits / ask_seconds(&ask) / 1e9,
		ask_seconds(&ask));
	return 0;
}
