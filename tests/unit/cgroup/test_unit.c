/* systemd's names, properties and annotations, without a bus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "cgroup/unit.h"

static void slice__names__become_paths(void **state)
{
	static const char *const rows[][2] = {
		{ "-.slice", "" },
		{ "system.slice", "system.slice" },
		{ "a-b-c.slice", "a.slice/a-b.slice/a-b-c.slice" },
		{ "machine-x.slice", "machine.slice/machine-x.slice" },
		{ "--.slice", NULL },
		{ "-a.slice", NULL },
		{ "a-.slice", NULL },
		{ "a--b.slice", NULL },
		{ ".slice", NULL },
		{ "a/b.slice", NULL },
		{ "a.scope", NULL },
		{ "a", NULL },
		{ "", NULL },
		{ "../a.slice", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *path = NULL;
		struct err e = ERR_INIT;
		int r = cgroup_slice_path(rows[i][0], &path, &e);

		assert_int_equal(r, rows[i][1] ? 0 : -EINVAL);
		if (rows[i][1])
			assert_string_equal(path, rows[i][1]);
	}
}

static void unit__cgroups_path__split(void **state)
{
	static const struct {
		const char *oci, *parent;
		bool user;
		const char *slice, *unit;
	} rows[] = {
		{ NULL, NULL, false, "system.slice", "berth-id.scope" },
		{ NULL, NULL, true, "user.slice", "berth-id.scope" },
		{ NULL, "m-x.slice", false, "m-x.slice", "berth-id.scope" },
		{ "machine.slice:libpod:77", NULL, false, "machine.slice", "libpod-77.scope" },
		{ ":runc:77", NULL, false, "system.slice", "runc-77.scope" },
		{ "a.slice::77", NULL, false, "a.slice", "77.scope" },
		{ "a.slice:cri:77.scope", NULL, false, "a.slice", "cri-77.scope" },
		{ "/a/b", NULL, false, NULL, NULL },
		{ "a:b:c:d", NULL, false, NULL, NULL },
		{ "a.slice:b:", NULL, false, NULL, NULL },
		{ "a.slice:b:c/d", NULL, false, NULL, NULL },
		{ "a.slice:b:c.slice", NULL, false, NULL, NULL },
		{ "a:b:c", NULL, false, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cgroup_unit u AUTO(cgroup_unit) = { NULL, NULL };
		struct err e = ERR_INIT;
		int r = cgroup_unit_parse(rows[i].oci, rows[i].parent, "id", rows[i].user, &u, &e);

		assert_int_equal(r, rows[i].unit ? 0 : -EINVAL);
		if (rows[i].unit) {
			assert_string_equal(u.unit, rows[i].unit);
			assert_string_equal(u.slice, rows[i].slice);
		}
	}
}

static const struct unit_prop *find(const struct unit_props *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->v[i].name, name))
			return &p->v[i];
	return NULL;
}

static uint64_t u64(const struct unit_props *p, const char *name)
{
	const struct unit_prop *v = find(p, name);

	assert_non_null(v);
	assert_string_equal(v->sig, "t");
	return v->u;
}

static void props__limits__as_systemd_counts(void **state)
{
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	struct unit_props p = { .a = a };
	struct cgroup_limits l = { 0 };
	struct err e = ERR_INIT;
	const struct unit_prop *v;

	(void)state;
	assert_int_equal(cgroup_limits_set(&l, a, "memory", "64m", &e), 0);
	assert_int_equal(cgroup_limits_set(&l, a, "memory-swap", "96m", &e), 0);
	assert_int_equal(cgroup_limits_set(&l, a, "cpus", "0.333", &e), 0);
	assert_int_equal(cgroup_limits_set(&l, a, "cpu-shares", "1024", &e), 0);
	assert_int_equal(cgroup_limits_set(&l, a, "cpuset-cpus", "0,9-10", &e), 0);
	assert_int_equal(cgroup_limits_set(&l, a, "pids-limit", "-1", &e), 0);
	assert_int_equal(cgroup_limits_set(&l, a, "blkio-weight", "1000", &e), 0);
	assert_int_equal(cgroup_limits_set(&l, a, "memory-high", "60m", &e), 0);
	assert_int_equal(cgroup_limits_set(&l, a, "cgroup-conf", "memory.max=123", &e), 0);
	unit_props_limits(&p, &l);
	assert_int_equal(u64(&p, "MemoryMax"), 123); /* unified overrides */
	assert_int_equal(u64(&p, "MemoryHigh"), 60 << 20);
	assert_int_equal(u64(&p, "MemorySwapMax"), 32 << 20);
	assert_int_equal(u64(&p, "CPUQuotaPerSecUSec"), 340000); /* up to whole percents */
	assert_int_equal(u64(&p, "CPUQuotaPeriodUSec"), 100000);
	unit_round_quota(&l);
	assert_int_equal(l.cpu.quota.v, 34000); /* and so in the file */
	assert_int_equal(u64(&p, "CPUWeight"), 100);
	assert_int_equal(u64(&p, "IOWeight"), 10000);
	assert_true(u64(&p, "TasksMax") == UINT64_MAX);
	v = find(&p, "AllowedCPUs");
	assert_string_equal(v->sig, "ay");
	assert_int_equal(v->n, 2);
	assert_int_equal(((const uint8_t *)v->v)[0], 1);
	assert_int_equal(((const uint8_t *)v->v)[1], 6);
}

static void props__devices__strict_where_systemd_can_say_it(void **state)
{
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	struct unit_props p = { .a = a };
	struct cgroup_limits l = { 0 };
	const struct unit_pair *pairs;
	const struct unit_prop *v;

	(void)state;
	unit_props_devices(&p, &l);
	assert_int_equal(p.n, 0);
	cgroup_devices_default(&l, a);
	unit_props_devices(&p, &l);
	assert_string_equal(find(&p, "DevicePolicy")->s, "strict");
	v = find(&p, "DeviceAllow");
	pairs = v->v;
	assert_int_equal(v->n, 11);
	assert_string_equal(pairs[0].a, "char-*");
	assert_string_equal(pairs[0].b, "m");
	assert_string_equal(pairs[2].a, "/dev/char/1:3");
	assert_string_equal(pairs[2].b, "rwm");
	assert_string_equal(pairs[10].a, "char-136");
	/* a denial behind an allowance: only our own program can do that */
	cgroup_devices_add(&l, a, (struct cgroup_device){ false, CGROUP_DEV_CHAR, 1, 5, 7 });
	unit_props_devices(&p, &l);
	assert_string_equal(find(&p, "DevicePolicy")->s, "auto");
	assert_int_equal(find(&p, "DeviceAllow")->n, 0);
}

static void gvariant__values__parsed(void **state)
{
	static const struct {
		const char *text, *sig;
		uint64_t u;
		const char *s;
	} rows[] = {
		{ "true", "b", 1, NULL },
		{ " false ", "b", 0, NULL },
		{ "5", "i", 5, NULL },
		{ "-5", "i", (uint64_t)-5, NULL },
		{ "uint64 5", "t", 5, NULL },
		{ "@t 18446744073709551615", "t", UINT64_MAX, NULL },
		{ "byte 0xff", "y", 255, NULL },
		{ "int16 -3", "n", (uint64_t)-3, NULL },
		{ "uint32 7", "u", 7, NULL },
		{ "'text'", "s", 0, "text" },
		{ "\"a 'b' \\\"c\\\"\"", "s", 0, "a 'b' \"c\"" },
		{ "'\\u00e4\\n'", "s", 0, "\303\244\n" },
		{ "string 'x'", "s", 0, "x" },
		{ "objectpath '/a'", "o", 0, "/a" },
		{ "''", "s", 0, "" },
	};
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	struct unit_prop v = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (gvariant_parse(a, rows[i].text, &v) < 0)
			fail_msg("%s", rows[i].text);
		assert_string_equal(v.sig, rows[i].sig);
		if (rows[i].s)
			assert_string_equal(v.s, rows[i].s);
		else if (*v.sig == 'b')
			assert_int_equal(v.b, rows[i].u);
		else
			assert_true(v.u == rows[i].u);
	}
	assert_int_equal(gvariant_parse(a, "2.5", &v), 0);
	assert_true(v.d == 2.5);
	assert_int_equal(gvariant_parse(a, "['a', \"b\" , 'c']", &v), 0);
	assert_string_equal(v.sig, "as");
	assert_int_equal(v.n, 3);
	assert_string_equal(((char **)v.v)[2], "c");
	assert_int_equal(gvariant_parse(a, "@as []", &v), 0);
	assert_int_equal(v.n, 0);
	assert_int_equal(gvariant_parse(a, "[uint16 1, 2, 3,]", &v), 0);
	assert_string_equal(v.sig, "aq");
	assert_int_equal(((uint16_t *)v.v)[2], 3);
	assert_int_equal(gvariant_parse(a, "[1,2,3,4,5,6,7,8,9,10]", &v), 0);
	assert_int_equal(((int32_t *)v.v)[9], 10);
}

static void gvariant__not_a_value__refused(void **state)
{
	static const char *const bad[] = {
		"",	      " ",	   "hello",    "'open",	      "\"open",
		"[",	      "[1",	   "[1 2]",    "[]",	      "[1,'a']",
		"@t",	      "@t ",	   "@t 'x'",   "@z 1",	      "@at 1",
		"uint64",     "uint64 -1", "byte 256", "int16 40000", "5 6",
		"true false", "'a\\",	   "'\\u12'",  "@as ['a'",    "2147483648",
		"1.2.3",      "--5",	   "-",	       "truely",      "uint64 1.5",
		"[[1]]",      "(1,2)",	   "{'a':1}",  "@as [1]",     "999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct arena *a AUTO(arena) = arena_new(1u << 20);
		struct unit_prop v = { 0 };

		if (gvariant_parse(a, bad[i], &v) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void annotations__properties__typed_and_converted(void **state)
{
	struct json_pair v[] = {
		{ "org.systemd.property.TimeoutStopUSec", "uint64 123456789" },
		{ "org.systemd.property.RuntimeMaxSec", "2.5" },
		{ "org.systemd.property.CollectMode", "'inactive-or-failed'" },
		{ "org.systemd.property.Sec", "7" },
		{ "unrelated", "x" },
		{ "org.systemd.property.After", "['a.service']" },
	};
	struct json_map m = { ARRAY_SIZE(v), v };
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	struct unit_props p = { .a = a };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(unit_props_annotations(&p, &m, &e), 0);
	assert_int_equal(p.n, 5);
	assert_int_equal(u64(&p, "TimeoutStopUSec"), 123456789);
	assert_int_equal(u64(&p, "RuntimeMaxUSec"), 2500000);
	assert_string_equal(find(&p, "After")->sig, "as");
	assert_int_equal(find(&p, "Sec")->i, 7);
	v[0].key = "org.systemd.property.a b";
	assert_int_equal(unit_props_annotations(&p, &m, &e), -EINVAL);
	v[0] = (struct json_pair){ "org.systemd.property.TimeoutStopSec", "'x'" };
	assert_int_equal(unit_props_annotations(&p, &m, &e), -EINVAL);
	v[0] = (struct json_pair){ "org.systemd.property.Abc", "x" };
	assert_int_equal(unit_props_annotations(&p, &m, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slice__names__become_paths),
		cmocka_unit_test(unit__cgroups_path__split),
		cmocka_unit_test(props__limits__as_systemd_counts),
		cmocka_unit_test(props__devices__strict_where_systemd_can_say_it),
		cmocka_unit_test(gvariant__values__parsed),
		cmocka_unit_test(gvariant__not_a_value__refused),
		cmocka_unit_test(annotations__properties__typed_and_converted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
