// SPDX-License-Identifier: Apache-2.0
// Whatever a file holds, parsing it ends well: with items that decode, or with an error that says something.
#include <stdlib.h>

#include "model/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document *document = NULL;
	struct error error = {0};
	int result = document_parse(&document, "fuzz", (const char *)data, size, &error);
	if (result) {
		if (document || error.code != -result || !error.message[0])
			abort();
		return 0;
	}
	const struct document_item *items;
	size_t count = document_items(document, &items);
	for (size_t i = 0; i < count; i++) {
		struct object *object = NULL;
		if (object_decode(&object, items[i].kind, items[i].tenant, items[i].name,
			    items[i].fields, false, NULL))
			abort();
		object_unref(object);
	}
	document_free(document);
	return 0;
}
