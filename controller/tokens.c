// SPDX-License-Identifier: Apache-2.0
// Making tokens, and another secret for one.
#include "handler.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "bearer.h"
#include "secret.h"
#include "submit.h"

// The object that the secret is for: made of the fields, or the one that there is, which then gets
// another secret.
static int token_make(const struct controller *controller, const struct target *target,
	const json_t *fields, struct object **out, struct error *error)
{
	const struct object *current =
		catalog_find(controller->catalog, MODEL_TOKEN, NULL, target->name);
	if (!current)
		return object_decode(out, MODEL_TOKEN, NULL, target->name, fields, false, error);
	if (!json_object_size(fields)) {
		int rc = object_merge(out, current, fields, error);
		if (!rc)
			object_inherit(*out, current);
		return rc;
	}
	error_set_object(error, "tokens/%s", target->name);
	return error_set(error, EEXIST,
		"token %s is there already; give no fields to make a new secret for it, or delete "
		"it",
		target->name);
}

static void token_issue(
	struct controller *controller, struct request *request, struct object *object)
{
	struct error error = {0};
	struct token *token = (struct token *)object;
	char secret[SECRET_TEXT], digest[DIGEST_TEXT];
	if (secret_make(secret) < 0) {
		object_unref(object);
		error_set(&error, EIO, "the system has no random numbers to give");
		request_refuse(request, &error);
		return;
	}
	text_release(token->digest);
	token->digest = text_share(secret_digest(secret, digest));
	token->issued = (int64_t)(clock_realtime_ms() / 1000);
	request_add(request, "token", bearer_encode(object->name, secret));
	explicit_bzero(secret, sizeof(secret));
	submit_owned(controller, request, object);
}

void handle_issue(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	struct object *object;
	int rc = request_json(request, &json, &error);
	if (!rc)
		rc = token_make(controller, target, json, &object, &error);
	json_decref(json);
	if (rc < 0)
		request_refuse(request, &error);
	else
		token_issue(controller, request, object);
}
