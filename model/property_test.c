// SPDX-License-Identifier: Apache-2.0
// Properties of the catalog that hold for any transactions, held against random ones.
#include "model/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "catalog_fixture.h"
#include "state.h"

enum { LINES_MAXIMUM = 6, ROUNDS = 6000 };

static unsigned below(unsigned limit)
{
	return (unsigned)rand() % limit;
}

static const char *random_subnets(void)
{
	static const char *const choices[] = {"'10.0.0.0/29'", "'10.0.0.0/28','fd00::/64'",
		"'10.0.0.0/30','10.0.0.8/29'", "'fd00::/64'", "", "'10.0.0.0/24'"};
	return choices[below(array_count(choices))];
}

static void random_port(char *line, size_t size)
{
	char extra[256] = "";
	size_t used = 0;
	if (!below(3))
		used += (size_t)snprintf(extra + used, sizeof(extra) - used,
			", 'addresses': ['10.0.0.%u']", below(18));
	if (!below(4))
		used += (size_t)snprintf(extra + used, sizeof(extra) - used,
			", 'mac': '02:00:00:00:00:%02x'", below(12));
	if (!below(3))
		used += (size_t)snprintf(
			extra + used, sizeof(extra) - used, ", 'host': 'h%u'", below(3));
	if (!below(4))
		used += (size_t)snprintf(
			extra + used, sizeof(extra) - used, ", 'device': 'tap%u'", below(3));
	if (!below(4))
		snprintf(extra + used, sizeof(extra) - used, ", 'labels': {'l': '%u'}", below(3));
	snprintf(line, size, "put t%u/ports/p%u {'network': 'n%u'%s}", below(2), below(8), below(2),
		extra);
}

static void random_router(char *line, size_t size)
{
	static const char *const networks[] = {"'n0'", "'n1'", "'n0', 'n1'",
		"{'network': 'n0', 'addresses': ['10.0.0.3']}",
		"{'network': 'n1', 'addresses': ['10.0.0.9']}, 'n0'"};
	static const char *const routes[] = {"", "", "{'to': '0.0.0.0/0', 'via': ['10.0.0.2']}",
		"{'to': '::/0', 'via': ['fd00::2']}"};
	if (!below(3))
		snprintf(line, size, "delete t%u/routers/r%u", below(2), below(2));
	else
		snprintf(line, size, "put t%u/routers/r%u {'networks': [%s], 'routes': [%s]}",
			below(2), below(2), networks[below(array_count(networks))],
			routes[below(array_count(routes))]);
}

static void random_policy(char *line, size_t size)
{
	switch (below(4)) {
	case 0:
		snprintf(line, size, "delete t%u/address_sets/s%u", below(2), below(2));
		break;
	case 1:
		snprintf(line, size, "delete t%u/policies/f", below(2));
		break;
	case 2:
		snprintf(line, size, "put t%u/address_sets/s%u {'addresses': ['10.%u.0.0/16']}",
			below(2), below(2), below(3));
		break;
	default:
		snprintf(line, size,
			"put t%u/policies/f {'rules': [{'action': 'drop', 'from': 'set:s%u'}]}",
			below(2), below(2));
	}
}

static void random_line(char *line, size_t size)
{
	switch (below(13)) {
	case 10:
	case 11:
		random_router(line, size);
		break;
	case 12:
		random_policy(line, size);
		break;
	case 0:
		snprintf(line, size, "put tenants/t%u {}", below(2));
		break;
	case 1:
		snprintf(
			line, size, "put hosts/h%u {'vtep': '192.0.2.%u'}", below(3), 1 + below(3));
		break;
	case 2:
		snprintf(line, size, "put t%u/networks/n%u {'subnets': [%s]}", below(2), below(2),
			random_subnets());
		break;
	case 3:
		snprintf(line, size, "delete t%u/ports/p%u", below(2), below(8));
		break;
	case 4:
		switch (below(4)) {
		case 0:
			snprintf(line, size, "delete tenants/t%u", below(2));
			break;
		case 1:
			snprintf(line, size, "delete hosts/h%u", below(3));
			break;
		default:
			snprintf(line, size, "delete t%u/networks/n%u", below(2), below(2));
		}
		break;
	default:
		random_port(line, size);
	}
}

struct lines {
	char text[LINES_MAXIMUM][400];
	const char *at[LINES_MAXIMUM];
	size_t count;
};

static void random_lines(struct lines *lines)
{
	lines->count = 1 + below(LINES_MAXIMUM);
	for (size_t i = 0; i < lines->count; i++) {
		random_line(lines->text[i], sizeof(lines->text[i]));
		lines->at[i] = lines->text[i];
	}
}

static void start(struct catalog **out)
{
	static const char *const lines[] = {"put tenants/t0 {}", "put tenants/t1 {}",
		"put hosts/h0 {'vtep': '192.0.2.1'}",
		"put t0/networks/n0 {'subnets': ['10.0.0.0/28', 'fd00::/64']}",
		"put t0/networks/n1 {'subnets': ['10.0.0.0/29']}", "put t1/networks/n0 {}"};
	catalog_new(out);
	assert_int_equal(fixture_apply(*out, lines, array_count(lines), 1, NULL, NULL), 0);
}

// All claims and records, in order, without what depends on addresses of memory.
static size_t count_references(const struct catalog *catalog)
{
	size_t count = 0;
	for (int kind = 0; kind < MODEL_KIND_COUNT; kind++)
		for (struct record *record =
				records_first(&catalog->records, (enum model_kind)kind, NULL);
			record; record = records_next(&catalog->records, record)) {
			assert_non_null(record->object); // no name is left over
			assert_int_equal(record->pins, 0);
			size_t referrers = 0;
			for (const struct reference *reference = record->referrers; reference;
				reference = reference->after) {
				assert_ptr_equal(reference->to, record);
				referrers++;
			}
			assert_int_equal(referrers, record->referrer_count);
			count += referrers;
		}
	return count;
}

// What is counted as objects come and go is what a count of all of them gives.
static void check_usages(const struct catalog *catalog)
{
	struct usage *recounted = NULL;
	for (int kind = 0; kind < MODEL_KIND_COUNT; kind++)
		for (struct record *record =
				records_first(&catalog->records, (enum model_kind)kind, NULL);
			record; record = records_next(&catalog->records, record))
			if (record->object)
				usage_add(&recounted, record->object);
	assert_int_equal(HASH_COUNT(recounted), HASH_COUNT(catalog->records.usages));
	for (const struct usage *usage = recounted; usage; usage = usage->hh.next) {
		const struct usage *kept = usage_find(catalog->records.usages, usage->tenant);
		assert_non_null(kept);
		assert_int_equal(kept->objects, usage->objects);
		assert_memory_equal(kept->held, usage->held, sizeof(usage->held));
		assert_memory_equal(kept->kinds, usage->kinds, sizeof(usage->kinds));
	}
	usage_done(&recounted);
}

// A failed or aborted transaction leaves everything as it was: what can be seen, the indices, and what would
// be allocated next.
static void failures_leave_no_trace(void **state)
{
	(void)state;
	struct catalog *catalog;
	size_t failed = 0, accepted = 0;
	srand(1);
	start(&catalog);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct lines lines;
		struct error error = {0};
		random_lines(&lines);
		cleanup_free char *before = fixture_dump(catalog);
		size_t claims = catalog->claims.count, references = count_references(catalog);
		struct counters counters = catalog->counters;
		int result = fixture_apply(catalog, lines.at, lines.count, round + 2, NULL, &error);
		check_usages(catalog);
		if (!result) {
			accepted++;
			continue;
		}
		failed++;
		assert_int_equal(error.code, -result);
		assert_true(error.message[0] && error.object[0]);
		cleanup_free char *after = fixture_dump(catalog);
		assert_string_equal(before, after);
		assert_int_equal(claims, catalog->claims.count);
		assert_int_equal(references, count_references(catalog));
		assert_memory_equal(&counters, &catalog->counters, sizeof(counters));
	}
	// The test means something only if both happen a lot.
	assert_true(failed > ROUNDS / 10);
	assert_true(accepted > ROUNDS / 10);
	catalog_free(catalog);
}

// The same operations in any order: the same outcome.
static void order_does_not_matter(void **state)
{
	(void)state;
	struct catalog *catalogs[2];
	size_t accepted = 0;
	srand(2);
	start(&catalogs[0]);
	start(&catalogs[1]);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct lines lines;
		int results[2];
		random_lines(&lines);
		results[0] =
			fixture_apply(catalogs[0], lines.at, lines.count, round + 2, NULL, NULL);
		for (size_t i = lines.count; i > 1; i--) {
			size_t other = below((unsigned)i);
			const char *swapped = lines.at[i - 1];
			lines.at[i - 1] = lines.at[other];
			lines.at[other] = swapped;
		}
		results[1] =
			fixture_apply(catalogs[1], lines.at, lines.count, round + 2, NULL, NULL);
		assert_int_equal(!results[0], !results[1]);
		if (results[0])
			continue;
		accepted++;
		cleanup_free char *one = fixture_dump(catalogs[0]);
		cleanup_free char *two = fixture_dump(catalogs[1]);
		assert_string_equal(one, two);
	}
	assert_true(accepted > ROUNDS / 10);
	catalog_free(catalogs[0]);
	catalog_free(catalogs[1]);
}

// What was built step by step is what loading it at once gives: no claim or link too many or too few.
static void incremental_is_like_loaded(void **state)
{
	(void)state;
	struct catalog *catalog;
	srand(3);
	start(&catalog);
	for (unsigned round = 0; round < ROUNDS / 4; round++) {
		struct lines lines;
		random_lines(&lines);
		fixture_apply(catalog, lines.at, lines.count, round + 2, NULL, NULL);
		if (round % 10)
			continue;
		struct catalog *fresh;
		catalog_new(&fresh);
		fixture_copy(fresh, catalog);
		assert_int_equal(fresh->claims.count, catalog->claims.count);
		assert_int_equal(count_references(fresh), count_references(catalog));
		catalog_free(fresh);
	}
	catalog_free(catalog);
}

static struct object *copy_of(const struct object *object, uint64_t revision)
{
	struct object *copy;
	json_t *json = object_encode(object);
	assert_int_equal(
		object_decode(&copy, object->kind, object->tenant, object->name, json, true, NULL),
		0);
	json_decref(json);
	copy->revision = revision;
	return copy;
}

// What another process makes of the changes, which it knows as they are stored.
static void adopt_changes(struct catalog *mirror, const struct catalog *origin,
	const struct catalog_change *changes, size_t count, uint64_t revision)
{
	struct transaction *transaction = transaction_begin(mirror);
	for (size_t i = 0; i < count; i++) {
		const struct object *before = changes[i].before;
		if (changes[i].after)
			transaction_put(transaction, copy_of(changes[i].after, revision), NULL);
		else
			transaction_delete(
				transaction, before->kind, before->tenant, before->name, NULL);
	}
	const struct catalog_change *adopted;
	assert_int_equal(transaction_adopt(transaction, NULL), 0);
	assert_int_equal(transaction_changes(transaction, &adopted), count);
	transaction_commit(transaction, revision);
	json_t *counters = catalog_counters(origin);
	assert_int_equal(catalog_counters_load(mirror, counters, NULL), 0);
	json_decref(counters);
}

// Prepared, withdrawn and adopted is the same as prepared; while it is withdrawn, nothing of it is seen. And whoever adopts
// the changes has the same catalog.
static void withdrawn_is_unseen_and_adopted_is_the_same(void **state)
{
	(void)state;
	struct catalog *plain, *catalog, *mirror;
	size_t accepted = 0;
	srand(4);
	start(&plain);
	start(&catalog);
	start(&mirror);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct lines lines;
		const struct catalog_change *changes;
		random_lines(&lines);
		cleanup_free char *before = fixture_dump(catalog);
		size_t claims = catalog->claims.count, references = count_references(catalog);
		int expected = fixture_apply(plain, lines.at, lines.count, round + 2, NULL, NULL);
		struct transaction *transaction = transaction_begin(catalog);
		int result = 0;
		for (size_t i = 0; !result && i < lines.count; i++)
			result = fixture_line(transaction, catalog, lines.at[i], NULL);
		if (!result)
			result = transaction_prepare(transaction, NULL);
		assert_int_equal(result, expected);
		if (result) {
			transaction_abort(transaction);
			continue;
		}
		accepted++;
		transaction_withdraw(transaction);
		cleanup_free char *meanwhile = fixture_dump(catalog);
		assert_string_equal(before, meanwhile);
		assert_int_equal(claims, catalog->claims.count);
		if (round % 8 == 0) { // it could not be stored
			transaction_abort(transaction);
			assert_int_equal(references, count_references(catalog));
			transaction = transaction_begin(catalog);
			for (size_t i = 0; i < lines.count; i++)
				fixture_line(transaction, catalog, lines.at[i], NULL);
			assert_int_equal(transaction_prepare(transaction, NULL), 0);
			transaction_withdraw(transaction);
		}
		assert_int_equal(transaction_adopt(transaction, NULL), 0);
		size_t count = transaction_changes(transaction, &changes);
		adopt_changes(mirror, catalog, changes, count, round + 2);
		transaction_commit(transaction, round + 2);
		cleanup_free char *one = fixture_dump(plain);
		cleanup_free char *two = fixture_dump(catalog);
		cleanup_free char *three = fixture_dump(mirror);
		assert_string_equal(one, two);
		assert_string_equal(one, three);
		assert_int_equal(plain->claims.count, catalog->claims.count);
		assert_int_equal(plain->claims.count, mirror->claims.count);
		assert_int_equal(count_references(plain), count_references(catalog));
		assert_int_equal(count_references(plain), count_references(mirror));
		assert_memory_equal(&plain->counters, &catalog->counters, sizeof(plain->counters));
		// "All below are used" is what a catalog has found out for itself.
		assert_true(mirror->counters.host_key <= plain->counters.host_key);
	}
	assert_true(accepted > ROUNDS / 10);
	catalog_free(plain);
	catalog_free(catalog);
	catalog_free(mirror);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_leave_no_trace),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(incremental_is_like_loaded),
		cmocka_unit_test(withdrawn_is_unseen_and_adopted_is_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
