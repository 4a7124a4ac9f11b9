// SPDX-License-Identifier: Apache-2.0
// One filter of ours a device, at the ingress of clsact, in direct-action mode, always under the same priority and
// handle: writing it again replaces the program in one step, and filters of others are never met. Its handle says whether
// clsact was there before: one that we have brought goes with our filter, unless others filter on it by then.
#include "hooks.h"

#include <bpf/libbpf.h>
#include <errno.h>

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
static int find(uint32_t ifindex, uint32_t *id, uint32_t *handle)
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

int clsact_find(uint32_t ifindex, uint32_t *program)
{
	uint32_t handle;

	return find(ifindex, program, &handle);
}

int clsact_attach(uint32_t ifindex, int program)
{
	struct bpf_tc_hook hook = ingress(ifindex);
	uint32_t id, handle = TC_BROUGHT;
	int result = bpf_tc_hook_create(&hook);

	if (result == -EEXIST) {
		handle = TC_FOUND;
		result = find(ifindex, &id, &handle);
	}
	struct bpf_tc_opts options = filter(handle);
	options.prog_fd = program;
	options.flags = BPF_TC_F_REPLACE;
	return result ? result : bpf_tc_attach(&hook, &options);
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

int clsact_detach(uint32_t ifindex)
{
	struct bpf_tc_hook hook = ingress(ifindex);
	uint32_t id, handle;
	int result = find(ifindex, &id, &handle);

	if (result < 0 || id == 0)
		return result == -ENODEV ? 0 : result;
	struct bpf_tc_opts options = filter(handle);
	result = bpf_tc_detach(&hook, &options);
	if (result == 0 && handle == TC_BROUGHT)
		result = take_away(hook);
	return result == -ENOENT || result == -ENODEV ? 0 : result;
}
