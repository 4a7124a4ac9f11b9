// SPDX-License-Identifier: Apache-2.0
#include "allowance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/table.h"
#include "bucket.h"
#include "loop.h"

enum {
	BURST_SECONDS = 10, // of a rate, at once
	HOLDS = 64,         // requests of one client that wait or stream
	CONNECTIONS = 128,  // of one client
	SWEEP_MS = 10000,
};

// Of the agent of a host, and of all whom nobody knows at one address.
static const struct bucket_size host_requests = {50, 1000}, host_writes = {10, 100},
				stranger_requests = {20, 200}, stranger_writes = {1, 20};

static const double UNLIMITED = 1e9;

struct client {
	char who[IDENTITY_TEXT];
	struct bucket requests, writes;
	struct bucket_size request_size, write_size;
	UT_hash_handle hh;
};

struct limits {
	struct client *clients; // of which something was taken
	uv_timer_t *timer;
};

// ---- who, and how much ----

// Whether there are limits; the name that they are kept under, and what they are.
static bool limits_of(const struct request *request, struct client *out)
{
	const struct identity *identity = &request->identity;
	if (identity->source == SOURCE_TOKEN) {
		double rate = identity->token->rate, writes = identity->token->write_rate;
		out->request_size = (struct bucket_size){rate, rate * BURST_SECONDS};
		out->write_size = (struct bucket_size){writes, writes * BURST_SECONDS};
		identity_text(identity, out->who);
		return true;
	}
	if (identity->role == ROLE_HOST) {
		out->request_size = host_requests;
		out->write_size = host_writes;
		identity_text(identity, out->who);
		return true;
	}
	if (identity->role != ROLE_NONE)
		return false;
	out->request_size = stranger_requests;
	out->write_size = stranger_writes;
	snprintf(out->who, sizeof(out->who), "address:%s", request->from);
	return true;
}

static struct client *client_get(struct controller *controller, const struct client *like)
{
	struct limits *limits = controller->limits;
	struct client *client;
	uint64_t now = clock_monotonic_ms();
	HASH_FIND_STR(limits->clients, like->who, client);
	if (!client) {
		client = memory_new(sizeof(*client));
		memcpy(client->who, like->who, sizeof(client->who));
		bucket_init(&client->requests, like->request_size, now);
		bucket_init(&client->writes, like->write_size, now);
		HASH_ADD_STR(limits->clients, who, client);
	}
	client->request_size = like->request_size;
	client->write_size = like->write_size;
	bucket_fill(&client->requests, client->request_size, now);
	bucket_fill(&client->writes, client->write_size, now);
	return client;
}

// What the people of a tenant may do together. NULL: as much as each of them may, or there is no such
// tenant. What has no limit has a bucket without one.
static struct client *tenant_get(struct controller *controller, const char *name)
{
	struct client like = {0};
	const struct tenant *tenant =
		(struct tenant *)catalog_find(controller->catalog, MODEL_TENANT, NULL, name);
	if (!tenant || (!tenant->rate && !tenant->write_rate))
		return NULL;
	double rate = tenant->rate ? tenant->rate : UNLIMITED;
	double writes = tenant->write_rate ? tenant->write_rate : UNLIMITED;
	like.request_size = (struct bucket_size){rate, rate * BURST_SECONDS};
	like.write_size = (struct bucket_size){writes, writes * BURST_SECONDS};
	snprintf(like.who, sizeof(like.who), "tenant:%s", name);
	return client_get(controller, &like);
}

// ---- asking ----

static int check(const struct client *client, bool writes, unsigned *retry_s, struct error *error)
{
	*retry_s = bucket_wait_s(&client->requests, client->request_size);
	if (*retry_s)
		return error_set(error, EUSERS, "%s makes more than %.0f requests a second",
			client->who, client->request_size.rate);
	*retry_s = writes ? bucket_wait_s(&client->writes, client->write_size) : 0;
	if (*retry_s)
		return error_set(error, EUSERS, "%s writes more than %.0f objects a second",
			client->who, client->write_size.rate);
	return 0;
}

// Whoever works for several tenants waits for each of them.
static int admit_tenants(struct controller *controller, const struct identity *identity,
	bool writes, unsigned *retry_s, struct error *error)
{
	const struct name_list *tenants = &identity->token->tenants;
	struct client *client;
	for (size_t i = 0; i < tenants->count; i++) {
		client = tenant_get(controller, tenants->items[i]);
		int rc = client ? check(client, writes, retry_s, error) : 0;
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < tenants->count; i++)
		if ((client = tenant_get(controller, tenants->items[i])))
			client->requests.level--;
	return 0;
}

static int admit(struct controller *controller, struct request *request, const struct client *like,
	unsigned *retry_s, struct error *error)
{
	struct client *client = client_get(controller, like);
	bool writes = strcmp(request->method, "GET") != 0;
	int rc = check(client, writes, retry_s, error);
	if (!rc && identity_is_scoped(&request->identity))
		rc = admit_tenants(controller, &request->identity, writes, retry_s, error);
	if (rc < 0)
		return rc;
	client->requests.level--;
	*retry_s = 1;
	if (request_claim_connection(request, client->who) > CONNECTIONS)
		return error_set(
			error, EUSERS, "%s has more than %d connections", client->who, CONNECTIONS);
	return 0;
}

int allowance_admit(struct controller *controller, struct request *request, unsigned *retry_s,
	struct error *error)
{
	struct client like = {0};
	if (!limits_of(request, &like))
		return 0;
	return admit(controller, request, &like, retry_s, error);
}

int allowance_admit_stranger(struct controller *controller, struct request *request,
	unsigned *retry_s, struct error *error)
{
	struct client like = {.request_size = stranger_requests, .write_size = stranger_writes};
	snprintf(like.who, sizeof(like.who), "address:%s", request->from);
	return admit(controller, request, &like, retry_s, error);
}

void allowance_charge(struct controller *controller, const struct request *request,
	const struct catalog_change *changes, size_t count)
{
	struct client like = {0};
	if (!request || !limits_of(request, &like))
		return;
	client_get(controller, &like)->writes.level -= (double)count;
	for (size_t i = 0; i < count && identity_is_scoped(&request->identity); i++) {
		const struct object *object =
			changes[i].after ? changes[i].after : changes[i].before;
		struct client *tenant = tenant_get(
			controller, object->kind == MODEL_TENANT ? object->name : object->tenant);
		if (tenant)
			tenant->writes.level--;
	}
}

// ---- at once ----

int allowance_hold(struct request *request, struct error *error)
{
	struct client like = {0};
	if (!limits_of(request, &like) || request_hold(request, like.who) <= HOLDS)
		return 0;
	return error_set(
		error, EUSERS, "%s has %d requests that wait or watch already", like.who, HOLDS);
}

// ---- life ----

// Who has taken nothing for a while is as new.
static void sweep(uv_timer_t *timer)
{
	struct limits *limits = ((struct controller *)timer->data)->limits;
	struct client *client, *next;
	uint64_t now = clock_monotonic_ms();
	HASH_ITER (hh, limits->clients, client, next) {
		bucket_fill(&client->requests, client->request_size, now);
		bucket_fill(&client->writes, client->write_size, now);
		if (!bucket_full(&client->requests, client->request_size) ||
			!bucket_full(&client->writes, client->write_size))
			continue;
		HASH_DEL(limits->clients, client);
		free(client);
	}
}

void allowance_start(struct controller *controller)
{
	struct limits *limits = memory_new(sizeof(*limits));
	limits->timer = memory_new(sizeof(*limits->timer));
	limits->timer->data = controller;
	uv_timer_init(controller->loop, limits->timer);
	uv_timer_start(limits->timer, sweep, SWEEP_MS, SWEEP_MS);
	controller->limits = limits;
}

void allowance_stop(struct controller *controller)
{
	struct limits *limits = steal(controller->limits);
	struct client *client, *next;
	HASH_ITER (hh, limits->clients, client, next) {
		HASH_DEL(limits->clients, client);
		free(client);
	}
	loop_close(limits->timer);
	free(limits);
}
