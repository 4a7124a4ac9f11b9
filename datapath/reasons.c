// SPDX-License-Identifier: Apache-2.0
#include "core/reasons.h"

#include <stddef.h>

#include "datapath/datapath.h"

// "spoofed_mac" in the list, "spoofed-mac" for people: a second table would drift.
struct reason {
	char name[32];
	const char *help;
};

#define REASON(name_, NAME, help_) [DP_REASON_##NAME] = {.name = #name_, .help = help_},
static struct reason reasons[DP_REASON_COUNT] = {
	[DP_REASON_NONE] = {.name = "none", .help = "not dropped"}, DP_REASONS(REASON)};
#undef REASON

__attribute__((constructor)) static void dash_names(void)
{
	for (size_t i = 0; i < DP_REASON_COUNT; i++)
		for (char *at = reasons[i].name; *at; at++)
			if (*at == '_')
				*at = '-';
}

const char *datapath_reason_name(uint32_t reason)
{
	return reason < DP_REASON_COUNT ? reasons[reason].name : NULL;
}

const char *datapath_reason_help(uint32_t reason)
{
	return reason < DP_REASON_COUNT ? reasons[reason].help : NULL;
}
