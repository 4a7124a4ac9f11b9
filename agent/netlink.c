// SPDX-License-Identifier: Apache-2.0
#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <string.h>

struct nl_addr *netlink_address(const struct address *address)
{
	// An IPv4 address is the last 4 of the 16 bytes.
	if (address_is_ipv4(address))
		return nl_addr_build(AF_INET, address->bytes + 12, 4);
	return nl_addr_build(AF_INET6, address->bytes, 16);
}

bool netlink_address_parse(struct nl_addr *from, struct address *out)
{
	if (!from)
		return false;
	const uint8_t *bytes = nl_addr_get_binary_addr(from);
	if (nl_addr_get_family(from) == AF_INET && nl_addr_get_len(from) == 4) {
		uint32_t ipv4;
		memcpy(&ipv4, bytes, sizeof(ipv4));
		*out = address_from_ipv4(ntohl(ipv4));
		return true;
	}
	if (nl_addr_get_family(from) != AF_INET6 || nl_addr_get_len(from) != 16)
		return false;
	memcpy(out->bytes, bytes, 16);
	return true;
}

int netlink_errno(int result)
{
	static const struct {
		int nle, code;
	} codes[] = {
		{NLE_OBJ_NOTFOUND, ENOENT},
		{NLE_EXIST, EEXIST},
		{NLE_NODEV, ENODEV},
		{NLE_PERM, EPERM},
		{NLE_NOMEM, ENOBUFS},
		{NLE_INVAL, EINVAL},
		{NLE_OPNOTSUPP, EOPNOTSUPP},
		{NLE_BUSY, EBUSY},
	};
	if (result >= 0)
		return 0;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].nle == -result)
			return -codes[i].code;
	}
	return -EIO;
}
