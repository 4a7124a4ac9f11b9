// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "datapath/kernel.h"
#include "weft.skel.h"

// ---- what libbpf says ----

// Its first warning is the cause, and of a verifier's log the last line is; both end up in the error that the caller gets.
static _Thread_local char complaint[320];

static void complain(const char *text, size_t length)
{
	size_t used = strlen(complaint);

	if (length > 0)
		snprintf(complaint + used, sizeof(complaint) - used, "%s%.*s", used ? ": " : "",
			(int)length, text);
}

// The line before the statistics with which the verifier ends.
static void complain_of_verifier(const char *log)
{
	const char *end = strstr(log, "\nprocessed ");
	const char *start = end;

	if (!end)
		return;
	while (start > log && start[-1] != '\n')
		start--;
	complain(start, (size_t)(end - start));
}

static int listen(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *text;

	if (level != LIBBPF_WARN || vasprintf(&text, format, arguments) < 0)
		return 0;
	if (strstr(text, "BEGIN PROG LOAD LOG"))
		complain_of_verifier(text);
	else if (complaint[0] == '\0')
		complain(text, strcspn(text, "\n"));
	free(text);
	return 0;
}

void kernel_listen(void)
{
	complaint[0] = '\0';
	libbpf_set_print(listen);
}

const char *kernel_complaint(void)
{
	return complaint;
}

// ---- open and close ----

static void kernel_close(struct datapath *datapath)
{
	struct kernel *kernel = (struct kernel *)datapath;

	punts_done(kernel);
	kernel_decisions_done(kernel);
	settle_done(kernel);
	datapath_bpf__destroy(kernel->skeleton);
	if (kernel->lock >= 0)
		close(kernel->lock);
	free(kernel);
}

static int program_id(int program, uint32_t *id)
{
	struct bpf_prog_info info = {0};
	unsigned int size = sizeof(info);
	int result = bpf_obj_get_info_by_fd(program, &info, &size);

	*id = info.id;
	return result;
}

static int load(struct kernel *kernel, const char *state, struct error *error)
{
	int result = pins_assign(kernel->skeleton->obj, state, error);

	if (result < 0)
		return result;
	kernel->skeleton->rodata->has_decap_l3 = probe_decap_l3();
	result = datapath_bpf__load(kernel->skeleton);
	if (result == -EPERM)
		return error_set(error, EPERM,
			"the kernel does not let this process load BPF programs; to be root in a "
			"user namespace is not enough");
	if (result < 0)
		return error_set(error, -result, "cannot load the datapath: %s (%s)",
			strerror(-result), kernel_complaint());

#define FIND(name, NAME, key, value, kind, maximum) \
	kernel->tables[DP_TABLE_##NAME] = bpf_map__fd(kernel->skeleton->maps.name);
	DP_TABLES(FIND)
#undef FIND
#define STATE(name, NAME, key, value, kind, maximum) \
	kernel->states[DP_STATE_##NAME] = bpf_map__fd(kernel->skeleton->maps.name);
	DP_STATES(STATE)
#undef STATE
	kernel->rule_counters = bpf_map__fd(kernel->skeleton->maps.rule_counters);
	kernel->expire[DP_STATE_CONNECTION] =
		bpf_program__fd(kernel->skeleton->progs.weft_expire_connection);
	kernel->expire[DP_STATE_EMBRYO] =
		bpf_program__fd(kernel->skeleton->progs.weft_expire_embryo);
	kernel->counters = bpf_map__fd(kernel->skeleton->maps.counters);
	kernel->counter_owners = bpf_map__fd(kernel->skeleton->maps.counter_owners);
	kernel->counter_places = bpf_map__fd(kernel->skeleton->maps.counter_places);
	kernel->drops = bpf_map__fd(kernel->skeleton->maps.drops);
	kernel->allowances = bpf_map__fd(kernel->skeleton->maps.allowances);
	kernel->punt_map = bpf_map__fd(kernel->skeleton->maps.punts);
	kernel->decision_map = bpf_map__fd(kernel->skeleton->maps.decisions);
	kernel->programs[DATAPATH_PORT] = bpf_program__fd(kernel->skeleton->progs.weft_from_port);
	kernel->programs[DATAPATH_UNDERLAY] =
		bpf_program__fd(kernel->skeleton->progs.weft_from_underlay);
	for (size_t i = 0; i < array_count(kernel->programs) && result == 0; i++)
		result = program_id(kernel->programs[i], &kernel->program_ids[i]);
	if (result < 0)
		return error_set(error, -result, "cannot read the program's id");
	return 0;
}

static int kernel_open(struct datapath **out, const char *state, struct error *error)
{
	int lock;
	kernel_listen();
	int result = pins_prepare(state, &lock, error);
	if (result < 0)
		return result;

	struct kernel *kernel = memory_new(sizeof(*kernel));
	kernel->base.provider = &datapath_kernel;
	kernel->lock = lock;
	kernel->ports_left = true;
	kernel->skeleton = datapath_bpf__open();
	result = kernel->skeleton
			 ? load(kernel, state, error)
			 : error_set(error, EINVAL, "cannot read the datapath's programs: %s",
				   kernel_complaint());
	if (result < 0) {
		kernel_close(&kernel->base);
		return result;
	}
	*out = &kernel->base;
	return 0;
}

static int kernel_destroy(
	const char *state, datapath_detached_visit visit, void *context, struct error *error)
{
	uint32_t maps[64];
	size_t count;
	int lock;

	kernel_listen();
	int result = pins_hold(state, &lock, error);
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	result = pins_ids(state, maps, array_count(maps), &count);
	if (result < 0)
		error_set(error, -result, "cannot read %s: %s", state, strerror(-result));
	else
		result = hooks_detach_users(maps, count, visit, context, error);
	if (result == 0)
		result = pins_remove(state, error);
	close(lock);
	return result;
}

int datapath_kernel_program(const struct datapath *datapath, enum datapath_role role)
{
	return datapath->provider == &datapath_kernel
		       ? ((const struct kernel *)datapath)->programs[role]
		       : -ENOTSUP;
}

const struct datapath_provider datapath_kernel = {
	.name = "kernel",
	.open = kernel_open,
	.close = kernel_close,
	.destroy = kernel_destroy,
	.put = kernel_put,
	.remove = kernel_remove,
	.find = kernel_find,
	.each = kernel_each,
	.settle = kernel_settle,
	.attach = kernel_attach,
	.detach = kernel_detach,
	.attached = kernel_attached,
	.found = kernel_found,
	.counters = kernel_counters,
	.drops = kernel_drops,
	.punts = kernel_punts,
	.punts_fd = kernel_punts_fd,
	.decisions = kernel_decisions,
	.counters_forget = kernel_counters_forget,
	.each_state = kernel_each_state,
	.find_state = kernel_find_state,
	.expire = kernel_expire,
	.rule_counters = kernel_rule_counters,
	.rule_counted = kernel_rule_counted,
	.rule_counters_forget = kernel_rule_counters_forget,
};
