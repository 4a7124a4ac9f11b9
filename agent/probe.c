// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

enum { L3 = sizeof(struct ether_header), ND_TTL = 255, ECHO_SEQUENCE = 1 };

static const struct mac broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

// RFC 1071: words in network order, so the sum is too.
static uint32_t sum(uint32_t sum, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void put_ethernet(
	uint8_t *out, const struct mac *destination, const struct mac *source, uint16_t type)
{
	struct ether_header ethernet = {.ether_type = htons(type)};
	memcpy(ethernet.ether_dhost, destination, sizeof(ethernet.ether_dhost));
	memcpy(ethernet.ether_shost, source, sizeof(ethernet.ether_shost));
	memcpy(out, &ethernet, sizeof(ethernet));
}

static uint32_t ipv4(const struct address *address)
{
	uint32_t word;
	memcpy(&word, address->bytes + 12, sizeof(word));
	return word;
}

static void put_ip(uint8_t *out, const struct probe_packet *packet, uint8_t protocol, size_t size)
{
	if (address_is_ipv4(&packet->destination)) {
		struct iphdr ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = htons((uint16_t)size),
			.frag_off = htons(IP_DF),
			.ttl = packet->ttl,
			.protocol = protocol,
			.saddr = ipv4(&packet->source),
			.daddr = ipv4(&packet->destination),
		};
		ip.check = fold(sum(0, &ip, sizeof(ip)));
		memcpy(out, &ip, sizeof(ip));
		return;
	}
	struct ip6_hdr ip = {0};
	ip.ip6_flow = htonl(6u << 28);
	ip.ip6_plen = htons((uint16_t)(size - sizeof(ip)));
	ip.ip6_nxt = protocol;
	ip.ip6_hlim = packet->ttl;
	memcpy(&ip.ip6_src, &packet->source, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, &packet->destination, sizeof(ip.ip6_dst));
	memcpy(out, &ip, sizeof(ip));
}

// Header of the transport, its checksum zero. `length`: of all behind the IP header.
static void put_transport(
	uint8_t *out, const struct probe_packet *packet, uint8_t protocol, size_t length)
{
	uint16_t source = htons(packet->source_port), destination = htons(packet->destination_port);
	struct tcphdr tcp = {
		.source = source,
		.dest = destination,
		.seq = htonl(1),
		.doff = sizeof(tcp) / 4,
		.syn = 1,
		.window = htons(64240),
	};
	struct udphdr udp = {.source = source, .dest = destination, .len = htons((uint16_t)length)};
	// ICMP and ICMPv6 have the same shape.
	struct icmphdr icmp = {
		.type = packet->destination_port >> 8,
		.code = (uint8_t)packet->destination_port,
		.un.echo = {source, htons(ECHO_SEQUENCE)},
	};
	uint16_t ports[2] = {source, destination};

	switch (protocol) {
	case IPPROTO_TCP:
		memcpy(out, &tcp, sizeof(tcp));
		break;
	case IPPROTO_UDP:
		memcpy(out, &udp, sizeof(udp));
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		memcpy(out, &icmp, sizeof(icmp));
		break;
	default: // SCTP and DCCP begin with ports too; to others it is as good as any content
		memcpy(out, ports, sizeof(ports));
		break;
	}
}

static size_t transport_bytes(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return sizeof(struct tcphdr);
	case IPPROTO_SCTP:
		return 12;
	default:
		return 8;
	}
}

// Where the checksum of the transport stands; 0: it has none that is known here.
static size_t checksum_offset(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
		return offsetof(struct udphdr, check);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return offsetof(struct icmphdr, checksum);
	default:
		return 0;
	}
}

static void put_checksum(
	uint8_t *out, const struct probe_packet *packet, uint8_t protocol, size_t length)
{
	size_t at = checksum_offset(protocol);
	uint32_t total = sum(0, out, length);
	if (!at)
		return;
	if (protocol != IPPROTO_ICMP) { // the pseudo header; its zeros do not count
		bool four = address_is_ipv4(&packet->destination);
		size_t skip = four ? 12 : 0;
		total = sum(total, packet->source.bytes + skip, 16 - skip);
		total = sum(total, packet->destination.bytes + skip, 16 - skip);
		total += (uint32_t)length + protocol;
	}
	uint16_t checksum = fold(total);
	memcpy(out + at, &checksum, sizeof(checksum));
}

size_t probe_packet(const struct probe_packet *packet, uint8_t *out)
{
	bool four = address_is_ipv4(&packet->destination);
	uint8_t protocol = packet->protocol;
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		protocol = four ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	size_t header = four ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	size_t least = header + transport_bytes(protocol);
	size_t size = packet->size > least ? packet->size : least;
	if (size > PROBE_BYTES - L3)
		size = PROBE_BYTES - L3;

	memset(out, 0, L3 + size);
	put_ethernet(out, &packet->destination_mac, &packet->source_mac,
		four ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	put_ip(out + L3, packet, protocol, size);
	put_transport(out + L3 + header, packet, protocol, size - header);
	put_checksum(out + L3 + header, packet, protocol, size - header);
	return L3 + size;
}

struct mac probe_multicast(const struct address *address)
{
	const uint8_t *b = address->bytes;
	if (!address_is_ipv4(address))
		return (struct mac){{0x33, 0x33, b[12], b[13], b[14], b[15]}};
	if (b[12] == 0xff)
		return broadcast;
	return (struct mac){{0x01, 0x00, 0x5e, b[13] & 0x7f, b[14], b[15]}};
}

static size_t arp_question(const struct mac *mac, const struct address *source,
	const struct address *wanted, uint8_t *out)
{
	static const uint8_t request[8] = {0, 1, 8, 0, 6, 4, 0, 1};
	uint8_t *at = out + L3;

	put_ethernet(out, &broadcast, mac, ETHERTYPE_ARP);
	memcpy(at, request, 8);
	memcpy(at + 8, mac, 6);
	memcpy(at + 14, source->bytes + 12, 4);
	memset(at + 18, 0, 6);
	memcpy(at + 24, wanted->bytes + 12, 4);
	return L3 + 28;
}

size_t probe_question(const struct mac *mac, const struct address *source,
	const struct address *wanted, uint8_t *out)
{
	if (address_is_ipv4(wanted))
		return arp_question(mac, source, wanted, out);

	// To the solicited-node address of the one that is wanted: RFC 4291, section 2.7.1.
	struct address group = {{0xff, 2, [11] = 1, [12] = 0xff}};
	memcpy(group.bytes + 13, wanted->bytes + 13, 3);
	struct probe_packet packet = {
		.source_mac = *mac,
		.destination_mac = probe_multicast(&group),
		.source = *source,
		.destination = group,
		.ttl = ND_TTL,
	};
	struct {
		struct nd_neighbor_solicit message;
		struct nd_opt_hdr option;
		struct mac mac;
	} solicitation = {
		.message.nd_ns_hdr = {.icmp6_type = ND_NEIGHBOR_SOLICIT},
		.option = {ND_OPT_SOURCE_LINKADDR, 1},
		.mac = *mac,
	};
	_Static_assert(sizeof(solicitation) == 32, "no padding");
	size_t header = sizeof(struct ip6_hdr);

	memcpy(&solicitation.message.nd_ns_target, wanted, sizeof(*wanted));
	put_ethernet(out, &packet.destination_mac, mac, ETHERTYPE_IPV6);
	put_ip(out + L3, &packet, IPPROTO_ICMPV6, header + sizeof(solicitation));
	memcpy(out + L3 + header, &solicitation, sizeof(solicitation));
	put_checksum(out + L3 + header, &packet, IPPROTO_ICMPV6, sizeof(solicitation));
	return L3 + header + sizeof(solicitation);
}
