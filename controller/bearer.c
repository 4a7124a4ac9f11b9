// SPDX-License-Identifier: Apache-2.0
#include "bearer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "secret.h"

static const char scheme[] = "Bearer ", prefix[] = "weft.";

struct token *bearer_find(const struct controller *controller, const char *authorization)
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

json_t *bearer_encode(const char *name, const char *secret)
{
	return json_sprintf("%s%s.%s", prefix, name, secret);
}
