// SPDX-License-Identifier: Apache-2.0
#include "filters.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DUMP_BYTES = 32 << 10 };

struct question {
	struct nlmsghdr header;
	struct tcmsg about;
};

static int ask(int fd, uint32_t ifindex, uint32_t parent)
{
	struct question question = {
		.header = {.nlmsg_len = sizeof(question),
			.nlmsg_type = RTM_GETTFILTER,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.about = {.tcm_family = AF_UNSPEC,
			.tcm_ifindex = (int)ifindex,
			.tcm_parent = parent},
	};
	return send(fd, &question, sizeof(question), 0) < 0 ? -errno : 0;
}

// 1: a filter; 0: no more; -EAGAIN: this part of the answer has neither.
static int read_part(const char *part, ssize_t length)
{
	const struct nlmsghdr *header = (const void *)part;
	for (; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
		if (header->nlmsg_type == RTM_NEWTFILTER)
			return 1;
		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	}
	return -EAGAIN;
}

static int any_under(uint32_t ifindex, uint32_t parent)
{
	_Alignas(struct nlmsghdr) char part[DUMP_BYTES];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	int result = ask(fd, ifindex, parent);
	if (result == 0) {
		do {
			ssize_t length = recv(fd, part, sizeof(part), 0);
			result = length < 0 ? -errno : read_part(part, length);
		} while (result == -EAGAIN || result == -EINTR);
	}
	close(fd);
	return result;
}

int filters_any(uint32_t ifindex)
{
	int result = any_under(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS));
	return result ? result : any_under(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS));
}
