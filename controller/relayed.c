// SPDX-License-Identifier: Apache-2.0
#include "relayed.h"

#include "access.h"
#include "base/memory.h"
#include "base/table.h"
#include "feed.h"

struct relayed {
	struct identity identity;
	UT_hash_handle hh;
};

const struct identity *relayed_identity(const struct controller *controller, const char *host)
{
	struct relayed *relayed;
	HASH_FIND_STR(controller->relayed, host, relayed);
	return relayed ? &relayed->identity : NULL;
}

static void forget(struct controller *controller, const char *host)
{
	struct relayed *relayed;
	HASH_FIND_STR(controller->relayed, host, relayed);
	if (!relayed)
		return;
	HASH_DEL(controller->relayed, relayed);
	free(relayed);
}

void relayed_keep(struct controller *controller, const struct identity *identity)
{
	forget(controller, identity->name);
	if (!*identity->enrolment && !identity->expires)
		return;
	struct relayed *relayed = memory_new(sizeof(*relayed));
	relayed->identity = *identity;
	HASH_ADD_STR(controller->relayed, identity.name, relayed);
}

void relayed_enforce(struct controller *controller)
{
	struct relayed *relayed, *next;
	HASH_ITER (hh, controller->relayed, relayed, next) {
		if (access_holds(controller, &relayed->identity))
			continue;
		feed_drop(controller->feed, relayed->identity.name);
		forget(controller, relayed->identity.name);
	}
}

void relayed_free(struct controller *controller)
{
	struct relayed *relayed, *next;
	HASH_ITER (hh, controller->relayed, relayed, next)
		forget(controller, relayed->identity.name);
}
