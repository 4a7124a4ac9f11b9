// SPDX-License-Identifier: Apache-2.0
// TLS as the controller demands it: TLS 1.2 or later, and a client certificate, if one is shown,
// that the authority has signed and that is made for clients.
#pragma once

#include <gnutls/gnutls.h>

#include "base/error.h"

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

// The texts of the PEM files.
struct tls_files {
	char *certificate, *key, *authority;
};

// Read the files and see that they fit together. -errno with the file at fault in the message.
int tls_files_load(struct tls_files *out, const char *certificate, const char *key,
	const char *authority, struct error *error);
void tls_files_done(struct tls_files *files);

// On a session before its handshake.
void tls_ask_certificate(gnutls_session_t session);
