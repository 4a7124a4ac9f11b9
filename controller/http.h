// SPDX-License-Identifier: Apache-2.0
// HTTP on the loop: libmicrohttpd without threads, polled by libuv.
//
// A request reaches the handler whole, body included; the handler runs to its end and must leave it
// in one of three states: answered (request_answer, request_refuse), streaming (channel_open), or
// parked (request_park) until something else answers it. Everything runs on the loop's thread.
//
// Two ways in: the Unix socket, where clients are administrators, and TLS over TCP, where a client
// with a certificate that the authority has not signed does not get past the handshake, and one
// without any must show a token.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "identity.h"
#include "problem.h"

struct MHD_Connection;
struct MHD_Response;
struct shard;
struct http;

struct request {
	// What was asked, valid as long as the request.
	const char *method; // "GET"
	const char *path;   // as received, percent-encoded, without the query
	const char *body;   // `body_length` bytes; NULL if empty
	size_t body_length;
	struct identity identity; // by the connection; the handler of all may learn better
	const char *from;         // "uid 0", "192.0.2.7"; borrowed from the connection
	bool lasting;             // it waits for news, or streams them
	unsigned retry_s;         // of one that asks too much: when to come again; 0: in a second
	char *refusal;            // why it is refused; NULL: it is not
	json_t *addition;         // what a good answer says besides; NULL: nothing

	// Set by whoever keeps the request beyond its handler: called once, when the connection is
	// done with it, whatever the reason.
	void (*done)(void *context);
	void *done_context;

	// The rest is http.c's.
	struct http *http;
	struct shard *shard;
	struct caller *holder; // NULL: it is not held
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	unsigned status;
	size_t body_capacity;
	char *body_buffer;
	uv_poll_t *poll; // from when it is first parked: tells that the client left
	bool parked, understood, gone;
	struct request *prev, *next;
};

typedef void (*http_handler)(void *context, struct request *request);
// The newest revision, for the header Weft-Revision.
typedef uint64_t (*http_revision)(void *context);
// A refusal is being sent.
typedef void (*http_refused)(void *context, const struct request *request);

struct http_options {
	const char *unix_socket; // NULL: none
	const char *listen;      // "10.0.0.1:6640", "[fd00::1]:6640"; NULL: none
	const char *certificate, *key, *authority;
	size_t body_limit; // bytes
	http_handler handler;
	http_revision revision;
	http_refused refused;
	void *context;
};

int http_start(struct http **out, uv_loop_t *loop, const struct http_options *options,
	struct error *error);
// How many connections were closed as too many were there, or as nothing was asked on them for too long.
uint64_t http_turned_away(const struct http *http);
// Send what is being answered (for a second at most), close every connection (`done` is called for
// each request under way) and the sockets.
void http_stop(struct http *http);

// The connection is from now on that of this client. How many connections are, or 0 if it was already.
size_t request_claim_connection(struct request *request, const char *who);
// The request is from now on one that this client holds, until it is done. How many these are.
size_t request_hold(struct request *request, const char *who);
// A header, as received; NULL if absent.
const char *request_header_of(const struct request *request, const char *name);
// The request lasts from now on: it waits for news, or streams them, and may be broken off.
void request_last(struct request *request);
// Break off every lasting request for which `match` says so.
void http_break(
	struct http *http, bool (*match)(void *context, const struct request *), void *context);
// Break off every lasting request whose certificate or token is over. Costs nothing while the first
// of them is not.
void http_expire(struct http *http);

// A parameter of the query, as received; NULL if absent.
const char *request_parameter(const struct request *request, const char *name);
// -EINVAL if the query has a parameter that is not in the NULL-terminated list.
int request_parameters_check(
	const struct request *request, const char *const *names, struct error *error);
// The body as a JSON object. An empty body is an empty object. New reference in `out`.
int request_json(struct request *request, json_t **out, struct error *error);
// The same of a body that was understood before. New reference.
json_t *request_json_again(struct request *request);

// A member that the answer gets if all goes well. Takes the reference.
void request_add(struct request *request, const char *name, json_t *value);
// Answer; takes the reference.
void request_answer(struct request *request, unsigned status, json_t *body);
void request_refuse(struct request *request, const struct error *error);
void request_refuse_as(struct request *request, enum problem problem, const struct error *error);
// Take the answer back, before the loop has gone on; the request is as if it had none.
void request_retract(struct request *request);
// Add a header to the answer.
void request_header(struct request *request, const char *name, const char *value);

// Set the request aside until request_unpark, or request_answer, or the client leaves.
void request_park(struct request *request);
void request_unpark(struct request *request);
// Break the connection without more ado.
void request_break(struct request *request);
// Give the answer a response of one's own making; takes the reference.
void request_respond(struct request *request, unsigned status, struct MHD_Response *response);
