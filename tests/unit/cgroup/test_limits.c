/* The table of limits: options, rules, merging, and what the kernel gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "cgroup/limits.h"

struct fixture {
	struct arena *a;
	struct cgroup_limits l;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	f->a = arena_new(8u << 20);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->a);
	mem_free_cleanup(&f);
	return 0;
}

static void set(struct fixture *f, const char *option, const char *value)
{
	f->e = (struct err)ERR_INIT;
	if (cgroup_limits_set(&f->l, f->a, option, value, &f->e) < 0)
		fail_msg("--%s %s: %s", option, value ? value : "", f->e.msg);
}

static void refused(struct fixture *f, const char *option, const char *value, const char *text)
{
	struct cgroup_limits before = f->l;

	f->e = (struct err)ERR_INIT;
	assert_true(cgroup_limits_set(&f->l, f->a, option, value, &f->e) < 0);
	if (!strstr(f->e.msg, text))
		fail_msg("\"%s\" does not say \"%s\"", f->e.msg, text);
	assert_memory_equal(&before, &f->l, sizeof(before));
}

/* "file=text" lines, in order */
static char *plan(struct fixture *f)
{
	struct strbuf b = STRBUF_INIT;
	struct cgroup_plan p;
	char *text;

	cgroup_plan_make(&f->l, f->a, &p);
	for (size_t i = 0; i < p.n; i++)
		strbuf_addf(&b, "%s=%s\n", p.v[i].file, p.v[i].text);
	text = strbuf_take(&b);
	return text;
}

static void plan_is(struct fixture *f, const char *want)
{
	AUTO_FREE char *have = plan(f);

	assert_string_equal(have, want);
}

static void limits__every_row__has_parser_and_key(void **state)
{
	(void)state;
	for (const struct cgroup_option *o = cgroup_options; o->name; o++) {
		assert_non_null(o->parse);
		assert_non_null(o->key);
		assert_ptr_equal(cgroup_option_find(o->name), o);
	}
}

static void limits__every_row__set_and_written(void **state)
{
	static const char *const rows[][3] = {
		{ "memory", "512m", "memory\":{\"limit\":536870912}" },
		{ "memory-swap", "1g", "memory\":{\"swap\":1073741824}" },
		{ "memory-reservation", "256m", "memory\":{\"reservation\":268435456}" },
		{ "memory-high", "400m", "unified\":{\"memory.high\":\"419430400\"}" },
		{ "memory-min", "1m", "unified\":{\"memory.min\":\"1048576\"}" },
		{ "memory-zswap", "-1", "unified\":{\"memory.zswap.max\":\"max\"}" },
		{ "oom-group", NULL, "unified\":{\"memory.oom.group\":\"1\"}" },
		{ "memory-swappiness", "60", "memory\":{\"swappiness\":60}" },
		{ "oom-kill-disable", NULL, "memory\":{\"disableOOMKiller\":true}" },
		{ "cpus", "1.5", "cpu\":{\"quota\":150000,\"period\":100000}" },
		{ "cpu-quota", "50000", "cpu\":{\"quota\":50000}" },
		{ "cpu-period", "20000", "cpu\":{\"period\":20000}" },
		{ "cpu-burst", "1000", "cpu\":{\"burst\":1000}" },
		{ "cpu-shares", "512", "cpu\":{\"shares\":512}" },
		{ "cpu-idle", "1", "cpu\":{\"idle\":1}" },
		{ "cpu-rt-runtime", "5", "cpu\":{\"realtimeRuntime\":5}" },
		{ "cpu-rt-period", "7", "cpu\":{\"realtimePeriod\":7}" },
		{ "cpuset-cpus", "0-1,3", "cpu\":{\"cpus\":\"0-1,3\"}" },
		{ "cpuset-mems", "0", "cpu\":{\"mems\":\"0\"}" },
		{ "pids-limit", "100", "pids\":{\"limit\":100}" },
		{ "blkio-weight", "300", "blockIO\":{\"weight\":300}" },
		{ "blkio-weight-device", "8:0:200", "\"major\":8,\"minor\":0,\"weight\":200}" },
		{ "device-read-bps", "8:1:1mb", "\"major\":8,\"minor\":1,\"rate\":1048576}" },
		{ "device-write-bps", "8:0:1k", "\"major\":8,\"minor\":0,\"rate\":1024}" },
		{ "device-read-iops", "8:0:100", "\"major\":8,\"minor\":0,\"rate\":100}" },
		{ "device-write-iops", "8:0:200", "\"major\":8,\"minor\":0,\"rate\":200}" },
		{ "hugepage-limit", "2MB:4m", "\"pageSize\":\"2MB\",\"limit\":4194304}" },
		{ "rdma-limit", "mlx5_0:3:", "rdma\":{\"mlx5_0\":{\"hcaHandles\":3}}" },
		{ "cgroup-conf", "io.latency=8:0 target=10",
		  "unified\":{\"io.latency\":\"8:0 target=10\"}" },
	};
	struct fixture *f = *state;
	size_t n = 0;

	for (const struct cgroup_option *o = cgroup_options; o->name; o++, n++) {
		struct strbuf b AUTO(strbuf) = STRBUF_INIT;
		struct json_out out;
		size_t i = 0;

		while (i < ARRAY_SIZE(rows) && !str_eq(rows[i][0], o->name))
			i++;
		if (i == ARRAY_SIZE(rows))
			fail_msg("--%s has no row in this test", o->name);
		f->l = (struct cgroup_limits){ 0 };
		set(f, o->name, rows[i][1]);
		json_out_init(&out, &b, 0);
		cgroup_limits_write(&out, NULL, &f->l);
		if (!strstr(b.s, rows[i][2]))
			fail_msg("--%s %s: %s has no %s", o->name, rows[i][1], b.s, rows[i][2]);
	}
	assert_int_equal(n, ARRAY_SIZE(rows));
}

static void limits__bad_values__name_the_option(void **state)
{
	struct fixture *f = *state;

	refused(f, "memory", "12x", "--memory 12x");
	refused(f, "memory", "-2", "--memory");
	refused(f, "cpus", "0.001", "--cpus");
	refused(f, "cpus", "nan", "--cpus");
	refused(f, "cpu-shares", "-1", "--cpu-shares");
	refused(f, "cpuset-cpus", "3-1", "0-3,7");
	refused(f, "cpuset-cpus", "0,", "0-3,7");
	refused(f, "pids-limit", "-2", "--pids-limit");
	refused(f, "blkio-weight", "5", "10 to 1000");
	refused(f, "device-read-bps", "sda:1m", "absolute");
	refused(f, "device-read-bps", "/dev/null:1m", "no block device");
	refused(f, "device-read-bps", "/dev/does-not-exist:1m", "/dev/does-not-exist");
	refused(f, "device-read-iops", "8:0:1m", "a number");
	refused(f, "hugepage-limit", "2MB", "SIZE:BYTES");
	refused(f, "rdma-limit", "x::", "HANDLES");
	refused(f, "cgroup-conf", "cgroup.procs=1", "no limit");
	refused(f, "cgroup-conf", "../memory.max=1", "no file");
	refused(f, "cgroup-conf", "memory.max", "FILE=TEXT");
	refused(f, "memory", NULL, "needs a value");
	refused(f, "memry", "1", "no limit called");
}

static void limits__memory__too_little_is_refused_only_where_asked(void **state)
{
	struct fixture *f = *state;

	set(f, "memory", "1024");
	assert_int_equal(cgroup_limits_check(&f->l, &f->e), 0);
	plan_is(f, "memory.max=1024\n");
	assert_int_equal(cgroup_limits_enough(&f->l, &f->e), -EINVAL);
	assert_string_equal(f->e.msg,
			    "--memory 1024: expected 512k or more: in less nothing can run");
	for (size_t i = 0; i < 3; i++) {
		static const char *const fine[] = { "512k", "-1", "0" };

		set(f, "memory", fine[i]);
		assert_int_equal(cgroup_limits_enough(&f->l, &f->e), 0);
	}
}

static void limits__cpus__become_quota_and_period(void **state)
{
	struct fixture *f = *state;

	set(f, "cpus", "1.5");
	plan_is(f, "cpu.max=150000 100000\n");
	set(f, "cpus", "0.5"); /* the last one counts */
	plan_is(f, "cpu.max=50000 100000\n");
	refused(f, "cpu-quota", "1000", "--cpu-quota");
	refused(f, "cpu-period", "1000", "--cpu-period");
}

static void limits__cpus_beside_quota__refused(void **state)
{
	struct fixture *f = *state;

	set(f, "cpu-quota", "20000");
	refused(f, "cpus", "1", "--cpu-quota");
}

static void limits__memory__swap_is_the_difference(void **state)
{
	struct fixture *f = *state;

	set(f, "memory", "100m");
	set(f, "memory-swap", "150m");
	plan_is(f, "memory.swap.max=52428800\nmemory.max=104857600\n");
	set(f, "memory-swap", "-1");
	plan_is(f, "memory.swap.max=max\nmemory.max=104857600\n");
	set(f, "memory-swap", "100m");
	plan_is(f, "memory.swap.max=0\nmemory.max=104857600\n");
	set(f, "memory-swap", "0");
	plan_is(f, "memory.max=104857600\n");
	cgroup_limits_default(&f->l);
	plan_is(f, "memory.swap.max=104857600\nmemory.max=104857600\n");
	/* In config.json 0 is none, but beside unlimited memory. */
	f->l.memory.swap = (struct json_opt_i64){ true, 0 };
	plan_is(f, "memory.swap.max=0\nmemory.max=104857600\n");
	f->l.memory.limit = (struct json_opt_i64){ true, -1 };
	plan_is(f, "memory.swap.max=max\nmemory.max=max\n");
}

static void limits__pids_zero__unlimited_for_people_one_in_config(void **state)
{
	struct fixture *f = *state;

	set(f, "pids-limit", "0");
	plan_is(f, "pids.max=max\n");
	f->l.pids.limit.v = 0;
	plan_is(f, "pids.max=1\n");
}

static void limits__unified__written_last(void **state)
{
	struct fixture *f = *state;

	set(f, "cgroup-conf", "memory.max=5");
	set(f, "memory", "1m");
	set(f, "oom-group", NULL);
	set(f, "memory-high", "900k");
	plan_is(f, "memory.max=1048576\nmemory.max=5\nmemory.oom.group=1\nmemory.high=921600\n");
}

static void limits__unified_of_many_lines__one_write_each(void **state)
{
	struct fixture *f = *state;

	set(f, "cgroup-conf", "io.max=7:1 riops=3 wiops=4\n7:2 riops=5\n");
	plan_is(f, "io.max=7:1 riops=3 wiops=4\nio.max=7:2 riops=5\n");
}

static void limits__idle__has_no_weight(void **state)
{
	struct fixture *f = *state;

	set(f, "cpu-shares", "1024");
	assert_false(cgroup_limits_weight_lost(&f->l));
	set(f, "cpu-idle", "1");
	plan_is(f, "cpu.idle=1\n");
	assert_true(cgroup_limits_weight_lost(&f->l));
	set(f, "cpu-shares", "0");
	assert_false(cgroup_limits_weight_lost(&f->l));
	set(f, "cgroup-conf", "cpu.weight=8");
	plan_is(f, "cpu.idle=1\n");
	assert_true(cgroup_limits_weight_lost(&f->l));
	set(f, "cpu-shares", "1024");
	set(f, "cgroup-conf", "cpu.idle=0");
	assert_false(cgroup_limits_weight_lost(&f->l));
	plan_is(f, "cpu.weight=100\ncpu.idle=1\ncpu.weight=8\ncpu.idle=0\n");
}

static void limits__lists__one_line_a_device(void **state)
{
	struct fixture *f = *state;

	set(f, "device-read-bps", "8:0:1m");
	set(f, "device-read-bps", "8:16:2m");
	set(f, "device-read-bps", "8:0:3m");
	set(f, "device-write-iops", "8:0:0");
	set(f, "blkio-weight", "500");
	set(f, "blkio-weight-device", "8:0:10");
	set(f, "hugepage-limit", "1GB:1g");
	set(f, "rdma-limit", "mlx5_0:3:7");
	plan_is(f, "io.weight=4950\nio.weight=8:0 1\nio.max=8:0 rbps=3145728\n"
		   "io.max=8:16 rbps=2097152\nio.max=8:0 wiops=max\n"
		   "hugetlb.1GB.max=1073741824\nhugetlb.1GB.rsvd.max=1073741824\n"
		   "rdma.max=mlx5_0 hca_handle=3 hca_object=7\n");
}

static void limits__shares__agree_with_the_peers_curve(void **state)
{
	/* ceil(10^((log2(s)^2 + 125 log2(s)) / 612 - 7/34)), computed with 50 digits */
	static const struct {
		uint64_t shares, weight;
	} rows[] = {
		{ 1, 1 },	  { 2, 1 },	     { 3, 2 },		{ 4, 2 },
		{ 5, 2 },	  { 10, 4 },	     { 50, 10 },	{ 100, 17 },
		{ 102, 17 },	  { 256, 35 },	     { 512, 59 },	{ 1000, 99 },
		{ 1023, 100 },	  { 1024, 100 },     { 1025, 101 },	{ 2048, 174 },
		{ 4096, 303 },	  { 10240, 639 },    { 65536, 3023 },	{ 100000, 4340 },
		{ 131072, 5478 }, { 262143, 10000 }, { 262144, 10000 }, { 300000, 10000 },
		{ 7434, 491 },	  { 16546, 950 },    { 24607, 1322 },	{ 30914, 1601 },
		{ 35225, 1787 },  { 55041, 2606 },   { 66867, 3075 },	{ 99516, 4322 },
		{ 102189, 4421 }, { 113450, 4837 },  { 117834, 4997 },	{ 123799, 5215 },
		{ 127891, 5363 }, { 129878, 5435 },  { 149216, 6127 },	{ 159239, 6482 },
		{ 170814, 6888 }, { 199484, 7881 },  { 200221, 7907 },	{ 206762, 8131 },
		{ 210311, 8252 }, { 219093, 8552 },  { 222152, 8656 },	{ 234180, 9063 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (cgroup_weight_of_shares(rows[i].shares) != rows[i].weight)
			fail_msg("%llu: %llu", (unsigned long long)rows[i].shares,
				 (unsigned long long)cgroup_weight_of_shares(rows[i].shares));
	assert_int_equal(cgroup_weight_of_blkio(10), 1);
	assert_int_equal(cgroup_weight_of_blkio(1000), 10000);
}

static void limits__check__refuses_what_v2_cannot(void **state)
{
	static const struct {
		const char *option, *value, *text;
	} rows[] = {
		{ "memory-swappiness", "10", "v1 only" }, { "oom-kill-disable", NULL, "v1 only" },
		{ "cpu-rt-runtime", "5", "v1 only" },	  { "cpu-rt-period", "5", "v1 only" },
		{ "cpu-period", "999", "cpu.period" },	  { "cpu-quota", "999", "cpu.quota" },
		{ "hugepage-limit", "2:1", "pageSize" },  { "rdma-limit", "a b:1:1", "rdma" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		f->l = (struct cgroup_limits){ 0 };
		f->e = (struct err)ERR_INIT;
		set(f, rows[i].option, rows[i].value);
		assert_int_equal(cgroup_limits_check(&f->l, &f->e), -EINVAL);
		if (!strstr(f->e.msg, rows[i].text))
			fail_msg("%s: %s", rows[i].option, f->e.msg);
	}
	f->l = (struct cgroup_limits){ 0 };
	f->l.memory.limit = (struct json_opt_i64){ true, 100 };
	f->l.memory.swap = (struct json_opt_i64){ true, 99 };
	assert_int_equal(cgroup_limits_check(&f->l, &f->e), -EINVAL);
	f->l = (struct cgroup_limits){ .pids.limit = { true, -2 } };
	assert_int_equal(cgroup_limits_check(&f->l, &f->e), -EINVAL);
	f->l = (struct cgroup_limits){ .net.class_id = { true, 1 } };
	assert_int_equal(cgroup_limits_check(&f->l, &f->e), -EINVAL);
	f->l = (struct cgroup_limits){ .memory.limit = { true, -2 } };
	assert_int_equal(cgroup_limits_check(&f->l, &f->e), -EINVAL);
	f->l = (struct cgroup_limits){ .cpu = { .quota = { true, 5000 },
						.burst = { true, 6000 } } };
	assert_int_equal(cgroup_limits_check(&f->l, &f->e), -EINVAL);
}

static void limits__check__takes_what_engines_send(void **state)
{
	struct fixture *f = *state;

	f->l.memory.disable_oom_killer = (struct json_opt_bool){ true, false };
	f->l.memory.kernel = (struct json_opt_i64){ true, 0 };
	f->l.cpu.rt_runtime = (struct json_opt_i64){ true, 0 };
	f->l.cpu.quota = (struct json_opt_i64){ true, 0 };
	f->l.cpu.period = (struct json_opt_u64){ true, 0 };
	f->l.cpu.shares = (struct json_opt_u64){ true, 0 };
	f->l.cpu.cpus = "";
	assert_int_equal(cgroup_limits_check(&f->l, &f->e), 0);
	assert_false(cgroup_limits_any(&f->l));
	set(f, "memory", "1g");
	assert_true(cgroup_limits_any(&f->l));
}

static void limits__merge__replaces_what_is_set(void **state)
{
	struct fixture *f = *state;
	struct cgroup_limits change = { 0 };

	set(f, "memory", "1m");
	set(f, "cpu-shares", "100");
	set(f, "device-read-bps", "8:0:1m");
	set(f, "cgroup-conf", "memory.high=1");
	change.memory.limit = (struct json_opt_i64){ true, -1 };
	assert_int_equal(cgroup_limits_set(&change, f->a, "device-read-bps", "8:0:2m", &f->e), 0);
	assert_int_equal(cgroup_limits_set(&change, f->a, "device-read-bps", "8:1:2m", &f->e), 0);
	assert_int_equal(cgroup_limits_set(&change, f->a, "memory-high", "-1", &f->e), 0);
	cgroup_limits_merge(&f->l, f->a, &change);
	assert_int_equal(f->l.memory.limit.v, -1);
	assert_int_equal(f->l.cpu.shares.v, 100);
	assert_int_equal(f->l.blkio.rbps.n, 2);
	assert_int_equal(f->l.blkio.rbps.v[0].rate, 2 << 20);
	assert_string_equal(cgroup_unified_get(&f->l, "memory.high"), "max");
	assert_int_equal(f->l.unified.n, 1);
}

static void device__text__parsed_strictly(void **state)
{
	static const char *const bad[] = {
		"",	    "c",     "c 1:3",	"c 1:3 ",     "c 1:3 rr",	  "d 1:3 r",
		"c  1:3 r", "c 1 r", "c x:3 r", "c 1:3 rwmx", "c 99999999999:1 r"
	};
	struct cgroup_device d;

	(void)state;
	assert_int_equal(cgroup_device_parse("b 8:* rm", &d), 0);
	assert_int_equal(d.type, CGROUP_DEV_BLOCK);
	assert_int_equal(d.major, 8);
	assert_int_equal(d.minor, -1);
	assert_int_equal(d.access, CGROUP_DEV_READ | CGROUP_DEV_MKNOD);
	assert_true(d.allow);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cgroup_device_parse(bad[i], &d), -EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(limits__every_row__has_parser_and_key),
		T(limits__every_row__set_and_written),
		T(limits__bad_values__name_the_option),
		T(limits__memory__too_little_is_refused_only_where_asked),
		T(limits__cpus__become_quota_and_period),
		T(limits__cpus_beside_quota__refused),
		T(limits__memory__swap_is_the_difference),
		T(limits__pids_zero__unlimited_for_people_one_in_config),
		T(limits__unified__written_last),
		T(limits__unified_of_many_lines__one_write_each),
		T(limits__idle__has_no_weight),
		T(limits__lists__one_line_a_device),
		T(limits__shares__agree_with_the_peers_curve),
		T(limits__check__refuses_what_v2_cannot),
		T(limits__check__takes_what_engines_send),
		T(limits__merge__replaces_what_is_set),
		T(device__text__parsed_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
