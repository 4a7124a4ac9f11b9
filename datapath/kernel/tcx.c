// SPDX-License-Identifier: Apache-2.0
// A program at tcx stays without a process, and for as long as its device. Several may stand there: ours is known by its name.
#include "hooks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

enum { TCX_PROGRAMS = 64 /* BPF_MPROG_MAX */ };

// All that stand there. The kernel's EINVAL is that it knows no such place.
static int query(uint32_t ifindex, uint32_t *programs, uint32_t *count)
{
	*count = TCX_PROGRAMS;
	int result = bpf_prog_query((int)ifindex, TCX_INGRESS, 0, NULL, programs, count);

	return result == -EINVAL ? -EOPNOTSUPP : result;
}

int tcx_find(uint32_t ifindex, uint32_t *program)
{
	uint32_t programs[TCX_PROGRAMS], count;
	int result = query(ifindex, programs, &count);

	*program = 0;
	for (uint32_t i = 0; result == 0 && i < count && !*program; i++)
		if (hooks_ours(programs[i]))
			*program = programs[i];
	return result;
}

int tcx_attach(uint32_t ifindex, int program)
{
	uint32_t before;
	int result = tcx_find(ifindex, &before);
	int replaced = result == 0 && before ? bpf_prog_get_fd_by_id(before) : -1;

	if (result == 0 && replaced >= 0) {
		LIBBPF_OPTS(bpf_prog_attach_opts, options, .flags = BPF_F_REPLACE,
			.replace_prog_fd = replaced);
		result = bpf_prog_attach_opts(program, (int)ifindex, TCX_INGRESS, &options);
	} else if (result == 0) {
		result = bpf_prog_attach(program, (int)ifindex, TCX_INGRESS, 0);
	}
	if (replaced >= 0)
		close(replaced);
	return result == -EEXIST ? 0 : result; // it is the very same
}

int tcx_detach(uint32_t ifindex)
{
	uint32_t program;
	int result = tcx_find(ifindex, &program);

	if (result < 0 || !program)
		return result;
	int fd = bpf_prog_get_fd_by_id(program);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	result = bpf_prog_detach2(fd, (int)ifindex, TCX_INGRESS);
	close(fd);
	return result == -ENOENT ? 0 : result;
}
