// SPDX-License-Identifier: Apache-2.0
// The authority: makes itself, and signs.
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "credentials/credentials.h"
#include "x509.h"

enum {
	SERIAL_BYTES = 16,
	AUTHORITY_SECONDS = 10 * 366 * 86400,
};

struct authority {
	gnutls_x509_crt_t certificate;
	gnutls_x509_privkey_t key;
};

void authority_close(struct authority *authority)
{
	if (!authority)
		return;
	if (authority->certificate)
		gnutls_x509_crt_deinit(authority->certificate);
	if (authority->key)
		gnutls_x509_privkey_deinit(authority->key);
	free(authority);
}

// ---- what certificates have in common ----

static int set_subject(gnutls_x509_crt_t certificate, const char *oid, const char *value)
{
	return gnutls_x509_crt_set_dn_by_oid(certificate, oid, 0, value, (unsigned)strlen(value));
}

static int set_serial(gnutls_x509_crt_t certificate)
{
	unsigned char serial[SERIAL_BYTES];
	int result = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] = (serial[0] & 0x7f) | 0x40; // positive, and of one length
	return result < 0 ? result
			  : gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
}

static int set_times(gnutls_x509_crt_t certificate, int64_t seconds)
{
	time_t now = time(NULL);
	int result = gnutls_x509_crt_set_activation_time(certificate, now - CREDENTIALS_SKEW);
	return result < 0 ? result
			  : gnutls_x509_crt_set_expiration_time(certificate, now + seconds);
}

static int set_key_id(gnutls_x509_crt_t certificate)
{
	unsigned char id[64];
	size_t length = sizeof(id);
	int result = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, id, &length);
	return result < 0 ? result : gnutls_x509_crt_set_subject_key_id(certificate, id, length);
}

static int set_common(gnutls_x509_crt_t certificate, const char *name, int64_t seconds)
{
	int result = gnutls_x509_crt_set_version(certificate, 3);
	if (result >= 0)
		result = set_serial(certificate);
	if (result >= 0)
		result = set_times(certificate, seconds);
	if (result >= 0)
		result = set_subject(certificate, GNUTLS_OID_X520_COMMON_NAME, name);
	if (result >= 0)
		result = set_key_id(certificate);
	return result;
}

// ---- the authority itself ----

static int make_itself(struct authority *authority)
{
	gnutls_x509_crt_t certificate = authority->certificate;
	int result = gnutls_x509_crt_set_key(certificate, authority->key);
	if (result >= 0)
		result = set_common(certificate, "weft authority", AUTHORITY_SECONDS);
	if (result >= 0)
		result = gnutls_x509_crt_set_basic_constraints(certificate, 1, 0);
	if (result >= 0)
		result = gnutls_x509_crt_set_key_usage(
			certificate, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	if (result >= 0)
		result = gnutls_x509_crt_sign2(
			certificate, certificate, authority->key, GNUTLS_DIG_SHA256, 0);
	return result;
}

int authority_make(struct authority **out, char **key, struct error *error)
{
	struct authority *authority = memory_new(sizeof(*authority));
	int result = x509_key_new(&authority->key);
	if (result >= 0)
		result = gnutls_x509_crt_init(&authority->certificate);
	if (result >= 0)
		result = make_itself(authority);
	if (result >= 0)
		result = x509_key_export(authority->key, key);
	if (result < 0) {
		authority_close(authority);
		return x509_fail(error, "cannot make an authority", result);
	}
	*out = authority;
	return 0;
}

static bool is_pair(const struct authority *authority)
{
	unsigned char of_key[64], of_certificate[64];
	size_t key_length = sizeof(of_key), certificate_length = sizeof(of_certificate);
	return gnutls_x509_privkey_get_key_id(
		       authority->key, GNUTLS_KEYID_USE_SHA256, of_key, &key_length) >= 0 &&
	       gnutls_x509_crt_get_key_id(authority->certificate, GNUTLS_KEYID_USE_SHA256,
		       of_certificate, &certificate_length) >= 0 &&
	       key_length == certificate_length && !memcmp(of_key, of_certificate, key_length);
}

int authority_open(
	struct authority **out, const char *certificate, const char *key, struct error *error)
{
	struct authority *authority = memory_new(sizeof(*authority));
	int rc = 0, result = x509_certificate_import(&authority->certificate, certificate);
	if (result < 0)
		rc = x509_fail(error, "the authority has no certificate", result);
	if (!rc && (result = x509_key_import(&authority->key, key)) < 0)
		rc = x509_fail(error, "the authority's key is none", result);
	if (!rc && !is_pair(authority))
		rc = error_set(error, EINVAL, "the authority's key is that of another");
	if (!rc && gnutls_x509_crt_get_ca_status(authority->certificate, NULL) <= 0)
		rc = error_set(error, EINVAL, "the authority's certificate is not for signing");
	if (rc)
		authority_close(authority);
	else
		*out = authority;
	return rc;
}

char *authority_certificate(const struct authority *authority)
{
	gnutls_datum_t datum = {0};
	if (gnutls_x509_crt_export2(authority->certificate, GNUTLS_X509_FMT_PEM, &datum) < 0)
		return memory_text("");
	return x509_text(&datum);
}

// ---- signing ----

static int set_addresses(gnutls_x509_crt_t certificate, const char *const *addresses)
{
	int result = 0;
	for (; addresses && *addresses && result >= 0; addresses++) {
		unsigned char bytes[16];
		unsigned length = inet_pton(AF_INET, *addresses, bytes) == 1    ? 4
				  : inet_pton(AF_INET6, *addresses, bytes) == 1 ? 16
										: 0;
		result = gnutls_x509_crt_set_subject_alt_name(certificate,
			length ? GNUTLS_SAN_IPADDRESS : GNUTLS_SAN_DNSNAME,
			length ? (const void *)bytes : *addresses,
			length ? length : (unsigned)strlen(*addresses), GNUTLS_FSAN_APPEND);
	}
	return result;
}

static int set_purpose(gnutls_x509_crt_t certificate, enum credentials_purpose purpose)
{
	int result = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
	if (result >= 0)
		result = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (result >= 0)
		result = gnutls_x509_crt_set_key_purpose_oid(
			certificate, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	if (result >= 0 && purpose == CREDENTIALS_BOTH)
		result = gnutls_x509_crt_set_key_purpose_oid(
			certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
	return result;
}

static int set_authority_id(gnutls_x509_crt_t certificate, gnutls_x509_crt_t authority)
{
	unsigned char id[64];
	size_t length = sizeof(id);
	int result = gnutls_x509_crt_get_subject_key_id(authority, id, &length, NULL);
	if (result == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return 0;
	return result < 0 ? result : gnutls_x509_crt_set_authority_key_id(certificate, id, length);
}

// Of the request only the key counts.
static int fill(const struct authority *authority, gnutls_x509_crt_t certificate,
	gnutls_pubkey_t key, const struct credentials_subject *subject)
{
	int result = gnutls_x509_crt_set_pubkey(certificate, key);
	if (result >= 0)
		result = set_common(certificate, subject->name, subject->seconds);
	if (result >= 0 && subject->enrolment) {
		cleanup_free char *unit =
			memory_format("%s%s", CREDENTIALS_ENROLMENT, subject->enrolment);
		result = set_subject(certificate, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, unit);
	}
	if (result >= 0)
		result = set_purpose(certificate, subject->purpose);
	if (result >= 0)
		result = set_addresses(certificate, subject->addresses);
	if (result >= 0)
		result = set_authority_id(certificate, authority->certificate);
	if (result >= 0)
		result = gnutls_x509_crt_sign2(
			certificate, authority->certificate, authority->key, GNUTLS_DIG_SHA256, 0);
	return result;
}

static int certify(const struct authority *authority, gnutls_pubkey_t key,
	const struct credentials_subject *subject, char **out)
{
	gnutls_x509_crt_t certificate;
	gnutls_datum_t datum = {0};
	int result = gnutls_x509_crt_init(&certificate);
	if (result < 0)
		return result;
	result = fill(authority, certificate, key, subject);
	if (result >= 0)
		result = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &datum);
	if (result >= 0)
		*out = x509_text(&datum);
	gnutls_x509_crt_deinit(certificate);
	return result;
}

static int check_request(gnutls_x509_crq_t request, struct error *error)
{
	unsigned bits = 0;
	int result = gnutls_x509_crq_verify(request, 0);
	if (result < 0)
		return x509_fail(error, "the request is not signed by its own key", result);
	int algorithm = gnutls_x509_crq_get_pk_algorithm(request, &bits);
	if (algorithm < 0 || gnutls_pk_bits_to_sec_param((gnutls_pk_algorithm_t)algorithm, bits) <
				     GNUTLS_SEC_PARAM_MEDIUM)
		return error_set(error, EINVAL, "the key of the request is too weak");
	return 0;
}

static int sign(const struct authority *authority, gnutls_x509_crq_t request,
	const struct credentials_subject *subject, char **out, struct error *error)
{
	gnutls_pubkey_t key;
	int rc = check_request(request, error);
	if (rc)
		return rc;
	int result = gnutls_pubkey_init(&key);
	if (result < 0)
		return x509_fail(error, "cannot sign", result);
	result = gnutls_pubkey_import_x509_crq(key, request, 0);
	if (result >= 0)
		result = certify(authority, key, subject, out);
	gnutls_pubkey_deinit(key);
	return result < 0 ? x509_fail(error, "cannot sign", result) : 0;
}

int authority_sign(const struct authority *authority, const char *text,
	const struct credentials_subject *subject, char **out, struct error *error)
{
	gnutls_x509_crq_t request;
	gnutls_datum_t datum = {(void *)text, (unsigned)strlen(text)};
	int rc, result = gnutls_x509_crq_init(&request);
	if (result < 0)
		return x509_fail(error, "cannot sign", result);
	result = gnutls_x509_crq_import(request, &datum, GNUTLS_X509_FMT_PEM);
	if (result < 0)
		rc = x509_fail(error, "this is no request for a certificate", result);
	else
		rc = sign(authority, request, subject, out, error);
	gnutls_x509_crq_deinit(request);
	return rc;
}
