// SPDX-License-Identifier: Apache-2.0
// Secrets that people carry: tokens and invitations. Each is 256 random bits, of which the store
// keeps the SHA-256 and nothing else. A slow hash, as for passwords, would protect what can be
// guessed; 256 random bits cannot, and every request pays for the hash.
#pragma once

#include <stdbool.h>

enum {
	SECRET_TEXT = 44, // 32 bytes in base64url, RFC 4648 section 5, without padding
	DIGEST_TEXT = 65, // SHA-256 in hexadecimal
};

// A new one. 0, or -EIO where the system has no random numbers to give.
int secret_make(char *secret /* SECRET_TEXT bytes */);
char *secret_digest(const char *secret, char *digest /* DIGEST_TEXT bytes */);
// Whether the secret is the one of the digest (NULL: there is none), in a time that does not depend
// on how far they agree.
bool secret_matches(const char *secret, const char *digest);
