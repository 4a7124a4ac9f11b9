// SPDX-License-Identifier: Apache-2.0
#include "etcd_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "etcd/client.h"
#include "etcd/request.h"

enum { START_MS = 60000 };

unsigned short etcd_server_free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	return ntohs(address.sin_port);
}

// ---- asking ----

static char *ask(const struct etcd_server *server, const char *path, const char *body, int limit_ms)
{
	struct error error = {0};
	struct etcd_location *location;
	struct etcd_client *client;
	json_t *answer = NULL;
	char *text = NULL;
	cleanup_free char *url = memory_format("http://127.0.0.1:%d", server->port);
	assert_int_equal(etcd_location_parse(&location, url, NULL), 0);
	assert_int_equal(etcd_client_new(&client, location, NULL), 0);
	uint64_t end = clock_monotonic_ms() + (uint64_t)limit_ms;
	int result;
	do {
		error = (struct error){0};
		etcd_client_start(client);
		result = etcd_call(client, path, json_loads(body, 0, NULL), &answer, &error);
	} while (result && clock_monotonic_ms() < end);
	if (result == 0)
		text = json_dumps(answer, JSON_COMPACT);
	else
		fprintf(stderr, "%s\n", error.message);
	json_decref(answer);
	etcd_client_free(client);
	etcd_location_free(location);
	return text;
}

char *etcd_server_ask(const struct etcd_server *server, const char *path, const char *body)
{
	char *text = ask(server, path, body, 0);
	assert_non_null(text);
	return text;
}

static char *transact(const struct etcd_server *server, json_t *operation)
{
	json_t *request = json_pack("{s:[o]}", "success", operation);
	cleanup_free char *body = json_dumps(request, 0);
	json_decref(request);
	return etcd_server_ask(server, "/v3/kv/txn", body);
}

// The end of the range of all keys with the prefix.
static char *end_of(const char *prefix)
{
	char *end = memory_text(prefix);
	end[strlen(end) - 1]++;
	return end;
}

int etcd_server_count(const struct etcd_server *server, const char *prefix)
{
	cleanup_free char *end = end_of(prefix);
	cleanup_free char *text = transact(server, etcd_range(prefix, end, 0, true));
	json_t *answer = json_loads(text, 0, NULL);
	int count = (int)json_array_size(etcd_read_of(answer, 0));
	json_decref(answer);
	return count;
}

void etcd_server_put(
	const struct etcd_server *server, const char *key, const void *value, size_t length)
{
	free(transact(server, etcd_put(key, value, length, 0)));
}

void etcd_server_delete(const struct etcd_server *server, const char *prefix)
{
	cleanup_free char *end = end_of(prefix);
	free(transact(server, etcd_delete_range(prefix, end)));
}

// ---- life ----

static void run(const struct etcd_server *server)
{
	cleanup_free char *client = memory_format("http://127.0.0.1:%d", server->port);
	cleanup_free char *peer = memory_format("http://127.0.0.1:%d", server->peer_port);
	cleanup_free char *cluster = memory_format("test=%s", peer);
	cleanup_free char *log = memory_format("%s/log", server->directory);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("etcd", "etcd", "--name", "test", "--data-dir", server->directory,
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", cluster, "--unsafe-no-fsync", "--logger", "zap", "--log-level",
		"warn", "--quota-backend-bytes", server->quota ? server->quota : "0", (char *)NULL);
	fprintf(stderr, "cannot run etcd (Debian's etcd-server): %s\n", strerror(errno));
	_exit(127);
}

static void show_log(const struct etcd_server *server)
{
	cleanup_free char *path = memory_format("%s/log", server->directory);
	char line[1024];
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		fputs(line, stderr);
	if (file)
		fclose(file);
}

void etcd_server_start(struct etcd_server *server)
{
	if (!server->directory) {
		char directory[] = "/tmp/weft-etcd-XXXXXX";
		assert_non_null(mkdtemp(directory));
		server->directory = memory_text(directory);
		server->port = etcd_server_free_port();
		server->peer_port = etcd_server_free_port();
	}
	server->process = fork();
	assert_true(server->process >= 0);
	if (server->process == 0)
		run(server);
	// It answers only when it has a leader.
	uint64_t end = clock_monotonic_ms() + START_MS;
	char *answer = NULL;
	while (!answer && clock_monotonic_ms() < end &&
		waitpid(server->process, NULL, WNOHANG) == 0)
		answer = ask(server, "/v3/kv/range", "{\"key\":\"YQ==\"}", 0);
	if (!answer)
		show_log(server);
	assert_non_null(answer);
	free(answer);
}

void etcd_server_kill(struct etcd_server *server)
{
	kill(server->process, SIGKILL);
	waitpid(server->process, NULL, 0);
	server->process = 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

void etcd_server_remove(struct etcd_server *server)
{
	if (server->process)
		etcd_server_kill(server);
	nftw(server->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(server->directory);
	*server = (struct etcd_server){0};
}
