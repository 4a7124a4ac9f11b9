// SPDX-License-Identifier: Apache-2.0
// Our programs on devices: attach, detach, find what is attached, in whichever place this kernel has.
#include "hooks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "kernel.h"

// The name that the kernel keeps of a program is cut to fit.
static bool role_of(const char *name, enum datapath_role *role)
{
	static const char *const names[] = {
		[DATAPATH_PORT] = "weft_from_port", [DATAPATH_UNDERLAY] = "weft_from_underlay"};

	for (size_t i = 0; i < array_count(names); i++) {
		if (strncmp(names[i], name, BPF_OBJ_NAME_LEN - 1) != 0)
			continue;
		*role = (enum datapath_role)i;
		return true;
	}
	return false;
}

static int look(uint32_t program, struct bpf_prog_info *info)
{
	unsigned int size = sizeof(*info);
	int fd = bpf_prog_get_fd_by_id(program);
	int result = fd < 0 ? fd : bpf_obj_get_info_by_fd(fd, info, &size);

	if (fd >= 0)
		close(fd);
	return result;
}

bool hooks_ours(uint32_t program)
{
	struct bpf_prog_info info = {0};
	enum datapath_role role;

	return look(program, &info) == 0 && role_of(info.name, &role);
}

// Where it stands in this kernel.
static int find(uint32_t ifindex, uint32_t *program)
{
	int result = tcx_find(ifindex, program);

	return result == -EOPNOTSUPP ? clsact_find(ifindex, program) : result;
}

// From wherever it is: an agent that knew no tcx may have left a filter.
static int detach(uint32_t ifindex)
{
	int first = tcx_detach(ifindex), second = clsact_detach(ifindex);
	int result = first && first != -EOPNOTSUPP ? first : second;

	return result == -ENODEV ? 0 : result;
}

int kernel_attach(
	struct datapath *datapath, uint32_t ifindex, enum datapath_role role, struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	int result = tcx_attach(ifindex, kernel->programs[role]);

	if (result == -EOPNOTSUPP)
		result = clsact_attach(ifindex, kernel->programs[role]);
	else if (result == 0)
		result = clsact_detach(ifindex); // which no packet came to any more
	if (result < 0)
		return error_set(error, -result, "cannot attach to interface %u: %s", ifindex,
			strerror(-result));
	return 0;
}

int kernel_detach(struct datapath *datapath, uint32_t ifindex, struct error *error)
{
	(void)datapath;
	int result = detach(ifindex);

	if (result < 0)
		return error_set(error, -result, "cannot detach from interface %u: %s", ifindex,
			strerror(-result));
	return 0;
}

int kernel_attached(struct datapath *datapath, uint32_t ifindex, enum datapath_role role)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	uint32_t program;
	int result = find(ifindex, &program);

	return result < 0 ? result : program == kernel->program_ids[role];
}

// 1: the program is one of ours, and uses one of these maps; 0, or -errno.
static int uses(uint32_t program, const uint32_t *maps, size_t count, enum datapath_role *role)
{
	uint32_t used[64];
	struct bpf_prog_info info = {
		.nr_map_ids = array_count(used),
		.map_ids = (uintptr_t)used,
	};
	int result = look(program, &info);

	if (result < 0 || !role_of(info.name, role))
		return result == -ENOENT ? 0 : result;
	for (size_t i = 0; i < info.nr_map_ids && i < array_count(used); i++)
		for (size_t j = 0; j < count; j++)
			if (used[i] == maps[j])
				return 1;
	return 0;
}

// Does a program of ours that uses one of these maps stand at the device? 1 and its role, 0, or -errno.
static int find_user(uint32_t ifindex, const uint32_t *maps, size_t count, enum datapath_role *role)
{
	static int (*const places[])(uint32_t ifindex, uint32_t * program) = {
		tcx_find, clsact_find};
	int found = 0;

	for (size_t i = 0; i < array_count(places) && found == 0; i++) {
		uint32_t program = 0;
		found = places[i](ifindex, &program);
		if (found == -EOPNOTSUPP)
			found = 0;
		if (program)
			found = uses(program, maps, count, role);
	}
	return found;
}

int kernel_found(struct datapath *datapath, uint32_t ifindex, enum datapath_role *role)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	uint32_t maps[DP_TABLE_COUNT];
	size_t count = 0;

	for (size_t i = 0; i < DP_TABLE_COUNT; i++) {
		struct bpf_map_info info = {0};
		unsigned int size = sizeof(info);
		if (bpf_obj_get_info_by_fd(kernel->tables[i], &info, &size) == 0)
			maps[count++] = info.id;
	}
	return find_user(ifindex, maps, count, role);
}

int hooks_detach_users(const uint32_t *maps, size_t count, datapath_detached_visit visit,
	void *context, struct error *error)
{
	struct if_nameindex *interfaces = if_nameindex();
	int result = interfaces ? 0 : -errno;

	for (struct if_nameindex *at = interfaces; result == 0 && at && at->if_index != 0; at++) {
		enum datapath_role role;
		int found = find_user(at->if_index, maps, count, &role);
		if (found > 0)
			result = detach(at->if_index);
		else if (found != -ENODEV)
			result = found;
		if (result < 0)
			error_set(error, -result, "cannot detach from interface %s: %s",
				at->if_name, strerror(-result));
		else if (found > 0 && visit)
			visit(context, at->if_name, role);
	}
	if (!interfaces)
		error_set(error, -result, "cannot list the interfaces: %s", strerror(-result));
	else
		if_freenameindex(interfaces);
	return result;
}
