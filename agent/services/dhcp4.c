// SPDX-License-Identifier: Apache-2.0
#include "dhcp4.h"

// RFC 2131, section 2.
struct header {
	uint8_t operation, hardware, hardware_bytes, hops;
	uint8_t transaction[4];
	uint8_t seconds[2], flags[2];
	uint8_t client[4], your[4], next_server[4], relay[4]; // addresses
	uint8_t hardware_address[16];
	uint8_t server_name[64], file[128];
	uint8_t cookie[4];
};
_Static_assert(sizeof(struct header) == 240, "as on the wire");

enum { REQUEST = 1, REPLY = 2, ETHERNET = 1, BROADCAST = 0x80 };
static const uint8_t cookie[4] = {99, 130, 83, 99};

enum { CLIENT_PORT = 68, SERVER_PORT = 67, HOP_LIMIT = 64 };
enum { MESSAGE_LEAST = 300 /* BOOTP: RFC 1542, section 2.1 */, DATAGRAM_LEAST = 576 };

enum type { DISCOVER = 1, OFFER, SELECT, DECLINE, ACK, NAK, RELEASE, INFORM };

enum option {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_DNS = 6,
	OPTION_HOST_NAME = 12,
	OPTION_DOMAIN = 15,
	OPTION_MTU = 26,
	OPTION_BROADCAST = 28,
	OPTION_ADDRESS = 50,
	OPTION_LEASE = 51,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_WANTED = 55,
	OPTION_SIZE = 57,
	OPTION_RENEW = 58,
	OPTION_REBIND = 59,
	OPTION_CLIENT = 61,
	OPTION_RAPID = 80,
	OPTION_ROUTES = 121,
	OPTION_END = 255,
};

struct message {
	struct header header;
	enum type type;
	const uint8_t *address, *server; // 4 bytes; NULL: not there
	const uint8_t *client;           // the option with its header
	const uint8_t *wanted;           // option codes
	size_t wanted_count;
	size_t room; // that the client has for a message
	bool rapid;
};

// ---- in ----

// One option; false: its length is not what it must be.
static bool take_option(struct message *message, uint8_t code, const uint8_t *data, size_t length)
{
	switch (code) {
	case OPTION_TYPE:
		if (length != 1 || data[0] < DISCOVER || data[0] > INFORM)
			return false;
		message->type = data[0];
		return true;
	case OPTION_ADDRESS:
		message->address = data;
		return length == 4;
	case OPTION_SERVER:
		message->server = data;
		return length == 4;
	case OPTION_CLIENT:
		message->client = data - 2;
		return length >= 2;
	case OPTION_WANTED:
		message->wanted = data;
		message->wanted_count = length;
		return length >= 1;
	case OPTION_SIZE:
		if (length == 2 && read16(data) > DATAGRAM_LEAST)
			message->room = read16(data);
		return length == 2;
	case OPTION_RAPID:
		message->rapid = true;
		return length == 0;
	}
	return true;
}

// RFC 2132, section 2. Of an option that is there twice, the last counts.
static bool parse_options(struct message *message, const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != OPTION_END) {
		if (*at == OPTION_PAD) {
			at++;
			continue;
		}
		if (end - at < 2 || end - at - 2 < at[1] ||
			!take_option(message, at[0], at + 2, at[1]))
			return false;
		at += 2 + at[1];
	}
	return message->type != 0;
}

static bool parse(struct message *out, const struct frame *frame)
{
	struct message message = {.room = DATAGRAM_LEAST};
	const struct header *header = &message.header;
	if (frame->length < sizeof(*header))
		return false;
	memcpy(&message.header, frame->payload, sizeof(*header));
	if (header->operation != REQUEST || header->hardware != ETHERNET ||
		header->hardware_bytes != sizeof(struct mac) ||
		memcmp(header->cookie, cookie, sizeof(cookie)) ||
		!parse_options(
			&message, frame->payload + sizeof(*header), frame->payload + frame->length))
		return false;
	*out = message;
	return true;
}

// ---- what to say: RFC 2131, section 4.3 ----

static bool is(const struct address *address, const uint8_t *bytes)
{
	return !memcmp(address->bytes + 12, bytes, 4);
}

static bool is_zero(const uint8_t *bytes)
{
	return !memcmp(bytes, (uint8_t[4]){0}, 4);
}

// The type of the answer; 0: none.
static enum type judge(const struct binding *binding, const struct message *message)
{
	switch (message->type) {
	case DISCOVER:
		return message->rapid ? ACK : OFFER;
	case SELECT:
		if (message->server) { // of several offers it takes one: section 4.3.2
			if (!is(&binding->server, message->server))
				return 0;
			return message->address && is(&binding->ipv4, message->address) ? ACK : NAK;
		}
		if (!is_zero(message->header.client))
			return is(&binding->ipv4, message->header.client) ? ACK : NAK;
		if (!message->address)
			return 0;
		return is(&binding->ipv4, message->address) ? ACK : NAK;
	case INFORM:
		return ACK;
	case DECLINE: // the address is the port's, whoever else claims it
	case RELEASE: // and stays so
	default:
		return 0;
	}
}

// ---- out ----

static bool wanted(const struct message *message, enum option option)
{
	return message->wanted && memchr(message->wanted, option, message->wanted_count);
}

// An option fits whole or is left out; what comes first is what is needed most.
static void put(struct writer *writer, enum option option, const void *data, size_t length)
{
	uint8_t head[2] = {(uint8_t)option, (uint8_t)length};
	size_t room = (size_t)(writer->end - writer->at);
	if (length > 255 || room < sizeof(head) + length + 1 /* the end */)
		return;
	write_bytes(writer, head, sizeof(head));
	write_bytes(writer, data, length);
}

static void put8(struct writer *writer, enum option option, uint8_t value)
{
	put(writer, option, &value, 1);
}

static void put32(struct writer *writer, enum option option, uint32_t value)
{
	uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
		(uint8_t)value};
	put(writer, option, bytes, sizeof(bytes));
}

static void put_address(struct writer *writer, enum option option, const struct address *address)
{
	if (!address_is_zero(address))
		put(writer, option, address->bytes + 12, 4);
}

// As many bytes of the destination as its mask covers: RFC 3442.
static void write_route(struct writer *writer, const struct prefix *to, const struct address *via)
{
	uint8_t bits = to->length - 96;
	write8(writer, bits);
	write_bytes(writer, to->address.bytes + 12, (bits + 7) / 8);
	write_bytes(writer, address_is_zero(via) ? (uint8_t[4]){0} : via->bytes + 12, 4);
}

// Who asks for them listens to no other router (RFC 3442): the default is among them.
static void put_routes(struct writer *writer, const struct binding *binding)
{
	static const struct prefix world = {{{[10] = 0xff, 0xff}}, 96};
	uint8_t data[255];
	struct writer routes = writer_over(data, sizeof(data));
	if (!binding->route_count)
		return;
	if (!address_is_zero(&binding->gateway))
		write_route(&routes, &world, &binding->gateway);
	for (size_t i = 0; i < binding->route_count && !routes.full; i++) {
		uint8_t *before = routes.at;
		write_route(&routes, &binding->routes[i].to, &binding->routes[i].via);
		if (routes.full)
			routes.at = before;
	}
	put(writer, OPTION_ROUTES, data, (size_t)(routes.at - data));
}

// Letters, digits and dashes: RFC 2132, section 3.14.
static bool is_host_name(const char *name)
{
	return !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

static void put_network(
	struct writer *writer, const struct binding *binding, const struct message *message)
{
	const char *name = binding->port->object.name;
	struct address broadcast = prefix_last(&binding->subnet);
	uint32_t mtu = binding->network->mtu;
	uint8_t mtu_bytes[2] = {(uint8_t)(mtu >> 8), (uint8_t)mtu};
	put32(writer, OPTION_MASK,
		(uint32_t)(UINT64_C(0xffffffff) << (128 - binding->subnet.length)));
	if (wanted(message, OPTION_ROUTES))
		put_routes(writer, binding);
	put_address(writer, OPTION_ROUTER, &binding->gateway);
	put_address(writer, OPTION_DNS, &binding->dns4);
	put(writer, OPTION_MTU, mtu_bytes, sizeof(mtu_bytes));
	put_address(writer, OPTION_BROADCAST, &broadcast);
	put(writer, OPTION_DOMAIN, binding->domain, strlen(binding->domain));
	if (wanted(message, OPTION_HOST_NAME) && is_host_name(name))
		put(writer, OPTION_HOST_NAME, name, strlen(name));
}

static void put_lease(struct writer *writer)
{
	put32(writer, OPTION_LEASE, DHCP4_LEASE);
	put32(writer, OPTION_RENEW, DHCP4_LEASE / 2);
	put32(writer, OPTION_REBIND, DHCP4_LEASE / 8 * 7);
}

static void write_message(struct answer *answer, const struct binding *binding,
	const struct message *message, enum type type)
{
	struct header header = message->header;
	size_t room = message->room < binding->network->mtu ? message->room : binding->network->mtu;
	struct writer writer = writer_over(answer->payload, frame_room(&answer->to, room));
	header.operation = REPLY;
	header.hops = 0;
	memset(header.seconds, 0, sizeof(header.seconds));
	memset(header.server_name, 0, sizeof(header.server_name) + sizeof(header.file));
	memset(header.next_server, 0, sizeof(header.next_server));
	memset(header.your, 0, sizeof(header.your));
	if (type == OFFER || type == NAK)
		memset(header.client, 0, sizeof(header.client));
	if (type != NAK && message->type != INFORM)
		memcpy(header.your, binding->ipv4.bytes + 12, sizeof(header.your));
	write_bytes(&writer, &header, sizeof(header));

	put8(&writer, OPTION_TYPE, type);
	put_address(&writer, OPTION_SERVER, &binding->server);
	if (message->client) // RFC 6842
		put(&writer, OPTION_CLIENT, message->client + 2, message->client[1]);
	if (type == ACK && message->type == DISCOVER)
		put(&writer, OPTION_RAPID, NULL, 0);
	if (type != NAK && message->type != INFORM)
		put_lease(&writer);
	if (type != NAK)
		put_network(&writer, binding, message);
	write8(&writer, OPTION_END);
	answer->length = (size_t)(writer.at - answer->payload);
	while (answer->length < MESSAGE_LEAST)
		answer->payload[answer->length++] = OPTION_PAD;
}

// RFC 2131, section 4.1.
static void address_answer(struct answer *answer, const struct binding *binding,
	const struct message *message, enum type type)
{
	const struct header *header = &message->header;
	static const struct mac everybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	*answer = (struct answer){
		.source = binding->answerer,
		.destination = binding->port->mac,
		.from = binding->server,
		.to = binding->ipv4,
		.udp = true,
		.hop_limit = HOP_LIMIT,
		.source_port = SERVER_PORT,
		.destination_port = CLIENT_PORT,
	};
	if (type != NAK && !is_zero(header->client)) {
		memcpy(answer->to.bytes + 12, header->client, 4);
	} else if (type == NAK || (header->flags[0] & BROADCAST)) {
		answer->to = address_from_ipv4(UINT32_MAX);
		answer->destination = everybody;
	}
}

enum service_result dhcp4_answer(
	const struct binding *binding, const struct frame *frame, struct answer *out)
{
	struct message message;
	if (!frame->udp || !address_is_ipv4(&frame->from) || !parse(&message, frame))
		return SERVICE_MALFORMED;
	// A relay's business is not ours, and neither is what has another MAC behind this port.
	if (!is_zero(message.header.relay) || address_is_zero(&binding->ipv4) ||
		memcmp(message.header.hardware_address, &binding->port->mac, sizeof(struct mac)))
		return SERVICE_SILENT;
	enum type type = judge(binding, &message);
	if (!type)
		return SERVICE_SILENT;
	address_answer(out, binding, &message, type);
	write_message(out, binding, &message, type);
	return SERVICE_ANSWERED;
}
