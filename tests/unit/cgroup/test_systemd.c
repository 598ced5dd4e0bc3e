/* Scopes of the running systemd.  Needs root, systemd as init and libsystemd; else skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "cgroup/place.h"

struct fixture {
	struct arena *a;
	struct cgroup_limits l;
	struct cgroup c;
	struct cgroup_want w;
	struct err e;
	char id[32];
	bool usable;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	f->a = arena_new(8u << 20);
	f->c = (struct cgroup)CGROUP_INIT;
	snprintf(f->id, sizeof(f->id), "unit%d", (int)getpid());
	f->w = (struct cgroup_want){ .driver = CGROUP_DRIVER_SYSTEMD,
				     .id = f->id,
				     .limits = &f->l };
	f->usable = geteuid() == 0 && access("/run/systemd/system", F_OK) == 0 &&
		    cgroup_systemd_is_there(false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	if (f->c.path && cgroup_destroy(f->c.driver, f->c.path, f->c.unit, &e) < 0)
		fprintf(stderr, "%s\n", e.msg);
	cgroup_cleanup(&f->c);
	arena_free(f->a);
	mem_free_cleanup(&f);
	return e.code ? -1 : 0;
}

#define NEED_SYSTEMD(f) \
	do { \
		if (!(f)->usable) { \
			print_message("skipped: needs root and systemd as init\n"); \
			skip(); \
		} \
	} while (0)

static void ok(struct fixture *f, int r)
{
	if (r < 0)
		fail_msg("%s", f->e.msg);
}

static void set(struct fixture *f, struct cgroup_limits *l, const char *option, const char *value)
{
	ok(f, cgroup_limits_set(l, f->a, option, value, &f->e));
}

static pid_t child_in(int fd)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP,
				   .exit_signal = SIGCHLD,
				   .cgroup = (unsigned)fd };
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	return pid;
}

static void file_is(int fd, const char *file, const char *want)
{
	struct err e = ERR_INIT;
	char buf[256];

	if (path_read_line(fd, file, buf, sizeof(buf), &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(buf, want);
}

/* What systemctl says of a property. */
static void property_is(const char *unit, const char *name, const char *want)
{
	AUTO_FREE char *cmd = mem_printf("systemctl show -p %s --value %s", name, unit);
	FILE *p = popen(cmd, "r");
	char line[512] = "";

	assert_non_null(p);
	if (!fgets(line, sizeof(line), p))
		line[0] = '\0';
	pclose(p);
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, want) != 0)
		fail_msg("%s of %s is \"%s\", not \"%s\"", name, unit, line, want);
}

static void scope__made_and_destroyed__nothing_left(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *place = NULL;
	AUTO_FREE char *unit = NULL;
	int fd, st;
	pid_t pid;

	NEED_SYSTEMD(f);
	ok(f, cgroup_place(&f->w, &place, &f->e));
	ok(f, cgroup_make(&f->w, &f->c, &f->e));
	assert_string_equal(place, f->c.path);
	assert_true(str_starts(f->c.unit, "berth-unit"));
	unit = mem_strdup(f->c.unit);
	pid = child_in(f->c.fd);
	cgroup_settle(&f->c);
	property_is(unit, "ActiveState", "active");
	property_is(unit, "Delegate", "yes");
	ok(f, cgroup_destroy(f->c.driver, f->c.path, f->c.unit, &f->e));
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(WTERMSIG(st), SIGKILL);
	assert_int_equal(cgroup_dir_open(place, &fd, &f->e), -ENOENT);
	property_is(unit, "LoadState", "not-found");
	ok(f, cgroup_destroy(f->c.driver, f->c.path, f->c.unit, &f->e));
}

static void scope__limits__in_the_unit_and_in_the_kernel(void **state)
{
	struct fixture *f = *state;
	struct json_pair v[] = { { "org.systemd.property.TimeoutStopSec", "7" },
				 { "org.systemd.property.Wants", "['basic.target']" } };
	struct json_map m = { ARRAY_SIZE(v), v };
	struct cgroup_limits change = { 0 };
	pid_t pid;

	NEED_SYSTEMD(f);
	set(f, &f->l, "memory", "64m");
	set(f, &f->l, "memory-swap", "64m");
	set(f, &f->l, "cpus", "0.5");
	set(f, &f->l, "cpu-shares", "512");
	set(f, &f->l, "cpuset-cpus", "0");
	set(f, &f->l, "pids-limit", "33");
	set(f, &f->l, "memory-high", "60m");
	set(f, &f->l, "oom-group", NULL);
	f->w.oci_path = "machine-berth.slice:t:x";
	f->w.annotations = &m;
	ok(f, cgroup_make(&f->w, &f->c, &f->e));
	assert_string_equal(f->c.path, "machine.slice/machine-berth.slice/t-x.scope");
	pid = child_in(f->c.fd);
	cgroup_settle(&f->c);
	property_is("t-x.scope", "MemoryMax", "67108864");
	property_is("t-x.scope", "MemoryHigh", "62914560");
	property_is("t-x.scope", "CPUQuotaPerSecUSec", "500ms");
	property_is("t-x.scope", "AllowedCPUs", "0");
	property_is("t-x.scope", "TasksMax", "33");
	property_is("t-x.scope", "TimeoutStopUSec", "7s");
	file_is(f->c.fd, "memory.max", "67108864");
	file_is(f->c.fd, "memory.swap.max", "0");
	file_is(f->c.fd, "memory.high", "62914560");
	file_is(f->c.fd, "memory.oom.group", "1");
	file_is(f->c.fd, "cpu.max", "50000 100000");
	file_is(f->c.fd, "cpu.weight", "59");
	file_is(f->c.fd, "cpuset.cpus", "0");
	file_is(f->c.fd, "pids.max", "33");
	set(f, &change, "memory", "128m");
	set(f, &change, "memory-swap", "160m");
	set(f, &change, "pids-limit", "-1");
	set(f, &change, "cpu-period", "50000");
	ok(f, cgroup_apply(&f->c, &change, &f->e));
	property_is("t-x.scope", "MemoryMax", "134217728");
	property_is("t-x.scope", "MemorySwapMax", "33554432");
	property_is("t-x.scope", "TasksMax", "infinity");
	file_is(f->c.fd, "memory.max", "134217728");
	file_is(f->c.fd, "pids.max", "max");
	file_is(f->c.fd, "cpu.max", "50000 50000");	/* the quota stays */
	change = (struct cgroup_limits){ 0 };
	set(f, &change, "cpu-quota", "25000");
	ok(f, cgroup_apply(&f->c, &change, &f->e));
	file_is(f->c.fd, "cpu.max", "25000 50000");	/* the period stays */
	property_is("t-x.scope", "CPUQuotaPeriodUSec", "50ms");
	file_is(f->c.fd, "memory.oom.group", "1");
	/* a reload writes what the unit says, which is what we told it */
	assert_int_equal(system("systemctl daemon-reload"), 0);
	file_is(f->c.fd, "memory.max", "134217728");
	file_is(f->c.fd, "cpu.weight", "59");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int open_code(int cgroup, const char *path, int flags)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP,
				   .exit_signal = SIGCHLD,
				   .cgroup = (unsigned)cgroup };
	pid_t pid = sys_clone3(&args);
	int st;

	if (pid == 0)
		_exit(open(path, flags) < 0 ? errno : 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	return WEXITSTATUS(st);
}

static void scope__devices__denied_also_after_a_reload(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	NEED_SYSTEMD(f);
	cgroup_devices_default(&f->l, f->a);
	ok(f, cgroup_make(&f->w, &f->c, &f->e));
	pid = child_in(f->c.fd);
	cgroup_settle(&f->c);
	property_is(f->c.unit, "DevicePolicy", "strict");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(open_code(f->c.fd, "/dev/null", O_RDWR), 0);
		assert_int_equal(open_code(f->c.fd, "/dev/kmsg", O_RDONLY), EPERM);
		assert_int_equal(system("systemctl daemon-reload"), 0);
	}
	/* allowing one more takes effect in both programs */
	cgroup_devices_add(&f->l, f->a,
			   (struct cgroup_device){ true, CGROUP_DEV_CHAR, 1, 11, CGROUP_DEV_READ });
	ok(f, cgroup_apply(&f->c, &f->l, &f->e));
	assert_int_equal(open_code(f->c.fd, "/dev/kmsg", O_RDONLY), 0);
	assert_int_equal(open_code(f->c.fd, "/dev/mem", O_RDONLY), EPERM);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void scope__subgroups__entered(void **state)
{
	struct fixture *f = *state;
	struct json_pair v[] = { { "run.oci.systemd.subgroup", "container" },
				 { "run.oci.delegate-cgroup", "mine" } };
	struct json_map m = { 2, v };
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *want = NULL;
	struct err e = ERR_INIT;
	char line[256];
	pid_t pid;

	NEED_SYSTEMD(f);
	set(f, &f->l, "memory", "64m");
	f->w.annotations = &m;
	ok(f, cgroup_make(&f->w, &f->c, &f->e));
	pid = child_in(f->c.fd);
	cgroup_settle(&f->c);
	ok(f, cgroup_of_pid(pid, &path, &f->e));
	want = mem_printf("%s/container/mine", f->c.path);
	assert_string_equal(path, want);
	assert_int_equal(path_read_line(f->c.fd, "cgroup.controllers", line, sizeof(line), &e), 0);
	assert_non_null(strstr(line, "memory"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void scope__name_in_use__refused(void **state)
{
	struct fixture *f = *state;
	struct cgroup other = CGROUP_INIT;
	pid_t pid;

	NEED_SYSTEMD(f);
	ok(f, cgroup_make(&f->w, &f->c, &f->e));
	pid = child_in(f->c.fd);
	cgroup_settle(&f->c);
	assert_true(cgroup_make(&f->w, &other, &f->e) < 0);
	assert_non_null(strstr(f->e.msg, "already"));
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void scope__bad_property__refused_nothing_left(void **state)
{
	struct fixture *f = *state;
	struct json_pair v[] = { { "org.systemd.property.NoSuchThing", "true" } };
	struct json_map m = { 1, v };
	AUTO_FREE char *place = NULL;
	int fd;

	NEED_SYSTEMD(f);
	f->w.annotations = &m;
	ok(f, cgroup_place(&f->w, &place, &f->e));
	assert_true(cgroup_make(&f->w, &f->c, &f->e) < 0);
	assert_non_null(strstr(f->e.msg, "NoSuchThing"));
	assert_int_equal(cgroup_dir_open(place, &fd, &f->e), -ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(scope__made_and_destroyed__nothing_left),
		T(scope__limits__in_the_unit_and_in_the_kernel),
		T(scope__devices__denied_also_after_a_reload),
		T(scope__subgroups__entered),
		T(scope__name_in_use__refused),
		T(scope__bad_property__refused_nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
