// SPDX-License-Identifier: Apache-2.0
// Requests to controllers, by libcurl on the loop. Single thread.
//
// Of several controllers one is the current, to which requests go; which one, hosts spread evenly
// by their names. Whoever finds that it does not answer goes on to the next.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct http_client;
struct http_request;

struct http_client_options {
	// "unix:/run/weft/weft.sock", "https://10.0.0.1:6640,https://10.0.0.2:6640"; borrowed
	const char *servers;
	const char *certificate, *key, *authority; // PEM files, or NULL; borrowed
	const char *source; // the address to come from; NULL: any that leads there; borrowed
	// How long a connection may take to come about; 0: 5 s. Twice as long each time that a server
	// was reached and did not get to the TLS handshake, up to a minute.
	unsigned connect_seconds;
	unsigned connections; // at most so many at once, further requests wait; 0: no limit
	const char *seed;     // which to begin with: the same for the same text; NULL: the first
};

struct http_call {
	const char *method, *path; // "GET", "/v1/hosts/h1/stream"
	const char *body;          // JSON; NULL: none; copied
	unsigned silence_seconds;  // give up after so long without a byte
	// A part of the body of a 200; not 0: give up. NULL: the body is not wanted.
	int (*data)(void *context, const char *data, size_t length);
	// The end. Status 0: no answer, and `text` says why; else `text` is the problem's detail,
	// or the beginning of the body (of a 200 with `data`: why it ended). Not called after
	// http_client_cancel.
	void (*done)(void *context, long status, const char *text);
	void *context;
};

void http_client_new(
	struct http_client **out, uv_loop_t *loop, const struct http_client_options *options);
// No request may be left.
void http_client_free(struct http_client *client);
struct http_request *http_client_send(struct http_client *client, const struct http_call *call);
// Not from within `data`.
void http_client_cancel(struct http_request *request);
// Bytes of bodies so far, of all requests.
uint64_t http_client_received(const struct http_client *client);
uint64_t http_client_sent(const struct http_client *client);

// The certificate's file has been replaced: connections from before are used for no new request.
void http_client_renew(struct http_client *client);

// The current one, as the options name it.
const char *http_client_server(const struct http_client *client);
// Further requests go to the next one. False: there is only one.
bool http_client_next(struct http_client *client);
