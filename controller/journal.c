// SPDX-License-Identifier: Apache-2.0
#include "journal.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/memory.h"
#include "loop.h"

struct journal {
	struct store *store;
	uv_async_t *finished; // jobs wait in `back`
	uv_thread_t thread;
	// Under the lock:
	uv_mutex_t lock;
	uv_cond_t changed;
	struct journal_job *out, *back;
	bool working, stopping;
};

// ---- the store's thread ----

static void run(void *context)
{
	struct journal *journal = context;
	uv_mutex_lock(&journal->lock);
	while (true) {
		while (!journal->out && !journal->stopping)
			uv_cond_wait(&journal->changed, &journal->lock);
		struct journal_job *job = journal->out;
		if (!job)
			break;
		DL_DELETE(journal->out, job);
		journal->working = true;
		uv_mutex_unlock(&journal->lock);
		job->work(job, journal->store);
		uv_mutex_lock(&journal->lock);
		journal->working = false;
		DL_APPEND(journal->back, job);
		uv_cond_broadcast(&journal->changed);
		uv_async_send(journal->finished);
	}
	uv_mutex_unlock(&journal->lock);
}

// ---- the loop's ----

// One at a time: `done` may submit more.
static bool take_back(struct journal *journal)
{
	uv_mutex_lock(&journal->lock);
	struct journal_job *job = journal->back;
	if (job)
		DL_DELETE(journal->back, job);
	uv_mutex_unlock(&journal->lock);
	if (job)
		job->done(job);
	return job;
}

static void on_finished(uv_async_t *async)
{
	while (take_back(async->data))
		;
}

int journal_start(struct journal **out, uv_loop_t *loop, struct store *store, struct error *error)
{
	struct journal *journal = memory_new(sizeof(*journal));
	journal->store = store;
	uv_mutex_init(&journal->lock);
	uv_cond_init(&journal->changed);
	journal->finished = memory_new(sizeof(*journal->finished));
	int rc = uv_async_init(loop, journal->finished, on_finished);
	if (rc) {
		free(steal(journal->finished));
	} else {
		journal->finished->data = journal;
		rc = uv_thread_create(&journal->thread, run, journal);
	}
	if (rc) {
		loop_close(journal->finished);
		uv_cond_destroy(&journal->changed);
		uv_mutex_destroy(&journal->lock);
		store_close(store);
		free(journal);
		return error_set(
			error, -rc, "cannot start the thread of the store: %s", uv_strerror(rc));
	}
	*out = journal;
	return 0;
}

void journal_submit(struct journal *journal, struct journal_job *job)
{
	uv_mutex_lock(&journal->lock);
	struct journal_job *before = journal->out;
	while (before && (before->urgent || !job->urgent))
		before = before->next;
	DL_PREPEND_ELEM(journal->out, before, job);
	uv_cond_broadcast(&journal->changed);
	uv_mutex_unlock(&journal->lock);
}

// Until nothing is under way any more.
static void drain(struct journal *journal)
{
	bool idle = false;
	while (!idle) {
		uv_mutex_lock(&journal->lock);
		while (!journal->back && (journal->out || journal->working))
			uv_cond_wait(&journal->changed, &journal->lock);
		idle = !journal->back;
		uv_mutex_unlock(&journal->lock);
		take_back(journal);
	}
}

void journal_stop(struct journal *journal)
{
	if (!journal)
		return;
	drain(journal);
	uv_mutex_lock(&journal->lock);
	journal->stopping = true;
	uv_cond_broadcast(&journal->changed);
	uv_mutex_unlock(&journal->lock);
	uv_thread_join(&journal->thread);
	store_close(journal->store);
	loop_close(journal->finished);
	uv_cond_destroy(&journal->changed);
	uv_mutex_destroy(&journal->lock);
	free(journal);
}
