/* test_idmap.c - ids of a user namespace and those of the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/idmap.h"

static void idmap_parse__kernels_text__ranges(void **state)
{
	struct idmap m;

	(void)state;
	assert_int_equal(idmap_parse("         0     100000      65536\n"
				     "     70000       1000          1\n", &m), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.v[0].outside, 100000);
	assert_int_equal(m.v[1].inside, 70000);
	assert_int_equal(m.v[1].size, 1);
	assert_int_equal(idmap_parse("", &m), 0);
	assert_int_equal(m.n, 0);
}

static void idmap_parse__something_else__refused(void **state)
{
	static const char *const bad[] = { "0", "0 1", "0 1 2 3", "a 1 2", "0 -1 2",
					   "0 1 4294967296" };
	struct idmap m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(idmap_parse(bad[i], &m) < 0);
}

static void idmap__id__is_found_both_ways(void **state)
{
	struct idmap m;
	uint32_t id;

	(void)state;
	assert_int_equal(idmap_parse("0 100000 10\n50 7 1\n", &m), 0);
	assert_int_equal(idmap_inside(&m, 100009), 9);
	assert_int_equal(idmap_inside(&m, 7), 50);
	assert_int_equal(idmap_inside(&m, 100010), 65534);
	assert_int_equal(idmap_inside(&m, 0), 65534);
	assert_true(idmap_outside(&m, 50, &id));
	assert_int_equal(id, 7);
	assert_true(idmap_outside(&m, 9, &id));
	assert_int_equal(id, 100009);
	assert_false(idmap_outside(&m, 10, &id));
	m.n = 0;	/* the host's own */
	assert_int_equal(idmap_inside(&m, 5), 5);
	assert_true(idmap_outside(&m, 5, &id));
	assert_int_equal(id, 5);
}

static void idmap_of_process__ourselves__has_ids(void **state)
{
	struct err e = ERR_INIT;
	struct idmap_pair p;
	uint32_t id;

	(void)state;
	assert_int_equal(idmap_of_process(getpid(), &p, &e), 0);
	assert_true(idmap_outside(&p.uids, getuid(), &id));
	assert_true(idmap_of_process(-5, &p, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idmap_parse__kernels_text__ranges),
		cmocka_unit_test(idmap_parse__something_else__refused),
		cmocka_unit_test(idmap__id__is_found_both_ways),
		cmocka_unit_test(idmap_of_process__ourselves__has_ids),
	};

	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
