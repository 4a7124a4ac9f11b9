// SPDX-License-Identifier: Apache-2.0
#include "plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/object.h"

// Every port belongs to one tenant, and the tenant's ports to its hosts and networks alone.
static void test_ports(void **state)
{
	(void)state;
	struct plan plan;
	size_t next = 0;
	plan_init(&plan, 300, 50000, 1);
	for (const struct plan_tenant *tenant = plan.tenants; tenant < plan.tenants + plan.count;
		tenant++) {
		assert_int_equal(tenant->first, next);
		assert_true(tenant->hosts <= tenant->ports && tenant->hosts <= 300);
		for (size_t n = 1; n < tenant->hosts; n++)
			assert_int_not_equal(
				plan_host(&plan, tenant, n), plan_host(&plan, tenant, 0));
		for (size_t port = next; port < next + tenant->ports; port++) {
			assert_ptr_equal(plan_tenant_of(&plan, port), tenant);
			assert_true(plan_port_host(&plan, tenant, port) < 300);
		}
		next += tenant->ports;
	}
	assert_int_equal(next, 50000);
	plan_done(&plan);
}

static int compare_sizes(const void *first, const void *second)
{
	size_t a = *(const size_t *)first, b = *(const size_t *)second;
	return a < b ? -1 : a > b;
}

// What plan.h says of the distribution.
static void test_sizes(void **state)
{
	(void)state;
	struct plan plan;
	plan_init(&plan, 10000, 1000000, 1);
	const struct plan_tenant *others = plan_others(&plan);
	size_t count = plan.count - (size_t)(others - plan.tenants);
	size_t *sizes = calloc(count, sizeof(*sizes)), sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += sizes[i] = others[i].ports;
	qsort(sizes, count, sizeof(*sizes), compare_sizes);
	assert_true(sizes[count - 1] <= 1000);
	assert_in_range(sizes[count / 2], 12, 14);
	assert_in_range(sizes[count * 99 / 100], 220, 280);
	assert_in_range(sum / count, 23, 28);
	free(sizes);
	plan_done(&plan);
}

// Large groups are there where there is room, and spread over many hosts alike.
static void test_groups(void **state)
{
	(void)state;
	struct plan small, large;
	plan_init(&small, 1000, 5000, 1);
	plan_init(&large, 10000, 100000, 1);
	assert_null(plan_group(&small, "10000"));
	assert_int_equal(plan_group(&small, "1000")->ports, 1000);
	assert_int_equal(plan_group(&small, "1000")->hosts, 40);
	assert_int_equal(plan_group(&large, "1000")->hosts, 40);
	assert_int_equal(plan_group(&large, "10000")->networks, 10);
	plan_done(&small);
	plan_done(&large);
}

// Every host that has a port of a tenant that changes are made to, once, and no other.
static void test_concerned(void **state)
{
	(void)state;
	struct plan plan;
	size_t *concerned = calloc(4000, sizeof(*concerned)), count = 0;
	bool *expected = calloc(4000, sizeof(*expected));
	plan_init(&plan, 4000, 400000, 1);
	size_t last = plan_others(&plan)->first + PLAN_CHANGED - 1;
	const struct plan_tenant *beyond = plan_tenant_of(&plan, last) + 1;
	for (size_t port = 0; port < beyond->first; port++)
		expected[plan_port_host(&plan, plan_tenant_of(&plan, port), port)] = true;
	for (size_t host = 0; host < 4000; host++)
		count += expected[host];
	assert_in_range(count, 441, 1000);
	assert_int_equal(plan_concerned(&plan, concerned), count);
	for (size_t i = 0; i < count; i++) {
		assert_true(expected[concerned[i]]);
		expected[concerned[i]] = false;
	}
	plan_done(&plan);
	free(concerned);
	free(expected);
}

struct reading {
	size_t objects[MODEL_KIND_COUNT];
};

static int read_transaction(void *context, json_t *transaction)
{
	struct reading *reading = context;
	size_t index;
	json_t *operation;
	json_array_foreach (json_object_get(transaction, "operations"), index, operation) {
		enum model_kind kind;
		struct object *object;
		struct error error = {0};
		const char *tenant = json_string_value(json_object_get(operation, "tenant"));
		const char *name = json_string_value(json_object_get(operation, "name"));
		const char *word = json_string_value(json_object_get(operation, "kind"));
		assert_int_equal(model_kind_find(word, &kind), 0);
		const json_t *fields = json_object_get(operation, "object");
		if (object_decode(&object, kind, tenant, name, fields, false, &error) < 0)
			fail_msg("%s %s: %s", word, name, error.message);
		object_unref(object);
		reading->objects[kind]++;
	}
	json_decref(transaction);
	return 0;
}

static void test_transactions(void **state)
{
	(void)state;
	struct plan plan;
	struct reading reading = {0};
	plan_init(&plan, 50, 3000, 1);
	assert_int_equal(plan_transactions(&plan, read_transaction, &reading), 0);
	assert_int_equal(reading.objects[MODEL_HOST], 50);
	assert_int_equal(reading.objects[MODEL_PORT], 3000);
	assert_int_equal(reading.objects[MODEL_TENANT], plan.count);
	assert_int_equal(reading.objects[MODEL_POLICY], 3 * plan.count + 1);
	plan_done(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_concerned),
		cmocka_unit_test(test_transactions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
