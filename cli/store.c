// SPDX-License-Identifier: Apache-2.0
// weft store: what the controller keeps, as a text and back, and without its history. It works on the
// store itself, without a controller.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "command.h"
#include "output.h"
#include "store/transfer.h"

static bool is_standard(const char *file)
{
	return !file || !strcmp(file, "-");
}

static int report(const char *verb, const char *url, const struct store_transfer *done)
{
	json_t *json = json_pack("{s:s, s:I, s:I}", "store", url, "revision",
		(json_int_t)done->revision, "keys", (json_int_t)done->keys);

	if (output_json)
		output_print_json(json, stdout);
	else
		printf("%s: %s %" PRIu64 " keys, revision %" PRIu64 "\n", url, verb, done->keys,
			done->revision);
	json_decref(json);
	return EXIT_OK;
}

// ---- export ----

// The file appears whole or not at all, and is nobody else's to read: it may hold secrets.
static int export_to_file(
	struct store *store, const char *file, struct store_transfer *done, struct error *error)
{
	cleanup_free char *temporary = memory_format("%s.new-XXXXXX", file);
	int fd = mkostemp(temporary, 0), rc;
	FILE *out;

	if (fd < 0)
		return error_set(error, errno, "cannot write %s: %s", file, strerror(errno));
	out = fdopen(fd, "w");
	rc = store_export(store, out, done, error);
	if (!rc && fsync(fd))
		rc = error_set(error, errno, "cannot write %s: %s", file, strerror(errno));
	if (fclose(out) && !rc)
		rc = error_set(error, errno, "cannot write %s: %s", file, strerror(errno));
	if (!rc && rename(temporary, file))
		rc = error_set(error, errno, "cannot write %s: %s", file, strerror(errno));
	if (rc)
		unlink(temporary);
	return rc;
}

static int run_export(const char *url, const char *file)
{
	struct store *store = NULL;
	struct store_transfer done;
	struct error error = {0};
	int rc = store_open_existing(&store, url, &error);

	if (!rc && is_standard(file))
		rc = store_export(store, stdout, &done, &error);
	else if (!rc)
		rc = export_to_file(store, file, &done, &error);
	store_close(store);
	if (rc)
		return output_error(&error, NULL, NULL);
	return is_standard(file) ? EXIT_OK : report("exported", url, &done);
}

// ---- import ----

// The store that is there, or (`made`) an empty one.
static int open_or_make(struct store **store, const char *url, bool *made, struct error *error)
{
	struct error fault = {0};
	int rc = store_open_existing(store, url, &fault);

	*made = rc == -ENOENT;
	if (*made)
		return store_open(store, url, error);
	if (rc)
		*error = fault;
	return rc;
}

static int run_import(const char *url, const char *file)
{
	struct store *store = NULL;
	struct store_transfer done;
	struct error error = {0};
	struct error ignored = {0};
	FILE *in = is_standard(file) ? stdin : fopen(file, "re");
	bool made = false;
	int rc = 0;

	if (!in)
		rc = error_set(&error, errno, "cannot read %s: %s", file, strerror(errno));
	if (!rc)
		rc = open_or_make(&store, url, &made, &error);
	if (!rc)
		rc = store_import(
			store, in, is_standard(file) ? "standard input" : file, &done, &error);
	if (rc && store && made)
		store_remove(store, &ignored);
	store_close(store);
	if (in && in != stdin)
		fclose(in);
	if (rc)
		return output_error(&error, NULL, NULL);
	return report("imported", url, &done);
}

// ---- compact ----

static int run_compact(const char *url)
{
	struct store *store = NULL;
	struct error error = {0};
	uint64_t revision = 0;
	json_t *json;
	int rc = store_open_existing(&store, url, &error);

	if (!rc) {
		revision = store_revision(store);
		do
			rc = store_compact(store, revision, &error);
		while (rc > 0);
	}
	store_close(store);
	if (rc)
		return output_error(&error, NULL, NULL);
	json = json_pack("{s:s, s:I}", "store", url, "compacted", (json_int_t)revision);
	if (output_json)
		output_print_json(json, stdout);
	else
		printf("%s: history begins at revision %" PRIu64 "\n", url, revision);
	json_decref(json);
	return EXIT_OK;
}

static int run(const char *const *words)
{
	if (!strcmp(words[0], "export"))
		return run_export(words[1], words[2]);
	if (!strcmp(words[0], "import"))
		return run_import(words[1], words[2]);
	if (strcmp(words[0], "compact"))
		return output_usage_error(
			"store", "\"%s\" is none of export, import, compact", words[0]);
	if (words[2])
		return output_usage_error("store", "\"%s\" is one word too many", words[2]);
	return run_compact(words[1]);
}

const struct command command_store = {
	.name = "store",
	.summary = "Export a store as text, import one, drop its history: export, import, compact",
	.help = "Works on the store itself, so a store in a file must not be in use by a "
		"controller.\n"
		"What is exported is what lives at the newest revision, as lines of JSON, each "
		"object "
		"with its revision;\n"
		"older revisions stay behind. An import needs an empty store, which then goes on "
		"from "
		"that revision; a file\n"
		"that is cut short, or of a newer version, is refused and changes nothing. Without "
		"FILE: standard output\n"
		"or input. To compact is to forget all older revisions, for all controllers of the "
		"store; "
		"they do it by\n"
		"themselves when there are many.",
	.examples =
		"weft store export sqlite:/var/lib/weft/weft.db weft.json\n"
		"weft store import 'etcd:http://10.0.0.1:2379,http://10.0.0.2:2379' weft.json\n",
	.group = COMMAND_RUN,
	.words = {{"ACTION"}, {"STORE"}, {"FILE", .optional = true}},
	.run = run,
};
