// SPDX-License-Identifier: Apache-2.0
#include "dns.h"

#include <ldns/ldns.h>
#include <stdio.h>

#include "base/memory.h"

enum { HOP_LIMIT = 64, HEADER_BYTES = 12, ROOM_LEAST = 512 /* without EDNS */ };
enum { RCODE = 0x0f };

static void free_packet(ldns_pkt **packet)
{
	ldns_pkt_free(*packet);
}

static void free_name(ldns_rdf **name)
{
	if (*name)
		ldns_rdf_deep_free(*name);
}

#define cleanup_packet __attribute__((cleanup(free_packet)))
#define cleanup_name __attribute__((cleanup(free_name)))

// ---- in ----

static ldns_pkt *parse(const uint8_t *bytes, size_t length)
{
	ldns_pkt *packet = NULL;
	return ldns_wire2pkt(&packet, bytes, length) == LDNS_STATUS_OK ? packet : NULL;
}

static const ldns_rr *question_of(const ldns_pkt *packet)
{
	return ldns_rr_list_rr(ldns_pkt_question(packet), 0);
}

static size_t room_of(
	const ldns_pkt *query, const struct binding *binding, const struct address *client)
{
	size_t most = frame_room(client, binding->network->mtu), room = ROOM_LEAST;
	if (ldns_pkt_edns(query) && ldns_pkt_edns_udp_size(query) > room)
		room = ldns_pkt_edns_udp_size(query);
	return room < most ? room : most;
}

// ---- out ----

static ldns_pkt *reply_to(const ldns_pkt *query, ldns_pkt_rcode rcode, size_t room)
{
	ldns_pkt *reply = ldns_pkt_new();
	ldns_pkt_set_id(reply, ldns_pkt_id(query));
	ldns_pkt_set_qr(reply, true);
	ldns_pkt_set_opcode(reply, ldns_pkt_get_opcode(query));
	ldns_pkt_set_rd(reply, ldns_pkt_rd(query));
	ldns_pkt_set_cd(reply, ldns_pkt_cd(query));
	ldns_pkt_set_ra(reply, true);
	ldns_pkt_set_rcode(reply, rcode);
	if (ldns_pkt_edns(query))
		ldns_pkt_set_edns_udp_size(reply, (uint16_t)room);
	if (question_of(query))
		ldns_pkt_push_rr(reply, LDNS_SECTION_QUESTION, ldns_rr_clone(question_of(query)));
	return reply;
}

static void push(ldns_pkt *reply, ldns_pkt_section section, const ldns_rdf *owner,
	ldns_rr_type type, ldns_rdf *data)
{
	ldns_rr *record = ldns_rr_new();
	ldns_rr_set_owner(record, ldns_rdf_clone(owner));
	ldns_rr_set_type(record, type);
	ldns_rr_set_class(record, LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(record, DNS_TTL);
	ldns_rr_push_rdf(record, data);
	ldns_pkt_push_rr(reply, section, record);
}

// How long "no" may be remembered: RFC 2308, section 3.
static void push_authority(ldns_pkt *reply, const char *domain)
{
	cleanup_free char *text =
		memory_format("%s. %d IN SOA %s. hostmaster.%s. 1 3600 600 86400 %d", domain,
			DNS_TTL, domain, domain, DNS_TTL);
	ldns_rr *record = NULL;
	if (ldns_rr_new_frm_str(&record, text, 0, NULL, NULL) == LDNS_STATUS_OK)
		ldns_pkt_push_rr(reply, LDNS_SECTION_AUTHORITY, record);
}

// The wire form, or, where it does not fit, a promise that TCP would bring more.
static bool finish(ldns_pkt *reply, size_t room, struct answer *out)
{
	cleanup_free uint8_t *wire = NULL;
	size_t length = 0;
	if (ldns_pkt2wire(&wire, reply, &length) != LDNS_STATUS_OK)
		return false;
	if (length > room) {
		ldns_pkt_set_tc(reply, true);
		ldns_rr_list_deep_free(ldns_pkt_answer(reply));
		ldns_pkt_set_answer(reply, ldns_rr_list_new());
		ldns_pkt_set_ancount(reply, 0);
		free(steal(wire));
		if (ldns_pkt2wire(&wire, reply, &length) != LDNS_STATUS_OK || length > room)
			return false;
	}
	memcpy(out->payload, wire, length);
	out->length = length;
	return true;
}

static enum service_result refuse(
	const ldns_pkt *query, ldns_pkt_rcode rcode, size_t room, struct answer *out)
{
	cleanup_packet ldns_pkt *reply = reply_to(query, rcode, room);
	return finish(reply, room, out) ? SERVICE_ANSWERED : SERVICE_MALFORMED;
}

static struct answer answer_to(const struct frame *frame)
{
	return (struct answer){
		.source = frame->destination,
		.destination = frame->source,
		.from = frame->to,
		.to = frame->from,
		.udp = true,
		.hop_limit = HOP_LIMIT,
		.source_port = DNS_PORT,
		.destination_port = frame->source_port,
	};
}

// ---- own names ----

struct asked {
	const struct directory *directory;
	const struct binding *binding;
	const char *tenant;
	ldns_rdf *name;  // as it was written
	ldns_rdf *lower; // in lower case
	ldns_rr_type type;
};

static void push_addresses(ldns_pkt *reply, const struct asked *asked, const struct port *port)
{
	for (size_t i = 0; i < port->addresses.count; i++) {
		const struct address *address = &port->addresses.items[i];
		bool ipv4 = address_is_ipv4(address);
		ldns_rr_type type = ipv4 ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA;
		if (asked->type != type && asked->type != LDNS_RR_TYPE_ANY)
			continue;
		push(reply, LDNS_SECTION_ANSWER, asked->name, type,
			ldns_rdf_new_frm_data(ipv4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA,
				ipv4 ? 4 : 16, address->bytes + (ipv4 ? 12 : 0)));
	}
}

static const struct port *port_on(const struct asked *asked, const char *name, const char *network)
{
	const struct port *port = (const struct port *)directory_find(
		asked->directory, MODEL_PORT, asked->tenant, name);
	bool known = port && (!network || !strcmp(port->network, network)) &&
		     directory_reaches(asked->directory, asked->binding->network, port->network);
	return known ? port : NULL;
}

// PORT or PORT.NETWORK; both may have dots in them.
static const struct port *find_port(const struct asked *asked, char *name)
{
	const struct port *port = port_on(asked, name, NULL);
	for (char *dot = strchr(name, '.'); dot && !port; dot = strchr(dot + 1, '.')) {
		*dot = '\0';
		port = port_on(asked, name, dot + 1);
		*dot = '.';
	}
	return port;
}

// What stands before the domain; NULL: the name is not below it. Owned by the caller (free).
static char *below(const ldns_rdf *name, const char *domain)
{
	cleanup_name ldns_rdf *apex = ldns_dname_new_frm_str(domain);
	cleanup_free char *text = ldns_rdf2str(name);
	if (!apex || !text)
		return NULL;
	if (ldns_dname_compare(name, apex) == 0)
		return memory_text("");
	if (!ldns_dname_is_subdomain(name, apex))
		return NULL;
	size_t length = strlen(text), end = strlen(domain) + 2; // a dot on either side
	if (length <= end)
		return NULL;
	text[length - end] = '\0';
	return steal(text);
}

static enum service_result answer_own(const struct asked *asked, const ldns_pkt *query, char *name,
	size_t room, struct answer *out)
{
	const struct port *port = find_port(asked, name);
	// The domain itself, and a network, exist without records of their own.
	bool exists = port || !*name ||
		      directory_reaches(asked->directory, asked->binding->network, name);
	cleanup_packet ldns_pkt *reply =
		reply_to(query, exists ? LDNS_RCODE_NOERROR : LDNS_RCODE_NXDOMAIN, room);
	ldns_pkt_set_aa(reply, true);
	if (port)
		push_addresses(reply, asked, port);
	if (!ldns_pkt_ancount(reply))
		push_authority(reply, asked->binding->domain);
	return finish(reply, room, out) ? SERVICE_ANSWERED : SERVICE_MALFORMED;
}

// ---- own addresses ----

static int nibble(char digit)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, digit);
	return at && digit ? (int)(at - digits) : -1;
}

// "4.3.2.1", RFC 1035, section 3.5.
static bool parse_reverse4(const char *text, struct address *out)
{
	unsigned bytes[4];
	char end, again[16];
	if (sscanf(text, "%3u.%3u.%3u.%3u%c", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &end) !=
		4)
		return false;
	uint32_t address = 0;
	for (size_t i = 4; i-- > 0;) {
		if (bytes[i] > 255)
			return false;
		address = address << 8 | bytes[i];
	}
	snprintf(again, sizeof(again), "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
	*out = address_from_ipv4(address);
	return !strcmp(text, again);
}

// 32 digits, the last first: RFC 3596, section 2.5.
static bool parse_reverse6(const char *text, struct address *out)
{
	if (strlen(text) != 63)
		return false;
	*out = (struct address){{0}};
	for (size_t i = 0; i < 32; i++) {
		int value = nibble(text[2 * i]);
		if (value < 0 || (i < 31 && text[2 * i + 1] != '.'))
			return false;
		out->bytes[15 - i / 2] |= (uint8_t)(value << (i % 2 ? 4 : 0));
	}
	return true;
}

static bool parse_reverse(const ldns_rdf *name, struct address *out)
{
	cleanup_free char *four = below(name, "in-addr.arpa");
	cleanup_free char *six = below(name, "ip6.arpa");
	return (four && parse_reverse4(four, out)) || (six && parse_reverse6(six, out));
}

static enum service_result answer_reverse(const struct asked *asked, const ldns_pkt *query,
	const struct address *address, size_t room, struct answer *out)
{
	const struct port *port =
		directory_holder(asked->directory, asked->binding->network, address);
	if (!port && !directory_owns(asked->directory, asked->binding->network, address))
		return SERVICE_FORWARD;
	cleanup_packet ldns_pkt *reply =
		reply_to(query, port ? LDNS_RCODE_NOERROR : LDNS_RCODE_NXDOMAIN, room);
	ldns_pkt_set_aa(reply, true);
	if (port && (asked->type == LDNS_RR_TYPE_PTR || asked->type == LDNS_RR_TYPE_ANY)) {
		cleanup_free char *text =
			memory_format("%s.%s.", port->object.name, asked->binding->domain);
		ldns_rdf *target = ldns_dname_new_frm_str(text);
		if (target)
			push(reply, LDNS_SECTION_ANSWER, asked->name, LDNS_RR_TYPE_PTR, target);
	}
	return finish(reply, room, out) ? SERVICE_ANSWERED : SERVICE_MALFORMED;
}

// ---- questions to others ----

static enum service_result prepare(const ldns_pkt *query, size_t room, struct dns_request *out)
{
	cleanup_packet ldns_pkt *asking = ldns_pkt_new();
	cleanup_free uint8_t *wire = NULL;
	size_t length = 0;
	ldns_pkt_set_id(asking, 0);
	ldns_pkt_set_rd(asking, ldns_pkt_rd(query));
	ldns_pkt_set_cd(asking, ldns_pkt_cd(query));
	ldns_pkt_set_ad(asking, ldns_pkt_ad(query));
	if (ldns_pkt_edns(query)) {
		ldns_pkt_set_edns_udp_size(asking, (uint16_t)room);
		ldns_pkt_set_edns_do(asking, ldns_pkt_edns_do(query));
	}
	ldns_pkt_push_rr(asking, LDNS_SECTION_QUESTION, ldns_rr_clone(question_of(query)));
	if (ldns_pkt2wire(&wire, asking, &length) != LDNS_STATUS_OK || length > sizeof(out->query))
		return SERVICE_MALFORMED;
	memcpy(out->query, wire, length);
	out->length = length;
	out->id = ldns_pkt_id(query);
	out->room = room;
	return SERVICE_FORWARD;
}

static bool same_question(const ldns_pkt *a, const ldns_pkt *b)
{
	const ldns_rr *x = question_of(a), *y = question_of(b);
	return x && y && ldns_rr_get_type(x) == ldns_rr_get_type(y) &&
	       ldns_rr_get_class(x) == ldns_rr_get_class(y) &&
	       ldns_dname_compare(ldns_rr_owner(x), ldns_rr_owner(y)) == 0;
}

// The reply as far as the question, and that it is cut off.
static bool shorten(const struct dns_request *request, const ldns_pkt *reply, struct answer *out)
{
	cleanup_packet ldns_pkt *shorter =
		reply_to(reply, ldns_pkt_get_rcode(reply), request->room);
	ldns_pkt_set_tc(shorter, true);
	return finish(shorter, request->room, out);
}

bool dns_accept(
	const struct dns_request *request, const uint8_t *reply, size_t length, struct answer *out)
{
	if (length < HEADER_BYTES || memcmp(reply, request->query, 2))
		return false;
	cleanup_packet ldns_pkt *packet = parse(reply, length);
	cleanup_packet ldns_pkt *query = parse(request->query, request->length);
	if (!packet || !query || !ldns_pkt_qr(packet) || ldns_pkt_qdcount(packet) != 1 ||
		!same_question(packet, query))
		return false;
	*out = request->answer;
	if (length > request->room) {
		if (!shorten(request, packet, out))
			return false;
	} else {
		memcpy(out->payload, reply, length);
		out->length = length;
	}
	out->payload[0] = (uint8_t)(request->id >> 8);
	out->payload[1] = (uint8_t)request->id;
	return true;
}

bool dns_failed(const uint8_t *reply, size_t length)
{
	unsigned rcode = length < HEADER_BYTES ? LDNS_RCODE_SERVFAIL : reply[3] & RCODE;
	return rcode == LDNS_RCODE_SERVFAIL || rcode == LDNS_RCODE_REFUSED ||
	       rcode == LDNS_RCODE_NOTIMPL;
}

static void answer_rcode(
	const struct dns_request *request, ldns_pkt_rcode rcode, struct answer *out)
{
	*out = request->answer;
	cleanup_packet ldns_pkt *query = parse(request->query, request->length);
	if (!query)
		return;
	ldns_pkt_set_id(query, request->id);
	refuse(query, rcode, request->room, out);
}

void dns_fail(const struct dns_request *request, struct answer *out)
{
	answer_rcode(request, LDNS_RCODE_SERVFAIL, out);
}

void dns_refuse(const struct dns_request *request, struct answer *out)
{
	answer_rcode(request, LDNS_RCODE_REFUSED, out);
}

// ---- the way of a question ----

static enum service_result answer_question(const struct asked *asked, const ldns_pkt *query,
	size_t room, struct answer *out, struct dns_request *forward)
{
	enum service_result result = SERVICE_FORWARD;
	struct address address;
	cleanup_free char *name = below(asked->lower, asked->binding->domain);
	if (name)
		result = answer_own(asked, query, name, room, out);
	else if (parse_reverse(asked->lower, &address))
		result = answer_reverse(asked, query, &address, room, out);
	if (result != SERVICE_FORWARD)
		return result;
	forward->answer = *out;
	return prepare(query, room, forward);
}

static bool is_transfer(ldns_rr_type type)
{
	return type == LDNS_RR_TYPE_AXFR || type == LDNS_RR_TYPE_IXFR;
}

enum service_result dns_answer(const struct directory *directory, const struct binding *binding,
	const struct frame *frame, struct answer *out, struct dns_request *forward)
{
	if (!frame->udp)
		return SERVICE_MALFORMED;
	cleanup_packet ldns_pkt *query = parse(frame->payload, frame->length);
	if (!query || ldns_pkt_qr(query))
		return SERVICE_MALFORMED;
	size_t room = room_of(query, binding, &frame->from);
	*out = answer_to(frame);
	if (ldns_pkt_get_opcode(query) != LDNS_PACKET_QUERY)
		return refuse(query, LDNS_RCODE_NOTIMPL, room, out);
	if (ldns_pkt_qdcount(query) != 1 || !question_of(query))
		return SERVICE_MALFORMED;
	const ldns_rr *question = question_of(query);
	if (ldns_rr_get_class(question) != LDNS_RR_CLASS_IN ||
		is_transfer(ldns_rr_get_type(question)))
		return refuse(query, LDNS_RCODE_REFUSED, room, out);

	cleanup_name ldns_rdf *lower = ldns_rdf_clone(ldns_rr_owner(question));
	ldns_dname2canonical(lower);
	struct asked asked = {
		.directory = directory,
		.binding = binding,
		.tenant = binding->port->object.tenant,
		.name = ldns_rr_owner(question),
		.lower = lower,
		.type = ldns_rr_get_type(question),
	};
	return answer_question(&asked, query, room, out, forward);
}
