// SPDX-License-Identifier: Apache-2.0
// Who a client is. On the Unix socket everybody is an administrator (the socket's mode decides who
// can open it); over TLS the common name of the verified certificate decides, or a token.
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/object.h"

enum role {
	ROLE_NONE, // nobody that is known
	ROLE_ADMINISTRATOR,
	ROLE_READER,               // of everything
	ROLE_TENANT_ADMINISTRATOR, // of the tenants that its token names
	ROLE_TENANT_READER,        // the same
	ROLE_HOST,                 // the agent of one host
	ROLE_RELAY,                // speaks for the agents of hosts
	ROLE_CONTROLLER,           // another controller of the deployment
	ROLE_COUNT,
};

// How it is known.
enum identity_source { SOURCE_NOTHING, SOURCE_SOCKET, SOURCE_CERTIFICATE, SOURCE_TOKEN };

enum { IDENTITY_TEXT = 80, ENROLMENT_TEXT = 33 };

struct identity {
	enum role role;
	enum identity_source source;
	char name[64]; // of the host, relay or token; else empty
	// Of a certificate that the controller has signed itself: the enrolment that it comes from.
	char enrolment[ENROLMENT_TEXT];
	int64_t expires;     // when certificate or token end, in seconds since 1970; 0: never
	struct token *token; // of SOURCE_TOKEN; a reference
};

// "weft-admin", "weft-host:h1", "weft-relay:r1", "weft-controller"; any other name is nobody.
struct identity identity_from_name(const char *common_name);
// From the certificate of a session whose handshake has verified it; without one, nobody.
struct identity identity_from_session(gnutls_session_t session);
// By a token, of which a reference is taken.
struct identity identity_from_token(struct token *token);
void identity_done(struct identity *identity);

// Whether its time is over, by the wall clock.
bool identity_expired(const struct identity *identity);
bool identity_is_host(const struct identity *identity, const char *host);
// Is it for some tenants only?
bool identity_is_scoped(const struct identity *identity);
// May it know of this tenant and what is in it?
bool identity_sees_tenant(const struct identity *identity, const char *tenant);

// "admin", "tenant-admin", ...
const char *role_name(enum role role);
// The same name for all requests of one client: "token:ci", "host:h1", "admin", "socket".
char *identity_text(const struct identity *identity, char *text /* IDENTITY_TEXT bytes */);
