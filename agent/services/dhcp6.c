// SPDX-License-Identifier: Apache-2.0
#include "dhcp6.h"

enum { CLIENT_PORT = 546, SERVER_PORT = 547, HOP_LIMIT = 64 };
enum { HEADER_BYTES = 4, OPTION_BYTES = 4, IA_BYTES = 12, ADDRESS_BYTES = 24 };

// RFC 8415, section 7.3.
enum type {
	SOLICIT = 1,
	ADVERTISE,
	REQUEST,
	CONFIRM,
	RENEW,
	REBIND,
	REPLY,
	RELEASE,
	DECLINE,
	RECONFIGURE,
	INFORMATION
};

enum option {
	OPTION_CLIENT = 1,
	OPTION_SERVER = 2,
	OPTION_IA_NA = 3,
	OPTION_IA_TA = 4,
	OPTION_ADDRESS = 5,
	OPTION_PREFERENCE = 7,
	OPTION_STATUS = 13,
	OPTION_RAPID = 14,
	OPTION_DNS = 23,
	OPTION_DOMAINS = 24,
	OPTION_IA_PD = 25,
	OPTION_REFRESH = 32,
};

enum status {
	STATUS_SUCCESS,
	STATUS_NO_ADDRESSES = 2,
	STATUS_NO_BINDING = 3,
	STATUS_NOT_ON_LINK = 4,
	STATUS_USE_MULTICAST = 5,
	STATUS_NO_PREFIX = 6
};

enum { IA_MAXIMUM = 8, DUID_MAXIMUM = 130 /* section 11.1 */ };

struct piece {
	const uint8_t *data; // NULL: not there
	size_t length;
};

struct ia {
	enum option kind; // OPTION_IA_NA, OPTION_IA_TA, OPTION_IA_PD
	struct piece body;
};

struct message {
	enum type type;
	const uint8_t *transaction; // 3 bytes
	struct piece client, server;
	bool rapid;
	size_t ia_count;
	struct ia ias[IA_MAXIMUM];
};

// ---- options: section 21.1 ----

// Take the next one off the front of `rest`. 1, 0 at the end, -1: it is cut off.
static int next_option(struct piece *rest, enum option *option, struct piece *body)
{
	if (rest->length == 0)
		return 0;
	if (rest->length < OPTION_BYTES)
		return -1;
	size_t length = read16(rest->data + 2);
	if (rest->length - OPTION_BYTES < length)
		return -1;
	*option = read16(rest->data);
	*body = (struct piece){rest->data + OPTION_BYTES, length};
	rest->data += OPTION_BYTES + length;
	rest->length -= OPTION_BYTES + length;
	return 1;
}

static size_t ia_head(enum option kind)
{
	return kind == OPTION_IA_TA ? 4 : IA_BYTES;
}

static struct piece ia_options(const struct ia *ia)
{
	size_t head = ia_head(ia->kind);
	return (struct piece){ia->body.data + head, ia->body.length - head};
}

// Are the options in it whole, and the addresses as long as they must be?
static bool ia_is_good(const struct ia *ia)
{
	if (ia->body.length < ia_head(ia->kind))
		return false;
	struct piece rest = ia_options(ia), body;
	enum option option;
	int more;
	while ((more = next_option(&rest, &option, &body)) > 0)
		if (option == OPTION_ADDRESS && body.length < ADDRESS_BYTES)
			return false;
	return more == 0;
}

static bool take_option(struct message *message, enum option option, struct piece body)
{
	struct ia ia = {option, body};
	switch (option) {
	case OPTION_CLIENT:
	case OPTION_SERVER:
		*(option == OPTION_CLIENT ? &message->client : &message->server) = body;
		return body.length > 2 && body.length <= DUID_MAXIMUM;
	case OPTION_RAPID:
		message->rapid = true;
		return body.length == 0;
	case OPTION_IA_NA:
	case OPTION_IA_TA:
	case OPTION_IA_PD:
		if (!ia_is_good(&ia))
			return false;
		if (message->ia_count < IA_MAXIMUM)
			message->ias[message->ia_count++] = ia;
		return true;
	default:
		return true;
	}
}

static bool parse(struct message *out, const struct frame *frame)
{
	struct message message = {0};
	if (frame->length < HEADER_BYTES)
		return false;
	struct piece rest = {frame->payload + HEADER_BYTES, frame->length - HEADER_BYTES}, body;
	enum option option;
	int more;
	message.type = frame->payload[0];
	message.transaction = frame->payload + 1;
	while ((more = next_option(&rest, &option, &body)) > 0)
		if (!take_option(&message, option, body))
			return false;
	*out = message;
	return more == 0;
}

// ---- the server's name: section 11.4 ----

enum { DUID_BYTES = 10, DUID_LL = 3, DUID_ETHERNET = 1 };

static void server_duid(const struct binding *binding, uint8_t duid[DUID_BYTES])
{
	struct mac mac = network_mac(binding->network);
	struct writer writer = writer_over(duid, DUID_BYTES);
	write16(&writer, DUID_LL);
	write16(&writer, DUID_ETHERNET);
	write_bytes(&writer, &mac, sizeof(mac));
}

static bool is_for_us(const struct message *message, const struct binding *binding)
{
	uint8_t duid[DUID_BYTES];
	server_duid(binding, duid);
	return message->server.length == sizeof(duid) &&
	       !memcmp(message->server.data, duid, sizeof(duid));
}

// Section 16: which messages must, may and must not name a client and a server.
static enum service_result check(const struct message *message, const struct binding *binding)
{
	bool client = message->client.data, server = message->server.data;
	switch (message->type) {
	case SOLICIT:
	case CONFIRM:
	case REBIND:
		return client && !server ? SERVICE_ANSWERED : SERVICE_MALFORMED;
	case REQUEST:
	case RENEW:
	case RELEASE:
	case DECLINE:
		if (!client || !server)
			return SERVICE_MALFORMED;
		break;
	case INFORMATION:
		if (message->ia_count)
			return SERVICE_MALFORMED;
		if (!server)
			return SERVICE_ANSWERED;
		break;
	default: // from servers, and from relays, of which there are none
		return SERVICE_MALFORMED;
	}
	return is_for_us(message, binding) ? SERVICE_ANSWERED : SERVICE_SILENT;
}

// ---- writing ----

// An option whose length is known when it ends.
static uint8_t *begin(struct writer *writer, enum option option)
{
	write16(writer, (uint16_t)option);
	write16(writer, 0);
	return writer->at;
}

static void end(struct writer *writer, uint8_t *start)
{
	size_t length = (size_t)(writer->at - start);
	if (writer->full)
		return;
	start[-2] = (uint8_t)(length >> 8);
	start[-1] = (uint8_t)length;
}

static void put(struct writer *writer, enum option option, const void *data, size_t length)
{
	uint8_t *start = begin(writer, option);
	write_bytes(writer, data, length);
	end(writer, start);
}

static void put_status(struct writer *writer, enum status status)
{
	uint8_t *start = begin(writer, OPTION_STATUS);
	write16(writer, (uint16_t)status);
	end(writer, start);
}

static void put_address(struct writer *writer, const uint8_t *address, bool valid)
{
	uint8_t *start = begin(writer, OPTION_ADDRESS);
	write_bytes(writer, address, 16);
	write32(writer, valid ? DHCP6_PREFERRED : 0);
	write32(writer, valid ? DHCP6_VALID : 0);
	end(writer, start);
}

static bool is_bound(const struct binding *binding, const uint8_t *address)
{
	for (size_t i = 0; i < binding->address_count; i++)
		if (!memcmp(binding->addresses[i].bytes, address, 16))
			return true;
	return false;
}

// What the client has and should not have: section 18.3.4.
static void put_stale(struct writer *writer, const struct binding *binding, const struct ia *ia)
{
	struct piece rest = ia_options(ia), body;
	enum option option;
	while (next_option(&rest, &option, &body) > 0)
		if (option == OPTION_ADDRESS && !is_bound(binding, body.data))
			put_address(writer, body.data, false);
}

static void put_ia(struct writer *writer, const struct binding *binding,
	const struct message *message, const struct ia *ia, bool first)
{
	bool ends = message->type == RELEASE || message->type == DECLINE;
	uint8_t *start = begin(writer, ia->kind);
	write_bytes(writer, ia->body.data, 4); // its number
	if (ia->kind != OPTION_IA_TA) {
		write32(writer, first && !ends ? DHCP6_PREFERRED / 2 : 0);
		write32(writer, first && !ends ? DHCP6_PREFERRED / 5 * 4 : 0);
	}
	if (ends)
		put_status(writer, first ? STATUS_SUCCESS : STATUS_NO_BINDING);
	else if (ia->kind == OPTION_IA_PD)
		put_status(writer, STATUS_NO_PREFIX);
	else if (!first)
		put_status(writer, STATUS_NO_ADDRESSES);
	for (size_t i = 0; first && !ends && i < binding->address_count; i++)
		put_address(writer, binding->addresses[i].bytes, true);
	if (message->type == RENEW || message->type == REBIND || message->type == REQUEST)
		if (ia->kind == OPTION_IA_NA)
			put_stale(writer, binding, ia);
	end(writer, start);
}

static void put_ias(
	struct writer *writer, const struct binding *binding, const struct message *message)
{
	bool given = binding->address_count == 0;
	for (size_t i = 0; i < message->ia_count; i++) {
		const struct ia *ia = &message->ias[i];
		bool first = !given && ia->kind == OPTION_IA_NA;
		put_ia(writer, binding, message, ia, first);
		given |= first;
	}
}

static void put_network(struct writer *writer, const struct binding *binding)
{
	uint8_t domain[256];
	size_t length = domain_encode(binding->domain, domain, sizeof(domain));
	if (address_is_zero(&binding->dns6))
		return;
	put(writer, OPTION_DNS, &binding->dns6, sizeof(binding->dns6));
	put(writer, OPTION_DOMAINS, domain, length);
}

// ---- the answers: section 18.3 ----

// All addresses that the client names are of this link: section 18.3.3. 1, 0, or -1: it names none.
static int on_link(const struct binding *binding, const struct message *message)
{
	const struct prefix_list *subnets = &binding->network->subnets;
	int result = -1;
	for (size_t i = 0; i < message->ia_count; i++) {
		struct piece rest = ia_options(&message->ias[i]), body;
		enum option option;
		while (next_option(&rest, &option, &body) > 0) {
			struct address address;
			bool held = false;
			if (option != OPTION_ADDRESS)
				continue;
			memcpy(&address, body.data, sizeof(address));
			for (size_t j = 0; j < subnets->count; j++)
				held |= prefix_contains(&subnets->items[j], &address);
			if (!held)
				return 0;
			result = 1;
		}
	}
	return result;
}

static void put_head(struct writer *writer, const struct binding *binding,
	const struct message *message, enum type type)
{
	uint8_t duid[DUID_BYTES];
	server_duid(binding, duid);
	write8(writer, (uint8_t)type);
	write_bytes(writer, message->transaction, 3);
	put(writer, OPTION_SERVER, duid, sizeof(duid));
	if (message->client.data)
		put(writer, OPTION_CLIENT, message->client.data, message->client.length);
}

static void put_body(
	struct writer *writer, const struct binding *binding, const struct message *message)
{
	switch (message->type) {
	case SOLICIT:
		if (message->rapid)
			put(writer, OPTION_RAPID, NULL, 0);
		else
			put(writer, OPTION_PREFERENCE, (uint8_t[]){255}, 1); // wait for no other
		break;
	case CONFIRM:
		put_status(writer, on_link(binding, message) ? STATUS_SUCCESS : STATUS_NOT_ON_LINK);
		return;
	case RELEASE:
	case DECLINE:
		put_status(writer, STATUS_SUCCESS);
		put_ias(writer, binding, message);
		return;
	case INFORMATION:
		put(writer, OPTION_REFRESH,
			(uint8_t[]){0, DHCP6_PREFERRED >> 16, DHCP6_PREFERRED >> 8 & 255,
				DHCP6_PREFERRED & 255},
			4);
		break;
	default:
		break;
	}
	put_ias(writer, binding, message);
	put_network(writer, binding);
}

enum service_result dhcp6_answer(
	const struct binding *binding, const struct frame *frame, struct answer *out)
{
	struct message message;
	if (!frame->udp || address_is_ipv4(&frame->from) || !parse(&message, frame))
		return SERVICE_MALFORMED;
	enum service_result result = check(&message, binding);
	if (result != SERVICE_ANSWERED)
		return result;
	bool unicast = !address_is_multicast(&frame->to);
	if (message.type == CONFIRM && (on_link(binding, &message) < 0 || unicast))
		return SERVICE_SILENT;
	if (unicast && (message.type == SOLICIT || message.type == REBIND))
		return SERVICE_SILENT; // section 16

	struct mac mac = network_mac(binding->network);
	*out = (struct answer){
		.source = mac,
		.destination = frame->source,
		.from = address_link_local(&mac),
		.to = frame->from,
		.udp = true,
		.hop_limit = HOP_LIMIT,
		.source_port = SERVER_PORT,
		.destination_port = CLIENT_PORT,
	};
	struct writer writer =
		writer_over(out->payload, frame_room(&out->to, binding->network->mtu));
	put_head(&writer, binding, &message,
		message.type == SOLICIT && !message.rapid ? ADVERTISE : REPLY);
	if (unicast && message.type != INFORMATION) // nobody was told to: section 18.4
		put_status(&writer, STATUS_USE_MULTICAST);
	else
		put_body(&writer, binding, &message);
	if (writer.full)
		return SERVICE_SILENT; // more was asked than fits in a packet
	out->length = (size_t)(writer.at - out->payload);
	return SERVICE_ANSWERED;
}
