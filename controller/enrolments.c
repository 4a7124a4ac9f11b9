// SPDX-License-Identifier: Apache-2.0
#include "enrolments.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "credentials/credentials.h"
#include "credentials/invitation.h"
#include "relayed.h"
#include "secret.h"
#include "submit.h"

enum { INVITATION_SECONDS = 3600 };

struct enrolling {
	struct authority *authority;
	char *certificate; // of the authority
	char fingerprint[FINGERPRINT_TEXT];
	int64_t life; // of a host's certificate, in seconds
};

_Static_assert((int)SECRET_TEXT <= (int)INVITATION_SECRET_TEXT, "a secret fits in an invitation");

// ---- life ----

static int load(
	struct enrolling *enrolling, const char *certificate, const char *key, struct error *error)
{
	char *key_text;
	int rc = credentials_load(certificate, &enrolling->certificate, error);
	if (!rc)
		rc = credentials_load(key, &key_text, error);
	if (rc)
		return rc;
	rc = authority_open(&enrolling->authority, enrolling->certificate, key_text, error);
	credentials_forget(key_text);
	return rc ? rc
		  : credentials_fingerprint(enrolling->certificate, enrolling->fingerprint, error);
}

int enrolments_start(struct controller *controller, const char *certificate, const char *key,
	uint64_t life_seconds, struct error *error)
{
	if (!key)
		return 0;
	if (!certificate)
		return error_set(
			error, EINVAL, "the authority's key is of no use without its certificate");
	controller->enrolling = memory_new(sizeof(*controller->enrolling));
	controller->enrolling->life = (int64_t)life_seconds;
	return load(controller->enrolling, certificate, key, error);
}

void enrolments_stop(struct controller *controller)
{
	struct enrolling *enrolling = steal(controller->enrolling);
	if (!enrolling)
		return;
	authority_close(enrolling->authority);
	free(enrolling->certificate);
	free(enrolling);
}

int enrolments_delete(struct controller *controller, struct transaction *transaction,
	const char *host, struct error *error)
{
	if (!catalog_find(controller->catalog, MODEL_ENROLMENT, NULL, host))
		return 0;
	struct error fault = {0};
	int rc = transaction_delete(transaction, MODEL_ENROLMENT, NULL, host, &fault);
	if (rc && rc != -EEXIST) // it is deleted by itself already
		*error = fault;
	return rc == -EEXIST ? 0 : rc;
}

// ---- what they share ----

static int64_t now(void)
{
	return (int64_t)(clock_realtime_ms() / 1000);
}

static struct enrolment *find(const struct controller *controller, const char *host)
{
	return (struct enrolment *)catalog_find(controller->catalog, MODEL_ENROLMENT, NULL, host);
}

static int check_enabled(const struct controller *controller, struct error *error)
{
	if (controller->enrolling)
		return 0;
	return error_set(error, EBUSY,
		"this controller has no key of the authority to sign with: --authority-key");
}

// A copy to be changed, with all that the controller owns.
static int copy(const struct enrolment *current, struct enrolment **out, struct error *error)
{
	json_t *fields = object_encode(&current->object);
	struct object *object;
	int rc = object_decode(
		&object, MODEL_ENROLMENT, NULL, current->object.name, fields, false, error);
	json_decref(fields);
	if (rc)
		return rc;
	object_inherit(object, &current->object);
	*out = (struct enrolment *)object;
	return 0;
}

static void replace(const char **text, const char *by)
{
	text_release(*text);
	*text = text_share(by);
}

// The only member of the body; NULL in `error` otherwise.
static const char *get_text(const json_t *json, const char *name, struct error *error)
{
	const char *text = json_string_value(json_object_get(json, name));
	if (!text) {
		error_set_field(error, "%s", name);
		error_set(error, EINVAL, "must be given, as a text");
	}
	return text;
}

static int check_members(const json_t *json, const char *const *known, struct error *error)
{
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)json, name, value) {
		size_t i = 0;
		while (known[i] && strcmp(known[i], name))
			i++;
		if (known[i])
			continue;
		error_set_field(error, "%s", name);
		return error_set(error, EINVAL, "there is no such member");
	}
	return 0;
}

static int sign(const struct controller *controller, const char *host, const char *identity,
	const char *request, char **certificate, struct error *error)
{
	cleanup_free char *name = memory_format("weft-host:%s", host);
	struct credentials_subject subject = {
		.name = name,
		.enrolment = identity,
		.purpose = CREDENTIALS_CLIENT,
		.seconds = controller->enrolling->life,
	};
	int rc = authority_sign(
		controller->enrolling->authority, request, &subject, certificate, error);
	if (rc)
		error_set_field(error, "request");
	return rc;
}

// ---- inviting ----

// The object with another expiry: made, or the one that there is.
static int invite(const struct controller *controller, const char *host, const json_t *body,
	struct enrolment **out, struct error *error)
{
	static const char *const members[] = {"expires", NULL};
	const struct enrolment *current = find(controller, host);
	char text[CLOCK_TEXT];
	int rc = check_members(body, members, error);
	if (rc)
		return rc;
	json_t *fields = json_copy((json_t *)body);
	if (!json_object_get(fields, "expires"))
		json_object_set_new(fields, "expires",
			json_string(clock_format(now() + INVITATION_SECONDS, text)));
	struct object *object;
	rc = object_decode(&object, MODEL_ENROLMENT, NULL, host, fields, false, error);
	json_decref(fields);
	if (rc)
		return rc;
	if (((struct enrolment *)object)->expires <= now()) {
		object_unref(object);
		error_set_field(error, "expires");
		return error_set(error, EINVAL, "must be a time to come");
	}
	if (current)
		object_inherit(object, &current->object);
	*out = (struct enrolment *)object;
	return 0;
}

void handle_invite(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	struct enrolment *enrolment = NULL;
	struct invitation invitation = {0};
	char digest[DIGEST_TEXT], code[INVITATION_TEXT];
	int rc = check_enabled(controller, &error);
	if (!rc)
		rc = request_json(request, &json, &error);
	if (!rc)
		rc = invite(controller, target->name, json, &enrolment, &error);
	json_decref(json);
	if (!rc && secret_make(invitation.secret) < 0) {
		object_unref(&enrolment->object);
		rc = error_set(&error, EIO, "the system has no random numbers to give");
	}
	if (rc) {
		request_refuse(request, &error);
		return;
	}
	replace(&enrolment->digest, secret_digest(invitation.secret, digest));
	snprintf(invitation.host, sizeof(invitation.host), "%s", target->name);
	memcpy(invitation.fingerprint, controller->enrolling->fingerprint, FINGERPRINT_TEXT);
	request_add(request, "code", json_string(invitation_format(&invitation, code)));
	explicit_bzero(&invitation, sizeof(invitation));
	explicit_bzero(code, sizeof(code));
	submit_owned(controller, request, &enrolment->object);
}

// ---- joining ----

// Absent, used, over or wrong: who does not have it learns no difference.
static int check_secret(const struct enrolment *enrolment, const char *secret, struct error *error)
{
	bool right = secret_matches(secret, enrolment ? enrolment->digest : NULL);
	if (right && enrolment->expires > now())
		return 0;
	return error_set(error, EKEYREJECTED,
		"this invitation is not valid: it was used, has expired, or there is none");
}

static int make_identity(char *identity /* 17 */)
{
	unsigned char bytes[8];
	if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof(bytes)) < 0)
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(identity + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int join(struct controller *controller, struct request *request, const char *host,
	const json_t *body, struct enrolment **out, struct error *error)
{
	static const char *const members[] = {"secret", "request", NULL};
	const struct enrolment *current = find(controller, host);
	char identity[17];
	char *certificate = NULL;
	int rc = check_members(body, members, error);
	const char *secret = rc ? NULL : get_text(body, "secret", error);
	const char *wanted = secret ? get_text(body, "request", error) : NULL;
	if (!wanted)
		return -error->code;
	rc = check_secret(current, secret, error);
	if (!rc && make_identity(identity) < 0)
		rc = error_set(error, EIO, "the system has no random numbers to give");
	if (!rc)
		rc = sign(controller, host, identity, wanted, &certificate, error);
	if (rc)
		return rc;
	request_add(request, "certificate", json_string(certificate));
	request_add(request, "authority", json_string(controller->enrolling->certificate));
	free(certificate);
	rc = copy(current, out, error);
	if (rc)
		return rc;
	replace(&(*out)->identity, identity);
	replace(&(*out)->digest, NULL);
	(*out)->joined = now();
	return 0;
}

void handle_join(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	struct enrolment *enrolment = NULL;
	int rc = check_enabled(controller, &error);
	if (!rc)
		rc = request_json(request, &json, &error);
	if (!rc)
		rc = join(controller, request, target->name, json, &enrolment, &error);
	json_decref(json);
	if (rc)
		request_refuse(request, &error);
	else
		submit_owned(controller, request, &enrolment->object);
}

// ---- renewing ----

static int renew(const struct controller *controller, const struct request *request,
	const char *host, const json_t *body, char **certificate, struct error *error)
{
	static const char *const members[] = {"request", NULL};
	bool relayed = request->identity.role == ROLE_RELAY;
	const struct identity *own =
		relayed ? relayed_identity(controller, host) : &request->identity;
	const char *identity = own ? own->enrolment : NULL;
	if (!own || !identity_is_host(own, host) || !*identity)
		return error_set(error, EACCES,
			"only a certificate of an enrolment can be renewed, by the host that has "
			"it");
	int rc = check_members(body, members, error);
	const char *wanted = rc ? NULL : get_text(body, "request", error);
	return wanted ? sign(controller, host, identity, wanted, certificate, error) : -error->code;
}

void handle_renew(
	struct controller *controller, struct request *request, const struct target *target)
{
	struct error error = {0};
	json_t *json = NULL;
	char *certificate = NULL;
	int rc = check_enabled(controller, &error);
	if (!rc)
		rc = request_json(request, &json, &error);
	if (!rc)
		rc = renew(controller, request, target->name, json, &certificate, &error);
	json_decref(json);
	if (rc) {
		request_refuse(request, &error);
		return;
	}
	log_info("host %s has renewed its certificate", target->name);
	request_answer(request, 200, json_pack("{s:s}", "certificate", certificate));
	free(certificate);
}
