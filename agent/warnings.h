// SPDX-License-Identifier: Apache-2.0
// What a person should know although nothing failed. Pure.
#pragma once

#include <jansson.h>

#include "links.h"
#include "view.h"

// Bytes that a tunnel adds to an IP packet of a network, up to the outer IP header: inner Ethernet,
// tunnel header (with our option), UDP, outer IP.
unsigned tunnel_overhead(enum encapsulation encap, bool ipv4);

// `vtep` NULL: not known yet; `underlay` NULL: no link carries it. New reference: a list of
// sentences.
json_t *warnings_encode(const struct view *view, const char *host, const struct address *vtep,
	const struct link *underlay);
