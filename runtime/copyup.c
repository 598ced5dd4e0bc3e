/*
 * copyup.c - tmpcopyup: what the image has in a folder is put into the tmpfs over it.
 *
 * Runs in: container.  Copies files, folders, symlinks, nodes and hard links' contents,
 * with owner, mode and times.  The source is the image's: it is read by descriptors that
 * follow no symlink, and its depth is bounded.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "runtime/init.h"

#define DEPTH_MAX 64

static int copy_dir(int from, int to, unsigned depth, struct err *e);

static int copy_file(int from, int to, struct err *e)
{
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, 1u << 20);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set(e, errno, "tmpcopyup");
	}
}

static int copy_link(int from, const char *name, int to, struct err *e)
{
	char target[4096];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_set(e, errno, "tmpcopyup: read link %s", name);
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0)
		return err_set(e, errno, "tmpcopyup: make link %s", name);
	return 0;
}

static int copy_meta(int to, const char *name, const struct stat *st, struct err *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != EINVAL)
		return err_set(e, errno, "tmpcopyup: owner of %s", name);
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return err_set(e, errno, "tmpcopyup: mode of %s", name);
	(void)utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int copy_entry(int from, const char *name, int to, unsigned depth, struct err *e)
{
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int out = -1;
	struct stat st;
	int r = 0;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "tmpcopyup: %s", name);
	if (S_ISLNK(st.st_mode)) {
		r = copy_link(from, name, to, e);
	} else if (S_ISDIR(st.st_mode)) {
		in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (in < 0 || (mkdirat(to, name, 0700) < 0 && errno != EEXIST))
			return err_set(e, errno, "tmpcopyup: folder %s", name);
		out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (out < 0)
			return err_set(e, errno, "tmpcopyup: folder %s", name);
		r = copy_dir(in, out, depth + 1, e);
	} else if (S_ISREG(st.st_mode)) {
		in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (in < 0 || out < 0)
			return err_set(e, errno, "tmpcopyup: file %s", name);
		r = copy_file(in, out, e);
	} else if (mknodat(to, name, st.st_mode, st.st_rdev) < 0) {
		return err_set(e, errno, "tmpcopyup: %s", name);
	}
	return r < 0 ? r : copy_meta(to, name, &st, e);
}

static int copy_dir(int from, int to, unsigned depth, struct err *e)
{
	struct dirent *d;
	DIR *dir;
	int fd, r = 0;

	if (depth > DEPTH_MAX)
		return err_say(e, ELOOP, "tmpcopyup: more than %d folders deep", DEPTH_MAX);
	fd = fcntl(from, F_DUPFD_CLOEXEC, 3);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		err_set(e, errno, "tmpcopyup");
		fd_close(&fd);
		return -e->code;
	}
	while (r == 0 && (errno = 0, d = readdir(dir))) {
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			r = copy_entry(from, d->d_name, to, depth, e);
	}
	if (r == 0 && errno)
		r = err_set(e, errno, "tmpcopyup");
	closedir(dir);
	return r;
}

int copyup_tree(int from, int to, struct err *e)
{
	struct stat st;
	int r;

	r = copy_dir(from, to, 0, e);
	if (r < 0)
		return r;
	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to, st.st_mode & 07777) < 0)
		return err_set(e, errno, "tmpcopyup");
	return 0;
}
