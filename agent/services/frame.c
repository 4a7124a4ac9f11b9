// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

// ---- checksums: RFC 1071 ----

static uint32_t sum(uint32_t so_far, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		so_far += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (length % 2)
		so_far += (uint32_t)bytes[length - 1] << 8;
	return so_far;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

// Over the pseudo header (RFC 768; RFC 8200, section 8.1) and the message; of a good one with its checksum in it, 0.
static uint16_t transport_checksum(const struct address *from, const struct address *to,
	uint8_t protocol, const uint8_t *message, size_t length)
{
	size_t skip = address_is_ipv4(from) ? 12 : 0;
	uint32_t so_far = protocol + (uint32_t)length;
	so_far = sum(so_far, from->bytes + skip, 16 - skip);
	so_far = sum(so_far, to->bytes + skip, 16 - skip);
	return fold(sum(so_far, message, length));
}

// ---- in ----

static int parse_udp(struct frame *frame)
{
	struct udphdr udp;
	if (frame->length < sizeof(udp))
		return -EINVAL;
	memcpy(&udp, frame->payload, sizeof(udp));
	size_t length = ntohs(udp.len);
	if (length < sizeof(udp) || length > frame->length)
		return -EINVAL;
	frame->udp = true;
	frame->source_port = ntohs(udp.source);
	frame->destination_port = ntohs(udp.dest);
	frame->payload += sizeof(udp);
	frame->length = length - sizeof(udp);
	return 0;
}

static int parse_ipv4(struct frame *frame, const uint8_t *bytes, size_t length)
{
	struct iphdr ip;
	if (length < sizeof(ip))
		return -EINVAL;
	memcpy(&ip, bytes, sizeof(ip));
	size_t header = ip.ihl * 4u, total = ntohs(ip.tot_len);
	if (ip.version != 4 || header < sizeof(ip) || total < header || total > length ||
		(ntohs(ip.frag_off) & (IP_MF | IP_OFFMASK)) || ip.protocol != IPPROTO_UDP)
		return -EINVAL;
	frame->from = address_from_ipv4(ntohl(ip.saddr));
	frame->to = address_from_ipv4(ntohl(ip.daddr));
	frame->hop_limit = ip.ttl;
	frame->payload = bytes + header;
	frame->length = total - header;
	return parse_udp(frame);
}

static int parse_ipv6(struct frame *frame, const uint8_t *bytes, size_t length)
{
	struct ip6_hdr ip;
	if (length < sizeof(ip))
		return -EINVAL;
	memcpy(&ip, bytes, sizeof(ip));
	size_t payload = ntohs(ip.ip6_plen);
	if (ip.ip6_vfc >> 4 != 6 || payload > length - sizeof(ip))
		return -EINVAL;
	memcpy(frame->from.bytes, &ip.ip6_src, sizeof(frame->from.bytes));
	memcpy(frame->to.bytes, &ip.ip6_dst, sizeof(frame->to.bytes));
	frame->hop_limit = ip.ip6_hlim;
	frame->payload = bytes + sizeof(ip);
	frame->length = payload;
	if (ip.ip6_nxt == IPPROTO_UDP)
		return parse_udp(frame);
	if (ip.ip6_nxt != IPPROTO_ICMPV6 || payload < 4 ||
		transport_checksum(
			&frame->from, &frame->to, IPPROTO_ICMPV6, frame->payload, payload) != 0)
		return -EINVAL;
	return 0;
}

int frame_parse(struct frame *out, const uint8_t *bytes, size_t length)
{
	struct frame frame = {.udp = false};
	if (length < ETH_HLEN)
		return -EINVAL;
	memcpy(frame.destination.bytes, bytes, ETH_ALEN);
	memcpy(frame.source.bytes, bytes + ETH_ALEN, ETH_ALEN);
	unsigned type = (unsigned)bytes[12] << 8 | bytes[13];
	int result = -EINVAL;
	if (type == ETH_P_IP)
		result = parse_ipv4(&frame, bytes + ETH_HLEN, length - ETH_HLEN);
	else if (type == ETH_P_IPV6)
		result = parse_ipv6(&frame, bytes + ETH_HLEN, length - ETH_HLEN);
	if (!result)
		*out = frame;
	return result;
}

// ---- out ----

static size_t ip_bytes(const struct address *to)
{
	return address_is_ipv4(to) ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
}

size_t frame_room(const struct address *to, size_t mtu)
{
	return mtu - ip_bytes(to) - sizeof(struct udphdr);
}

static void encode_ipv4(const struct answer *answer, size_t length, uint8_t *out)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons((uint16_t)(sizeof(ip) + length)),
		.frag_off = htons(IP_DF),
		.ttl = answer->hop_limit,
		.protocol = IPPROTO_UDP,
	};
	memcpy(&ip.saddr, answer->from.bytes + 12, 4);
	memcpy(&ip.daddr, answer->to.bytes + 12, 4);
	ip.check = htons(fold(sum(0, (const uint8_t *)&ip, sizeof(ip))));
	memcpy(out, &ip, sizeof(ip));
}

static void encode_ipv6(const struct answer *answer, size_t length, uint8_t *out)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons((uint16_t)length),
		.ip6_nxt = answer->udp ? IPPROTO_UDP : IPPROTO_ICMPV6,
		.ip6_hlim = answer->hop_limit,
	};
	memcpy(&ip.ip6_src, answer->from.bytes, 16);
	memcpy(&ip.ip6_dst, answer->to.bytes, 16);
	memcpy(out, &ip, sizeof(ip));
}

static void encode_message(const struct answer *answer, size_t length, uint8_t *out)
{
	size_t at = 2; // of the checksum in ICMPv6
	if (answer->udp) {
		struct udphdr udp = {
			.source = htons(answer->source_port),
			.dest = htons(answer->destination_port),
			.len = htons((uint16_t)length),
		};
		at = offsetof(struct udphdr, check);
		memcpy(out, &udp, sizeof(udp));
		out += sizeof(udp);
	}
	memcpy(out, answer->payload, answer->length);
	out -= answer->udp ? sizeof(struct udphdr) : 0;
	uint16_t checksum = transport_checksum(&answer->from, &answer->to,
		answer->udp ? IPPROTO_UDP : IPPROTO_ICMPV6, out, length);
	if (answer->udp && checksum == 0)
		checksum = 0xffff; // 0 says that there is none: RFC 768
	out[at] = (uint8_t)(checksum >> 8);
	out[at + 1] = (uint8_t)checksum;
}

size_t frame_encode(const struct answer *answer, size_t mtu, uint8_t *out)
{
	bool ipv4 = address_is_ipv4(&answer->to);
	size_t ip = ip_bytes(&answer->to);
	size_t length = answer->length + (answer->udp ? sizeof(struct udphdr) : 0);
	if (ip + length > mtu || ETH_HLEN + ip + length > FRAME_BYTES)
		return 0;
	memcpy(out, answer->destination.bytes, ETH_ALEN);
	memcpy(out + ETH_ALEN, answer->source.bytes, ETH_ALEN);
	out[12] = ipv4 ? ETH_P_IP >> 8 : ETH_P_IPV6 >> 8;
	out[13] = ipv4 ? ETH_P_IP & 255 : ETH_P_IPV6 & 255;
	(ipv4 ? encode_ipv4 : encode_ipv6)(answer, length, out + ETH_HLEN);
	encode_message(answer, length, out + ETH_HLEN + ip);
	return ETH_HLEN + ip + length;
}

struct mac frame_multicast(const struct address *group)
{
	const uint8_t *last = group->bytes + 12;
	return (struct mac){{0x33, 0x33, last[0], last[1], last[2], last[3]}};
}
