// SPDX-License-Identifier: Apache-2.0
// weft apply and delete: a file is one transaction; what is wrong in it is shown where it stands.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "buffer.h"
#include "client.h"
#include "command.h"
#include "model/document.h"
#include "output.h"
#include "receipt.h"
#include "target.h"

enum { FILE_LIMIT = 64 << 20, TRANSACTION_TIMEOUT_MS = 300000 };

static const char *file;

#define FILE_OPTION(what)                                                            \
	{                                                                            \
		.name = "file", .letter = 'f', .type = OPTION_TEXT, .target = &file, \
		.argument = "FILE", .help = what                                     \
	}
static const struct option_spec apply_options[] = {
	FILE_OPTION("YAML or JSON; - is standard input"), {0}};
static const struct option_spec delete_options[] = {
	FILE_OPTION("delete what this file describes; - is standard input"), {0}};

// ---- the file ----

static int read_all(int fd, const char *name, UT_string *text, struct error *error)
{
	char buffer[65536];
	ssize_t length;

	while ((length = read(fd, buffer, sizeof(buffer))) != 0) {
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return error_set(error, errno, "cannot read %s: %s", name, strerror(errno));
		if (utstring_len(text) + (size_t)length > FILE_LIMIT)
			return error_set(
				error, EFBIG, "%s is larger than %d MiB", name, FILE_LIMIT >> 20);
		buffer_append(text, buffer, (size_t)length);
	}
	return 0;
}

static int read_file(const char *path, UT_string *text, struct error *error)
{
	int fd, rc;

	if (!strcmp(path, "-"))
		return read_all(STDIN_FILENO, "standard input", text, error);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(error, errno, "cannot read %s: %s", path, strerror(errno));
	rc = read_all(fd, path, text, error);
	close(fd);
	return rc;
}

static json_t *operation(const char *op, const struct document_item *item)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "op", op, "kind", model_kind_name(item->kind),
		"name", item->name);

	if (item->tenant)
		json_object_set_new(json, "tenant", json_string(item->tenant));
	return json;
}

static json_t *apply_transaction(const struct document_item *items, size_t count)
{
	json_t *operations = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *json = operation(items[i].if_absent ? "create" : "put", &items[i]);
		json_object_set(json, "object", items[i].fields);
		json_array_append_new(operations, json);
	}
	return json_pack("{s:o}", "operations", operations);
}

static json_t *delete_transaction(const struct document_item *items, size_t count)
{
	json_t *operations = json_array();

	for (size_t i = 0; i < count; i++)
		if (!items[i].if_absent) // "tenant: acme" says where, not what
			json_array_append_new(operations, operation("delete", &items[i]));
	return json_pack("{s:o}", "operations", operations);
}

// ---- what was done ----

static json_int_t number(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

static void print_applied(const json_t *answer, size_t count)
{
	json_int_t created = number(answer, "created");
	json_int_t changed = number(answer, "changed") - created;

	printf("revision %" JSON_INTEGER_FORMAT ": %" JSON_INTEGER_FORMAT
	       " created, %" JSON_INTEGER_FORMAT " changed, %" JSON_INTEGER_FORMAT " unchanged\n",
		number(answer, "revision"), created, changed,
		(json_int_t)count - created - changed);
}

static void print_deleted(const json_t *answer)
{
	printf("revision %" JSON_INTEGER_FORMAT ": %" JSON_INTEGER_FORMAT " deleted\n",
		number(answer, "revision"), number(answer, "changed"));
}

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value ? value : "";
}

// With the place in the file where it is written. With --json the answer has them.
static void print_warnings(const json_t *answer, const struct document *document)
{
	const json_t *warning;
	size_t index;

	json_array_foreach (json_object_get(answer, "warnings"), index, warning) {
		struct error what = {0};
		error_set_object(&what, "%s", text(warning, "object"));
		error_set_field(&what, "%s", text(warning, "field"));
		error_set(&what, EINVAL, "%s", text(warning, "message"));
		document_locate(document, &what);
		output_warning(text(warning, "warning"), &what);
	}
}

static int submit_file(json_t *(*build)(const struct document_item *, size_t), bool deleting)
{
	cleanup_client struct client *client = NULL;
	const char *name = strcmp(file, "-") ? file : "<stdin>";
	const struct document_item *items = NULL;
	struct document *document = NULL;
	struct error error = {0};
	json_t *body, *answer = NULL;
	UT_string content;
	size_t count = 0;
	int rc, code;

	utstring_init(&content);
	utstring_bincpy(&content, "", 0); // an empty file is an empty text
	rc = read_file(file, &content, &error);
	if (!rc)
		rc = document_parse(
			&document, name, utstring_body(&content), utstring_len(&content), &error);
	if (!rc)
		rc = client_open(&client, &error);
	if (!rc) {
		count = document_items(document, &items);
		body = build(items, count);
		rc = client_request(client, "POST", "/v1/transactions", body,
			TRANSACTION_TIMEOUT_MS, &answer, &error);
		json_decref(body);
		if (rc)
			document_locate(document, &error);
	}
	if (rc) {
		code = output_error(&error, client, utstring_body(&content));
	} else {
		if (!output_json && deleting)
			print_deleted(answer);
		else if (!output_json)
			print_applied(answer, count);
		if (!output_json)
			print_warnings(answer, document);
		code = receipt_finish(client, answer);
	}
	json_decref(answer);
	document_free(document);
	utstring_done(&content);
	return code;
}

static int run_apply(const char *const *words)
{
	(void)words;
	if (!file)
		return output_usage_error(
			"apply", "which file? -f FILE, or -f - for standard input");
	return submit_file(apply_transaction, false);
}

static int delete_one(const char *kind_word, const char *name_word)
{
	cleanup_client struct client *client = NULL;
	cleanup_target struct target target = {0};
	struct error error = {0};
	enum model_kind kind;
	json_t *answer = NULL;
	int rc, code;

	if (target_kind(kind_word, &kind, &error))
		return output_usage_error("delete", "%s", error.message);
	rc = client_open(&client, &error);
	if (!rc)
		rc = target_resolve(client, kind, name_word, &target, &error);
	if (!rc) {
		cleanup_free char *path = client_path(kind, target.tenant, target.name);
		rc = client_request(
			client, "DELETE", path, NULL, CLIENT_TIMEOUT_MS, &answer, &error);
	}
	if (rc)
		return output_error(&error, client, NULL);
	if (!output_json)
		print_deleted(answer);
	code = receipt_finish(client, answer);
	json_decref(answer);
	return code;
}

static int run_delete(const char *const *words)
{
	if (file && !words[0])
		return submit_file(delete_transaction, true);
	if (file || !words[0] || !words[1])
		return output_usage_error("delete", "either KIND NAME or -f FILE");
	return delete_one(words[0], words[1]);
}

const struct command command_apply = {
	.name = "apply",
	.summary = "Create or change what a file describes",
	.group = COMMAND_WISH,
	.help = "The whole file is one transaction: either all of it is accepted, as one revision, "
		"or nothing. What\n"
		"is there already and the same stays untouched; applied again, a file changes "
		"nothing.",
	.options = (const struct option_spec *const[]){apply_options, receipt_options,
		client_options, NULL},
	.run = run_apply,
};

const struct command command_delete = {
	.name = "delete",
	.summary = "Delete an object, or all that a file describes",
	.group = COMMAND_WISH,
	.help = "An object that others refer to stays: the answer names one of them. A file is one "
		"transaction.",
	.words = {{"KIND", true}, {"NAME", true}},
	.options = (const struct option_spec *const[]){delete_options, receipt_options,
		target_options, client_options, NULL},
	.run = run_delete,
};
