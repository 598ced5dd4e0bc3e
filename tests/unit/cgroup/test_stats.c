/* The kernel's text of statistics, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "cgroup/stats.h"

static void counters__lines__parsed(void **state)
{
	struct arena *a AUTO(arena) = arena_new(1u << 20);
	struct cgroup_counter *v;
	size_t n = cgroup_parse_counters(
		a, "anon 4096\nfile 18446744073709551615\nbad\nx y\n\nlast 7", &v);

	(void)state;
	assert_int_equal(n, 3);
	assert_int_equal(cgroup_counter_of(v, n, "anon"), 4096);
	assert_true(cgroup_counter_of(v, n, "file") == UINT64_MAX);
	assert_int_equal(cgroup_counter_of(v, n, "last"), 7);
	assert_int_equal(cgroup_counter_of(v, n, "none"), 0);
	assert_int_equal(cgroup_parse_counters(a, "", &v), 0);
}

static void pressure__text__parsed(void **state)
{
	struct cgroup_pressure p = { 0 };

	(void)state;
	assert_int_equal(
		cgroup_parse_pressure("some avg10=1.71 avg60=2.36 avg300=2.57 total=230548833\n"
				      "full avg10=1.00 avg60=1.01 avg300=1.00 total=157622356\n",
				      &p),
		0);
	assert_true(p.known && p.some.avg10 == 1.71 && p.some.total == 230548833 &&
		    p.full.avg60 == 1.01);
	/* cpu.pressure had no "full" line before 5.13 */
	assert_int_equal(
		cgroup_parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", &p), 0);
	assert_int_equal(cgroup_parse_pressure("", &p), -EINVAL);
	assert_int_equal(cgroup_parse_pressure("some avg10=x\n", &p), -EINVAL);
}

static void io__lines__parsed(void **state)
{
	struct arena *a AUTO(arena) = arena_new(1u << 20);
	struct cgroup_io_stat *v;
	size_t n = cgroup_parse_io(
		a,
		"8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=5 dios=6\n"
		"8:0\n7:0 \nbad\n259:1 wios=4\n",
		&v);

	(void)state;
	assert_int_equal(n, 2);
	assert_int_equal(v[0].minor, 16);
	assert_int_equal(v[0].rbytes, 1459200);
	assert_int_equal(v[0].dios, 6);
	assert_int_equal(v[1].major, 259);
	assert_int_equal(v[1].wios, 4);
	assert_int_equal(v[1].rbytes, 0);
}

static void rdma__lines__parsed(void **state)
{
	struct arena *a AUTO(arena) = arena_new(1u << 20);
	struct cgroup_rdma_stat *v;

	(void)state;
	assert_int_equal(cgroup_parse_rdma(a, "mlx4_0 hca_handle=2 hca_object=max\n", &v), 1);
	assert_string_equal(v[0].device, "mlx4_0");
	assert_int_equal(v[0].handles, 2);
	assert_true(v[0].objects == UINT32_MAX);
}

static void stats__percent_and_memory__as_docker_counts(void **state)
{
	struct cgroup_stats a = { .time_ns = 1000000000 }, b = { .time_ns = 2000000000 };

	(void)state;
	b.cpu.usage = 500000000;
	assert_true(cgroup_stats_cpu_percent(&a, &b) == 50);
	assert_true(cgroup_stats_cpu_percent(&b, &a) == 0);
	b.memory.usage = 100;
	b.memory.inactive_file = 30;
	assert_int_equal(cgroup_stats_memory_used(&b), 70);
	b.memory.inactive_file = 300;
	assert_int_equal(cgroup_stats_memory_used(&b), 100);
}

static void stats__json__has_the_fields_of_runc(void **state)
{
	static const char *const words[] = {
		"{\"type\":\"stats\",\"id\":\"c1\",\"data\":{",
		"\"cpu\":{\"usage\":{\"total\":5,\"kernel\":2,\"user\":3},"
		"\"throttling\":{\"periods\":9}",
		"\"psi\":{\"some\":{\"avg10\":0.5,",
		"\"memory\":{\"cache\":7,\"usage\":{\"limit\":100,\"usage\":50,"
		"\"max\":60,\"failcnt\":4},"
		"\"swap\":{\"limit\":300,\"usage\":51,\"failcnt\":0}",
		"\"raw\":{\"anon\":42}",
		"\"pids\":{\"current\":3,\"limit\":10}",
		"\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":11},",
		"\"hugetlb\":{\"2MB\":{\"usage\":1,\"failcnt\":3}}",
		"\"cpuset\":{\"cpu_exclusive\":0,",
		"\"intel_rdt\":{\"l3_cache_schema\":\"L3:0=7f0\",\"mem_bw_schema\":\"MB:0=100\","
		"\"schemata\":[\"L3:0=7f0\",\"MB:0=100\"]}",
	};
	char *rdt[] = { "L3:0=7f0", "MB:0=100", NULL };
	struct cgroup_counter raw[] = { { "anon", 42 } };
	struct cgroup_io_stat io[] = { { .major = 8, .rbytes = 11 } };
	struct cgroup_hugetlb_stat huge[] = { { "2MB", 1, 3 } };
	struct cgroup_stats s = { .raw = raw,
				  .nraw = 1,
				  .io = io,
				  .nio = 1,
				  .hugetlb = huge,
				  .nhugetlb = 1,
				  .pids = 3,
				  .pids_limit = 10 };
	struct strbuf b AUTO(strbuf) = STRBUF_INIT;
	struct json_out o;

	(void)state;
	s.rdt = rdt;
	s.cpu.usage = 5;
	s.cpu.system = 2;
	s.cpu.user = 3;
	s.cpu.periods = 9;
	s.cpu_psi.known = true;
	s.cpu_psi.some.avg10 = 0.5;
	s.memory.cache = 7;
	s.memory.limit = 100;
	s.memory.usage = 50;
	s.memory.peak = 60;
	s.memory.failcnt = 4;
	s.memory.swap = 1;
	s.memory.swap_limit = 200;
	json_out_init(&o, &b, 0);
	cgroup_stats_write(&o, "c1", &s);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strstr(b.s, words[i]))
			fail_msg("%s\nhas no %s", b.s, words[i]);
}

/* ---- host.c: why a controller is missing ----------------------------------------------- */

static const char mountinfo[] =
	"30 25 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"
	"31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw\n"
	"33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n"
	"34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

static void host__v1_mount__found_by_controller(void **state)
{
	char at[64];

	(void)state;
	assert_true(cgroup_v1_mount_of(mountinfo, "memory", at, sizeof(at)));
	assert_string_equal(at, "/sys/fs/cgroup/memory");
	assert_true(cgroup_v1_mount_of(mountinfo, "cpu", at, sizeof(at)));
	assert_string_equal(at, "/sys/fs/cgroup/cpu,cpuacct");
	assert_false(cgroup_v1_mount_of(mountinfo, "cpuset", at, sizeof(at)));
	assert_false(cgroup_v1_mount_of(mountinfo, "mem", at, sizeof(at)));
	assert_false(cgroup_v1_mount_of("", "mem", at, sizeof(at)));
}

static void host__proc_cgroups__enabled_or_not(void **state)
{
	static const char text[] = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
				   "cpuset\t0\t1\t1\nmemory\t0\t1\t0\n";

	(void)state;
	assert_int_equal(cgroup_enabled_in(text, "cpuset"), 1);
	assert_int_equal(cgroup_enabled_in(text, "memory"), 0);
	assert_int_equal(cgroup_enabled_in(text, "cpu"), -1);
}

static void host__controllers__parsed_and_shown(void **state)
{
	struct strbuf b AUTO(strbuf) = STRBUF_INIT;

	(void)state;
	assert_int_equal(cgroup_controllers_parse("cpuset cpu io memory new pids\n"),
			 CGROUP_CPUSET | CGROUP_CPU | CGROUP_IO | CGROUP_MEMORY | CGROUP_PIDS);
	cgroup_controllers_show(CGROUP_CPU | CGROUP_MISC, &b);
	assert_string_equal(b.s, "cpu misc");
	assert_int_equal(cgroup_controller_of_file("memory.swap.max"), CGROUP_MEMORY);
	assert_int_equal(cgroup_controller_of_file("cgroup.max.depth"), 0);
}

static void driver__names__both_ways(void **state)
{
	enum cgroup_driver d;

	(void)state;
	for (int i = 0; i <= CGROUP_DRIVER_AUTO; i++) {
		assert_int_equal(cgroup_driver_parse(cgroup_driver_name((enum cgroup_driver)i), &d),
				 0);
		assert_int_equal(d, i);
	}
	assert_int_equal(cgroup_driver_parse("x", &d), -EINVAL);
	assert_int_equal(cgroup_driver_parse(NULL, &d), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters__lines__parsed),
		cmocka_unit_test(pressure__text__parsed),
		cmocka_unit_test(io__lines__parsed),
		cmocka_unit_test(rdma__lines__parsed),
		cmocka_unit_test(stats__percent_and_memory__as_docker_counts),
		cmocka_unit_test(stats__json__has_the_fields_of_runc),
		cmocka_unit_test(host__v1_mount__found_by_controller),
		cmocka_unit_test(host__proc_cgroups__enabled_or_not),
		cmocka_unit_test(host__controllers__parsed_and_shown),
		cmocka_unit_test(driver__names__both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
