// SPDX-License-Identifier: Apache-2.0
#include "decisions.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"
#include "model/object.h"
#include "model/service.h"

// How many are kept of each rule.
enum { KEPT = 8, PACKET_TEXT = 2 * ADDRESS_TEXT + 48 };

struct entry {
	uint64_t at; // milliseconds since 1970
	char port[OBJECT_PATH_TEXT];
	const char *action;
	char packet[PACKET_TEXT];
};

struct rule_log {
	UT_hash_handle hh;
	uint32_t rule;
	unsigned count; // so far: the newest is at (count - 1) % KEPT
	struct entry entries[KEPT];
};

struct collection {
	struct decisions *decisions;
	const struct compiler *compiler;
	uint64_t real, monotonic; // now, in milliseconds
};

static void log_free(struct decisions *decisions, struct rule_log *log)
{
	HASH_DEL(decisions->logs, log);
	free(log);
}

void decisions_done(struct decisions *decisions)
{
	struct rule_log *log, *next;
	HASH_ITER (hh, decisions->logs, log, next)
		log_free(decisions, log);
}

static struct rule_log *log_get(struct decisions *decisions, uint32_t rule)
{
	struct rule_log *log;
	HASH_FIND(hh, decisions->logs, &rule, sizeof(rule), log);
	if (!log) {
		log = memory_new(sizeof(*log));
		log->rule = rule;
		HASH_ADD(hh, decisions->logs, rule, sizeof(rule), log);
	}
	return log;
}

// ---- in words ----

struct port_search {
	uint32_t key;
	char *path;
};

static void match_port(void *context, const struct compiler_port *port)
{
	struct port_search *search = context;
	if (port->key == search->key)
		object_path_of(MODEL_PORT, port->tenant, port->name, search->path);
}

static const char *action_name(unsigned action)
{
	static const char *const names[] = {[DP_ACTION_DROP] = "drop",
		[DP_ACTION_REJECT] = "reject",
		[DP_ACTION_ALLOW] = "allow",
		[DP_ACTION_STATELESS] = "allow-stateless"};
	return action < array_count(names) ? names[action] : "unknown";
}

// "10.1.0.11:43210", "[fd00::1]:43210", or without a port.
static void format_end(const struct dp_address *from, int port, char *out, size_t size)
{
	struct address address;
	char text[ADDRESS_TEXT];
	memcpy(&address, from, sizeof(address));
	address_format(&address, text);
	if (port < 0)
		snprintf(out, size, "%s", text);
	else
		snprintf(out, size, address_is_ipv4(&address) ? "%s:%d" : "[%s]:%d", text, port);
}

// "tcp 10.1.0.11:43210 > 10.2.0.21:5432", "icmp/8/0 10.1.0.11 > 10.2.0.21".
static void format_packet(const struct dp_decision *decision, char *out)
{
	enum { END_TEXT = ADDRESS_TEXT + 8 };
	bool ports = protocol_has_ports(decision->protocol);
	bool egress = decision->direction == DP_EGRESS;
	const struct dp_address *source = egress ? &decision->local : &decision->remote;
	const struct dp_address *destination = egress ? &decision->remote : &decision->local;
	struct service service = {decision->protocol, decision->service, decision->service};
	char text[SERVICE_TEXT], from[END_TEXT], to[END_TEXT];
	if (ports || (decision->protocol != IPPROTO_ICMP && decision->protocol != IPPROTO_ICMPV6))
		service = (struct service){decision->protocol, 0, UINT16_MAX};
	format_end(source, ports ? decision->source_port : -1, from, sizeof(from));
	format_end(destination, ports ? decision->service : -1, to, sizeof(to));
	snprintf(out, PACKET_TEXT, "%s %s > %s", service_format(&service, text), from, to);
}

static void take(void *context, const struct dp_decision *decision)
{
	const struct collection *collection = context;
	struct compiler_rule rule;
	if (compiler_rule(collection->compiler, decision->rule, &rule))
		return;
	struct rule_log *log = log_get(collection->decisions, decision->rule);
	struct entry *entry = &log->entries[log->count++ % KEPT];
	struct port_search search = {decision->port, entry->port};
	uint64_t then = decision->time / 1000000;
	entry->port[0] = '\0';
	compiler_ports(collection->compiler, match_port, &search);
	entry->at = collection->real -
		    (collection->monotonic > then ? collection->monotonic - then : 0);
	entry->action = action_name(decision->action);
	format_packet(decision, entry->packet);
	log_info("rule %d%s%s%s of policy %s, revision %llu: %s %s, at %s", rule.index + 1,
		rule.name ? " (" : "", rule.name ? rule.name : "", rule.name ? ")" : "",
		rule.policy, (unsigned long long)rule.revision, entry->action, entry->packet,
		entry->port);
}

int decisions_collect(struct decisions *decisions, struct datapath *datapath,
	const struct compiler *compiler, struct error *error)
{
	struct collection collection = {
		decisions, compiler, clock_realtime_ms(), clock_monotonic_ms()};
	struct compiler_rule rule;
	struct rule_log *log, *next;
	HASH_ITER (hh, decisions->logs, log, next)
		if (compiler_rule(compiler, log->rule, &rule))
			log_free(decisions, log);
	int result = datapath_decisions(datapath, take, &collection, error);
	return result < 0 ? result : 0;
}

json_t *decisions_encode(const struct decisions *decisions, uint32_t rule)
{
	const struct rule_log *log;
	HASH_FIND(hh, decisions->logs, &rule, sizeof(rule), log);
	if (!log)
		return NULL;
	json_t *list = json_array();
	for (unsigned i = log->count > KEPT ? log->count - KEPT : 0; i < log->count; i++) {
		const struct entry *entry = &log->entries[i % KEPT];
		json_array_append_new(list,
			json_pack("{s:I, s:s, s:s, s:s}", "at", (json_int_t)entry->at, "port",
				entry->port, "action", entry->action, "packet", entry->packet));
	}
	return list;
}
