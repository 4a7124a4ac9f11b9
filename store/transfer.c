// SPDX-License-Identifier: Apache-2.0
#include "store/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bytes.h"

enum { FORMAT = 1 };

// ---- export ----

struct exporting {
	FILE *out;
	uint64_t keys;
};

static void set_bytes(
	json_t *json, const char *name, const char *name64, const void *data, size_t length)
{
	json_t *text = json_stringn(data, length); // NULL: not UTF-8
	if (text) {
		json_object_set_new(json, name, text);
		return;
	}
	size_t size;
	cleanup_free char *encoded = base64_encode(data, length, &size);
	json_object_set_new(json, name64, json_stringn(encoded, size));
}

// Takes `json`.
static int write_line(FILE *out, json_t *json)
{
	cleanup_free char *line = json_dumps(json, 0);
	json_decref(json);
	return fputs(line, out) < 0 || putc('\n', out) == EOF ? -errno : 0;
}

static bool is_of_process(const struct store_entry *entry)
{
	return !strncmp(entry->key, STORE_OF_PROCESSES, strlen(STORE_OF_PROCESSES));
}

static int export_entry(void *context, const struct store_entry *entry)
{
	struct exporting *exporting = context;
	if (is_of_process(entry))
		return 0;
	json_t *json = json_object();
	set_bytes(json, "key", "key64", entry->key, strlen(entry->key));
	json_object_set_new(json, "revision", json_integer((json_int_t)entry->revision));
	set_bytes(json, "value", "value64", entry->value, entry->length);
	exporting->keys++;
	return write_line(exporting->out, json);
}

int store_export(struct store *store, FILE *out, struct store_transfer *done, struct error *error)
{
	struct exporting exporting = {.out = out};
	struct error fault = {0};
	uint64_t revision = store_revision(store);
	int result = write_line(out, json_pack("{s:s, s:i, s:I}", "weft", "store", "format",
					     (int)FORMAT, "revision", (json_int_t)revision));
	if (result == 0)
		result = store_snapshot(store, "", revision, export_entry, &exporting, &fault);
	if (result == 0)
		result = write_line(
			out, json_pack("{s:b, s:I}", "end", 1, "keys", (json_int_t)exporting.keys));
	if (result == 0 && fflush(out))
		result = -errno;
	if (fault.code)
		return error_set(error, fault.code, "%s", fault.message);
	if (result)
		return error_set(error, -result, "cannot write: %s", strerror(-result));
	*done = (struct store_transfer){revision, exporting.keys};
	return 0;
}

// ---- import ----

struct importing {
	FILE *in;
	char *text; // the line that was read last
	size_t capacity;
	int line;
	json_t *json; // that it holds
	uint64_t keys;
	bool faulty;             // it is the text that is wrong
	struct bytes key, value; // of an entry, where they were base64
};

// 1: `importing->json` is the next line; 0: there is none.
static int read_line(struct importing *importing, struct error *error)
{
	json_error_t fault;
	json_decref(importing->json);
	importing->json = NULL;
	errno = 0;
	ssize_t length = getline(&importing->text, &importing->capacity, importing->in);
	if (length < 0)
		return errno ? error_set(error, errno, "cannot read: %s", strerror(errno)) : 0;
	importing->line++;
	if (importing->text[length - 1] != '\n')
		return error_set(error, EUCLEAN, "the text is cut short: its last line has no end");
	importing->json = json_loadb(
		importing->text, (size_t)length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
	if (!importing->json) {
		error_set(error, EINVAL, "not a line of an exported store: %s", fault.text);
		if (error && error->code == EINVAL)
			error->column = fault.column;
		return -EINVAL;
	}
	return 1;
}

// A whole number from 0 on that is not among other types.
static bool take_number(const json_t *json, const char *name, uint64_t *number)
{
	const json_t *member = json_object_get(json, name);
	if (!json_is_integer(member) || json_integer_value(member) < 0)
		return false;
	*number = (uint64_t)json_integer_value(member);
	return true;
}

static int read_header(struct importing *importing, uint64_t *revision, struct error *error)
{
	uint64_t format;
	int result = read_line(importing, error);
	if (result < 0)
		return result;
	const char *what = json_string_value(json_object_get(importing->json, "weft"));
	if (result == 0 || !what || strcmp(what, "store") != 0 ||
		!take_number(importing->json, "format", &format) || format == 0)
		return error_set(error, EINVAL,
			"not an exported store: the first line must be {\"weft\": \"store\", "
			"\"format\": %d, \"revision\": REVISION}",
			(int)FORMAT);
	if (format > FORMAT)
		return error_set(error, EPROTO,
			"an exported store of format %" PRIu64
			", this version of Weft knows formats up to %d",
			format, (int)FORMAT);
	if (json_object_size(importing->json) != 3 ||
		!take_number(importing->json, "revision", revision))
		return error_set(error, EINVAL, "the first line names no revision, or more");
	return 0;
}

// A text, or base64 decoded into `buffer`; without zero bytes if it is to be a `key`. `members`
// counts what was found.
static bool take_bytes(const json_t *json, const char *name, const char *name64,
	struct bytes *buffer, const char **data, size_t *length, size_t *members)
{
	const json_t *text = json_object_get(json, name), *coded = json_object_get(json, name64);
	if (!text == !coded)
		return false;
	++*members;
	if (text) {
		*data = json_string_value(text);
		*length = json_string_length(text);
		return *data;
	}
	buffer->length = 0;
	if (!json_is_string(coded) ||
		base64_decode(buffer, json_string_value(coded), json_string_length(coded)))
		return false;
	*length = buffer->length;
	bytes_append(buffer, "", 1);
	*data = (const char *)buffer->data;
	return true;
}

static int take_entry(struct importing *importing, struct store_entry *entry, struct error *error)
{
	const json_t *json = importing->json;
	const char *value = NULL;
	size_t key_length = 0, members = 1;
	bool good = take_bytes(json, "key", "key64", &importing->key, &entry->key, &key_length,
			    &members) &&
		    take_bytes(json, "value", "value64", &importing->value, &value, &entry->length,
			    &members) &&
		    take_number(json, "revision", &entry->revision);
	if (!good || json_object_size(json) != members || strlen(entry->key) != key_length)
		return error_set(error, EINVAL,
			"not an entry of an exported store: {\"key\": KEY, \"revision\": "
			"REVISION, \"value\": VALUE}");
	entry->value = value;
	importing->keys++;
	return 1;
}

// The last line, behind which nothing may come.
static int take_end(struct importing *importing, struct error *error)
{
	uint64_t keys;
	if (!json_is_true(json_object_get(importing->json, "end")) ||
		json_object_size(importing->json) != 2 ||
		!take_number(importing->json, "keys", &keys))
		return error_set(error, EINVAL,
			"not the last line of an exported store: {\"end\": true, \"keys\": "
			"COUNT}");
	if (keys != importing->keys)
		return error_set(error, EUCLEAN,
			"the text should have %" PRIu64 " keys, and has %" PRIu64, keys,
			importing->keys);
	int result = read_line(importing, error);
	return result > 0 ? error_set(error, EINVAL, "a line behind the last") : result;
}

static int next_line(struct importing *importing, struct store_entry *entry, struct error *error)
{
	int result = read_line(importing, error);
	if (result < 0)
		return result;
	if (result == 0)
		return error_set(error, EUCLEAN,
			"the text is cut short: it ends before the line with \"end\"");
	if (json_object_get(importing->json, "end"))
		return take_end(importing, error);
	return take_entry(importing, entry, error);
}

static int next(void *context, struct store_entry *entry, struct error *error)
{
	struct importing *importing = context;
	int result;
	do
		result = next_line(importing, entry, error);
	while (result > 0 && is_of_process(entry));
	importing->faulty = result < 0;
	return result;
}

// An empty store has no revision to be filled with.
static int import_nothing(struct store *store, struct importing *importing, struct error *error)
{
	struct store_entry entry;
	int result = next(importing, &entry, error);
	if (result > 0)
		return error_set(error, EINVAL, "a key of a store at revision 0");
	if (result == 0 && store_revision(store))
		result = error_set(error, EEXIST,
			"the store is not empty: it is at revision %" PRIu64,
			store_revision(store));
	return result;
}

int store_import(struct store *store, FILE *in, const char *name, struct store_transfer *done,
	struct error *error)
{
	struct importing importing = {.in = in};
	struct error fault = {0};
	uint64_t revision = 0;
	int result = read_header(&importing, &revision, &fault);
	importing.faulty = result != 0;
	if (result == 0 && revision == 0)
		result = import_nothing(store, &importing, &fault);
	else if (result == 0)
		result = store_fill(store, revision, next, &importing, &fault);
	if (result == 0)
		*done = (struct store_transfer){revision, importing.keys};
	// -EINVAL: also what the store itself finds wrong with an entry.
	if (importing.faulty || result == -EINVAL) {
		snprintf(fault.file, sizeof(fault.file), "%s", name);
		fault.line = importing.line ? importing.line : 1;
	}
	if (result && error && !error->code)
		*error = fault;
	json_decref(importing.json);
	bytes_done(&importing.key);
	bytes_done(&importing.value);
	free(importing.text);
	return result;
}
