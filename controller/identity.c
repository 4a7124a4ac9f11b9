// SPDX-License-Identifier: Apache-2.0
#include "identity.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "model/object.h"

struct identity identity_from_name(const char *common_name)
{
	static const char host_prefix[] = "weft-host:";
	struct identity identity = {ROLE_NONE};
	if (!strcmp(common_name, "weft-admin")) {
		identity.role = ROLE_ADMINISTRATOR;
	} else if (!strncmp(common_name, host_prefix, strlen(host_prefix))) {
		const char *host = common_name + strlen(host_prefix);
		if (!model_name_check(host, NULL)) {
			identity.role = ROLE_HOST;
			snprintf(identity.host, sizeof(identity.host), "%s", host);
		}
	}
	return identity;
}

// The one common name of a certificate. A second one, or a zero byte within, would let two readers
// see two names: such a certificate is nobody's.
static struct identity identity_from_certificate(gnutls_x509_crt_t certificate)
{
	char name[128];
	size_t length = sizeof(name);
	if (gnutls_x509_crt_get_dn_by_oid(
		    certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &length) < 0 ||
		length != strlen(name))
		return (struct identity){ROLE_NONE};
	size_t unused = 0;
	if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 1, 0, NULL,
		    &unused) != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return (struct identity){ROLE_NONE};
	return identity_from_name(name);
}

struct identity identity_from_session(gnutls_session_t session)
{
	struct identity identity = {ROLE_NONE};
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t certificate;
	if (!chain || !count || gnutls_x509_crt_init(&certificate) < 0)
		return identity;
	if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) >= 0)
		identity = identity_from_certificate(certificate);
	gnutls_x509_crt_deinit(certificate);
	return identity;
}

bool identity_is_host(const struct identity *identity, const char *host)
{
	return identity->role == ROLE_HOST && !strcmp(identity->host, host);
}
