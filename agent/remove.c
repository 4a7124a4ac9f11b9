// SPDX-License-Identifier: Apache-2.0
// All that agents leave on a host, when none runs: programs on interfaces, what was changed of these for
// them, next hops that are kept resolved, and the pins.
#include "agent/agent.h"
#include "attachments.h"
#include "datapath/datapath.h"
#include "neighbors.h"

struct removal {
	agent_removed_visit visit;
	void *context;
};

static void detached(void *context, const char *interface, enum datapath_role role)
{
	const struct removal *removal = context;
	bool is_port = role == DATAPATH_PORT;
	if (is_port)
		attachments_removed(interface);
	removal->visit(removal->context, interface, is_port ? "port" : "underlay");
}

static int forget_neighbors(struct error *error)
{
	struct neighbors *neighbors;
	int result = neighbors_new(&neighbors, error);
	if (result)
		return result;
	result = neighbors_update(neighbors, NULL, 0, error);
	neighbors_free(neighbors);
	return result;
}

int agent_remove(const char *state, agent_removed_visit visit, void *context, struct error *error)
{
	struct removal removal = {visit, context};
	int result = agent_check_privileges("kernel", error);
	if (!result)
		result = datapath_destroy("kernel", state, detached, &removal, error);
	return result ? result : forget_neighbors(error);
}
