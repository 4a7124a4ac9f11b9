// SPDX-License-Identifier: Apache-2.0
// Random batches: what the mirror says has changed, applied to what there was, is what there is.
#include "mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/memory.h"
#include "model/digest.h"

enum { NAMES = 12, STEPS = 4000 };

static struct object *wanted[NAMES]; // what the batches so far come to
static struct object *told[NAMES];   // what was told of them
static bool changed[NAMES];          // by this batch
static uint64_t revision;

static int at_random(int count)
{
	return rand() % count;
}

static struct object *make(int number, uint64_t at)
{
	struct object *object;
	struct error error = {0};
	char name[16];
	snprintf(name, sizeof(name), "n%d", number);
	json_t *fields = json_pack("{s:i}", "mtu", 1300 + (int)(at % 100));
	assert_int_equal(object_decode(&object, MODEL_NETWORK, "t", name, fields, true, &error), 0);
	object->revision = at;
	json_decref(fields);
	return object;
}

static void add_item(struct batch *batch, int number, struct object *object)
{
	char name[16];
	snprintf(name, sizeof(name), "n%d", number);
	struct batch_item item = {.kind = MODEL_NETWORK,
		.tenant = memory_text("t"),
		.name = memory_text(name),
		.object = object ? object_ref(object) : NULL};
	utarray_push_back(&batch->items, &item);
	object_unref(wanted[number]);
	wanted[number] = object;
}

static void hear(void *context, const struct topology_change *changes, size_t count)
{
	(void)context;
	memset(changed, 0, sizeof(changed));
	for (size_t i = 0; i < count; i++) {
		const struct object *any = changes[i].after ? changes[i].after : changes[i].before;
		int number = atoi(any->name + 1);
		assert_false(changed[number]); // once
		changed[number] = true;
		assert_ptr_equal(changes[i].before, told[number]);
		object_unref(told[number]);
		told[number] = changes[i].after ? object_ref(changes[i].after) : NULL;
	}
}

// Anew, or as it was: a snapshot says everything again, in objects of its own.
static void fill(struct batch *batch)
{
	if (batch->snapshot) {
		for (int number = 0; number < NAMES; number++) {
			uint64_t at = wanted[number] && at_random(4) ? wanted[number]->revision
								     : revision;
			if (at_random(3) == 0) {
				object_unref(wanted[number]);
				wanted[number] = NULL;
			} else {
				for (int times = at_random(2); times >= 0; times--)
					add_item(batch, number, make(number, at));
			}
		}
		return;
	}
	for (int items = at_random(8); items; items--) {
		int number = at_random(NAMES);
		add_item(batch, number, at_random(3) ? make(number, revision) : NULL);
	}
}

static const UT_icd item_icd = {sizeof(struct batch_item), NULL, NULL, NULL};

static void empty(struct batch *batch)
{
	struct batch_item *item = NULL;
	while ((item = utarray_next(&batch->items, item))) {
		free(item->tenant);
		free(item->name);
		object_unref(item->object);
	}
	utarray_done(&batch->items);
}

static void check(const struct mirror *mirror)
{
	uint64_t digest = 0;
	for (int number = 0; number < NAMES; number++) {
		char name[16];
		snprintf(name, sizeof(name), "n%d", number);
		assert_int_equal(mirror_find(mirror, MODEL_NETWORK, "t", name) != NULL,
			wanted[number] != NULL);
		assert_int_equal(!wanted[number], !told[number]);
		if (wanted[number])
			assert_true(object_equal(wanted[number], told[number]));
		digest += object_digest(wanted[number]);
	}
	assert_int_equal(mirror->digest, digest);
}

static void test_random(void **state)
{
	(void)state;
	struct mirror mirror = {0};
	for (int step = 0; step < STEPS; step++) {
		struct batch batch = {.snapshot = at_random(10) == 0, .history = "abc"};
		utarray_init(&batch.items, &item_icd);
		batch.revision = ++revision;
		fill(&batch);
		mirror_apply(&mirror, &batch, hear, NULL);
		empty(&batch);
		check(&mirror);
		assert_int_equal(mirror.revision, revision);
	}
	assert_string_equal(mirror.history, "abc");
	mirror_done(&mirror);
	for (int number = 0; number < NAMES; number++) {
		object_unref(wanted[number]);
		object_unref(told[number]);
	}
}

// A snapshot of what is there already tells nobody anything.
static void test_the_same_again(void **state)
{
	(void)state;
	struct mirror mirror = {0};
	for (int turn = 0; turn < 2; turn++) {
		struct batch batch = {.snapshot = true, .revision = 7};
		utarray_init(&batch.items, &item_icd);
		for (int number = 0; number < NAMES; number++)
			add_item(&batch, number, make(number, 5));
		mirror_apply(&mirror, &batch, hear, NULL);
		empty(&batch);
		for (int number = 0; number < NAMES; number++)
			assert_int_equal(changed[number], turn == 0);
	}
	mirror_done(&mirror);
	for (int number = 0; number < NAMES; number++) {
		object_unref(wanted[number]);
		object_unref(told[number]);
		wanted[number] = told[number] = NULL;
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_again),
		cmocka_unit_test(test_random),
	};
	unsigned seed = (unsigned)time(NULL);
	const char *given = getenv("WEFT_TEST_SEED");
	if (given)
		seed = (unsigned)strtoul(given, NULL, 10);
	printf("WEFT_TEST_SEED=%u\n", seed);
	srand(seed);
	return cmocka_run_group_tests_name("mirror", tests, NULL, NULL);
}
