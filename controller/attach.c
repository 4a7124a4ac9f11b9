// SPDX-License-Identifier: Apache-2.0
// Attach and detach: which interface of which host is a port.
#include "handler.h"

#include <errno.h>
#include <string.h>

#include "access.h"
#include "base/memory.h"
#include "reports.h"
#include "presence.h"
#include "submit.h"

struct place {
	const char *host, *device;
};

static int place_get(const json_t *json, struct place *out, struct error *error)
{
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)json, name, value) {
		if ((strcmp(name, "host") && strcmp(name, "device")) || !json_is_string(value)) {
			error_set_field(error, "%s", name);
			return error_set(error, EINVAL,
				"the body must be {\"host\": NAME, \"device\": NAME}");
		}
	}
	out->host = json_string_value(json_object_get(json, "host"));
	out->device = json_string_value(json_object_get(json, "device"));
	if (!out->host || !out->device) {
		error_set_field(error, "%s", out->host ? "device" : "host");
		return error_set(error, EINVAL, "must be given");
	}
	return 0;
}

// Loopback, tun and tunnels have no MAC.
static bool is_ethernet(const json_t *interface)
{
	const char *text = json_string_value(json_object_get(interface, "mac"));
	struct mac mac;
	return !text || mac_parse(text, &mac) || !mac_is_zero(&mac);
}

// Whether the place is one for a port, as the agent sees it: 0, or the problem in `error` and
// `problem`.
static int place_check(const struct controller *controller, const struct place *place,
	enum problem *problem, struct error *error)
{
	error_set_object(error, "hosts/%s", place->host);
	if (!catalog_find(controller->catalog, MODEL_HOST, NULL, place->host)) {
		*problem = PROBLEM_NOT_FOUND;
		error_set_field(error, "host");
		return error_set(error, ENOENT, "there is no host %s", place->host);
	}
	if (!presence_connected(controller, place->host, NULL)) {
		*problem = PROBLEM_HOST_OFFLINE;
		error_set_field(error, "host");
		return error_set(error, EBUSY,
			"host %s is not connected, so its interfaces are not known", place->host);
	}
	json_t *interface = reports_interface(controller, place->host, place->device);
	error_set_field(error, "device");
	if (!interface) {
		*problem = PROBLEM_INTERFACE_NOT_FOUND;
		return error_set(
			error, ENOENT, "host %s has no interface %s", place->host, place->device);
	}
	bool ethernet = is_ethernet(interface);
	const char *role = json_string_value(json_object_get(interface, "role"));
	bool underlay = role && !strcmp(role, "underlay");
	cleanup_free char *use = memory_text(json_string_value(json_object_get(interface, "use")));
	json_decref(interface);
	if (!ethernet) {
		*problem = PROBLEM_INVALID;
		return error_set(error, EINVAL, "interface %s of host %s is no Ethernet interface",
			place->device, place->host);
	}
	if (underlay) {
		*problem = PROBLEM_IN_USE;
		return error_set(error, EBUSY, "interface %s of host %s carries the underlay",
			place->device, place->host);
	}
	if (use) {
		*problem = PROBLEM_IN_USE;
		return error_set(error, EBUSY, "interface %s of host %s %s", place->device,
			place->host, use);
	}
	return 0;
}

// Whether port and interface are free for each other.
static int free_check(const struct controller *controller, const struct identity *identity,
	const struct port *port, const struct place *place, struct error *error)
{
	const struct port *other =
		catalog_port_by_device(controller->catalog, place->host, place->device);
	if (other && !identity_sees_tenant(identity, other->object.tenant)) {
		error_set_field(error, "device");
		return error_set(error, EBUSY,
			"interface %s of host %s is a port of another tenant already",
			place->device, place->host);
	}
	if (other) {
		error_set_object(error, "%s/ports/%s", other->object.tenant, other->object.name);
		error_set_field(error, "device");
		return error_set(error, EBUSY,
			"interface %s of host %s is port %s of tenant %s already", place->device,
			place->host, other->object.name, other->object.tenant);
	}
	if (port->host && port->device) {
		error_set_object(error, "%s/ports/%s", port->object.tenant, port->object.name);
		error_set_field(error, "device");
		return error_set(error, EBUSY,
			"port %s is attached to interface %s of host %s; detach it first",
			port->object.name, port->device, port->host);
	}
	return 0;
}

// The port with the patch; NULL if the client may not have it so.
static struct object *moved(const struct controller *controller, const struct identity *identity,
	const struct port *port, json_t *patch, struct error *error)
{
	struct object *object = NULL;
	int rc = object_merge(&object, &port->object, patch, error);
	json_decref(patch);
	if (!rc && access_check_object(controller, identity, &port->object, object, error) < 0) {
		object_unref(object);
		return NULL;
	}
	return object;
}

static bool is_at(const struct port *port, const struct place *place)
{
	return port->host && port->device && !strcmp(port->host, place->host) &&
	       !strcmp(port->device, place->device);
}

static struct port *port_get(
	const struct controller *controller, const struct target *target, struct error *error)
{
	struct object *object =
		catalog_find(controller->catalog, MODEL_PORT, target->tenant, target->name);
	if (!object) {
		error_set(error, ENOENT, "there is no port %s", target->name);
		error_set_object(error, "%s/ports/%s", target->tenant, target->name);
	}
	return (struct port *)object;
}

// Whether it may be there is told first: nobody learns what else there is from what they may not do.
static struct object *attached(const struct controller *controller, const struct request *request,
	const struct port *port, const struct place *place, enum problem *problem,
	struct error *error)
{
	struct object *object = moved(controller, &request->identity, port,
		json_pack("{s:s, s:s}", "host", place->host, "device", place->device), error);
	*problem = PROBLEM_COUNT;
	if (!object || is_at(port, place) ||
		(free_check(controller, &request->identity, port, place, error) == 0 &&
			place_check(controller, place, problem, error) == 0))
		return object;
	object_unref(object);
	return NULL;
}

void handle_attach(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	struct place place = {0};
	enum problem problem = PROBLEM_COUNT;
	struct object *object = NULL;
	const struct port *port = port_get(controller, target, &error);
	if (port && request_json(request, &json, &error) == 0 &&
		place_get(json, &place, &error) == 0)
		object = attached(controller, request, port, &place, &problem, &error);
	json_decref(json);
	if (object)
		submit_object(controller, request, object);
	else if (problem != PROBLEM_COUNT)
		request_refuse_as(request, problem, &error);
	else
		request_refuse(request, &error);
}

void handle_detach(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	struct object *object = NULL;
	const struct port *port = port_get(controller, target, &error);
	int rc = port ? request_json(request, &json, &error) : -ENOENT;
	if (!rc && json_object_size(json))
		rc = error_set(&error, EINVAL, "the body must be {}");
	json_decref(json);
	if (!rc)
		object = moved(controller, &request->identity, port,
			json_pack("{s:n, s:n}", "host", "device"), &error);
	if (object)
		submit_object(controller, request, object);
	else
		request_refuse(request, &error);
}
