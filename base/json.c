// SPDX-License-Identifier: Apache-2.0
// Each reader here answers NULL, or false, for what is not plain: then the whole is jansson's to read,
// or to refuse.
#include "base/json.h"

#include <stdbool.h>
#include <string.h>

enum { DEPTH_MOST = 32, DIGITS_MOST = 18 }; // whatever has so many digits fits

struct text {
	const char *at, *end;
	unsigned depth;
};

static json_t *read_value(struct text *text);

static void skip_space(struct text *text)
{
	while (text->at < text->end &&
		(*text->at == ' ' || *text->at == '\n' || *text->at == '\r' || *text->at == '\t'))
		text->at++;
}

// The next but space is this one, and it is read.
static bool take(struct text *text, char wanted)
{
	skip_space(text);
	if (text->at == text->end || *text->at != wanted)
		return false;
	text->at++;
	return true;
}

// What is between quotes, in place. ASCII without escapes: it stands for itself.
static const char *read_characters(struct text *text, size_t *length)
{
	if (!take(text, '"'))
		return NULL;
	const char *start = text->at, *at = start;
	while (at < text->end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
		at++;
	if (at == text->end || *at != '"')
		return NULL;
	*length = (size_t)(at - start);
	text->at = at + 1;
	return start;
}

static json_t *read_string(struct text *text)
{
	size_t length;
	const char *characters = read_characters(text, &length);
	return characters ? json_stringn_nocheck(characters, length) : NULL;
}

static bool is_digit(const struct text *text)
{
	return text->at < text->end && *text->at >= '0' && *text->at <= '9';
}

static json_t *read_integer(struct text *text)
{
	json_int_t value = 0;
	bool negative = take(text, '-');
	const char *start = text->at;
	for (; is_digit(text); text->at++) {
		if (text->at - start == DIGITS_MOST)
			return NULL;
		value = value * 10 + (*text->at - '0');
	}
	bool padded = text->at - start > 1 && *start == '0';
	bool more = text->at < text->end && strchr(".eE", *text->at);
	if (text->at == start || padded || more)
		return NULL;
	return json_integer(negative ? -value : value);
}

static json_t *read_word(struct text *text, const char *word, json_t *value)
{
	size_t length = strlen(word);
	if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
		return NULL;
	text->at += length;
	return value;
}

static bool read_items(struct text *text, json_t *array)
{
	if (take(text, ']'))
		return true;
	do {
		json_t *item = read_value(text);
		if (!item)
			return false;
		json_array_append_new(array, item);
	} while (take(text, ','));
	return take(text, ']');
}

static bool read_members(struct text *text, json_t *object)
{
	if (take(text, '}'))
		return true;
	for (size_t count = 1;; count++) {
		size_t length;
		const char *name = read_characters(text, &length);
		json_t *value = name && take(text, ':') ? read_value(text) : NULL;
		if (!value)
			return false;
		json_object_setn_new_nocheck(object, name, length, value);
		if (json_object_size(object) != count)
			return false; // there are two of the name
		if (!take(text, ','))
			return take(text, '}');
	}
}

static json_t *read_nested(
	struct text *text, json_t *into, bool (*read)(struct text *text, json_t *into))
{
	text->at++;
	bool whole = ++text->depth <= DEPTH_MOST && read(text, into);
	text->depth--;
	if (whole)
		return into;
	json_decref(into);
	return NULL;
}

static json_t *read_value(struct text *text)
{
	skip_space(text);
	if (text->at == text->end)
		return NULL;
	switch (*text->at) {
	case '"':
		return read_string(text);
	case '{':
		return read_nested(text, json_object(), read_members);
	case '[':
		return read_nested(text, json_array(), read_items);
	case 't':
		return read_word(text, "true", json_true());
	case 'f':
		return read_word(text, "false", json_false());
	case 'n':
		return read_word(text, "null", json_null());
	default:
		return read_integer(text);
	}
}

static json_t *read_plain(const char *characters, size_t length)
{
	struct text text = {.at = characters, .end = characters + length};
	json_t *json = read_value(&text);
	skip_space(&text);
	if (text.at == text.end && (json_is_object(json) || json_is_array(json)))
		return json;
	json_decref(json);
	return NULL;
}

json_t *json_read(const char *text, size_t length, json_error_t *where)
{
	json_t *json = read_plain(text, length);
	return json ? json : json_loadb(text, length, JSON_REJECT_DUPLICATES, where);
}
