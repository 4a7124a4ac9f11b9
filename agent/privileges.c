// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/memory.h"

static const struct {
	int number;
	const char *name;
	bool in_admin; // CAP_SYS_ADMIN will do as well
} needed[] = {
	{CAP_BPF, "CAP_BPF", true},              // programs and maps
	{CAP_PERFMON, "CAP_PERFMON", true},      // pointers in programs
	{CAP_NET_ADMIN, "CAP_NET_ADMIN", false}, // filters on interfaces, neighbours
	{CAP_NET_RAW, "CAP_NET_RAW", false},     // frames to ports
};

static bool has(const struct __user_cap_data_struct *data, int number)
{
	return data[number / 32].effective & (1U << number % 32);
}

int agent_check_privileges(const char *provider, struct error *error)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	char missing[100] = "";
	size_t length = 0;

	if (provider && strcmp(provider, "kernel"))
		return 0;
	if (syscall(SYS_capget, &header, data))
		return error_set(error, errno, "cannot read the capabilities of this process: %s",
			strerror(errno));
	for (size_t i = 0; i < array_count(needed); i++)
		if (!has(data, needed[i].number) &&
			!(needed[i].in_admin && has(data, CAP_SYS_ADMIN)))
			length += (size_t)snprintf(missing + length, sizeof(missing) - length,
				"%s%s", length ? ", " : "", needed[i].name);
	return length ? error_set(error, EPERM,
				"the kernel datapath needs root, or the capabilities that are "
				"missing here: %s",
				missing)
		      : 0;
}
