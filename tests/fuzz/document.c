// SPDX-License-Identifier: Apache-2.0
// Any text as a file of objects: it is taken, or refused with a message that says where.
#include <stdlib.h>

#include "model/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document *document = NULL;
	struct error error = {0};
	int rc = document_parse(&document, "input", (const char *)data, size, &error);

	if (rc && (document || !error.message[0] || error.code != -rc))
		abort();
	document_free(document);
	return 0;
}
