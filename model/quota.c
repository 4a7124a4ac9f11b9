// SPDX-License-Identifier: Apache-2.0
// Quotas: how much of what a tenant holds.
#include "model/object.h"

#define QUOTA_NAME(constant, name) [constant] = #name,

const char *quota_name(enum quota quota)
{
	static const char *const names[QUOTA_COUNT] = {MODEL_QUOTAS(QUOTA_NAME)};
	return names[quota];
}

static size_t amount(enum quota quota, const struct object *object)
{
	switch (quota) {
	case QUOTA_NETWORKS:
		return object->kind == MODEL_NETWORK;
	case QUOTA_PORTS:
		return object->kind == MODEL_PORT;
	case QUOTA_ROUTERS:
		return object->kind == MODEL_ROUTER;
	case QUOTA_ROUTES:
		return object->kind == MODEL_ROUTER ? ((const struct router *)object)->routes.count
						    : 0;
	case QUOTA_ADDRESS_SETS:
		return object->kind == MODEL_ADDRESS_SET;
	case QUOTA_PREFIXES:
		return object->kind == MODEL_ADDRESS_SET
			       ? ((const struct address_set *)object)->addresses.count
			       : 0;
	case QUOTA_POLICIES:
		return object->kind == MODEL_POLICY;
	case QUOTA_RULES:
		return object->kind == MODEL_POLICY ? ((const struct policy *)object)->rules.count
						    : 0;
	case QUOTA_COUNT:
		break;
	}
	return 0;
}

uint32_t quota_amount(enum quota quota, const struct object *object)
{
	return object ? (uint32_t)amount(quota, object) : 0;
}
