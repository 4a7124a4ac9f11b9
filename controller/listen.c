// SPDX-License-Identifier: Apache-2.0
#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "number.h"

enum { BACKLOG = 4096 }; // all hosts of a controller that was away come at once

static int fail(int fd, struct error *error, const char *what, const char *where)
{
	int code = errno;
	if (fd >= 0)
		close(fd);
	return error_set(error, code, "cannot %s %s: %s", what, where, strerror(code));
}

// Make way for a socket at the path: nothing there, or nobody behind it.
static int remove_stale(const struct sockaddr_un *address, struct error *error)
{
	struct stat status;
	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : fail(-1, error, "look at", address->sun_path);
	if (!S_ISSOCK(status.st_mode))
		return error_set(
			error, EEXIST, "%s is there and is not a socket", address->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-1, error, "open a socket to", address->sun_path);
	int rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	int code = rc < 0 ? errno : 0;
	close(fd);
	if (code != ECONNREFUSED)
		return error_set(
			error, EADDRINUSE, "another process listens on %s", address->sun_path);
	if (unlink(address->sun_path) < 0)
		return fail(-1, error, "remove", address->sun_path);
	return 0;
}

int listen_unix(const char *path, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(
			error, ENAMETOOLONG, "the path of the socket is too long: %s", path);
	strcpy(address.sun_path, path);
	int rc = remove_stale(&address, error);
	if (rc < 0)
		return rc;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-1, error, "open a socket at", path);
	// The mode must never be wider than meant, not even between bind and chmod.
	mode_t mask = umask(0117);
	rc = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (rc < 0 || chmod(path, 0660) < 0 || listen(fd, BACKLOG) < 0)
		return fail(fd, error, "listen on", path);
	return fd;
}

// Split "host:port" or "[host]:port" in place.
static int split(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');
	uint64_t number;
	if (!colon || colon == text || number_parse(colon + 1, &number) < 0 || number > 65535)
		return -EINVAL;
	*colon = '\0';
	*port = colon + 1;
	*host = text;
	if (*text == '[') {
		if (colon[-1] != ']')
			return -EINVAL;
		colon[-1] = '\0';
		*host = text + 1;
	} else if (strchr(text, ':')) {
		return -EINVAL; // an IPv6 address without brackets: where does it end?
	}
	return 0;
}

int listen_tcp(const char *address, struct error *error)
{
	cleanup_free char *copy = memory_text(address);
	char *host, *port;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *info;
	if (split(copy, &host, &port) < 0 || getaddrinfo(host, port, &hints, &info))
		return error_set(error, EINVAL,
			"\"%s\" is no address to listen on: 10.0.0.1:6640 or [fd00::1]:6640",
			address);
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = fd;
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
		rc = bind(fd, info->ai_addr, info->ai_addrlen);
	}
	freeaddrinfo(info);
	if (rc < 0 || listen(fd, BACKLOG) < 0)
		return fail(fd, error, "listen on", address);
	return fd;
}
