// SPDX-License-Identifier: Apache-2.0
// The controller as the commands see it: one request, one answer, over a Unix socket or TLS.
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "model/object.h"
#include "option.h"

// Where the controller is: "unix:/run/weft/weft.sock" or "https://host:port".
struct endpoint {
	char *socket; // NULL: not a Unix socket
	char *base;   // what paths are appended to, without a final slash
};

// 0, or -EINVAL with the reason. Release with endpoint_done.
int endpoint_parse(const char *text, struct endpoint *out, struct error *error);
void endpoint_done(struct endpoint *endpoint);
// Several, with commas between. Owned by the caller (endpoints_free).
int endpoints_parse(const char *text, struct endpoint **out, size_t *count, struct error *error);
void endpoints_free(struct endpoint *endpoints, size_t count);

// --controller, --token-file, --cert, --key, --ca, and their variables; filled by option_parse.
struct client_settings {
	const char *controller, *token_file, *certificate, *key, *authority;
};
extern struct client_settings client_settings;
extern const struct option_spec client_options[];

struct client;

// From client_settings. Nothing is sent yet.
int client_open(struct client **out, struct error *error);
void client_close(struct client *client);
#define cleanup_client __attribute__((cleanup(client_close_pointer)))
void client_close_pointer(struct client **client);

// Send `body` (NULL: none) and get the answer's JSON (a new reference; `answer` may be NULL). A
// refusal is -errno with the server's words in `error`; client_problem then tells it whole.
// `timeout_ms` is how long the server may think.
int client_request(struct client *client, const char *method, const char *path, const json_t *body,
	uint64_t timeout_ms, json_t **answer, struct error *error);
enum { CLIENT_TIMEOUT_MS = 60000 };

// GET what the server answers when it has come about, or in `wait_ms` at the latest; `timeout_ms` is how
// long that may take besides.
int client_wait(struct client *client, const char *path, uint64_t wait_ms, uint64_t timeout_ms,
	json_t **answer, struct error *error);

// From now on all requests together have until then (monotonic milliseconds), whichever controllers are
// asked and whatever these do, and two seconds for an answer that comes at the deadline. Then it
// is -ETIMEDOUT.
void client_set_deadline(struct client *client, uint64_t deadline);

// GET newline-delimited JSON until the server ends it (0) or `visit` answers other than 0 (that
// answer).
typedef int (*client_visit)(void *context, json_t *line);
int client_stream(struct client *client, const char *path, client_visit visit, void *context,
	struct error *error);

// Did a controller answer the last request, if only to refuse it or to break off later?
bool client_answered(const struct client *client);

// The problem document (RFC 9457) of the last refusal; borrowed, NULL if there was none.
const json_t *client_problem(const struct client *client);

// "/v1/tenants/acme/ports/web1". `tenant` NULL: the list over all tenants; `name` NULL: the list.
// Parts are percent-encoded. Owned by the caller (free).
char *client_path(enum model_kind kind, const char *tenant, const char *name);

// An object as it is read, a new reference; NULL: it could not be had, for whatever reason.
json_t *client_find(
	struct client *client, enum model_kind kind, const char *tenant, const char *name);
