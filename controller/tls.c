// SPDX-License-Identifier: Apache-2.0
#include "tls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { FILE_LIMIT = 1 << 20 };

static int read_file(char **out, const char *path, const char *what, struct error *error)
{
	if (!path)
		return error_set(error, EINVAL, "listening on TCP needs a %s file", what);
	FILE *file = fopen(path, "re");
	if (!file)
		return error_set(
			error, errno, "cannot read the %s %s: %s", what, path, strerror(errno));
	char *text = memory_new(FILE_LIMIT);
	size_t length = fread(text, 1, FILE_LIMIT - 1, file);
	int failed = ferror(file);
	fclose(file);
	if (failed || !length || strlen(text) != length) {
		free(text);
		return error_set(error, EINVAL, "the %s %s is no PEM file", what, path);
	}
	*out = text;
	return 0;
}

static int check(const struct tls_files *files, struct error *error)
{
	gnutls_certificate_credentials_t credentials;
	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		return error_set(error, ENOMEM, "cannot prepare TLS");
	gnutls_datum_t certificate = {
		(void *)files->certificate, (unsigned)strlen(files->certificate)};
	gnutls_datum_t key = {(void *)files->key, (unsigned)strlen(files->key)};
	gnutls_datum_t authority = {(void *)files->authority, (unsigned)strlen(files->authority)};
	int rc = 0;
	int result = gnutls_certificate_set_x509_key_mem(
		credentials, &certificate, &key, GNUTLS_X509_FMT_PEM);
	if (result < 0)
		rc = error_set(error, EINVAL, "the certificate and its key are of no use: %s",
			gnutls_strerror(result));
	else if (gnutls_certificate_set_x509_trust_mem(
			 credentials, &authority, GNUTLS_X509_FMT_PEM) < 1)
		rc = error_set(error, EINVAL, "the authority file holds no certificate");
	gnutls_certificate_free_credentials(credentials);
	return rc;
}

int tls_files_load(struct tls_files *out, const char *certificate, const char *key,
	const char *authority, struct error *error)
{
	struct tls_files files = {0};
	int rc = read_file(&files.certificate, certificate, "certificate", error);
	if (!rc)
		rc = read_file(&files.key, key, "key", error);
	if (!rc)
		rc = read_file(&files.authority, authority, "authority", error);
	if (!rc)
		rc = check(&files, error);
	if (rc < 0) {
		tls_files_done(&files);
		return rc;
	}
	*out = files;
	return 0;
}

void tls_files_done(struct tls_files *files)
{
	free(files->certificate);
	if (files->key)
		explicit_bzero(files->key, strlen(files->key));
	free(files->key);
	free(files->authority);
	*files = (struct tls_files){0};
}

// A certificate that is shown must be good; none is none.
static int verify(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (void *)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned count = 0, status = 0;
	if (!gnutls_certificate_get_peers(session, &count) || !count)
		return 0;
	int result = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
	return result < 0 || status ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

void tls_ask_certificate(gnutls_session_t session)
{
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	gnutls_session_set_verify_function(session, verify);
}
