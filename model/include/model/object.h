// SPDX-License-Identifier: Apache-2.0
// Every object that Weft knows, declared once.
//
// What: a kind (tenant, host, network, port, ...) is a table of fields in kinds.h, one line a
// field. From that table come the C structs below, JSON decode and encode, defaults, validation
// with the path of the bad field, references, the OpenAPI document, the CLI's columns and
// completion, and the reference manual.
//
// How: `struct network` and its like begin with `struct object`; generic code walks the field table
// with offsets.
//
// Ownership: objects are immutable once they are published (put in a catalog) and reference
// counted; not atomic: objects belong to one thread. Lists inside belong to the object. Texts are of
// text_share (base/text.h), one copy for all objects that hold the same: names and labels repeat.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "model/kinds.h"
#include "model/selector.h"
#include "model/service.h"

#define MODEL_KIND_CONSTANT(constant, ...) constant,
enum model_kind { MODEL_KINDS(MODEL_KIND_CONSTANT) MODEL_KIND_COUNT };

// Lists of values, as the fields of objects hold them. `items` NULL: the field is absent; a list
// that is given and empty has count 0 and `items` that are not NULL.
struct address_list {
	size_t count;
	struct address *items;
};
struct prefix_list {
	size_t count;
	struct prefix *items;
};
// One allowed source: addresses that the port may use with this MAC. A zero mac means the port's
// own.
struct allowed_pair {
	struct mac mac;
	struct prefix_list addresses;
};
struct allowed_pair_list {
	size_t count;
	struct allowed_pair *items;
};

// A router on one of its networks. Addresses absent: the first host address of each subnet;
// router_addresses tells them.
struct router_network {
	char *network;
	struct address_list addresses;
};
struct router_network_list {
	size_t count;
	struct router_network *items;
};

enum route_action { ROUTE_FORWARD, ROUTE_DROP, ROUTE_REJECT };

// A plain route is found by the longest prefix. One that is given `from`, `ports` or `priority` is
// a policy route: these are asked first, highest priority first, ties in the order of the list.
struct route {
	struct prefix to;
	struct address_list via; // of ROUTE_FORWARD: one or more next hops, of the family of `to`
	enum route_action action;
	bool policy;
	// Of a policy route; left out: all sources of the family of `to`, all services, 1000.
	struct prefix from;
	struct service_list ports;
	uint32_t priority;
};
struct route_list {
	size_t count;
	struct route *items;
};

enum peer_kind { PEER_ANY, PEER_SELECTOR, PEER_PREFIX, PEER_SET };

// One of those that a rule names in `from` or `to`: all, the ports with these labels, the addresses
// in this prefix, the addresses in this address set of the tenant.
struct peer {
	enum peer_kind kind;
	struct selector selector; // of PEER_SELECTOR
	struct prefix prefix;     // of PEER_PREFIX
	char *name;               // of PEER_SET
};
// At least one, and PEER_ANY only alone; a packet need match one of them.
struct peer_list {
	size_t count;
	struct peer *items;
};

enum rule_direction { RULE_INGRESS, RULE_EGRESS };
enum rule_action { RULE_ALLOW, RULE_ALLOW_STATELESS, RULE_DROP, RULE_REJECT };

struct policy_rule {
	char *name;        // NULL: none; else once in the policy
	uint32_t priority; // higher first
	enum rule_direction direction;
	enum rule_action action;
	struct peer_list from, to;
	struct service_list ports;        // absent: every protocol
	struct service_list source_ports; // absent: every one; else also the protocols count
	bool log;
};
struct policy_rule_list {
	size_t count;
	struct policy_rule *items;
};

enum policy_default { POLICY_DROP, POLICY_ALLOW };
enum policy_established { ESTABLISHED_STOP, ESTABLISHED_KEEP };

struct object;
// What a tenant may hold at most.
#define MODEL_QUOTAS(QUOTA)                                       \
	QUOTA(QUOTA_NETWORKS, networks)                           \
	QUOTA(QUOTA_PORTS, ports)                                 \
	QUOTA(QUOTA_ROUTERS, routers)                             \
	QUOTA(QUOTA_ROUTES, routes)                               \
	QUOTA(QUOTA_ADDRESS_SETS, address_sets)                   \
	QUOTA(QUOTA_PREFIXES, prefixes) /* of the address sets */ \
	QUOTA(QUOTA_POLICIES, policies)                           \
	QUOTA(QUOTA_RULES, rules)
#define MODEL_QUOTA_CONSTANT(constant, ...) constant,
enum quota { MODEL_QUOTAS(MODEL_QUOTA_CONSTANT) QUOTA_COUNT };
// The first amount that is too much; 0: there is none.
struct quotas {
	uint32_t too_many[QUOTA_COUNT];
};
const char *quota_name(enum quota quota); // "ports"
// How much of it this object is.
uint32_t quota_amount(enum quota quota, const struct object *object);

enum token_role { TOKEN_READER, TOKEN_TENANT_ADMINISTRATOR, TOKEN_ADMINISTRATOR };

// Names, sorted, none twice.
struct name_list {
	size_t count;
	char **items;
};

enum unknown_unicast { UNKNOWN_UNICAST_DROP, UNKNOWN_UNICAST_FLOOD };
enum encapsulation { ENCAPSULATION_GENEVE, ENCAPSULATION_VXLAN };

struct object {
	enum model_kind kind;
	unsigned references;
	uint64_t revision;  // the transaction that last changed it; 0: not yet stored
	const char *tenant; // NULL for the kinds that live in no tenant
	const char *name;
};

// The C type of each field type: MODEL_C_number is uint32_t.
// clang-format off
#define MODEL_C_text            const char *
#define MODEL_C_device          const char *
#define MODEL_C_flag            bool
#define MODEL_C_number          uint32_t
#define MODEL_C_mac             struct mac
#define MODEL_C_address         struct address
#define MODEL_C_addresses       struct address_list
#define MODEL_C_prefixes        struct prefix_list
#define MODEL_C_labels          struct label_list
#define MODEL_C_pairs           struct allowed_pair_list
#define MODEL_C_network         const char *
#define MODEL_C_host            const char *
#define MODEL_C_encapsulation   enum encapsulation
#define MODEL_C_unknown_unicast enum unknown_unicast
#define MODEL_C_router_networks struct router_network_list
#define MODEL_C_routes struct route_list
#define MODEL_C_selector struct selector
#define MODEL_C_tier uint32_t
#define MODEL_C_policy_default enum policy_default
#define MODEL_C_policy_established enum policy_established
#define MODEL_C_rules struct policy_rule_list
#define MODEL_C_quotas struct quotas
#define MODEL_C_token_role enum token_role
#define MODEL_C_tenants struct name_list
#define MODEL_C_time int64_t
// clang-format on

// The structs of the kinds, generated from the field tables of kinds.h. They come out as
// struct tenant  { struct object object; char *description, *devices; struct quotas quotas; };
// struct host    { struct object object; struct address vtep; enum encapsulation encap;
//                  struct label_list labels; bool managed; uint32_t key; };
// struct network { struct object object; struct prefix_list subnets; uint32_t mtu;
//                  enum unknown_unicast unknown_unicast; bool dhcp; bool slaac;
//                  struct address_list dns_servers; char *dns_domain; uint32_t vni; };
// struct port    { struct object object; char *network; struct mac mac;
//                  struct address_list addresses; struct label_list labels;
//                  struct allowed_pair_list security; char *host; char *device; uint32_t key; };
// struct router  { struct object object; struct router_network_list networks;
//                  struct route_list routes; uint32_t key; };
// struct address_set { struct object object; struct prefix_list addresses; };
// struct policy  { struct object object; struct selector applies_to; uint32_t tier;
//                  enum policy_default otherwise; enum policy_established established;
//                  struct policy_rule_list rules; };
// struct token   { struct object object; enum token_role role; struct name_list tenants;
//                  char *description; int64_t expires; uint32_t rate, write_rate;
//                  int64_t issued; char *digest; };
// struct enrolment { struct object object; int64_t expires, joined; char *identity, *digest; };
#define MODEL_MEMBER(owner, type, name, ...) MODEL_C_##type name;
struct tenant {
	struct object object;
	TENANT_FIELDS(MODEL_MEMBER)
};
struct host {
	struct object object;
	HOST_FIELDS(MODEL_MEMBER)
};
struct network {
	struct object object;
	NETWORK_FIELDS(MODEL_MEMBER)
};
struct port {
	struct object object;
	PORT_FIELDS(MODEL_MEMBER)
};
struct router {
	struct object object;
	ROUTER_FIELDS(MODEL_MEMBER)
};
struct address_set {
	struct object object;
	ADDRESS_SET_FIELDS(MODEL_MEMBER)
};
struct policy {
	struct object object;
	POLICY_FIELDS(MODEL_MEMBER)
};
struct token {
	struct object object;
	TOKEN_FIELDS(MODEL_MEMBER)
};
struct enrolment {
	struct object object;
	ENROLMENT_FIELDS(MODEL_MEMBER)
};

// ---- identity ----

// "tenant", "port"; and "tenants", "ports" as the API and files write them. NULL-free.
const char *model_kind_name(enum model_kind kind);
const char *model_kind_plural(enum model_kind kind);
const char *model_kind_help(enum model_kind kind);
// A file (YAML) with an object of the kind and what it needs, that can be applied as it stands.
const char *model_kind_example(enum model_kind kind);
// Accepts singular or plural. 0 or -ENOENT.
int model_kind_find(const char *name, enum model_kind *out);
bool model_kind_in_tenant(enum model_kind kind);

// Names: 1 to 63 of a-z 0-9 - . _, beginning and ending with a letter or digit. 0 or -EINVAL with
// the reason.
int model_name_check(const char *name, struct error *error);

// The path of an object, unique in the deployment: "tenants/acme", "hosts/h1", "acme/ports/web1".
enum { OBJECT_PATH_TEXT = 160 };
char *object_path(const struct object *object, char *text /* OBJECT_PATH_TEXT bytes */);
char *object_path_of(enum model_kind kind, const char *tenant, const char *name, char *text);
int object_path_parse(
	const char *path, enum model_kind *kind, char *tenant /* 64 */, char *name /* 64 */);

// ---- life ----

struct object *object_ref(struct object *object);
void object_unref(struct object *object); // NULL is fine; frees at the last
#define cleanup_object __attribute__((cleanup(object_unref_pointer)))
void object_unref_pointer(struct object **object);

// Decode an object from its JSON (a JSON object of fields). Checks types, ranges, unknown fields,
// duplicates in lists and what can be judged from the object alone (overlapping subnets of one
// network, an address that is multicast, ...). A field that is null is absent.
//
// Server-owned fields (FIELD_SERVER: vni, key) are decoded; the catalog refuses a put that would
// change one. Keys "kind", "tenant", "name", "revision" and "status" are accepted, so that what
// `get` prints can be applied: the first three must agree with the arguments, "revision" is taken
// over if `trusted` (from the store, or from the controller to an agent), "status" (discovered, for
// people) is ignored.
//
// Result: a new object with one reference. On failure: -errno, `error` names object and field,
// `out` untouched.
int object_decode(struct object **out, enum model_kind kind, const char *tenant, const char *name,
	const json_t *fields, bool trusted, struct error *error);
// Encode all fields that are not at their "absent" value, with "kind", "tenant", "name",
// "revision"; those that nobody is shown (FIELD_SECRET) only for the store. New reference.
json_t *object_encode(const struct object *object);
json_t *object_encode_for_store(const struct object *object);

// RFC 7396 merge patch: a new object from `current` and `patch`. Same errors as object_decode.
int object_merge(struct object **out, const struct object *current, const json_t *patch,
	struct error *error);
// Copy into `object` (not yet published) the fields that it leaves absent and that are sticky
// (FIELD_STICKY: a port's mac, addresses, host, device: once allocated or attached they stay until
// written) or server-owned.
void object_inherit(struct object *object, const struct object *previous);
// Equal in every field; the revision does not count.
bool object_equal(const struct object *a, const struct object *b);

// Call `visit` for each reference that the object holds: the field's path, and kind and tenant and
// name of the target.
typedef int (*object_reference_visit)(void *context, const char *field, enum model_kind kind,
	const char *tenant, const char *name);
int object_references(const struct object *object, object_reference_visit visit, void *context);

// ---- routers ----

// 0e:57 and the key, big-endian. No port may have a MAC that begins so.
struct mac router_mac(uint32_t key);
bool mac_is_router(const struct mac *mac);
// The address that a router has on `subnet` unless it is given others: the first after the
// network's own.
struct address router_address_default(const struct prefix *subnet);
// What addresses the router has on the network. Items owned by the caller (free).
struct address_list router_addresses(
	const struct router_network *joined, const struct network *network);

// ---- what networks serve ----

// The MAC of the network's own services, for as long as it exists: a router's, with a key beyond
// all keys.
struct mac network_mac(const struct network *network);
// Does it send router advertisements, does it answer DNS?
bool network_advertises(const struct network *network);
bool network_resolves(const struct network *network);

// ---- what is derived from the schema for people ----

// A field's value as a short text for a table cell, "-" if absent. Owned by the caller (free).
char *object_field_text(const struct object *object, const char *field);
// The same of an encoded object, of which all fields need not be there.
char *model_field_text(const json_t *object, const char *field);
// The name of a field that only administrators write and that differs between the two versions, of
// which one may be NULL; NULL: there is none.
const char *object_administered(const struct object *before, const struct object *after);
// Columns of a kind: names of fields, in order; `wide` adds more. NULL-terminated, static.
const char *const *model_columns(enum model_kind kind, bool wide);
// The OpenAPI 3.0 document's "components.schemas" and paths. New reference.
json_t *model_openapi(void);
// Reference of one kind (or of all, kind = MODEL_KIND_COUNT) as Markdown. Owned by the caller
// (free).
char *model_manual(enum model_kind kind);
