// SPDX-License-Identifier: Apache-2.0
#include "writes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/memory.h"
#include "commit.h"
#include "follow.h"
#include "loop.h"
#include "news.h"

enum {
	WRITES_MAXIMUM = 4096, // that wait
	PATIENCE_MS = 10000,   // with a store that does not say, or others that are always faster
	RESOLVE_MS = 200,      // between two questions to such a store
	ID_TEXT = 48,
};

struct write {
	struct controller *controller;
	struct request *request; // NULL: the client has left
	handler handle;
	struct target target;
	uint64_t number; // they are numbered as they come
	char id[ID_TEXT];
	uint64_t deadline; // from its first turn on; monotonic milliseconds
	bool fresh; // judged on a state that nobody else has written to since the request came
	struct commit *commit;
	unsigned attempts; // to store it
	struct sought sought;
	struct write *prev, *next;
};

struct writes {
	uint64_t instance; // of this controller: no two have the same
	uint64_t count;
	struct write *waiting, *current;
	uint64_t asked; // the newest that had come when the store was last asked for news
	size_t waiting_count;
	uv_timer_t *resolve;
	bool ending;
};

// ---- the end of a write ----

// The request is answered, or nobody waits for the answer.
static void finish(struct write *write)
{
	if (write->request)
		write->request->done = NULL;
	write->controller->writes->current = NULL;
	write->controller->sought = NULL;
	commit_free(write->commit);
	free(write);
}

static void succeed(struct write *write, uint64_t revision)
{
	if (write->request) {
		json_t *answer = commit_answer(write->commit, revision);
		json_int_t created = json_integer_value(json_object_get(answer, "created"));
		request_answer(write->request, created ? 201 : 200, answer);
	}
	finish(write);
}

static void refuse(struct write *write, const struct error *error)
{
	if (write->request)
		request_refuse(write->request, error);
	finish(write);
}

static void give_up(struct write *write, int code, const char *message)
{
	struct error error = {0};
	error_set(&error, code, "%s", message);
	refuse(write, &error);
}

// It was found in the store. Each attempt makes the same of a request, save for what is drawn at
// random and shown once: which of several is in is not known.
static void succeed_after_all(struct write *write)
{
	if (write->attempts > 1 && write->request && write->request->addition)
		give_up(write, ETIMEDOUT,
			"it is written, but not with the secret that would be answered: issue "
			"another");
	else
		succeed(write, write->sought.revision);
}

static bool out_of_patience(const struct write *write)
{
	return write->controller->writes->ending || clock_monotonic_ms() >= write->deadline;
}

// ---- its turn ----

static void next(struct controller *controller);
static void judged_too_early(void *context, int rc, const struct error *error);

static void write_left(void *context)
{
	struct write *write = context;
	struct writes *writes = write->controller->writes;
	write->request = NULL;
	if (write == writes->current)
		return;
	DL_DELETE(writes->waiting, write);
	writes->waiting_count--;
	free(write);
}

static void await(struct write *write)
{
	write->request->done = write_left;
	write->request->done_context = write;
	request_park(write->request);
}

static void take_turn(struct write *write)
{
	struct controller *controller = write->controller;
	if (!follow_reaches(controller, NULL)) {
		give_up(write, EAGAIN, "nothing was changed: the store cannot be reached");
		return;
	}
	write->handle(controller, write->request, &write->target);
	if (write->commit)
		return;
	if (write->fresh || controller_alone(controller)) {
		finish(write);
		return;
	}
	// It is refused, or changes nothing; others may have written what makes it otherwise.
	request_retract(write->request);
	await(write);
	controller->writes->asked = controller->writes->count;
	follow_now(controller, judged_too_early, write);
}

// On a state that it has not been judged on.
static void take_another_turn(struct write *write)
{
	commit_free(steal(write->commit));
	write->fresh = true;
	if (write->request)
		take_turn(write);
	else
		finish(write);
}

static void judged_too_early(void *context, int rc, const struct error *error)
{
	struct write *write = context;
	struct controller *controller = write->controller;
	struct write *other;
	// What has been asked for one is known for all that had come by then.
	DL_FOREACH (controller->writes->waiting, other)
		other->fresh = other->fresh || (!rc && other->number <= controller->writes->asked);
	if (rc < 0)
		refuse(write, error);
	else
		take_another_turn(write);
	next(controller);
}

// ---- what the store says ----

static void found_out(void *context, int rc, const struct error *error);

static void find_out(struct write *write)
{
	follow_now(write->controller, found_out, write);
}

static void on_resolve(uv_timer_t *timer)
{
	struct controller *controller = timer->data;
	find_out(controller->writes->current);
}

static void found_out(void *context, int rc, const struct error *error)
{
	(void)error;
	struct write *write = context;
	struct controller *controller = write->controller;
	if (write->sought.revision)
		succeed_after_all(write);
	else if (!rc)
		take_another_turn(write);
	else if (write->request && !out_of_patience(write))
		uv_timer_start(controller->writes->resolve, on_resolve, RESOLVE_MS, 0);
	else
		give_up(write, ETIMEDOUT,
			"the store took it and does not answer: it may be written or not, now or "
			"later");
	next(controller);
}

static void ended(void *context, int rc, const struct error *error)
{
	struct write *write = context;
	struct controller *controller = write->controller;
	if (write->sought.revision)
		succeed_after_all(write);
	else if (!rc)
		succeed(write, commit_revision(write->commit));
	else if (rc == -ESTALE && out_of_patience(write))
		give_up(write, EAGAIN, "nothing was changed: others write all the time");
	else if (rc == -ESTALE)
		take_another_turn(write);
	else if (rc == -ETIMEDOUT)
		find_out(write);
	else
		refuse(write, error);
	if (rc == -EAGAIN)
		follow_doubt(controller);
	next(controller);
}

void writes_store(struct controller *controller, struct transaction *transaction)
{
	struct write *write = controller->writes->current;
	write->attempts++;
	write->commit =
		commit_start(controller, write->request, transaction, write->id, ended, write);
	await(write);
}

// ---- the queue ----

static void next(struct controller *controller)
{
	struct writes *writes = controller->writes;
	while (!writes->current && writes->waiting) {
		struct write *write = writes->waiting;
		DL_DELETE(writes->waiting, write);
		writes->waiting_count--;
		writes->current = write;
		controller->sought = &write->sought;
		write->deadline = clock_monotonic_ms() + PATIENCE_MS;
		take_turn(write);
	}
}

void writes_handle(struct controller *controller, struct request *request, handler handle,
	const struct target *target)
{
	struct writes *writes = controller->writes;
	if (writes->ending || writes->waiting_count == WRITES_MAXIMUM) {
		struct error error = {0};
		error_set(&error, EAGAIN, "%zu writes wait already; try again later",
			writes->waiting_count);
		request_refuse_as(request, PROBLEM_OVERLOADED, &error);
		return;
	}
	struct write *write = memory_new(sizeof(*write));
	write->controller = controller;
	write->request = request;
	write->handle = handle;
	write->target = *target;
	write->number = ++writes->count;
	snprintf(write->id, sizeof(write->id), "%016" PRIx64 "-%" PRIu64, writes->instance,
		write->number);
	write->sought.id = write->id;
	DL_APPEND(writes->waiting, write);
	writes->waiting_count++;
	if (writes->current)
		await(write);
	else
		next(controller);
}

void writes_start(struct controller *controller)
{
	struct writes *writes = memory_new(sizeof(*writes));
	while (getrandom(&writes->instance, sizeof(writes->instance), 0) < 0 && errno == EINTR)
		;
	writes->resolve = memory_new(sizeof(*writes->resolve));
	writes->resolve->data = controller;
	uv_timer_init(controller->loop, writes->resolve);
	controller->writes = writes;
}

void writes_end(struct controller *controller)
{
	struct writes *writes = controller->writes;
	struct error error = {0};
	error_set(&error, EAGAIN, "nothing was changed: the controller stops");
	writes->ending = true;
	while (writes->waiting) {
		struct write *write = writes->waiting;
		DL_DELETE(writes->waiting, write);
		writes->waiting_count--;
		write->request->done = NULL;
		request_refuse(write->request, &error);
		free(write);
	}
	// The one whose outcome is to be asked for is asked for no more.
	if (writes->current && uv_is_active((uv_handle_t *)writes->resolve)) {
		uv_timer_stop(writes->resolve);
		find_out(writes->current);
	}
}

void writes_free(struct controller *controller)
{
	struct writes *writes = steal(controller->writes);
	loop_close(writes->resolve);
	free(writes);
}
