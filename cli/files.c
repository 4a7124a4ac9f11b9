// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utstring.h>

#include "base/memory.h"
#include "base/table.h"
#include "buffer.h"

enum { FILE_LIMIT = 64 << 20 };

struct file {
	char *name;
	UT_string text;
	struct document *document; // NULL until it is parsed
};

struct files {
	struct file **files;
	size_t count;
	const struct document_item **items;
	size_t item_count;
};

// ---- reading ----

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

static int add_file(struct files *files, const char *path, struct error *error)
{
	struct file *file = memory_new(sizeof(*file));
	int rc;

	file->name = memory_text(strcmp(path, "-") ? path : "<stdin>");
	utstring_init(&file->text);
	utstring_bincpy(&file->text, "", 0); // an empty file is an empty text
	files->files = memory_resize(files->files, files->count + 1, sizeof(struct file *));
	files->files[files->count++] = file;
	rc = read_file(path, &file->text, error);
	return rc ? rc
		  : document_parse(&file->document, file->name, utstring_body(&file->text),
			    utstring_len(&file->text), error);
}

static int is_description(const struct dirent *entry)
{
	static const char *const endings[] = {".yaml", ".yml", ".json"};
	size_t length = strlen(entry->d_name);

	for (size_t i = 0; i < array_count(endings); i++)
		if (length > strlen(endings[i]) && *entry->d_name != '.' &&
			!strcmp(entry->d_name + length - strlen(endings[i]), endings[i]))
			return true;
	return false;
}

static int add_folder(struct files *files, const char *path, struct error *error)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_description, alphasort), rc = 0;

	if (count < 0)
		return error_set(error, errno, "cannot read %s: %s", path, strerror(errno));
	if (!count)
		rc = error_set(error, EINVAL, "folder %s has no .yaml, .yml or .json file", path);
	for (int i = 0; i < count; i++) {
		cleanup_free char *name = memory_format("%s%s%s", path,
			path[strlen(path) - 1] == '/' ? "" : "/", entries[i]->d_name);
		if (!rc)
			rc = add_file(files, name, error);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static int add_path(struct files *files, const char *path, struct error *error)
{
	struct stat status;

	if (strcmp(path, "-") && *path && !stat(path, &status) && S_ISDIR(status.st_mode))
		return add_folder(files, path, error);
	return add_file(files, path, error);
}

// ---- the objects of all files ----

struct seen {
	char path[OBJECT_PATH_TEXT];
	size_t item;
	const struct file *file;
	UT_hash_handle hh;
};

static int add_item(struct files *files, struct seen **seen, const struct file *file,
	const struct document_item *item, struct error *error)
{
	char path[OBJECT_PATH_TEXT];
	struct seen *twin;

	object_path_of(item->kind, item->tenant, item->name, path);
	HASH_FIND_STR(*seen, path, twin);
	if (twin && item->if_absent)
		return 0;
	if (twin && !files->items[twin->item]->if_absent) {
		error_set_object(error, "%s", path);
		error_set(error, EINVAL, "is described in %s too", twin->file->name);
		document_locate(file->document, error);
		return -EINVAL;
	}
	if (twin) {
		files->items[twin->item] = item;
		twin->file = file;
		return 0;
	}
	twin = memory_new(sizeof(*twin));
	memcpy(twin->path, path, sizeof(path));
	twin->item = files->item_count;
	twin->file = file;
	HASH_ADD_STR(*seen, path, twin);
	files->items[files->item_count++] = item;
	return 0;
}

static int collect_items(struct files *files, struct error *error)
{
	struct seen *seen = NULL, *each, *next;
	size_t total = 0;
	int rc = 0;

	for (size_t i = 0; i < files->count; i++) {
		const struct document_item *items;
		total += document_items(files->files[i]->document, &items);
	}
	files->items = memory_resize(NULL, total + 1, sizeof(struct document_item *));
	for (size_t i = 0; !rc && i < files->count; i++) {
		const struct document_item *items;
		size_t count = document_items(files->files[i]->document, &items);
		for (size_t j = 0; !rc && j < count; j++)
			rc = add_item(files, &seen, files->files[i], &items[j], error);
	}
	HASH_ITER (hh, seen, each, next) {
		HASH_DEL(seen, each);
		free(each);
	}
	return rc;
}

int files_read(struct files **out, const struct option_texts *paths, struct error *error)
{
	struct files *files = *out = memory_new(sizeof(*files));
	int rc = 0;

	for (size_t i = 0; !rc && i < paths->count; i++)
		rc = add_path(files, paths->items[i], error);
	if (!rc)
		rc = collect_items(files, error);
	if (!rc && !files->item_count)
		rc = error_set(error, EINVAL, "%s%s no object",
			files->count == 1 ? files->files[0]->name : "the files",
			files->count == 1 ? " describes" : " describe");
	return rc;
}

void files_free(struct files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->count; i++) {
		document_free(files->files[i]->document);
		utstring_done(&files->files[i]->text);
		free(files->files[i]->name);
		free(files->files[i]);
	}
	free(files->files);
	free(files->items);
	free(files);
}

size_t files_items(const struct files *files, const struct document_item *const **out)
{
	*out = files->items;
	return files->item_count;
}

void files_locate(const struct files *files, struct error *error)
{
	for (size_t i = 0; i < files->count && !error->line; i++)
		document_locate(files->files[i]->document, error);
}

const char *files_text(const struct files *files, const struct error *error)
{
	for (size_t i = 0; i < files->count; i++)
		if (*error->file && !strcmp(files->files[i]->name, error->file))
			return utstring_body(&files->files[i]->text);
	return NULL;
}
