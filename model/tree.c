// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"

enum { DEPTH_MAXIMUM = 32 };

// A file has many maps, most of them small.
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS 4U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 2U

struct reader {
	yaml_parser_t parser;
	const char *text;
	size_t length;
	struct error *error;
};

static struct position position_of(yaml_mark_t mark)
{
	return (struct position){.line = (int)mark.line + 1, .column = (int)mark.column + 1};
}

__attribute__((format(printf, 3, 4))) static int fail(
	struct reader *reader, struct position at, const char *format, ...)
{
	char message[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (reader->error && !reader->error->code) {
		reader->error->line = at.line;
		reader->error->column = at.column;
	}
	return error_set(reader->error, EINVAL, "%s", message);
}

// The parser counts the end of the text as a new line; for people it is the end of the last.
static struct position before_end(const struct reader *reader, struct position at)
{
	struct position end = {1, 1};
	for (size_t i = 0; i < reader->length; i++) {
		bool newline = reader->text[i] == '\n';
		bool continued = (reader->text[i] & 0xc0) == 0x80; // inside a UTF-8 sequence
		end.line += newline;
		end.column = newline ? 1 : end.column + !continued;
	}
	return at.line > end.line ? end : at;
}

static bool is_tab(const struct reader *reader, struct position at)
{
	struct position here = {1, 1};
	for (size_t i = 0; i < reader->length; i++) {
		bool newline = reader->text[i] == '\n';
		if (here.line == at.line && here.column == at.column)
			return reader->text[i] == '\t';
		// Only what begins a character counts as a column.
		bool ends = i + 1 < reader->length && (reader->text[i + 1] & 0xc0) != 0x80;
		here.line += newline;
		here.column = newline ? 1 : here.column + ends;
	}
	return false;
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
	yaml_parser_t *parser = &reader->parser;
	if (yaml_parser_parse(parser, event))
		return 0;
	// What is wrong with the bytes has no mark of its own.
	bool marked = parser->error != YAML_READER_ERROR && parser->problem_mark.index;
	struct position at = position_of(marked ? parser->problem_mark : parser->mark);
	at = before_end(reader, at);
	const char *problem = parser->problem ? parser->problem : "cannot be read";
	// Nobody sees a tab, and the parser does not name it.
	if (marked && is_tab(reader, at))
		return fail(reader, at, "a tab: YAML is indented with blanks");
	if (parser->context)
		return fail(reader, at, "%s (%s that began on line %zu)", problem, parser->context,
			parser->context_mark.line + 1);
	return fail(reader, at, "%s", problem);
}

// ---- scalars ----

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

// Digits, with a sign before them if `text` has one.
static bool is_integer(const char *text)
{
	text += *text == '-' || *text == '+';
	return *text && !text[strspn(text, "0123456789")];
}

static bool is_real(const char *text)
{
	static const char digits[] = "0123456789";
	text += *text == '-' || *text == '+';
	size_t whole = strspn(text, digits), fraction = 0;
	text += whole;
	if (*text == '.') {
		fraction = strspn(++text, digits);
		text += fraction;
	}
	if (!whole && !fraction)
		return false;
	if (*text == 'e' || *text == 'E')
		return is_integer(text + 1);
	return !*text;
}

// The value of a plain scalar (YAML 1.2, section 10.3.2). Numbers too large for their type stay text, so that
// what is wrong with them is said with the field.
static json_t *resolve(const char *text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	if (is_one_of(text, nulls))
		return json_null();
	if (is_one_of(text, trues))
		return json_true();
	if (is_one_of(text, falses))
		return json_false();
	if (is_integer(text)) {
		errno = 0;
		long long number = strtoll(text, NULL, 10);
		return errno ? json_string(text) : json_integer(number);
	}
	return is_real(text) ? json_real(strtod(text, NULL)) : json_string(text);
}

static int read_scalar(struct reader *reader, struct node *node, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	if (strlen(text) != length)
		return fail(reader, node->at, "holds a NUL character");
	node->scalar = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? resolve(text)
									   : json_string(text);
	return node->scalar ? 0 : fail(reader, node->at, "is not a value");
}

// ---- collections ----

static struct node *node_new(enum node_type type, yaml_mark_t mark)
{
	struct node *node = memory_new(sizeof(*node));
	node->type = type;
	node->at = node->key_at = position_of(mark);
	return node;
}

static void add_item(struct node *parent, struct node *item)
{
	// Grows by doubling: at each power of two.
	if (!(parent->count & (parent->count - 1)))
		parent->items = memory_resize(parent->items, parent->count ? parent->count * 2 : 1,
			sizeof(*parent->items));
	parent->items[parent->count++] = item;
}

static int read_node(
	struct reader *reader, const yaml_event_t *event, int depth, struct node **out);

// The value that stands behind `key_event` in a map.
static int read_entry(
	struct reader *reader, struct node *map, const yaml_event_t *key_event, int depth)
{
	yaml_event_t event;
	struct position at = position_of(key_event->start_mark);
	if (key_event->type != YAML_SCALAR_EVENT)
		return fail(reader, at, "a key must be a plain word");
	const char *key = (const char *)key_event->data.scalar.value;
	if (strlen(key) != key_event->data.scalar.length)
		return fail(reader, at, "a key holds a NUL character");
	struct node *twin = tree_child(map, key), *node;
	if (twin)
		return fail(reader, at, "'%s' is given twice, first on line %d", key,
			twin->key_at.line);
	int result = next_event(reader, &event);
	if (result)
		return result;
	result = read_node(reader, &event, depth, &node);
	yaml_event_delete(&event);
	if (result)
		return result;
	node->key = memory_text(key);
	node->key_at = at;
	HASH_ADD_KEYPTR(hh, map->by_key, node->key, strlen(node->key), node);
	add_item(map, node);
	return 0;
}

static int read_collection(
	struct reader *reader, struct node *parent, yaml_event_type_t end, int depth)
{
	if (depth > DEPTH_MAXIMUM)
		return fail(
			reader, parent->at, "is nested more than %d levels deep", DEPTH_MAXIMUM);
	for (;;) {
		yaml_event_t event;
		int result = next_event(reader, &event);
		if (result)
			return result;
		bool done = event.type == end;
		struct node *item;
		if (!done && parent->type == NODE_MAP) {
			result = read_entry(reader, parent, &event, depth + 1);
		} else if (!done) {
			result = read_node(reader, &event, depth + 1, &item);
			if (!result)
				add_item(parent, item);
		}
		yaml_event_delete(&event);
		if (result || done)
			return result;
	}
}

static int refuse_decoration(struct reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (event->type == YAML_ALIAS_EVENT || anchor)
		return fail(reader, position_of(event->start_mark),
			"anchors (&) and aliases (*) are not supported; a word that begins so "
			"needs quotes");
	if (tag)
		return fail(reader, position_of(event->start_mark),
			"tags (!) are not supported; a word that begins so needs quotes");
	return 0;
}

static int read_node(struct reader *reader, const yaml_event_t *event, int depth, struct node **out)
{
	int result = refuse_decoration(reader, event);
	if (result)
		return result;
	struct node *node;
	if (event->type == YAML_SCALAR_EVENT) {
		node = node_new(NODE_SCALAR, event->start_mark);
		result = read_scalar(reader, node, event);
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		node = node_new(NODE_LIST, event->start_mark);
		result = read_collection(reader, node, YAML_SEQUENCE_END_EVENT, depth);
	} else {
		node = node_new(NODE_MAP, event->start_mark);
		result = read_collection(reader, node, YAML_MAPPING_END_EVENT, depth);
	}
	if (result)
		tree_free(node);
	else
		*out = node;
	return result;
}

static int read_documents(struct reader *reader, struct node *documents)
{
	for (;;) {
		yaml_event_t event;
		int result = next_event(reader, &event);
		if (result)
			return result;
		bool end = event.type == YAML_STREAM_END_EVENT;
		bool marker = event.type == YAML_STREAM_START_EVENT ||
			      event.type == YAML_DOCUMENT_START_EVENT ||
			      event.type == YAML_DOCUMENT_END_EVENT;
		struct node *node;
		if (!end && !marker) {
			result = read_node(reader, &event, 0, &node);
			if (!result)
				add_item(documents, node);
		}
		yaml_event_delete(&event);
		if (result || end)
			return result;
	}
}

int tree_parse(struct node **out, const char *text, size_t length, struct error *error)
{
	struct reader reader = {.text = text, .length = length, .error = error};
	yaml_mark_t start = {0};
	if (!yaml_parser_initialize(&reader.parser))
		abort(); // only for want of memory
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
	struct node *documents = node_new(NODE_LIST, start);
	int result = read_documents(&reader, documents);
	yaml_parser_delete(&reader.parser);
	if (result)
		tree_free(documents);
	else
		*out = documents;
	return result;
}

void tree_free(struct node *node)
{
	if (!node)
		return;
	HASH_CLEAR(hh, node->by_key);
	for (size_t i = 0; i < node->count; i++)
		tree_free(node->items[i]);
	json_decref(node->scalar);
	free(node->items);
	free(node->key);
	free(node);
}

// ---- reading the tree ----

static struct node *child_of_length(const struct node *node, const char *key, size_t length)
{
	struct node *found = NULL;
	if (node->type == NODE_MAP)
		HASH_FIND(hh, node->by_key, key, length, found);
	return found;
}

struct node *tree_child(const struct node *node, const char *key)
{
	return child_of_length(node, key, strlen(key));
}

const char *tree_string(const struct node *node)
{
	return node->type == NODE_SCALAR ? json_string_value(node->scalar) : NULL;
}

json_t *tree_json(const struct node *node)
{
	if (node->type == NODE_SCALAR)
		return json_incref(node->scalar);
	json_t *json = node->type == NODE_LIST ? json_array() : json_object();
	for (size_t i = 0; i < node->count; i++) {
		const struct node *item = node->items[i];
		if (node->type == NODE_LIST)
			json_array_append_new(json, tree_json(item));
		else
			json_object_set_new(json, item->key, tree_json(item));
	}
	return json;
}

// The child that `path` begins with, and what follows it. Keys may hold dots (labels do): the longest wins.
static const struct node *step(const struct node *node, const char *path, const char **rest)
{
	if (*path == '[') {
		char *end;
		unsigned long index = strtoul(path + 1, &end, 10);
		if (node->type != NODE_LIST || *end != ']' || index >= node->count)
			return NULL;
		*rest = end + 1;
		return node->items[index];
	}
	path += *path == '.';
	for (size_t length = strlen(path); length; length--) {
		if (path[length] && path[length] != '.' && path[length] != '[')
			continue;
		const struct node *child = child_of_length(node, path, length);
		*rest = path + length;
		if (child)
			return child;
	}
	return NULL;
}

const struct node *tree_walk(const struct node *node, const char *path, const char **rest)
{
	*rest = path;
	while (**rest) {
		const char *after;
		const struct node *child = step(node, *rest, &after);
		if (!child)
			break;
		node = child;
		*rest = after;
	}
	return node;
}
