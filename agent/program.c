// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <string.h>
#include <utarray.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"

struct failure {
	char *path; // of the object
	char *message;
	UT_hash_handle hh;
};

struct program {
	struct datapath *datapath;
	struct compiler *compiler;
	struct failure *failures; // hash by path
	bool checked;             // the kernel's rows were once all as they should be
	uint64_t repairs;
	struct error *error;    // of the running call
	struct error row_error; // empty between rows: to clear it takes longer than to write one
};

static void failures_clear(struct program *program)
{
	struct failure *failure, *next;
	HASH_ITER (hh, program->failures, failure, next) {
		HASH_DEL(program->failures, failure);
		free(failure->path);
		free(failure->message);
		free(failure);
	}
}

static void failure_add(struct program *program, const char *path, const char *message)
{
	struct failure *failure;
	HASH_FIND_STR(program->failures, path, failure);
	if (failure)
		return;
	failure = memory_new(sizeof(*failure));
	failure->path = memory_text(path);
	failure->message = memory_text(message);
	HASH_ADD_KEYPTR(hh, program->failures, failure->path, strlen(failure->path), failure);
}

// ---- writing ----

static int write_change(
	struct datapath *datapath, const struct row_change *change, struct error *error)
{
	if (!change->key)
		return datapath_settle(datapath, error);
	if (!change->value)
		return datapath_remove(datapath, change->table, change->key, error);
	return datapath_put(datapath, change->table, change->key, change->value, error);
}

static int write_row(void *context, const struct row_change *change)
{
	struct program *program = context;
	struct error *error = &program->row_error;
	int result = write_change(program->datapath, change, error);
	if (!result)
		return 0;
	failure_add(program, change->object, error->message);
	error_set_object(error, "%s", change->object);
	if (program->error && !program->error->code)
		*program->error = *error;
	*error = (struct error){0};
	return result;
}

// ---- reading back ----

struct check {
	struct program *program;
	enum dp_table table;
	UT_array right;  // keys whose rows are as they should be; filled only where asked
	UT_array excess; // keys of rows that should not be there
	size_t right_count;
	bool keep_right;
	size_t repaired;
};

// Is the row as the compiler says?
static int check_row(void *context, const void *key, const void *value)
{
	struct check *check = context;
	const void *wanted = compiler_row(check->program->compiler, check->table, key);
	if (!wanted) {
		if (!check->keep_right)
			utarray_push_back(&check->excess, key);
	} else if (!memcmp(wanted, value, datapath_value_size(check->table))) {
		check->right_count++;
		if (check->keep_right)
			utarray_push_back(&check->right, key);
	}
	return 0;
}

static int compare_keys(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const size_t *)size);
}

static bool is_right(const struct check *check, const void *key)
{
	size_t size = datapath_key_size(check->table);
	size_t low = 0, high = utarray_len(&check->right);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(key, check->right.d + middle * size, size);
		if (!order)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static int write_if_wrong(void *context, const struct row_change *change)
{
	struct check *check = context;
	if (change->table != check->table || is_right(check, change->key))
		return 0;
	check->repaired++;
	// Go on after a failure: it is noted, and the others are worth as much.
	write_row(check->program, change);
	return 0;
}

// Put the rows that are missing or differ, and collect those that are in excess. Most of the time
// all is right, so the first walk only counts.
static int check_table(struct check *check)
{
	struct program *program = check->program;
	size_t size = datapath_key_size(check->table);
	int result =
		datapath_each(program->datapath, check->table, check_row, check, program->error);
	if (result || check->right_count == compiler_count(program->compiler, check->table))
		return result;
	check->keep_right = true;
	result = datapath_each(program->datapath, check->table, check_row, check, program->error);
	if (result)
		return result;
	if (check->right.i)
		qsort_r(check->right.d, check->right.i, size, compare_keys, &size);
	return compiler_rows(program->compiler, write_if_wrong, check);
}

static void remove_excess(struct check *check)
{
	for (size_t i = 0; i < utarray_len(&check->excess); i++) {
		struct row_change change = {
			.table = check->table,
			.key = utarray_eltptr(&check->excess, i),
			.object = "rows that no object asks for",
		};
		check->repaired++;
		write_row(check->program, &change);
	}
}

static void check_init(struct check *check, struct program *program, enum dp_table table)
{
	UT_icd key_icd = {datapath_key_size(table), NULL, NULL, NULL};
	*check = (struct check){.program = program, .table = table};
	utarray_init(&check->right, &key_icd);
	utarray_init(&check->excess, &key_icd);
}

static void check_done(struct check *check)
{
	utarray_done(&check->right);
	utarray_done(&check->excess);
}

struct found {
	struct compiler *compiler;
	enum dp_table table;
};

static int take_found(void *context, const void *key, const void *value)
{
	const struct found *found = context;
	compiler_found(found->compiler, found->table, key, value);
	return 0;
}

// Tell the compiler what the datapath holds, so that the next flush writes the differences.
static int read_all(struct program *program)
{
	int result = 0;
	compiler_forget(program->compiler);
	for (int table = 0; table < DP_TABLE_COUNT && !result; table++) {
		struct found found = {program->compiler, table};
		result =
			datapath_each(program->datapath, table, take_found, &found, program->error);
	}
	program->checked = !result;
	return result;
}

int program_apply(struct program *program, struct error *error)
{
	struct error local = {0};
	program->error = &local;
	failures_clear(program);
	if (program->checked || !read_all(program))
		compiler_flush(program->compiler, write_row, program);
	program->error = NULL;
	if (local.code && error)
		*error = local;
	return -local.code;
}

int program_audit(struct program *program, enum dp_table table, struct error *error)
{
	struct error local = {0};
	struct check check;
	if (!program->checked)
		return 0;
	program->error = &local;
	check_init(&check, program, table);
	check_table(&check);
	remove_excess(&check);
	int repaired = check.repaired;
	program->repairs += repaired;
	if (repaired)
		log_warning("table %s: %d rows were not as written, repaired",
			datapath_table_name(table), repaired);
	check_done(&check);
	program->error = NULL;
	if (!local.code)
		return repaired;
	program->checked = false;
	if (error)
		*error = local;
	return -local.code;
}

// ---- life, questions ----

void program_new(struct program **out, struct datapath *datapath, struct compiler *compiler)
{
	struct program *program = memory_new(sizeof(*program));
	program->datapath = datapath;
	program->compiler = compiler;
	*out = program;
}

void program_free(struct program *program)
{
	if (program)
		failures_clear(program);
	free(program);
}

bool program_failed(const struct program *program)
{
	return program->failures;
}

const char *program_failure(const struct program *program, const char *path)
{
	const struct failure *failure;
	HASH_FIND_STR(program->failures, path, failure);
	return failure ? failure->message : NULL;
}

uint64_t program_repairs(const struct program *program)
{
	return program->repairs;
}
