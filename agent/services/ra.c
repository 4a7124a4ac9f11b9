// SPDX-License-Identifier: Apache-2.0
#include "ra.h"

enum {
	SOLICITATION = 133,
	ADVERTISEMENT = 134,
	SOLICITATION_BYTES = 8,
	HOP_LIMIT = 255 /* proof that it has not been routed */,
	HOST_HOP_LIMIT = 64 /* for the hosts to use */
};

enum option {
	OPTION_SOURCE = 1,
	OPTION_PREFIX = 3,
	OPTION_MTU = 5,
	OPTION_DNS = 25,
	OPTION_DOMAINS = 31
};

enum { PREFIX_BYTES = 32, IPV6_BYTES = 40 };
enum { FLAG_MANAGED = 0x80, FLAG_OTHER = 0x40, FLAG_ON_LINK = 0x80, FLAG_AUTONOMOUS = 0x40 };
enum { PREFIX_VALID = 30 * 86400, PREFIX_PREFERRED = 7 * 86400 /* RFC 4861, section 6.2.1 */ };

static const struct address all_nodes = {{0xff, 0x02, [15] = 1}};

// ---- in: RFC 4861, section 6.1.1 ----

static bool is_solicitation(const struct frame *frame)
{
	const uint8_t *message = frame->payload;
	if (frame->udp || address_is_ipv4(&frame->from) || frame->hop_limit != HOP_LIMIT ||
		frame->length < SOLICITATION_BYTES || message[0] != SOLICITATION || message[1] != 0)
		return false;
	for (size_t at = SOLICITATION_BYTES; at < frame->length;) {
		size_t left = frame->length - at;
		size_t length = left < 2 ? 0 : message[at + 1] * 8u;
		if (!length || length > left)
			return false;
		if (message[at] == OPTION_SOURCE && address_is_zero(&frame->from))
			return false;
		at += length;
	}
	return true;
}

// ---- out: section 4.2 ----

static void put_source(struct writer *writer, const struct binding *binding)
{
	write8(writer, OPTION_SOURCE);
	write8(writer, 1);
	write_bytes(writer, &binding->answerer, sizeof(binding->answerer));
}

static void put_mtu(struct writer *writer, const struct network *network)
{
	write8(writer, OPTION_MTU);
	write8(writer, 1);
	write16(writer, 0);
	write32(writer, network->mtu);
}

static void put_prefixes(struct writer *writer, const struct network *network)
{
	for (size_t i = 0; i < network->subnets.count; i++) {
		const struct prefix *subnet = &network->subnets.items[i];
		if (prefix_is_ipv4(subnet))
			continue;
		if (!writer_fits(writer, PREFIX_BYTES))
			return;
		write8(writer, OPTION_PREFIX);
		write8(writer, 4);
		write8(writer, subnet->length);
		write8(writer, FLAG_ON_LINK | (network->slaac ? FLAG_AUTONOMOUS : 0));
		write32(writer, PREFIX_VALID);
		write32(writer, PREFIX_PREFERRED);
		write32(writer, 0);
		write_bytes(writer, &subnet->address, sizeof(subnet->address));
	}
}

// RFC 8106, sections 5.1 and 5.2.
static void put_dns(struct writer *writer, const struct binding *binding)
{
	uint8_t domain[256];
	size_t length = domain_encode(binding->domain, domain, sizeof(domain));
	if (address_is_zero(&binding->dns6))
		return;
	write8(writer, OPTION_DNS);
	write8(writer, 3);
	write16(writer, 0);
	write32(writer, RA_LIFETIME);
	write_bytes(writer, &binding->dns6, sizeof(binding->dns6));

	size_t words = (length + 7) / 8;
	write8(writer, OPTION_DOMAINS);
	write8(writer, (uint8_t)(1 + words));
	write16(writer, 0);
	write32(writer, RA_LIFETIME);
	write_bytes(writer, domain, length);
	for (size_t i = length; i < words * 8; i++)
		write8(writer, 0);
}

void ra_advertise(const struct binding *binding, struct answer *out)
{
	const struct network *network = binding->network;
	*out = (struct answer){
		.source = binding->answerer,
		.destination = frame_multicast(&all_nodes),
		.from = address_link_local(&binding->answerer),
		.to = all_nodes,
		.hop_limit = HOP_LIMIT,
	};
	struct writer writer = writer_over(out->payload, network->mtu - IPV6_BYTES);
	write8(&writer, ADVERTISEMENT);
	write8(&writer, 0);
	write16(&writer, 0); // the checksum
	write8(&writer, HOST_HOP_LIMIT);
	write8(&writer, (network->dhcp && !network->slaac ? FLAG_MANAGED : 0) |
				(network->dhcp ? FLAG_OTHER : 0));
	write16(&writer, binding->router ? RA_LIFETIME : 0);
	write32(&writer, 0); // reachable time and retransmission timer: the host's own
	write32(&writer, 0);
	put_source(&writer, binding);
	put_mtu(&writer, network);
	put_dns(&writer, binding);
	put_prefixes(&writer, network);
	out->length = (size_t)(writer.at - out->payload);
}

enum service_result ra_answer(
	const struct binding *binding, const struct frame *frame, struct answer *out)
{
	if (!is_solicitation(frame))
		return SERVICE_MALFORMED;
	if (!network_advertises(binding->network))
		return SERVICE_SILENT;
	ra_advertise(binding, out);
	// Who has an address is told there: section 6.2.6.
	if (!address_is_zero(&frame->from)) {
		out->to = frame->from;
		out->destination = frame->source;
	}
	return SERVICE_ANSWERED;
}
