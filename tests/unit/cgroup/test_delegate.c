/* Subtrees of users and of cgroup namespaces.  Needs root and a cgroup2 mount; what needs
 * controllers is skipped where they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "cgroup/place.h"

static bool usable(void)
{
	struct err e = ERR_INIT;
	int fd = -1, r = cgroup_root_open(&fd, NULL, 0, &e);

	if (r == 0 && (geteuid() != 0 || faccessat(fd, "cgroup.procs", W_OK, 0) < 0))
		r = -EACCES;
	fd_close(&fd);
	return r == 0;
}

#define NEED(condition, why) \
	do { \
		if (!(condition)) { \
			print_message("skipped: %s\n", why); \
			skip(); \
		} \
	} while (0)
#define NEED_ROOT() NEED(usable(), "needs root and a writable cgroup2 mount")

static unsigned controllers(void)
{
	struct cgroup_host h AUTO(cgroup_host) = CGROUP_HOST_INIT;
	struct err e = ERR_INIT;

	return cgroup_host_open(&h, &e) < 0 ? 0 : h.controllers;
}

static uid_t some_uid(void)
{
	return 40000 + (uid_t)getpid() % 20000;
}

/* In a child: what fails is said on stderr and becomes its exit status. */
#define CHECK(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			_exit(1); \
		} \
	} while (0)
#define CHECK_OK(r, e) \
	do { \
		if ((r) < 0) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, (e)->msg); \
			_exit(1); \
		} \
	} while (0)

static void child_succeeds(pid_t pid)
{
	int st;

	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 0);
}

static void become(uid_t uid)
{
	CHECK(setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 &&
	      setresuid(uid, uid, uid) == 0);
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	unsetenv("XDG_RUNTIME_DIR");
}

static void user_of_subtree(uid_t uid)
{
	struct arena *a = arena_new(1u << 20);
	struct cgroup_limits l = { 0 };
	struct cgroup_want w = {
		.driver = CGROUP_DRIVER_AUTO, .id = "c1", .rootless = true, .limits = &l
	};
	struct cgroup c = CGROUP_INIT;
	struct err e = ERR_INIT;
	AUTO_FREE char *want = mem_printf("berth-user/%u/berth/c1", uid);
	AUTO_FREE char *place = NULL;
	char line[64];

	become(uid);
	if (controllers() & CGROUP_PIDS)
		CHECK_OK(cgroup_limits_set(&l, a, "pids-limit", "50", &e), &e);
	CHECK_OK(cgroup_place(&w, &place, &e), &e);
	CHECK(str_eq(place, want));
	CHECK_OK(cgroup_make(&w, &c, &e), &e);
	CHECK(c.driver == CGROUP_DRIVER_CGROUPFS && str_eq(c.path, want));
	CHECK_OK(cgroup_attach(c.fd, getpid(), &e), &e);
	if (controllers() & CGROUP_PIDS) {
		CHECK_OK(path_read_line(c.fd, "pids.max", line, sizeof(line), &e), &e);
		CHECK(str_eq(line, "50"));
	}
	_exit(0);
}

static void delegate__user__makes_limited_cgroups(void **state)
{
	AUTO_FREE char *path = NULL, *leaf = NULL;
	uid_t uid = some_uid();
	struct err e = ERR_INIT;
	struct stat st;
	int fd = -1, inside[2];
	pid_t pid;
	char c;

	(void)state;
	NEED_ROOT();
	assert_int_equal(pipe(inside), 0);
	assert_int_equal(cgroup_delegate_make(uid, uid, &path, &e), 0);
	leaf = mem_printf("%s/init", path);
	assert_int_equal(cgroup_dir_open(leaf, &fd, &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, uid);
	pid = fork();
	if (pid == 0) {
		CHECK_OK(cgroup_attach(fd, getpid(), &e), &e);
		user_of_subtree(uid);
	}
	child_succeeds(pid);
	pid = fork();
	if (pid == 0) {
		CHECK_OK(cgroup_attach(fd, getpid(), &e), &e);
		CHECK(write(inside[1], "", 1) == 1);
		for (;;)
			pause();
	}
	close(inside[1]);
	assert_int_equal(read(inside[0], &c, 1), 1);
	assert_int_equal(cgroup_delegate_remove(uid, &e), -EBUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	close(inside[0]);
	assert_int_equal(cgroup_delegate_remove(uid, &e), 0);
	assert_int_equal(cgroup_delegate_remove(uid, &e), 0);
	assert_int_equal(cgroup_dir_open(path, &fd, &e), -ENOENT);
}

static void user_of_nothing(uid_t uid, bool limits)
{
	struct cgroup_limits l = { 0 };
	struct cgroup_want w = {
		.driver = CGROUP_DRIVER_AUTO, .id = "c1", .rootless = true, .limits = &l
	};
	struct cgroup c = CGROUP_INIT;
	struct err e = ERR_INIT;
	AUTO_FREE char *place = NULL;

	become(uid);
	if (!limits) {
		CHECK_OK(cgroup_make(&w, &c, &e), &e);
		CHECK(c.driver == CGROUP_DRIVER_DISABLED && c.fd == -1);
		w.driver = CGROUP_DRIVER_CGROUPFS;
		CHECK_OK(cgroup_make(&w, &c, &e), &e);
		CHECK(c.driver == CGROUP_DRIVER_DISABLED);
		CHECK_OK(cgroup_place(&w, &place, &e), &e);
		CHECK(str_eq(place, ""));
		w.oci_path = "/some/place";
		CHECK(cgroup_make(&w, &c, &e) == -EACCES);
		CHECK(strstr(e.msg, "berth delegate"));
		_exit(0);
	}
	l.pids.limit = (struct json_opt_i64){ true, 5 };
	CHECK(cgroup_make(&w, &c, &e) < 0);
	CHECK(strstr(e.msg, "berth delegate"));
	w.driver = CGROUP_DRIVER_CGROUPFS;
	CHECK(cgroup_make(&w, &c, &e) < 0);
	_exit(0);
}

static void rootless__without_a_subtree__no_limits_or_an_error(void **state)
{
	(void)state;
	NEED_ROOT();
	for (int limits = 0; limits < 2; limits++) {
		pid_t pid = fork();

		if (pid == 0)
			user_of_nothing(some_uid(), limits);
		child_succeeds(pid);
	}
}

/* What a container engine inside a container sees: its own processes in the root of its cgroup
 * namespace, where controllers cannot be enabled while they are there. */
static void inside_namespace(void)
{
	struct cgroup_limits l = { .pids.limit = { true, 9 } };
	struct cgroup_want w = { .driver = CGROUP_DRIVER_AUTO, .id = "inner", .limits = &l };
	struct cgroup c = CGROUP_INIT;
	struct err e = ERR_INIT;
	AUTO_FREE char *own = NULL;
	char line[64];

	CHECK(unshare(CLONE_NEWCGROUP | CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	umount2("/sys/fs/cgroup", MNT_DETACH);
	CHECK(mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0);
	CHECK_OK(cgroup_of_pid(0, &own, &e), &e);
	CHECK(str_eq(own, ""));
	CHECK_OK(cgroup_make(&w, &c, &e), &e);
	CHECK(str_eq(c.path, "berth/inner"));
	CHECK_OK(path_read_line(c.fd, "pids.max", line, sizeof(line), &e), &e);
	CHECK(str_eq(line, "9"));
	free(TAKE(own));
	CHECK_OK(cgroup_of_pid(0, &own, &e), &e);
	CHECK(str_eq(own, "init"));
	_exit(0);
}

static void nested__processes_in_the_namespace_root__step_aside(void **state)
{
	struct cgroup_want w = { .driver = CGROUP_DRIVER_CGROUPFS,
				 .id = "outer",
				 .parent = "/berth-nested" };
	struct cgroup c = CGROUP_INIT;
	struct err e = ERR_INIT;
	pid_t pid;

	(void)state;
	NEED_ROOT();
	NEED(controllers() & CGROUP_PIDS, "controllers are bound to v1");
	if (cgroup_make(&w, &c, &e) < 0)
		fail_msg("%s", e.msg);
	pid = fork();
	if (pid == 0) {
		CHECK_OK(cgroup_attach(c.fd, getpid(), &e), &e);
		inside_namespace();
	}
	child_succeeds(pid);
	assert_int_equal(cgroup_remove("berth-nested", 2000, &e), 0);
	cgroup_cleanup(&c);
}

static void enable__parent_with_strangers__refused(void **state)
{
	struct cgroup_want w = { .driver = CGROUP_DRIVER_CGROUPFS,
				 .id = "c",
				 .parent = "/berth-full" };
	struct cgroup_limits l = { .pids.limit = { true, 9 } };
	struct cgroup c = CGROUP_INIT;
	struct err e = ERR_INIT;
	int fd = -1;
	pid_t pid;

	(void)state;
	NEED_ROOT();
	NEED(controllers() & CGROUP_PIDS, "controllers are bound to v1");
	w.oci_path = "/berth-full";
	assert_int_equal(cgroup_make(&w, &c, &e), 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(cgroup_attach(c.fd, pid, &e), 0);
	cgroup_cleanup(&c);
	w.oci_path = "/berth-full/c";
	w.limits = &l;
	assert_int_equal(cgroup_make(&w, &c, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "berth-full"));
	assert_int_equal(cgroup_dir_open("berth-full/c", &fd, &e), -ENOENT);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(cgroup_remove("berth-full", 2000, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delegate__user__makes_limited_cgroups),
		cmocka_unit_test(rootless__without_a_subtree__no_limits_or_an_error),
		cmocka_unit_test(nested__processes_in_the_namespace_root__step_aside),
		cmocka_unit_test(enable__parent_with_strangers__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
