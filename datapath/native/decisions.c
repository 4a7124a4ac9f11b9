// SPDX-License-Identifier: Apache-2.0
// Decisions of rules: a list, as long as the kernel's ring buffer would be.
#include "native.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/memory.h"

struct native_decision {
	struct dp_decision decision;
	struct native_decision *prev, *next;
};

enum { DECISIONS = DP_DECISION_RING / (sizeof(struct dp_decision) + 8) };

void native_decide(struct native *native, const struct dp_decision *decision)
{
	if (native->decision_count == DECISIONS)
		return;
	struct native_decision *entry = memory_new(sizeof(*entry));
	entry->decision = *decision;
	DL_APPEND(native->decisions, entry);
	native->decision_count++;
}

int native_decisions(struct datapath *datapath, datapath_decisions_visit visit, void *context,
	struct error *error)
{
	struct native *native = (struct native *)datapath;
	int count = 0;

	(void)error;
	for (; native->decisions; count++) {
		struct native_decision *entry = native->decisions;
		DL_DELETE(native->decisions, entry);
		native->decision_count--;
		visit(context, &entry->decision);
		free(entry);
	}
	return count;
}

static void forget(void *context, const struct dp_decision *decision)
{
	(void)context;
	(void)decision;
}

void native_decisions_done(struct native *native)
{
	native_decisions(&native->base, forget, NULL, NULL);
}
