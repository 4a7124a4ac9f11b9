// SPDX-License-Identifier: Apache-2.0
#include "lease.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <utlist.h>

#include "base/memory.h"
#include "keys.h"
#include "request.h"

// ---- etcd's leases ----

static json_t *lease_named(const char *member, int64_t lease)
{
	return json_pack("{s:o}", member, json_sprintf("%" PRId64, lease));
}

// The number is ours, so that granting it twice does no harm.
int lease_grant(struct etcd_client *client, unsigned seconds, int64_t *lease, struct error *error)
{
	int64_t number = 0;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return error_set(error, EIO, "no random numbers");
	number = (int64_t)((uint64_t)number >> 1 | 1);
	json_t *request = lease_named("ID", number);
	json_object_set_new(request, "TTL", json_sprintf("%u", seconds));
	struct error fault = {0};
	int result = etcd_call(client, "/v3/lease/grant", request, NULL, &fault);
	if (result && result != -EEXIST)
		return error_set(error, fault.code, "%s", fault.message);
	*lease = number;
	return 0;
}

int lease_renew(struct etcd_client *client, int64_t lease, struct error *error)
{
	json_t *answer = NULL;
	int result =
		etcd_call(client, "/v3/lease/keepalive", lease_named("ID", lease), &answer, error);
	if (result)
		return result;
	int64_t left = etcd_read_number(json_object_get(answer, "result"), "TTL");
	json_decref(answer);
	return left > 0 ? 0 : error_set(error, ENOENT, "a lease of etcd has ended");
}

void lease_revoke(struct etcd_client *client, int64_t lease)
{
	etcd_client_start(client);
	etcd_call(client, "/v3/lease/revoke", lease_named("ID", lease), NULL, NULL);
}

// ---- duties ----

struct duty {
	char *name;
	int64_t lease;
	struct duty *prev, *next;
};

struct duties {
	struct etcd_client *client;
	const char *prefix;
	struct duty *owned;
};

void duties_new(struct duties **out, struct etcd_client *client, const char *prefix)
{
	struct duties *duties = memory_new(sizeof(*duties));
	duties->client = client;
	duties->prefix = prefix;
	*out = duties;
}

static struct duty *find(struct duties *duties, const char *name)
{
	struct duty *duty;
	DL_FOREACH (duties->owned, duty)
		if (strcmp(duty->name, name) == 0)
			return duty;
	return NULL;
}

static void forget(struct duties *duties, struct duty *duty)
{
	DL_DELETE(duties->owned, duty);
	free(duty->name);
	free(duty);
}

static const char *key_of(char key[ETCD_KEY], const struct duties *duties, const char *name)
{
	snprintf(key, ETCD_KEY, "%s/lease/%s", duties->prefix, name);
	return key;
}

// Put our name there if nobody's is. The lease in it tells it from that of an earlier attempt.
static int put_name(struct duties *duties, const char *name, int64_t lease, struct error *error)
{
	char key[ETCD_KEY], host[64] = "";
	bool succeeded;
	json_t *answer = NULL;
	cleanup_bytes struct bytes owner = {0};
	gethostname(host, sizeof(host) - 1);
	cleanup_free char *own =
		memory_format("%s, process %d, lease %" PRIx64, host, (int)getpid(), lease);
	key_of(key, duties, name);
	int result = etcd_transact(duties->client, json_pack("[o]", etcd_if_exists(key, false)),
		json_pack("[o]", etcd_put(key, own, strlen(own), lease)),
		json_pack("[o]", etcd_get(key)), &succeeded, &answer, error);
	if (result)
		return result;
	if (!succeeded) {
		etcd_read_value(json_array_get(etcd_read_of(answer, 0), 0), &owner);
		if (owner.length != strlen(own) || memcmp(owner.data, own, owner.length) != 0)
			result = error_set(error, EBUSY, "%s is the duty of %.*s", name,
				(int)owner.length, (const char *)owner.data);
	}
	json_decref(answer);
	return result;
}

int duties_take(struct duties *duties, const char *name, unsigned seconds, struct error *error)
{
	struct duty *duty = find(duties, name);
	int64_t lease;
	int result;
	etcd_client_start(duties->client);
	if (duty) {
		struct error fault = {0};
		result = lease_renew(duties->client, duty->lease, &fault);
		if (result == 0)
			return 0;
		if (result != -ENOENT)
			return error_set(error, EAGAIN, "%s", fault.message);
		forget(duties, duty);
	}
	result = lease_grant(duties->client, seconds, &lease, error);
	if (result)
		return etcd_settle(result, error);
	result = put_name(duties, name, lease, error);
	if (result) {
		lease_revoke(duties->client, lease);
		return etcd_settle(result, error);
	}
	duty = memory_new(sizeof(*duty));
	duty->name = memory_text(name);
	duty->lease = lease;
	DL_APPEND(duties->owned, duty);
	return 0;
}

void duties_release(struct duties *duties, const char *name)
{
	struct duty *duty = find(duties, name);
	if (!duty)
		return;
	lease_revoke(duties->client, duty->lease);
	forget(duties, duty);
}

void duties_free(struct duties *duties)
{
	if (!duties)
		return;
	while (duties->owned)
		duties_release(duties, duties->owned->name);
	free(duties);
}
