// SPDX-License-Identifier: Apache-2.0
// The schema: every kind of object and every field of it, one line each. Everything that is said
// about a field elsewhere (C member, JSON, validation, OpenAPI, columns, manual) is generated from
// its line here.
//
// A line is FIELD(owner, type, name, flags, help, properties...). `owner` names the struct; `type`
// is one of the MODEL_C_… of object.h; the rest are designated initializers of `struct field`
// (model/schema.h), for what a type needs. This file only speaks; object.h makes the structs of it,
// schema.c the descriptors.
#pragma once

// KIND(constant, name, plural, in_tenant, help). In the order in which objects refer to each other:
// backwards only.
#define MODEL_KINDS(KIND)                                                                          \
	KIND(MODEL_TENANT, tenant, tenants, false,                                                 \
		"A tenant: a space of names and addresses that nothing else shares")               \
	KIND(MODEL_HOST, host, hosts, false,                                                       \
		"A machine that carries ports, reached by the others at its tunnel endpoint")      \
	KIND(MODEL_NETWORK, network, networks, true,                                               \
		"A logical layer-2 switch: one broadcast domain, with the subnets used on it")     \
	KIND(MODEL_PORT, port, ports, true,                                                        \
		"A place to plug in on a network: one container, virtual machine or appliance")    \
	KIND(MODEL_ROUTER, router, routers, true,                                                  \
		"Joins networks at layer 3, on every host at once")                                \
	KIND(MODEL_ADDRESS_SET, address_set, address_sets, true,                                   \
		"Prefixes under one name, for the rules of policies")                              \
	KIND(MODEL_POLICY, policy, policies, true, "Firewall rules for the ports that it selects") \
	KIND(MODEL_TOKEN, token, tokens, false,                                                    \
		"What a person or program shows to be let in, and what it may do")                 \
	KIND(MODEL_ENROLMENT, enrolment, enrolments, false,                                        \
		"The host of this name is invited, or has joined: its certificates are good for "  \
		"as long as this exists")

#define TENANT_FIELDS(FIELD)                                                               \
	FIELD(tenant, text, description, FIELD_COLUMN, "What the tenant is, for people",   \
		.maximum = 256)                                                            \
	FIELD(tenant, text, devices, FIELD_WIDE | FIELD_STICKY | FIELD_ADMINISTRATOR,      \
		"The interfaces of hosts that its people may attach, as a pattern like "   \
		"`acme-*`; left out: only administrators attach",                          \
		.maximum = 64)                                                             \
	FIELD(tenant, quotas, quotas, FIELD_WIDE | FIELD_STICKY | FIELD_ADMINISTRATOR,     \
		"How much it may hold at most; of what is left out, any amount")           \
	FIELD(tenant, number, rate, FIELD_WIDE | FIELD_STICKY | FIELD_ADMINISTRATOR,       \
		"Requests a second that its people may make together, over a while; "      \
		"ten times as many at once; absent: what each of their tokens may",        \
		.minimum = 1, .maximum = 1000000)                                          \
	FIELD(tenant, number, write_rate, FIELD_WIDE | FIELD_STICKY | FIELD_ADMINISTRATOR, \
		"Objects a second that its people may write in it together, likewise",     \
		.minimum = 1, .maximum = 1000000)

#define HOST_FIELDS(FIELD)                                                                    \
	FIELD(host, address, vtep, FIELD_REQUIRED | FIELD_COLUMN,                             \
		"The address of its tunnel endpoint in the underlay; no two hosts share one") \
	FIELD(host, encapsulation, encap, FIELD_COLUMN, "How others wrap packets for it",     \
		.fallback = ENCAPSULATION_GENEVE)                                             \
	FIELD(host, labels, labels, FIELD_WIDE, "For people and selectors", .maximum = 64)    \
	FIELD(host, flag, managed, FIELD_WIDE,                                                \
		"Runs an agent; false for a foreign tunnel endpoint, which nobody waits for", \
		.fallback = true)                                                             \
	FIELD(host, number, key, FIELD_SERVER | FIELD_WIDE,                                   \
		"The host in the tables of the datapath")

#define NETWORK_FIELDS(FIELD)                                                                     \
	FIELD(network, prefixes, subnets, FIELD_COLUMN,                                           \
		"Where ports get their addresses; both families, none overlaps another",          \
		.maximum = 64)                                                                    \
	FIELD(network, number, mtu, FIELD_COLUMN,                                                 \
		"The largest IP packet, in bytes; at least 1280 with an IPv6 subnet",             \
		.minimum = 576, .maximum = 9216, .fallback = 1400)                                \
	FIELD(network, unknown_unicast, unknown_unicast, FIELD_WIDE,                              \
		"What becomes of a frame to a MAC that no port has",                              \
		.fallback = UNKNOWN_UNICAST_DROP)                                                 \
	FIELD(network, flag, dhcp, FIELD_WIDE,                                                    \
		"Ports are told their addresses, router, DNS and MTU by DHCP and router "         \
		"advertisements")                                                                 \
	FIELD(network, flag, slaac, FIELD_WIDE,                                                   \
		"Ports make their IPv6 addresses of their MACs; every IPv6 subnet is a /64")      \
	FIELD(network, addresses, dns_servers, FIELD_WIDE | FIELD_STICKY | FIELD_ADMINISTRATOR,   \
		"Who is asked, from the hosts' own network, for names that are not the "          \
		"tenant's, as administrators say; absent: the resolvers of the host, []: nobody", \
		.maximum = 8)                                                                     \
	FIELD(network, text, dns_domain, FIELD_WIDE,                                              \
		"The domain of the tenant's own names, PORT.DOMAIN and PORT.NETWORK.DOMAIN; "     \
		"absent: TENANT.internal",                                                        \
		.maximum = 120)                                                                   \
	FIELD(network, number, vni, FIELD_SERVER | FIELD_WIDE, "The network in tunnel headers")

#define PORT_FIELDS(FIELD)                                                                        \
	FIELD(port, network, network, FIELD_REQUIRED | FIELD_CONSTANT | FIELD_COLUMN,             \
		"The network that it is on, for as long as it exists")                            \
	FIELD(port, mac, mac, FIELD_STICKY | FIELD_WIDE,                                          \
		"Its MAC address, once in the network; absent: one is allocated")                 \
	FIELD(port, addresses, addresses, FIELD_STICKY | FIELD_COLUMN,                            \
		"Its IP addresses; absent: one of each subnet is allocated, []: none",            \
		.maximum = 64)                                                                    \
	FIELD(port, labels, labels, FIELD_WIDE, "For people and selectors", .maximum = 64)        \
	FIELD(port, pairs, security, FIELD_WIDE,                                                  \
		"What it may send from besides its own MAC and addresses", .maximum = 64)         \
	FIELD(port, host, host, FIELD_STICKY | FIELD_COLUMN, "The host that it is placed on")     \
	FIELD(port, device, device, FIELD_STICKY | FIELD_WIDE,                                    \
		"The interface of the host that it is attached to")                               \
	FIELD(port, number, connections, FIELD_WIDE | FIELD_STICKY | FIELD_ADMINISTRATOR,         \
		"How many established connections it may have where policies watch them; "        \
		"absent: 65536",                                                                  \
		.minimum = 1, .maximum = 1048576)                                                 \
	FIELD(port, number, unanswered, FIELD_WIDE | FIELD_STICKY | FIELD_ADMINISTRATOR,          \
		"How many connections a second it may begin that come to nothing, and twice as "  \
		"many at once: TCP that nobody completes (without policies: or ends), and where " \
		"policies watch it all else that nobody answers; absent: 1000",                   \
		.minimum = 1, .maximum = 1000000)                                                 \
	FIELD(port, number, key, FIELD_SERVER | FIELD_WIDE,                                       \
		"The port in the tables of the datapath")

#define ROUTER_FIELDS(FIELD)                                                                     \
	FIELD(router, router_networks, networks, FIELD_COLUMN,                                   \
		"The networks that it joins, with its address on each; left out: the first "     \
		"host address of each subnet",                                                   \
		.maximum = 4096)                                                                 \
	FIELD(router, routes, routes, FIELD_COLUMN,                                              \
		"Where packets to other prefixes go; its networks need none", .maximum = 100000) \
	FIELD(router, number, key, FIELD_SERVER | FIELD_WIDE,                                    \
		"The router in the tables of the datapath, and in its MAC, 0e:57 and the key")

#define ADDRESS_SET_FIELDS(FIELD)                                              \
	FIELD(address_set, prefixes, addresses, FIELD_REQUIRED | FIELD_COLUMN, \
		"The prefixes; none repeats, some may contain others", .maximum = 100000)

// The field is called "default", which no member of a struct can be.
#define POLICY_FIELDS(FIELD)                                                                \
	FIELD(policy, selector, applies_to, FIELD_COLUMN,                                   \
		"The ports that it protects; left out: all of the tenant")                  \
	FIELD(policy, tier, tier, FIELD_COLUMN, "Policies of a lower tier are asked first", \
		.maximum = 15)                                                              \
	FIELD(policy, policy_default, otherwise, FIELD_WIDE,                                \
		"What becomes of a packet, in a direction that it has rules for, that no "  \
		"rule of any policy takes",                                                 \
		.name = "default", .fallback = POLICY_DROP)                                 \
	FIELD(policy, policy_established, established, FIELD_WIDE,                          \
		"What becomes of connections that were allowed and no longer would be",     \
		.fallback = ESTABLISHED_STOP)                                               \
	FIELD(policy, rules, rules, FIELD_COLUMN,                                           \
		"Of equal priority, those that drop are asked first", .maximum = 65536)

#define TOKEN_FIELDS(FIELD)                                                                       \
	FIELD(token, token_role, role, FIELD_REQUIRED | FIELD_COLUMN, "What it may do",           \
		.fallback = TOKEN_READER)                                                         \
	FIELD(token, tenants, tenants, FIELD_COLUMN,                                              \
		"The tenants that it is for; left out, of a reader: everything", .maximum = 1024) \
	FIELD(token, text, description, FIELD_WIDE, "Whose it is, for people", .maximum = 256)    \
	FIELD(token, time, expires, FIELD_COLUMN, "When it ends; left out: when it is deleted")   \
	FIELD(token, number, rate, FIELD_WIDE,                                                    \
		"Requests a second that it may make, over a while; ten times as many at once",    \
		.maximum = 1000000, .fallback = 50)                                               \
	FIELD(token, number, write_rate, FIELD_WIDE,                                              \
		"Objects a second that it may write, over a while; ten times as many at once",    \
		.maximum = 1000000, .fallback = 500)                                              \
	FIELD(token, time, issued, FIELD_SERVER | FIELD_WIDE, "When its secret was made")         \
	FIELD(token, text, digest, FIELD_SERVER | FIELD_SECRET, "SHA-256 of its secret")

#define ENROLMENT_FIELDS(FIELD)                                                              \
	FIELD(enrolment, time, expires, FIELD_REQUIRED | FIELD_COLUMN,                       \
		"Until when the invitation can be used")                                     \
	FIELD(enrolment, time, joined, FIELD_SERVER | FIELD_COLUMN, "When the host used it") \
	FIELD(enrolment, text, identity, FIELD_SERVER | FIELD_WIDE,                          \
		"What its certificates name, so that those of an earlier enrolment end")     \
	FIELD(enrolment, text, digest, FIELD_SERVER | FIELD_SECRET,                          \
		"SHA-256 of the invitation's secret, until it is used")
