// SPDX-License-Identifier: Apache-2.0
// The audit log: who wrote what, from where and when.
//
// What was accepted is recorded in the commit that it made, under one key whose history is the log:
// so the record is there if and only if the write is, in the order of revisions, and goes when the
// history goes. What was refused is in no store: it is logged, and the last of it kept in memory.
//
// The time of a record is for people; nothing is decided by it.
#pragma once

#include "handler.h"

// The record of what the request changes, owned by the caller (free). `request` NULL: the controller
// did it itself.
char *audit_record(
	const struct request *request, const struct catalog_change *changes, size_t count);
// A request was answered with a refusal; `context` is the controller. Reads are not noted, save those
// that nobody knows.
void audit_refused(void *context, const struct request *request);
void audit_free(struct controller *controller);
