// SPDX-License-Identifier: Apache-2.0
#include "warnings.h"

enum {
	ETHERNET_BYTES = 14,
	UDP_BYTES = 8,
	TUNNEL_BYTES = 8, // Geneve's fixed part, and VXLAN's header
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	GENEVE_OPTION_BYTES = 12, // 4 of its header, 8 of port keys
};

unsigned tunnel_overhead(enum encapsulation encap, bool ipv4)
{
	return ETHERNET_BYTES + TUNNEL_BYTES + UDP_BYTES + (ipv4 ? IPV4_BYTES : IPV6_BYTES) +
	       (encap == ENCAPSULATION_GENEVE ? GENEVE_OPTION_BYTES : 0);
}

struct survey {
	json_t *sentences;
	const char *host;
	const struct link *underlay;
	unsigned overhead; // the largest to any other host; 0: there is none
};

static void survey_host(void *context, const struct object *object)
{
	struct survey *survey = context;
	const struct host *host = (const struct host *)object;
	if (!strcmp(object->name, survey->host))
		return;
	unsigned overhead = tunnel_overhead(host->encap, address_is_ipv4(&host->vtep));
	survey->overhead = overhead > survey->overhead ? overhead : survey->overhead;
}

static void survey_network(void *context, const struct object *object)
{
	struct survey *survey = context;
	unsigned mtu = ((const struct network *)object)->mtu;
	if (mtu + survey->overhead > survey->underlay->mtu)
		json_array_append_new(survey->sentences,
			json_sprintf("network %s/%s: mtu %u needs an underlay of %u, %s has %u",
				object->tenant, object->name, mtu, mtu + survey->overhead,
				survey->underlay->name, survey->underlay->mtu));
}

json_t *warnings_encode(const struct view *view, const char *host, const struct address *vtep,
	const struct link *underlay)
{
	struct survey survey = {.sentences = json_array(), .host = host, .underlay = underlay};
	if (!vtep || address_is_zero(vtep)) {
		json_array_append_new(survey.sentences,
			json_sprintf("host %s has no VTEP, so it cannot reach other hosts", host));
		return survey.sentences;
	}
	if (!underlay) {
		char text[ADDRESS_TEXT];
		json_array_append_new(survey.sentences,
			json_sprintf("no link carries the VTEP %s", address_format(vtep, text)));
		return survey.sentences;
	}
	view_each(view, MODEL_HOST, survey_host, &survey);
	if (survey.overhead)
		view_each(view, MODEL_NETWORK, survey_network, &survey);
	return survey.sentences;
}
