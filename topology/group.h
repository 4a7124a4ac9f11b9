// SPDX-License-Identifier: Apache-2.0
// Groups, which are segments and tenants, and who has ports in them.
#pragma once

#include "nodes.h"

// Of a node that is new: its list of links.
void links_init(UT_array *links);

void group_init(struct graph *graph, struct group *group, bool tenant);
// It has no members any more, and no roll.
void group_done(struct group *group);
// Without members.
struct segment *segment_new(struct graph *graph);

// Stage one port of the host in the group more, or less.
void member_stage(struct graph *graph, struct host_node *host, struct group *group, int difference);
// Make NOW the only moment. It is gone if no port is left.
void member_settle(struct member *member);
// All members are gone.
void group_clear(struct group *group);

// Has the host ports in the group at that moment? Have two hosts some in one segment?
bool group_has(const struct group *group, const struct host_node *host, enum moment moment);
bool group_shared(const struct host_node *a, const struct host_node *b, enum moment moment);

// All hosts that share a segment with this one at either moment, itself included, once each; and the
// relay that it is behind, or the hosts that are behind it.
// `hosts` is an array of struct host_node *.
void group_peers(struct host_node *host, UT_array *hosts);
