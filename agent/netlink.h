// SPDX-License-Identifier: Apache-2.0
// Small helpers over libnl.
#pragma once

#include <netlink/netlink.h>

#include "base/address.h"

// The address in libnl's form, IPv4 as IPv4. The caller puts the reference (nl_addr_put).
struct nl_addr *netlink_address(const struct address *address);
// And back; false where it is no IP address. NULL is none.
bool netlink_address_parse(struct nl_addr *from, struct address *out);
// libnl's error as -errno.
int netlink_errno(int result);
