// SPDX-License-Identifier: Apache-2.0
// The handlers of requests, one for each row of docs/design/api.md, and what they are told.
#pragma once

#include "state.h"

// What the path names.
struct target {
	enum model_kind kind;
	char tenant[64]; // empty: none, or all
	char name[64];   // empty: none
	uint64_t revision;
	uint64_t question;
};

typedef void (*handler)(
	struct controller *controller, struct request *request, const struct target *target);

void handle_list(struct controller *, struct request *, const struct target *);
void handle_get(struct controller *, struct request *, const struct target *);
void handle_put(struct controller *, struct request *, const struct target *);
void handle_patch(struct controller *, struct request *, const struct target *);
void handle_delete(struct controller *, struct request *, const struct target *);
void handle_transaction(struct controller *, struct request *, const struct target *);
void handle_attach(struct controller *, struct request *, const struct target *);
void handle_detach(struct controller *, struct request *, const struct target *);
void handle_revision(struct controller *, struct request *, const struct target *);
void handle_stream(struct controller *, struct request *, const struct target *);
void handle_report(struct controller *, struct request *, const struct target *);
void handle_relay_stream(struct controller *, struct request *, const struct target *);
void handle_relay_hosts(struct controller *, struct request *, const struct target *);
void handle_relay_change(struct controller *, struct request *, const struct target *);
void handle_relay_reports(struct controller *, struct request *, const struct target *);
void handle_interfaces(struct controller *, struct request *, const struct target *);
void handle_answer(struct controller *, struct request *, const struct target *);
void handle_bulletin(struct controller *, struct request *, const struct target *);
void handle_question(struct controller *, struct request *, const struct target *);
void handle_trace(struct controller *, struct request *, const struct target *);
void handle_audit(struct controller *, struct request *, const struct target *);
void handle_invite(struct controller *, struct request *, const struct target *);
void handle_join(struct controller *, struct request *, const struct target *);
void handle_renew(struct controller *, struct request *, const struct target *);
void handle_issue(struct controller *, struct request *, const struct target *);
void handle_status(struct controller *, struct request *, const struct target *);
