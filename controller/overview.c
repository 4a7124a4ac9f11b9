// SPDX-License-Identifier: Apache-2.0
// The state of the whole: controllers, store, hosts, and who is late since when.
#include "handler.h"

#include "access.h"
#include "base/clock.h"
#include "follow.h"
#include "peer.h"
#include "peers.h"
#include "presence.h"

enum { LISTED = 100 }; // hosts that are late or not connected

// How many of them the client sees.
static size_t count_seen(
	const struct controller *controller, const struct identity *identity, enum model_kind kind)
{
	if (!identity_is_scoped(identity) || kind == MODEL_HOST)
		return catalog_count(controller->catalog, kind);
	const struct name_list *tenants = &identity->token->tenants;
	size_t count = kind == MODEL_TENANT ? tenants->count : 0;
	for (size_t i = 0; i < tenants->count; i++)
		count += catalog_count_in(controller->catalog, kind, tenants->items[i]);
	return count;
}

static json_t *objects_of(const struct controller *controller, const struct identity *identity)
{
	json_t *objects = json_object();
	for (enum model_kind kind = 0; kind < MODEL_KIND_COUNT; kind++)
		if (access_roles(kind, VERB_READ) & ROLE_BIT(identity->role))
			json_object_set_new(objects, model_kind_plural(kind),
				json_integer((json_int_t)count_seen(controller, identity, kind)));
	return objects;
}

static json_t *store_of(const struct controller *controller)
{
	uint64_t since;
	bool answers = follow_reaches(controller, &since);
	return json_pack("{s:b, s:b, s:I}", "shared", !controller_alone(controller), "answers",
		answers, "since_ms", (json_int_t)since);
}

struct listing {
	const struct controller *controller;
	json_t *items;
};

static void list_peer(void *context, const struct peer_controller *peer)
{
	struct listing *listing = context;
	uint64_t since;
	bool connected = peer_connected(peer, &since);
	json_array_append_new(listing->items,
		json_pack("{s:s, s:b, s:b, s:I, s:I}", "url", peer_url(peer), "self", 0,
			"connected", connected, "since_ms", (json_int_t)since, "hosts",
			(json_int_t)presence_count(listing->controller, peer)));
}

// This one first.
static json_t *controllers_of(const struct controller *controller)
{
	struct listing listing = {controller, json_array()};
	json_array_append_new(listing.items,
		json_pack("{s:s?, s:b, s:b, s:I, s:I, s:I}", "url", peers_self(controller), "self",
			1, "connected", 1, "since_ms",
			(json_int_t)(clock_monotonic_ms() - controller->started), "hosts",
			(json_int_t)presence_count(controller, NULL), "turned_away",
			(json_int_t)http_turned_away(controller->http)));
	peers_each(controller, list_peer, &listing);
	return listing.items;
}

static void list_host(void *context, const struct receipt_pending *pending, bool late)
{
	struct listing *listing = context;
	uint64_t since;
	if (json_array_size(listing->items) == LISTED)
		return;
	bool connected = presence_connected(listing->controller, pending->host, &since);
	json_array_append_new(listing->items,
		json_pack("{s:s, s:b, s:b, s:I, s:I, s:s?}", "host", pending->host, "connected",
			connected, "late", late, "since_ms",
			(json_int_t)(connected ? pending->since_ms : since), "realized",
			(json_int_t)pending->realized, "failure", pending->failure));
}

static json_t *hosts_of(const struct receipt_survey *survey, json_t *attention)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:O}", "managed", (json_int_t)survey->hosts,
		"connected", (json_int_t)survey->connected, "late", (json_int_t)survey->late,
		"outstanding", (json_int_t)survey->outstanding, "attention", attention);
}

// The people of a tenant see what is theirs.
void handle_status(
	struct controller *controller, struct request *request, const struct target *target)
{
	(void)target;
	struct listing listing = {controller, json_array()};
	struct receipt_survey survey =
		receipts_survey(controller->receipts, clock_monotonic_ms(), list_host, &listing);
	json_t *status = json_pack("{s:s, s:I, s:I, s:o, s:I}", "version", WEFT_VERSION, "revision",
		(json_int_t)controller_revision(controller), "compacted",
		(json_int_t)controller->compacted, "objects",
		objects_of(controller, &request->identity), "hosts_connected",
		(json_int_t)survey.connected);
	if (!identity_is_scoped(&request->identity)) {
		json_object_set_new(status, "store", store_of(controller));
		json_object_set_new(status, "controllers", controllers_of(controller));
		json_object_set_new(status, "hosts", hosts_of(&survey, listing.items));
	}
	json_decref(listing.items);
	request_answer(request, 200, status);
}
