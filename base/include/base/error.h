// SPDX-License-Identifier: Apache-2.0
// Errors: inside, a function answers 0 or a negative errno; at the edges (a file that a person
// wrote, a request, a host) it also fills a `struct error` that names what is at fault.
//
// A `struct error` owns nothing, may be copied, and may be NULL wherever a function takes one. The
// first error stays: a function that finds one already set leaves it, so that the cause is not
// hidden by its consequence. A caller starts from `struct error error = {0};`.
#pragma once

#include <stddef.h>

struct error {
	// A positive errno: EINVAL bad input, ENOENT, EEXIST, EBUSY in use, ESTALE compare failed,
	// EACCES, EFBIG, EIO; 0: none.
	int code;
	char object[224];  // path of what is at fault, "acme/ports/web1", "hosts/h1"; empty: none
	char field[128];   // path of the field in it, "security[0].mac"; empty: none
	char file[224];    // empty: not from a file
	int line, column;  // from 1; 0: unknown
	char message[512]; // a sentence without final stop, in terms that the user knows
};

// All texts come out as printable UTF-8: what a stranger sent may be quoted as it is.
//
// Set code and message, printf-like. `code` is a positive errno. Returns -code, also where `error`
// is NULL.
int error_set(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// Name the object, or the field, if none is named yet. A field is prefixed when `prefix_field` is
// called by an enclosing decoder: error_prefix_field(e, "security[%zu]", i) turns "mac" into
// "security[0].mac".
void error_set_object(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void error_set_field(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void error_prefix_field(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// One line for a person: "file:line:column: object: field: message", with what is known of it.
// Writes at most `size` bytes with the terminator; returns `text`.
char *error_format(const struct error *error, char *text, size_t size);
