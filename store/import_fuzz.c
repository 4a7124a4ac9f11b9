// SPDX-License-Identifier: Apache-2.0
// Fuzzing the import of a store. What is taken must come out again as it went in; what is refused
// must say where, and leave the store empty.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static int import(struct store *store, const void *text, size_t length, struct error *error)
{
	struct store_transfer done;
	FILE *in = length ? fmemopen((void *)text, length, "r") : fopen("/dev/null", "r");
	must(in);
	int result = store_import(store, in, "input", &done, error);
	fclose(in);
	return result;
}

static char *export(struct store *store, size_t *length)
{
	char *text = NULL;
	struct store_transfer done;
	FILE *out = open_memstream(&text, length);
	must(store_export(store, out, &done, NULL) == 0);
	fclose(out);
	return text;
}

static void round_trip(struct store *store)
{
	size_t length, again_length;
	struct store *other;
	cleanup_free char *text = export(store, &length);
	must(store_open(&other, "sqlite::memory:", NULL) == 0);
	must(import(other, text, length, NULL) == 0);
	cleanup_free char *again = export(other, &again_length);
	must(length == again_length && memcmp(text, again, length) == 0);
	must(store_revision(store) == store_revision(other));
	store_close(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store *store;
	struct error error = {0};
	must(store_open(&store, "sqlite::memory:", NULL) == 0);
	int result = import(store, data, size, &error);
	if (result == 0) {
		round_trip(store);
	} else {
		must(error.code == -result && error.message[0] && error.line > 0);
		must(store_revision(store) == 0);
	}
	store_close(store);
	return 0;
}
