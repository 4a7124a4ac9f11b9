// SPDX-License-Identifier: Apache-2.0
// weft token: what people and programs show to be let in.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "age.h"
#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "output.h"

static const char *const roles[] = {"admin", "tenant-admin", "reader", NULL};
static const char *role, *tenants, *description;
// Not given, it is for good.
#define FOR_GOOD UINT64_MAX

static uint64_t expires_ms = FOR_GOOD;

static const struct option_spec token_options[] = {
	{.name = "role",
		.type = OPTION_CHOICE,
		.target = &role,
		.argument = "ROLE",
		.choices = roles,
		.help = "of create: admin, tenant-admin or reader"},
	{.name = "tenant",
		.letter = 't',
		.type = OPTION_TEXT,
		.target = &tenants,
		.argument = "TENANTS",
		.help = "of create: the tenants that it is for, with commas between"},
	{.name = "expires",
		.type = OPTION_DURATION,
		.target = &expires_ms,
		.argument = "TIME",
		.help = "of create: ends after this time, 30d; not given: when it is revoked"},
	{.name = "description",
		.type = OPTION_TEXT,
		.target = &description,
		.argument = "TEXT",
		.help = "of create: whose it is"},
	{0},
};

// "acme,umbrella"
static json_t *split_names(const char *text)
{
	json_t *names = json_array();
	while (*text) {
		size_t length = strcspn(text, ",");
		cleanup_free char *name = strndup(text, length);
		json_array_append_new(names, json_string(name));
		text += length + (text[length] == ',');
	}
	return names;
}

static json_t *token_fields(const char *end)
{
	json_t *fields = json_pack("{s:s}", "role", role);
	if (tenants)
		json_object_set_new(fields, "tenants", split_names(tenants));
	if (description)
		json_object_set_new(fields, "description", json_string(description));
	if (*end)
		json_object_set_new(fields, "expires", json_string(end));
	return fields;
}

// The secret alone goes to stdout, so that it can be put into a file.
static void report(const json_t *answer, const char *name)
{
	if (output_json) {
		output_print_json(answer, stdout);
		return;
	}
	const char *text = json_string_value(json_object_get(answer, "token"));
	fprintf(stderr,
		"The secret of token %s, shown this once; keep it in a file for --token-file:\n",
		name);
	puts(text ? text : "");
}

static int issue(struct client *client, const char *name, json_t *fields, struct error *error)
{
	cleanup_free char *object = client_path(MODEL_TOKEN, NULL, name);
	cleanup_free char *path = memory_format("%s/issue", object);
	json_t *answer;
	int rc = client_request(client, "POST", path, fields, CLIENT_TIMEOUT_MS, &answer, error);
	json_decref(fields);
	if (rc)
		return rc;
	report(answer, name);
	json_decref(answer);
	return 0;
}

static int revoke(struct client *client, const char *name, struct error *error)
{
	cleanup_free char *path = client_path(MODEL_TOKEN, NULL, name);
	json_t *answer;
	int rc = client_request(client, "DELETE", path, NULL, CLIENT_TIMEOUT_MS, &answer, error);
	if (rc)
		return rc;
	if (output_json)
		output_print_json(answer, stdout);
	else
		printf("token %s is revoked\n", name);
	json_decref(answer);
	return 0;
}

static int run(const char *const *words)
{
	const char *action = words[0], *name = words[1];
	cleanup_client struct client *client = NULL;
	struct error error = {0};
	bool creating = !strcmp(action, "create");
	char end[CLOCK_TEXT] = "";

	if (!creating && strcmp(action, "renew") && strcmp(action, "revoke"))
		return output_usage_error("token", "%s", "create, renew or revoke");
	if (creating && !role)
		return output_usage_error("token", "%s", "what may it do? --role ROLE");
	if (creating && expires_ms != FOR_GOOD && age_end("expires", expires_ms, end, &error))
		return output_usage_error("token", "%s", error.message);
	int rc = client_open(&client, &error);
	if (!rc && !strcmp(action, "revoke"))
		rc = revoke(client, name, &error);
	else if (!rc)
		rc = issue(client, name, creating ? token_fields(end) : json_object(), &error);
	return rc ? output_error(&error, client, NULL) : EXIT_OK;
}

const struct command command_token = {
	.name = "token",
	.summary = "Make, renew and revoke the tokens of people and programs",
	.help = "create: prints the secret, this once. renew: another secret; the one before ends. "
		"revoke: it ends,\n"
		"with all that goes on under it. weft get tokens lists them.",
	.words = {{"ACTION"}, {"TOKEN"}},
	.options = (const struct option_spec *const[]){token_options, client_options, NULL},
	.run = run,
};
