// SPDX-License-Identifier: Apache-2.0
// What can be done with the value of a field, by type. Private to the model.
//
// A value whose bytes are all zero is absent; that holds for every type, so generic code needs no hook for it.
#pragma once

#include <jansson.h>

#include "model/schema.h"

struct field_type {
	const char *name;                   // for people, after "a": "list of prefixes"
	const char *help;                   // NULL: the name says it all
	const struct field_member *members; // of a list of objects; ended by one without a name
	const struct element
		*element; // of a list whose items can be changed by themselves (list.h)
	size_t size;
	// Fill `value` (absent so far). On failure it stays absent, and `error` names the element in the
	// value ("[2]"), if any.
	int (*decode)(
		const struct field *field, void *value, const json_t *json, struct error *error);
	json_t *(*encode)(
		const struct field *field, const void *value); // of a value that is present
	bool (*equal)(const void *a, const void *b);
	void (*copy)(void *to, const void *from); // `to` is absent; the copy is deep
	void (*done)(void *value);
	json_t *(*openapi)(const struct field *field);
	const char *const *choices; // the words of a choice, NULL-terminated; index is value
	bool always;                // has no absent value: false and the first choice are values
	bool reference;
	enum model_kind target; // of a reference
	// Of a list that refers to objects: visit these. NULL: it does not.
	int (*references)(const struct field *field, const struct object *object,
		object_reference_visit visit, void *context);
};

// MODEL_C_text has its operations in field_type_text, and so on.
extern const struct field_type field_type_text, field_type_device, field_type_flag,
	field_type_number, field_type_mac, field_type_address, field_type_network, field_type_host,
	field_type_encapsulation, field_type_unknown_unicast, field_type_tier,
	field_type_policy_default, field_type_policy_established; // field_scalar.c
extern const struct field_type field_type_addresses, field_type_prefixes, field_type_labels,
	field_type_pairs;                                                     // field_list.c
extern const struct field_type field_type_router_networks, field_type_routes; // field_router.c
extern const struct field_type field_type_selector, field_type_rules;         // field_policy.c
extern const struct field_type field_type_quotas, field_type_token_role, field_type_tenants,
	field_type_time; // field_access.c

static inline void *field_value(const struct field *field, const struct object *object)
{
	return (char *)object + field->offset;
}
bool field_absent(const struct field *field, const struct object *object);
// What an absent field is taken for.
void field_default(const struct field *field, struct object *object);

// "expected <what>, found a string": -EINVAL.
int decode_expected(struct error *error, const char *what, const json_t *found);
// Borrow the string in `json`; -EINVAL if it is another thing or holds a NUL byte.
int decode_string(const char **out, const char *what, const json_t *json, struct error *error);
// One of `words`, of which the last is NULL: its index.
int decode_word(int *out, const char *const *words, const json_t *json, struct error *error);
int decode_number(
	uint32_t *out, uint32_t minimum, uint32_t maximum, const json_t *json, struct error *error);
int decode_mac(struct mac *out, const json_t *json, struct error *error);
int decode_address(struct address *out, const json_t *json, struct error *error);
int decode_prefix(struct prefix *out, const json_t *json, struct error *error);
// Why this address cannot be that of one interface ("a multicast address"); NULL if it can.
const char *address_not_unicast(const struct address *address);

// Equality, copy and end of a value that is plain bytes of a C type, and all of its operations: decode,
// encode and openapi are its own.
#define PLAIN_VALUE(name, type)                                \
	static bool name##_equal(const void *a, const void *b) \
	{                                                      \
		return !memcmp(a, b, sizeof(type));            \
	}                                                      \
	static void name##_copy(void *to, const void *from)    \
	{                                                      \
		memcpy(to, from, sizeof(type));                \
	}                                                      \
	static void name##_done(void *value)                   \
	{                                                      \
		memset(value, 0, sizeof(type));                \
	}
#define PLAIN_OPERATIONS(name, type)                                            \
	.size = sizeof(type), .decode = name##_decode, .encode = name##_encode, \
	.equal = name##_equal, .copy = name##_copy, .done = name##_done, .openapi = name##_openapi
