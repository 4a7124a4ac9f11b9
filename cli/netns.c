// SPDX-License-Identifier: Apache-2.0
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static const char *netns;

const struct option_spec netns_options[] = {
	{.name = "netns",
		.type = OPTION_TEXT,
		.target = &netns,
		.argument = "NETNS",
		.help = "enter this network namespace first: a name (ip netns) or a path"},
	{0},
};

int netns_enter(struct error *error)
{
	cleanup_free char *path = NULL;
	int fd, rc = 0;

	if (!netns)
		return 0;
	path = strchr(netns, '/') ? memory_text(netns) : memory_format("/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(error, errno, "cannot open network namespace %s: %s", path,
			strerror(errno));
	if (setns(fd, CLONE_NEWNET))
		rc = error_set(error, errno, "cannot enter network namespace %s: %s", path,
			strerror(errno));
	close(fd);
	return rc;
}
