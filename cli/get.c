// SPDX-License-Identifier: Apache-2.0
// weft get: objects as a table, JSON or YAML, now, in the past, or as they change.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "client.h"
#include "command.h"
#include "manifest.h"
#include "model/schema.h"
#include "output.h"
#include "target.h"
#include "view.h"

static const char *const formats[] = {"table", "wide", "json", "yaml", "name", NULL};

static const char *format, *labels;
static bool all_tenants, watch;
static uint64_t at;

static const struct option_spec get_options[] = {
	{.name = "all-tenants",
		.letter = 'A',
		.type = OPTION_FLAG,
		.target = &all_tenants,
		.help = "of all tenants, whatever WEFT_TENANT says"},
	{.name = "output",
		.letter = 'o',
		.type = OPTION_CHOICE,
		.target = &format,
		.argument = "FORMAT",
		.fallback = "table",
		.choices = formats,
		.help = "table, wide (more columns), json, yaml (a file to apply), or name"},
	{.name = "labels",
		.letter = 'l',
		.type = OPTION_TEXT,
		.target = &labels,
		.argument = "SELECTOR",
		.help = "only those with these labels: tier=web, 'tier in (a, b)', !tier"},
	{.name = "at",
		.type = OPTION_NUMBER,
		.target = &at,
		.argument = "REVISION",
		.help = "as of a past revision"},
	{.name = "watch",
		.letter = 'w',
		.type = OPTION_FLAG,
		.target = &watch,
		.help = "go on and print each change"},
	{0},
};

// What is being shown. `names` NULL: all of the kinds.
struct selection {
	enum model_kind kinds[MODEL_KIND_COUNT];
	size_t count;
	const char *const *names;
	const char *tenant; // NULL: all
	struct selector selector;
};

static bool is_table(void)
{
	return !strcmp(format, "table") || !strcmp(format, "wide");
}

static struct view view_of(const struct selection *selection, enum model_kind kind)
{
	return (struct view){.kind = kind,
		.wide = !strcmp(format, "wide"),
		.events = watch,
		.tenants = model_kind_in_tenant(kind) && !selection->tenant};
}

// ---- what was asked for ----

// Is it part of what networks look like? Who is let in is another matter.
static bool is_described(enum model_kind kind)
{
	return kind != MODEL_TOKEN && kind != MODEL_ENROLMENT;
}

// "ports", "networks,ports", "all".
static int parse_kinds(const char *text, struct selection *selection, struct error *error)
{
	if (!strcmp(text, "all")) {
		for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++)
			if (is_described(kind) && (kind != MODEL_HOST || !selection->tenant))
				selection->kinds[selection->count++] = kind;
		return 0;
	}
	for (; *text; text += strspn(text, ",")) {
		cleanup_free char *word = strndup(text, strcspn(text, ","));
		enum model_kind kind;
		bool known = false;
		int rc = target_kind(word, &kind, error);
		if (rc)
			return rc;
		for (size_t i = 0; i < selection->count; i++)
			known |= selection->kinds[i] == kind;
		if (!known)
			selection->kinds[selection->count++] = kind;
		text += strlen(word);
	}
	return 0;
}

static int parse_selection(
	const char *const *words, struct selection *selection, struct error *error)
{
	int rc;

	selection->tenant = all_tenants ? NULL : target_tenant;
	selection->names = words[1] ? words + 1 : NULL;
	rc = parse_kinds(words[0], selection, error);
	if (rc)
		return rc;
	if (selection->count != 1 && (selection->names || watch))
		return error_set(error, EINVAL, "names and --watch are for one kind");
	if (watch && (at || labels || (selection->names && selection->names[1])))
		return error_set(error, EINVAL,
			at       ? "--watch follows the present, --at reads the past"
			: labels ? "--watch shows all or one, not those with --labels"
				 : "--watch shows all or one, not several names");
	if (labels && selection->names)
		return error_set(error, EINVAL, "either names or --labels");
	if (labels && selection->count == 1 && !model_field_find(selection->kinds[0], "labels"))
		return error_set(
			error, EINVAL, "%s have no labels", model_kind_plural(selection->kinds[0]));
	return labels ? selector_parse(&selection->selector, labels, error) : 0;
}

// ---- reading ----

// What is asked for with a tenant is that tenant too, and no other. Only ports and hosts have labels.
static bool is_selected(const struct selection *selection, enum model_kind kind, const json_t *item)
{
	const char *tenant = json_string_value(json_object_get(item, "tenant"));
	const char *name = json_string_value(json_object_get(item, "name"));
	cleanup_object struct object *object = NULL;
	struct error ignored = {0};

	if (kind == MODEL_TENANT && selection->count > 1 && selection->tenant)
		return !labels && name && !strcmp(name, selection->tenant);
	if (!labels)
		return true;
	if (object_decode(&object, kind, tenant, name ? name : "", item, true, &ignored))
		return false;
	if (kind == MODEL_PORT)
		return selector_matches(
			&selection->selector, &((const struct port *)object)->labels);
	return kind == MODEL_HOST &&
	       selector_matches(&selection->selector, &((const struct host *)object)->labels);
}

static int request(struct client *client, enum model_kind kind, const char *tenant,
	const char *name, json_t **answer, struct error *error)
{
	cleanup_free char *path = client_path(kind, tenant, name);
	cleanup_free char *query =
		at ? memory_format("%s?at=%llu", path, (unsigned long long)at) : memory_text(path);

	return client_request(client, "GET", query, NULL, CLIENT_TIMEOUT_MS, answer, error);
}

static int read_named(struct client *client, const struct selection *selection, json_t *items,
	struct error *error)
{
	int rc = 0;

	target_tenant = selection->tenant;
	for (size_t i = 0; !rc && selection->names[i]; i++) {
		cleanup_target struct target target = {0};
		json_t *item;
		rc = target_resolve(
			client, selection->kinds[0], selection->names[i], &target, error);
		if (!rc)
			rc = request(client, target.kind, target.tenant, target.name, &item, error);
		if (!rc)
			json_array_append_new(items, item);
	}
	return rc;
}

// Append the objects of the kind; `revision` is that of the answer.
static int read_kind(struct client *client, const struct selection *selection, enum model_kind kind,
	json_t *items, json_int_t *revision, struct error *error)
{
	json_t *answer, *item;
	size_t index;
	int rc = request(client, kind, model_kind_in_tenant(kind) ? selection->tenant : NULL, NULL,
		&answer, error);

	if (rc)
		return rc;
	json_array_foreach (json_object_get(answer, "items"), index, item)
		if (is_selected(selection, kind, item))
			json_array_append(items, item);
	*revision = json_integer_value(json_object_get(answer, "revision"));
	json_decref(answer);
	return 0;
}

// ---- printing ----

static void print_name(const struct selection *selection, const json_t *item)
{
	const char *tenant = json_string_value(json_object_get(item, "tenant"));
	const char *name = json_string_value(json_object_get(item, "name"));
	const char *kind_name = json_string_value(json_object_get(item, "kind"));
	char path[OBJECT_PATH_TEXT];
	enum model_kind kind;

	if (!name || !kind_name || model_kind_find(kind_name, &kind))
		return;
	if (selection->count > 1)
		puts(object_path_of(kind, tenant, name, path));
	else
		printf("%s%s%s\n", tenant && !selection->tenant ? tenant : "",
			tenant && !selection->tenant ? "/" : "", name);
}

static bool is_kind(const json_t *item, enum model_kind kind)
{
	const char *name = json_string_value(json_object_get(item, "kind"));

	return name && !strcmp(name, model_kind_name(kind));
}

// One of several tables is headed by its kind.
static int print_table(
	struct view *view, const json_t *items, const char *heading, struct error *error)
{
	size_t index;
	json_t *item;
	int rc = 0;

	json_array_foreach ((json_t *)items, index, item) {
		view->states |= is_kind(item, view->kind) && view_state(item);
		view->problems |= is_kind(item, view->kind) && view_problem(item);
	}
	view_open(view);
	json_array_foreach ((json_t *)items, index, item)
		if (!rc && is_kind(item, view->kind))
			rc = view_add(view, watch ? "put" : NULL, item, error);
	if (!rc && heading && table_rows(view->table))
		printf(output_coloured(stdout) ? "\033[1m%s\033[0m\n" : "%s\n", heading);
	if (!rc && (table_rows(view->table) || watch))
		table_print(view->table, stdout);
	return rc;
}

static int print_tables(const struct selection *selection, const json_t *items, struct error *error)
{
	bool begun = false;
	int rc = 0;

	for (size_t i = 0; !rc && i < selection->count; i++) {
		struct view view = view_of(selection, selection->kinds[i]);
		cleanup_free char *heading = selection->count > 1
						     ? memory_format("%s%s:", begun ? "\n" : "",
							       model_kind_plural(view.kind))
						     : NULL;
		rc = print_table(&view, items, heading, error);
		begun |= table_rows(view.table) > 0;
		table_free(view.table);
	}
	return rc;
}

static void print_manifest(const json_t *items)
{
	json_t *documents = manifest_documents(items), *document;
	size_t index;

	json_array_foreach (documents, index, document) {
		if (index)
			puts("---");
		output_print_yaml(document, stdout);
	}
	json_decref(documents);
}

static int print_items(const struct selection *selection, const json_t *items, struct error *error)
{
	size_t index;
	json_t *item;

	if (is_table())
		return print_tables(selection, items, error);
	if (!strcmp(format, "name"))
		json_array_foreach ((json_t *)items, index, item)
			print_name(selection, item);
	else if (!strcmp(format, "yaml"))
		print_manifest(items);
	else if (selection->names && !selection->names[1])
		output_print_json(json_array_get(items, 0), stdout);
	else
		output_print_json(items, stdout);
	return 0;
}

static void say_nothing_found(const struct selection *selection)
{
	const char *what =
		selection->count == 1 ? model_kind_plural(selection->kinds[0]) : "objects";
	bool in_tenant = selection->tenant &&
			 (selection->count > 1 || model_kind_in_tenant(selection->kinds[0]));

	fprintf(stderr, "no %s%s%s%s%s\n", what, in_tenant ? " in tenant " : "",
		in_tenant ? selection->tenant : "", labels ? " with labels " : "",
		labels ? labels : "");
}

static int show(struct client *client, const struct selection *selection, struct error *error)
{
	json_t *items = json_array();
	json_int_t revision;
	int rc = 0;

	if (selection->names)
		rc = read_named(client, selection, items, error);
	for (size_t i = 0; !rc && !selection->names && i < selection->count; i++)
		rc = read_kind(client, selection, selection->kinds[i], items, &revision, error);
	if (!rc)
		rc = print_items(selection, items, error);
	if (!rc && !json_array_size(items) && !output_json)
		say_nothing_found(selection);
	json_decref(items);
	return rc;
}

// ---- watching ----

enum { PATIENCE_MS = 30000, PAUSE_MS = 200 }; // for a controller that takes up an interrupted watch

struct watching {
	const struct selection *selection;
	struct view view;
	const char *name; // NULL: all
	struct error *error;
	json_int_t revision; // the newest that was heard of
	json_t *heard; // set of what has changed in it so far; empty: all of it has been heard
};

// False: it was shown before the watch was interrupted.
static bool is_new(struct watching *watching, const json_t *event, const json_t *object)
{
	json_int_t revision = json_integer_value(json_object_get(event, "revision"));
	const char *tenant = json_string_value(json_object_get(object, "tenant"));
	cleanup_free char *path = memory_format(
		"%s/%s", tenant ? tenant : "", json_string_value(json_object_get(object, "name")));

	if (revision != watching->revision)
		json_object_clear(watching->heard);
	watching->revision = revision;
	if (json_object_get(watching->heard, path))
		return false;
	json_object_set_new(watching->heard, path, json_true());
	return true;
}

// One line, the same for what is there and for what changes, so that a program needs to read one
// form only.
static void print_event(const char *type, json_int_t revision, json_t *object)
{
	json_t *event =
		json_pack("{s:s, s:I, s:O}", "type", type, "revision", revision, "object", object);

	json_dumpf(event, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(event);
}

static int print_change(void *context, json_t *event)
{
	struct watching *watching = context;
	json_t *object = json_object_get(event, "object");
	const char *type = json_string_value(json_object_get(event, "type"));
	const char *name = json_string_value(json_object_get(object, "name"));
	int rc = 0;

	if (!type || !name || !is_new(watching, event, object) ||
		(watching->name && strcmp(watching->name, name)))
		return 0;
	if (is_table()) {
		rc = view_add(&watching->view, type, object, watching->error);
		table_print(watching->view.table, stdout);
	} else if (!strcmp(format, "json")) {
		print_event(type, json_integer_value(json_object_get(event, "revision")), object);
	} else if (!strcmp(format, "yaml")) {
		puts("---");
		output_print_yaml(event, stdout);
	} else {
		print_name(watching->selection, object);
	}
	// A reader that has left wants no more.
	return !rc && (fflush(stdout) || ferror(stdout)) ? -EPIPE : rc;
}

// Until the reader leaves or a controller refuses. A controller that ends is none: another, or the
// same one started anew, goes on from where this one was.
static int watch_on(struct client *client, struct watching *watching, const char *list)
{
	uint64_t answered = clock_monotonic_ms();
	for (;;) {
		json_int_t since = watching->revision - (json_object_size(watching->heard) > 0);
		cleanup_free char *path =
			memory_format("%s?watch=1&since=%lld", list, (long long)since);
		struct error error = {0};
		int rc = client_stream(client, path, print_change, watching, &error);
		if (!rc)
			rc = error_set(&error, EPIPE, "the controller ended the watch");
		uint64_t now = clock_monotonic_ms();
		if (client_answered(client))
			answered = now;
		bool over = client_problem(client) || now - answered > PATIENCE_MS;
		if (*error.message && over)
			*watching->error = error;
		if (!*error.message || over)
			return rc;
		usleep(PAUSE_MS * 1000);
	}
}

// Print what there is, and with --watch go on. `tenant` and `name`: as resolved.
static int follow(struct client *client, const struct selection *selection, const char *tenant,
	const char *name, struct error *error)
{
	struct watching watching = {.selection = selection,
		.view = view_of(selection, selection->kinds[0]),
		.name = name,
		.error = error,
		.heard = json_object()};
	cleanup_free char *list = client_path(watching.view.kind, tenant, NULL);
	json_t *items = json_array(), *item;
	json_int_t revision = 0;
	size_t index;
	int rc = read_kind(client, selection, watching.view.kind, items, &revision, error);

	for (index = json_array_size(items); name && index--;)
		if (strcmp(name, json_string_value(
					 json_object_get(json_array_get(items, index), "name"))))
			json_array_remove(items, index);
	if (!rc && is_table())
		rc = print_table(&watching.view, items, NULL, error);
	else if (!rc && !strcmp(format, "json"))
		json_array_foreach (items, index, item)
			print_event("put", revision, item);
	else if (!rc)
		rc = print_items(selection, items, error);
	fflush(stdout);
	json_decref(items);
	watching.revision = revision;
	if (!rc)
		rc = watch_on(client, &watching, list);
	json_decref(watching.heard);
	table_free(watching.view.table);
	return rc;
}

static int run_watch(struct client *client, struct selection *selection, struct error *error)
{
	cleanup_target struct target target = {0};
	bool in_tenant = model_kind_in_tenant(selection->kinds[0]);
	int rc;

	if (!selection->names)
		return follow(client, selection, in_tenant ? selection->tenant : NULL, NULL, error);
	target_tenant = selection->tenant;
	rc = target_resolve(client, selection->kinds[0], selection->names[0], &target, error);
	if (rc)
		return rc;
	selection->tenant = target.tenant;
	return follow(client, selection, target.tenant, target.name, error);
}

// ---- without a kind ----

static int show_kinds(struct client *client, struct error *error)
{
	json_t *answer, *objects;
	struct table *table;
	int rc = client_request(
		client, "GET", "/v1/status", NULL, CLIENT_TIMEOUT_MS, &answer, error);

	if (rc)
		return rc;
	objects = json_object_get(answer, "objects");
	if (output_json) {
		output_print_json(objects, stdout);
		json_decref(answer);
		return 0;
	}
	table_new(&table, output_coloured(stdout));
	table_column(table, "KIND");
	table_column(table, "COUNT");
	table_column(table, "WHAT");
	for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++) {
		const char *name = model_kind_plural(kind);
		cleanup_free char *count = memory_format("%" JSON_INTEGER_FORMAT,
			json_integer_value(json_object_get(objects, name)));
		table_row(table);
		table_cell(table, name, TABLE_PLAIN);
		table_cell(table, count, TABLE_PLAIN);
		table_cell(table, model_kind_help(kind), TABLE_PLAIN);
	}
	table_print(table, stdout);
	table_free(table);
	json_decref(answer);
	return 0;
}

static int run(const char *const *words)
{
	cleanup_client struct client *client = NULL;
	struct selection selection = {0};
	struct error error = {0};
	int rc;

	if (output_json)
		format = "json";
	output_json = !strcmp(format, "json");
	if (words[0] && parse_selection(words, &selection, &error))
		return output_usage_error("get", "%s", error.message);
	rc = client_open(&client, &error);
	if (!rc && !words[0])
		rc = show_kinds(client, &error);
	else if (!rc && watch)
		rc = run_watch(client, &selection, &error);
	else if (!rc)
		rc = show(client, &selection, &error);
	selector_done(&selection.selector);
	// An end that nobody has explained: the reader has left.
	return rc && *error.message ? output_error(&error, client, NULL) : EXIT_OK;
}

const struct command command_get = {
	.name = "get",
	.summary = "Show objects",
	.help = "All objects of a kind, or those named. KIND is a kind, the beginning of one, "
		"several with "
		"commas, or all; without it, the kinds are listed. NAME is a name or TENANT/NAME. "
		"Without "
		"a tenant (-t or WEFT_TENANT): those of all tenants. What -o yaml prints is a file "
		"that can "
		"be applied. With --watch and JSON, each object and each change is one line; a "
		"watch goes on at another controller, or the same one started anew.",
	.examples = "weft get ports -o wide\n"
		    "weft get port acme/web1 acme/web2\n"
		    "weft get ports -l tier=web,env!=test\n"
		    "weft get all -t acme -o yaml >acme.yaml\n"
		    "weft get all --at 41 -o yaml | weft apply -f -    # back to how it was\n",
	.group = COMMAND_LOOK,
	.words = {{"KIND", true}, {"NAME", true, true}},
	.options = (const struct option_spec *const[]){get_options, target_options, client_options,
		NULL},
	.run = run,
};
