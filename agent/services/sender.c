// SPDX-License-Identifier: Apache-2.0
#include "sender.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

struct sender {
	int socket;
	uint8_t frame[FRAME_BYTES];
};

int sender_new(struct sender **out, struct error *error)
{
	// Protocol 0: it sends, and receives nothing.
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(error, errno, "cannot open a packet socket, to answer ports: %s",
			strerror(errno));
	struct sender *sender = memory_new(sizeof(*sender));
	sender->socket = fd;
	*out = sender;
	return 0;
}

void sender_free(struct sender *sender)
{
	if (!sender)
		return;
	close(sender->socket);
	free(sender);
}

int sender_send(struct sender *sender, uint32_t ifindex, size_t mtu, const struct answer *answer)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex};
	size_t length = frame_encode(answer, mtu, sender->frame);
	if (!length)
		return -EMSGSIZE;
	ssize_t sent = sendto(
		sender->socket, sender->frame, length, 0, (struct sockaddr *)&to, sizeof(to));
	return sent < 0 ? -errno : 0;
}
