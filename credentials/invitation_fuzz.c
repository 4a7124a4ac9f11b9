// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what a person pastes as an invitation. What is taken reads the same when it is written.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "credentials/invitation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct invitation invitation, again;
	struct error error = {0};
	char written[INVITATION_TEXT];
	char *text = malloc(size + 1);
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (!invitation_parse(&invitation, text, &error)) {
		size_t length = strcspn(text, "\r\n");
		invitation_format(&invitation, written);
		if (strlen(written) != length || memcmp(written, text, length) ||
			invitation_parse(&again, written, NULL))
			abort();
	} else if (!error.message[0]) {
		abort();
	}
	free(text);
	return 0;
}
