// SPDX-License-Identifier: Apache-2.0
// Texts of rules are equal where the rules are, as their documents say, and nowhere else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/memory.h"
#include "state.h"

enum { RULES = 600 };

static unsigned draw(unsigned limit)
{
	static uint64_t state = 1;
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state >> 33) % limit;
}

#define PICK(...)                                  \
	((const char *const[]){__VA_ARGS__})[draw( \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))]

static const char *draw_peers(void)
{
	return PICK("\"any\"", "\"a\"", "\"a=b\"", "\"a in (b, c)\"", "[\"a\", \"a=b\"]",
		"[\"a=b\", \"a\"]", "\"set:a\"", "\"set:ab\"", "[\"set:a\", \"set:b\"]",
		"\"10.0.0.0/8\"", "\"10.0.0.0/9\"", "\"::/0\"", "\"0.0.0.0/0\"",
		"[\"10.0.0.0/8\", \"set:a\", \"a=b\"]");
}

static const char *draw_services(void)
{
	return PICK("null", "null", "[\"tcp/80\"]", "[\"udp/80\"]", "[\"tcp/80-81\"]",
		"[\"tcp/80\", \"tcp/81\"]", "[\"tcp\"]", "[\"tcp/0-65535\"]", "[\"tcp\", \"udp\"]");
}

// Mostly what leaves few differences, so that many rules are equal.
static struct object *rule_draw(void)
{
	bool plain = draw(2);
	cleanup_free char *text = memory_format(
		"{\"rules\": [{\"name\": %s, \"priority\": %s, \"direction\": %s, \"action\": %s, "
		"\"from\": %s, \"to\": %s, \"ports\": %s, \"source_ports\": %s, \"log\": %s}]}",
		plain ? "null" : PICK("null", "\"a\"", "\"a1\""),
		plain ? "null" : PICK("null", "1000", "1001"),
		PICK("null", "\"ingress\"", "\"egress\""),
		plain ? "\"drop\"" : PICK("\"allow\"", "\"allow-stateless\"", "\"reject\""),
		draw_peers(), plain ? "null" : draw_peers(), draw_services(),
		plain ? "null" : PICK("null", "[\"tcp/80\"]", "[\"tcp/1-80\"]"),
		PICK("null", "false", "true"));
	struct error error = {0};
	struct object *object = NULL;
	json_t *json = json_loads(text, 0, NULL);
	object_decode(&object, MODEL_POLICY, "acme", "p", json, false, &error);
	json_decref(json);
	return object; // NULL: no packet could match it
}

static char *document_of(const struct object *policy)
{
	json_t *json = object_encode(policy);
	char *text = json_dumps(json_object_get(json, "rules"), JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	return text;
}

static void test_equal(void **state)
{
	char *documents[RULES], *texts[RULES];
	size_t equal = 0, count = 0;
	(void)state;
	while (count < RULES) {
		struct object *policy = rule_draw();
		if (!policy)
			continue;
		documents[count] = document_of(policy);
		texts[count++] = rule_text(((const struct policy *)policy)->rules.items);
		object_unref(policy);
	}
	for (size_t i = 0; i < RULES; i++)
		for (size_t j = 0; j < i; j++) {
			bool same = !strcmp(documents[i], documents[j]);
			equal += same;
			if (same != !strcmp(texts[i], texts[j]))
				fail_msg("%s and %s", documents[i], documents[j]);
		}
	assert_true(equal > 50);
	for (size_t i = 0; i < RULES; i++) {
		free(documents[i]);
		free(texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
