// SPDX-License-Identifier: Apache-2.0
#include "target.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/suggest.h"

const char *target_tenant;

const struct option_spec target_options[] = {
	{.name = "tenant",
		.letter = 't',
		.type = OPTION_TEXT,
		.target = &target_tenant,
		.argument = "TENANT",
		.environment = "WEFT_TENANT",
		.help = "the tenant that the object lives in"},
	{0},
};

// Either name begins with the word.
static bool kind_begins(enum model_kind kind, const char *word)
{
	size_t length = strlen(word);

	return length && (!strncmp(model_kind_name(kind), word, length) ||
				 !strncmp(model_kind_plural(kind), word, length));
}

static const char *kind_word_at(void *context, size_t index)
{
	enum model_kind kind = (enum model_kind)(index / 2);

	(void)context;
	return index % 2 ? model_kind_plural(kind) : model_kind_name(kind);
}

int target_kind(const char *word, enum model_kind *out, struct error *error)
{
	char known[200] = "", meant[200] = "";
	size_t count = 0;

	if (!model_kind_find(word, out))
		return 0;
	for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++) {
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
			kind ? ", " : "", model_kind_name(kind));
		if (!kind_begins(kind, word))
			continue;
		snprintf(meant + strlen(meant), sizeof(meant) - strlen(meant), "%s%s",
			count++ ? " or " : "", model_kind_name(kind));
		*out = kind;
	}
	if (count == 1)
		return 0;
	if (count)
		return error_set(error, EINVAL, "\"%s\" may be %s", word, meant);
	const char *near = suggest(word, (size_t)MODEL_KIND_COUNT * 2, kind_word_at, NULL);
	return error_set(error, EINVAL, "unknown kind \"%s\"%s%s%s; there are: %s", word,
		near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "", known);
}

// The tenant of the only object of that name.
static int find_tenant(struct client *client, enum model_kind kind, const char *name, char **out,
	struct error *error)
{
	cleanup_free char *path = client_path(kind, NULL, NULL);
	const char *first = NULL, *second = NULL;
	json_t *list = NULL, *item;
	size_t index;
	int rc = client_request(client, "GET", path, NULL, CLIENT_TIMEOUT_MS, &list, error);

	if (rc)
		return rc;
	json_array_foreach (json_object_get(list, "items"), index, item) {
		const char *found = json_string_value(json_object_get(item, "name"));
		const char *tenant = json_string_value(json_object_get(item, "tenant"));
		if (!found || !tenant || strcmp(found, name))
			continue;
		second = first;
		first = tenant;
	}
	if (!first)
		rc = error_set(error, ENOENT, "there is no %s \"%s\" in any tenant",
			model_kind_name(kind), name);
	else if (second)
		rc = error_set(error, EINVAL,
			"tenants %s and %s both have a %s \"%s\": say which with -t", second, first,
			model_kind_name(kind), name);
	else
		*out = memory_text(first);
	json_decref(list);
	return rc;
}

int target_resolve(struct client *client, enum model_kind kind, const char *word,
	struct target *out, struct error *error)
{
	const char *slash = strchr(word, '/');
	struct target target = {.kind = kind};
	int rc;

	if (!model_kind_in_tenant(kind)) {
		target.name = memory_text(word);
	} else if (slash) {
		target.tenant = memory_format("%.*s", (int)(slash - word), word);
		target.name = memory_text(slash + 1);
	} else {
		target.name = memory_text(word);
		target.tenant = memory_text(target_tenant);
	}
	rc = model_name_check(target.name, error);
	if (!rc && target.tenant)
		rc = model_name_check(target.tenant, error);
	if (!rc && !target.tenant && model_kind_in_tenant(kind))
		rc = find_tenant(client, kind, target.name, &target.tenant, error);
	if (rc)
		target_done(&target);
	else
		*out = target;
	return rc;
}

void target_done(struct target *target)
{
	free(target->tenant);
	free(target->name);
	*target = (struct target){0};
}
