// SPDX-License-Identifier: Apache-2.0
#include "services.h"

#include <errno.h>
#include <string.h>

#include "advertiser.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "forwarder.h"
#include "sender.h"
#include "serve.h"

// Punts in one turn of the loop, so that other work goes on; and how old a question may be that somebody still waits for.
enum { TURN = 64, PUNT_AGE_MS = 3000 };

struct counts {
	uint64_t answered, silent, malformed, failed;
};

struct services {
	struct datapath *datapath;
	struct directory *directory;
	struct sender *sender; // NULL: there are no services
	struct forwarder *forwarder;
	struct advertiser *advertiser;
	uv_poll_t *poll;
	struct counts counts[DP_SERVICE_COUNT], told[DP_SERVICE_COUNT];
	struct answer answer;
	struct dns_request request;
};

// ---- one packet ----

static void deliver(struct services *services, enum dp_service service, uint32_t ifindex,
	size_t mtu, const struct answer *answer)
{
	struct counts *counts = &services->counts[service];
	if (sender_send(services->sender, ifindex, mtu, answer))
		counts->failed++;
	else
		counts->answered++;
}

static void forwarded(
	void *context, uint32_t port, uint32_t ifindex, size_t mtu, const struct answer *answer)
{
	struct services *services = context;
	// The port may have gone meanwhile, and its device may be another's now.
	if (directory_port(services->directory, port))
		deliver(services, DP_SERVICE_DNS, ifindex, mtu, answer);
}

static void take(void *context, const struct dp_punt *punt)
{
	struct services *services = context;
	const struct port *port = directory_port(services->directory, punt->port);
	struct binding binding;
	if (punt->service >= DP_SERVICE_COUNT || punt->length > DP_PUNT_BYTES || !port ||
		binding_make(&binding, services->directory, port) ||
		binding.network->vni != punt->vni ||
		clock_monotonic_ns() - punt->time > PUNT_AGE_MS * UINT64_C(1000000))
		return;
	struct counts *counts = &services->counts[punt->service];
	size_t mtu = binding.network->mtu;
	struct forwarder_asker asker = {
		port->object.tenant, punt->port, punt->ifindex, mtu, &binding.network->dns_servers};
	switch (serve_frame(services->directory, &binding, punt->service, punt->frame, punt->length,
		&services->answer, &services->request)) {
	case SERVICE_ANSWERED:
		deliver(services, punt->service, punt->ifindex, mtu, &services->answer);
		break;
	case SERVICE_FORWARD:
		forwarder_ask(services->forwarder, &asker, &services->request);
		break;
	case SERVICE_SILENT:
		counts->silent++;
		break;
	case SERVICE_MALFORMED:
		counts->malformed++;
		break;
	}
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct services *services = poll->data;
	struct error error = {0};
	(void)events;
	if (status || datapath_punts(services->datapath, TURN, take, services, &error) < 0)
		log_warning("%s", status ? uv_strerror(status) : error.message);
}

// ---- what is known ----

void services_take(struct services *services, const struct batch *batch)
{
	const struct batch_item *item = NULL;
	if (batch->snapshot)
		directory_begin(services->directory);
	while ((item = utarray_next(&batch->items, item))) {
		if (item->object)
			directory_put(services->directory, item->object);
		else
			directory_remove(services->directory, item->kind, item->tenant, item->name);
	}
	if (batch->snapshot)
		directory_end(services->directory);
	directory_settle(services->directory);
}

void services_refresh(struct services *services)
{
	if (services->advertiser)
		advertiser_refresh(services->advertiser);
}

bool services_moved(struct services *services)
{
	bool moved = memcmp(services->counts, services->told, sizeof(services->told)) != 0;
	memcpy(services->told, services->counts, sizeof(services->told));
	return moved;
}

json_t *services_encode(const struct services *services)
{
	static const char *const names[DP_SERVICE_COUNT] = {
		[DP_SERVICE_DHCPV4] = "dhcpv4",
		[DP_SERVICE_DHCPV6] = "dhcpv6",
		[DP_SERVICE_ROUTER] = "router",
		[DP_SERVICE_DNS] = "dns",
	};
	json_t *all = json_object();
	for (int i = DP_SERVICE_NONE + 1; i < DP_SERVICE_COUNT; i++) {
		const struct counts *counts = &services->counts[i];
		json_object_set_new(all, names[i],
			json_pack("{s:I,s:I,s:I,s:I}", "answered", (json_int_t)counts->answered,
				"silent", (json_int_t)counts->silent, "malformed",
				(json_int_t)counts->malformed, "failed",
				(json_int_t)counts->failed));
	}
	return all;
}

// ---- life ----

static int start(struct services *services, uv_loop_t *loop, const struct compiler *compiler,
	int punts, struct error *error)
{
	int result = sender_new(&services->sender, error);
	if (result)
		return result;
	forwarder_new(&services->forwarder, loop, forwarded, services);
	advertiser_new(
		&services->advertiser, loop, services->directory, compiler, services->sender);
	services->poll = memory_new(sizeof(*services->poll));
	services->poll->data = services;
	uv_poll_init(loop, services->poll, punts);
	uv_poll_start(services->poll, UV_READABLE, readable);
	return 0;
}

int services_new(struct services **out, uv_loop_t *loop, struct datapath *datapath,
	const struct compiler *compiler, struct error *error)
{
	struct error cause = {0};
	struct services *services = memory_new(sizeof(*services));
	services->datapath = datapath;
	directory_new(&services->directory);
	int result = datapath_punts_fd(datapath, &cause);
	if (result >= 0)
		result = start(services, loop, compiler, result, &cause);
	if (result < 0 && result != -ENOTSUP) {
		services_free(services);
		return error_set(error, cause.code, "%s", cause.message);
	}
	*out = services;
	return 0;
}

static void poll_closed(uv_handle_t *handle)
{
	free(handle);
}

void services_free(struct services *services)
{
	if (!services)
		return;
	if (services->poll)
		uv_close((uv_handle_t *)services->poll, poll_closed);
	advertiser_free(services->advertiser);
	forwarder_free(services->forwarder);
	sender_free(services->sender);
	directory_free(services->directory);
	free(services);
}
