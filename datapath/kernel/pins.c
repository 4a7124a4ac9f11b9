// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/memory.h"

// The version of the folder, not of the rows: those are compared one by one.
static char *pins_folder(const char *state)
{
	return memory_format("%s/v1", state);
}

// Whoever may write here decides by which rows the kernel forwards. The root of a BPF file system is often everybody's, as /tmp is.
static int check_folder(const char *path, struct error *error)
{
	struct stat info;

	if (lstat(path, &info) < 0)
		return error_set(error, errno, "cannot look at %s: %s", path, strerror(errno));
	if (!S_ISDIR(info.st_mode))
		return error_set(error, ENOTDIR, "%s is no folder", path);
	if (info.st_uid != geteuid() && info.st_uid != 0)
		return error_set(error, EPERM,
			"%s belongs to another user (uid %u): take another --state, or remove it",
			path, info.st_uid);
	if (info.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(error, EPERM,
			"%s can be written by other users (mode %04o): chmod go-w it, or take "
			"another --state",
			path, info.st_mode & 07777);
	return 0;
}

static bool is_bpf(const char *path)
{
	struct statfs info;

	return statfs(path, &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

// mkdir -p, looking at each folder before something is made in it. Missing folders may lie anywhere but the last.
static int make_folders(char *path, struct error *error)
{
	bool inside = false; // below the root of the BPF file system

	for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		int result = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
		if (result == -EROFS && slash)
			result = 0; // it is there, or the next one fails
		if (result < 0)
			error_set(error, -result, "cannot make %s: %s", path, strerror(-result));
		else if (inside)
			result = check_folder(path, error);
		inside = inside || is_bpf(path);
		if (slash)
			*slash = '/';
		if (!slash || result < 0)
			return result;
	}
}

// The file system of the deepest folder that exists: nothing is made where pins could not be.
static bool on_bpf(const char *path)
{
	cleanup_free char *folder = memory_text(path);
	struct statfs info;

	while (statfs(folder, &info) < 0) {
		char *slash = strrchr(folder, '/');
		if (errno != ENOENT || !slash || slash == folder)
			return false;
		*slash = '\0';
	}
	return info.f_type == BPF_FS_MAGIC;
}

int pins_hold(const char *state, int *lock, struct error *error)
{
	cleanup_free char *folder = pins_folder(state);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return error_set(error, errno, "cannot open %s: %s", folder, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int result = errno == EWOULDBLOCK
				     ? error_set(error, EBUSY, "an agent is running on %s", state)
				     : error_set(error, errno, "cannot lock %s: %s", folder,
					       strerror(errno));
		close(fd);
		return result;
	}
	*lock = fd;
	return 0;
}

int pins_prepare(const char *state, int *lock, struct error *error)
{
	if (!state || state[0] != '/')
		return error_set(error, EINVAL,
			"the kernel datapath needs a state directory with an absolute path");
	if (!on_bpf(state))
		return error_set(error, ENOTSUP,
			"%s is not on a BPF file system; mount one with: mount -t bpf bpf "
			"/sys/fs/bpf",
			state);

	cleanup_free char *folder = pins_folder(state);
	int result = make_folders(folder, error);
	return result < 0 ? result : pins_hold(state, lock, error);
}

static bool same_layout(const char *path, const struct bpf_map *map)
{
	struct bpf_map_info info = {0};
	unsigned int size = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return false;
	bool same = bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
		    info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
		    info.value_size == bpf_map__value_size(map) &&
		    info.max_entries == bpf_map__max_entries(map) &&
		    info.map_flags == bpf_map__map_flags(map);
	close(fd);
	return same;
}

// Tables of the state that count rows of each other: if one has to be made anew, so have they all, or what is counted and what is there
// would differ for ever.
static bool is_counted(const struct bpf_map *map)
{
	static const char *const names[] = {"connection", "embryo", "usage", "share"};

	for (size_t i = 0; i < array_count(names); i++)
		if (strcmp(bpf_map__name(map), names[i]) == 0)
			return true;
	return false;
}

// Is one of them there, and of another layout? One that is missing counts nothing: rows of a version that had none count for nobody.
static bool counts_differ(const struct bpf_object *object, const char *folder)
{
	struct bpf_map *map;
	bool differ = false;

	bpf_object__for_each_map(map, object)
	{
		if (bpf_map__is_internal(map) || !is_counted(map))
			continue;
		cleanup_free char *path = memory_format("%s/%s", folder, bpf_map__name(map));
		differ = differ || (access(path, F_OK) == 0 && !same_layout(path, map));
	}
	return differ;
}

int pins_assign(struct bpf_object *object, const char *state, struct error *error)
{
	cleanup_free char *folder = pins_folder(state);
	bool anew = counts_differ(object, folder);
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		if (bpf_map__is_internal(map))
			continue;
		cleanup_free char *path = memory_format("%s/%s", folder, bpf_map__name(map));
		bool keep = same_layout(path, map) && !(anew && is_counted(map));
		if (!keep && unlink(path) < 0 && errno != ENOENT)
			return error_set(
				error, errno, "cannot replace %s: %s", path, strerror(errno));
		int result = bpf_map__set_pin_path(map, path);
		if (result < 0)
			return error_set(
				error, -result, "cannot pin %s: %s", path, strerror(-result));
	}
	return 0;
}

// Call `visit` for each file in the folder. No folder: no files.
static int each_pin(
	const char *folder, int (*visit)(void *context, const char *path), void *context)
{
	DIR *directory = opendir(folder);
	int result = 0;

	if (!directory)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *entry; result == 0 && (entry = readdir(directory));) {
		cleanup_free char *path = memory_format("%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.')
			result = visit(context, path);
	}
	closedir(directory);
	return result;
}

struct id_list {
	uint32_t *ids;
	size_t size, count;
};

static int add_id(void *context, const char *path)
{
	struct id_list *list = context;
	struct bpf_map_info info = {0};
	unsigned int size = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && list->count < list->size)
		list->ids[list->count++] = info.id;
	close(fd);
	return 0;
}

int pins_ids(const char *state, uint32_t *ids, size_t size, size_t *count)
{
	cleanup_free char *folder = pins_folder(state);
	struct id_list list = {ids, size, 0};
	int result = each_pin(folder, add_id, &list);

	*count = list.count;
	return result;
}

static int remove_pin(void *context, const char *path)
{
	(void)context;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int pins_remove(const char *state, struct error *error)
{
	cleanup_free char *folder = pins_folder(state);
	int result = each_pin(folder, remove_pin, NULL);

	// STATE itself may be the mount point, or hold the files of others: then it stays.
	if (result == 0 && rmdir(folder) < 0 && errno != ENOENT)
		result = -errno;
	if (result < 0)
		return error_set(error, -result, "cannot remove %s: %s", folder, strerror(-result));
	rmdir(state);
	return 0;
}
