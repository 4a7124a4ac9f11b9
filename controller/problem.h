// SPDX-License-Identifier: Apache-2.0
// Problem documents (RFC 9457): what a refused request is answered with.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

enum problem {
	PROBLEM_SYNTAX,
	PROBLEM_INVALID,
	PROBLEM_UNAUTHENTICATED,
	PROBLEM_FORBIDDEN,
	PROBLEM_QUOTA,
	PROBLEM_RATE,
	PROBLEM_NOT_FOUND,
	PROBLEM_METHOD,
	PROBLEM_EXISTS,
	PROBLEM_IN_USE,
	PROBLEM_STALE,
	PROBLEM_HOST_OFFLINE,
	PROBLEM_INTERFACE_NOT_FOUND,
	PROBLEM_FUTURE,
	PROBLEM_COMPACTED,
	PROBLEM_TOO_LARGE,
	PROBLEM_OVERLOADED,
	PROBLEM_UNAVAILABLE,
	PROBLEM_OUTCOME_UNKNOWN,
	PROBLEM_INTERNAL,
	PROBLEM_COUNT,
};

// The problem that an errno stands for. `understood`: the body was well-formed JSON, so that EINVAL
// speaks of its meaning (422) and not of its form (400).
enum problem problem_from_error(const struct error *error, bool understood);
unsigned problem_status(enum problem problem);
// The document, with what is known of object, field and position. New reference.
json_t *problem_encode(enum problem problem, const struct error *error);
