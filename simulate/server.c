// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

// In the child: become the controller. Nothing but what is safe after a fork.
static void become_controller(
	const struct server *server, char *const *words, int ready, pid_t parent)
{
	char log[512];
	snprintf(log, sizeof(log), "%s/log", server->folder);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || fd < 0 || dup2(ready, STDOUT_FILENO) < 0 ||
		dup2(fd, STDERR_FILENO) < 0)
		_exit(127);
	// Whatever a library opened: a connection to the controller before this one, held by this
	// one, would count against its limit.
	close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	execv("/proc/self/exe", words);
	_exit(127);
}

static int explain(const struct server *server, struct error *error)
{
	char path[512], text[400] = "";
	snprintf(path, sizeof(path), "%s/log", server->folder);
	FILE *log = fopen(path, "r");
	size_t length = log ? fread(text, 1, sizeof(text) - 1, log) : 0;
	if (log)
		fclose(log);
	while (length && text[length - 1] == '\n')
		text[--length] = '\0';
	return error_set(error, EIO, "the controller did not start: %s", text);
}

static int launch(struct server *server, struct error *error)
{
	char *socket = server->address + strlen("unix:");
	char *words[] = {"weft", "controller", "--store", server->store, "--socket", socket, NULL};
	pid_t parent = getpid();
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return error_set(error, errno, "cannot make a pipe: %s", strerror(errno));
	server->process = fork();
	if (server->process == 0)
		become_controller(server, words, ends[1], parent);
	close(ends[1]);
	server->ready = ends[0];
	if (server->process < 0)
		return error_set(error, errno, "cannot fork: %s", strerror(errno));
	return 0;
}

int server_ready(struct server *server, struct error *error)
{
	char byte;
	if (server->ready < 0)
		return 1;
	ssize_t got = read(server->ready, &byte, 1); // "ready: …", or its end
	if (got < 0 && errno == EAGAIN)
		return 0;
	close(server->ready);
	server->ready = -1;
	return got == 1 ? 1 : explain(server, error);
}

int server_start(struct server *server, const char *store, struct error *error)
{
	const char *base = getenv("TMPDIR");
	char *folder = memory_format("%s/weft-simulate-XXXXXX", base ? base : "/tmp");
	*server = (struct server){.ready = -1};
	if (!mkdtemp(folder)) {
		error_set(error, errno, "cannot make the folder %s: %s", folder, strerror(errno));
		free(folder);
		return -error->code;
	}
	server->folder = folder;
	server->address = memory_format("unix:%s/weft.sock", folder);
	server->store = store ? memory_text(store) : memory_format("sqlite:%s/weft.db", folder);
	setenv("WEFT_LOG", "warning", 0); // ten thousand hosts would be ten thousand lines
	return launch(server, error);
}

static void end(struct server *server, int signal)
{
	if (server->process <= 0)
		return;
	kill(server->process, signal);
	waitpid(server->process, NULL, 0);
	server->process = 0;
	if (server->ready >= 0)
		close(server->ready);
	server->ready = -1;
}

int server_restart(struct server *server, struct error *error)
{
	end(server, SIGKILL);
	return launch(server, error);
}

static void remove_folder(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	while (folder && (entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(path);
}

void server_stop(struct server *server)
{
	end(server, SIGTERM);
	if (server->folder)
		remove_folder(server->folder);
	free(server->folder);
	free(server->address);
	free(server->store);
	*server = (struct server){0};
}
