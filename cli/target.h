// SPDX-License-Identifier: Apache-2.0
// What a command acts on: a kind and a name, in the tenant that -t, the name itself ("acme/web1")
// or WEFT_TENANT says.
#pragma once

#include "client.h"
#include "model/object.h"
#include "option.h"

// --tenant; NULL: none was given.
extern const char *target_tenant;
extern const struct option_spec target_options[];

struct target {
	enum model_kind kind;
	char *tenant; // NULL for kinds in no tenant
	char *name;
};

// A kind by its name, singular or plural, or the beginning of one that no other shares. On failure:
// -EINVAL and a message that lists the kinds, `out` untouched or one of those that are perhaps meant.
int target_kind(const char *word, enum model_kind *out, struct error *error);

// `word` is "web1" or "acme/web1". Where no tenant is said, the only tenant that has such an
// object: -ENOENT if none has, -EINVAL if several have. Release with target_done.
int target_resolve(struct client *client, enum model_kind kind, const char *word,
	struct target *out, struct error *error);
void target_done(struct target *target);
#define cleanup_target __attribute__((cleanup(target_done)))
