/* A container's cgroup on the running kernel: up, down, kill, freeze, sub-cgroups, devices.
 * Needs root and a cgroup2 mount; what needs controllers is skipped where they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "cgroup/devices.h"
#include "cgroup/place.h"

struct fixture {
	struct arena *a;
	struct cgroup_limits l;
	struct cgroup c;
	struct cgroup_want w;
	char id[32], parent[64];
	struct err e;
};

static bool usable(void)
{
	struct err e = ERR_INIT;
	int fd = -1, r = cgroup_root_open(&fd, NULL, 0, &e);

	if (r == 0 && (geteuid() != 0 || faccessat(fd, "cgroup.procs", W_OK, 0) < 0))
		r = -EACCES;
	fd_close(&fd);
	return r == 0;
}

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	f->a = arena_new(8u << 20);
	f->c = (struct cgroup)CGROUP_INIT;
	snprintf(f->id, sizeof(f->id), "t%d", (int)getpid());
	snprintf(f->parent, sizeof(f->parent), "/berth-unit-%d", (int)getpid());
	f->w = (struct cgroup_want){
		.driver = CGROUP_DRIVER_CGROUPFS, .id = f->id, .parent = f->parent, .limits = &f->l
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	cgroup_cleanup(&f->c);
	if (usable() && cgroup_remove(f->parent + 1, 5000, &e) < 0)
		fprintf(stderr, "%s\n", e.msg);
	arena_free(f->a);
	mem_free_cleanup(&f);
	return e.code ? -1 : 0;
}

#define NEED(condition, why) \
	do { \
		if (!(condition)) { \
			print_message("skipped: %s\n", why); \
			skip(); \
		} \
	} while (0)
#define NEED_ROOT() NEED(usable(), "needs root and a writable cgroup2 mount")

static void ok(struct fixture *f, int r)
{
	if (r < 0)
		fail_msg("%s", f->e.msg);
}

static bool has_controllers(unsigned bits)
{
	struct cgroup_host h = CGROUP_HOST_INIT;
	struct err e = ERR_INIT;
	bool r = cgroup_host_open(&h, &e) == 0 && (h.controllers & bits) == bits;

	cgroup_host_cleanup(&h);
	return r;
}

static void up(struct fixture *f)
{
	ok(f, cgroup_make(&f->w, &f->c, &f->e));
}

/* A child inside the cgroup, born there; it runs fn or waits to be killed. */
static pid_t child_in(int fd, int (*fn)(void *), void *arg)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP,
				   .exit_signal = SIGCHLD,
				   .cgroup = (unsigned)fd };
	pid_t pid = sys_clone3(&args);

	if (pid == 0) {
		if (fn)
			_exit(fn(arg));
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static int status_of(pid_t pid)
{
	int st;

	assert_int_equal(waitpid(pid, &st, 0), pid);
	return st;
}

static void read_file(int fd, const char *file, char buf[256])
{
	struct err e = ERR_INIT;

	if (path_read_line(fd, file, buf, 256, &e) < 0)
		fail_msg("%s", e.msg);
}

static void file_is(int fd, const char *file, const char *want)
{
	char buf[256];

	read_file(fd, file, buf);
	assert_string_equal(buf, want);
}

/* ---- up and down ---------------------------------------------------------------------- */

static void cgroup__make_and_destroy__nothing_left(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *place = NULL;
	int fd;

	NEED_ROOT();
	ok(f, cgroup_place(&f->w, &place, &f->e));
	up(f);
	assert_string_equal(place, f->c.path);
	assert_true(f->c.made);
	ok(f, cgroup_destroy(f->c.driver, f->c.path, f->c.unit, &f->e));
	ok(f, cgroup_destroy(f->c.driver, f->c.path, f->c.unit, &f->e));
	assert_int_equal(cgroup_dir_open(place, &fd, &f->e), -ENOENT);
}

static void cgroup__destroy_with_processes_and_children__nothing_left(void **state)
{
	struct fixture *f = *state;
	pid_t a, b;
	char name[16] = "s0";
	int dir;

	NEED_ROOT();
	up(f);
	a = child_in(f->c.fd, NULL, NULL);
	/* a deep and a broad tree below, with a process at its end */
	dir = dup(f->c.fd);
	for (int i = 0; i < 100; i++) {
		int next;

		snprintf(name, sizeof(name), "s%d", i);
		assert_int_equal(mkdirat(dir, name, 0755), 0);
		assert_int_equal(mkdirat(dir, "beside", 0755), 0);
		next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = next;
	}
	b = child_in(dir, NULL, NULL);
	close(dir);
	ok(f, cgroup_destroy(f->c.driver, f->c.path, NULL, &f->e));
	assert_int_equal(WTERMSIG(status_of(a)), SIGKILL);
	assert_int_equal(WTERMSIG(status_of(b)), SIGKILL);
	assert_int_equal(cgroup_dir_open(f->c.path, &dir, &f->e), -ENOENT);
}

static void cgroup__exists_with_processes__refused(void **state)
{
	struct fixture *f = *state;
	struct cgroup other = CGROUP_INIT;
	pid_t a;

	NEED_ROOT();
	up(f);
	a = child_in(f->c.fd, NULL, NULL);
	assert_int_equal(cgroup_make(&f->w, &other, &f->e), -EBUSY);
	kill(a, SIGKILL);
	status_of(a);
	f->e = (struct err)ERR_INIT;
	ok(f, cgroup_make(&f->w, &other, &f->e)); /* empty: taken over, made anew */
	assert_true(other.made);
	cgroup_cleanup(&other);
}

static void cgroup__bad_paths__refused(void **state)
{
	static const char *const bad[] = { "/", "//", "/..", "a:b:c", "a\nb" };
	struct fixture *f = *state;

	NEED_ROOT();
	f->w.parent = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		f->w.oci_path = bad[i];
		f->e = (struct err)ERR_INIT;
		assert_int_equal(cgroup_make(&f->w, &f->c, &f->e), -EINVAL);
	}
	assert_int_equal(cgroup_remove("../x", 0, &f->e), -EINVAL);
	assert_int_equal(cgroup_remove("", 0, &f->e), -EINVAL);
	assert_int_equal(cgroup_remove("a/./b", 0, &f->e), -EINVAL);
	assert_int_equal(cgroup_remove("a/", 0, &f->e), -EINVAL);
}

static void cgroup__missing_controller__named_and_nothing_made(void **state)
{
	struct fixture *f = *state;
	int fd;

	NEED_ROOT();
	NEED(!has_controllers(CGROUP_MEMORY), "the memory controller is there");
	f->l.memory.limit = (struct json_opt_i64){ true, 1 << 20 };
	assert_int_equal(cgroup_make(&f->w, &f->c, &f->e), -ENOTSUP);
	assert_non_null(strstr(f->e.msg, "memory: the controller"));
	assert_int_equal(cgroup_dir_open(f->parent + 1, &fd, &f->e), -ENOENT);
}

static void cgroup__disabled__no_limits_no_cgroup(void **state)
{
	struct fixture *f = *state;

	f->w.driver = CGROUP_DRIVER_DISABLED;
	up(f);
	assert_int_equal(f->c.fd, -1);
	assert_string_equal(f->c.path, "");
	f->l.pids.limit = (struct json_opt_i64){ true, 5 };
	assert_int_equal(cgroup_make(&f->w, &f->c, &f->e), -ENOTSUP);
}

/* ---- life ----------------------------------------------------------------------------- */

static void kill__all_levels__dead(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *sub = NULL;
	AUTO_FREE pid_t *pids = NULL;
	struct cgroup_state s;
	pid_t a, b;
	size_t n;
	int fd;

	NEED_ROOT();
	up(f);
	ok(f, cgroup_make_sub(&f->c, NULL, &fd, &sub, &f->e));
	assert_non_null(strstr(sub, "/exec-"));
	a = child_in(f->c.fd, NULL, NULL);
	b = child_in(fd, NULL, NULL);
	ok(f, cgroup_pids(f->c.fd, &pids, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(cgroup_wait_empty(f->c.fd, 10), -ETIMEDOUT);
	ok(f, cgroup_kill(f->c.fd, &f->e));
	assert_int_equal(cgroup_wait_empty(f->c.fd, 5000), 0);
	assert_int_equal(WTERMSIG(status_of(a)), SIGKILL);
	assert_int_equal(WTERMSIG(status_of(b)), SIGKILL);
	assert_int_equal(cgroup_state_read(f->c.fd, &s), 0);
	assert_false(s.populated);
	ok(f, cgroup_remove(sub, 100, &f->e));
	close(fd);
}

static int forks_on(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++) {
		pid_t p = fork();

		if (p > 0)
			_exit(0); /* the chain goes on in the child */
		usleep(1000);
	}
	return 0;
}

static void signal__to_a_chain_of_forks__reaches_it(void **state)
{
	struct fixture *f = *state;
	pid_t a;

	NEED_ROOT();
	up(f);
	a = child_in(f->c.fd, forks_on, NULL);
	status_of(a);
	ok(f, cgroup_signal(f->c.fd, SIGTERM, &f->e));
	assert_int_equal(cgroup_wait_empty(f->c.fd, 2000), 0);
}

static void freeze__and_thaw__waits_for_both(void **state)
{
	struct fixture *f = *state;
	struct cgroup_watch w = CGROUP_WATCH_INIT;
	struct cgroup_state s;
	unsigned events = 0;
	pid_t a;

	NEED_ROOT();
	up(f);
	a = child_in(f->c.fd, NULL, NULL);
	ok(f, cgroup_watch_open(f->c.fd, &w, &f->e));
	ok(f, cgroup_freeze(f->c.fd, 2000, &f->e));
	assert_int_equal(cgroup_state_read(f->c.fd, &s), 0);
	assert_true(s.frozen);
	ok(f, cgroup_watch_read(&w, &events, &f->e));
	assert_int_equal(events, CGROUP_EVENT_FROZEN);
	ok(f, cgroup_thaw(f->c.fd, 2000, &f->e));
	ok(f, cgroup_watch_read(&w, &events, &f->e));
	assert_int_equal(events, CGROUP_EVENT_THAWED);
	ok(f, cgroup_freeze(f->c.fd, 2000, &f->e));
	ok(f, cgroup_destroy(f->c.driver, f->c.path, NULL, &f->e)); /* also when frozen */
	assert_int_equal(WTERMSIG(status_of(a)), SIGKILL);
	ok(f, cgroup_watch_read(&w, &events, &f->e));
	assert_int_equal(events, CGROUP_EVENT_GONE);
	cgroup_watch_cleanup(&w);
}

static void watch__last_process_ends__empty(void **state)
{
	struct fixture *f = *state;
	struct cgroup_watch w = CGROUP_WATCH_INIT;
	struct pollfd p = { .events = POLLIN };
	unsigned events = 0, all = 0;
	pid_t a;

	NEED_ROOT();
	up(f);
	a = child_in(f->c.fd, NULL, NULL);
	ok(f, cgroup_watch_open(f->c.fd, &w, &f->e));
	kill(a, SIGKILL);
	p.fd = w.fd;
	/* The kernel tells late: the news of the birth may come first. */
	while (!(all & CGROUP_EVENT_EMPTY) && poll(&p, 1, 30000) == 1) {
		ok(f, cgroup_watch_read(&w, &events, &f->e));
		all |= events;
	}
	assert_true(all & CGROUP_EVENT_EMPTY);
	status_of(a);
	cgroup_watch_cleanup(&w);
}

static int burn(void *arg)
{
	(void)arg;
	for (volatile unsigned long i = 0; i < 20000000; i++)
		;
	return 0;
}

static void stats__cpu__counts_without_controllers(void **state)
{
	struct fixture *f = *state;
	struct cgroup_stats s = CGROUP_STATS_INIT, t = CGROUP_STATS_INIT;
	struct strbuf b = STRBUF_INIT;
	struct json_out o;
	uint64_t usec;

	NEED_ROOT();
	up(f);
	ok(f, cgroup_stats_read(f->c.fd, &s, &f->e));
	status_of(child_in(f->c.fd, burn, NULL));
	ok(f, cgroup_stats_read(f->c.fd, &t, &f->e));
	assert_true(t.cpu.usage > s.cpu.usage);
	assert_true(cgroup_stats_cpu_percent(&s, &t) > 0);
	assert_int_equal(cgroup_cpu_read(f->c.fd, &usec), 0);
	assert_true(usec > 0);
	json_out_init(&o, &b, 0);
	cgroup_stats_write(&o, "x", &t);
	assert_true(str_starts(
		b.s, "{\"type\":\"stats\",\"id\":\"x\",\"data\":{\"cpu\":{\"usage\":{\"total\":"));
	strbuf_cleanup(&b);
	cgroup_stats_cleanup(&s);
	cgroup_stats_cleanup(&t);
}

static void delegate__files__owned(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	NEED_ROOT();
	f->w.delegate = true;
	f->w.uid = f->w.gid = 4242;
	up(f);
	assert_int_equal(fstat(f->c.fd, &st), 0);
	assert_int_equal(st.st_uid, 4242);
	assert_int_equal(fstatat(f->c.fd, "cgroup.procs", &st, 0), 0);
	assert_int_equal(st.st_uid, 4242);
	assert_int_equal(fstatat(f->c.fd, "cgroup.events", &st, 0), 0);
	assert_int_equal(st.st_uid, 0);
}

static void annotation__delegate_cgroup__one_level_below(void **state)
{
	struct json_pair v[] = { { "run.oci.delegate-cgroup", "mine" } };
	struct json_map m = { 1, v };
	struct fixture *f = *state;
	AUTO_FREE char *path = NULL;
	struct stat st;
	pid_t a;

	NEED_ROOT();
	f->w.annotations = &m;
	f->w.uid = 4243;
	up(f);
	a = child_in(f->c.fd, NULL, NULL);
	ok(f, cgroup_of_pid(a, &path, &f->e));
	assert_true(str_ends(path, "/mine") && str_starts(path, f->c.path));
	assert_int_equal(fstat(f->c.fd, &st), 0);
	assert_int_equal(st.st_uid, 4243);
	if (has_controllers(CGROUP_CPU)) {
		char line[256];

		read_file(f->c.fd, "cgroup.controllers", line);
		assert_non_null(strstr(line, "cpu"));
	}
	ok(f, cgroup_destroy(f->c.driver, f->c.path, NULL, &f->e));
	assert_int_equal(WTERMSIG(status_of(a)), SIGKILL);
	v[0].value = "../x";
	cgroup_cleanup(&f->c);
	f->c = (struct cgroup)CGROUP_INIT;
	assert_int_equal(cgroup_make(&f->w, &f->c, &f->e), -EINVAL);
}

/* ---- devices -------------------------------------------------------------------------- */

struct access {
	const char *path;
	int flags;
};

static int try_open(void *arg)
{
	struct access *a = arg;

	return open(a->path, a->flags) < 0 ? errno : 0;
}

static int code_in(struct fixture *f, const char *path, int flags)
{
	struct access a = { path, flags };
	int st = status_of(child_in(f->c.fd, try_open, &a));

	assert_true(WIFEXITED(st));
	return WEXITSTATUS(st);
}

static int try_mknod(void *arg)
{
	AUTO_FREE char *node = mem_printf("/tmp/berth-unit-node.%d", (int)getpid());

	(void)arg;
	if (mknod(node, S_IFCHR | 0600, makedev(10, 200)) < 0)
		return errno;
	unlink(node);
	return 0;
}

static void devices__default_rules__enforced(void **state)
{
	struct fixture *f = *state;

	NEED_ROOT();
	cgroup_devices_default(&f->l, f->a);
	up(f);
	assert_int_equal(code_in(f, "/dev/null", O_RDWR), 0);
	assert_int_equal(code_in(f, "/dev/zero", O_RDONLY), 0);
	assert_int_equal(code_in(f, "/dev/kmsg", O_RDONLY), EPERM);
	assert_int_equal(WEXITSTATUS(status_of(child_in(f->c.fd, try_mknod, NULL))), 0);
}

static void devices__last_match__wins(void **state)
{
	struct fixture *f = *state;

	NEED_ROOT();
	/* Reading and writing allowed by two rules together, then writing denied to one. */
	cgroup_devices_add(&f->l, f->a,
			   (struct cgroup_device){ true, CGROUP_DEV_CHAR, 1, -1, CGROUP_DEV_READ });
	cgroup_devices_add(&f->l, f->a,
			   (struct cgroup_device){ true, CGROUP_DEV_CHAR, -1, -1,
						   CGROUP_DEV_WRITE });
	cgroup_devices_add(&f->l, f->a,
			   (struct cgroup_device){ false, CGROUP_DEV_CHAR, 1, 5,
						   CGROUP_DEV_WRITE });
	up(f);
	assert_int_equal(code_in(f, "/dev/null", O_RDWR), 0);
	assert_int_equal(code_in(f, "/dev/zero", O_RDONLY), 0);
	assert_int_equal(code_in(f, "/dev/zero", O_RDWR), EPERM);
	assert_int_equal(code_in(f, "/dev/zero", O_WRONLY), EPERM);
	assert_int_equal(WEXITSTATUS(status_of(child_in(f->c.fd, try_mknod, NULL))), EPERM);
}

static int hammer(void *arg)
{
	(void)arg;
	for (;;)
		if (open("/dev/kmsg", O_RDONLY) >= 0)
			_exit(7);
}

static void devices__replaced_200_times__denied_at_every_instant(void **state)
{
	struct fixture *f = *state;
	struct cgroup_limits wide;
	pid_t a;
	int st;

	NEED_ROOT();
	cgroup_devices_default(&f->l, f->a);
	wide = f->l;
	cgroup_devices_add(&wide, f->a,
			   (struct cgroup_device){ true, CGROUP_DEV_CHAR, 1, 1, CGROUP_DEV_READ });
	up(f);
	a = child_in(f->c.fd, hammer, NULL);
	for (int i = 0; i < 200; i++)
		ok(f, cgroup_apply(&f->c, i % 2 ? &f->l : &wide, &f->e));
	assert_int_equal(waitpid(a, &st, WNOHANG), 0);
	kill(a, SIGKILL);
	assert_int_equal(WTERMSIG(status_of(a)), SIGKILL);
	assert_int_equal(code_in(f, "/dev/kmsg", O_RDONLY), EPERM);
	/* and a wider set does take effect: no old program is left beside the new one */
	cgroup_devices_add(&wide, f->a,
			   (struct cgroup_device){ true, CGROUP_DEV_CHAR, 1, 11, CGROUP_DEV_READ });
	ok(f, cgroup_apply(&f->c, &wide, &f->e));
	assert_int_not_equal(code_in(f, "/dev/kmsg", O_RDONLY), EPERM);
	cgroup_devices_add(&wide, f->a, (struct cgroup_device){ true, CGROUP_DEV_ALL, -1, -1, 7 });
	ok(f, cgroup_apply(&f->c, &wide, &f->e));
	assert_int_not_equal(code_in(f, "/dev/kmsg", O_RDONLY), EPERM);
}

static void devices__many_rules__loaded(void **state)
{
	struct fixture *f = *state;

	NEED_ROOT();
	f->l.devices = arena_array(f->a, 10000, sizeof(*f->l.devices));
	f->l.devices_set = true;
	f->l.ndevices = 10000;
	for (int i = 0; i < 10000; i++)
		f->l.devices[i] =
			(struct cgroup_device){ i % 3 == 0, CGROUP_DEV_CHAR, 500 + i, i, 7 };
	up(f);
	assert_int_equal(code_in(f, "/dev/null", O_RDONLY), EPERM);
}

/* ---- controllers ---------------------------------------------------------------------- */

static void limits__all__in_the_kernel(void **state)
{
	static const char *const rows[][4] = {
		{ "memory", "64m", "memory.max", "67108864" },
		{ "memory-swap", "96m", "memory.swap.max", "33554432" },
		{ "memory-reservation", "16m", "memory.low", "16777216" },
		{ "memory-high", "48m", "memory.high", "50331648" },
		{ "memory-min", "4m", "memory.min", "4194304" },
		{ "oom-group", NULL, "memory.oom.group", "1" },
		{ "cpu-quota", "20000", "cpu.max", "20000 50000" },
		{ "cpu-period", "50000", "cpu.max", "20000 50000" },
		{ "cpu-burst", "10000", "cpu.max.burst", "10000" },
		{ "cpu-shares", "1024", "cpu.weight", "100" },
		{ "cpuset-cpus", "0", "cpuset.cpus", "0" },
		{ "cpuset-mems", "0", "cpuset.mems", "0" },
		{ "pids-limit", "77", "pids.max", "77" },
		{ "cgroup-conf", "cgroup.max.depth=3", "cgroup.max.depth", "3" },
	};
	struct fixture *f = *state;

	NEED_ROOT();
	NEED(has_controllers(CGROUP_MEMORY | CGROUP_CPU | CGROUP_CPUSET | CGROUP_PIDS),
	     "controllers are bound to v1");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ok(f, cgroup_limits_set(&f->l, f->a, rows[i][0], rows[i][1], &f->e));
	up(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		file_is(f->c.fd, rows[i][2], rows[i][3]);
}

static void apply__one_refused__all_taken_back(void **state)
{
	struct fixture *f = *state;
	struct cgroup_limits change = { 0 };

	NEED_ROOT();
	NEED(has_controllers(CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPUSET),
	     "controllers are bound to v1");
	ok(f, cgroup_limits_set(&f->l, f->a, "pids-limit", "10", &f->e));
	ok(f, cgroup_limits_set(&f->l, f->a, "memory", "64m", &f->e));
	up(f);
	ok(f, cgroup_limits_set(&change, f->a, "pids-limit", "20", &f->e));
	ok(f, cgroup_limits_set(&change, f->a, "memory", "32m", &f->e));
	ok(f, cgroup_limits_set(&change, f->a, "cgroup-conf", "memory.high=nonsense", &f->e));
	assert_true(cgroup_apply(&f->c, &change, &f->e) < 0);
	assert_non_null(strstr(f->e.msg, "memory.high"));
	file_is(f->c.fd, "pids.max", "10");
	file_is(f->c.fd, "memory.max", "67108864");
}

static void apply__controllers_asked_for_later__enabled(void **state)
{
	struct fixture *f = *state;
	struct cgroup_limits change = { 0 };

	NEED_ROOT();
	NEED(has_controllers(CGROUP_CPU), "controllers are bound to v1");
	up(f);
	ok(f, cgroup_limits_set(&change, f->a, "cpu-quota", "5000", &f->e));
	ok(f, cgroup_apply(&f->c, &change, &f->e));
	file_is(f->c.fd, "cpu.max", "5000 100000");
	change = (struct cgroup_limits){ 0 };
	ok(f, cgroup_limits_set(&change, f->a, "cpu-period", "50000", &f->e));
	ok(f, cgroup_apply(&f->c, &change, &f->e));
	file_is(f->c.fd, "cpu.max", "5000 50000"); /* the quota stays */
}

static __attribute__((noreturn)) int use_memory(void *arg)
{
	size_t n = (size_t)(uintptr_t)arg;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
	for (;;)
		pause();
}

static void apply__limit_below_use__refused_when_asked(void **state)
{
	struct fixture *f = *state;
	struct cgroup_limits change = { 0 };
	struct cgroup_stats s = CGROUP_STATS_INIT;
	pid_t a;

	NEED_ROOT();
	NEED(has_controllers(CGROUP_MEMORY), "controllers are bound to v1");
	ok(f, cgroup_limits_set(&f->l, f->a, "memory", "64m", &f->e));
	ok(f, cgroup_limits_set(&f->l, f->a, "memory-swap", "64m", &f->e));
	up(f);
	a = child_in(f->c.fd, use_memory, (void *)(uintptr_t)(24 << 20));
	do {
		usleep(10000);
		cgroup_stats_cleanup(&s);
		ok(f, cgroup_stats_read(f->c.fd, &s, &f->e));
	} while (s.memory.usage < 24 << 20);
	ok(f, cgroup_limits_set(&change, f->a, "memory", "8m", &f->e));
	change.memory.check_before_update = (struct json_opt_bool){ true, true };
	assert_int_equal(cgroup_apply(&f->c, &change, &f->e), -EBUSY);
	file_is(f->c.fd, "memory.max", "67108864");
	assert_int_equal(waitpid(a, NULL, WNOHANG), 0);
	ok(f, cgroup_limits_set(&change, f->a, "memory", "48m", &f->e));
	ok(f, cgroup_apply(&f->c, &change, &f->e));
	file_is(f->c.fd, "memory.max", "50331648");
	assert_true(s.memory_known && s.nraw > 10 && s.pids_known && s.pids == 1);
	cgroup_stats_cleanup(&s);
	kill(a, SIGKILL);
	status_of(a);
}

static void oom__killed__counted_and_told(void **state)
{
	struct fixture *f = *state;
	struct cgroup_watch w = CGROUP_WATCH_INIT;
	struct pollfd p = { .events = POLLIN };
	struct cgroup_oom oom;
	unsigned events = 0, all = 0;
	pid_t a;

	NEED_ROOT();
	NEED(has_controllers(CGROUP_MEMORY), "controllers are bound to v1");
	ok(f, cgroup_limits_set(&f->l, f->a, "memory", "16m", &f->e));
	ok(f, cgroup_limits_set(&f->l, f->a, "memory-swap", "16m", &f->e));
	up(f);
	ok(f, cgroup_watch_open(f->c.fd, &w, &f->e));
	a = child_in(f->c.fd, use_memory, (void *)(uintptr_t)(64 << 20));
	assert_int_equal(WTERMSIG(status_of(a)), SIGKILL);
	p.fd = w.fd;
	while (!(all & CGROUP_EVENT_OOM_KILL) && poll(&p, 1, 30000) == 1) {
		ok(f, cgroup_watch_read(&w, &events, &f->e));
		all |= events;
	}
	assert_true(all & CGROUP_EVENT_OOM);
	assert_true(all & CGROUP_EVENT_OOM_KILL);
	assert_int_equal(cgroup_oom_read(f->c.fd, &oom), 0);
	assert_true(oom.known);
	assert_int_equal(oom.oom_kill, 1);
	assert_int_equal(oom.limit, 16 << 20);
	cgroup_watch_cleanup(&w);
}

static void make__refused_limit__nothing_left(void **state)
{
	struct fixture *f = *state;
	int fd;

	NEED_ROOT();
	NEED(has_controllers(CGROUP_CPUSET), "controllers are bound to v1");
	ok(f, cgroup_limits_set(&f->l, f->a, "cpuset-cpus", "999", &f->e));
	assert_true(cgroup_make(&f->w, &f->c, &f->e) < 0);
	assert_non_null(strstr(f->e.msg, "cpu.cpus"));
	assert_non_null(strstr(f->e.msg, "there are 0"));
	{
		AUTO_FREE char *path = mem_printf("%s/%s", f->parent + 1, f->id);

		assert_int_equal(cgroup_dir_open(path, &fd, &f->e), -ENOENT);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(cgroup__make_and_destroy__nothing_left),
		T(cgroup__destroy_with_processes_and_children__nothing_left),
		T(cgroup__exists_with_processes__refused),
		T(cgroup__bad_paths__refused),
		T(cgroup__missing_controller__named_and_nothing_made),
		T(cgroup__disabled__no_limits_no_cgroup),
		T(kill__all_levels__dead),
		T(signal__to_a_chain_of_forks__reaches_it),
		T(freeze__and_thaw__waits_for_both),
		T(watch__last_process_ends__empty),
		T(stats__cpu__counts_without_controllers),
		T(delegate__files__owned),
		T(annotation__delegate_cgroup__one_level_below),
		T(devices__default_rules__enforced),
		T(devices__last_match__wins),
		T(devices__replaced_200_times__denied_at_every_instant),
		T(devices__many_rules__loaded),
		T(limits__all__in_the_kernel),
		T(apply__one_refused__all_taken_back),
		T(apply__controllers_asked_for_later__enabled),
		T(apply__limit_below_use__refused_when_asked),
		T(oom__killed__counted_and_told),
		T(make__refused_limit__nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
