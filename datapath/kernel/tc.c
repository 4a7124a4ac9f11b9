// SPDX-License-Identifier: Apache-2.0
// One filter of ours a device, on the ingress hook of clsact, in direct-action mode, always under the same priority and
// handle: writing it again replaces the program in one step, and filters of others are never met.
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { TC_PRIORITY = 0x5745, TC_HANDLE = 0x5745 };

static struct bpf_tc_hook ingress(uint32_t ifindex)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)ifindex,
		.attach_point = BPF_TC_INGRESS,
	};
}

static struct bpf_tc_opts filter(void)
{
	return (struct bpf_tc_opts){
		.sz = sizeof(struct bpf_tc_opts),
		.handle = TC_HANDLE,
		.priority = TC_PRIORITY,
	};
}

int kernel_attach(
	struct datapath *datapath, uint32_t ifindex, enum datapath_role role, struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	struct bpf_tc_hook hook = ingress(ifindex);
	struct bpf_tc_opts options = filter();
	int result = bpf_tc_hook_create(&hook);

	options.prog_fd = kernel->programs[role];
	options.flags = BPF_TC_F_REPLACE;
	if (result == 0 || result == -EEXIST)
		result = bpf_tc_attach(&hook, &options);
	if (result < 0)
		return error_set(error, -result, "cannot attach to interface %u: %s", ifindex,
			strerror(-result));
	return 0;
}

// The program of our filter: 0 and its id, 0 where there is no such filter; -ENODEV.
static int attached_program(uint32_t ifindex, uint32_t *id)
{
	struct bpf_tc_hook hook = ingress(ifindex);
	struct bpf_tc_opts options = filter();
	int result = bpf_tc_query(&hook, &options);

	*id = 0;
	if (result == -ENOENT || result == -EINVAL) // EINVAL: not even clsact
		return 0;
	if (result == 0)
		*id = options.prog_id;
	return result;
}

static int detach(uint32_t ifindex)
{
	struct bpf_tc_hook hook = ingress(ifindex);
	struct bpf_tc_opts options = filter();
	uint32_t id;
	int result = attached_program(ifindex, &id);

	if (result < 0 || id == 0)
		return result == -ENODEV ? 0 : result;
	result = bpf_tc_detach(&hook, &options);
	return result == -ENOENT || result == -ENODEV ? 0 : result;
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
	uint32_t id;
	int result = attached_program(ifindex, &id);

	return result < 0 ? result : id == kernel->program_ids[role];
}

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

// Is our filter on the device, with a program that uses one of these maps? 1 and its role, 0, or -errno.
static int find_user(uint32_t ifindex, const uint32_t *maps, size_t count, enum datapath_role *role)
{
	uint32_t id, used[64];
	struct bpf_prog_info info = {
		.nr_map_ids = array_count(used),
		.map_ids = (uintptr_t)used,
	};
	unsigned int size = sizeof(info);
	int result = attached_program(ifindex, &id);

	if (result < 0 || id == 0)
		return result;
	int fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	result = bpf_obj_get_info_by_fd(fd, &info, &size);
	close(fd);
	if (result < 0 || !role_of(info.name, role))
		return result;
	for (size_t i = 0; i < info.nr_map_ids && i < array_count(used); i++)
		for (size_t j = 0; j < count; j++)
			if (used[i] == maps[j])
				return 1;
	return 0;
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

int tc_detach_users(const uint32_t *maps, size_t count, datapath_detached_visit visit,
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
