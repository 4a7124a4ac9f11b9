// SPDX-License-Identifier: Apache-2.0
// Lists as values of fields: all are a count and items, so one walk decodes them, and one element
// at a time differs. Private to the model.
#pragma once

#include "field_type.h"

// What address_list, prefix_list and the like have in common.
struct list {
	size_t count;
	void *items;
};

#define SAME_SHAPE(type)                                                                     \
	_Static_assert(sizeof(struct type) == sizeof(struct list) &&                         \
			       offsetof(struct type, items) == offsetof(struct list, items), \
		#type " is a list")

// How one element is handled.
struct element {
	size_t size;
	const char *what; // of the whole list, for "expected …"
	int (*decode)(void *item, const json_t *json, struct error *error);
	json_t *(*encode)(const void *item);
	bool (*equal)(const void *a, const void *b);
	// An order in which two items are equal that cannot both be in the list. NULL: all can.
	int (*order)(const void *a, const void *b);
	const char *repeats; // what an item does that equals "… item 3"; NULL: is there already
	void (*copy)(void *to, const void *from);
	void (*done)(void *item); // NULL: nothing to free
};

void *list_item(const struct element *element, const struct list *list, size_t index);
// A list that is given and empty has items that are not NULL. `maximum` 0: any count.
int list_decode(const struct element *element, uint32_t maximum, struct list *out,
	const json_t *json, struct error *error);
json_t *list_encode(const struct element *element, const struct list *list);
// Another item, from its JSON, before the one of this index (or after the last), or in its place.
// Errors are those of the element, and then nothing has changed. What holds between items is for list_check, after
// all changes.
int list_insert(const struct element *element, struct list *list, size_t index, const json_t *json,
	struct error *error);
int list_replace(const struct element *element, struct list *list, size_t index, const json_t *json,
	struct error *error);
void list_remove(const struct element *element, struct list *list, size_t index);
// Too many items, or one that repeats another: -EINVAL, as from list_decode.
int list_check(const struct element *element, uint32_t maximum, const struct list *list,
	struct error *error);
bool list_equal(const struct element *element, const struct list *a, const struct list *b);
void list_copy(const struct element *element, struct list *to, const struct list *from);
void list_done(const struct element *element, struct list *list);
// An order of lists: by their items, as far as both go, then by count. Needs `order` of the
// element.
int list_compare(const struct element *element, const struct list *a, const struct list *b);
json_t *list_openapi(const struct field *field, json_t *items);

// The operations of a field_type, for the list of one element.
#define LIST_VALUE(name)                                                                         \
	static json_t *name##_encode(const struct field *field, const void *value)               \
	{                                                                                        \
		(void)field;                                                                     \
		return list_encode(&name##_element, value);                                      \
	}                                                                                        \
	static int name##_decode(                                                                \
		const struct field *field, void *value, const json_t *json, struct error *error) \
	{                                                                                        \
		return list_decode(&name##_element, field->maximum, value, json, error);         \
	}                                                                                        \
	LIST_MEMORY(name)
#define LIST_MEMORY(name)                                      \
	static bool name##_equal(const void *a, const void *b) \
	{                                                      \
		return list_equal(&name##_element, a, b);      \
	}                                                      \
	static void name##_copy(void *to, const void *from)    \
	{                                                      \
		list_copy(&name##_element, to, from);          \
	}                                                      \
	static void name##_done(void *value)                   \
	{                                                      \
		list_done(&name##_element, value);             \
	}
// Its JSON is an array, so that an item can be changed by itself.
#define LIST_ITEMS(name) .element = &name##_element
#define LIST_OPERATIONS(name)                                                          \
	.size = sizeof(struct list), .decode = name##_decode, .encode = name##_encode, \
	.equal = name##_equal, .copy = name##_copy, .done = name##_done, .openapi = name##_openapi

extern const struct element addresses_element, prefixes_element; // field_list.c
extern const struct element services_element;                    // field_policy.c
