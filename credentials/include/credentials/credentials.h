// SPDX-License-Identifier: Apache-2.0
// Keys, requests for certificates, certificates and the authority that signs them: all X.509 by
// GnuTLS, texts in PEM. Keys are ECDSA on P-256.
//
// Errors: 0 or -errno with `error` filled and outputs untouched. Texts that are made are owned by
// the caller; those of keys are to be released with credentials_forget.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

// Before the name of an enrolment, in the organizational unit of a certificate's subject.
#define CREDENTIALS_ENROLMENT "enrolment:"

// The clock of who verifies a certificate may be so many seconds late.
enum { CREDENTIALS_SKEW = 300 };

// ---- keys and requests ----

int credentials_key(char **key, struct error *error);
void credentials_forget(char *secret); // wiped and freed; NULL is fine
// A request (PKCS #10) for a certificate of this key. What it says of names is for people: who signs
// decides.
int credentials_request(const char *key, const char *name, char **request, struct error *error);

struct credentials_certificate {
	int64_t from, until; // seconds since 1970; valid CREDENTIALS_SKEW before `from` already
	bool enrolled;       // it comes from an enrolment, and can be renewed
};
int credentials_read(
	const char *certificate, struct credentials_certificate *out, struct error *error);

// ---- the authority ----

struct authority;

enum credentials_purpose {
	CREDENTIALS_CLIENT,
	CREDENTIALS_BOTH, // a controller's: it serves, and speaks to others
};

struct credentials_subject {
	const char *name;      // "weft-host:h1"
	const char *enrolment; // NULL: none
	enum credentials_purpose purpose;
	const char *const
		*addresses; // where it serves: addresses and host names, NULL-terminated; NULL
	int64_t seconds;    // how long it is good for, from now on
};

// A new authority, that signs itself; its key in `key`.
int authority_make(struct authority **out, char **key, struct error *error);
// From its certificate and key. -EINVAL: they are not a pair, or it may not sign.
int authority_open(
	struct authority **out, const char *certificate, const char *key, struct error *error);
void authority_close(struct authority *authority); // NULL is fine
char *authority_certificate(const struct authority *authority);
// Sign a request for the subject. -EINVAL: the request is none, is not signed by its own key, or the
// key is too weak.
int authority_sign(const struct authority *authority, const char *request,
	const struct credentials_subject *subject, char **certificate, struct error *error);

// ---- who the authority is ----

enum { FINGERPRINT_TEXT = 44 }; // SHA-256 in base64url (RFC 4648, section 5), without padding

// Of the first certificate in the text.
int credentials_fingerprint(const char *certificate, char *fingerprint /* FINGERPRINT_TEXT bytes */,
	struct error *error);
// Connect to a server, by "host" or address and port, and get the certificate of the authority with
// this fingerprint, which the server sends and has its own certificate from: -EACCES if not so. Blocks,
// for ten seconds at most.
int credentials_fetch_authority(const char *host, const char *port, const char *fingerprint,
	char **certificate, struct error *error);

// ---- files ----

// Whole; `limit` bytes at most. -EINVAL: larger, empty, or no text.
int credentials_load(const char *path, char **text, struct error *error);
// Written beside and moved there, so that a reader sees the one or the other. `fresh`: -EEXIST if it is
// there.
int credentials_save(
	const char *path, const char *text, unsigned mode, bool fresh, struct error *error);
