/* What berth-image can still do once it has confined itself: each try in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "image/sandbox.h"

#ifdef __SANITIZE_ADDRESS__
#define WALLS false
#else
#define WALLS true
#endif

enum { UNPACKER = 1, DOWNLOADER = 2 };

static int try_write_inside(int store)
{
	AUTO_CLOSE int fd = openat(store, "new", O_WRONLY | O_CREAT, 0600);

	return fd < 0 || write(fd, "x", 1) != 1 ? -errno : 0;
}

static int try_link_inside(int store)
{
	mkdirat(store, "a", 0700);
	mkdirat(store, "b", 0700);
	close(openat(store, "a/x", O_WRONLY | O_CREAT, 0600));
	return linkat(store, "a/x", store, "b/x", 0) < 0 || renameat(store, "a", store, "c") < 0 ?
	       -errno : 0;
}

static int try_owner(int store)
{
	close(openat(store, "owned", O_WRONLY | O_CREAT, 0600));
	return fchownat(store, "owned", 1234, 1234, 0) < 0 ? -errno : 0;
}

static int try_node(int store)
{
	return mknodat(store, "null", S_IFCHR | 0600, 0x103) < 0 ? -errno : 0;
}

static int try_read_outside(int store)
{
	int fd = open("/etc/passwd", O_RDONLY);

	(void)store;
	return fd < 0 ? -errno : 0;
}

static int try_write_outside(int store)
{
	int fd = openat(store, "../outside", O_WRONLY | O_CREAT, 0600);

	return fd < 0 ? -errno : 0;
}

static int try_remove_outside(int store)
{
	return unlinkat(store, "../victim", 0) < 0 ? -errno : 0;
}

static int try_exec(int store)
{
	char *argv[] = { (char *)"true", NULL };

	(void)store;
	execv("/bin/true", argv);
	return -errno;
}

static int try_socket(int store)
{
	(void)store;
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? -errno : 0;
}

static int try_listen(int store)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)store;
	return fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
}

static int try_fork(int store)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	(void)store;
	if (pid == 0)
		_exit(0);
	return pid < 0 ? -errno : 0;
}

static int try_mount(int store)
{
	(void)store;
	return mount("none", "/", NULL, MS_REMOUNT | MS_BIND, NULL) < 0 ? -errno : 0;
}

static int try_ptrace(int store)
{
	(void)store;
	return ptrace(PTRACE_ATTACH, getppid(), 0, 0) < 0 ? -errno : 0;
}

static int try_kill(int store)
{
	(void)store;
	return kill(getppid(), 0) < 0 ? -errno : 0;
}

static int try_privileges(int store)
{
	(void)store;
	return prctl(PR_CAPBSET_READ, CAP_SYS_PTRACE, 0, 0, 0) == 1 ? 0 : -EPERM;
}

/* who: whom it is allowed to; the others are refused.  by: what refuses has to be there. */
enum { ANYWHERE, LANDLOCK_FS, LANDLOCK_NET };
static const struct { const char *name; int (*try)(int store); int who, by; } rows[] = {
	{ "write below the store", try_write_inside, UNPACKER | DOWNLOADER, ANYWHERE },
	{ "link and rename there", try_link_inside, UNPACKER | DOWNLOADER, ANYWHERE },
	{ "give a file away", try_owner, UNPACKER, ANYWHERE },
	{ "make a device", try_node, UNPACKER, ANYWHERE },
	{ "read elsewhere", try_read_outside, DOWNLOADER, LANDLOCK_FS },
	{ "write beside the store", try_write_outside, 0, LANDLOCK_FS },
	{ "remove beside the store", try_remove_outside, 0, LANDLOCK_FS },
	{ "execute", try_exec, 0, LANDLOCK_FS },
	{ "make a socket", try_socket, DOWNLOADER, ANYWHERE },
	{ "listen", try_listen, 0, LANDLOCK_NET },
	{ "fork", try_fork, DOWNLOADER, ANYWHERE },
	{ "mount", try_mount, 0, ANYWHERE },
	{ "trace another process", try_ptrace, 0, ANYWHERE },
	{ "send a signal", try_kill, DOWNLOADER, ANYWHERE },
	{ "get other capabilities", try_privileges, 0, ANYWHERE },
};

static char dir[] = "/tmp/berth-test-sandbox-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	return path_remove_tree(AT_FDCWD, dir, &e);
}

/* 0, or the errno of the try. */
static int confined(int who, int (*try)(int store))
{
	AUTO_FREE char *path = mem_printf("%s/store", dir);
	AUTO_FREE char *victim = mem_printf("%s/victim", dir);
	struct err lost = ERR_INIT;
	int status;
	pid_t pid;

	path_remove_tree(AT_FDCWD, path, &lost);
	mkdir(path, 0700);
	close(open(victim, O_WRONLY | O_CREAT, 0600));
	pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		int store = open(path, O_RDONLY | O_DIRECTORY), r;

		r = who == UNPACKER ? sandbox_enter(store, -1, &e) :
				      sandbox_enter_network(store, &e);
		_exit(r < 0 ? 255 : -try(store));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

static bool stands(int by)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return by == ANYWHERE || abi >= (by == LANDLOCK_NET ? 4 : 2);
}

static void confined__each_try__is_as_it_should_be(void **state)
{
	(void)state;
	if (!WALLS || geteuid() != 0)
		skip();
	for (int who = UNPACKER; who <= DOWNLOADER; who++) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			int got = confined(who, rows[i].try);
			bool allowed = rows[i].who & who;

			if (!allowed && !stands(rows[i].by))
				continue;
			if (allowed ? got != 0 : got != EPERM && got != EACCES && got != EXDEV)
				fail_msg("%s may%s %s: %s",
					 who == UNPACKER ? "the unpacker" : "the downloader",
					 allowed ? "" : " not", rows[i].name, strerror(got));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(confined__each_try__is_as_it_should_be, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
