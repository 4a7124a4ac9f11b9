// SPDX-License-Identifier: Apache-2.0
#include "view.h"

#include "base/memory.h"
#include "model/digest.h"

static struct view_entry *entry_find(const struct view *view, const char *path)
{
	struct view_entry *entry;
	HASH_FIND_STR(view->entries, path, entry);
	return entry;
}

static void entry_free(struct view *view, struct view_entry *entry)
{
	HASH_DEL(view->entries, entry);
	view->digest -= object_digest(entry->object);
	object_unref(entry->object);
	free(entry->path);
	free(entry);
}

void view_done(struct view *view)
{
	struct view_entry *entry, *next;
	HASH_ITER (hh, view->entries, entry, next)
		entry_free(view, entry);
}

static void entry_remove(struct view *view, struct view_entry *entry, struct compiler *compiler)
{
	const struct object *object = entry->object;
	compiler_remove(compiler, object->kind, object->tenant, object->name);
	entry_free(view, entry);
}

static void put(struct view *view, struct object *object, struct compiler *compiler)
{
	char path[OBJECT_PATH_TEXT];
	struct view_entry *entry = entry_find(view, object_path(object, path));
	if (!entry) {
		entry = memory_new(sizeof(*entry));
		entry->path = memory_text(path);
		HASH_ADD_KEYPTR(hh, view->entries, entry->path, strlen(entry->path), entry);
	}
	view->digest += object_digest(object) - object_digest(entry->object);
	object_unref(entry->object);
	entry->object = object_ref(object);
	entry->batch = view->batches;
	compiler_put(compiler, object);
}

static void drop(struct view *view, const struct batch_item *item, struct compiler *compiler)
{
	char path[OBJECT_PATH_TEXT];
	object_path_of(item->kind, item->tenant, item->name, path);
	struct view_entry *entry = entry_find(view, path);
	if (entry)
		entry_remove(view, entry, compiler);
}

void view_apply(struct view *view, const struct batch *batch, struct compiler *compiler)
{
	const struct batch_item *item = NULL;
	view->revision = batch->revision;
	view->batches++;
	while ((item = utarray_next(&batch->items, item))) {
		if (item->object)
			put(view, item->object, compiler);
		else
			drop(view, item, compiler);
	}
	if (!batch->snapshot)
		return;
	struct view_entry *entry, *next;
	HASH_ITER (hh, view->entries, entry, next) {
		if (entry->batch != view->batches)
			entry_remove(view, entry, compiler);
	}
}

struct object *view_find(
	const struct view *view, enum model_kind kind, const char *tenant, const char *name)
{
	char path[OBJECT_PATH_TEXT];
	struct view_entry *entry = entry_find(view, object_path_of(kind, tenant, name, path));
	return entry ? entry->object : NULL;
}

void view_each(const struct view *view, enum model_kind kind, view_visit visit, void *context)
{
	for (const struct view_entry *entry = view->entries; entry; entry = entry->hh.next) {
		if (entry->object->kind == kind)
			visit(context, entry->object);
	}
}
