// SPDX-License-Identifier: Apache-2.0
#include "links.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <string.h>

#include "base/memory.h"
#include "netlink.h"

// Of the notification socket: 10,000 links may come in a burst.
enum { RECEIVE_BUFFER = 4 << 20 };

struct links {
	struct links_events events;
	struct nl_sock *dumps;         // questions
	struct nl_sock *notifications; // what the kernel tells by itself
	uv_poll_t *poll;
	struct link *table; // hash by ifindex
};

// ---- the table ----

static bool link_equal(const struct link *a, const struct link *b)
{
	return a->ifindex == b->ifindex && !strcmp(a->name, b->name) && !strcmp(a->kind, b->kind) &&
	       !mac_compare(&a->mac, &b->mac) && a->mtu == b->mtu && a->up == b->up &&
	       a->peer == b->peer && a->member == b->member && a->addressed == b->addressed;
}

static void link_gone(struct links *links, uint32_t ifindex)
{
	struct link *link = NULL;
	HASH_FIND(hh, links->table, &ifindex, sizeof(ifindex), link);
	if (!link)
		return;
	HASH_DEL(links->table, link);
	links->events.link(links->events.context, link, NULL);
	free(link);
}

static void link_seen(struct links *links, const struct link *seen)
{
	struct link *link = NULL;
	HASH_FIND(hh, links->table, &seen->ifindex, sizeof(seen->ifindex), link);
	if (link && link_equal(link, seen))
		return;
	struct link *now = memory_new(sizeof(*now));
	*now = *seen;
	if (link)
		HASH_DEL(links->table, link);
	HASH_ADD(hh, links->table, ifindex, sizeof(now->ifindex), now);
	links->events.link(links->events.context, link, now);
	free(link);
}

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

static struct link link_parse(struct rtnl_link *from)
{
	struct link link = {
		.ifindex = rtnl_link_get_ifindex(from),
		.mtu = rtnl_link_get_mtu(from),
		.up = rtnl_link_get_flags(from) & IFF_UP,
		.member = rtnl_link_get_master(from),
	};
	int32_t namespace;
	copy_text(link.name, sizeof(link.name), rtnl_link_get_name(from));
	copy_text(link.kind, sizeof(link.kind), rtnl_link_get_type(from));
	link.peer = !strcmp(link.kind, "veth") && !rtnl_link_get_link_netnsid(from, &namespace);
	struct nl_addr *address = rtnl_link_get_addr(from);
	if (address && nl_addr_get_len(address) == sizeof(link.mac))
		memcpy(&link.mac, nl_addr_get_binary_addr(address), sizeof(link.mac));
	return link;
}

// ---- notifications ----

// Addresses are told apart from links.
static void keep_addressed(const struct links *links, struct link *seen)
{
	const struct link *link = links_find(links, seen->ifindex);
	seen->addressed = link && link->addressed;
}

static void take_link(struct nl_object *object, void *context)
{
	struct links *links = context;
	struct link link = link_parse((struct rtnl_link *)object);
	keep_addressed(links, &link);
	if (nl_object_get_msgtype(object) == RTM_DELLINK)
		link_gone(links, link.ifindex);
	else
		link_seen(links, &link);
}

static int take_message(struct nl_msg *message, void *context)
{
	struct links *links = context;
	struct nlmsghdr *header = nlmsg_hdr(message);
	if (header->nlmsg_type == RTM_NEWADDR || header->nlmsg_type == RTM_DELADDR) {
		links->events.addresses(links->events.context);
		return NL_OK;
	}
	if (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK)
		return NL_OK;
	// A bridge tells of its ports by the same messages in a family of its own; a port that
	// leaves the bridge is not a link that is gone.
	const struct ifinfomsg *info = nlmsg_data(header);
	if (info->ifi_family == AF_UNSPEC)
		nl_msg_parse(message, take_link, links);
	return NL_OK;
}

static void readable(uv_poll_t *poll, int status, int events)
{
	(void)events;
	struct links *links = poll->data;
	int result = status ? status : nl_recvmsgs_default(links->notifications);
	if (result >= 0 || result == -NLE_AGAIN)
		return;
	// Some were lost (the buffer overran). What cannot be read again now, the next resync
	// finds.
	links_resync(links, NULL);
	links->events.addresses(links->events.context);
}

int links_resync(struct links *links, struct error *error)
{
	struct nl_cache *cache;
	int result = rtnl_link_alloc_cache(links->dumps, AF_UNSPEC, &cache);
	if (result < 0)
		return error_set(error, -netlink_errno(result),
			"cannot read the network interfaces: %s", nl_geterror(result));
	struct link *link, *next;
	HASH_ITER (hh, links->table, link, next) {
		struct rtnl_link *still = rtnl_link_get(cache, link->ifindex);
		if (still)
			rtnl_link_put(still);
		else
			link_gone(links, link->ifindex);
	}
	for (struct nl_object *object = nl_cache_get_first(cache); object;
		object = nl_cache_get_next(object)) {
		struct link seen = link_parse((struct rtnl_link *)object);
		keep_addressed(links, &seen);
		link_seen(links, &seen);
	}
	nl_cache_free(cache);
	return 0;
}

// ---- life ----

static int listen_to(struct links *links)
{
	struct nl_sock *sock = links->notifications;
	nl_socket_disable_seq_check(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, take_message, links);
	int result = nl_connect(sock, NETLINK_ROUTE);
	if (!result)
		result = nl_socket_add_memberships(
			sock, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0);
	if (!result)
		result = nl_socket_set_nonblocking(sock);
	if (result)
		return result;
	// Beyond the administrator's limit where the agent may; else as much as it gets.
	int size = RECEIVE_BUFFER;
	if (setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		nl_socket_set_buffer_size(sock, RECEIVE_BUFFER, 0);
	return nl_connect(links->dumps, NETLINK_ROUTE);
}

int links_new(
	struct links **out, uv_loop_t *loop, const struct links_events *events, struct error *error)
{
	struct links *links = memory_new(sizeof(*links));
	links->events = *events;
	links->dumps = nl_socket_alloc();
	links->notifications = nl_socket_alloc();
	int result = listen_to(links);
	if (result) {
		error_set(error, -netlink_errno(result), "cannot listen to the kernel's links: %s",
			nl_geterror(result));
		links_free(links);
		return netlink_errno(result);
	}
	links->poll = memory_new(sizeof(*links->poll));
	links->poll->data = links;
	uv_poll_init(loop, links->poll, nl_socket_get_fd(links->notifications));
	uv_poll_start(links->poll, UV_READABLE, readable);
	result = links_resync(links, error);
	if (result) {
		links_free(links);
		return result;
	}
	*out = links;
	return 0;
}

static void poll_closed(uv_handle_t *handle)
{
	free(handle);
}

void links_free(struct links *links)
{
	struct link *link, *next;
	if (!links)
		return;
	if (links->poll)
		uv_close((uv_handle_t *)links->poll, poll_closed);
	nl_socket_free(links->notifications);
	nl_socket_free(links->dumps);
	HASH_ITER (hh, links->table, link, next) {
		HASH_DEL(links->table, link);
		free(link);
	}
	free(links);
}

// ---- questions ----

const struct link *links_find(const struct links *links, uint32_t ifindex)
{
	struct link *link;
	HASH_FIND(hh, links->table, &ifindex, sizeof(ifindex), link);
	return link;
}

void links_each(const struct links *links, links_visit visit, void *context)
{
	for (const struct link *link = links->table; link; link = link->hh.next)
		visit(context, link);
}

static bool is_beyond_link(struct rtnl_addr *entry)
{
	return rtnl_addr_get_scope(entry) < RT_SCOPE_LINK;
}

// A set of ifindexes.
struct addressed {
	uint32_t ifindex;
	UT_hash_handle hh;
};

static void addressed_add(struct addressed **set, uint32_t ifindex)
{
	struct addressed *item;
	HASH_FIND(hh, *set, &ifindex, sizeof(ifindex), item);
	if (item)
		return;
	item = memory_new(sizeof(*item));
	item->ifindex = ifindex;
	HASH_ADD(hh, *set, ifindex, sizeof(item->ifindex), item);
}

static void addressed_take(struct links *links, struct addressed **set)
{
	struct link *link, *next;
	struct addressed *item, *following;
	HASH_ITER (hh, links->table, link, next) {
		struct link seen = *link;
		HASH_FIND(hh, *set, &link->ifindex, sizeof(link->ifindex), item);
		seen.addressed = item;
		link_seen(links, &seen);
	}
	HASH_ITER (hh, *set, item, following) {
		HASH_DEL(*set, item);
		free(item);
	}
}

const struct link *links_readdress(struct links *links, const struct address *address)
{
	struct nl_cache *cache;
	struct addressed *set = NULL;
	uint32_t carrier = 0;
	if (rtnl_addr_alloc_cache(links->dumps, &cache) < 0)
		return NULL;
	for (struct nl_object *object = nl_cache_get_first(cache); object;
		object = nl_cache_get_next(object)) {
		struct rtnl_addr *entry = (struct rtnl_addr *)object;
		struct address local;
		if (!carrier && netlink_address_parse(rtnl_addr_get_local(entry), &local) &&
			!address_compare(&local, address))
			carrier = rtnl_addr_get_ifindex(entry);
		if (is_beyond_link(entry))
			addressed_add(&set, rtnl_addr_get_ifindex(entry));
	}
	nl_cache_free(cache);
	addressed_take(links, &set);
	return carrier ? links_find(links, carrier) : NULL;
}
