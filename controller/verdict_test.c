// SPDX-License-Identifier: Apache-2.0
#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

#define SENT(host, output)                                                                   \
	"{'host': '" host "', 'verdict': 'sent', 'stages': [{'stage': 'switch', 'ok': 1}], " \
	"'outputs': [" output "]}"
#define TO_H2 "{'underlay': true, 'host': 'h2', 'frame': '00'}"
#define TO_H1 "{'underlay': true, 'host': 'h1', 'frame': '00'}"
#define TO_DB1 "{'underlay': false, 'back': false, 'port': 'acme/ports/db1', 'device': 'tap0'}"
#define BACK "{'underlay': false, 'back': true, 'port': 'acme/ports/web1', 'device': 'tap0'}"
#define DROPPED(stage, outputs)                                                            \
	"{'host': 'h1', 'verdict': 'dropped', 'stages': [{'stage': 'parse'}, " stage "], " \
	"'outputs': [" outputs "]}"
#define SWITCH "{'stage': 'switch', 'reason': 'unknown-unicast', 'help': 'nobody has it'}"
#define RULE(rule)                                                                              \
	"{'stage': 'ingress', 'reason': 'denied-by-rule', 'help': 'a rule says so', 'object': " \
	"'acme/policies/web', 'revision': 42, 'rule': " rule "}"

static const struct {
	const char *to, *hosts, *verdict, *summary;
} cases[] = {
	{"'acme/ports/db1'", SENT("h1", TO_H2) "," SENT("h2", TO_DB1), "reaches",
		"reaches acme/ports/db1 on h2"},
	{"null", SENT("h1", TO_DB1), "reaches", "reaches acme/ports/db1 on h1"},
	{"null", SENT("h1", TO_DB1 "," TO_H2) "," SENT("h2", TO_DB1), "reaches",
		"reaches acme/ports/db1 on h1, acme/ports/db1 on h2"},
	{"'acme/ports/db9'", SENT("h1", TO_DB1), "elsewhere",
		"reaches acme/ports/db1 on h1, and not acme/ports/db9"},
	{"'umbrella/ports/db1'", SENT("h1", TO_DB1), "elsewhere",
		"reaches acme/ports/db1 on h1, and not umbrella/ports/db1; umbrella/ports/db1 is "
		"in another tenant's segment, and 10.1.1.3 is not its address here"},
	{"null", DROPPED(SWITCH, ""), "dropped",
		"dropped on h1 at switch (unknown-unicast): nobody has it"},
	{"null", DROPPED(RULE("{'name': 'deny', 'index': 2}"), ""), "dropped",
		"dropped on h1 by rule 3 (deny) of policy acme/policies/web, revision 42: a rule "
		"says so"},
	{"null", DROPPED(RULE("{'index': 0}"), BACK), "dropped",
		"dropped on h1 by rule 1 of policy acme/policies/web, revision 42: a rule says so; "
		"the sender is told"},
	{"null",
		SENT("h1", TO_H2) ",{'host': 'h2', 'verdict': 'sent', 'stages': [" RULE(
			"{'index': 0}") "], 'outputs': [" TO_H1 "]}",
		"dropped",
		"dropped on h2 by rule 1 of policy acme/policies/web, revision 42: a rule says so; "
		"the sender is told"},
	{"null", DROPPED(RULE("{'index': -1}"), ""), "dropped",
		"dropped on h1 by the default of policy acme/policies/web, revision 42: a rule "
		"says "
		"so"},
	{"'acme/ports/db1'",
		SENT("h1", TO_H2) ", {'host': 'h2', 'problem': 'it is not connected', 'stages': "
				  "[], 'outputs': []}",
		"unknown", "not known: host h2: it is not connected"},
	{"null", SENT("h1", BACK), "answered", "answered on h1 by the network itself"},
	{"null", "{'host': 'h1', 'stages': [{'stage': 'service'}], 'outputs': []}", "answered",
		"handed to a service of the network on h1"},
	{"null", SENT("h1", TO_H2), "lost", "reaches nobody"},
	// What an agent says is not believed to be of any shape.
	{"null", "3, {'stages': 5, 'outputs': [7, {'port': 8}]}, {}", "lost", "reaches nobody"},
};

static void test_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_count(cases); i++) {
		cleanup_free char *text =
			memory_format("{'from': 'acme/ports/web1', 'destination': '10.1.1.3', "
				      "'to': %s, 'hosts': [%s]}",
				cases[i].to, cases[i].hosts);
		for (char *quote = text; (quote = strchr(quote, '\''));)
			*quote = '"';
		json_t *trace = json_loads(text, 0, NULL);
		assert_non_null(trace);
		verdict_add(trace);
		assert_string_equal(
			json_string_value(json_object_get(trace, "summary")), cases[i].summary);
		assert_string_equal(
			json_string_value(json_object_get(trace, "verdict")), cases[i].verdict);
		json_decref(trace);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
