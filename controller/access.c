// SPDX-License-Identifier: Apache-2.0
#include "access.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/memory.h"
#include "bearer.h"

// ---- who it is ----

// A certificate of our own signing counts as long as the enrolment that it names; one of another
// hand counts for a host that is not enrolled.
static bool enrolment_holds(const struct controller *controller, const struct identity *identity)
{
	if (identity->role != ROLE_HOST)
		return true;
	const struct enrolment *enrolment = (struct enrolment *)catalog_find(
		controller->catalog, MODEL_ENROLMENT, NULL, identity->name);
	const char *current = enrolment && enrolment->identity ? enrolment->identity : "";
	return !strcmp(current, identity->enrolment);
}

bool access_holds(const struct controller *controller, const struct identity *identity)
{
	if (identity_expired(identity) || !enrolment_holds(controller, identity))
		return false;
	return identity->source != SOURCE_TOKEN ||
	       catalog_find(controller->catalog, MODEL_TOKEN, NULL, identity->name) ==
		       &identity->token->object;
}

int access_authenticate(
	const struct controller *controller, struct request *request, struct error *error)
{
	const char *authorization = request_header_of(request, "Authorization");
	if (authorization) {
		struct token *token = bearer_find(controller, authorization);
		if (!token)
			return error_set(error, EKEYREJECTED, "this token is not valid");
		identity_done(&request->identity);
		request->identity = identity_from_token(token);
		if (identity_expired(&request->identity))
			return error_set(error, EKEYREJECTED, "this token has expired");
		return 0;
	}
	if (identity_expired(&request->identity))
		return error_set(error, EKEYREJECTED, "this certificate has expired");
	if (!enrolment_holds(controller, &request->identity))
		return error_set(error, EKEYREJECTED,
			"this certificate is not valid any more: host %s is no longer enrolled "
			"with it",
			request->identity.name);
	return 0;
}

// ---- what it may do ----

enum {
	ADMINISTRATOR = ROLE_BIT(ROLE_ADMINISTRATOR),
	TENANT_ADMINISTRATOR = ROLE_BIT(ROLE_TENANT_ADMINISTRATOR),
	READERS = ADMINISTRATOR | TENANT_ADMINISTRATOR | ROLE_BIT(ROLE_READER) |
		  ROLE_BIT(ROLE_TENANT_READER),
	WRITERS = ADMINISTRATOR | TENANT_ADMINISTRATOR,
	// A host writes itself: what of it, objects.c says.
	HOST_WRITERS = ADMINISTRATOR | ROLE_BIT(ROLE_HOST) | ROLE_BIT(ROLE_RELAY),
	KEEPERS = ADMINISTRATOR | ROLE_BIT(ROLE_READER),
};

// A kind that is not in this table is nobody's.
static const unsigned kinds[MODEL_KIND_COUNT][VERB_DELETE + 1] = {
	[MODEL_TENANT] = {READERS, WRITERS, ADMINISTRATOR},
	[MODEL_HOST] = {READERS, HOST_WRITERS, ADMINISTRATOR},
	[MODEL_NETWORK] = {READERS, WRITERS, WRITERS},
	[MODEL_PORT] = {READERS, WRITERS, WRITERS},
	[MODEL_ROUTER] = {READERS, WRITERS, WRITERS},
	[MODEL_ADDRESS_SET] = {READERS, WRITERS, WRITERS},
	[MODEL_POLICY] = {READERS, WRITERS, WRITERS},
	[MODEL_TOKEN] = {KEEPERS, ADMINISTRATOR, ADMINISTRATOR},
	[MODEL_ENROLMENT] = {KEEPERS, ADMINISTRATOR, ADMINISTRATOR},
};

unsigned access_roles(enum model_kind kind, enum verb verb)
{
	return kinds[kind][verb];
}

bool access_sees(
	const struct identity *identity, enum model_kind kind, const char *tenant, const char *name)
{
	if (!(kinds[kind][VERB_READ] & ROLE_BIT(identity->role)))
		return false;
	if (kind == MODEL_TENANT)
		return identity_sees_tenant(identity, name);
	return !model_kind_in_tenant(kind) || identity_sees_tenant(identity, tenant);
}

static int not_there(
	enum model_kind kind, const char *tenant, const char *name, struct error *error)
{
	char path[OBJECT_PATH_TEXT];
	if (model_kind_in_tenant(kind)) {
		kind = MODEL_TENANT;
		name = tenant;
	}
	error_set_object(error, "%s", object_path_of(kind, NULL, name, path));
	return error_set(error, ENOENT, "there is no %s %s", model_kind_name(kind), name);
}

int access_check(const struct identity *identity, enum verb verb, enum model_kind kind,
	const char *tenant, const char *name, struct error *error)
{
	static const char *const verbs[] = {"read", "write", "delete"};
	char path[OBJECT_PATH_TEXT];
	bool of_tenant = kind == MODEL_TENANT ? name != NULL : tenant && *tenant;
	if (identity_is_scoped(identity) && of_tenant &&
		!identity_sees_tenant(identity, kind == MODEL_TENANT ? name : tenant))
		return not_there(kind, tenant, name, error);
	if (kinds[kind][verb] & ROLE_BIT(identity->role) &&
		(identity->role != ROLE_HOST || (name && identity_is_host(identity, name))))
		return 0;
	if (name)
		error_set_object(error, "%s", object_path_of(kind, tenant, name, path));
	return error_set(error, EACCES, "the role %s may not %s %s", role_name(identity->role),
		verbs[verb], model_kind_plural(kind));
}

static bool may_attach(
	const struct controller *controller, const char *tenant_name, const char *device)
{
	const struct tenant *tenant =
		(struct tenant *)catalog_find(controller->catalog, MODEL_TENANT, NULL, tenant_name);
	return tenant && tenant->devices && !fnmatch(tenant->devices, device, FNM_NOESCAPE);
}

bool access_sees_device(const struct controller *controller, const struct identity *identity,
	const char *host, const char *device)
{
	const struct port *port = catalog_port_by_device(controller->catalog, host, device);
	if (!identity_is_scoped(identity) || port)
		return !port || identity_sees_tenant(identity, port->object.tenant);
	const struct name_list *tenants = &identity->token->tenants;
	for (size_t i = 0; i < tenants->count; i++)
		if (may_attach(controller, tenants->items[i], device))
			return true;
	return false;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

// An interface of a host belongs to whoever the administrators say: a port that is put on it takes
// all of its traffic.
static int check_place(const struct controller *controller, const struct port *before,
	const struct port *after, struct error *error)
{
	if (!after->device || (before && same_text(before->device, after->device) &&
				      same_text(before->host, after->host)))
		return 0;
	const struct tenant *tenant = (struct tenant *)catalog_find(
		controller->catalog, MODEL_TENANT, NULL, after->object.tenant);
	if (may_attach(controller, after->object.tenant, after->device))
		return 0;
	error_set_field(error, "device");
	if (!tenant || !tenant->devices)
		return error_set(error, EACCES,
			"only administrators attach ports of tenant %s: its devices are not given",
			after->object.tenant);
	return error_set(error, EACCES,
		"'%s' is no interface for tenant %s, whose devices are '%s'", after->device,
		after->object.tenant, tenant->devices);
}

int access_check_object(const struct controller *controller, const struct identity *identity,
	const struct object *before, const struct object *after, struct error *error)
{
	char path[OBJECT_PATH_TEXT];
	int rc = 0;
	if (identity_is_scoped(identity)) {
		const char *field = object_administered(before, after);
		if (field) {
			error_set_field(error, "%s", field);
			rc = error_set(error, EACCES, "only administrators write %s", field);
		} else if (after->kind == MODEL_PORT) {
			rc = check_place(controller, (const struct port *)before,
				(const struct port *)after, error);
		}
	}
	if (rc < 0)
		error_set_object(error, "%s", object_path(after, path));
	return rc;
}

// ---- what it sees ----

// Of a host, the people of a tenant need its name, to place ports on it, and whether it is there.
void access_reduce(const struct identity *identity, enum model_kind kind, json_t *object)
{
	static const char *const kept[] = {"kind", "name", "status", NULL};
	const char *name;
	json_t *value;
	void *next;
	if (kind != MODEL_HOST || !identity_is_scoped(identity))
		return;
	json_object_foreach_safe(object, next, name, value)
	{
		size_t i = 0;
		while (kept[i] && strcmp(kept[i], name))
			i++;
		if (!kept[i])
			json_object_del(object, name);
	}
	json_t *connected = json_object_get(json_object_get(object, "status"), "connected");
	if (connected)
		json_object_set_new(object, "status", json_pack("{s:O}", "connected", connected));
}
