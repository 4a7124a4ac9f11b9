// SPDX-License-Identifier: Apache-2.0
// Keys, requests, and what a certificate says.
#include "credentials/credentials.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "x509.h"

void credentials_forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

char *x509_text(gnutls_datum_t *datum)
{
	char *text = memory_format("%.*s", (int)datum->size, (const char *)datum->data);
	explicit_bzero(datum->data, datum->size);
	gnutls_free(datum->data);
	*datum = (gnutls_datum_t){0};
	return text;
}

int x509_fail(struct error *error, const char *what, int result)
{
	return error_set(error, EINVAL, "%s: %s", what, gnutls_strerror(result));
}

int x509_key_new(gnutls_x509_privkey_t *out)
{
	gnutls_x509_privkey_t key;
	int result = gnutls_x509_privkey_init(&key);
	if (result < 0)
		return result;
	result = gnutls_x509_privkey_generate(
		key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (result < 0)
		gnutls_x509_privkey_deinit(key);
	else
		*out = key;
	return result;
}

int x509_key_import(gnutls_x509_privkey_t *out, const char *text)
{
	gnutls_x509_privkey_t key;
	gnutls_datum_t datum = {(void *)text, (unsigned)strlen(text)};
	int result = gnutls_x509_privkey_init(&key);
	if (result < 0)
		return result;
	result = gnutls_x509_privkey_import2(key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (result < 0)
		gnutls_x509_privkey_deinit(key);
	else
		*out = key;
	return result;
}

int x509_key_export(gnutls_x509_privkey_t key, char **out)
{
	gnutls_datum_t datum = {0};
	int result = gnutls_x509_privkey_export2_pkcs8(
		key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &datum);
	if (result >= 0)
		*out = x509_text(&datum);
	return result;
}

int credentials_key(char **key, struct error *error)
{
	gnutls_x509_privkey_t made;
	int result = x509_key_new(&made);
	if (result >= 0) {
		result = x509_key_export(made, key);
		gnutls_x509_privkey_deinit(made);
	}
	return result < 0 ? x509_fail(error, "cannot make a key", result) : 0;
}

static int make_request(
	gnutls_x509_privkey_t key, const char *name, gnutls_x509_crq_t request, char **out)
{
	gnutls_datum_t datum = {0};
	int result = gnutls_x509_crq_set_version(request, 1);
	if (result >= 0)
		result = gnutls_x509_crq_set_dn_by_oid(
			request, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
	if (result >= 0)
		result = gnutls_x509_crq_set_key(request, key);
	if (result >= 0)
		result = gnutls_x509_crq_sign2(request, key, GNUTLS_DIG_SHA256, 0);
	if (result >= 0)
		result = gnutls_x509_crq_export2(request, GNUTLS_X509_FMT_PEM, &datum);
	if (result >= 0)
		*out = x509_text(&datum);
	return result;
}

int credentials_request(const char *key, const char *name, char **out, struct error *error)
{
	gnutls_x509_privkey_t imported;
	gnutls_x509_crq_t request;
	int result = x509_key_import(&imported, key);
	if (result < 0)
		return x509_fail(error, "this is no key", result);
	result = gnutls_x509_crq_init(&request);
	if (result >= 0) {
		result = make_request(imported, name, request, out);
		gnutls_x509_crq_deinit(request);
	}
	gnutls_x509_privkey_deinit(imported);
	return result < 0 ? x509_fail(error, "cannot make a request for a certificate", result) : 0;
}

int x509_certificate_import(gnutls_x509_crt_t *out, const char *text)
{
	gnutls_x509_crt_t certificate;
	gnutls_datum_t datum = {(void *)text, (unsigned)strlen(text)};
	int result = gnutls_x509_crt_init(&certificate);
	if (result < 0)
		return result;
	result = gnutls_x509_crt_import(certificate, &datum, GNUTLS_X509_FMT_PEM);
	if (result < 0)
		gnutls_x509_crt_deinit(certificate);
	else
		*out = certificate;
	return result;
}

int credentials_read(const char *text, struct credentials_certificate *out, struct error *error)
{
	static const char prefix[] = CREDENTIALS_ENROLMENT;
	gnutls_x509_crt_t certificate;
	char unit[128] = "";
	size_t length = sizeof(unit);
	int result = x509_certificate_import(&certificate, text);
	if (result < 0)
		return x509_fail(error, "this is no certificate", result);
	result = gnutls_x509_crt_get_dn_by_oid(
		certificate, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, 0, 0, unit, &length);
	out->from = gnutls_x509_crt_get_activation_time(certificate) + CREDENTIALS_SKEW;
	out->until = gnutls_x509_crt_get_expiration_time(certificate);
	out->enrolled = result >= 0 && !strncmp(unit, prefix, strlen(prefix));
	gnutls_x509_crt_deinit(certificate);
	return 0;
}
