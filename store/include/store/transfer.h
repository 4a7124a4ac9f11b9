// SPDX-License-Identifier: Apache-2.0
// A store as a text, to keep or to move to another engine: lines of JSON.
//
//   {"weft": "store", "format": 1, "revision": 42}
//   {"key": "objects/networks/blue", "revision": 7, "value": "{\"cidr\": …}"}
//   …
//   {"end": true, "keys": 17}
//
// Live keys in order, each with the revision that last changed it. What is not UTF-8 stands in
// "key64" or "value64", as base64. What processes say of themselves while they run on a store stays
// behind, and where it is in the text it is passed over: they do not run on the other one.
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "store/store.h"

// Keys of processes, which hold the lease of the same name.
#define STORE_OF_PROCESSES "controllers/"

struct store_transfer {
	uint64_t revision, keys;
};

// Write what is live at the newest revision. -EIO and the like: `out` cannot be written.
int store_export(struct store *store, FILE *out, struct store_transfer *done, struct error *error);
// Make an empty store what the text says, revisions included, or leave it empty. -EINVAL,
// -EPROTO (a newer format), -EUCLEAN (cut short): `error` names the file `name` and the line.
// -EEXIST: the store is not empty.
int store_import(struct store *store, FILE *in, const char *name, struct store_transfer *done,
	struct error *error);
