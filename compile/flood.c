// SPDX-License-Identifier: Apache-2.0
// Flood lists: where a broadcast of a network goes. Local devices first, in order of port key; then
// each remote host that has a port in the network, once. The list follows from the members alone,
// not from the order in which they came.
//
// With n local and r remote members, local devices hold the indices 0..n-1, and index i of n..n+r-1
// holds the remote number i modulo r (in order of host key). So when a local device is added at the
// end, the common case as port keys grow, one remote entry moves to the end and the others stay
// where they are.
#include "state.h"

#include <utarray.h>
#include <utlist.h>

#include "base/memory.h"

void flood_join(struct network_node *network, struct port_node *port)
{
	struct presence *presence;
	HASH_FIND_PTR(network->remotes, &port->host, presence);
	if (!presence) {
		presence = memory_new(sizeof(*presence));
		presence->host = port->host;
		HASH_ADD_PTR(network->remotes, host, presence);
	}
	presence->ports++;
}

void flood_leave(struct network_node *network, struct port_node *port)
{
	struct presence *presence;
	HASH_FIND_PTR(network->remotes, &port->host, presence);
	if (--presence->ports)
		return;
	HASH_DEL(network->remotes, presence);
	free(presence);
}

struct member {
	uint32_t order;
	const char *path; // decides where keys are equal
	struct dp_flood row;
};

static const UT_icd member_icd = {sizeof(struct member), NULL, NULL, NULL};

static int member_compare(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return strcmp(a->path, b->path);
}

// Of an empty array, utarray_sort would hand NULL to qsort.
static void members_sort(UT_array *members)
{
	if (utarray_len(members))
		utarray_sort(members, member_compare);
}

static void find_local(const struct network_node *network, UT_array *members)
{
	const struct port_node *port;
	DL_FOREACH2(network->local, port, network_next)
	{
		if (!port->device || !port->device->seen.ifindex)
			continue;
		uint32_t key = ((const struct port *)port->node.object)->key;
		struct member member = {
			.order = key,
			.path = port->node.origin.path,
			.row = {.port = key,
				.ifindex = port->device->seen.ifindex,
				.device = port->device->seen.device},
		};
		utarray_push_back(members, &member);
	}
	members_sort(members);
}

static void find_remote(const struct network_node *network, UT_array *members)
{
	const struct presence *presence;
	for (presence = network->remotes; presence; presence = presence->hh.next) {
		uint32_t key = host_key(presence->host);
		if (!key)
			continue;
		struct member member = {
			.order = key,
			.path = presence->host->node.origin.path,
			.row = {.host = key},
		};
		utarray_push_back(members, &member);
	}
	members_sort(members);
}

uint32_t flood_compile(struct compiler *compiler, struct network_node *network)
{
	UT_array local, remote;
	utarray_init(&local, &member_icd);
	utarray_init(&remote, &member_icd);
	find_local(network, &local);
	find_remote(network, &remote);
	uint32_t here = utarray_len(&local), count = here + utarray_len(&remote);
	// From the end: a member that moves there is in its new place before it leaves the old one.
	for (uint32_t i = count; i-- > 0;) {
		const struct member *member =
			i < here ? (const struct member *)utarray_eltptr(&local, i)
				 : (const struct member *)utarray_eltptr(
					   &remote, i % utarray_len(&remote));
		struct dp_flood_key key = {network_of(network)->vni, i};
		rows_claim(
			&compiler->rows, &network->node.origin, DP_TABLE_FLOOD, &key, &member->row);
	}
	utarray_done(&local);
	utarray_done(&remote);
	return count;
}
