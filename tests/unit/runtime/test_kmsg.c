/* What the kernel's log says of an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "runtime/kmsg.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CALL \
	"audit: type=1326 audit(1795289235.503:86): auid=4294967295 uid=0 gid=0 ses=4294967295 " \
	"pid=8604 comm=\"mkdir\" exe=\"/bin/busybox\" sig=31 arch=c000003e syscall=83 compat=0 " \
	"ip=0x47b567 code=0x80000000\n"
#define OOM(task) \
	"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=" ID ",mems_allowed=0," \
	"oom_memcg=/berth/" ID ",task_memcg=/berth/" ID "/exec-1,task=" task ",pid=77,uid=0\n"

static void call__of_that_process__number_and_machine(void **state)
{
	struct kmsg_call c;

	(void)state;
	assert_true(kmsg_parse_call(CALL, 8604, &c));
	assert_int_equal(c.nr, 83);
	assert_int_equal(c.arch, 0xc000003e);
	assert_false(kmsg_parse_call(CALL, 860, &c));
	assert_false(kmsg_parse_call(CALL, 86040, &c));
}

static void call__only_logged_or_cut_off__not_taken(void **state)
{
	static const char *const texts[] = {
		"", "audit: type=1326 pid=8604",
		"audit: type=1300 pid=8604 sig=31 arch=1 syscall=2",
		"audit: type=1326 audit(1.1:1): pid=8604 comm=\"x\" sig=0 arch=c000003e syscall=83",
		"audit: type=1326 audit(1.1:1): pid=8604 comm=\"x\" sig=31 arch=c000003e syscall=",
	};
	struct kmsg_call c;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_false(kmsg_parse_call(texts[i], 8604, &c));
}

#define AUDITED(when, pid, nr) \
	"type=SECCOMP msg=audit(" when ":86): auid=0 uid=0 gid=0 ses=1 pid=" pid \
	" comm=\"mkdir\" exe=\"/bin/busybox\" sig=31 arch=c000003e syscall=" nr " compat=0 " \
	"ip=0x47b567 code=0x80000000\x1d" "ARCH=x86_64 SYSCALL=mkdir AUID=\"root\"\n"

static void audited__in_a_daemons_log__the_last_of_that_process(void **state)
{
	FILE *f = tmpfile();
	struct kmsg_call c;

	(void)state;
	assert_non_null(f);
	assert_false(kmsg_find_audited(fileno(f), 8604, 0, &c));
	for (int i = 0; i < 1000; i++)	/* more than is looked at */
		fputs(AUDITED("1700000000.000", "7", "1"), f);
	fputs(AUDITED("1700000001.503", "8604", "2"), f);
	fputs(AUDITED("1700000009.503", "8604", "83"), f);
	fputs(AUDITED("1700000009.504", "8605", "84"), f);
	fputs("type=SYSCALL msg=audit(1700000009.600:87): pid=8604 sig=31 arch=1 syscall=9\n", f);
	fputs("type=SECCOMP msg=audit(1700000009.700:88): pid=8604 sig=31 arch=1 sysc", f);
	fflush(f);
	assert_true(kmsg_find_audited(fileno(f), 8604, 1700000009000000000, &c));
	assert_int_equal(c.nr, 83);
	assert_int_equal(c.arch, 0xc000003e);
	assert_false(kmsg_find_audited(fileno(f), 8604, 1700000011000000000, &c));
	assert_false(kmsg_find_audited(fileno(f), 860, 1700000000000000000, &c));
	fclose(f);
}

static void victim__in_the_cgroup_or_below__task_and_pid(void **state)
{
	struct kmsg_victim v;

	(void)state;
	assert_true(kmsg_parse_victim(OOM("eater"), ID, &v));
	assert_string_equal(v.task, "eater");
	assert_int_equal(v.pid, 77);
}

static void victim__name_that_lies__not_believed(void **state)
{
	struct kmsg_victim v;

	(void)state;
	assert_true(kmsg_parse_victim(OOM("a,pid=1,uid=2"), ID, &v));
	assert_string_equal(v.task, "a,pid=1,uid=2");
	assert_int_equal(v.pid, 77);
	assert_true(kmsg_parse_victim(OOM("0123456789012345678901234567890123456789"), ID, &v));
	assert_int_equal(strlen(v.task), sizeof(v.task) - 1);
}

static void victim__of_another__not_taken(void **state)
{
	struct kmsg_victim v;

	(void)state;
	assert_false(kmsg_parse_victim(OOM("x"), "ffff456789abcdef", &v));
	assert_false(kmsg_parse_victim("oom-kill:task=" ID ",pid=1", ID, &v));
	/* another's process with our id as its name */
	assert_false(kmsg_parse_victim("oom-kill:constraint=NONE,task_memcg=/other,task=" ID
				       ",pid=1,uid=0", ID, &v));
	assert_false(kmsg_parse_victim("", ID, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call__of_that_process__number_and_machine),
		cmocka_unit_test(call__only_logged_or_cut_off__not_taken),
		cmocka_unit_test(audited__in_a_daemons_log__the_last_of_that_process),
		cmocka_unit_test(victim__in_the_cgroup_or_below__task_and_pid),
		cmocka_unit_test(victim__name_that_lies__not_believed),
		cmocka_unit_test(victim__of_another__not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
