// SPDX-License-Identifier: Apache-2.0
// Requests to the controller, by libcurl on the loop. Single thread.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct http;
struct http_request;

struct http_options {
	const char *controller; // "unix:/run/weft/weft.sock", "https://10.0.0.1:6640"; borrowed
	const char *certificate, *key, *authority; // PEM files, or NULL; borrowed
};

struct http_call {
	const char *method, *path; // "GET", "/v1/hosts/h1/stream"
	const char *body;          // JSON; NULL: none; copied
	unsigned silence_seconds;  // give up after so long without a byte
	// A part of the body of a success; not 0: give up. NULL: the body is not wanted.
	int (*data)(void *context, const char *data, size_t length);
	// The end. Status 0: no answer, and `text` says why; else `text` is the problem's detail,
	// or the beginning of the body (of a success with `data`: why it ended). Not called after
	// agent_http_cancel.
	void (*done)(void *context, long status, const char *text);
	void *context;
};

void agent_http_new(struct http **out, uv_loop_t *loop, const struct http_options *options);
// No request may be left.
void agent_http_free(struct http *http);
struct http_request *agent_http_send(struct http *http, const struct http_call *call);
// Not from within `data`.
void agent_http_cancel(struct http_request *request);
// Bytes of bodies so far, of all requests.
uint64_t agent_http_received(const struct http *http);
uint64_t agent_http_sent(const struct http *http);
