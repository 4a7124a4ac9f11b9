// SPDX-License-Identifier: Apache-2.0
// The parts of a running relay, and how they hang together:
//
//   controller ──► stream ──► mirror ──► feed ──► agents      what hosts need
//                    ▲          members ◄───────────┘         which hosts are here
//   controller ◄── bundles ◄── reports ◄─────────── agents    what they see
//   controller ◄── forwarding ◄──────────────────── agents    all else that they ask
#pragma once

#include "feed.h"
#include "http.h"
#include "http/client.h"
#include "mirror.h"
#include "relay/relay.h"
#include "stream.h"
#include "topology/topology.h"

struct relay {
	char *name;
	char *path;       // "/v1/relays/r1"
	uint64_t attempt; // of its stream (base/attempt.h)
	uv_loop_t *loop;
	struct http_client *upstream;
	struct stream *stream;
	struct http *http;
	struct mirror mirror;
	struct topology *topology;
	struct feed *feed;
	struct members *members;
	struct bundles *bundles;
	struct forwarding *forwarding; // under way
	bool up;                       // the controller has confirmed this session
};
