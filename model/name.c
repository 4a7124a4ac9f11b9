// SPDX-License-Identifier: Apache-2.0
// Names and paths of objects.
#include "model/object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAXIMUM = 63 };
static const char name_rule[] =
	"a name has 1 to 63 of a-z 0-9 - . _ and begins and ends with a letter or digit";

static bool letter_or_digit(char character)
{
	return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
}

int model_name_check(const char *name, struct error *error)
{
	size_t length = strlen(name);
	if (!length)
		return error_set(error, EINVAL, "the name is empty; %s", name_rule);
	if (length > NAME_MAXIMUM)
		return error_set(error, EINVAL, "'%.*s…' is %zu bytes long; %s", NAME_MAXIMUM, name,
			length, name_rule);
	for (size_t i = 0; i < length; i++) {
		bool edge = i == 0 || i == length - 1;
		if (letter_or_digit(name[i]) || (!edge && strchr("-._", name[i])))
			continue;
		return error_set(error, EINVAL, "'%s' is not a name: %s", name, name_rule);
	}
	return 0;
}

char *object_path(const struct object *object, char *text)
{
	return object_path_of(object->kind, object->tenant, object->name, text);
}

// As much of the segment as there is room for.
static char *segment_add(char *at, const char *end, const char *segment)
{
	size_t length = strnlen(segment, (size_t)(end - at));
	memcpy(at, segment, length);
	return at + length;
}

// Without printf: this is how everything is found.
char *object_path_of(enum model_kind kind, const char *tenant, const char *name, char *text)
{
	char *at = text, *end = text + OBJECT_PATH_TEXT - 1;
	if (model_kind_in_tenant(kind)) {
		at = segment_add(at, end, tenant);
		at = segment_add(at, end, "/");
	}
	at = segment_add(at, end, model_kind_plural(kind));
	at = segment_add(at, end, "/");
	*segment_add(at, end, name) = '\0';
	return text;
}

// Copies the next segment, which must be a good name or the plural of a kind, and moves past the slash.
static int next_segment(const char **path, char *segment)
{
	size_t length = strcspn(*path, "/");
	if (length > NAME_MAXIMUM)
		return -EINVAL;
	memcpy(segment, *path, length);
	segment[length] = '\0';
	*path += length;
	if (**path)
		(*path)++;
	return model_name_check(segment, NULL);
}

int object_path_parse(const char *path, enum model_kind *kind, char *tenant, char *name)
{
	char segments[3][NAME_MAXIMUM + 1];
	size_t count = 0;
	enum model_kind found;
	for (; *path && count < 3; count++)
		if (next_segment(&path, segments[count]))
			return -EINVAL;
	if (*path || count < 2)
		return -EINVAL;
	const char *plural = segments[count - 2];
	if (model_kind_find(plural, &found) || strcmp(plural, model_kind_plural(found)) ||
		model_kind_in_tenant(found) != (count == 3))
		return -EINVAL;
	*kind = found;
	strcpy(tenant, count == 3 ? segments[0] : "");
	strcpy(name, segments[count - 1]);
	return 0;
}
