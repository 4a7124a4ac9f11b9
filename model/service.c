// SPDX-License-Identifier: Apache-2.0
#include "model/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { ICMP = 1, ICMPV6 = 58 };

static const struct {
	const char *name;
	uint8_t number;
	bool ports;
} protocols[] = {
	{"tcp", 6, true},
	{"udp", 17, true},
	{"icmp", ICMP, false},
	{"icmpv6", ICMPV6, false},
	{"sctp", 132, true},
	{"dccp", 33, true},
	{"udplite", 136, true},
};

bool protocol_has_ports(uint8_t protocol)
{
	for (size_t i = 0; i < array_count(protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].ports;
	return false;
}

// Digits only; moves `text` behind them. False if there are none, or they say more than `maximum`.
static bool parse_number(const char **text, uint32_t maximum, uint32_t *out)
{
	const char *at = *text;
	uint32_t number = 0;
	for (; *at >= '0' && *at <= '9' && number <= maximum; at++)
		number = number * 10 + (uint32_t)(*at - '0');
	if (at == *text || number > maximum)
		return false;
	*text = at;
	*out = number;
	return true;
}

static bool parse_protocol(const char *word, size_t length, uint8_t *out)
{
	for (size_t i = 0; i < array_count(protocols); i++)
		if (strlen(protocols[i].name) == length &&
			!strncmp(protocols[i].name, word, length)) {
			*out = protocols[i].number;
			return true;
		}
	uint32_t number;
	const char *end = word;
	if (!parse_number(&end, 255, &number) || !number || end != word + length)
		return false;
	*out = (uint8_t)number;
	return true;
}

// "80", "1000-2000"
static int parse_ports(
	struct service *service, const char *text, const char *at, struct error *error)
{
	uint32_t low, high;
	bool good = parse_number(&at, UINT16_MAX, &low);
	high = low;
	if (good && *at == '-') {
		at++;
		good = parse_number(&at, UINT16_MAX, &high);
	}
	if (!good || *at)
		return error_set(error, EINVAL,
			"'%s': after the protocol stands a port, 0 to 65535, or a range like "
			"1000-2000",
			text);
	if (low > high)
		return error_set(
			error, EINVAL, "'%s' is reversed, did you mean %u-%u?", text, high, low);
	service->low = (uint16_t)low;
	service->high = (uint16_t)high;
	return 0;
}

// "8", "3/4"
static int parse_icmp(
	struct service *service, const char *text, const char *at, struct error *error)
{
	uint32_t type, code = 0;
	bool one = false, good = parse_number(&at, UINT8_MAX, &type);
	if (good && *at == '/') {
		at++;
		one = true;
		good = parse_number(&at, UINT8_MAX, &code);
	}
	if (!good || *at)
		return error_set(error, EINVAL,
			"'%s': after the protocol stands a type, or type/code, each 0 to 255",
			text);
	service->low = (uint16_t)(type << 8 | code);
	service->high = one ? service->low : (uint16_t)(type << 8 | 0xff);
	return 0;
}

int service_parse(struct service *out, const char *text, struct error *error)
{
	struct service service = {.high = UINT16_MAX};
	const char *slash = strchrnul(text, '/');
	int result = 0;
	if (!parse_protocol(text, (size_t)(slash - text), &service.protocol))
		return error_set(error, EINVAL,
			"'%s' is not a service like tcp/80, udp/1000-2000, icmp/8, icmp/3/4, sctp "
			"or 47",
			text);
	if (*slash && protocol_has_ports(service.protocol))
		result = parse_ports(&service, text, slash + 1, error);
	else if (*slash && (service.protocol == ICMP || service.protocol == ICMPV6))
		result = parse_icmp(&service, text, slash + 1, error);
	else if (*slash)
		result = error_set(error, EINVAL, "'%s': this protocol has no ports", text);
	if (!result)
		*out = service;
	return result;
}

char *service_format(const struct service *service, char *text)
{
	int used = snprintf(text, SERVICE_TEXT, "%u", service->protocol);
	for (size_t i = 0; i < array_count(protocols); i++)
		if (protocols[i].number == service->protocol)
			used = snprintf(text, SERVICE_TEXT, "%s", protocols[i].name);
	if (service->low == 0 && service->high == UINT16_MAX)
		return text;
	size_t left = SERVICE_TEXT - (size_t)used;
	bool ports = protocol_has_ports(service->protocol), one = service->low == service->high;
	if (ports && one)
		snprintf(text + used, left, "/%u", service->low);
	else if (ports)
		snprintf(text + used, left, "/%u-%u", service->low, service->high);
	else if (one)
		snprintf(text + used, left, "/%u/%u", service->low >> 8, service->low & 0xff);
	else
		snprintf(text + used, left, "/%u", service->low >> 8);
	return text;
}

int service_compare(const struct service *a, const struct service *b)
{
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return a->high < b->high ? -1 : a->high > b->high;
}
