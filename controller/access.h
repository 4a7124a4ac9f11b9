// SPDX-License-Identifier: Apache-2.0
// Who may do what. The routes say which roles may call them (route.c); this file says what each
// role may do with the objects of each kind, and of which tenants. docs/design/security.md has the
// whole as a table.
//
// What is out of a client's sight is answered as if it did not exist (-ENOENT), in the same words,
// so that nobody finds out by asking; what it sees and may not do, is forbidden (-EACCES).
#pragma once

#include "handler.h"

#define ROLE_BIT(role) (1u << (role))

enum verb { VERB_READ, VERB_WRITE, VERB_DELETE };

// Take the identity that the request's token or certificate stands for. -EKEYREJECTED: the token is
// wrong or over, or so is the certificate.
int access_authenticate(
	const struct controller *controller, struct request *request, struct error *error);
// Whether that still holds, for a request that stays long.
bool access_holds(const struct controller *controller, const struct identity *identity);

// The roles that may do this with objects of the kind at all.
unsigned access_roles(enum model_kind kind, enum verb verb);
// May the client do this with this object, or (name NULL) with all of the tenant, or with all?
int access_check(const struct identity *identity, enum verb verb, enum model_kind kind,
	const char *tenant, const char *name, struct error *error);
// What a client may not write in an object that it may write: `before` NULL: it is new.
int access_check_object(const struct controller *controller, const struct identity *identity,
	const struct object *before, const struct object *after, struct error *error);

// Does the client see this object?
bool access_sees(const struct identity *identity, enum model_kind kind, const char *tenant,
	const char *name);
// Does it see this interface: that of a port of its tenants, or one that they may attach?
bool access_sees_device(const struct controller *controller, const struct identity *identity,
	const char *host, const char *device);
// Take out of an encoded object that the client sees what it need not know.
void access_reduce(const struct identity *identity, enum model_kind kind, json_t *object);
