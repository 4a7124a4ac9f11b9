// SPDX-License-Identifier: Apache-2.0
// Who is who in the networks that this host knows: the objects of the view that services ask about, by port key, by name and by
// address. Pure; a changed object costs itself.
#pragma once

#include "model/object.h"

struct directory;

void directory_new(struct directory **out);
void directory_free(struct directory *directory);

// Tenants, networks, ports and routers are kept, with a reference; others are ignored. Put again: replaced.
void directory_put(struct directory *directory, struct object *object);
void directory_remove(
	struct directory *directory, enum model_kind kind, const char *tenant, const char *name);
// A snapshot: begin, put all, end. What was not put is forgotten.
void directory_begin(struct directory *directory);
void directory_end(struct directory *directory);

// Between changes and questions: join networks to segments. A segment is known whole, as far as a port of it is here; of what lies
// beyond, another host may know more or less, so that nobody is told of it.
void directory_settle(struct directory *directory);

// All answers are borrowed until the next change. NULL: none.
const struct port *directory_port(const struct directory *directory, uint32_t key);
const struct object *directory_find(const struct directory *directory, enum model_kind kind,
	const char *tenant, const char *name);
// The port that has the address in the segment of the network.
const struct port *directory_holder(const struct directory *directory,
	const struct network *network, const struct address *address);
// Does a subnet of the segment hold the address?
bool directory_owns(const struct directory *directory, const struct network *network,
	const struct address *address);
// Is the tenant's network of this name in the segment?
bool directory_reaches(
	const struct directory *directory, const struct network *network, const char *other);

typedef void (*directory_visit)(
	void *context, const struct router *router, const struct router_network *joined);
// The routers of the network, the oldest first.
void directory_routers(const struct directory *directory, const struct network *network,
	directory_visit visit, void *context);
