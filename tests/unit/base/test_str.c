/* Strings, strict numbers, sizes and times: each a table of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static void strbuf__adds__grows(void **state)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_FREE char *s = NULL, *empty = NULL;

	(void)state;
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&b, "%d,", i);
	assert_int_equal(b.len, strlen(b.s));
	assert_true(str_starts(b.s, "0,1,2,") && str_ends(b.s, ",999,"));
	strbuf_reset(&b);
	strbuf_adds(&b, "x");
	strbuf_addc(&b, 'y');
	strbuf_add(&b, "", 0);
	s = strbuf_take(&b);
	assert_string_equal(s, "xy");
	assert_null(b.s);
	empty = strbuf_take(&b);
	assert_string_equal(empty, "");
}

static void strlist__split_sort_has__in_order(void **state)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT, m = STRLIST_INIT;

	(void)state;
	strlist_split(&l, "c,,a,b,", ',', true);
	assert_int_equal(l.n, 3);
	assert_null(l.v[3]);
	strlist_sort(&l);
	assert_string_equal(l.v[0], "a");
	assert_true(strlist_has(&l, "c") && !strlist_has(&l, ""));
	strlist_split(&m, "c,,a,", ',', false);
	assert_int_equal(m.n, 4);
	assert_string_equal(m.v[1], "");
	for (int i = 0; i < 100; i++)
		strlist_addf(&m, "%d", i);
	assert_int_equal(m.n, 104);
	assert_string_equal(m.v[103], "99");
	assert_null(m.v[104]);
}

static void str_to_u64__cases__strict(void **state)
{
	static const struct {
		const char *s;
		int r;
		uint64_t v;
	} cases[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t v = 0;

		assert_int_equal(str_to_u64(cases[i].s, &v), cases[i].r);
		assert_int_equal(v, cases[i].v);
	}
}

static void str_to_others__cases__strict(void **state)
{
	uint32_t u = 5;
	int64_t i = 0;
	double d = 0;
	bool b = false;

	(void)state;
	assert_int_equal(str_to_u32("4294967295", &u), 0);
	assert_int_equal(u, UINT32_MAX);
	assert_int_equal(str_to_u32("4294967296", &u), -ERANGE);
	assert_int_equal(str_to_i64("-9223372036854775808", &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(str_to_i64("9223372036854775807", &i), 0);
	assert_true(i == INT64_MAX);
	assert_int_equal(str_to_i64("9223372036854775808", &i), -ERANGE);
	assert_int_equal(str_to_i64("-9223372036854775809", &i), -ERANGE);
	assert_int_equal(str_to_i64("--1", &i), -EINVAL);
	assert_int_equal(str_to_i64("-", &i), -EINVAL);
	assert_int_equal(str_to_double("1.5e2", &d), 0);
	assert_true(d > 149.9 && d < 150.1);
	assert_int_equal(str_to_double("inf", &d), -EINVAL);
	assert_int_equal(str_to_double("nan", &d), -EINVAL);
	assert_int_equal(str_to_double("0x1p3", &d), -EINVAL);
	assert_int_equal(str_to_double(" 1", &d), -EINVAL);
	assert_int_equal(str_to_double("1,5", &d), -EINVAL);
	assert_int_equal(str_to_double("1e999", &d), -ERANGE);
	assert_int_equal(str_to_bool("TRUE", &b), 0);
	assert_true(b);
	assert_int_equal(str_to_bool("off", &b), 0);
	assert_false(b);
	assert_int_equal(str_to_bool("", &b), -EINVAL);
	assert_int_equal(str_to_bool("tru", &b), -EINVAL);
	assert_int_equal(str_to_bool("truely", &b), -EINVAL);
	assert_int_equal(str_to_mode("0644", &u), 0);
	assert_int_equal(u, 0644);
	assert_int_equal(str_to_mode("07777", &u), 0);
	assert_int_equal(str_to_mode("10000", &u), -ERANGE);
	assert_int_equal(str_to_mode("8", &u), -EINVAL);
	assert_int_equal(str_to_mode("", &u), -EINVAL);
}

static void str_to_bytes__cases__powers_of_1024(void **state)
{
	static const struct {
		const char *s;
		int r;
		uint64_t v;
	} cases[] = {
		{ "0", 0, 0 },
		{ "512", 0, 512 },
		{ "10b", 0, 10 },
		{ "1k", 0, 1024 },
		{ "1K", 0, 1024 },
		{ "1kb", 0, 1024 },
		{ "1KiB", 0, 1024 },
		{ "256m", 0, 256 << 20 },
		{ "1.5g", 0, 1610612736 },
		{ "0.5M", 0, 524288 },
		{ "2t", 0, 2ULL << 40 },
		{ "1p", 0, 1ULL << 50 },
		{ "16383p", 0, 16383ULL << 50 },
		{ "16384p", -ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "0.0001k", 0, 0 },
		{ "", -EINVAL, 0 },
		{ "k", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ ".5k", -EINVAL, 0 },
		{ "1.", -EINVAL, 0 },
		{ "1 k", -EINVAL, 0 },
		{ "1kk", -EINVAL, 0 },
		{ "1bi", -EINVAL, 0 },
		{ "1kib2", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "18446744073709551616q", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t v = 0;

		assert_int_equal(str_to_bytes(cases[i].s, &v), cases[i].r);
		assert_int_equal(v, cases[i].v);
	}
}

static void str_to_duration__cases__nanoseconds(void **state)
{
	static const struct {
		const char *s;
		int r;
		int64_t v;
	} cases[] = {
		{ "10", 0, 10000000000 },
		{ "1.5", 0, 1500000000 },
		{ "1h30m", 0, 5400000000000 },
		{ "2.5s", 0, 2500000000 },
		{ "100ms", 0, 100000000 },
		{ "5us", 0, 5000 },
		{ "5\xc2\xb5s", 0, 5000 },
		{ "7ns", 0, 7 },
		{ "0", 0, 0 },
		{ "1m1s", 0, 61000000000 },
		{ "2562047h", 0, 2562047 * 3600000000000 },
		{ "2562048h", -ERANGE, 0 },
		{ "99999999999999999999h", -ERANGE, 0 },
		{ "2562047h2562047h", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1h30", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1..5s", -EINVAL, 0 },
		{ "2562048hx", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t v = 0;

		assert_int_equal(str_to_duration(cases[i].s, &v), cases[i].r);
		assert_int_equal(v, cases[i].v);
	}
}

static void str_for_people__cases__as_docker_prints(void **state)
{
	static const struct { uint64_t n; const char *s; } bytes[] = {
		{ 0, "0B" }, { 1023, "1023B" }, { 1024, "1KiB" }, { 1536, "1.5KiB" },
		{ 1610612736, "1.5GiB" }, { 123456789, "117.7MiB" }, { UINT64_MAX, "16EiB" },
	};
	static const struct { int64_t t; const char *s; } ago[] = {
		{ -5, "Less than a second" }, { 0, "Less than a second" }, { 1, "1 second" },
		{ 59, "59 seconds" }, { 60, "About a minute" }, { 119, "About a minute" },
		{ 120, "2 minutes" }, { 3599, "59 minutes" }, { 3600, "About an hour" },
		{ 7200, "2 hours" }, { 47 * 3600, "47 hours" }, { 48 * 3600, "2 days" },
		{ 14 * 86400, "2 weeks" }, { 60 * 86400, "2 months" }, { 730 * 86400, "2 years" },
	};
	char buf[40];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
		assert_string_equal(str_bytes(bytes[i].n, buf), bytes[i].s);
	for (size_t i = 0; i < ARRAY_SIZE(ago); i++)
		assert_string_equal(str_ago(ago[i].t, buf), ago[i].s);
}

static void str_time__every_month__there_and_back(void **state)
{
	struct timespec t, u;
	char buf[40];

	(void)state;
	t = (struct timespec){ 1795273445, 1 };
	assert_string_equal(str_time(t, buf), "2026-11-21T15:04:05.000000001Z");
	for (int64_t s = -62135596800; s < 253402300800; s += 86400 * 13 + 3607) {
		t = (struct timespec){ s, 999999999 };
		assert_int_equal(str_to_time(str_time(t, buf), &u), 0);
		assert_true(u.tv_sec == t.tv_sec && u.tv_nsec == t.tv_nsec);
	}
	str_time((struct timespec){ INT64_MAX, 0 }, buf);
	str_time((struct timespec){ INT64_MIN, 0 }, buf);
}

static void str_to_time__cases__strict(void **state)
{
	static const struct {
		const char *s;
		int r;
		int64_t sec;
		long ns;
	} cases[] = {
		{ "2026-11-21T15:04:05Z", 0, 1795273445, 0 },
		{ "2026-11-21t15:04:05z", 0, 1795273445, 0 },
		{ "2026-11-21T16:34:05.25+01:30", 0, 1795273445, 250000000 },
		{ "2026-11-21T10:04:05-05:00", 0, 1795273445, 0 },
		{ "2024-02-29T00:00:00Z", 0, 1709164800, 0 },
		{ "1795273445", 0, 1795273445, 0 },
		{ "1795273445.5", 0, 1795273445, 500000000 },
		{ "0001-01-01T00:00:00Z", 0, -62135596800, 0 },
		{ "2026-02-29T00:00:00Z", -ERANGE, 0, 0 },
		{ "2026-04-31T00:00:00Z", -ERANGE, 0, 0 },
		{ "2026-13-01T00:00:00Z", -ERANGE, 0, 0 },
		{ "2026-12-31T24:00:00Z", -ERANGE, 0, 0 },
		{ "2026-11-21T15:04:05", -EINVAL, 0, 0 },
		{ "2026-11-21", -EINVAL, 0, 0 },
		{ "2026-11-21T15:04:05Zx", -EINVAL, 0, 0 },
		{ "", -EINVAL, 0, 0 },
		{ "2026-11-21T15:04:05+1:00", -EINVAL, 0, 0 },
		{ "-5", -EINVAL, 0, 0 },
		{ "99999999999999999999", -ERANGE, 0, 0 },
		{ "5.", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct timespec t = { 0 };

		assert_int_equal(str_to_time(cases[i].s, &t), cases[i].r);
		assert_int_equal(t.tv_sec, cases[i].sec);
		assert_int_equal(t.tv_nsec, cases[i].ns);
	}
}

static void str_to_when__cases__also_local_and_ago(void **state)
{
	static const char *const bad[] = { "", "soon", "-5m", "2026-02-31", "2026-11-21T",
					   "2026-1-1x" };
	struct timespec t = { 7, 7 }, now;

	(void)state;
	setenv("TZ", "UTC-5", 1);
	assert_int_equal(str_to_when("2026-11-21T15:04:05Z", &t), 0);
	assert_int_equal(t.tv_sec, 1795273445);
	assert_int_equal(str_to_when("2026-11-21T20:04:05", &t), 0);
	assert_int_equal(t.tv_sec, 1795273445);
	assert_int_equal(str_to_when("2026-11-21T20:04", &t), 0);
	assert_int_equal(t.tv_sec, 1795273440);
	assert_int_equal(str_to_when("2026-11-21", &t), 0);
	assert_int_equal(t.tv_sec, 1795201200);
	clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(str_to_when("1h30m", &t), 0);
	assert_in_range(t.tv_sec, now.tv_sec - 5400, now.tv_sec - 5400 + 60);
	t = (struct timespec){ 7, 7 };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(str_to_when(bad[i], &t), -EINVAL);
	assert_true(t.tv_sec == 7 && t.tv_nsec == 7);
}

static void str_random_hex__lengths__hex_and_different(void **state)
{
	char a[301], b[301];

	(void)state;
	for (size_t n = 0; n <= 300; n += 7) {
		str_random_hex(a, n);
		assert_int_equal(strlen(a), n);
		assert_true(str_is_hex(a, n));
	}
	str_random_hex(a, 64);
	str_random_hex(b, 64);
	assert_string_not_equal(a, b);
	assert_false(str_is_hex("abcdE0", 6));
	assert_false(str_is_hex("abc", 4));
	assert_false(str_is_hex("abcd", 3));
	assert_int_equal(str_hash("a", 1, 0), 0xaf63dc4c8601ec8c);
}

static void str_distance__cases__osa(void **state)
{
	char longer[200];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(str_distance("", ""), 0);
	assert_int_equal(str_distance("abc", ""), 3);
	assert_int_equal(str_distance("memroy", "memory"), 1);
	assert_int_equal(str_distance("kitten", "sitting"), 3);
	assert_int_equal(str_distance(longer, "x"), 100);
	assert_int_equal(str_distance(longer, longer), 0);
}

static void str_nearest__cases__sensible(void **state)
{
	const char *const names[] = { "memory", "memory-swap", "cap-add", "cap-drop", "rm", "env",
				      "hostname", NULL };

	(void)state;
	assert_string_equal(str_nearest("memroy", names), "memory");
	assert_string_equal(str_nearest("capadd", names), "cap-add");
	assert_string_equal(str_nearest("host", names), "hostname");
	assert_string_equal(str_nearest("r", names), "rm");
	assert_null(str_nearest("cap", names));		/* two begin so */
	assert_null(str_nearest("volume", names));
	assert_null(str_nearest("xy", names));
}

static void str_utf8__cases__rfc3629(void **state)
{
	static const struct { const char *s; size_t k; uint32_t c; } cases[] = {
		{ "a", 1, 'a' }, { "\xc3\xa4", 2, 0xe4 }, { "\xe2\x82\xac", 3, 0x20ac },
		{ "\xf0\x9f\x98\x80", 4, 0x1f600 }, { "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
		{ "\xc0\x80", 0, 0 }, { "\xe0\x80\x80", 0, 0 }, { "\xf0\x80\x80\x80", 0, 0 },
		{ "\xed\xa0\x80", 0, 0 }, { "\xf4\x90\x80\x80", 0, 0 }, { "\x80", 0, 0 },
		{ "\xc3", 0, 0 }, { "\xe2\x82", 0, 0 }, { "\xff", 0, 0 }, { "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t c = 0;

		assert_int_equal(str_utf8(cases[i].s, strlen(cases[i].s), &c), cases[i].k);
		assert_int_equal(c, cases[i].c);
	}
}

static void str_printable__controls__visible(void **state)
{
	static const char nasty[] = "a\033[2J\n\t\xc3\xa4\xff\x7f\xc2\x9b\xe2\x80\xae.";
	char buf[100];

	(void)state;
	assert_string_equal(str_printable(nasty, sizeof(nasty) - 1, buf, sizeof(buf)),
			    "a\\x1b[2J\\n\\t\xc3\xa4\\xff\\x7f\\xc2\\x9b\\xe2\\x80\\xae.");
	assert_string_equal(str_printable("abc\001", 4, buf, 7), "abc");
	assert_string_equal(str_printable("abc", 3, buf, 3), "ab");
	assert_string_equal(str_printable("a\0b", 3, buf, sizeof(buf)), "a\\x00b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strbuf__adds__grows),
		cmocka_unit_test(strlist__split_sort_has__in_order),
		cmocka_unit_test(str_to_u64__cases__strict),
		cmocka_unit_test(str_to_others__cases__strict),
		cmocka_unit_test(str_to_bytes__cases__powers_of_1024),
		cmocka_unit_test(str_to_duration__cases__nanoseconds),
		cmocka_unit_test(str_for_people__cases__as_docker_prints),
		cmocka_unit_test(str_time__every_month__there_and_back),
		cmocka_unit_test(str_to_time__cases__strict),
		cmocka_unit_test(str_to_when__cases__also_local_and_ago),
		cmocka_unit_test(str_random_hex__lengths__hex_and_different),
		cmocka_unit_test(str_distance__cases__osa),
		cmocka_unit_test(str_nearest__cases__sensible),
		cmocka_unit_test(str_utf8__cases__rfc3629),
		cmocka_unit_test(str_printable__controls__visible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
