// SPDX-License-Identifier: Apache-2.0
#include "setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

static char *setting_path(const char *family, const char *device, const char *name)
{
	return memory_format("/proc/sys/net/%s/conf/%s/%s", family, device, name);
}

char setting_read(const char *family, const char *device, const char *name)
{
	cleanup_free char *path = setting_path(family, device, name);
	char value = 0;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	if (read(file, &value, 1) != 1)
		value = 0;
	close(file);
	return value;
}

void setting_write(const char *family, const char *device, const char *name, char value)
{
	cleanup_free char *path = setting_path(family, device, name);
	int file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0 || write(file, &value, 1) != 1)
		log_debug("cannot write %s: %s", path, strerror(errno));
	if (file >= 0)
		close(file);
}
