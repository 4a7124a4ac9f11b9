// SPDX-License-Identifier: Apache-2.0
// Requests to etcd, version 3, through its HTTP/JSON gateway: to whichever member answers, within a
// time limit.
//
// A request may be sent more than once, to one member after the other, until one answers. So send
// only what may be done twice: reads, puts of the same value, and transactions that compare what
// they change.
#pragma once

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "location.h"

struct etcd_client;

// `location` must outlive the client.
int etcd_client_new(
	struct etcd_client **out, const struct etcd_location *location, struct error *error);
void etcd_client_free(struct etcd_client *client);

// The time limit of the calls that follow begins now.
void etcd_client_start(struct etcd_client *client);
bool etcd_client_late(const struct etcd_client *client); // it is over

// POST `request` (stolen) to `path`, "/v3/kv/txn". On success `answer` (may be NULL) is a new
// reference.
// -EAGAIN: no member could be reached, or etcd has no room: nothing was done. -ETIMEDOUT: it may
// or may not have been done, or still be done. Else etcd has refused it, and has done nothing:
// -EINVAL, -ENOENT (a lease), -EEXIST (a lease), -EACCES, -EPROTO (whoever answers is no etcd).
int etcd_call(struct etcd_client *client, const char *path, json_t *request, json_t **answer,
	struct error *error);

// What all connections to a member share: URL, TLS, no proxy.
void etcd_connect_options(
	CURL *curl, const struct etcd_location *location, size_t endpoint, const char *path);
// The member that answered last.
size_t etcd_client_endpoint(const struct etcd_client *client);

// For requests that change nothing that counts: an outcome that is not known is as good as none.
// -ETIMEDOUT becomes -EAGAIN, in `error` too; other results stay.
int etcd_settle(int result, struct error *error);
