// SPDX-License-Identifier: Apache-2.0
// Who a client is. On the Unix socket everybody is an administrator (the socket's mode decides who
// can open it); over TLS the common name of the verified certificate decides.
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>

enum role { ROLE_NONE, ROLE_ADMINISTRATOR, ROLE_HOST };

struct identity {
	enum role role;
	char host[64]; // of ROLE_HOST
};

// "weft-admin", "weft-host:h1"; any other name is nobody (ROLE_NONE).
struct identity identity_from_name(const char *common_name);
// From the certificate of a session whose handshake has verified it.
struct identity identity_from_session(gnutls_session_t session);
bool identity_is_host(const struct identity *identity, const char *host);
