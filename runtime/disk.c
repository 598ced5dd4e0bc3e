/*
 * disk.c - see disk.h.  Runs in: host.
 *
 * Two loop devices on one file would be two file systems that write over each other.  So whoever
 * makes one locks the file (flock) through the very descriptor that the loop device keeps: the
 * lock is there as long as the device.  Who finds it taken takes that device as well.
 *
 * Sources: loop(4), linux/loop.h, mkfs.ext4(8), ext4(5).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/disk.h"

#define BLOCK 4096u
#define WAIT_MOST_MS 10000	/* for a device that comes or goes at this moment */

int disk_size_parse(const char *text, struct disk_size *ret, struct err *e)
{
	AUTO(strlist) struct strlist parts = STRLIST_INIT;
	struct disk_size s = *ret;

	strlist_split(&parts, text, ',', false);
	for (size_t i = 0; i < parts.n; i++) {
		const char *size = str_after(parts.v[i], "size=");
		const char *inodes = str_after(parts.v[i], "inodes=");

		if (!size && !inodes)
			return err_say(e, EINVAL, "%s: expected size=SIZE[,inodes=N]", text);
		if (size && (str_to_bytes(size, &s.bytes) < 0 || s.bytes < DISK_BYTES_MIN ||
			     s.bytes > (uint64_t)INT64_MAX - BLOCK))
			return err_say(e, EINVAL, "%s: expected a size of at least 16m", text);
		if (inodes && (str_to_u64(inodes, &s.inodes) < 0 || s.inodes < 16 ||
			       s.inodes > UINT32_MAX))
			return err_say(e, EINVAL, "%s: expected a number of inodes, 16 and more",
				       text);
	}
	s.bytes = (s.bytes + BLOCK - 1) / BLOCK * BLOCK;
	*ret = s;
	return 0;
}

/* ---- the file ---- */

/* It is found with a PATH that lacks the administrator's folders as well. */
static int run_mkfs(char **args, int file, struct err *e)
{
	static char usr[] = "/usr/sbin/mkfs.ext4", sbin[] = "/sbin/mkfs.ext4", any[] = "mkfs.ext4";
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char *const places[] = { usr, sbin, any }, *const env[] = { path, locale, NULL };
	char said[256];
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r == -ENOENT; i++) {
		args[0] = places[i];
		*e = (struct err)ERR_INIT;
		r = child_run(args, env, file, said, sizeof(said), e);
	}
	if (r < 0)
		return r == -ENOENT ? err_hint(e, "install e2fsprogs") : r;
	return r == 0 ? 0 : err_say(e, EIO, "make the disk: %s", *said ? said : "mkfs.ext4 failed");
}

int disk_make(int dir, const struct disk_size *s, bool durable, struct err *e)
{
	/* Journal and inode tables are holes, which read as zeros, until they are used. */
	char lazy[] = "-Elazy_itable_init=1,lazy_journal_init=1", file_path[] = "/proc/self/fd/0";
	char quiet[] = "-qF", block[] = "-b4096", inode[] = "-I256", reserved[] = "-m0", count[32];
	char *args[] = { NULL, quiet, block, inode, reserved, lazy, count, file_path, NULL };
	AUTO_CLOSE int file = openat(dir, "disk", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (file < 0 || ftruncate(file, (off_t)s->bytes) < 0)
		return err_set(e, errno, "make a disk of %llu bytes",
			       (unsigned long long)s->bytes);
	if (s->inodes)
		snprintf(count, sizeof(count), "-N%llu", (unsigned long long)s->inodes);
	else
		strcpy(count, "-i16384");
	r = run_mkfs(args, file, e);
	return r == 0 && durable && fsync(file) < 0 ? err_set(e, errno, "write the disk") : r;
}

/* ---- the loop device ---- */

static int open_loop(const char *name, int flags)
{
	AUTO_FREE char *path = mem_printf("/dev/%s", name);

	return open(path, flags | O_CLOEXEC);
}

/* A free one gets the file.  It frees itself when the last that uses it goes. */
static int make_loop(int file, int *ret, char name[static 32], struct err *e)
{
	AUTO_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config c = { .fd = (uint32_t)file, .block_size = BLOCK,
				 .info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO };

	if (control < 0) {
		err_set(e, errno, "open /dev/loop-control");
		return e->code == ENOENT || e->code == ENODEV
			       ? err_hint(e, "try \"modprobe loop\"") : -e->code;
	}
	for (int tries = 0; tries < 1000; tries++) {
		AUTO_CLOSE int loop = -1;
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		if (n < 0)
			return err_set(e, errno, "get a loop device");
		snprintf(name, 32, "loop%d", n);
		if ((loop = open_loop(name, O_RDWR)) < 0)
			return err_set(e, errno, "open /dev/%s", name);
		if (ioctl(loop, LOOP_CONFIGURE, &c) == 0) {
			*ret = TAKE_FD(loop);
			return 0;
		}
		if (errno != EBUSY)	/* else somebody else was given the same one */
			return err_set(e, errno, "set up /dev/%s", name);
	}
	return err_say(e, EBUSY, "no loop device is free");
}

/* Its descriptor, if it has the file; none is opened that is surely somebody else's. */
static int open_if_has(const char *name, const struct stat *st)
{
	AUTO_FREE char *path = mem_printf("/sys/block/%s/loop/backing_file", name);
	AUTO_CLOSE int loop = -1;
	struct err free = ERR_INIT;
	struct loop_info64 info;
	char line[PATH_MAX];

	if (path_read_line(AT_FDCWD, path, line, sizeof(line), &free) < 0 ||
	    !str_ends(line, "/disk") || (loop = open_loop(name, O_RDONLY)) < 0 ||
	    ioctl(loop, LOOP_GET_STATUS64, &info) < 0 || info.lo_device != st->st_dev ||
	    info.lo_inode != st->st_ino)
		return -1;
	return TAKE_FD(loop);
}

/* The one that has the file, or -ENOENT: it comes or goes.  While it is open it stays. */
static int find_loop(const struct stat *st, int *ret, char name[static 32], struct err *e)
{
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	int r = path_list(AT_FDCWD, "/sys/block", &names);

	if (r < 0)
		return err_set(e, -r, "read /sys/block");
	for (size_t i = 0; i < names.n; i++) {
		if (!str_starts(names.v[i], "loop") ||
		    (*ret = open_if_has(names.v[i], st)) < 0)
			continue;
		snprintf(name, 32, "%s", names.v[i]);
		return 0;
	}
	return -ENOENT;
}

static int get_loop(int dir, int *ret, char name[static 32], struct err *e)
{
	AUTO_CLOSE int file = openat(dir, "disk", O_RDWR | O_CLOEXEC);
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0)
		return err_set(e, errno, "open the disk");
	for (unsigned ms = 0; ms < WAIT_MOST_MS; ms++) {
		int r;

		if (fd_lock(file, true, false) == 0)
			return make_loop(file, ret, name, e);
		if ((r = find_loop(&st, ret, name, e)) != -ENOENT)
			return r;
		usleep(1000);
	}
	return err_say(e, EBUSY, "the disk is in use, and by no loop device that can be seen here");
}

/* ---- the mount ---- */

/* The container sees all of the disk (df: minixdf), and what it removes the host gets back
 * (discard). */
static int mount_ext4(const char *loop, int *ret, struct err *e)
{
	static const char *const flags[] = { "minixdf", "discard", "noinit_itable" };
	AUTO_FREE char *source = mem_printf("/dev/%s", loop);
	AUTO_CLOSE int fs = sys_fsopen("ext4", FSOPEN_CLOEXEC);
	char why[256];
	int r;

	if (fs < 0)
		return err_set(e, errno, "open the ext4 file system");
	r = sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "source", source, 0);
	if (r == 0)
		r = sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "errors", "remount-ro", 0);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(flags); i++)
		r = sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, flags[i], NULL, 0);
	if (r == 0)
		r = sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r == 0)
		r = *ret = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (r >= 0)
		return 0;
	r = errno;
	return *sys_fs_reason(fs, why, sizeof(why)) ? err_set(e, r, "mount %s: %s", source, why)
						     : err_set(e, r, "mount %s", source);
}

int disk_mount(int dir, int *ret, struct err *e)
{
	AUTO_CLOSE int loop = -1;
	char name[32];
	int r = get_loop(dir, &loop, name, e);

	return r < 0 ? r : mount_ext4(name, ret, e);
}
