// SPDX-License-Identifier: Apache-2.0
// weft apply, diff and delete: files are one transaction; what is wrong in one is shown where it
// stands.
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "client.h"
#include "command.h"
#include "difference.h"
#include "files.h"
#include "output.h"
#include "receipt.h"
#include "target.h"

enum { TRANSACTION_TIMEOUT_MS = 300000 };

static struct option_texts paths;
static bool dry_run, ignore_missing;

#define FILE_OPTION(what)                                                              \
	{                                                                              \
		.name = "file", .letter = 'f', .type = OPTION_TEXTS, .target = &paths, \
		.argument = "FILE", .help = what                                       \
	}
#define DRY_RUN_OPTION                                                      \
	{                                                                   \
		.name = "dry-run", .type = OPTION_FLAG, .target = &dry_run, \
		.help = "change nothing: print what would change"           \
	}
static const char file_help[] =
	"YAML or JSON, or a folder of such files; - is standard input; may be repeated";

static const struct option_spec apply_options[] = {FILE_OPTION(file_help), DRY_RUN_OPTION, {0}};
static const struct option_spec diff_options[] = {FILE_OPTION(file_help), {0}};
static const struct option_spec delete_options[] = {FILE_OPTION(file_help), DRY_RUN_OPTION,
	{.name = "ignore-missing",
		.type = OPTION_FLAG,
		.target = &ignore_missing,
		.help = "what is not there need not be deleted"},
	{0}};

// ---- the transaction ----

static json_t *operation(const char *op, const struct document_item *item)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "op", op, "kind", model_kind_name(item->kind),
		"name", item->name);

	if (item->tenant)
		json_object_set_new(json, "tenant", json_string(item->tenant));
	return json;
}

static json_t *apply_operations(const struct files *files)
{
	const struct document_item *const *items;
	size_t count = files_items(files, &items);
	json_t *operations = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *json = operation(items[i]->if_absent ? "create" : "put", items[i]);
		json_object_set(json, "object", items[i]->fields);
		json_array_append_new(operations, json);
	}
	return operations;
}

static json_t *delete_operations(const struct files *files)
{
	const struct document_item *const *items;
	size_t count = files_items(files, &items);
	json_t *operations = json_array();

	for (size_t i = 0; i < count; i++)
		if (!items[i]->if_absent) // "tenant: acme" says where, not what
			json_array_append_new(operations, operation("delete", items[i]));
	return operations;
}

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value ? value : "";
}

static bool is_of(const json_t *json, enum model_kind kind)
{
	return !strcmp(text(json, "kind"), model_kind_name(kind));
}

struct present {
	char path[OBJECT_PATH_TEXT];
	UT_hash_handle hh;
};

// Add the paths of all objects of the kind that there are.
static int list_present(
	struct client *client, enum model_kind kind, struct present **present, struct error *error)
{
	cleanup_free char *path = client_path(kind, NULL, NULL);
	json_t *answer, *item;
	size_t index;
	int rc = client_request(client, "GET", path, NULL, CLIENT_TIMEOUT_MS, &answer, error);

	if (rc)
		return rc;
	json_array_foreach (json_object_get(answer, "items"), index, item) {
		struct present *each = memory_new(sizeof(*each));
		object_path_of(kind, text(item, "tenant"), text(item, "name"), each->path);
		HASH_ADD_STR(*present, path, each);
	}
	json_decref(answer);
	return 0;
}

// Take those out whose object is not there.
static int drop_missing(struct client *client, json_t *operations, struct error *error)
{
	struct present *present = NULL, *each, *next;
	int rc = 0;

	for (enum model_kind kind = 0; !rc && kind < MODEL_KIND_COUNT; kind++) {
		bool used = false;
		for (size_t i = 0; i < json_array_size(operations); i++)
			used |= is_of(json_array_get(operations, i), kind);
		if (used)
			rc = list_present(client, kind, &present, error);
		for (size_t i = json_array_size(operations); !rc && used && i--;) {
			const json_t *one = json_array_get(operations, i);
			char path[OBJECT_PATH_TEXT];
			if (!is_of(one, kind))
				continue;
			object_path_of(kind, text(one, "tenant"), text(one, "name"), path);
			HASH_FIND_STR(present, path, each);
			if (!each)
				json_array_remove(operations, i);
		}
	}
	HASH_ITER (hh, present, each, next) {
		HASH_DEL(present, each);
		free(each);
	}
	return rc;
}

// Takes the reference to `operations`.
static int post(
	struct client *client, json_t *operations, bool dry, json_t **answer, struct error *error)
{
	json_t *body = json_pack("{s:o}", "operations", operations);
	int rc = ignore_missing ? drop_missing(client, operations, error) : 0;

	if (dry)
		json_object_set_new(body, "dry_run", json_true());
	if (!rc)
		rc = client_request(client, "POST", "/v1/transactions", body,
			TRANSACTION_TIMEOUT_MS, answer, error);
	json_decref(body);
	return rc;
}

// ---- what was done, or would be ----

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

// With the place in the file where it is written. With --json the answer has them.
static void print_warnings(const json_t *answer, const struct files *files)
{
	const json_t *warning;
	size_t index;

	json_array_foreach (json_object_get(answer, "warnings"), index, warning) {
		struct error what = {0};
		error_set_object(&what, "%s", text(warning, "object"));
		error_set_field(&what, "%s", text(warning, "field"));
		error_set(&what, EINVAL, "%s", text(warning, "message"));
		files_locate(files, &what);
		output_warning(text(warning, "warning"), &what);
	}
}

static void print_difference(const json_t *answer)
{
	if (output_json)
		output_print_json(answer, stdout);
	else
		difference_print(json_object_get(answer, "changes"), stdout);
}

// ---- files ----

enum purpose { APPLY, DIFF, DELETE };

static int finish(
	struct client *client, enum purpose purpose, const struct files *files, json_t *answer)
{
	const struct document_item *const *items;
	size_t count = files_items(files, &items);

	if (purpose == DIFF || dry_run) {
		print_difference(answer);
		fflush(stdout);
	} else if (!output_json && purpose == DELETE) {
		print_deleted(answer);
	} else if (!output_json) {
		print_applied(answer, count);
	}
	if (!output_json)
		print_warnings(answer, files);
	if (purpose == DIFF)
		return number(answer, "changed") ? EXIT_REFUSED : EXIT_OK;
	return dry_run ? EXIT_OK : receipt_finish(client, answer);
}

static int submit_files(enum purpose purpose)
{
	cleanup_client struct client *client = NULL;
	struct error error = {0};
	struct files *files;
	json_t *answer = NULL;
	int code, rc = files_read(&files, &paths, &error);

	if (!rc)
		rc = client_open(&client, &error);
	if (!rc) {
		rc = post(client,
			purpose == DELETE ? delete_operations(files) : apply_operations(files),
			purpose == DIFF || dry_run, &answer, &error);
		if (rc)
			files_locate(files, &error);
	}
	if (rc) {
		code = output_error(&error, client, files_text(files, &error));
		code = purpose == DIFF ? EXIT_USAGE : code;
	} else {
		code = finish(client, purpose, files, answer);
	}
	json_decref(answer);
	files_free(files);
	return code;
}

// Words are files too: what a shell makes of -f *.yaml is one option and words.
static void add_paths(const char *const *words)
{
	for (; *words; words++) {
		paths.items = memory_resize(paths.items, paths.count + 1, sizeof(*paths.items));
		paths.items[paths.count++] = *words;
	}
}

static int run_apply(const char *const *words)
{
	add_paths(words);
	if (!paths.count)
		return output_usage_error(
			"apply", "which file? -f FILE, or -f - for standard input");
	return submit_files(APPLY);
}

static int run_diff(const char *const *words)
{
	add_paths(words);
	if (!paths.count)
		return output_usage_error(
			"diff", "which file? -f FILE, or -f - for standard input");
	return submit_files(DIFF);
}

// ---- objects by name ----

static int delete_named(const char *kind_word, const char *const *names)
{
	cleanup_client struct client *client = NULL;
	struct error error = {0};
	json_t *operations, *answer = NULL;
	enum model_kind kind;
	int rc, code;

	if (target_kind(kind_word, &kind, &error))
		return output_usage_error("delete", "%s", error.message);
	operations = json_array();
	rc = client_open(&client, &error);
	for (; !rc && *names; names++) {
		cleanup_target struct target target = {0};
		rc = target_resolve(client, kind, *names, &target, &error);
		if (rc == -ENOENT && ignore_missing) {
			error = (struct error){0};
			rc = 0;
		} else if (!rc) {
			const struct document_item item = {
				.kind = kind, .tenant = target.tenant, .name = target.name};
			json_array_append_new(operations, operation("delete", &item));
		}
	}
	if (rc)
		json_decref(operations);
	else
		rc = post(client, operations, dry_run, &answer, &error);
	if (rc)
		return output_error(&error, client, NULL);
	if (dry_run)
		print_difference(answer);
	else if (!output_json)
		print_deleted(answer);
	code = dry_run ? EXIT_OK : receipt_finish(client, answer);
	json_decref(answer);
	return code;
}

static int run_delete(const char *const *words)
{
	if (paths.count && !words[0])
		return submit_files(DELETE);
	if (paths.count || !words[0] || !words[1])
		return output_usage_error("delete", "either KIND NAME... or -f FILE");
	return delete_named(words[0], words + 1);
}

const struct command command_apply = {
	.name = "apply",
	.summary = "Create or change what files describe",
	.help = "All files are one transaction: either all of it is accepted, as one revision, or "
		"nothing. What is there already and the same stays untouched; applied again, a "
		"file "
		"changes nothing. What a file leaves out of an object goes back to its default, "
		"but what "
		"was allocated or attached stays.",
	.examples = "weft apply -f acme.yaml --wait\n"
		    "weft apply -f networks/ -f ports.yaml    # all together or nothing\n"
		    "weft apply -f acme.yaml --dry-run\n",
	.group = COMMAND_WISH,
	.words = {{"FILE", true, true}},
	.options = (const struct option_spec *const[]){apply_options, receipt_options,
		client_options, NULL},
	.run = run_apply,
};

const struct command command_diff = {
	.name = "diff",
	.summary = "Show what apply would change",
	.help = "The controller judges the files as it would for apply, and changes nothing. What "
		"it "
		"would allocate is shown too. Exit status 0 when nothing would change, 1 when "
		"something "
		"would, 2 when the files would be refused.",
	.examples = "weft diff -f acme.yaml\n"
		    "weft get all -t acme --at 41 -o yaml | weft diff -f -    # what has changed "
		    "since\n",
	.group = COMMAND_WISH,
	.words = {{"FILE", true, true}},
	.options = (const struct option_spec *const[]){diff_options, client_options, NULL},
	.run = run_diff,
};

const struct command command_delete = {
	.name = "delete",
	.summary = "Delete objects, or all that files describe",
	.help = "All in one transaction. An object that others refer to stays, and the answer "
		"names some "
		"of them.",
	.examples = "weft delete port acme/web1 acme/web2\n"
		    "weft delete -f acme.yaml --ignore-missing\n",
	.group = COMMAND_WISH,
	.words = {{"KIND", true}, {"NAME", true, true}},
	.options = (const struct option_spec *const[]){delete_options, receipt_options,
		target_options, client_options, NULL},
	.run = run_delete,
};
