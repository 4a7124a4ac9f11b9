// SPDX-License-Identifier: Apache-2.0
#include "compile/compile.h"

#include <arpa/inet.h>

uint32_t compiler_key_base(enum dp_table table, const void *key)
{
	switch (table) {
	case DP_TABLE_RULE:
		return ((const struct dp_rule_key *)key)->base;
	case DP_TABLE_IDENTITY:
		return ((const struct dp_identity_key *)key)->base;
	case DP_TABLE_CLASS:
		return ntohl(((const struct dp_class_key *)key)->base);
	default:
		return 0;
	}
}

void compiler_key_rebase(enum dp_table table, void *key, uint32_t base)
{
	if (table == DP_TABLE_RULE)
		((struct dp_rule_key *)key)->base = base;
	else if (table == DP_TABLE_IDENTITY)
		((struct dp_identity_key *)key)->base = base;
	else if (table == DP_TABLE_CLASS)
		((struct dp_class_key *)key)->base = htonl(base);
}
