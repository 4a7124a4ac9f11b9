// SPDX-License-Identifier: Apache-2.0
#include "topology/receipt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static const char *const both[] = {"h1", "h2"};

// h1 and h2 are connected and have realized revision 10; h3 was never heard of.
static int setup(void **state)
{
	struct receipts *receipts;
	receipts_new(&receipts);
	receipts_host_add(receipts, "h2");
	receipts_host_add(receipts, "h1");
	receipts_host_add(receipts, "h3");
	for (size_t i = 0; i < array_count(both); i++) {
		receipts_host_connected(receipts, both[i], true, 1000);
		receipts_realized(receipts, both[i], 10, NULL, 1000);
	}
	*state = receipts;
	return 0;
}

static int teardown(void **state)
{
	receipts_free(*state);
	return 0;
}

// A receipt as text: "realized/required", then for each late host " name@realized", "!" if it is
// disconnected, "+" and for how long, and what it complains of.
static void assert_receipt(
	const struct receipts *receipts, uint64_t revision, uint64_t now, const char *expected)
{
	struct receipt receipt;
	char text[512];
	assert_int_equal(receipts_get(receipts, revision, 1000000, now, &receipt), 0);
	assert_int_equal(receipt.revision, revision);
	assert_int_equal(receipt.realized + receipt.pending_count, receipt.required);
	assert_int_equal(receipt_complete(&receipt), receipt.realized == receipt.required);
	size_t length =
		(size_t)snprintf(text, sizeof(text), "%zu/%zu", receipt.realized, receipt.required);
	for (size_t i = 0; i < receipt.pending_count; i++) {
		const struct receipt_pending *late = &receipt.pending[i];
		length += (size_t)snprintf(text + length, sizeof(text) - length, " %s@%d%s+%d%s%s",
			late->host, (int)late->realized, late->connected ? "" : "!",
			(int)late->since_ms, late->failure ? ":" : "",
			late->failure ? late->failure : "");
	}
	receipt_done(&receipt);
	assert_string_equal(text, expected);
}

static void test_hosts_realize_a_revision(void **state)
{
	struct receipts *receipts = *state;
	receipts_expect(receipts, 11, both, 2, 2000);
	assert_receipt(receipts, 11, 2000, "0/2 h1@10+0 h2@10+0");
	receipts_realized(receipts, "h2", 11, NULL, 2010);
	assert_receipt(receipts, 11, 2050, "1/2 h1@10+50");
	receipts_realized(receipts, "h1", 12, NULL, 2060);
	assert_receipt(receipts, 11, 2070, "2/2");
}

static void test_only_concerned_hosts_must_answer(void **state)
{
	struct receipts *receipts = *state;
	static const char *const hosts[] = {"h1", "unknown", "h1"};
	receipts_expect(receipts, 11, hosts, 3, 2000);
	receipts_expect(receipts, 12, NULL, 0, 2000);
	assert_receipt(receipts, 11, 2005, "0/1 h1@10+5");
	assert_receipt(receipts, 12, 2005, "0/0");
	// A later acknowledgement stands for all before it.
	receipts_realized(receipts, "h1", 15, NULL, 2010);
	assert_receipt(receipts, 11, 2020, "1/1");
}

static void test_future_revisions(void **state)
{
	struct receipts *receipts = *state;
	struct receipt receipt;
	assert_int_equal(receipts_get(receipts, 11, 10, 2000, &receipt), -ERANGE);
	assert_int_equal(receipts_get(receipts, 10, 10, 2000, &receipt), 0);
	receipt_done(&receipt);
}

// After a restart of the controller, say: nobody remembers whom revision 9 or 11 concerned.
static void test_unseen_revisions_are_judged_by_all(void **state)
{
	struct receipts *receipts = *state;
	assert_receipt(receipts, 9, 1500, "2/3 h3@0!+500");
	assert_receipt(receipts, 11, 1500, "0/3 h1@10+500 h2@10+500 h3@0!+500");
	receipts_realized(receipts, "h3", 9, NULL, 2000);
	assert_receipt(receipts, 9, 2500, "3/3");
}

static void test_nothing_was_heard_yet(void **state)
{
	(void)state;
	struct receipts *receipts;
	receipts_new(&receipts);
	assert_receipt(receipts, 5, 9000, "0/0");
	receipts_host_add(receipts, "h1");
	assert_receipt(receipts, 5, 9000, "0/1 h1@0!+0");
	receipts_free(receipts);
}

static void test_a_dead_host_is_named_and_blocks_nobody(void **state)
{
	struct receipts *receipts = *state;
	receipts_host_connected(receipts, "h1", false, 1500);
	receipts_expect(receipts, 11, both, 2, 2000);
	receipts_realized(receipts, "h2", 11, NULL, 2001);
	assert_receipt(receipts, 11, 62000, "1/2 h1@10!+60000");
	// It comes back, and is late until it says otherwise.
	receipts_host_connected(receipts, "h1", true, 63000);
	assert_receipt(receipts, 11, 63000, "1/2 h1@10+61000");
	receipts_realized(receipts, "h1", 11, NULL, 63100);
	assert_receipt(receipts, 11, 63200, "2/2");
}

static void test_a_restarted_host_is_late_again(void **state)
{
	struct receipts *receipts = *state;
	receipts_expect(receipts, 11, both, 2, 2000);
	receipts_realized(receipts, "h1", 11, NULL, 2010);
	receipts_realized(receipts, "h2", 11, NULL, 2010);
	assert_receipt(receipts, 11, 3000, "2/2");
	receipts_realized(receipts, "h1", 0, NULL, 5000);
	assert_receipt(receipts, 11, 5100, "1/2 h1@0+100");
	assert_receipt(receipts, 9, 5100, "1/3 h1@0+100 h3@0!+4100");
	// Late for a newer revision since that one was committed.
	receipts_expect(receipts, 12, both, 1, 6000);
	assert_receipt(receipts, 12, 6001, "0/1 h1@0+1");
	receipts_realized(receipts, "h1", 12, NULL, 6100);
	assert_receipt(receipts, 11, 6200, "2/2");
}

static void test_a_failure_is_told_until_the_next_report(void **state)
{
	struct receipts *receipts = *state;
	char failure[] = "no device tap0";
	receipts_expect(receipts, 11, both, 1, 2000);
	receipts_realized(receipts, "h1", 10, failure, 2010);
	memset(failure, 'x', strlen(failure));
	assert_receipt(receipts, 11, 2010, "0/1 h1@10+10:no device tap0");
	receipts_realized(receipts, "h1", 10, NULL, 2020);
	assert_receipt(receipts, 11, 2020, "0/1 h1@10+20");
}

static void test_a_removed_host_is_not_waited_for(void **state)
{
	struct receipts *receipts = *state;
	receipts_expect(receipts, 11, both, 2, 2000);
	receipts_realized(receipts, "h2", 11, NULL, 2001);
	receipts_host_remove(receipts, "h1");
	receipts_host_remove(receipts, "never there");
	assert_receipt(receipts, 11, 2002, "1/1");
	assert_receipt(receipts, 9, 2002, "1/2 h3@0!+1002");
	// It reports on, and a new revision names it: neither counts.
	receipts_realized(receipts, "h1", 3, "failed", 2003);
	receipts_host_connected(receipts, "h1", true, 2003);
	receipts_expect(receipts, 12, both, 2, 2004);
	assert_receipt(receipts, 12, 2004, "0/1 h2@11+0");
	// Added again it is a new host, which was not asked to realize 11.
	receipts_host_add(receipts, "h1");
	assert_receipt(receipts, 11, 2010, "1/1");
	assert_receipt(receipts, 12, 2010, "0/1 h2@11+6");
	assert_receipt(receipts, 9, 2010, "1/3 h1@0!+6 h3@0!+1010");
}

static void test_adding_twice_keeps_what_is_known(void **state)
{
	struct receipts *receipts = *state;
	receipts_host_add(receipts, "h1");
	assert_receipt(receipts, 10, 2000, "2/3 h3@0!+1000");
}

static void note_pending(void *context, const struct receipt_pending *pending, bool late)
{
	char *text = context;
	size_t length = strlen(text);
	snprintf(text + length, 256 - length, " %s%s%s", pending->host,
		pending->connected ? "" : "!", late ? "+late" : "");
}

static void assert_survey(const struct receipts *receipts, const char *expected)
{
	char text[256] = "", whole[512];
	struct receipt_survey survey = receipts_survey(receipts, 9000, note_pending, text);
	snprintf(whole, sizeof(whole), "%zu/%zu late %zu open %zu%s", survey.connected,
		survey.hosts, survey.late, survey.outstanding, text);
	assert_string_equal(whole, expected);
}

static void test_old_revisions_are_forgotten(void **state)
{
	struct receipts *receipts = *state;
	enum { FIRST = 11, LAST = FIRST + RECEIPT_KEEP }; // one too many
	for (uint64_t revision = FIRST; revision <= LAST; revision++)
		receipts_expect(receipts, revision, both, 1, 1000 + revision);
	assert_receipt(receipts, LAST, 9000, "0/1 h1@10+3893");
	assert_receipt(receipts, FIRST + 1, 9000, "0/1 h1@10+7988");
	// Of the first one all are asked. h2 owes nothing, though it has not heard of anything since; h3
	// may owe what was before this began.
	assert_receipt(receipts, FIRST, 9000, "1/3 h1@10+8000 h3@0!+8000");
	struct receipt_watch watch = {.revision = FIRST};
	assert_false(receipt_watch_complete(receipts, &watch));
	receipts_realized(receipts, "h3", FIRST - 1, NULL, 9000);
	receipts_realized(receipts, "h1", FIRST, NULL, 9000);
	assert_receipt(receipts, FIRST, 9000, "3/3");
	assert_true(receipt_watch_complete(receipts, &watch));
	// So it stays, however late they are with others, until one loses what it had.
	receipts_expect(receipts, LAST + 1, both, 2, 9000);
	assert_receipt(receipts, FIRST, 9000, "3/3");
	receipts_realized(receipts, "h2", 7, NULL, 9500);
	assert_receipt(receipts, FIRST, 9600, "2/3 h2@7+100");
	// What was not told yet, nobody is known to have realized.
	assert_receipt(receipts, LAST + 2, 9600, "0/3 h1@11+8600 h2@7+100 h3@10!+8600");
}

// A process that begins finds hosts of which it knows nothing: they owe what there is.
static void test_the_beginning(void **state)
{
	struct receipts *receipts = *state;
	receipts_begin(receipts, 10, 1000);
	assert_survey(receipts, "2/3 late 1 open 1 h3!+late");
	assert_receipt(receipts, 10, 1500, "2/3 h3@0!+500");
	assert_receipt(receipts, 4, 1500, "2/3 h3@0!+500");
	assert_true(receipts_owes(receipts, "h3"));
	receipts_host_add(receipts, "h4"); // new, and owes nothing
	assert_survey(receipts, "2/4 late 1 open 1 h3!+late h4!");
	receipts_settled(receipts, "h3", 10);
	assert_survey(receipts, "2/4 late 0 open 0 h3! h4!");
	receipts_expect(receipts, 11, both, 2, 2000);
	assert_receipt(receipts, 10, 2500, "3/3");
}

// Whatever happens, a watch says what the receipt says.
static void test_watches_agree(void **state)
{
	enum { HOSTS = 7, WATCHES = 5, STEPS = 20000 };
	struct receipts *receipts;
	struct receipt_watch watches[WATCHES] = {0};
	uint64_t committed = 1;
	uint32_t seed = 5;
	(void)state;
	receipts_new(&receipts);
	for (unsigned step = 0; step < STEPS; step++) {
		static const char *const names[HOSTS] = {"a", "b", "c", "d", "e", "f", "g"};
		seed = seed * 1664525 + 1013904223;
		const char *host = names[(seed >> 8) % HOSTS];
		struct receipt_watch *watch = &watches[(seed >> 20) % WATCHES];
		switch ((seed >> 28) % 6) {
		case 0:
			receipts_expect(receipts, ++committed, names + (seed >> 8) % HOSTS,
				(seed >> 12) % (HOSTS - (seed >> 8) % HOSTS + 1), step);
			break;
		case 1:
			*watch = (struct receipt_watch){
				.revision = committed - (seed >> 12) % committed % 8};
			break;
		case 2:
			(seed >> 12) % 4 ? receipts_host_add(receipts, host)
					 : receipts_host_remove(receipts, host);
			break;
		default:
			receipts_realized(receipts, host, committed - (seed >> 12) % 4 % committed,
				NULL, step);
		}
		struct receipt receipt;
		assert_int_equal(
			receipts_get(receipts, watch->revision, committed, step, &receipt), 0);
		assert_int_equal(
			receipt_watch_complete(receipts, watch), receipt_complete(&receipt));
		receipt_done(&receipt);
	}
	receipts_free(receipts);
}

// Whoever has told the host knows whom the revisions concerned; this one has come later.
static void test_the_word_of_another_counts(void **state)
{
	struct receipts *receipts = *state;
	assert_receipt(receipts, 12, 2000, "0/3 h1@10+1000 h2@10+1000 h3@0!+1000");
	receipts_settled(receipts, "h1", 12);
	receipts_settled(receipts, "h1", 11);
	receipts_settled(receipts, "unknown", 12);
	assert_receipt(receipts, 12, 2000, "1/3 h2@10+1000 h3@0!+1000");
	assert_receipt(receipts, 13, 2000, "0/3 h1@10+1000 h2@10+1000 h3@0!+1000");
	// Until it loses what it had.
	receipts_realized(receipts, "h1", 9, NULL, 3000);
	assert_receipt(receipts, 12, 3000, "0/3 h1@9+0 h2@10+2000 h3@0!+2000");
}

static void test_survey(void **state)
{
	struct receipts *receipts = *state;
	assert_survey(receipts, "2/3 late 0 open 0 h3!");
	assert_false(receipts_owes(receipts, "h1"));
	assert_true(receipts_owes(receipts, "unknown"));
	receipts_expect(receipts, 11, both, 2, 2000);
	receipts_expect(receipts, 12, both, 1, 2000);
	receipts_expect(receipts, 13, NULL, 0, 2000);
	assert_survey(receipts, "2/3 late 2 open 2 h2+late h1+late h3!");
	receipts_realized(receipts, "h1", 12, NULL, 3000);
	assert_survey(receipts, "2/3 late 1 open 1 h2+late h3!");
	receipts_host_connected(receipts, "h2", false, 3000);
	assert_survey(receipts, "1/3 late 1 open 1 h2!+late h3!");
	receipts_host_remove(receipts, "h2");
	assert_survey(receipts, "1/2 late 0 open 0 h3!");
	assert_false(receipts_owes(receipts, "h1"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
		TEST(test_hosts_realize_a_revision),
		TEST(test_only_concerned_hosts_must_answer),
		TEST(test_future_revisions),
		TEST(test_unseen_revisions_are_judged_by_all),
		TEST(test_nothing_was_heard_yet),
		TEST(test_a_dead_host_is_named_and_blocks_nobody),
		TEST(test_a_restarted_host_is_late_again),
		TEST(test_a_failure_is_told_until_the_next_report),
		TEST(test_a_removed_host_is_not_waited_for),
		TEST(test_adding_twice_keeps_what_is_known),
		TEST(test_old_revisions_are_forgotten),
		TEST(test_the_beginning),
		TEST(test_the_word_of_another_counts),
		TEST(test_survey),
		cmocka_unit_test(test_watches_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
