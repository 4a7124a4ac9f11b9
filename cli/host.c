// SPDX-License-Identifier: Apache-2.0
// weft host: inviting hosts, and joining as one.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "age.h"
#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "credentials/credentials.h"
#include "credentials/invitation.h"
#include "output.h"

static const char *code, *directory;
static uint64_t expires_ms;

static const struct option_spec host_options[] = {
	{.name = "expires",
		.type = OPTION_DURATION,
		.target = &expires_ms,
		.argument = "TIME",
		.fallback = "1h",
		.help = "of invite: until when the code can be used"},
	{.name = "code",
		.type = OPTION_TEXT,
		.target = &code,
		.argument = "CODE",
		.environment = "WEFT_JOIN_CODE",
		.help = "of join: the code of the invitation; a file that holds it: @FILE"},
	{.name = "directory",
		.type = OPTION_TEXT,
		.target = &directory,
		.argument = "DIRECTORY",
		.fallback = "/etc/weft",
		.help = "of join: where key and certificates go"},
	{0},
};

// ---- invite ----

static int post_invite(struct client *client, const char *host, const char *end, json_t **answer,
	struct error *error)
{
	cleanup_free char *object = client_path(MODEL_ENROLMENT, NULL, host);
	cleanup_free char *path = memory_format("%s/invite", object);
	json_t *body = json_pack("{s:s}", "expires", end);
	int rc = client_request(client, "POST", path, body, CLIENT_TIMEOUT_MS, answer, error);
	json_decref(body);
	return rc;
}

static int run_invite(const char *host)
{
	cleanup_client struct client *client = NULL;
	struct error error = {0};
	json_t *answer;
	char end[CLOCK_TEXT];
	if (age_end("expires", expires_ms, end, &error))
		return output_usage_error("host", "%s", error.message);
	if (client_open(&client, &error) || post_invite(client, host, end, &answer, &error))
		return output_error(&error, client, NULL);
	const char *text = json_string_value(json_object_get(answer, "code"));
	if (output_json) {
		output_print_json(answer, stdout);
	} else {
		fprintf(stderr,
			"The invitation of host %s, shown this once; on the host: weft host join "
			"--code CODE --controller URL\n",
			host);
		puts(text ? text : "");
	}
	json_decref(answer);
	return EXIT_OK;
}

// ---- join ----

struct paths {
	char *key, *certificate, *authority;
};

static void paths_done(struct paths *paths)
{
	free(paths->key);
	free(paths->certificate);
	free(paths->authority);
}

static int read_code(struct invitation *out, struct error *error)
{
	if (*code != '@')
		return invitation_parse(out, code, error);
	char *text;
	int rc = credentials_load(code + 1, &text, error);
	if (rc)
		return rc;
	rc = invitation_parse(out, text, error);
	credentials_forget(text);
	return rc;
}

// "https://host:port" or "https://[fd00::1]:6640" of which credentials_fetch_authority wants the parts.
static int fetch_authority(const struct invitation *invitation, const struct endpoint *endpoint,
	char **certificate, struct error *error)
{
	if (endpoint->socket)
		return error_set(
			error, EINVAL, "a host joins over TLS: --controller https://HOST:PORT");
	cleanup_free char *copy = memory_text(endpoint->base + strlen("https://"));
	char *host = copy, *port = strrchr(host, ':');
	*port++ = '\0';
	size_t length = strlen(host);
	if (*host == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		host++;
	}
	return credentials_fetch_authority(host, port, invitation->fingerprint, certificate, error);
}

// Of several controllers, the first that vouches for the authority: the invitation says which it is.
static int save_authority(
	const struct invitation *invitation, const char *path, struct error *error)
{
	struct endpoint *endpoints;
	size_t count;
	char *certificate;
	int rc = endpoints_parse(client_settings.controller, &endpoints, &count, error);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		*error = (struct error){0};
		rc = fetch_authority(invitation, &endpoints[i], &certificate, error);
		if (!rc)
			break;
	}
	endpoints_free(endpoints, count);
	if (rc)
		return rc;
	rc = credentials_save(path, certificate, 0644, false, error);
	free(certificate);
	return rc;
}

static int keep_certificate(
	const struct paths *paths, const char *key, const json_t *answer, struct error *error)
{
	struct credentials_certificate read;
	const char *certificate = json_string_value(json_object_get(answer, "certificate"));
	int rc = credentials_read(certificate ? certificate : "", &read, error);
	if (!rc)
		rc = credentials_save(paths->key, key, 0600, false, error);
	if (!rc)
		rc = credentials_save(paths->certificate, certificate, 0644, false, error);
	return rc;
}

// The key is made here and stays here: what leaves is a request signed with it.
static int post_join(struct client *client, const struct invitation *invitation,
	const struct paths *paths, struct error *error)
{
	char *key, *request;
	json_t *answer = NULL;
	int rc = credentials_key(&key, error);
	if (rc)
		return rc;
	cleanup_free char *name = memory_format("weft-host:%s", invitation->host);
	rc = credentials_request(key, name, &request, error);
	if (!rc) {
		cleanup_free char *path = memory_format("/v1/enrolments/%s/join", invitation->host);
		json_t *body =
			json_pack("{s:s, s:s}", "secret", invitation->secret, "request", request);
		rc = client_request(client, "POST", path, body, CLIENT_TIMEOUT_MS, &answer, error);
		json_decref(body);
		free(request);
	}
	if (!rc)
		rc = keep_certificate(paths, key, answer, error);
	json_decref(answer);
	credentials_forget(key);
	return rc;
}

// `client` is the one that was spoken to, for what it has refused; the caller closes it.
static int join(const struct paths *paths, char *host, struct client **client, struct error *error)
{
	struct invitation invitation;
	int rc = read_code(&invitation, error);
	if (rc)
		return rc;
	if (mkdir(directory, 0750) && errno != EEXIST)
		return error_set(error, errno, "cannot make %s: %s", directory, strerror(errno));
	rc = save_authority(&invitation, paths->authority, error);
	client_settings.authority = paths->authority;
	client_settings.certificate = client_settings.key = client_settings.token_file = NULL;
	if (!rc)
		rc = client_open(client, error);
	if (!rc)
		rc = post_join(*client, &invitation, paths, error);
	snprintf(host, sizeof(invitation.host), "%s", invitation.host);
	explicit_bzero(&invitation, sizeof(invitation));
	return rc;
}

static int run_join(void)
{
	cleanup_client struct client *client = NULL;
	struct error error = {0};
	char host[64];
	struct paths paths = {
		memory_format("%s/host.key", directory),
		memory_format("%s/host.pem", directory),
		memory_format("%s/authority.pem", directory),
	};
	int rc = join(&paths, host, &client, &error);
	if (!rc && !output_json)
		printf("joined as host %s: weft agent --host %s --controller %s --cert %s --key %s "
		       "--ca %s\n",
			host, host, client_settings.controller, paths.certificate, paths.key,
			paths.authority);
	paths_done(&paths);
	return rc ? output_error(&error, client, NULL) : EXIT_OK;
}

static int run(const char *const *words)
{
	bool inviting = !strcmp(words[0], "invite");
	if (!inviting && strcmp(words[0], "join"))
		return output_usage_error("host", "%s", "invite or join");
	if (inviting && !words[1])
		return output_usage_error("host", "%s", "which host? HOST is missing");
	if (!inviting && words[1])
		return output_usage_error("host", "%s", "the code says which host joins");
	if (!inviting && !code)
		return output_usage_error("host", "%s", "by which invitation? --code CODE");
	return inviting ? run_invite(words[1]) : run_join();
}

const struct command command_host = {
	.name = "host",
	.summary = "Invite a host, or join as the host that was invited",
	.help = "invite HOST: prints a code, to be used once. join: makes a key that does not "
		"leave this machine, "
		"verifies the\n"
		"controller by the code, and gets a certificate, which the agent renews. weft get "
		"enrolments "
		"lists both; weft delete\n"
		"enrolment HOST revokes them.",
	.words = {{"ACTION"}, {"HOST", true}},
	.options = (const struct option_spec *const[]){host_options, client_options, NULL},
	.run = run,
};
