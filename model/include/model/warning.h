// SPDX-License-Identifier: Apache-2.0
// Warnings: what is accepted and yet hardly meant. Answers to writes name them.
#pragma once

// WARNING(constant, name, help)
#define MODEL_WARNINGS(WARNING)                                                               \
	WARNING(WARNING_RULE_SHADOWED, "rule-shadowed",                                       \
		"No packet reaches the rule: one that is asked before takes all of its own, " \
		"and does the same")                                                          \
	WARNING(WARNING_RULE_CONTRADICTED, "rule-contradicted",                               \
		"No packet reaches the rule: one that is asked before takes all of its own, " \
		"and does otherwise")                                                         \
	WARNING(WARNING_SELECTOR_EMPTY, "selector-matches-nothing",                           \
		"The selector selects no port that there is")                                 \
	WARNING(WARNING_SET_EMPTY, "address-set-empty",                                       \
		"The address set has no address, so that what names it matches nothing")      \
	WARNING(WARNING_ROUTER_SILENT, "router-without-address",                              \
		"The router has no address on the network, so that no port there can use it") \
	WARNING(WARNING_ROUTES_LOOP, "routes-loop",                                           \
		"Packets that take the route come back to the router over its next hops")

#define MODEL_WARNING_CONSTANT(constant, ...) constant,
enum model_warning { MODEL_WARNINGS(MODEL_WARNING_CONSTANT) MODEL_WARNING_COUNT };

const char *model_warning_name(enum model_warning warning);
const char *model_warning_help(enum model_warning warning);
