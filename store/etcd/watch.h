// SPDX-License-Identifier: Apache-2.0
// A thread that holds etcd's watch on the head, and a descriptor that is readable while there may
// be a revision that the handle has not taken in.
//
// The thread reads nothing but the watch. When the watch breaks off, or is silent for long (a member
// that is cut off from the others need not notice), there may be news, so it says so.
#pragma once

#include "location.h"
#include "client.h"

struct etcd_watch;

// `location` must outlive the watch.
int etcd_watch_start(
	struct etcd_watch **out, const struct etcd_location *location, struct error *error);
void etcd_watch_stop(struct etcd_watch *watch);
int etcd_watch_descriptor(const struct etcd_watch *watch);

// The handle is about to read: what was told so far needs no more telling.
void etcd_watch_begin(struct etcd_watch *watch);
// The handle has taken in everything up to `revision`.
void etcd_watch_taken(struct etcd_watch *watch, uint64_t revision);
