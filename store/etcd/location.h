// SPDX-License-Identifier: Apache-2.0
// Where a store on etcd is: what follows "etcd:" in its URL.
//
//   http://HOST:PORT,http://HOST:PORT…?prefix=PREFIX
//   https://HOST:PORT,…?prefix=PREFIX&ca=FILE&cert=FILE&key=FILE
//
// The prefix is "weft" if none is given; two stores in one cluster need two. Without `ca` the
// system's authorities decide who is trusted. `timeout=SECONDS`, from 1 to 60, is how long to try
// before giving up (5). A value may be percent-encoded.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct etcd_location {
	char **endpoints; // "http://10.0.0.1:2379", without a slash at the end
	size_t endpoint_count;
	char *prefix;
	uint64_t timeout_ms;
	char *authority, *certificate, *key; // paths, or NULL
};

// -EINVAL, with what is wrong in `error` and `out` untouched.
int etcd_location_parse(struct etcd_location **out, const char *text, struct error *error);
void etcd_location_free(struct etcd_location *location);
