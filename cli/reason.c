// SPDX-License-Identifier: Apache-2.0
#include "reason.h"

#include <stdint.h>
#include <string.h>

#include "datapath/datapath.h"

const char *reason_help(const char *name)
{
	const char *known;

	for (uint32_t reason = 1; (known = datapath_reason_name(reason)); reason++)
		if (!strcmp(known, name))
			return datapath_reason_help(reason);
	return NULL;
}
