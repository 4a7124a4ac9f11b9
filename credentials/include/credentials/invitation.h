// SPDX-License-Identifier: Apache-2.0
// Invitations: a code that a person carries to a host that is to join. It says which host it is for,
// proves that it was invited, and by which authority the controller will be known:
//     weft-join.HOST.SECRET.FINGERPRINT
#pragma once

#include "base/error.h"

enum { INVITATION_SECRET_TEXT = 64, INVITATION_TEXT = 256 };

struct invitation {
	char host[64];
	char secret[INVITATION_SECRET_TEXT];
	char fingerprint[44];
};

// 0; or -EINVAL with what is wrong, without a word of the secret, and `out` untouched.
int invitation_parse(struct invitation *out, const char *text, struct error *error);
// Returns the text.
char *invitation_format(const struct invitation *invitation, char *text /* INVITATION_TEXT */);
