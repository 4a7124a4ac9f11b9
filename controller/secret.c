// SPDX-License-Identifier: Apache-2.0
#include "secret.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/base64url.h"

enum { SECRET_BYTES = 32, DIGEST_BYTES = 32 };

int secret_make(char *secret)
{
	uint8_t bytes[SECRET_BYTES];
	if (gnutls_rnd(GNUTLS_RND_KEY, bytes, sizeof(bytes)) < 0)
		return -EIO;
	base64url_encode(bytes, sizeof(bytes), secret);
	explicit_bzero(bytes, sizeof(bytes));
	return 0;
}

char *secret_digest(const char *secret, char *digest)
{
	uint8_t bytes[DIGEST_BYTES] = {0};
	gnutls_hash_fast(GNUTLS_DIG_SHA256, secret, strlen(secret), bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(digest + 2 * i, 3, "%02x", bytes[i]);
	return digest;
}

bool secret_matches(const char *secret, const char *digest)
{
	// Where there is no digest, the work is the same.
	static const char none[DIGEST_TEXT] = "";
	char shown[DIGEST_TEXT];
	const char *kept = digest && strlen(digest) == DIGEST_TEXT - 1 ? digest : none;
	secret_digest(secret, shown);
	return !gnutls_memcmp(shown, kept, DIGEST_TEXT);
}
