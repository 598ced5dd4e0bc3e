/* Paths below a root that is not ours, and trees that go away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"

struct place {
	char dir[40];
	int fd;
};

static int setup(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));

	strcpy(p->dir, "/tmp/berth-test-path-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return p->fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	int r = path_remove_tree(AT_FDCWD, p->dir, &e);

	if (r < 0)
		print_error("%s\n", e.msg);
	close(p->fd);
	free(p);
	return r;
}

static void put(int dirfd, const char *name, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(path_write_file(dirfd, name, text, strlen(text), 0644, false, &e), 0);
}

static mode_t mode_of(int dirfd, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode;
}

static void path_open_in__symlinks__stay_inside(void **state)
{
	struct place *p = *state;
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *got = NULL;
	struct err e = ERR_INIT;

	mkdirat(p->fd, "etc", 0755);
	put(p->fd, "etc/passwd", "inside");
	assert_int_equal(symlinkat("/etc/passwd", p->fd, "abs"), 0);
	assert_int_equal(symlinkat("../../../../../../etc/passwd", p->fd, "rel"), 0);
	assert_int_equal(symlinkat("/proc/self/root", p->fd, "magic"), 0);
	for (int i = 0; i < 3; i++) {
		const char *const names[] = { "abs", "/rel", "../../etc/passwd" };

		assert_int_equal(path_open_in(p->fd, names[i], O_RDONLY, 0, &fd, &e), 0);
		assert_int_equal(fd_read_all(fd, 100, &got, NULL), 0);
		assert_string_equal(got, "inside");
		free(TAKE(got));
		fd_close(&fd);
	}
	assert_int_equal(path_open_in(p->fd, "magic", O_RDONLY, 0, &fd, &e), -ENOENT);
	assert_string_equal(e.msg, "open magic: No such file or directory");
	assert_int_equal(path_try_open_nofollow_in(p->fd, "abs", O_RDONLY), -ELOOP);
	assert_int_equal(path_try_open_in(p->fd, "etc/passwd/x", O_RDONLY, 0), -ENOTDIR);
	fd = path_try_open_in(p->fd, "", O_PATH, 0);
	assert_true(fd >= 0);
	fd_close(&fd);
	fd = path_try_open_in(p->fd, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void path_mkdir_in__missing__mode_not_umask(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	mode_t mask = umask(077);
	AUTO_CLOSE int fd = -1;

	assert_int_equal(path_mkdir_in(p->fd, "/a//b/./c/", 01777, geteuid(), getegid(), &fd, &e),
			 0);
	umask(mask);
	assert_int_equal(mode_of(p->fd, "a"), S_IFDIR | 01777);
	assert_int_equal(mode_of(p->fd, "a/b/c"), S_IFDIR | 01777);
	assert_true(fd >= 0);
	/* Again, what is there is not touched. */
	assert_int_equal(path_mkdir_in(p->fd, "a/b/c", 0700, geteuid(), getegid(), NULL, &e), 0);
	assert_int_equal(mode_of(p->fd, "a/b/c"), S_IFDIR | 01777);
	assert_int_equal(path_mkdir_in(p->fd, "/", 0700, 0, 0, NULL, &e), 0);
	assert_int_equal(path_mkdir_in(p->fd, "", 0700, 0, 0, NULL, &e), 0);
	put(p->fd, "file", "");
	assert_int_equal(path_mkdir_in(p->fd, "file/x", 0700, 0, 0, NULL, &e), -ENOTDIR);
	assert_int_equal(path_mkdir_in(p->fd, "file", 0700, 0, 0, NULL, &e), -ENOTDIR);
}

static void path_mkdir_in__owner__given(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(path_mkdir_in(p->fd, "x/y", 02755, 12, 34, NULL, &e), 0);
	assert_int_equal(fstatat(p->fd, "x/y", &st, 0), 0);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(st.st_mode, S_IFDIR | 02755);
}

static void path_mkdir_in__symlinks__followed_inside_even_to_nowhere(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	mkdirat(p->fd, "var", 0755);
	assert_int_equal(symlinkat("/run", p->fd, "var/run"), 0);
	assert_int_equal(symlinkat("../locks/deep", p->fd, "var/lock"), 0);
	assert_int_equal(path_mkdir_in(p->fd, "/var/run/x", 0755, geteuid(), getegid(), NULL, &e),
			 0);
	assert_true(path_exists(p->fd, "run/x"));
	assert_int_equal(path_mkdir_in(p->fd, "var/lock", 0755, geteuid(), getegid(), NULL, &e), 0);
	assert_true(path_exists(p->fd, "locks/deep"));
	assert_int_equal(symlinkat("self", p->fd, "self"), 0);
	assert_int_equal(path_mkdir_in(p->fd, "self/x", 0755, 0, 0, NULL, &e), -ELOOP);
	/* a -> b/x, b -> a/x: each leads on to the other, for ever. */
	assert_int_equal(symlinkat("b/x", p->fd, "a"), 0);
	assert_int_equal(symlinkat("a/x", p->fd, "b"), 0);
	assert_int_equal(path_mkdir_in(p->fd, "a/c", 0755, 0, 0, NULL, &e), -ELOOP);
	/* Out of the root and back to it. */
	assert_int_equal(symlinkat("../../../out", p->fd, "up"), 0);
	assert_int_equal(path_mkdir_in(p->fd, "up/x", 0755, geteuid(), getegid(), NULL, &e), 0);
	assert_true(path_exists(p->fd, "out/x"));
}

static void path_touch_in__cases__file_there(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	AUTO_CLOSE int a = -1, b = -1, c = -1;

	assert_int_equal(path_touch_in(p->fd, "/etc/hosts", &a, &e), 0);
	assert_int_equal(mode_of(p->fd, "etc/hosts"), S_IFREG | 0644);
	assert_int_equal(mode_of(p->fd, "etc"), S_IFDIR | 0755);
	assert_int_equal(symlinkat("../run/resolve/stub", p->fd, "etc/resolv.conf"), 0);
	assert_int_equal(path_touch_in(p->fd, "etc/resolv.conf", &b, &e), 0);
	assert_int_equal(mode_of(p->fd, "run/resolve/stub"), S_IFREG | 0644);
	assert_int_equal(path_touch_in(p->fd, "etc", &c, &e), 0);
	fd_close(&c);
	assert_int_equal(path_touch_in(p->fd, "etc/..", &c, &e), 0);	/* the root itself */
	fd_close(&c);
	assert_int_equal(path_touch_in(p->fd, "x/..", &c, &e), -EINVAL);
	assert_int_equal(path_touch_in(p->fd, "x/", &c, &e), -EINVAL);
	assert_false(path_exists(p->fd, "x"));
	assert_int_equal(symlinkat("loop", p->fd, "loop"), 0);
	assert_int_equal(path_touch_in(p->fd, "loop", &c, &e), -ELOOP);
}

static void path_parent_in__names__last_component(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	AUTO_CLOSE int fd = -1;
	const char *name = NULL;

	mkdirat(p->fd, "d", 0755);
	assert_int_equal(path_parent_in(p->fd, "/d/x", &fd, &name, &e), 0);
	assert_string_equal(name, "x");
	fd_close(&fd);
	assert_int_equal(path_parent_in(p->fd, "x", &fd, &name, &e), 0);
	fd_close(&fd);
	assert_int_equal(path_parent_in(p->fd, "d/..", &fd, &name, &e), -EINVAL);
	assert_int_equal(path_parent_in(p->fd, "", &fd, &name, &e), -EINVAL);
	assert_int_equal(path_parent_in(p->fd, "d/", &fd, &name, &e), -EINVAL);
	assert_int_equal(path_parent_in(p->fd, "none/x", &fd, &name, &e), -ENOENT);
}

static void path_mkdirs__host_path__made(void **state)
{
	struct place *p = *state;
	AUTO_FREE char *dir = path_join(p->dir, "a/b//c/");
	AUTO_FREE char *file = path_join(p->dir, "file"), *below = path_join(p->dir, "file/x");
	struct err e = ERR_INIT;

	assert_int_equal(path_mkdirs(dir, 0711, &e), 0);
	assert_int_equal(mode_of(p->fd, "a/b/c"), S_IFDIR | 0711);
	assert_int_equal(path_mkdirs(dir, 0711, &e), 0);
	assert_int_equal(path_mkdirs("/", 0711, &e), 0);
	put(p->fd, "file", "");
	assert_int_equal(path_mkdirs(file, 0711, &e), -ENOTDIR);
	assert_int_equal(path_mkdirs(below, 0711, &e), -ENOTDIR);
}

static void path_write_file__replaces__whole_and_no_rest(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	AUTO_FREE char *got = NULL, *none = NULL;
	size_t n = 0;
	DIR *d;
	int entries = 0;

	put(p->fd, "f", "old");
	assert_int_equal(path_write_file(p->fd, "f", "new\0x", 5, 0600, true, &e), 0);
	assert_int_equal(mode_of(p->fd, "f"), S_IFREG | 0600);
	assert_int_equal(path_read_file(p->fd, "f", 5, &got, &n, &e), 0);
	assert_int_equal(n, 5);
	assert_memory_equal(got, "new\0x", 6);
	assert_int_equal(path_read_file(p->fd, "f", 4, &none, &n, &e), -EFBIG);
	mkdirat(p->fd, "d", 0755);
	assert_int_equal(path_write_file(p->fd, "d", "x", 1, 0600, false, &e), -EISDIR);
	assert_int_equal(path_write_file(p->fd, "d/sub", "x", 1, 0600, true, &e), 0);
	assert_int_equal(path_write_file(p->fd, "none/f", "x", 1, 0600, true, &e), -ENOENT);
	d = fdopendir(dup(p->fd));
	while (readdir(d))
		entries++;
	closedir(d);
	assert_int_equal(entries, 4);	/* . .. f d */
}

static void path_write_files__several__written_before_one_counts(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	const struct path_file good[] = { { "a", "one", 3 }, { "b", "second", 6 } };
	const struct path_file bad[] = { { "a", "two", 3 }, { "none/b", "x", 1 } };
	const struct path_file half[] = { { "a", "three", 5 }, { "d", "x", 1 } };
	AUTO_FREE char *a = NULL, *b = NULL, *kept = NULL;
	AUTO(strlist) struct strlist l = STRLIST_INIT;

	assert_int_equal(path_write_files(p->fd, good, 2, 0600, true, &e), 0);
	assert_int_equal(path_read_file(p->fd, "a", 9, &a, NULL, &e), 0);
	assert_int_equal(path_read_file(p->fd, "b", 9, &b, NULL, &e), 0);
	assert_string_equal(a, "one");
	assert_string_equal(b, "second");
	assert_int_equal(path_write_files(p->fd, bad, 2, 0600, true, &e), -ENOENT);
	assert_int_equal(path_read_file(p->fd, "a", 9, &kept, NULL, &e), 0);
	assert_string_equal(kept, "one");
	/* in their order */
	mkdirat(p->fd, "d", 0755);
	assert_int_equal(path_write_files(p->fd, half, 2, 0600, false, &e), -EISDIR);
	free(kept);
	assert_int_equal(path_read_file(p->fd, "a", 9, &kept, NULL, &e), 0);
	assert_string_equal(kept, "three");
	assert_int_equal(path_list_all(p->fd, ".", &l), 0);
	assert_int_equal(l.n, 3);	/* and nothing of a temporary file */
}

static void path_tidy__killed_writers__what_they_left_goes_and_nothing_else(void **state)
{
	struct place *p = *state;
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	AUTO_CLOSE int writer = -1;

	put(p->fd, ".tmp-killed", "half");
	put(p->fd, ".tmp-lives", "half");
	put(p->fd, ".other", "");
	put(p->fd, "f", "");
	mkdirat(p->fd, ".tmp-folder", 0755);
	assert_int_equal(symlinkat("f", p->fd, ".tmp-link"), 0);
	mkfifoat(p->fd, ".tmp-fifo", 0600);
	writer = openat(p->fd, ".tmp-lives", O_WRONLY | O_CLOEXEC);
	assert_int_equal(fd_lock(writer, true, false), 0);
	path_tidy(p->fd);
	assert_false(path_exists(p->fd, ".tmp-killed"));
	assert_true(path_exists(p->fd, ".tmp-lives"));
	fd_close(&writer);
	path_tidy(p->fd);
	assert_int_equal(path_list_all(p->fd, ".", &l), 0);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.v[0], ".other");
	assert_string_equal(l.v[1], ".tmp-folder");
	assert_string_equal(l.v[2], ".tmp-link");
	assert_string_equal(l.v[3], "f");
}

static int write_often(struct place *p)
{
	char text[9000];
	struct err e = ERR_INIT;

	for (int i = 0; i < 300; i++) {
		size_t n = 1000 + (size_t)(i * 7 % 8) * 1000;

		memset(text, 'a' + i % 26, n);
		if (path_write_file(p->fd, "f", text, n, 0600, false, &e) < 0)
			return 1;
	}
	return 0;
}

static void path_list__names__sorted_without_dots(void **state)
{
	struct place *p = *state;
	AUTO(strlist) struct strlist l = STRLIST_INIT;

	put(p->fd, "b", "");
	put(p->fd, ".hidden", "");
	mkdirat(p->fd, "a", 0755);
	assert_int_equal(path_list(p->fd, ".", &l), 0);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0], "a");
	assert_string_equal(l.v[1], "b");
	assert_int_equal(path_list(p->fd, "a", &l), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(path_list_all(p->fd, ".", &l), 0);
	assert_int_equal(l.n, 5);
	assert_int_equal(path_list(p->fd, "nosuch", &l), -ENOENT);
	assert_int_equal(path_list(p->fd, "b", &l), -ENOTDIR);
}

static void path_write_file__two_writers__never_mixed(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	int status = 0, live = 2;

	/* What a killed writer left is longer than what comes. */
	AUTO_FREE char *stale = mem_alloc(20000);
	put(p->fd, "f", "x");
	assert_int_equal(path_write_file(p->fd, ".tmp-f", stale, 20000, 0600, false, &e), 0);
	for (int i = 0; i < 2; i++)
		if (fork() == 0)
			_exit(write_often(p));
	while (live > 0) {
		AUTO_FREE char *got = NULL;
		size_t n = 0;

		assert_int_equal(path_read_file(p->fd, "f", 9000, &got, &n, &e), 0);
		assert_true(n == 1 || n % 1000 == 0);
		for (size_t i = 1; i < n; i++)
			assert_int_equal(got[i], got[0]);
		path_tidy(p->fd);	/* takes away what is theirs from neither */
		if (waitpid(-1, &status, WNOHANG) > 0) {
			assert_int_equal(status, 0);
			live--;
		}
	}
	assert_false(path_exists(p->fd, ".tmp-f"));
}

static void path_kernel_files__values__one_line(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	char buf[8];

	put(p->fd, "f", "old\nmore\n");
	assert_int_equal(path_read_line(p->fd, "f", buf, sizeof(buf), &e), 0);
	assert_string_equal(buf, "old");
	put(p->fd, "f", "1234567");
	assert_int_equal(path_read_line(p->fd, "f", buf, sizeof(buf), &e), 0);
	put(p->fd, "f", "12345678");
	assert_int_equal(path_read_line(p->fd, "f", buf, sizeof(buf), &e), -EFBIG);
	assert_int_equal(path_write_kernel(p->fd, "f", "x", &e), 0);
	assert_int_equal(path_write_kernel(p->fd, "none", "x", &e), -ENOENT);
	assert_false(path_exists(p->fd, "none"));
	assert_true(path_write_kernel(AT_FDCWD, "/proc/self/oom_score_adj", "12345", &e) < 0);
	assert_string_equal(e.msg,
			    "write \"12345\" to /proc/self/oom_score_adj: Invalid argument");
}

static void path_remove_tree__all_kinds__gone(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	put(p->fd, "keep", "");
	mkdirat(p->fd, "t", 0755);
	mkdirat(p->fd, "t/d", 0000);
	mkdirat(p->fd, "t/e", 0755);
	put(p->fd, "t/e/f", "x");
	mkfifoat(p->fd, "t/fifo", 0600);
	assert_int_equal(symlinkat("../keep", p->fd, "t/link"), 0);
	assert_int_equal(symlinkat("/", p->fd, "t/root"), 0);
	for (int i = 0; i < 3000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "t/e/file-%d", i);
		assert_int_equal(mknodat(p->fd, name, S_IFREG | 0600, 0), 0);
	}
	assert_int_equal(path_remove_tree(p->fd, "t/", &e), 0);
	assert_false(path_exists(p->fd, "t"));
	assert_true(path_exists(p->fd, "keep"));
	assert_int_equal(path_remove_tree(p->fd, "t", &e), 0);
	assert_int_equal(path_remove_tree(p->fd, "none/t", &e), 0);
	assert_int_equal(symlinkat("keep", p->fd, "link"), 0);
	assert_int_equal(path_remove_tree(p->fd, "link", &e), 0);
	assert_true(path_exists(p->fd, "keep"));
	assert_int_equal(path_remove_tree(p->fd, "keep", &e), 0);
	assert_int_equal(path_remove_tree(p->fd, ".", &e), -EINVAL);
	assert_int_equal(path_remove_tree(p->fd, "..", &e), -EINVAL);
	assert_int_equal(path_remove_tree(p->fd, "", &e), -EINVAL);
}

static void path_remove_tree__thousands_deep__gone(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	int fd;

	mkdirat(p->fd, "top", 0755);
	fd = openat(p->fd, "top", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 5000; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		if (i % 10 == 0)
			assert_int_equal(mknodat(fd, "f", S_IFREG | 0600, 0), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	assert_int_equal(path_remove_tree(p->fd, "top", &e), 0);
	assert_false(path_exists(p->fd, "top"));
}

static void path_remove_tree__wide_and_nested__gone(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	mkdirat(p->fd, "w", 0755);
	for (int i = 0; i < 700; i++) {
		char name[64];

		snprintf(name, sizeof(name), "w/directory-with-a-longer-name-%d", i);
		assert_int_equal(mkdirat(p->fd, name, 0755), 0);
		strcat(name, "/x");
		put(p->fd, name, "x");
	}
	assert_int_equal(path_remove_tree(p->fd, "w", &e), 0);
	assert_false(path_exists(p->fd, "w"));
}

static int in_child(int (*fn)(struct place *), struct place *p)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn(p));
	waitpid(pid, &status, 0);
	return status;
}

static int with_mount(struct place *p)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *at = path_join(p->dir, "m/in/mnt"), *file = path_join(p->dir, "m/in/mnt/f");
	AUTO_FREE char *top = path_join(p->dir, "m");
	AUTO_CLOSE int fd = -1;

	if (sys_unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	fd = open(p->dir, O_PATH | O_CLOEXEC);	/* p->fd looks at the namespace before */
	if (path_mkdirs(at, 0755, &e) < 0 || mount("t", at, "tmpfs", 0, NULL) < 0)
		return 77;
	if (path_write_file(AT_FDCWD, file, "x", 1, 0600, false, &e) < 0)
		return 1;
	if (path_remove_tree(fd, "m", &e) != -EXDEV)
		return 2;
	if (!path_exists(AT_FDCWD, file))
		return 3;
	/* Mounts above the tree do not matter. */
	if (path_remove_tree(AT_FDCWD, file, &e) != 0 || path_exists(AT_FDCWD, file))
		return 4;
	if (umount2(at, MNT_DETACH) < 0 || path_remove_tree(AT_FDCWD, top, &e) != 0)
		return 5;
	return 0;
}

static void path_remove_tree__mount_inside__not_crossed(void **state)
{
	int status = in_child(with_mount, *state);

	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static int without_root(struct place *p)
{
	struct err e = ERR_INIT;

	if (geteuid() == 0 && (fchown(p->fd, 65534, 65534) < 0 || setgid(65534) < 0 ||
			       setuid(65534) < 0))
		return 77;
	mkdirat(p->fd, "u", 0755);
	mkdirat(p->fd, "u/a", 0755);
	put(p->fd, "u/a/f", "x");
	mkdirat(p->fd, "u/b", 0755);
	put(p->fd, "u/b/f", "x");
	if (fchmodat(p->fd, "u/a", 0000, 0) < 0 || fchmodat(p->fd, "u/b", 0500, 0) < 0 ||
	    fchmodat(p->fd, "u", 0500, 0) < 0)
		return 77;
	if (path_remove_tree(p->fd, "u", &e) < 0) {
		print_error("%s\n", e.msg);
		return 1;
	}
	return path_exists(p->fd, "u");
}

static void path_remove_tree__no_permission_bits__gone(void **state)
{
	int status = in_child(without_root, *state);

	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void path_lexical__cases__clean(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "/" },
		{ "/", "/" },
		{ "a", "/a" },
		{ "/a/../..", "/" },
		{ "//a//b/", "/a/b" },
		{ "/a/./b/.", "/a/b" },
		{ "/a/b/../c", "/a/c" },
		{ "../../x", "/x" },
		{ "/..a/...", "/..a/..." },
		{ "/a/b/../../../c/d/..", "/c" },
	};
	static const struct {
		const char *a, *b, *out;
	} joins[] = {
		{ "/a", "b", "/a/b" }, { "/a/", "/b", "/a/b" }, { "/", "b", "/b" },
		{ "", "b", "b" },      { "a", "", "a/" },	{ "//", "//b", "/b" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *s = path_clean(cases[i].in);

		assert_string_equal(s, cases[i].out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(joins); i++) {
		AUTO_FREE char *s = path_join(joins[i].a, joins[i].b);

		assert_string_equal(s, joins[i].out);
	}
	assert_string_equal(path_base("/a/b"), "b");
	assert_string_equal(path_base("b"), "b");
	assert_string_equal(path_base("a/"), "");
	assert_string_equal(path_of_fd(12, buf), "/proc/self/fd/12");
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(path_open_in__symlinks__stay_inside),
		IN_PLACE(path_mkdir_in__missing__mode_not_umask),
		IN_PLACE(path_mkdir_in__owner__given),
		IN_PLACE(path_mkdir_in__symlinks__followed_inside_even_to_nowhere),
		IN_PLACE(path_touch_in__cases__file_there),
		IN_PLACE(path_parent_in__names__last_component),
		IN_PLACE(path_mkdirs__host_path__made),
		IN_PLACE(path_write_file__replaces__whole_and_no_rest),
		IN_PLACE(path_write_files__several__written_before_one_counts),
		IN_PLACE(path_tidy__killed_writers__what_they_left_goes_and_nothing_else),
		IN_PLACE(path_list__names__sorted_without_dots),
		IN_PLACE(path_write_file__two_writers__never_mixed),
		IN_PLACE(path_kernel_files__values__one_line),
		IN_PLACE(path_remove_tree__all_kinds__gone),
		IN_PLACE(path_remove_tree__thousands_deep__gone),
		IN_PLACE(path_remove_tree__wide_and_nested__gone),
		IN_PLACE(path_remove_tree__mount_inside__not_crossed),
		IN_PLACE(path_remove_tree__no_permission_bits__gone),
		cmocka_unit_test(path_lexical__cases__clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
