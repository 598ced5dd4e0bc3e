/* usage.c - see usage.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/usage.h"

#define DEPTH_MAX 256	/* one descriptor each */

/* The holes of a file take nothing. */
static uint64_t size_of(const struct stat *st)
{
	uint64_t taken = (uint64_t)st->st_blocks * 512;

	return S_ISREG(st->st_mode) && taken < (uint64_t)st->st_size ? taken
								     : (uint64_t)st->st_size;
}

/* Calls itself DEPTH_MAX deep at most.  Files may come and go meanwhile. */
static void add(int at, const char *name, dev_t dev, unsigned depth, uint64_t *sum)
{
	AUTO_CLOSE int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 || depth > DEPTH_MAX ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d)
		return;
	TAKE_FD(fd);
	while ((de = readdir(d))) {
		struct stat st;

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, "..") ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != dev)
			continue;
		if (S_ISDIR(st.st_mode))
			add(dirfd(d), de->d_name, dev, depth + 1, sum);
		else if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
			*sum += size_of(&st) / (st.st_nlink ? st.st_nlink : 1);
	}
	closedir(d);
}

int usage_of(int at, const char *name, uint64_t *ret, struct err *e)
{
	struct stat st;
	uint64_t sum = 0;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return err_set(e, errno, "look at %s", name);
		*ret = 0;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		add(at, name, st.st_dev, 0, &sum);
	else
		sum = size_of(&st);
	*ret = sum;
	return 0;
}

int usage_of_volume(const struct engine *en, const char *name, uint64_t *ret, struct err *e)
{
	AUTO_FREE char *data = mem_printf("volumes/%s/_data", name);
	AUTO_FREE char *disk = mem_printf("volumes/%s/disk", name);
	uint64_t more;
	int r = usage_of(en->root_fd, data, ret, e);

	if (r == 0 && (r = usage_of(en->root_fd, disk, &more, e)) == 0)
		*ret += more;
	return r;
}

int usage_of_files(const struct engine *en, const struct record *r, uint64_t *ret, struct err *e)
{
	AUTO_CLOSE int files = -1;
	int rc = record_open_files(en, r, &files, e);

	if (rc == 0)
		return usage_of(files, "upper", ret, e);
	if (path_exists(en->containers_fd, r->id))
		return rc;
	*ret = 0;	/* it goes at this moment */
	*e = (struct err)ERR_INIT;
	return 0;
}
