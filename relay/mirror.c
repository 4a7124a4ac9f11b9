// SPDX-License-Identifier: Apache-2.0
#include "mirror.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "model/digest.h"

struct mirror_entry {
	char *path;
	struct object *object; // NULL: not there (any more)
	struct object *before; // the batch that is being applied
	bool touched;          // by it
	struct mirror_entry *next_touched;
	UT_hash_handle hh;
};

static struct mirror_entry *find(const struct mirror *mirror, const char *path)
{
	struct mirror_entry *entry;
	HASH_FIND_STR(mirror->entries, path, entry);
	return entry;
}

static void forget(struct mirror *mirror, struct mirror_entry *entry)
{
	HASH_DEL(mirror->entries, entry);
	free(entry->path);
	free(entry);
}

void mirror_done(struct mirror *mirror)
{
	struct mirror_entry *entry, *next;
	HASH_ITER (hh, mirror->entries, entry, next) {
		object_unref(entry->object);
		forget(mirror, entry);
	}
}

// ---- one batch ----

struct change_list {
	struct mirror_entry *entries; // that were touched
	size_t count;
};

static void set(struct change_list *touched, struct mirror_entry *entry, struct object *object)
{
	if (!entry->touched) {
		entry->touched = true;
		entry->before = entry->object;
		entry->next_touched = touched->entries;
		touched->entries = entry;
		touched->count++;
	} else {
		object_unref(entry->object);
	}
	entry->object = object ? object_ref(object) : NULL;
}

static void take_item(
	struct mirror *mirror, const struct batch_item *item, struct change_list *touched)
{
	char path[OBJECT_PATH_TEXT];
	object_path_of(item->kind, item->tenant, item->name, path);
	struct mirror_entry *entry = find(mirror, path);
	if (!entry) {
		if (!item->object)
			return;
		entry = memory_new(sizeof(*entry));
		entry->path = memory_text(path);
		HASH_ADD_KEYPTR(hh, mirror->entries, entry->path, strlen(entry->path), entry);
	}
	set(touched, entry, item->object);
}

// The same revision of the same object: hosts need not be told again.
static bool is_same(const struct object *a, const struct object *b)
{
	return a == b || (a && b && a->revision == b->revision && object_equal(a, b));
}

static void settle(struct mirror *mirror, struct mirror_entry *entry)
{
	entry->touched = false;
	object_unref(steal(entry->before));
	if (!entry->object)
		forget(mirror, entry);
}

void mirror_apply(
	struct mirror *mirror, const struct batch *batch, mirror_visit visit, void *context)
{
	struct change_list touched = {0};
	const struct batch_item *item = NULL;
	struct mirror_entry *entry, *next;
	while ((item = utarray_next(&batch->items, item)))
		take_item(mirror, item, &touched);
	if (batch->snapshot) {
		snprintf(mirror->history, sizeof(mirror->history), "%s", batch->history);
		HASH_ITER (hh, mirror->entries, entry, next)
			if (!entry->touched)
				set(&touched, entry, NULL);
	}
	struct topology_change *changes = memory_new((touched.count + 1) * sizeof(*changes));
	size_t count = 0;
	for (entry = touched.entries; entry; entry = entry->next_touched) {
		if (is_same(entry->before, entry->object)) {
			object_unref(entry->object);
			entry->object = steal(entry->before);
			continue;
		}
		mirror->digest += object_digest(entry->object) - object_digest(entry->before);
		changes[count++] = (struct topology_change){entry->before, entry->object};
	}
	mirror->revision = batch->revision;
	visit(context, changes, count);
	free(changes);
	for (entry = touched.entries; entry; entry = next) {
		next = entry->next_touched;
		settle(mirror, entry);
	}
}

const struct object *mirror_find(
	const struct mirror *mirror, enum model_kind kind, const char *tenant, const char *name)
{
	char path[OBJECT_PATH_TEXT];
	const struct mirror_entry *entry = find(mirror, object_path_of(kind, tenant, name, path));
	return entry ? entry->object : NULL;
}
