// SPDX-License-Identifier: Apache-2.0
// Getting to know an authority by its fingerprint.
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/base64url.h"
#include "base/memory.h"
#include "credentials/credentials.h"
#include "x509.h"

enum { TIMEOUT_SECONDS = 10, CHAIN_MAXIMUM = 8, DIGEST_BYTES = 32 };

// ---- fingerprints ----

static int fingerprint_of(const gnutls_datum_t *der, char *fingerprint)
{
	uint8_t digest[DIGEST_BYTES];
	int result = gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, digest);
	if (result >= 0)
		base64url_encode(digest, sizeof(digest), fingerprint);
	return result;
}

int credentials_fingerprint(const char *text, char *fingerprint, struct error *error)
{
	gnutls_x509_crt_t certificate;
	gnutls_datum_t der = {0};
	int result = x509_certificate_import(&certificate, text);
	if (result >= 0) {
		result = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der);
		if (result >= 0)
			result = fingerprint_of(&der, fingerprint);
		gnutls_free(der.data);
		gnutls_x509_crt_deinit(certificate);
	}
	return result < 0 ? x509_fail(error, "this is no certificate", result) : 0;
}

// ---- what the server sends ----

struct chain {
	gnutls_x509_crt_t certificates[CHAIN_MAXIMUM];
	unsigned count;
	gnutls_x509_crt_t authority; // one of them; NULL: it is not there
};

static void chain_done(struct chain *chain)
{
	for (unsigned i = 0; i < chain->count; i++)
		gnutls_x509_crt_deinit(chain->certificates[i]);
}

static void chain_take(struct chain *chain, gnutls_session_t session, const char *wanted)
{
	unsigned count = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &count);
	for (unsigned i = 0; i < count && i < CHAIN_MAXIMUM; i++) {
		char fingerprint[FINGERPRINT_TEXT];
		gnutls_x509_crt_t certificate;
		if (gnutls_x509_crt_init(&certificate) < 0)
			return;
		chain->certificates[chain->count++] = certificate;
		if (gnutls_x509_crt_import(certificate, &list[i], GNUTLS_X509_FMT_DER) < 0)
			return;
		if (fingerprint_of(&list[i], fingerprint) >= 0 && !strcmp(fingerprint, wanted))
			chain->authority = certificate;
	}
}

// Whether the server's certificate is of the authority, and for this server.
static int chain_verify(struct chain *chain, const char *host, struct error *error)
{
	gnutls_typed_vdata_st data[] = {
		{GNUTLS_DT_DNS_HOSTNAME, (void *)host, 0},
		{GNUTLS_DT_KEY_PURPOSE_OID, (void *)GNUTLS_KP_TLS_WWW_SERVER, 0},
	};
	gnutls_x509_trust_list_t trust;
	unsigned status = 0;
	if (!chain->authority)
		return error_set(error, EACCES,
			"%s does not show the authority that the invitation names: it is another, "
			"or "
			"its certificate file does not have the authority's in it",
			host);
	int result = gnutls_x509_trust_list_init(&trust, 0);
	if (result < 0)
		return x509_fail(error, "cannot verify", result);
	result = gnutls_x509_trust_list_add_cas(trust, &chain->authority, 1, 0);
	if (result >= 0)
		result = gnutls_x509_trust_list_verify_crt2(
			trust, chain->certificates, chain->count, data, 2, 0, &status, NULL);
	gnutls_x509_trust_list_deinit(trust, 0);
	if (result < 0)
		return x509_fail(error, "cannot verify", result);
	if (!status)
		return 0;
	gnutls_datum_t why = {0};
	gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &why, 0);
	error_set(error, EACCES, "%s is not who it says: %s", host,
		why.data ? (const char *)why.data : "its certificate is not valid");
	gnutls_free(why.data);
	return -EACCES;
}

// ---- the connection ----

static int connect_to(const char *host, const char *port, struct error *error)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	const struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
	struct addrinfo *list;
	int fd = -1, code = ECONNREFUSED, result = getaddrinfo(host, port, &hints, &list);
	if (result)
		return error_set(error, EINVAL, "cannot find %s: %s", host, gai_strerror(result));
	for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
		fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		if (connect(fd, at->ai_addr, at->ai_addrlen) < 0) {
			code = errno;
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	if (fd < 0)
		return error_set(error, code, "cannot reach %s, port %s: %s", host, port,
			strerror(code == EINPROGRESS ? ETIMEDOUT : code));
	return fd;
}

static int handshake(gnutls_session_t session, gnutls_certificate_credentials_t credentials, int fd,
	const char *host)
{
	int result = gnutls_set_default_priority(session);
	if (result >= 0)
		result = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	if (result >= 0)
		result = gnutls_server_name_set(session, GNUTLS_NAME_DNS, host, strlen(host));
	gnutls_transport_set_int(session, fd);
	gnutls_handshake_set_timeout(session, TIMEOUT_SECONDS * 1000);
	while (result >= 0) {
		result = gnutls_handshake(session);
		if (result >= 0 || gnutls_error_is_fatal(result))
			break;
		result = 0;
	}
	return result;
}

static int authority_text(const struct chain *chain, char **out, struct error *error)
{
	gnutls_datum_t datum = {0};
	int result = gnutls_x509_crt_export2(chain->authority, GNUTLS_X509_FMT_PEM, &datum);
	if (result < 0)
		return x509_fail(error, "cannot keep the authority", result);
	*out = x509_text(&datum);
	return 0;
}

static int ask(int fd, gnutls_certificate_credentials_t credentials, const char *host,
	const char *fingerprint, char **out, struct error *error)
{
	gnutls_session_t session;
	struct chain chain = {0};
	int rc, result = gnutls_init(&session, GNUTLS_CLIENT);
	if (result < 0)
		return x509_fail(error, "cannot prepare TLS", result);
	result = handshake(session, credentials, fd, host);
	if (result < 0) {
		rc = error_set(error, EIO, "cannot talk to %s: %s", host, gnutls_strerror(result));
	} else {
		chain_take(&chain, session, fingerprint);
		rc = chain_verify(&chain, host, error);
		if (!rc)
			rc = authority_text(&chain, out, error);
		chain_done(&chain);
	}
	gnutls_deinit(session);
	return rc;
}

int credentials_fetch_authority(const char *host, const char *port, const char *fingerprint,
	char **certificate, struct error *error)
{
	gnutls_certificate_credentials_t credentials;
	int fd = connect_to(host, port, error);
	if (fd < 0)
		return fd;
	int rc, result = gnutls_certificate_allocate_credentials(&credentials);
	if (result < 0) {
		rc = x509_fail(error, "cannot prepare TLS", result);
	} else {
		rc = ask(fd, credentials, host, fingerprint, certificate, error);
		gnutls_certificate_free_credentials(credentials);
	}
	close(fd);
	return rc;
}
