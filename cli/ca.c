// SPDX-License-Identifier: Apache-2.0
// weft ca: the authority of a deployment, and the certificates that it signs by hand.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "command.h"
#include "credentials/credentials.h"
#include "output.h"

enum { ADDRESSES_MAXIMUM = 32, DAY = 86400, KEY_MODE = 0600, FILE_MODE = 0644 };

static const char *directory, *addresses;
static uint64_t life_ms;

static const struct option_spec ca_options[] = {
	{.name = "directory",
		.type = OPTION_TEXT,
		.target = &directory,
		.argument = "DIRECTORY",
		.fallback = "/etc/weft",
		.help = "where the files are"},
	{.name = "address",
		.type = OPTION_TEXT,
		.target = &addresses,
		.argument = "ADDRESSES",
		.help = "addresses and host names at which the controllers, or the relay, are "
			"reached, with commas between"},
	{.name = "life",
		.type = OPTION_DURATION,
		.target = &life_ms,
		.argument = "TIME",
		.fallback = "365d",
		.help = "how long the certificates are good for"},
	{0},
};

static char *path_of(const char *stem, const char *ending)
{
	return memory_format("%s/%s.%s", directory, stem, ending);
}

// "a,b" into a list of parts of `text`, which is changed.
static void split(char *text, const char **list)
{
	size_t count = 0;
	for (char *part = strtok(text, ","); part && count < ADDRESSES_MAXIMUM;
		part = strtok(NULL, ","))
		list[count++] = part;
	list[count] = NULL;
}

static int save_pair(
	const char *stem, const char *key, const char *certificate, struct error *error)
{
	cleanup_free char *key_path = path_of(stem, "key"), *path = path_of(stem, "pem");
	int rc = credentials_save(key_path, key, KEY_MODE, true, error);
	if (!rc)
		rc = credentials_save(path, certificate, FILE_MODE, true, error);
	if (!rc && !output_json)
		printf("%s, %s\n", path, key_path);
	return rc;
}

// Controllers and relays serve. They show their authority too, so that a host that joins can know it by its fingerprint.
static int issue(
	const struct authority *authority, const char *name, const char *stem, struct error *error)
{
	bool serves = !strcmp(name, "weft-controller") ||
		      !strncmp(name, "weft-relay:", strlen("weft-relay:"));
	const char *list[ADDRESSES_MAXIMUM + 1] = {NULL};
	cleanup_free char *copy = memory_text(addresses ? addresses : ""), *above = NULL;
	char *key, *request, *certificate;
	int rc = credentials_key(&key, error);
	if (rc)
		return rc;
	if (serves)
		split(copy, list);
	struct credentials_subject subject = {
		.name = name,
		.purpose = serves ? CREDENTIALS_BOTH : CREDENTIALS_CLIENT,
		.addresses = list,
		.seconds = (int64_t)(life_ms / 1000),
	};
	rc = credentials_request(key, name, &request, error);
	if (!rc) {
		rc = authority_sign(authority, request, &subject, &certificate, error);
		free(request);
	}
	if (!rc) {
		above = serves ? authority_certificate(authority) : memory_text("");
		cleanup_free char *chain = memory_format("%s%s", certificate, above);
		free(certificate);
		rc = save_pair(stem, key, chain, error);
	}
	credentials_forget(key);
	return rc;
}

static int init(struct error *error)
{
	struct authority *authority;
	char *key;
	if (!addresses)
		return error_set(
			error, EINVAL, "where are the controllers reached? --address ADDRESSES");
	if (mkdir(directory, 0750) && errno != EEXIST)
		return error_set(error, errno, "cannot make %s: %s", directory, strerror(errno));
	int rc = authority_make(&authority, &key, error);
	if (rc)
		return rc;
	cleanup_free char *certificate = authority_certificate(authority);
	rc = save_pair("authority", key, certificate, error);
	credentials_forget(key);
	if (!rc)
		rc = issue(authority, "weft-controller", "controller", error);
	if (!rc)
		rc = issue(authority, "weft-admin", "admin", error);
	authority_close(authority);
	return rc;
}

static int open_authority(struct authority **out, struct error *error)
{
	cleanup_free char *path = path_of("authority", "pem"),
			  *key_path = path_of("authority", "key");
	char *certificate, *key;
	int rc = credentials_load(path, &certificate, error);
	if (rc)
		return rc;
	rc = credentials_load(key_path, &key, error);
	if (!rc) {
		rc = authority_open(out, certificate, key, error);
		credentials_forget(key);
	}
	free(certificate);
	return rc;
}

// "weft-relay:r1" into relay-r1.pem: a name must not lead out of the folder.
static int issue_named(const char *name, struct error *error)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-._:";
	struct authority *authority;
	if (strncmp(name, "weft-", 5) || !name[5] || strspn(name, letters) != strlen(name))
		return error_set(error, EINVAL,
			"\"%s\": a name is weft-admin, weft-controller, weft-relay:NAME or "
			"weft-host:NAME",
			name);
	cleanup_free char *stem = memory_text(name + 5);
	for (char *at = stem; *at; at++)
		if (*at == ':')
			*at = '-';
	int rc = open_authority(&authority, error);
	if (rc)
		return rc;
	rc = issue(authority, name, stem, error);
	authority_close(authority);
	return rc;
}

static int run(const char *const *words)
{
	struct error error = {0};
	bool making = !strcmp(words[0], "init");
	if (!making && strcmp(words[0], "issue"))
		return output_usage_error("ca", "%s", "init or issue");
	if (making == (words[1] != NULL))
		return output_usage_error(
			"ca", "%s", making ? "init takes no name" : "issue whose? NAME is missing");
	int rc = making ? init(&error) : issue_named(words[1], &error);
	return rc ? output_error(&error, NULL, NULL) : EXIT_OK;
}

const struct command command_ca = {
	.name = "ca",
	.summary = "Make the authority of a deployment, and sign certificates",
	.help = "init: makes authority, controller and admin, each a certificate (.pem) and a key "
		"(.key) that only "
		"its owner reads.\n"
		"issue NAME: signs another, for weft-admin, weft-controller, weft-relay:NAME or "
		"weft-host:NAME. Nothing that is there is overwritten.",
	.words = {{"ACTION"}, {"NAME", true}},
	.options = (const struct option_spec *const[]){ca_options, NULL},
	.run = run,
};
