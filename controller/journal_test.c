// SPDX-License-Identifier: Apache-2.0
#include "journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

enum { JOBS = 200 };

struct test_job {
	struct journal_job job; // first
	struct journal *journal;
	uv_thread_t *loop_thread;
	unsigned number, *next, generation;
	uint64_t revision;
};

static void work(struct journal_job *job, struct store *store)
{
	struct test_job *self = (struct test_job *)job;
	struct store_operation operation = {"key", "value", 5};
	uv_thread_t thread = uv_thread_self();
	if (!uv_thread_equal(&thread, self->loop_thread))
		store_commit(store, NULL, 0, &operation, 1, &self->revision, NULL);
}

// In the order of submission, on the loop's thread, after its work; and it may submit another.
static void done(struct journal_job *job)
{
	struct test_job *self = (struct test_job *)job;
	uv_thread_t thread = uv_thread_self();
	assert_true(uv_thread_equal(&thread, self->loop_thread));
	assert_int_equal(self->number, (*self->next)++);
	assert_int_equal(self->revision, self->number + 1);
	if (self->generation--) {
		self->number += JOBS;
		journal_submit(self->journal, &self->job);
	} else {
		free(self);
	}
}

// `turns`: how often the loop runs before the journal stops, which has to bring all to an end.
static void run_jobs(unsigned turns)
{
	uv_loop_t loop;
	struct store *store;
	struct journal *journal;
	unsigned next = 0;
	uv_thread_t thread = uv_thread_self();
	uv_loop_init(&loop);
	assert_int_equal(store_open(&store, "sqlite::memory:", NULL), 0);
	assert_int_equal(journal_start(&journal, &loop, store, NULL), 0);
	for (unsigned i = 0; i < JOBS; i++) {
		struct test_job *job = memory_new(sizeof(*job));
		*job = (struct test_job){
			{.work = work, .done = done}, journal, &thread, i, &next, 2};
		journal_submit(journal, &job->job);
	}
	while (turns-- && next < 3 * JOBS)
		uv_run(&loop, UV_RUN_ONCE);
	journal_stop(journal);
	assert_int_equal(next, 3 * JOBS);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_order(void **state)
{
	(void)state;
	run_jobs(3 * JOBS);
}

static void test_stop(void **state)
{
	(void)state;
	run_jobs(0);
	run_jobs(1);
}

struct gate {
	struct journal_job job; // first
	uv_sem_t open;
};

static void wait_at_gate(struct journal_job *job, struct store *store)
{
	(void)store;
	uv_sem_wait(&((struct gate *)job)->open);
}

static void gate_done(struct journal_job *job)
{
	(void)job;
}

struct note {
	struct journal_job job; // first
	char letter, *text;
};

static void do_nothing(struct journal_job *job, struct store *store)
{
	(void)job, (void)store;
}

static void write_letter(struct journal_job *job)
{
	struct note *note = (struct note *)job;
	size_t length = strlen(note->text);
	note->text[length] = note->letter;
}

// Urgent ones overtake the others, and not each other.
static void test_urgent(void **state)
{
	(void)state;
	uv_loop_t loop;
	struct store *store;
	struct journal *journal;
	char text[8] = "";
	struct gate gate = {.job = {.work = wait_at_gate, .done = gate_done, .urgent = true}};
	struct note notes[6] = {{.letter = 'd'}, {.letter = 'A'}, {.letter = 'e'}, {.letter = 'B'},
		{.letter = 'C'}, {.letter = 'f'}};
	uv_sem_init(&gate.open, 0);
	uv_loop_init(&loop);
	assert_int_equal(store_open(&store, "sqlite::memory:", NULL), 0);
	assert_int_equal(journal_start(&journal, &loop, store, NULL), 0);
	journal_submit(journal, &gate.job);
	for (size_t i = 0; i < array_count(notes); i++) {
		notes[i].job = (struct journal_job){
			.work = do_nothing, .done = write_letter, .urgent = notes[i].letter < 'a'};
		notes[i].text = text;
		journal_submit(journal, &notes[i].job);
	}
	uv_sem_post(&gate.open);
	journal_stop(journal);
	assert_string_equal(text, "ABCdef");
	uv_sem_destroy(&gate.open);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_nothing_to_do(void **state)
{
	(void)state;
	uv_loop_t loop;
	struct store *store;
	struct journal *journal;
	uv_loop_init(&loop);
	assert_int_equal(store_open(&store, "sqlite::memory:", NULL), 0);
	assert_int_equal(journal_start(&journal, &loop, store, NULL), 0);
	journal_stop(journal);
	journal_stop(NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_nothing_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
