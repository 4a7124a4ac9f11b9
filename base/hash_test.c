// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/table.h"

// Of the paper's appendix A: the key 00 01 … 0f.
static const struct hash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

// The message 00 01 02 … of each count.
static const struct {
	size_t count;
	uint64_t of_2_4, of_1_3;
} vectors[] = {
	{0, UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0xabac0158050fc4dc)},
	{1, UINT64_C(0x74f839c593dc67fd), UINT64_C(0xc9f49bf37d57ca93)},
	{7, UINT64_C(0xab0200f58b01d137), UINT64_C(0xd3927d989bb11140)},
	{8, UINT64_C(0x93f5f5799a932462), UINT64_C(0x369095118d299a8e)},
	{9, UINT64_C(0x9e0082df0ba9e4b0), UINT64_C(0x25a48eb36c063de4)},
	{15, UINT64_C(0xa129ca6149be45e5), UINT64_C(0xd320d86d2a519956)}, // the paper's example
	{16, UINT64_C(0x3f2acc7f57c29bdb), UINT64_C(0xcc4fdd1a7d908b66)},
	{63, UINT64_C(0x958a324ceb064572), UINT64_C(0x9d199062b7bbb3a8)},
};

static void test_vectors(void **state)
{
	(void)state;
	unsigned char message[64];
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		assert_true(siphash_2_4(&key, message, vectors[i].count) == vectors[i].of_2_4);
		assert_true(siphash_1_3(&key, message, vectors[i].count) == vectors[i].of_1_3);
	}
}

static void test_it_does_not_read_beyond_its_bytes(void **state)
{
	(void)state;
	char one[9] = "123456789", other[9] = "12345678x";
	assert_true(siphash_1_3(&key, one, 8) == siphash_1_3(&key, other, 8));
	assert_true(siphash_1_3(&key, one + 1, 7) == siphash_1_3(&key, other + 1, 7));
	assert_true(hash_text("web") == hash_bytes("web", 3));
	assert_true(hash_text("web") != hash_text("db"));
}

// Two processes draw two keys.
static void test_each_process_has_its_own_key(void **state)
{
	(void)state;
	uint64_t hashes[2];
	for (int i = 0; i < 2; i++) {
		int ends[2], status;
		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		if (!child) {
			uint64_t hash = hash_text("web");
			_exit(write(ends[1], &hash, sizeof(hash)) != sizeof(hash));
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_int_equal(read(ends[0], &hashes[i], sizeof(hashes[i])), sizeof(hashes[i]));
		close(ends[0]);
		close(ends[1]);
	}
	assert_true(hashes[0] != hashes[1]);
}

struct entry {
	char name[8];
	UT_hash_handle hh;
};

static void test_tables_hash_by_it(void **state)
{
	(void)state;
	struct entry *table = NULL, entry = {.name = "web"};
	HASH_ADD_STR(table, name, &entry);
	assert_int_equal(entry.hh.hashv, (unsigned)hash_text("web"));
	HASH_DEL(table, &entry);
	assert_null(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		// First: later ones draw this process's key.
		cmocka_unit_test(test_each_process_has_its_own_key),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_it_does_not_read_beyond_its_bytes),
		cmocka_unit_test(test_tables_hash_by_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
