// SPDX-License-Identifier: Apache-2.0
#include "request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void set_bytes(json_t *json, const char *name, const void *data, size_t length)
{
	size_t size;
	cleanup_free char *text = base64_encode(data, length, &size);
	json_object_set_new_nocheck(json, name, json_stringn_nocheck(text, size));
}

static void set_text(json_t *json, const char *name, const char *text)
{
	set_bytes(json, name, text, strlen(text));
}

static json_t *keyed(const char *key)
{
	json_t *json = json_object();
	set_text(json, "key", key);
	return json;
}

json_t *etcd_put(const char *key, const void *value, size_t length, int64_t lease)
{
	json_t *json = keyed(key);
	set_bytes(json, "value", value, length);
	if (lease)
		json_object_set_new(json, "lease", json_sprintf("%" PRId64, lease));
	return json_pack("{s:o}", "request_put", json);
}

json_t *etcd_get(const char *key)
{
	return json_pack("{s:o}", "request_range", keyed(key));
}

json_t *etcd_range(const char *from, const char *to, unsigned limit, bool keys_only)
{
	json_t *json = keyed(from);
	set_text(json, "range_end", to);
	if (limit)
		json_object_set_new(json, "limit", json_sprintf("%u", limit));
	if (keys_only)
		json_object_set_new(json, "keys_only", json_true());
	return json_pack("{s:o}", "request_range", json);
}

json_t *etcd_delete(const char *key)
{
	return json_pack("{s:o}", "request_delete_range", keyed(key));
}

json_t *etcd_delete_range(const char *from, const char *to)
{
	json_t *json = keyed(from);
	set_text(json, "range_end", to);
	return json_pack("{s:o}", "request_delete_range", json);
}

json_t *etcd_if_exists(const char *key, bool exists)
{
	json_t *json = keyed(key);
	json_object_set_new(json, "target", json_string("VERSION"));
	json_object_set_new(json, "result", json_string(exists ? "GREATER" : "EQUAL"));
	json_object_set_new(json, "version", json_string("0"));
	return json;
}

json_t *etcd_if_value(const char *key, const char *value)
{
	json_t *json = keyed(key);
	json_object_set_new(json, "target", json_string("VALUE"));
	json_object_set_new(json, "result", json_string("EQUAL"));
	set_text(json, "value", value);
	return json;
}

int etcd_transact(struct etcd_client *client, json_t *compares, json_t *success, json_t *failure,
	bool *succeeded, json_t **answer, struct error *error)
{
	json_t *request = json_object(), *json = NULL;
	if (compares)
		json_object_set_new(request, "compare", compares);
	if (success)
		json_object_set_new(request, "success", success);
	if (failure)
		json_object_set_new(request, "failure", failure);
	int result = etcd_call(client, "/v3/kv/txn", request, &json, error);
	if (result)
		return result;
	if (succeeded)
		*succeeded = json_is_true(json_object_get(json, "succeeded"));
	if (answer)
		*answer = json;
	else
		json_decref(json);
	return 0;
}

const json_t *etcd_read_of(const json_t *answer, size_t index)
{
	const json_t *response = json_array_get(json_object_get(answer, "responses"), index);
	return json_object_get(json_object_get(response, "response_range"), "kvs");
}

// etcd leaves out what is empty.
static int read_bytes(const json_t *item, const char *name, struct bytes *out)
{
	const json_t *member = json_object_get(item, name);
	out->length = 0;
	if (!member)
		return 0;
	if (!json_is_string(member) ||
		base64_decode(out, json_string_value(member), json_string_length(member)))
		return -EUCLEAN;
	return 0;
}

int etcd_read_key(const json_t *item, struct bytes *key)
{
	int result = read_bytes(item, "key", key);
	bytes_append(key, "", 1);
	key->length--;
	return result;
}

int etcd_read_value(const json_t *item, struct bytes *value)
{
	return read_bytes(item, "value", value);
}

int64_t etcd_read_number(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? strtoll(text, NULL, 10) : 0;
}
