// SPDX-License-Identifier: Apache-2.0
#include "reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "model/digest.h"
#include "view.h"

#define SNAPSHOT                                                                                   \
	"{\"type\":\"snapshot\",\"revision\":42}\n"                                                \
	"{\"type\":\"put\",\"object\":{\"kind\":\"host\",\"name\":\"h1\",\"revision\":40,"         \
	"\"vtep\":\"192.0.2.1\",\"key\":1}}\n"                                                     \
	"{\"type\":\"put\",\"object\":{\"kind\":\"network\",\"tenant\":\"acme\",\"name\":\"web\"," \
	"\"revision\":41,\"subnets\":[\"10.0.0.0/24\"],\"vni\":100}}\n"                            \
	"{\"type\":\"commit\",\"revision\":42}\n"
#define CHANGE                                                                              \
	"{\"type\":\"ping\"}\n\n"                                                           \
	"{\"type\":\"delete\",\"kind\":\"network\",\"tenant\":\"acme\",\"name\":\"web\"}\n" \
	"{\"type\":\"commit\",\"revision\":43}\n"

static char heard[1000];

// "snapshot 42: hosts/h1@40 acme/networks/web@41;"
static void hear(void *context, const struct batch *batch)
{
	(void)context;
	char path[OBJECT_PATH_TEXT];
	const struct batch_item *item = NULL;
	size_t used = strlen(heard);
	used += snprintf(heard + used, sizeof(heard) - used,
		"%s %llu:", batch->snapshot ? "snapshot" : "batch",
		(unsigned long long)batch->revision);
	while ((item = utarray_next(&batch->items, item))) {
		object_path_of(item->kind, item->tenant, item->name, path);
		used += snprintf(
			heard + used, sizeof(heard) - used, " %s%s", item->object ? "" : "-", path);
		if (item->object)
			used += snprintf(heard + used, sizeof(heard) - used, "@%llu",
				(unsigned long long)item->object->revision);
	}
	snprintf(heard + used, sizeof(heard) - used, ";");
}

static int feed(const char *text, struct error *error)
{
	struct reader reader;
	heard[0] = 0;
	reader_init(&reader, hear, NULL);
	int result = reader_feed(&reader, text, strlen(text), error);
	reader_done(&reader);
	return result;
}

static const char expected[] =
	"snapshot 42: hosts/h1@40 acme/networks/web@41;batch 43: -acme/networks/web;";

static void test_batches(void **state)
{
	(void)state;
	struct error error = {0};
	assert_int_equal(feed(SNAPSHOT CHANGE, &error), 0);
	assert_string_equal(heard, expected);
	// An empty network: a snapshot of nothing is a batch.
	assert_int_equal(feed("{\"type\":\"snapshot\",\"revision\":7}\n"
			      "{\"type\":\"commit\",\"revision\":7}\n",
				 &error),
		0);
	assert_string_equal(heard, "snapshot 7:;");
}

// However the bytes are cut into packets.
static void test_cuts(void **state)
{
	(void)state;
	const char text[] = SNAPSHOT CHANGE;
	size_t length = strlen(text);
	for (size_t first = 0; first <= length; first++) {
		struct error error = {0};
		struct reader reader;
		heard[0] = 0;
		reader_init(&reader, hear, NULL);
		assert_int_equal(reader_feed(&reader, text, first, &error), 0);
		for (size_t at = first; at < length; at += 7) {
			size_t part = length - at < 7 ? length - at : 7;
			assert_int_equal(reader_feed(&reader, text + at, part, &error), 0);
		}
		assert_string_equal(heard, expected);
		reader_done(&reader);
	}
}

static int hear_question(void *context, const char *type, json_t *question)
{
	(void)context;
	if (strcmp(type, "trace"))
		return -EPROTO;
	size_t used = strlen(heard);
	snprintf(heard + used, sizeof(heard) - used, "question %d;",
		(int)json_integer_value(json_object_get(question, "id")));
	return 0;
}

// Between batches and within them; a reader that has no ear for them passes over them.
static void test_questions(void **state)
{
	(void)state;
	static const char text[] =
		"{\"type\":\"trace\",\"id\":1}\n" SNAPSHOT "{\"type\":\"trace\",\"id\":2}\n" CHANGE;
	struct error error = {0};
	struct reader reader;
	assert_int_equal(feed(text, &error), 0);
	assert_string_equal(heard, expected);
	heard[0] = 0;
	reader_init(&reader, hear, NULL);
	reader.message = hear_question;
	assert_int_equal(reader_feed(&reader, text, strlen(text), &error), 0);
	assert_string_equal(heard,
		"question 1;snapshot 42: hosts/h1@40 acme/networks/web@41;question 2;"
		"batch 43: -acme/networks/web;");
	reader_done(&reader);
}

static void hear_claim(void *context, uint64_t digest)
{
	(void)context;
	size_t used = strlen(heard);
	snprintf(heard + used, sizeof(heard) - used, "claim %llx;", (unsigned long long)digest);
}

// Heard when the batch is complete, never for a part of one.
static void test_claims(void **state)
{
	(void)state;
	static const char ping[] = "{\"type\":\"ping\",\"digest\":\"00000000000000aa\"}\n";
	static const char begin[] = "{\"type\":\"snapshot\",\"revision\":7}\n";
	static const char end[] =
		"{\"type\":\"commit\",\"revision\":7,\"digest\":\"00000000000000bb\"}\n";
	static const char *const parts[] = {ping, begin, ping, end, ping};
	struct error error = {0};
	struct reader reader;
	heard[0] = 0;
	reader_init(&reader, hear, NULL);
	reader.claim = hear_claim;
	for (size_t i = 0; i < array_count(parts); i++)
		assert_int_equal(reader_feed(&reader, parts[i], strlen(parts[i]), &error), 0);
	assert_string_equal(heard, "snapshot 7:;claim bb;claim aa;");
	reader_done(&reader);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code;
		const char *message;
	} cases[] = {
		{"{\"type\":\"commit\",\"revision\":1}\n", EPROTO, "before a snapshot"},
		{"{\"type\":\"delete\",\"kind\":\"host\",\"name\":\"h\"}\n", EPROTO,
			"before a snapshot"},
		{"{\"type\":\"snapshot\"}\n{\"type\":\"commit\"}\n", EPROTO, "no revision"},
		{"{\"type\":\"snapshot\"}\n{\"type\":\"commit\",\"revision\":-1}\n", EPROTO,
			"no revision"},
		{"{\"type\":\"snapshot\n", EPROTO, "bad JSON"},
		{"{\"type\":\"snapshot\"}\n{\"type\":\"commit\",\"revision\":1,\"digest\":7}\n",
			EPROTO, "a digest that is none"},
		{"[1]\n", EPROTO, "no message"},
		{"{\"type\":\"dance\"}\n", EPROTO, "dance"},
		{"{\"type\":\"snapshot\"}\n{\"type\":\"put\"}\n", EPROTO, "without kind"},
		{"{\"type\":\"snapshot\"}\n{\"type\":\"delete\",\"kind\":\"cow\",\"name\":\"c\"}\n",
			EPROTO, "unknown kind cow"},
		{"{\"type\":\"snapshot\"}\n"
		 "{\"type\":\"delete\",\"kind\":\"port\",\"name\":\"p\"}\n",
			EPROTO, "without a tenant"},
		{"{\"type\":\"snapshot\"}\n"
		 "{\"type\":\"put\",\"object\":{\"kind\":\"host\",\"name\":\"h\",\"vtep\":7}}\n",
			EINVAL, ""},
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct error error = {0};
		assert_int_equal(feed(cases[i].text, &error), -cases[i].code);
		assert_int_equal(error.code, cases[i].code);
		if (!strstr(error.message, cases[i].message))
			fail_msg("%s: %s", cases[i].text, error.message);
		if (!strstr(cases[i].text, "digest"))
			assert_string_equal(heard, "");
	}
}

static void test_endless_line(void **state)
{
	(void)state;
	struct error error = {0};
	struct reader reader;
	char part[4096];
	int result = 0;
	size_t sent = 0;
	memset(part, 'x', sizeof(part));
	reader_init(&reader, hear, NULL);
	while (!result && sent <= READER_LINE_MAX) {
		result = reader_feed(&reader, part, sizeof(part), &error);
		sent += sizeof(part);
	}
	assert_int_equal(result, -EFBIG);
	reader_done(&reader);
}

// A connection that broke inside a batch leaves nothing behind.
static void test_reset(void **state)
{
	(void)state;
	struct error error = {0};
	struct reader reader;
	const char text[] = SNAPSHOT CHANGE;
	heard[0] = 0;
	reader_init(&reader, hear, NULL);
	reader_feed(&reader, text, strlen(text) / 3, &error);
	reader_reset(&reader, false);
	assert_int_equal(reader_feed(&reader, text, strlen(text), &error), 0);
	assert_string_equal(heard, expected);
	// And the next connection has to begin with a snapshot again.
	reader_reset(&reader, false);
	assert_int_equal(reader_feed(&reader, CHANGE, strlen(CHANGE), &error), -EPROTO);
	// Unless the host has said what it holds.
	reader_reset(&reader, true);
	heard[0] = 0;
	assert_int_equal(reader_feed(&reader, CHANGE, strlen(CHANGE), &error), 0);
	assert_string_equal(heard, "batch 43: -acme/networks/web;");
	reader_done(&reader);
}

// What a batch has brought is void when a snapshot begins.
static void test_snapshot_inside_a_batch(void **state)
{
	(void)state;
	static const char part[] =
		"{\"type\":\"delete\",\"kind\":\"network\",\"tenant\":\"acme\",\"name\":\"db\"}\n"
		"{\"type\":\"put\",\"object\":{\"kind\":\"tenant\",\"name\":\"t9\"}}\n";
	static const char history[] = "{\"type\":\"snapshot\",\"revision\":8,\"history\":\"ab\"}\n";
	struct error error = {0};
	struct reader reader;
	heard[0] = 0;
	reader_init(&reader, hear, NULL);
	reader_reset(&reader, true);
	assert_int_equal(reader_feed(&reader, part, strlen(part), &error), 0);
	assert_int_equal(reader_feed(&reader, history, strlen(history), &error), 0);
	assert_string_equal(reader.batch.history, "ab");
	assert_int_equal(reader_feed(&reader, part, strlen(part), &error), 0);
	assert_int_equal(reader_feed(&reader, SNAPSHOT CHANGE, strlen(SNAPSHOT CHANGE), &error), 0);
	assert_string_equal(heard, expected);
	assert_string_equal(reader.batch.history, "");
	reader_done(&reader);
}

// ---- the view ----

struct world {
	struct view view;
	struct compiler *compiler;
};

static int ignore_row(void *context, const struct row_change *change)
{
	(void)context;
	(void)change;
	return 0;
}

static void take(void *context, const struct batch *batch)
{
	struct world *world = context;
	view_apply(&world->view, batch, world->compiler);
	compiler_flush(world->compiler, ignore_row, NULL);
}

static const struct object *find_in_world(
	void *context, enum model_kind kind, const char *tenant, const char *name)
{
	const struct world *world = context;
	return view_find(&world->view, kind, tenant, name);
}

#define PATCH(base, operations)                                                          \
	"{\"type\":\"patch\",\"kind\":\"network\",\"tenant\":\"acme\",\"name\":\"web\"," \
	"\"base\":" #base ",\"revision\":43,\"patch\":[" operations "]}\n"               \
	"{\"type\":\"commit\",\"revision\":43}\n"
#define ANOTHER_SUBNET "{\"op\":\"add\",\"path\":\"/subnets/1\",\"value\":\"fd00::/64\"}"

// What differs of an object, from just what is held.
static void test_patch(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		PATCH(40, ANOTHER_SUBNET),
		PATCH("41", ANOTHER_SUBNET),
		PATCH(41, "{\"op\":\"add\",\"path\":\"/subnets/2\",\"value\":\"fd00::/64\"}"),
		PATCH(41, "{\"op\":\"replace\",\"path\":\"/subnets/0\",\"value\":\"ff00::/64\"}"),
		"{\"type\":\"patch\",\"kind\":\"network\",\"tenant\":\"acme\",\"name\":\"db\","
		"\"base\":41,\"revision\":43,\"patch\":[]}\n",
		"{\"type\":\"patch\",\"kind\":\"network\",\"tenant\":\"acme\",\"name\":\"web\","
		"\"base\":41,\"patch\":[]}\n",
	};
	static const char right[] = PATCH(41, ANOTHER_SUBNET);
	struct world world = {0};
	struct reader reader;
	struct error error = {0};
	compiler_new(&world.compiler, "h1");
	reader_init(&reader, take, &world);
	assert_int_equal(reader_feed(&reader, SNAPSHOT, strlen(SNAPSHOT), &error), 0);
	assert_int_equal(reader_feed(&reader, right, strlen(right), &error), -EPROTO);
	reader.find = find_in_world;
	for (size_t i = 0; i < array_count(wrong); i++) {
		error = (struct error){0};
		reader_reset(&reader, true);
		assert_true(reader_feed(&reader, wrong[i], strlen(wrong[i]), &error) < 0);
		assert_true(error.message[0]);
		assert_int_equal(world.view.revision, 42);
	}
	error = (struct error){0};
	reader_reset(&reader, true);
	assert_int_equal(reader_feed(&reader, right, strlen(right), &error), 0);
	const struct network *network =
		(const struct network *)view_find(&world.view, MODEL_NETWORK, "acme", "web");
	assert_int_equal(network->object.revision, 43);
	assert_int_equal(network->subnets.count, 2);
	assert_int_equal(network->vni, 100);
	reader_done(&reader);
	view_done(&world.view);
	compiler_free(world.compiler);
}

static void test_view(void **state)
{
	(void)state;
	struct error error = {0};
	struct world world = {0};
	struct reader reader;
	compiler_new(&world.compiler, "h1");
	reader_init(&reader, take, &world);
	assert_int_equal(reader_feed(&reader, SNAPSHOT, strlen(SNAPSHOT), &error), 0);
	assert_non_null(view_find(&world.view, MODEL_NETWORK, "acme", "web"));
	assert_int_equal(compiler_count(world.compiler, DP_TABLE_NETWORK), 1);
	assert_int_equal(world.view.revision, 42);
	assert_int_equal(reader_feed(&reader, CHANGE, strlen(CHANGE), &error), 0);
	assert_null(view_find(&world.view, MODEL_NETWORK, "acme", "web"));
	assert_int_equal(compiler_count(world.compiler, DP_TABLE_NETWORK), 0);

	// The next snapshot replaces everything, also what it does not mention.
	reader_reset(&reader, false);
	assert_int_equal(reader_feed(&reader, SNAPSHOT, strlen(SNAPSHOT), &error), 0);
	const char other[] =
		"{\"type\":\"snapshot\",\"revision\":50}\n"
		"{\"type\":\"put\",\"object\":{\"kind\":\"network\",\"tenant\":\"acme\","
		"\"name\":\"db\",\"vni\":101}}\n"
		"{\"type\":\"commit\",\"revision\":50}\n";
	reader_reset(&reader, false);
	assert_int_equal(reader_feed(&reader, other, strlen(other), &error), 0);
	assert_null(view_find(&world.view, MODEL_NETWORK, "acme", "web"));
	assert_null(view_find(&world.view, MODEL_HOST, NULL, "h1"));
	assert_non_null(view_find(&world.view, MODEL_NETWORK, "acme", "db"));
	uint32_t old = 100, new = 101;
	assert_null(compiler_row(world.compiler, DP_TABLE_NETWORK, &old));
	assert_non_null(compiler_row(world.compiler, DP_TABLE_NETWORK, &new));
	assert_int_equal(compiler_count(world.compiler, DP_TABLE_CONFIG), 0);
	assert_int_equal(world.view.digest,
		object_digest(view_find(&world.view, MODEL_NETWORK, "acme", "db")));
	reader_done(&reader);
	view_done(&world.view);
	compiler_free(world.compiler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_snapshot_inside_a_batch),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_patch),
	};
	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
