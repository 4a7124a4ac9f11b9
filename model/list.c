// SPDX-License-Identifier: Apache-2.0
#include "list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void *list_item(const struct element *element, const struct list *list, size_t index)
{
	return (char *)list->items + index * element->size;
}

void list_done(const struct element *element, struct list *list)
{
	for (size_t i = 0; element->done && i < list->count; i++)
		element->done(list_item(element, list, i));
	free(list->items);
	*list = (struct list){0};
}

// Sorting pointers to the items: lists have up to 100,000 of them.
struct place {
	const struct element *element;
	const void *item;
};

static int compare_places(const void *first, const void *second)
{
	const struct place *a = first, *b = second;
	int order = a->element->order(a->item, b->item);
	// Of equal ones the first in the list comes first.
	return order ? order : a->item < b->item ? -1 : a->item > b->item;
}

static size_t index_of(const struct list *list, const struct place *place)
{
	return (size_t)((const char *)place->item - (const char *)list->items) /
	       place->element->size;
}

// The first item that repeats an earlier one is at fault.
static int check_repeated(
	const struct element *element, const struct list *list, struct error *error)
{
	cleanup_free struct place *places = memory_new(list->count * sizeof(*places));
	for (size_t i = 0; i < list->count; i++)
		places[i] = (struct place){element, list_item(element, list, i)};
	qsort(places, list->count, sizeof(*places), compare_places);
	const struct place *earlier = NULL, *repeated = NULL;
	for (size_t i = 1; i < list->count; i++)
		if (!element->order(places[i - 1].item, places[i].item) &&
			(!repeated || places[i].item < repeated->item)) {
			earlier = &places[i - 1];
			repeated = &places[i];
		}
	if (!repeated)
		return 0;
	int result = error_set(error, EINVAL, "%s item %zu",
		element->repeats ? element->repeats : "is in the list already, as",
		index_of(list, earlier));
	error_prefix_field(error, "[%zu]", index_of(list, repeated));
	return result;
}

static int check_count(size_t count, uint32_t maximum, struct error *error)
{
	if (maximum && count > maximum)
		return error_set(error, EINVAL, "has %zu items, the most is %u", count, maximum);
	return 0;
}

int list_check(const struct element *element, uint32_t maximum, const struct list *list,
	struct error *error)
{
	int result = check_count(list->count, maximum, error);
	return result || !element->order ? result : check_repeated(element, list, error);
}

int list_decode(const struct element *element, uint32_t maximum, struct list *out,
	const json_t *json, struct error *error)
{
	if (!json_is_array(json))
		return decode_expected(error, element->what, json);
	size_t count = json_array_size(json);
	int result = check_count(count, maximum, error);
	if (result)
		return result;
	struct list list = {.items = memory_new(count * element->size)};
	for (size_t i = 0; !result && i < count; i++) {
		void *item = list_item(element, &list, i);
		result = element->decode(item, json_array_get(json, i), error);
		if (!result)
			list.count++;
		if (result)
			error_prefix_field(error, "[%zu]", i);
	}
	if (!result)
		result = list_check(element, maximum, &list, error);
	if (result)
		list_done(element, &list);
	else
		*out = list;
	return result;
}

// ---- one item ----

// Of no place in a list yet; free it once it has one.
static int item_decode(
	const struct element *element, void **out, const json_t *json, struct error *error)
{
	void *item = memory_new(element->size);
	int result = element->decode(item, json, error);
	if (result)
		free(item);
	else
		*out = item;
	return result;
}

int list_insert(const struct element *element, struct list *list, size_t index, const json_t *json,
	struct error *error)
{
	void *item;
	int result = item_decode(element, &item, json, error);
	if (result)
		return result;
	list->items = memory_resize(list->items, list->count + 1, element->size);
	char *place = list_item(element, list, index);
	memmove(place + element->size, place, (list->count++ - index) * element->size);
	memcpy(place, item, element->size);
	free(item);
	return 0;
}

int list_replace(const struct element *element, struct list *list, size_t index, const json_t *json,
	struct error *error)
{
	void *item;
	int result = item_decode(element, &item, json, error);
	if (result)
		return result;
	void *place = list_item(element, list, index);
	if (element->done)
		element->done(place);
	memcpy(place, item, element->size);
	free(item);
	return 0;
}

void list_remove(const struct element *element, struct list *list, size_t index)
{
	char *place = list_item(element, list, index);
	if (element->done)
		element->done(place);
	memmove(place, place + element->size, (--list->count - index) * element->size);
}

// ---- all items ----

json_t *list_encode(const struct element *element, const struct list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, element->encode(list_item(element, list, i)));
	return array;
}

bool list_equal(const struct element *element, const struct list *a, const struct list *b)
{
	if (a->count != b->count || !a->items != !b->items)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!element->equal(list_item(element, a, i), list_item(element, b, i)))
			return false;
	return true;
}

void list_copy(const struct element *element, struct list *to, const struct list *from)
{
	if (!from->items)
		return;
	*to = (struct list){.count = from->count, .items = memory_new(from->count * element->size)};
	for (size_t i = 0; i < from->count; i++)
		element->copy(list_item(element, to, i), list_item(element, from, i));
}

int list_compare(const struct element *element, const struct list *a, const struct list *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		int order = element->order(list_item(element, a, i), list_item(element, b, i));
		if (order)
			return order;
	}
	return a->count < b->count ? -1 : a->count > b->count;
}

json_t *list_openapi(const struct field *field, json_t *items)
{
	json_t *schema =
		json_pack("{s:s, s:o, s:b}", "type", "array", "items", items, "uniqueItems", 1);
	if (field->maximum)
		json_object_set_new(schema, "maxItems", json_integer(field->maximum));
	return schema;
}
