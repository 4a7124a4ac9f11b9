// SPDX-License-Identifier: Apache-2.0
// A file for each kind of object, to learn from: each can be applied as it stands, and all of them
// one after the other.
#include "model/object.h"

// What several begin with.
#define ACME "tenant: acme\n"
#define WEB "networks:\n  web: {subnets: [10.1.1.0/24, \"fd00:1:1::/64\"], dhcp: true}\n"

// The lines as they are in a file.
// clang-format off
static const char *const examples[MODEL_KIND_COUNT] = {
	[MODEL_TENANT] =
		"tenants:\n"
		"  acme: {description: Makers of everything}\n",
	[MODEL_HOST] =
		"hosts:\n"
		"  h1: {vtep: 192.0.2.1}\n"
		"  old-gateway: {vtep: 192.0.2.9, encap: vxlan, managed: false}\n",
	[MODEL_NETWORK] = ACME WEB,
	[MODEL_PORT] = ACME WEB
		"ports:\n"
		"  web1: {network: web, labels: {tier: web}}\n"
		"  vpn:\n"
		"    network: web\n"
		"    mac: \"02:00:00:00:10:01\"\n"
		"    addresses: [10.1.1.10, \"fd00:1:1::10\"]\n"
		"    security:\n"
		"      - {addresses: [192.168.0.0/16]} # it forwards for these\n",
	[MODEL_ROUTER] = ACME WEB
		"  db: {subnets: [10.1.2.0/24]}\n"
		"routers:\n"
		"  main:\n"
		"    networks: [web, {network: db, addresses: [10.1.2.254]}]\n"
		"    routes:\n"
		"      - {to: 0.0.0.0/0, via: [10.1.1.10]}\n"
		"      - {to: 10.66.0.0/16, action: reject}\n"
		"      - {to: 0.0.0.0/0, from: 10.1.2.0/24, ports: [tcp/443], via: [10.1.1.11]}\n",
	[MODEL_ADDRESS_SET] = ACME
		"address_sets:\n"
		"  office: {addresses: [198.51.100.0/24, \"2001:db8:7::/48\"]}\n",
	[MODEL_POLICY] = ACME
		"address_sets:\n"
		"  office: {addresses: [198.51.100.0/24]}\n"
		"policies:\n"
		"  web:\n"
		"    applies_to: tier=web\n"
		"    rules:\n"
		"      - {from: any, ports: [tcp/80, tcp/443], action: allow}\n"
		"      - {from: set:office, ports: [tcp/22, icmp], action: allow}\n"
		"      - {direction: egress, to: tier=db, ports: [tcp/5432], action: allow}\n",
	[MODEL_TOKEN] = ACME
		"tokens:\n"
		"  acme-ci: {role: tenant-admin, tenants: [acme], expires: \"2099-12-31T00:00:00Z\"}\n"
		"  monitoring: {role: reader}\n",
	[MODEL_ENROLMENT] =
		"enrolments:\n"
		"  h1: {expires: \"2099-12-31T00:00:00Z\"}\n",
};
// clang-format on

const char *model_kind_example(enum model_kind kind)
{
	return examples[kind];
}
