// SPDX-License-Identifier: Apache-2.0
#include "links.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"

enum { LARGEST_FRAME = 128 * 1024, LARGEST_MTU = 65535 };

// ---- namespaces ----

int sysctl_set(const char *path, const char *value)
{
	cleanup_free char *file = memory_format("/proc/sys/net/%s", path);
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int result = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return result;
}

int namespace_current(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int namespace_new(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	int result = sysctl_set("ipv6/conf/default/disable_ipv6", "1");
	return result < 0 ? result : namespace_current();
}

int namespace_enter(int namespace)
{
	return setns(namespace, CLONE_NEWNET) < 0 ? -errno : 0;
}

// ---- rtnetlink ----

// libnl has errors of its own.
static int from_nl(int result)
{
	switch (-result) {
	case 0:
		return 0;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_PERM:
		return -EPERM;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	default:
		return result < 0 ? -EIO : result;
	}
}

// A socket of the current namespace.
static int netlink_new(struct nl_sock **out)
{
	struct nl_sock *socket = nl_socket_alloc();
	int result = nl_connect(socket, NETLINK_ROUTE);

	if (result < 0) {
		nl_socket_free(socket);
		return from_nl(result);
	}
	*out = socket;
	return 0;
}

static struct nl_addr *mac_to_nl(const struct mac *mac)
{
	return nl_addr_build(AF_LLC, mac->bytes, sizeof(mac->bytes));
}

static struct nl_addr *address_to_nl(const struct address *address)
{
	return address_is_ipv4(address) ? nl_addr_build(AF_INET, address->bytes + 12, 4)
					: nl_addr_build(AF_INET6, address->bytes, 16);
}

// Change what `wanted` says of the link.
static int link_change(const char *name, struct rtnl_link *wanted)
{
	struct nl_sock *socket;
	struct rtnl_link *link = rtnl_link_alloc();
	int result = netlink_new(&socket);

	if (result == 0) {
		rtnl_link_set_ifindex(link, (int)if_nametoindex(name));
		result = from_nl(rtnl_link_change(socket, link, wanted, 0));
		nl_socket_free(socket);
	}
	rtnl_link_put(link);
	rtnl_link_put(wanted);
	return result;
}

static int veth_add(const char *name, const struct mac *mac, const char *peer, int peer_namespace)
{
	struct nl_sock *socket;
	int result = netlink_new(&socket);

	if (result < 0)
		return result;
	struct rtnl_link *link = rtnl_link_veth_alloc();
	struct rtnl_link *peer_link = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(link, name);
	rtnl_link_set_mtu(link, LARGEST_MTU);
	rtnl_link_set_name(peer_link, peer);
	rtnl_link_set_mtu(peer_link, LARGEST_MTU);
	rtnl_link_set_ns_fd(peer_link, peer_namespace);
	if (mac) {
		struct nl_addr *address = mac_to_nl(mac);
		rtnl_link_set_addr(link, address);
		nl_addr_put(address);
	}
	result = from_nl(rtnl_link_add(socket, link, NLM_F_CREATE | NLM_F_EXCL));
	rtnl_link_put(peer_link);
	rtnl_link_put(link);
	nl_socket_free(socket);
	return result;
}

static int link_up(const char *name)
{
	struct rtnl_link *wanted = rtnl_link_alloc();

	rtnl_link_set_flags(wanted, IFF_UP);
	return link_change(name, wanted);
}

// Neither end can go up before the other is there.
int veth_new(const char *name, const struct mac *mac, const char *peer, int peer_namespace)
{
	int here = namespace_current();
	int result = here < 0 ? here : veth_add(name, mac, peer, peer_namespace);

	if (result == 0)
		result = link_up(name);
	if (result == 0)
		result = namespace_enter(peer_namespace);
	if (result == 0)
		result = link_up(peer);
	if (here >= 0) {
		int back = namespace_enter(here);
		close(here);
		result = result < 0 ? result : back;
	}
	return result;
}

int link_set_mtu(const char *name, uint32_t mtu)
{
	struct rtnl_link *wanted = rtnl_link_alloc();

	rtnl_link_set_mtu(wanted, mtu);
	return link_change(name, wanted);
}

int tap_new(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	struct rtnl_link *wanted = rtnl_link_alloc();
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int result = 0;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 ||
		ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
		result = -errno;
	rtnl_link_set_mtu(wanted, LARGEST_MTU - ETH_HLEN);
	rtnl_link_set_flags(wanted, IFF_UP);
	if (result == 0)
		result = link_change(name, wanted);
	else
		rtnl_link_put(wanted);
	if (result < 0 && fd >= 0)
		close(fd);
	return result < 0 ? result : fd;
}

int link_add_address(const char *name, const struct address *address, unsigned prefix_length)
{
	struct nl_sock *socket;
	int result = netlink_new(&socket);

	if (result < 0)
		return result;
	struct rtnl_addr *row = rtnl_addr_alloc();
	struct nl_addr *local = address_to_nl(address);
	rtnl_addr_set_ifindex(row, (int)if_nametoindex(name));
	nl_addr_set_prefixlen(local, (int)prefix_length);
	rtnl_addr_set_local(row, local);
	if (!address_is_ipv4(address))
		rtnl_addr_set_flags(row, IFA_F_NODAD);
	result = from_nl(rtnl_addr_add(socket, row, 0));
	nl_addr_put(local);
	rtnl_addr_put(row);
	nl_socket_free(socket);
	return result;
}

int link_add_neighbor(const char *name, const struct address *address, const struct mac *mac)
{
	struct nl_sock *socket;
	int result = netlink_new(&socket);

	if (result < 0)
		return result;
	struct rtnl_neigh *row = rtnl_neigh_alloc();
	struct nl_addr *destination = address_to_nl(address);
	struct nl_addr *link_address = mac_to_nl(mac);
	rtnl_neigh_set_ifindex(row, (int)if_nametoindex(name));
	rtnl_neigh_set_dst(row, destination);
	rtnl_neigh_set_lladdr(row, link_address);
	rtnl_neigh_set_state(row, NUD_PERMANENT);
	result = from_nl(rtnl_neigh_add(socket, row, NLM_F_CREATE));
	nl_addr_put(destination);
	nl_addr_put(link_address);
	rtnl_neigh_put(row);
	nl_socket_free(socket);
	return result;
}

// ---- frames ----

int packet_socket(const char *name)
{
	struct sockaddr_ll device = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, room = 8 << 20;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
		bind(fd, (struct sockaddr *)&device, sizeof(device)) < 0) {
		int result = -errno;
		close(fd);
		return result;
	}
	return fd;
}

// What a guest's driver says of a TCP superpacket.
static struct virtio_net_hdr superpacket(const struct bytes *frame, uint32_t gso)
{
	bool six = frame->data[12] == 0x86;
	uint16_t ip_bytes = six ? 40 : (frame->data[ETH_HLEN] & 15) * 4;
	uint16_t tcp = ETH_HLEN + ip_bytes;

	return (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = tcp + (frame->data[tcp + 12] >> 4) * 4,
		.gso_size = (uint16_t)gso,
		.csum_start = tcp,
		.csum_offset = 16,
	};
}

int frame_send(int fd, const struct bytes *frame, uint32_t gso)
{
	struct virtio_net_hdr header = {0};
	cleanup_free uint8_t *data = memory_new(sizeof(header) + frame->length);

	if (gso > 0)
		header = superpacket(frame, gso);
	memcpy(data, &header, sizeof(header));
	memcpy(data + sizeof(header), frame->data, frame->length);
	return write(fd, data, sizeof(header) + frame->length) < 0 ? -errno : 0;
}

// The tag that the kernel took off a frame on arrival: put it back.
static void restore_tag(struct msghdr *message, struct bytes *frame)
{
	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
		struct tpacket_auxdata data;
		if (at->cmsg_level != SOL_PACKET || at->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&data, CMSG_DATA(at), sizeof(data));
		if (!(data.tp_status & TP_STATUS_VLAN_VALID))
			continue;
		uint16_t tag[2] = {
			htons(data.tp_status & TP_STATUS_VLAN_TPID_VALID ? data.tp_vlan_tpid
									 : ETH_P_8021Q),
			htons(data.tp_vlan_tci)};
		frame->data = memory_resize(frame->data, frame->length + sizeof(tag), 1);
		memmove(frame->data + 16, frame->data + 12, frame->length - 12);
		memcpy(frame->data + 12, tag, sizeof(tag));
		frame->length += sizeof(tag);
	}
}

int frame_receive(int fd, struct bytes *out, uint32_t *gso)
{
	struct virtio_net_hdr header;
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	cleanup_free uint8_t *data = memory_new(LARGEST_FRAME);
	struct iovec parts[] = {{&header, sizeof(header)}, {data, LARGEST_FRAME}};
	struct msghdr message = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t size = recvmsg(fd, &message, 0);

	if (size < 0 && errno == ENOTSOCK) { // a tap
		message.msg_controllen = 0;
		size = readv(fd, parts, 2);
	}
	if (size < 0)
		return -errno;
	out->length = (size_t)size - sizeof(header);
	out->data = memory_resize(NULL, out->length + 1, 1);
	memcpy(out->data, data, out->length);
	*gso = header.gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : header.gso_size;
	restore_tag(&message, out);
	return 0;
}
