/* test_alive.c - slots of supervisors that live, and that the kernel marks when they do not. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "runtime/alive.h"

static int run;			/* a folder on a tmpfs of our own */

static char *id_of(unsigned n)
{
	return mem_printf("%064x", n);
}

static int make_run(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, "size=64k") < 0)
		return -1;
	run = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return run < 0 ? -1 : 0;
}

static int end_run(void **state)
{
	(void)state;
	close(run);
	return umount2("/mnt", MNT_DETACH);
}

/* A process with a slot; it waits for a byte on *ret_go, and then ends, or executes `true`. */
static pid_t start(unsigned n, bool exec, int *ret_go)
{
	AUTO_FREE char *id = id_of(n);
	int ready[2], go[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(go[1]);
		alive_take(run, id);
		if (write(ready[1], "", 1) != 1 || read(go[0], &c, 1) < 0)
			_exit(1);
		if (exec)
			execl("/bin/sleep", "sleep", "1000", NULL);
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	*ret_go = go[1];
	return pid;
}

static void reap(pid_t pid, int sig)
{
	if (sig)
		assert_int_equal(kill(pid, sig), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static bool has(unsigned n)
{
	AUTO_FREE char *id = id_of(n);
	AUTO(alive) struct alive a;

	alive_load(run, &a);
	return alive_has(&a, id);
}

static off_t size_of_file(void)
{
	AUTO_CLOSE int fd = openat(run, ".alive", O_RDONLY | O_CLOEXEC);

	return lseek(fd, 0, SEEK_END);
}

static void alive__nobody__is_empty(void **state)
{
	AUTO(alive) struct alive a;

	(void)state;
	alive_load(run, &a);
	assert_int_equal(a.n, 0);
	assert_false(has(1));
}

static void alive__killed__is_marked_by_the_kernel(void **state)
{
	int go[2];
	pid_t a = start(1, false, &go[0]), b = start(2, false, &go[1]);

	(void)state;
	assert_true(has(1));
	assert_true(has(2));
	assert_false(has(3));
	reap(a, SIGKILL);
	assert_false(has(1));
	assert_true(has(2));
	close(go[1]);
	reap(b, 0);
	assert_false(has(2));
	close(go[0]);
}

static void alive__executes_another_program__is_marked(void **state)
{
	char path[64], name[64] = "";
	int go;
	pid_t pid = start(4, true, &go);

	(void)state;
	assert_true(has(4));
	close(go);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	for (int i = 0; i < 2000 && strncmp(name, "sleep", 5) != 0; i++) {
		AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

		usleep(5000);
		assert_true(read(fd, name, sizeof(name) - 1) > 0);
	}
	assert_false(has(4));
	reap(pid, SIGKILL);
}

static void alive__many_one_after_the_other__take_the_same_slots(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		int go;
		pid_t pid = start(100 + i, false, &go);

		assert_true(has(100 + i));
		reap(pid, SIGKILL);
		close(go);
	}
	assert_int_equal(size_of_file(), 4096);
}

/* 64k are 512 slots; who gets none is not there, and lives. */
static void alive__no_room__goes_without(void **state)
{
	AUTO_CLOSE int full = openat(run, "full", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	AUTO_FREE char *page = mem_alloc(4096);
	pid_t pids[40];
	int go[40];

	(void)state;
	while (write(full, page, 4096) > 0)
		;
	for (unsigned i = 0; i < 40; i++)
		pids[i] = start(200 + i, false, &go[i]);
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(has(200 + i), i < 32);
		assert_int_equal(kill(pids[i], 0), 0);
	}
	for (unsigned i = 0; i < 40; i++) {
		reap(pids[i], SIGKILL);
		close(go[i]);
		assert_false(has(200 + i));
	}
}

static void alive__not_a_tmpfs__there_is_no_file(void **state)
{
	int fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *id = id_of(1);
	AUTO(alive) struct alive a;

	(void)state;
	alive_take(fd, id);
	alive_load(fd, &a);
	assert_int_equal(a.n, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alive__nobody__is_empty),
		cmocka_unit_test(alive__killed__is_marked_by_the_kernel),
		cmocka_unit_test(alive__executes_another_program__is_marked),
		cmocka_unit_test(alive__many_one_after_the_other__take_the_same_slots),
		cmocka_unit_test(alive__no_room__goes_without),
		cmocka_unit_test(alive__not_a_tmpfs__there_is_no_file),
	};

	return cmocka_run_group_tests(tests, make_run, end_run);
}
