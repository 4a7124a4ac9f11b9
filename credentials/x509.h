// SPDX-License-Identifier: Apache-2.0
// What the files of this library share. Results are GnuTLS's: negative is an error.
#pragma once

#include <gnutls/x509.h>

#include "base/error.h"

// The text of a PEM that GnuTLS made, which is wiped and released.
char *x509_text(gnutls_datum_t *datum);
// -EINVAL: "what: why".
int x509_fail(struct error *error, const char *what, int result);

int x509_key_new(gnutls_x509_privkey_t *out);
int x509_key_import(gnutls_x509_privkey_t *out, const char *text);
int x509_key_export(gnutls_x509_privkey_t key, char **out);
int x509_certificate_import(gnutls_x509_crt_t *out, const char *text);
