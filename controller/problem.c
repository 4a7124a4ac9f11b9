// SPDX-License-Identifier: Apache-2.0
#include "problem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	unsigned status;
	const char *type, *title;
} problems[PROBLEM_COUNT] = {
	[PROBLEM_SYNTAX] = {400, "syntax", "The request is not well formed"},
	[PROBLEM_INVALID] = {422, "invalid", "The request means nothing valid"},
	[PROBLEM_UNAUTHENTICATED] = {401, "unauthenticated", "Who this is has not been proved"},
	[PROBLEM_QUOTA] = {403, "quota", "The tenant's quota is used up"},
	[PROBLEM_RATE] = {429, "rate", "Too many requests of this client"},
	[PROBLEM_FORBIDDEN] = {403, "forbidden", "Not allowed to this client"},
	[PROBLEM_NOT_FOUND] = {404, "not-found", "There is no such thing"},
	[PROBLEM_METHOD] = {405, "method-not-allowed", "Not with this method"},
	[PROBLEM_EXISTS] = {409, "exists", "It is there or taken already"},
	[PROBLEM_IN_USE] = {409, "in-use", "The object is in use"},
	[PROBLEM_STALE] = {409, "stale", "The object has changed meanwhile"},
	[PROBLEM_HOST_OFFLINE] = {409, "host-offline", "The host is not connected"},
	[PROBLEM_INTERFACE_NOT_FOUND] = {404, "interface-not-found",
		"The host has no such interface"},
	[PROBLEM_FUTURE] = {404, "future-revision", "The revision does not exist yet"},
	[PROBLEM_COMPACTED] = {410, "compacted", "The history is not kept so far back"},
	[PROBLEM_TOO_LARGE] = {413, "too-large", "The body is too large"},
	[PROBLEM_OVERLOADED] = {503, "overloaded", "Too much is being received at once"},
	[PROBLEM_UNAVAILABLE] = {503, "unavailable", "The store cannot be reached"},
	[PROBLEM_OUTCOME_UNKNOWN] = {503, "outcome-unknown", "Nobody knows whether it is written"},
	[PROBLEM_INTERNAL] = {500, "internal", "The controller failed"},
};

enum problem problem_from_error(const struct error *error, bool understood)
{
	switch (error->code) {
	case EINVAL:
		return understood ? PROBLEM_INVALID : PROBLEM_SYNTAX;
	case EACCES:
		return PROBLEM_FORBIDDEN;
	case EKEYREJECTED:
		return PROBLEM_UNAUTHENTICATED;
	case EUSERS:
		return PROBLEM_RATE;
	case EDQUOT:
		return PROBLEM_QUOTA;
	case ENOENT:
		return PROBLEM_NOT_FOUND;
	case EEXIST:
		return PROBLEM_EXISTS;
	case EBUSY:
		return PROBLEM_IN_USE;
	case ESTALE:
		return PROBLEM_STALE;
	case ERANGE:
		return PROBLEM_FUTURE;
	case ENODATA:
		return PROBLEM_COMPACTED;
	case EAGAIN:
		return PROBLEM_UNAVAILABLE;
	case ETIMEDOUT:
		return PROBLEM_OUTCOME_UNKNOWN;
	case EFBIG:
		return PROBLEM_TOO_LARGE;
	default:
		return PROBLEM_INTERNAL;
	}
}

unsigned problem_status(enum problem problem)
{
	return problems[problem].status;
}

json_t *problem_encode(enum problem problem, const struct error *error)
{
	char type[64];
	snprintf(type, sizeof(type), "urn:weft:problem:%s", problems[problem].type);
	const char *code = strerrorname_np(error->code);
	json_t *document =
		json_pack("{s:s, s:s, s:i, s:s}", "type", type, "title", problems[problem].title,
			"status", (int)problems[problem].status, "detail", error->message);
	if (error->object[0])
		json_object_set_new(document, "object", json_string(error->object));
	if (error->field[0])
		json_object_set_new(document, "field", json_string(error->field));
	if (code && error->code)
		json_object_set_new(document, "code", json_string(code));
	if (error->line)
		json_object_set_new(document, "line", json_integer(error->line));
	if (error->column)
		json_object_set_new(document, "column", json_integer(error->column));
	return document;
}
