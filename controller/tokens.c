// SPDX-License-Identifier: Apache-2.0
#include "tokens.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "access.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "commit.h"
#include "handler.h"
#include "secret.h"

static const char scheme[] = "Bearer ", prefix[] = "weft.";

struct token *token_find(const struct controller *controller, const char *authorization)
{
	char name[64];
	if (strncasecmp(authorization, scheme, strlen(scheme)))
		return NULL;
	const char *text = authorization + strlen(scheme);
	text += strspn(text, " ");
	// A name may have dots, a secret has none.
	const char *dot = strrchr(text, '.');
	if (strncmp(text, prefix, strlen(prefix)) || !dot)
		return NULL;
	text += strlen(prefix);
	if (dot < text || (size_t)(dot - text) >= sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(dot - text), text);
	struct token *token =
		(struct token *)catalog_find(controller->catalog, MODEL_TOKEN, NULL, name);
	return secret_matches(dot + 1, token ? token->digest : NULL) ? token : NULL;
}

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
	request_add(request, "token", json_sprintf("%s%s.%s", prefix, object->name, secret));
	explicit_bzero(secret, sizeof(secret));
	commit_owned(controller, request, object);
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
