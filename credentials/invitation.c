// SPDX-License-Identifier: Apache-2.0
#include "credentials/invitation.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char prefix[] = "weft-join.";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Take off the last part, of exactly so many letters, and what stands before it stays.
static int take_last(char *text, char *out, size_t length)
{
	char *dot = strrchr(text, '.');
	if (!dot || strlen(dot + 1) != length || strspn(dot + 1, letters) != length)
		return -EINVAL;
	memcpy(out, dot + 1, length + 1);
	*dot = '\0';
	return 0;
}

// As the model has them, which does not stand below this.
static bool is_name(const char *text)
{
	static const char inner[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";
	size_t length = strlen(text);
	return length && length < 64 && strspn(text, inner) == length && !strchr("-._", *text) &&
	       !strchr("-._", text[length - 1]);
}

int invitation_parse(struct invitation *out, const char *text, struct error *error)
{
	enum { SECRET_LETTERS = 43, FINGERPRINT_LETTERS = 43 };
	struct invitation invitation = {0};
	char copy[INVITATION_TEXT];
	size_t length = strcspn(text, "\r\n"); // as it was pasted
	int rc = -EINVAL;
	if (length < sizeof(copy) && !strncmp(text, prefix, strlen(prefix)) &&
		length > strlen(prefix)) {
		snprintf(copy, sizeof(copy), "%.*s", (int)(length - strlen(prefix)),
			text + strlen(prefix));
		rc = take_last(copy, invitation.fingerprint, FINGERPRINT_LETTERS);
		if (!rc)
			rc = take_last(copy, invitation.secret, SECRET_LETTERS);
	}
	if (rc || !is_name(copy))
		return error_set(error, EINVAL,
			"this is no invitation: weft-join.HOST. and two parts of %d letters each",
			SECRET_LETTERS);
	snprintf(invitation.host, sizeof(invitation.host), "%s", copy);
	*out = invitation;
	explicit_bzero(&invitation, sizeof(invitation));
	return 0;
}

char *invitation_format(const struct invitation *invitation, char *text)
{
	snprintf(text, INVITATION_TEXT, "%s%s.%s.%s", prefix, invitation->host, invitation->secret,
		invitation->fingerprint);
	return text;
}
