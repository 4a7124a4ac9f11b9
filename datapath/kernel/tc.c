// SPDX-License-Identifier: Apache-2.0
// One filter of ours a device, on the ingress hook of clsact, in direct-action mode, always under the same priority and
// handle: writing it again replaces the program in one step, and filters of others are never met. Its handle says whether
// clsact was there before: one that we have brought goes with our filter, unless others filter on it by then.
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "filters.h"

enum { TC_PRIORITY = 0x5745, TC_FOUND = 0x5745, TC_BROUGHT = 0x5746 };

static struct bpf_tc_hook ingress(uint32_t ifindex)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)ifindex,
		.attach_point = BPF_TC_INGRESS,
	};
}

static struct bpf_tc_opts filter(uint32_t handle)
{
	return (struct bpf_tc_opts){
		.sz = sizeof(struct bpf_tc_opts),
		.handle = handle,
		.priority = TC_PRIORITY,
	};
}

// The program of our filter, and its handle: 0 and its id, 0 where there is no such filter; -ENODEV.
static int attached_program(uint32_t ifindex, uint32_t *id, uint32_t *handle)
{
	static const uint32_t handles[] = {TC_BROUGHT, TC_FOUND};
	struct bpf_tc_hook hook = ingress(ifindex);

	*id = 0;
	for (size_t i = 0; i < array_count(handles); i++) {
		struct bpf_tc_opts options = filter(handles[i]);
		int result = bpf_tc_query(&hook, &options);
		if (result == 0) {
			*id = options.prog_id;
			*handle = handles[i];
			return 0;
		}
		if (result != -ENOENT && result != -EINVAL) // EINVAL: not even clsact
			return result;
	}
	return 0;
}

int kernel_attach(
	struct datapath *datapath, uint32_t ifindex, enum datapath_role role, struct error *error)
{
	const struct kernel *kernel = (const struct kernel *)datapath;
	struct bpf_tc_hook hook = ingress(ifindex);
	uint32_t id, handle = TC_BROUGHT;
	int result = bpf_tc_hook_create(&hook);

	if (result == -EEXIST) {
		handle = TC_FOUND;
		result = attached_program(ifindex, &id, &handle);
	}
	struct bpf_tc_opts options = filter(handle);
	options.prog_fd = kernel->programs[role];
	options.flags = BPF_TC_F_REPLACE;
	if (result == 0)
		result = bpf_tc_attach(&hook, &options);
	if (result < 0)
		return error_set(error, -result, "cannot attach to interface %u: %s", ifindex,
			strerror(-result));
	return 0;
}

// Whoever adds the first filter of theirs in between has to bring clsact again.
static int take_away(struct bpf_tc_hook hook)
{
	int result = filters_any((uint32_t)hook.ifindex);

	if (result)
		return result < 0 ? result : 0;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; // which stands for clsact itself
	return bpf_tc_hook_destroy(&hook);
}

static int detach(uint32_t ifindex)
{
	struct bpf_tc_hook hook = ingress(ifindex);
	uint32_t id, handle;
	int result = attached_program(ifindex, &id, &handle);

	if (result < 0 || id == 0)
		return result == -ENODEV ? 0 : result;
	struct bpf_tc_opts options = filter(handle);
	result = bpf_tc_detach(&hook, &options);
	if (result == 0 && handle == TC_BROUGHT)
		result = take_away(hook);
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
	uint32_t id, handle;
	int result = attached_program(ifindex, &id, &handle);

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
	uint32_t id, handle, used[64];
	struct bpf_prog_info info = {
		.nr_map_ids = array_count(used),
		.map_ids = (uintptr_t)used,
	};
	unsigned int size = sizeof(info);
	int result = attached_program(ifindex, &id, &handle);

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
