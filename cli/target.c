// SPDX-License-Identifier: Apache-2.0
#include "target.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

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

int target_kind(const char *word, enum model_kind *out, struct error *error)
{
	char known[200] = "";

	if (!model_kind_find(word, out))
		return 0;
	for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++) {
		if (kind)
			strncat(known, ", ", sizeof(known) - strlen(known) - 1);
		strncat(known, model_kind_name(kind), sizeof(known) - strlen(known) - 1);
	}
	return error_set(error, EINVAL, "unknown kind \"%s\"; there are: %s", word, known);
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
