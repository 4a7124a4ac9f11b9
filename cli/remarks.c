// SPDX-License-Identifier: Apache-2.0
#include "remarks.h"

#include <string.h>

#include "base/memory.h"
#include "model/object.h"
#include "output.h"
#include "view.h"

enum { PORTS_ASKED = 100, PORTS_LISTED = 1000 };

static const char *text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void add(json_t *remarks, const char *object, const char *remark, const char *detail)
{
	json_array_append_new(remarks,
		json_pack("{s:s, s:s, s:s}", "object", object, "remark", remark, "detail", detail));
}

// A port without a place is no surprise.
static void look_at_port(const json_t *port, json_t *remarks)
{
	const char *state = view_state(port), *host = text(port, "host");
	const char *problem = text(json_object_get(port, "status"), "problem");
	char path[OBJECT_PATH_TEXT];

	object_path_of(MODEL_PORT, text(port, "tenant"), text(port, "name"), path);
	if (problem) {
		add(remarks, path, "problem", problem);
	} else if (state && !strcmp(state, "missing-device")) {
		cleanup_free char *detail =
			memory_format("host %s has no interface %s", host, text(port, "device"));
		add(remarks, path, state, detail);
	} else if (state && !strcmp(state, "host-offline")) {
		cleanup_free char *detail = memory_format("host %s is not connected", host);
		add(remarks, path, state, detail);
	}
}

static void look_at_host(const json_t *host, json_t *remarks)
{
	cleanup_free char *path = memory_format("hosts/%s", text(host, "name"));
	size_t index;
	json_t *warning;

	json_array_foreach (
		json_object_get(json_object_get(host, "status"), "warnings"), index, warning)
		add(remarks, path, "host", json_string_value(warning));
}

static bool is_port(const json_t *object)
{
	const char *kind = text(object, "kind");

	return kind && !strcmp(kind, model_kind_name(MODEL_PORT)) && text(object, "tenant") &&
	       text(object, "name");
}

// The answer to a transaction lists objects; to other writes it is the object.
json_t *remarks_collect(struct client *client, const json_t *answer)
{
	json_t *remarks = json_array(), *hosts = json_object(), *object, *value;
	const json_t *objects = json_object_get(answer, "objects");
	json_t *all = objects ? json_incref((json_t *)objects) : json_pack("[O]", answer);
	size_t index, asked = 0;
	const char *name;

	json_array_foreach (all, index, object) {
		if (!is_port(object) || !text(object, "host") || ++asked > PORTS_ASKED)
			continue;
		json_t *port = client_find(
			client, MODEL_PORT, text(object, "tenant"), text(object, "name"));
		if (port && text(port, "host")) {
			look_at_port(port, remarks);
			json_object_set_new(hosts, text(port, "host"), json_true());
		}
		json_decref(port);
	}
	json_object_foreach (hosts, name, value) {
		json_t *host = client_find(client, MODEL_HOST, NULL, name);
		if (host)
			look_at_host(host, remarks);
		json_decref(host);
	}
	json_decref(hosts);
	json_decref(all);
	return remarks;
}

json_t *remarks_of_revision(struct client *client, uint64_t revision)
{
	cleanup_free char *path = client_path(MODEL_PORT, NULL, NULL);
	struct error ignored = {0};
	json_t *status = NULL, *ports = NULL, *changed = json_array(), *port, *remarks, *answer;
	size_t index;

	client_request(client, "GET", "/v1/status", NULL, CLIENT_TIMEOUT_MS, &status, &ignored);
	if (json_integer_value(json_object_get(json_object_get(status, "objects"), "ports")) <=
		PORTS_LISTED)
		client_request(client, "GET", path, NULL, CLIENT_TIMEOUT_MS, &ports, &ignored);
	json_array_foreach (json_object_get(ports, "items"), index, port)
		if ((uint64_t)json_integer_value(json_object_get(port, "revision")) == revision)
			json_array_append(changed, port);
	answer = json_pack("{s:o}", "objects", changed);
	remarks = remarks_collect(client, answer);
	json_decref(answer);
	json_decref(ports);
	json_decref(status);
	return remarks;
}

void remarks_print(const json_t *remarks)
{
	size_t index;
	json_t *remark;

	json_array_foreach ((json_t *)remarks, index, remark) {
		struct error what = {0};
		error_set_object(&what, "%s", text(remark, "object"));
		error_set(&what, 0, "%s", text(remark, "detail"));
		output_warning(text(remark, "remark"), &what);
	}
}
