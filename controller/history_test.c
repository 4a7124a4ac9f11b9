// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "stored.h"

static int set_up(void **state)
{
	return store_open((struct store **)state, "sqlite::memory:", NULL);
}

static int tear_down(void **state)
{
	store_close(*state);
	return 0;
}

// One commit that puts this object, or with `fields` NULL deletes it; its revision.
static uint64_t write_object(struct store *store, enum model_kind kind, const char *tenant,
	const char *name, const char *fields)
{
	char key[STORED_KEY_TEXT];
	cleanup_free char *value = NULL;
	uint64_t revision = 0;
	if (fields) {
		json_t *json = json_loads(fields, 0, NULL);
		struct object *object;
		assert_int_equal(object_decode(&object, kind, tenant, name, json, true, NULL), 0);
		value = stored_encode(object);
		object_unref(object);
		json_decref(json);
	}
	struct store_operation operation = {
		stored_key(kind, tenant, name, key), value, value ? strlen(value) : 0};
	assert_int_equal(store_commit(store, NULL, 0, &operation, 1, &revision, NULL), 0);
	return revision;
}

static struct target list_of(enum model_kind kind, const char *tenant)
{
	struct target list = {.kind = kind};
	strcpy(list.tenant, tenant);
	return list;
}

static const struct identity administrator = {.role = ROLE_ADMINISTRATOR};

static int list_at(struct store *store, const struct target *list, uint64_t at, json_t **items,
	struct error *error)
{
	struct entries entries = {0};
	int rc = history_collect(store, list, HISTORY_LIST, at, &entries, error);
	if (!rc)
		rc = history_items(&administrator, list, &entries, items, error);
	entries_done(&entries);
	return rc;
}

static int object_at(
	struct store *store, const struct target *target, uint64_t at, struct error *error)
{
	struct entries entries = {0};
	int rc = history_collect(store, target, HISTORY_OBJECT, at, &entries, error);
	if (!rc)
		assert_int_equal(entries.count, 1);
	entries_done(&entries);
	return rc;
}

// "name@revision name@revision", or the error.
static void assert_list(
	struct store *store, const struct target *list, uint64_t at, const char *expected)
{
	char text[256] = "";
	json_t *items, *item;
	size_t index;
	assert_int_equal(list_at(store, list, at, &items, NULL), 0);
	json_array_foreach (items, index, item) {
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "%s%s@%d", used ? " " : "",
			json_string_value(json_object_get(item, "name")),
			(int)json_integer_value(json_object_get(item, "revision")));
	}
	json_decref(items);
	assert_string_equal(text, expected);
}

static void test_past(void **state)
{
	struct store *store = *state;
	struct target tenants = list_of(MODEL_TENANT, "");
	write_object(store, MODEL_TENANT, NULL, "a", "{}");
	write_object(store, MODEL_TENANT, NULL, "b", "{}");
	write_object(store, MODEL_TENANT, NULL, "a", "{\"description\": \"x\"}");
	write_object(store, MODEL_TENANT, NULL, "b", NULL);
	assert_list(store, &tenants, 1, "a@1");
	assert_list(store, &tenants, 2, "a@1 b@2");
	assert_list(store, &tenants, 3, "a@3 b@2");
	assert_list(store, &tenants, 4, "a@3");
	strcpy(tenants.name, "b");
	assert_int_equal(object_at(store, &tenants, 3, NULL), 0);
	struct error error = {0};
	assert_int_equal(object_at(store, &tenants, 4, &error), -ENOENT);
	assert_int_equal(object_at(store, &tenants, 5, NULL), -ERANGE);
}

static void test_compacted(void **state)
{
	struct store *store = *state;
	struct target tenants = list_of(MODEL_TENANT, "");
	json_t *json;
	write_object(store, MODEL_TENANT, NULL, "a", "{}");
	write_object(store, MODEL_TENANT, NULL, "b", "{}");
	write_object(store, MODEL_TENANT, NULL, "c", "{}");
	assert_int_equal(store_compact(store, 3, NULL), 0);
	struct error error = {0};
	assert_int_equal(list_at(store, &tenants, 1, &json, &error), -ENODATA);
	assert_int_equal(error.code, ENODATA);
	assert_list(store, &tenants, 3, "a@1 b@2 c@3");
}

// A tenant may be called as a kind is.
static void test_confusing_names(void **state)
{
	struct store *store = *state;
	const char *host = "{\"vtep\": \"192.0.2.1\"}";
	write_object(store, MODEL_TENANT, NULL, "hosts", "{}");
	write_object(store, MODEL_NETWORK, "hosts", "networks", "{}");
	write_object(store, MODEL_NETWORK, "tenants", "ports", "{}");
	write_object(store, MODEL_HOST, NULL, "networks", host);
	struct target list = list_of(MODEL_HOST, "");
	assert_list(store, &list, 4, "networks@4");
	list = list_of(MODEL_TENANT, "");
	assert_list(store, &list, 4, "hosts@1");
	list = list_of(MODEL_NETWORK, "");
	assert_list(store, &list, 4, "networks@2 ports@3");
	list = list_of(MODEL_NETWORK, "hosts");
	assert_list(store, &list, 4, "networks@2");
	list = list_of(MODEL_PORT, "");
	assert_list(store, &list, 4, "");
}

static void test_damaged(void **state)
{
	struct store *store = *state;
	static const char *const values[] = {"", "{", "[]", "{\"vtep\": 1}", "{\"name\": \"h2\"}"};
	for (size_t i = 0; i < array_count(values); i++) {
		uint64_t revision;
		json_t *json;
		struct error error = {0};
		struct target hosts = list_of(MODEL_HOST, "");
		struct store_operation operation = {
			"objects/hosts/h1", values[i], strlen(values[i])};
		assert_int_equal(store_commit(store, NULL, 0, &operation, 1, &revision, NULL), 0);
		assert_int_equal(list_at(store, &hosts, revision, &json, &error), -EUCLEAN);
		assert_non_null(strstr(error.message, "objects/hosts/h1"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_past, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_compacted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_confusing_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
