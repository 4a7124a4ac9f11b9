// SPDX-License-Identifier: Apache-2.0
// What a rule says as a text: rules that are equal have equal texts, and no others. For comparing,
// and for numbers that follow from it; nobody reads it. Each list comes after its count, each name
// ends with its line, and numbers have a fixed width.
#include "state.h"

#include <string.h>
#include <utstring.h>

#include "base/memory.h"

static void put_number(char *text, uint32_t number, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; number >>= 4)
		text[i] = "0123456789abcdef"[number & 15];
}

static void add_number(UT_string *text, uint32_t number, unsigned digits)
{
	char hex[8];
	put_number(hex, number, digits);
	utstring_bincpy(text, hex, digits);
}

static void add_name(UT_string *text, const char *name)
{
	if (name)
		utstring_bincpy(text, name, strlen(name));
	utstring_bincpy(text, "\n", 1);
}

static void add_prefix(UT_string *text, const struct prefix *prefix)
{
	char hex[2 + 2 * sizeof(prefix->address.bytes)];
	put_number(hex, prefix->length, 2);
	for (size_t i = 0; i < sizeof(prefix->address.bytes); i++)
		put_number(&hex[2 + 2 * i], prefix->address.bytes[i], 2);
	utstring_bincpy(text, hex, sizeof(hex));
}

static void add_peers(UT_string *text, const struct peer_list *peers)
{
	add_number(text, (uint32_t)peers->count, 8);
	for (size_t i = 0; i < peers->count; i++) {
		const struct peer *peer = &peers->items[i];
		add_number(text, peer->kind, 1);
		if (peer->kind == PEER_PREFIX)
			add_prefix(text, &peer->prefix);
		if (peer->kind == PEER_SET)
			add_name(text, peer->name);
		if (peer->kind == PEER_SELECTOR) {
			cleanup_free char *selector = selector_format(&peer->selector);
			add_name(text, selector);
		}
	}
}

// Absent, it is all services; so it is never given and empty.
static void add_services(UT_string *text, const struct service_list *services)
{
	add_number(text, (uint32_t)services->count, 8);
	for (size_t i = 0; i < services->count; i++) {
		const struct service *service = &services->items[i];
		add_number(text, service->protocol, 2);
		add_number(text, service->low, 4);
		add_number(text, service->high, 4);
	}
}

char *rule_text(const struct policy_rule *says)
{
	UT_string text;
	utstring_init(&text);
	add_name(&text, says->name);
	add_number(&text, says->priority, 8);
	add_number(&text, says->direction, 1);
	add_number(&text, says->action, 1);
	add_number(&text, says->log, 1);
	add_peers(&text, &says->from);
	add_peers(&text, &says->to);
	add_services(&text, &says->ports);
	add_services(&text, &says->source_ports);
	return utstring_body(&text);
}
