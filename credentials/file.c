// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "credentials/credentials.h"

enum { FILE_LIMIT = 1 << 20 };

int credentials_load(const char *path, char **text, struct error *error)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return error_set(error, errno, "cannot read %s: %s", path, strerror(errno));
	char *content = memory_new(FILE_LIMIT);
	size_t length = fread(content, 1, FILE_LIMIT - 1, file);
	int failed = ferror(file) || !feof(file);
	fclose(file);
	if (failed || !length || strlen(content) != length) {
		credentials_forget(content);
		return error_set(error, EINVAL, "%s is no PEM file", path);
	}
	*text = content;
	return 0;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	while (left) {
		ssize_t written = write(fd, text, left);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		left -= (size_t)written;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int credentials_save(
	const char *path, const char *text, unsigned mode, bool fresh, struct error *error)
{
	cleanup_free char *part = memory_format("%s.new", path);
	unlink(part); // of one that was killed
	int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
	int rc = fd < 0 ? -errno : 0;
	if (!rc)
		rc = write_all(fd, text);
	if (fd >= 0)
		close(fd);
	// A link does not replace what is there, a rename does.
	if (!rc && fresh)
		rc = link(part, path) < 0 ? -errno : 0;
	else if (!rc)
		rc = rename(part, path) < 0 ? -errno : 0;
	if (fd >= 0 && (rc || fresh))
		unlink(part);
	return rc ? error_set(error, -rc, "cannot write %s: %s", path, strerror(-rc)) : 0;
}
