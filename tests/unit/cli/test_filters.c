/* Filters: which texts are understood, and what they let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "cli/filters.h"

static const char *const keys[] = { "name", "label", "id", "dangling", "until", NULL };

static int parse(struct filters *f, struct err *e, const char *first, const char *second)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;

	if (first)
		strlist_add(&l, first);
	if (second)
		strlist_add(&l, second);
	return filters_parse(&l, keys, f, e);
}

static bool name_passes(const char *first, const char *second, const char *name)
{
	AUTO(filters) struct filters f = { .n = 0 };
	struct err e = ERR_INIT;

	assert_int_equal(parse(&f, &e, first, second), 0);
	return filters_match(&f, "name", filters_name, name);
}

static void parse__wrong__says_what(void **state)
{
	static const char *const v[][2] = {
		{ "nosuch=1", "there are name, label, id" }, { "name", "expected KEY=VALUE" },
		{ "", "unknown" }, { "=x", "unknown" }, { "name!=x", "labels only" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		AUTO(filters) struct filters f = { .n = 0 };
		struct err e = ERR_INIT;

		assert_int_equal(parse(&f, &e, v[i][0], NULL), -EINVAL);
		if (!strstr(e.msg, v[i][1]))
			fail_msg("%s: %s", v[i][0], e.msg);
	}
}

static void match__none_of_the_key__passes(void **state)
{
	(void)state;
	assert_true(name_passes(NULL, NULL, "web"));
	assert_true(name_passes("id=abc", NULL, "web"));
}

static void match__name__is_a_regular_expression(void **state)
{
	(void)state;
	assert_true(name_passes("name=we", NULL, "my-web"));
	assert_true(name_passes("name=^my-web$", NULL, "my-web"));
	assert_true(name_passes("name=^/my-web$", NULL, "my-web"));
	assert_true(name_passes("name=/my", NULL, "my-web"));
	assert_false(name_passes("name=^web", NULL, "my-web"));
	assert_true(name_passes("name=my.*web|x", NULL, "my-web"));
	assert_false(name_passes("name=web[", NULL, "my-web"));	/* none: taken literally */
	assert_true(name_passes("name=", NULL, "my-web"));
}

static void match__several_of_one_key__any_will_do(void **state)
{
	(void)state;
	assert_true(name_passes("name=db", "name=web", "web"));
	assert_false(name_passes("name=db", "name=cache", "web"));
}

static bool labels_pass(const char *first, const char *second)
{
	struct json_pair pairs[] = { { "a", "1" }, { "b", "x=y" }, { "empty", "" } };
	const struct json_map m = { ARRAY_SIZE(pairs), pairs };
	AUTO(filters) struct filters f = { .n = 0 };
	struct err e = ERR_INIT;

	assert_int_equal(parse(&f, &e, first, second), 0);
	return filters_labels(&f, &m);
}

static void labels__all_must_hold(void **state)
{
	(void)state;
	assert_true(labels_pass(NULL, NULL));
	assert_true(labels_pass("label=a", NULL));
	assert_true(labels_pass("label=a=1", "label=b=x=y"));
	assert_false(labels_pass("label=a=1", "label=b=z"));
	assert_false(labels_pass("label=a=", NULL));
	assert_true(labels_pass("label=empty=", NULL));
	assert_false(labels_pass("label=aa", NULL));
	assert_false(labels_pass("label!=a", NULL));
	assert_true(labels_pass("label!=a=2", "label!=c"));
}

static void bools__are_checked(void **state)
{
	AUTO(filters) struct filters f = { .n = 0 }, bad = { .n = 0 };
	struct err e = ERR_INIT;
	bool yes = true, no = false;

	(void)state;
	assert_int_equal(parse(&f, &e, "dangling=true", NULL), 0);
	assert_int_equal(filters_check_bools(&f, "dangling", &e), 0);
	assert_true(filters_match(&f, "dangling", filters_bool, &yes));
	assert_false(filters_match(&f, "dangling", filters_bool, &no));
	assert_int_equal(parse(&bad, &e, "dangling=maybe", NULL), 0);
	assert_int_equal(filters_check_bools(&bad, "dangling", &e), -EINVAL);
}

static void until__times_and_durations(void **state)
{
	static const struct { const char *text; int64_t wanted; } v[] = {
		{ "until=2023-11-14T22:13:20Z", 1700000000 }, { "until=1700000000", 1700000000 },
		{ "until=0", 0 }, { "name=x", INT64_MAX },
	};
	AUTO(filters) struct filters f = { .n = 0 }, bad = { .n = 0 };
	struct err e = ERR_INIT;
	int64_t t, now = (int64_t)time(NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		AUTO(filters) struct filters one = { .n = 0 };

		assert_int_equal(parse(&one, &e, v[i].text, NULL), 0);
		assert_int_equal(filters_until(&one, &t, &e), 0);
		assert_int_equal(t, v[i].wanted);
	}
	assert_int_equal(parse(&f, &e, "until=24h", NULL), 0);
	assert_int_equal(filters_until(&f, &t, &e), 0);
	assert_in_range((unsigned long)(now - t), 86399, 86401);
	assert_int_equal(parse(&bad, &e, "until=soon", NULL), 0);
	assert_int_equal(filters_until(&bad, &t, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__wrong__says_what),
		cmocka_unit_test(match__none_of_the_key__passes),
		cmocka_unit_test(match__name__is_a_regular_expression),
		cmocka_unit_test(match__several_of_one_key__any_will_do),
		cmocka_unit_test(labels__all_must_hold),
		cmocka_unit_test(bools__are_checked),
		cmocka_unit_test(until__times_and_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
