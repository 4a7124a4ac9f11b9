// SPDX-License-Identifier: Apache-2.0
#include "neighbors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/route.h>

#include "base/memory.h"
#include "base/table.h"
#include "netlink.h"

// Who made an entry (NDA_PROTOCOL); of the numbers from RTPROT_STATIC up any is free for
// applications.
enum { PROTOCOL_WEFT = 0xf7 };

struct hop {
	struct {
		struct address address;
		uint32_t ifindex;
	} key;
	bool wanted, present;
	bool foreign; // present, and not ours
	UT_hash_handle hh;
};

struct neighbors {
	struct nl_sock *sock;
	struct hop *hops; // hash, of one update
};

// ---- netlink ----

// Send, and hand each answer to `valid`. The message is freed.
static int ask(struct neighbors *neighbors, struct nl_msg *message, nl_recvmsg_msg_cb_t valid,
	void *context)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, valid, context);
	int result = nl_send_auto(neighbors->sock, message);
	nlmsg_free(message);
	if (result >= 0)
		result = nl_recvmsgs(neighbors->sock, cb);
	nl_cb_put(cb);
	return netlink_errno(result);
}

static int family_of(const struct address *address)
{
	return address_is_ipv4(address) ? AF_INET : AF_INET6;
}

static void put_address(struct nl_msg *message, int attribute, const struct address *address)
{
	struct nl_addr *binary = netlink_address(address);
	nla_put_addr(message, attribute, binary);
	nl_addr_put(binary);
}

static struct hop *hop_get(
	struct neighbors *neighbors, uint32_t ifindex, const struct address *address)
{
	struct hop *hop, key = {.key = {*address, ifindex}};
	HASH_FIND(hh, neighbors->hops, &key.key, sizeof(key.key), hop);
	if (hop)
		return hop;
	hop = memory_new(sizeof(*hop));
	hop->key = key.key;
	HASH_ADD(hh, neighbors->hops, key, sizeof(hop->key), hop);
	return hop;
}

// ---- which next hops are wanted ----

struct route_answer {
	struct address next;
	uint32_t ifindex;
};

static int take_route(struct nl_msg *message, void *context)
{
	struct route_answer *answer = context;
	struct rtnl_route *route;
	if (rtnl_route_parse(nlmsg_hdr(message), &route) < 0)
		return NL_OK;
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
	if (hop && rtnl_route_get_type(route) == RTN_UNICAST) {
		answer->ifindex = rtnl_route_nh_get_ifindex(hop);
		if (!netlink_address_parse(rtnl_route_nh_get_gateway(hop), &answer->next))
			netlink_address_parse(rtnl_route_nh_get_via(hop), &answer->next);
	}
	rtnl_route_put(route);
	return NL_OK;
}

static int find_route(
	struct neighbors *neighbors, const struct address *vtep, struct route_answer *answer)
{
	struct rtmsg header = {
		.rtm_family = family_of(vtep),
		.rtm_dst_len = address_is_ipv4(vtep) ? 32 : 128,
	};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	*answer = (struct route_answer){.next = *vtep};
	nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
	put_address(message, RTA_DST, vtep);
	ask(neighbors, message, take_route, answer);
	return answer->ifindex ? 0 : -ENETUNREACH;
}

static int want(struct neighbors *neighbors, const struct address *vtep, struct error *error)
{
	struct route_answer answer;
	if (find_route(neighbors, vtep, &answer)) {
		char text[ADDRESS_TEXT];
		return error_set(error, ENETUNREACH, "there is no route to the VTEP %s",
			address_format(vtep, text));
	}
	hop_get(neighbors, answer.ifindex, &answer.next)->wanted = true;
	return 0;
}

// ---- which are there ----

static int take_entry(struct nl_msg *message, void *context)
{
	struct neighbors *neighbors = context;
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct nlattr *attributes[NDA_MAX + 1];
	const struct ndmsg *entry = nlmsg_data(header);
	struct address address;
	if (header->nlmsg_type != RTM_NEWNEIGH ||
		nlmsg_parse(header, sizeof(*entry), attributes, NDA_MAX, NULL) < 0 ||
		!attributes[NDA_DST])
		return NL_OK;
	struct nl_addr *binary = nl_addr_alloc_attr(attributes[NDA_DST], entry->ndm_family);
	bool known = netlink_address_parse(binary, &address);
	nl_addr_put(binary);
	if (!known)
		return NL_OK;
	bool ours =
		attributes[NDA_PROTOCOL] && nla_get_u8(attributes[NDA_PROTOCOL]) == PROTOCOL_WEFT;
	bool managed = attributes[NDA_FLAGS_EXT] &&
		       nla_get_u32(attributes[NDA_FLAGS_EXT]) & NTF_EXT_MANAGED;
	bool fixed = entry->ndm_state & (NUD_PERMANENT | NUD_NOARP);
	if (!ours && !managed && !fixed)
		return NL_OK; // the kernel's own, learned: ours to keep fresh if it is wanted
	struct hop *hop = hop_get(neighbors, entry->ndm_ifindex, &address);
	hop->foreign = !ours;
	hop->present = hop->foreign || managed;
	return NL_OK;
}

static int find_present(struct neighbors *neighbors, int family)
{
	struct ndmsg header = {.ndm_family = family};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);
	nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
	return ask(neighbors, message, take_entry, neighbors);
}

// ---- the difference ----

static int change(struct neighbors *neighbors, const struct hop *hop, bool add)
{
	struct ndmsg header = {
		.ndm_family = family_of(&hop->key.address),
		.ndm_ifindex = (int)hop->key.ifindex,
		.ndm_state = NUD_NONE,
	};
	struct nl_msg *message = nlmsg_alloc_simple(
		add ? RTM_NEWNEIGH : RTM_DELNEIGH, NLM_F_ACK | (add ? NLM_F_CREATE : 0));
	nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
	put_address(message, NDA_DST, &hop->key.address);
	if (add) {
		nla_put_u32(message, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
		nla_put_u8(message, NDA_PROTOCOL, PROTOCOL_WEFT);
	}
	int result = nl_send_auto(neighbors->sock, message);
	nlmsg_free(message);
	return netlink_errno(result < 0 ? result : nl_wait_for_ack(neighbors->sock));
}

static int apply(struct neighbors *neighbors, struct error *error)
{
	struct hop *hop, *next;
	int first = 0;
	HASH_ITER (hh, neighbors->hops, hop, next) {
		int result = 0;
		if (hop->wanted && !hop->present)
			result = change(neighbors, hop, true);
		else if (!hop->wanted && !hop->foreign)
			result = change(neighbors, hop, false);
		// The link, or the entry, may be gone by now.
		if (result && result != -ENODEV && result != -ENOENT && !first) {
			char text[ADDRESS_TEXT];
			first = error_set(error, -result,
				"cannot keep the next hop %s resolved: %s",
				address_format(&hop->key.address, text), strerror(-result));
		}
		HASH_DEL(neighbors->hops, hop);
		free(hop);
	}
	return first;
}

int neighbors_update(
	struct neighbors *neighbors, const struct address *vteps, size_t count, struct error *error)
{
	int first = find_present(neighbors, AF_INET);
	if (!first)
		first = find_present(neighbors, AF_INET6);
	if (first)
		error_set(error, -first, "cannot read the neighbours: %s", strerror(-first));
	for (size_t i = 0; i < count; i++) {
		int result = want(neighbors, &vteps[i], error);
		first = first ? first : result;
	}
	int result = apply(neighbors, error);
	return first ? first : result;
}

// ---- one of them ----

static int take_mac(struct nl_msg *message, void *context)
{
	struct nlattr *attributes[NDA_MAX + 1];
	const struct nlmsghdr *header = nlmsg_hdr(message);
	if (header->nlmsg_type == RTM_NEWNEIGH &&
		nlmsg_parse((struct nlmsghdr *)header, sizeof(struct ndmsg), attributes, NDA_MAX,
			NULL) >= 0 &&
		attributes[NDA_LLADDR] && nla_len(attributes[NDA_LLADDR]) == sizeof(struct mac))
		memcpy(context, nla_data(attributes[NDA_LLADDR]), sizeof(struct mac));
	return NL_OK;
}

int neighbors_find(struct neighbors *neighbors, const struct address *vtep, struct mac *out)
{
	struct route_answer answer;
	int result = find_route(neighbors, vtep, &answer);
	if (result)
		return result;
	struct ndmsg header = {
		.ndm_family = family_of(&answer.next),
		.ndm_ifindex = (int)answer.ifindex,
	};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, 0);
	nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
	put_address(message, NDA_DST, &answer.next);
	*out = (struct mac){{0}};
	ask(neighbors, message, take_mac, out);
	return 0;
}

int neighbors_new(struct neighbors **out, struct error *error)
{
	struct neighbors *neighbors = memory_new(sizeof(*neighbors));
	neighbors->sock = nl_socket_alloc();
	nl_socket_disable_auto_ack(neighbors->sock); // an answer is enough; a change asks for it
	int result = nl_connect(neighbors->sock, NETLINK_ROUTE);
	if (result) {
		neighbors_free(neighbors);
		return error_set(error, -netlink_errno(result), "cannot open a netlink socket: %s",
			nl_geterror(result));
	}
	*out = neighbors;
	return 0;
}

void neighbors_free(struct neighbors *neighbors)
{
	if (neighbors)
		nl_socket_free(neighbors->sock);
	free(neighbors);
}
