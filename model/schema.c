// SPDX-License-Identifier: Apache-2.0
#include "model/schema.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "field_type.h"
#include "kind.h"

#define FIELD_DESCRIPTOR(owner, type_, member, field_flags_, field_help, ...) \
	{                                                                     \
		.name = #member,                                              \
		.type = &field_type_##type_,                                  \
		.offset = offsetof(struct owner, member),                     \
		.flags = (field_flags_),                                      \
		.help = (field_help),                                         \
		##__VA_ARGS__,                                                \
	},

// A line may give the field another name than the member has.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const struct field tenant_fields[] = {TENANT_FIELDS(FIELD_DESCRIPTOR)};
static const struct field host_fields[] = {HOST_FIELDS(FIELD_DESCRIPTOR)};
static const struct field network_fields[] = {NETWORK_FIELDS(FIELD_DESCRIPTOR)};
static const struct field port_fields[] = {PORT_FIELDS(FIELD_DESCRIPTOR)};
static const struct field router_fields[] = {ROUTER_FIELDS(FIELD_DESCRIPTOR)};
static const struct field address_set_fields[] = {ADDRESS_SET_FIELDS(FIELD_DESCRIPTOR)};
static const struct field policy_fields[] = {POLICY_FIELDS(FIELD_DESCRIPTOR)};
static const struct field token_fields[] = {TOKEN_FIELDS(FIELD_DESCRIPTOR)};
static const struct field enrolment_fields[] = {ENROLMENT_FIELDS(FIELD_DESCRIPTOR)};
#pragma GCC diagnostic pop

#define KIND_DESCRIPTOR(constant, singular, several, tenanted, kind_help) \
	[constant] = {                                                    \
		.name = #singular,                                        \
		.plural = #several,                                       \
		.help = (kind_help),                                      \
		.in_tenant = (tenanted),                                  \
		.size = sizeof(struct singular),                          \
		.fields = singular##_fields,                              \
		.field_count = array_count(singular##_fields),            \
	},

static const struct kind kinds[] = {MODEL_KINDS(KIND_DESCRIPTOR)};
_Static_assert(array_count(kinds) == MODEL_KIND_COUNT, "a kind is declared once");

const struct kind *kind_get(enum model_kind kind)
{
	return &kinds[kind];
}

const char *model_kind_name(enum model_kind kind)
{
	return kinds[kind].name;
}

const char *model_kind_plural(enum model_kind kind)
{
	return kinds[kind].plural;
}

const char *model_kind_help(enum model_kind kind)
{
	return kinds[kind].help;
}

bool model_kind_in_tenant(enum model_kind kind)
{
	return kinds[kind].in_tenant;
}

int model_kind_find(const char *name, enum model_kind *out)
{
	for (size_t i = 0; i < MODEL_KIND_COUNT; i++)
		if (!strcmp(kinds[i].name, name) || !strcmp(kinds[i].plural, name)) {
			*out = (enum model_kind)i;
			return 0;
		}
	return -ENOENT;
}

const struct field *model_fields(enum model_kind kind, size_t *count)
{
	*count = kinds[kind].field_count;
	return kinds[kind].fields;
}

const struct field *model_field_find(enum model_kind kind, const char *name)
{
	for (size_t i = 0; i < kinds[kind].field_count; i++)
		if (!strcmp(kinds[kind].fields[i].name, name))
			return &kinds[kind].fields[i];
	return NULL;
}

static const char *field_name_at(void *context, size_t index)
{
	const struct kind *kind = context;
	return kind->fields[index].name;
}

const char *model_field_suggest(enum model_kind kind, const char *name)
{
	return suggest(name, kinds[kind].field_count, field_name_at, (void *)&kinds[kind]);
}

const char *field_type_name(const struct field *field)
{
	return field->type->name;
}

const char *field_type_help(const struct field *field)
{
	return field->type->help;
}

const struct field_member *field_members(const struct field *field)
{
	return field->type->members;
}

const char *const *field_choices(const struct field *field)
{
	return field->type->choices;
}

bool field_reference(const struct field *field, enum model_kind *kind)
{
	if (field->type->reference)
		*kind = field->type->target;
	return field->type->reference;
}

char *field_default_text(const struct field *field)
{
	if (field->type->choices)
		return memory_text(field->type->choices[field->fallback]);
	if (field->type == &field_type_flag)
		return memory_text(field->fallback ? "true" : "false");
	if (field->fallback || field->type == &field_type_tier)
		return memory_format("%u", field->fallback);
	return NULL;
}

bool field_absent(const struct field *field, const struct object *object)
{
	if (field->type->always)
		return false;
	const unsigned char *bytes = field_value(field, object);
	for (size_t i = 0; i < field->type->size; i++)
		if (bytes[i])
			return false;
	return true;
}
