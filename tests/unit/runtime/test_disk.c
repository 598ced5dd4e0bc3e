/* The bound on what a container writes, as it is typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/mem.h"
#include "runtime/disk.h"

static void size__as_typed__whole_blocks(void **state)
{
	static const struct { const char *text; uint64_t bytes, inodes; } rows[] = {
		{ "size=16m", 16 << 20, 0 },
		{ "size=1g", 1 << 30, 0 },
		{ "size=16777217", (16 << 20) + 4096, 0 },
		{ "size=20M,inodes=100", 20 << 20, 100 },
		{ "inodes=100,size=20M", 20 << 20, 100 },
		{ "inodes=4294967295", 0, UINT32_MAX },
		{ "size=64m,size=32m", 32 << 20, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct disk_size s = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(disk_size_parse(rows[i].text, &s, &e), 0);
		assert_int_equal(s.bytes, rows[i].bytes);
		assert_int_equal(s.inodes, rows[i].inodes);
	}
}

static void size__in_two_options__added(void **state)
{
	struct disk_size s = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(disk_size_parse("size=20m", &s, &e), 0);
	assert_int_equal(disk_size_parse("inodes=64", &s, &e), 0);
	assert_int_equal(s.bytes, 20 << 20);
	assert_int_equal(s.inodes, 64);
}

static void size__nonsense__refused_nothing_changed(void **state)
{
	static const char *const texts[] = {
		"", ",", "size", "size=", "size=-1", "size=0", "size=16777215", "size=1x",
		"size=20m,", "size=20m,,inodes=20", "size=20m;inodes=20", "SIZE=20m",
		"size=9223372036854775807", "size=18446744073709551615", "size=99999999999999t",
		"inodes=", "inodes=15", "inodes=-1", "inodes=1k", "inodes=4294967296", "bytes=20m",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct disk_size s = { 1, 2 };
		struct err e = ERR_INIT;

		assert_int_equal(disk_size_parse(texts[i], &s, &e), -EINVAL);
		assert_int_equal(e.code, EINVAL);
		assert_int_equal(s.bytes, 1);
		assert_int_equal(s.inodes, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size__as_typed__whole_blocks),
		cmocka_unit_test(size__in_two_options__added),
		cmocka_unit_test(size__nonsense__refused_nothing_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
