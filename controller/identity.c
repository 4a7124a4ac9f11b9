// SPDX-License-Identifier: Apache-2.0
#include "identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

// ---- names in certificates ----

static const struct {
	const char *name; // with ":", a name follows
	enum role role;
} common_names[] = {
	{"weft-admin", ROLE_ADMINISTRATOR},
	{"weft-controller", ROLE_CONTROLLER},
	{"weft-host:", ROLE_HOST},
	{"weft-relay:", ROLE_RELAY},
};

struct identity identity_from_name(const char *common_name)
{
	struct identity identity = {.source = SOURCE_CERTIFICATE};
	for (size_t i = 0; i < array_count(common_names); i++) {
		const char *known = common_names[i].name;
		size_t length = strlen(known);
		bool named = known[length - 1] == ':';
		const char *rest = common_name + length;
		if (strncmp(common_name, known, length) ||
			(named ? model_name_check(rest, NULL) != 0 : *rest != '\0'))
			continue;
		identity.role = common_names[i].role;
		if (named)
			snprintf(identity.name, sizeof(identity.name), "%s", rest);
	}
	return identity;
}

// The one value of this kind in the subject. A second one, or a zero byte within, would let two
// readers see two names: such a certificate is nobody's. 0, -ENOENT, or -EINVAL.
static int subject_text(gnutls_x509_crt_t certificate, const char *oid, char *out, size_t size)
{
	size_t length = size, unused = 0;
	int rc = gnutls_x509_crt_get_dn_by_oid(certificate, oid, 0, 0, out, &length);
	if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return -ENOENT;
	if (rc < 0 || length != strlen(out))
		return -EINVAL;
	rc = gnutls_x509_crt_get_dn_by_oid(certificate, oid, 1, 0, NULL, &unused);
	return rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ? 0 : -EINVAL;
}

static struct identity identity_from_certificate(gnutls_x509_crt_t certificate)
{
	static const char prefix[] = "enrolment:";
	char name[128], unit[sizeof(prefix) + ENROLMENT_TEXT] = "";
	struct identity nobody = {.source = SOURCE_CERTIFICATE};
	if (subject_text(certificate, GNUTLS_OID_X520_COMMON_NAME, name, sizeof(name)) < 0)
		return nobody;
	int rc = subject_text(
		certificate, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, unit, sizeof(unit));
	struct identity identity = identity_from_name(name);
	identity.expires = gnutls_x509_crt_get_expiration_time(certificate);
	if (!rc && !strncmp(unit, prefix, strlen(prefix)))
		snprintf(identity.enrolment, sizeof(identity.enrolment), "%.*s", ENROLMENT_TEXT - 1,
			unit + strlen(prefix));
	return identity;
}

struct identity identity_from_session(gnutls_session_t session)
{
	struct identity identity = {ROLE_NONE};
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t certificate;
	if (!chain || !count || gnutls_x509_crt_init(&certificate) < 0)
		return identity;
	if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) >= 0)
		identity = identity_from_certificate(certificate);
	gnutls_x509_crt_deinit(certificate);
	return identity;
}

// ---- tokens ----

static enum role token_role(const struct token *token)
{
	switch (token->role) {
	case TOKEN_ADMINISTRATOR:
		return ROLE_ADMINISTRATOR;
	case TOKEN_TENANT_ADMINISTRATOR:
		return ROLE_TENANT_ADMINISTRATOR;
	case TOKEN_READER:
		break;
	}
	return token->tenants.count ? ROLE_TENANT_READER : ROLE_READER;
}

struct identity identity_from_token(struct token *token)
{
	struct identity identity = {
		.role = token_role(token),
		.source = SOURCE_TOKEN,
		.expires = token->expires,
		.token = (struct token *)object_ref(&token->object),
	};
	snprintf(identity.name, sizeof(identity.name), "%s", token->object.name);
	return identity;
}

void identity_done(struct identity *identity)
{
	if (identity->token)
		object_unref(&identity->token->object);
	*identity = (struct identity){0};
}

// ---- what it may see ----

bool identity_expired(const struct identity *identity)
{
	return identity->expires && (uint64_t)identity->expires * 1000 <= clock_realtime_ms();
}

bool identity_is_host(const struct identity *identity, const char *host)
{
	return identity->role == ROLE_HOST && !strcmp(identity->name, host);
}

bool identity_is_scoped(const struct identity *identity)
{
	return identity->role == ROLE_TENANT_ADMINISTRATOR || identity->role == ROLE_TENANT_READER;
}

bool identity_sees_tenant(const struct identity *identity, const char *tenant)
{
	if (!identity_is_scoped(identity))
		return identity->role == ROLE_ADMINISTRATOR || identity->role == ROLE_READER;
	const struct name_list *tenants = &identity->token->tenants;
	for (size_t i = 0; i < tenants->count; i++)
		if (!strcmp(tenants->items[i], tenant))
			return true;
	return false;
}

// ---- for people ----

const char *role_name(enum role role)
{
	static const char *const names[ROLE_COUNT] = {
		[ROLE_NONE] = "nobody",
		[ROLE_ADMINISTRATOR] = "admin",
		[ROLE_READER] = "reader",
		[ROLE_TENANT_ADMINISTRATOR] = "tenant-admin",
		[ROLE_TENANT_READER] = "tenant-reader",
		[ROLE_HOST] = "host",
		[ROLE_RELAY] = "relay",
		[ROLE_CONTROLLER] = "controller",
	};
	return names[role];
}

char *identity_text(const struct identity *identity, char *text)
{
	const char *kind = identity->source == SOURCE_SOCKET        ? "socket"
			   : identity->source == SOURCE_TOKEN       ? "token"
			   : identity->source == SOURCE_CERTIFICATE ? role_name(identity->role)
								    : "anonymous";
	snprintf(text, IDENTITY_TEXT, "%s%s%s", kind, *identity->name ? ":" : "", identity->name);
	return text;
}
