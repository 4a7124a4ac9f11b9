// SPDX-License-Identifier: Apache-2.0
// Services: a protocol and a range of its ports, as rules and routes name them:
//     tcp/80   udp/1000-2000   tcp   icmp/8   icmp/3/4   icmpv6/128   47
// The protocols with ports are tcp, udp, sctp, dccp and udplite; icmp and icmpv6 have a type and
// perhaps a code; every protocol can be given by its number, 1 to 255.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

// Of a protocol with ports: ports. Of ICMP and ICMPv6: type << 8 | code. Of another: 0..65535.
struct service {
	uint8_t protocol;
	uint16_t low, high; // host byte order, both included
};
// `items` NULL: absent, which means all services.
struct service_list {
	size_t count;
	struct service *items;
};

enum { SERVICE_TEXT = 32 };

// 0 or -EINVAL with what is wrong, `out` untouched.
int service_parse(struct service *out, const char *text, struct error *error);
// The canonical text; returns it.
char *service_format(const struct service *service, char *text /* SERVICE_TEXT bytes */);
int service_compare(const struct service *a, const struct service *b);
bool protocol_has_ports(uint8_t protocol);
