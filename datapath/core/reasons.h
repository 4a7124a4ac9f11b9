// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
// Why a packet was dropped: the one list that feeds forwarding, metrics, trace and the manual.
//
// REASON(name, NAME, "what it means, for the person who finds the counter"). The number of a reason
// is its place, so that a new one goes to the end. Reason 0 is "not dropped".
#pragma once

#define DP_REASONS(REASON)                                                                         \
	/* The frame itself. */                                                                    \
	REASON(truncated, TRUNCATED,                                                               \
		"the frame ends inside a header, or before the length that its headers announce")  \
	REASON(bad_ethernet, BAD_ETHERNET, "the source MAC is zero or a multicast address")        \
	REASON(vlan_tagged, VLAN_TAGGED,                                                           \
		"the frame carries a VLAN tag, and the network takes untagged frames only")        \
	REASON(reserved_multicast, RESERVED_MULTICAST,                                             \
		"the destination is link-local to a bridge (01:80:c2:00:00:00 to :0f): never "     \
		"forwarded")                                                                       \
	REASON(bad_arp, BAD_ARP, "the ARP packet is not Ethernet and IPv4 (RFC 826)")              \
	REASON(bad_ip_version, BAD_IP_VERSION, "the IP version does not match the EtherType")      \
	REASON(bad_ip_header, BAD_IP_HEADER,                                                       \
		"the IPv4 header length is below 20 bytes or beyond the packet")                   \
	REASON(bad_ip_length, BAD_IP_LENGTH,                                                       \
		"the IP length is shorter than its headers or longer than the frame")              \
	REASON(bad_ip_address, BAD_IP_ADDRESS,                                                     \
		"an IP address that never appears on a wire: the source is multicast or "          \
		"broadcast, one is loopback, or IPv4-mapped IPv6")                                 \
	REASON(bad_fragment, BAD_FRAGMENT,                                                         \
		"the fragment would reach beyond 65,535 bytes, or is no multiple of 8")            \
	REASON(bad_extension_headers, BAD_EXTENSION_HEADERS,                                       \
		"IPv6 extension headers: more than 8, cut off, or hop-by-hop options not first")   \
	REASON(bad_transport_header, BAD_TRANSPORT_HEADER,                                         \
		"the TCP, UDP, ICMP or ICMPv6 header is cut off or its length is impossible")      \
	REASON(bad_nd, BAD_ND,                                                                     \
		"the neighbor discovery message breaks a rule of RFC 4861, section 7.1")           \
	/* The sender. */                                                                          \
	REASON(unknown_port, UNKNOWN_PORT, "the device belongs to no port")                        \
	REASON(spoofed_mac, SPOOFED_MAC,                                                           \
		"the source MAC is neither the port's nor an allowed one")                         \
	REASON(spoofed_ip, SPOOFED_IP,                                                             \
		"the source address is neither the port's nor an allowed one")                     \
	REASON(spoofed_arp, SPOOFED_ARP,                                                           \
		"the ARP sender claims a MAC or address that is not the port's")                   \
	REASON(spoofed_nd, SPOOFED_ND,                                                             \
		"neighbor discovery claims an address or a link-layer address that is not the "    \
		"port's")                                                                          \
	/* The network. */                                                                         \
	REASON(unknown_network, UNKNOWN_NETWORK, "the network is not known on this host")          \
	REASON(unknown_unicast, UNKNOWN_UNICAST, "no port of the network has the destination MAC") \
	REASON(unknown_neighbor, UNKNOWN_NEIGHBOR,                                                 \
		"ARP or ND asks for an address that no port of the network has")                   \
	REASON(own_neighbor, OWN_NEIGHBOR,                                                         \
		"ARP or ND asks for an address of the port itself (a probe): no answer")           \
	REASON(same_port, SAME_PORT, "the destination is the port that the packet came from")      \
	REASON(not_local, NOT_LOCAL,                                                               \
		"a packet from the underlay is for a port that is not on this host")               \
	REASON(mtu_exceeded, MTU_EXCEEDED,                                                         \
		"the packet is larger than the MTU of the network: "                               \
		"routers here never fragment, the sender is told the MTU by ICMP")                 \
	REASON(output_failed, OUTPUT_FAILED,                                                       \
		"the destination device is gone, down, or refused the packet")                     \
	REASON(no_memory, NO_MEMORY, "the kernel had no memory to change or copy the packet")      \
	/* The underlay, sending. */                                                               \
	REASON(no_underlay, NO_UNDERLAY,                                                           \
		"the destination is on another host, and this host has no underlay")               \
	REASON(unknown_host, UNKNOWN_HOST,                                                         \
		"the tunnel endpoint of the destination's host is not known")                      \
	REASON(underlay_family, UNDERLAY_FAMILY,                                                   \
		"the tunnel endpoints of the two hosts are of different address families")         \
	REASON(underlay_mtu_exceeded, UNDERLAY_MTU_EXCEEDED,                                       \
		"the packet with its tunnel header is larger than the MTU of the underlay")        \
	REASON(encapsulation_failed, ENCAPSULATION_FAILED,                                         \
		"the kernel could not put the tunnel header in front")                             \
	REASON(no_underlay_route, NO_UNDERLAY_ROUTE,                                               \
		"the host has no route to the other host's tunnel endpoint")                       \
	REASON(no_underlay_neighbor, NO_UNDERLAY_NEIGHBOR,                                         \
		"the next hop to the other host's tunnel endpoint has no known MAC yet")           \
	REASON(underlay_forwarding_off, UNDERLAY_FORWARDING_OFF,                                   \
		"the kernel routes no copy while forwarding is off on the loopback device")        \
	/* The underlay, receiving. */                                                             \
	REASON(unknown_vtep, UNKNOWN_VTEP,                                                         \
		"a tunnel packet comes from an address that is no host of ours")                   \
	REASON(bad_tunnel_header, BAD_TUNNEL_HEADER, "the Geneve or VXLAN header breaks its RFC")  \
	REASON(critical_option, CRITICAL_OPTION,                                                   \
		"a critical Geneve option is not known here (RFC 8926, section 3.5)")              \
	REASON(bad_ecn, BAD_ECN,                                                                   \
		"the underlay marked congestion on a packet whose sender does not take part (RFC " \
		"6040)")                                                                           \
	REASON(decapsulation_failed, DECAPSULATION_FAILED,                                         \
		"the kernel could not take the tunnel header off")                                 \
	/* Routers. */                                                                             \
	REASON(not_routable, NOT_ROUTABLE,                                                         \
		"the packet is for a router and must not leave its link: it is no IP, or an "      \
		"address is link-local, multicast, broadcast or unspecified")                      \
	REASON(no_route, NO_ROUTE, "the router has no route to the destination")                   \
	REASON(route_drops, ROUTE_DROPS, "a route of the router says: drop")                       \
	REASON(route_rejects, ROUTE_REJECTS, "a route of the router says: reject")                 \
	REASON(ttl_exceeded, TTL_EXCEEDED,                                                         \
		"the packet has passed as many routers as its TTL or hop limit allows")            \
	REASON(unknown_next_hop, UNKNOWN_NEXT_HOP,                                                 \
		"nobody on the network has the address that the router would hand the packet to")  \
	REASON(routing_loop, ROUTING_LOOP,                                                         \
		"the packet has passed four routers and would pass a fifth: do their routes lead " \
		"in a circle?")                                                                    \
	REASON(router_address, ROUTER_ADDRESS,                                                     \
		"the packet is for a router itself, which does not serve this protocol or port")   \
	REASON(icmp_limited, ICMP_LIMITED,                                                         \
		"the port caused more than 100 ICMP errors a second and is not sent this one; "    \
		"the packet at fault is counted by its own reason")                                \
	/* Services. */                                                                            \
	REASON(spoofed_dhcp, SPOOFED_DHCP,                                                         \
		"the port speaks as a DHCP server, and the network has its own")                   \
	REASON(spoofed_ra, SPOOFED_RA,                                                             \
		"the port speaks as an IPv6 router, and the network has its own")                  \
	REASON(punt_limited, PUNT_LIMITED,                                                         \
		"the port asked DHCP, DNS and for routers more than 100 times a second, or the "   \
		"ports of its tenant on this host together more than 1,000 times")                 \
	REASON(punt_full, PUNT_FULL,                                                               \
		"a question to DHCP, DNS or a router, while the agent did not take those before "  \
		"it")                                                                              \
	/* Policies and connections. */                                                            \
	REASON(denied_by_rule, DENIED_BY_RULE, "a rule of a policy says: drop, or reject")         \
	REASON(denied_by_default, DENIED_BY_DEFAULT,                                               \
		"a policy applies to the port in this direction, and none of its rules allows "    \
		"the packet")                                                                      \
	REASON(rules_missing, RULES_MISSING,                                                       \
		"rows of the port's rule set are missing: nothing is allowed that nobody can "     \
		"judge")                                                                           \
	REASON(not_ip, NOT_IP, "policies apply to the port, and the packet is neither IP nor ARP") \
	REASON(connection_invalid, CONNECTION_INVALID,                                             \
		"a TCP segment with flags that no end sends, or outside the window of its "        \
		"connection")                                                                      \
	REASON(connection_quota, CONNECTION_QUOTA,                                                 \
		"the port has as many established connections as it may have")                     \
	REASON(connection_table_full, CONNECTION_TABLE_FULL,                                       \
		"this host can remember no more connections")                                      \
	REASON(fragment_without_first, FRAGMENT_WITHOUT_FIRST,                                     \
		"a fragment whose first one was not allowed, or has not come before it")           \
	REASON(unanswered, UNANSWERED,                                                             \
		"the port has begun more connections that come to nothing than its field "         \
		"`unanswered` allows")                                                             \
	REASON(connection_share, CONNECTION_SHARE,                                                 \
		"the ports of the tenant have as many connections on this host as it has room "    \
		"left for: what is left is for other tenants")

#define DP_REASON_ENUM(name, NAME, help) DP_REASON_##NAME,
enum dp_reason { DP_REASON_NONE, DP_REASONS(DP_REASON_ENUM) DP_REASON_COUNT };
#undef DP_REASON_ENUM
