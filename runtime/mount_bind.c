/*
 * mount_bind.c - bind mounts: from the tree that the host opened, else opened here.
 *
 * Runs in: container.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "runtime/init.h"
#include "runtime/sync.h"

/* copy-symlink: the target becomes the link that the source is. */
static int make_symlink(struct init *in, const char *path, const char *to, struct err *e)
{
	AUTO_FREE char *dir = path_clean(path);
	AUTO_CLOSE int parent = -1;
	const char *name;
	int r;

	name = path_base(dir);
	if (name > dir)
		dir[name - dir - 1] = '\0';
	r = path_mkdir_in(in->root, dir[0] ? dir : "/", 0755, in->uid, in->gid, &parent, e);
	if (r < 0)
		return r;
	if (symlinkat(to, parent, name) < 0 && errno != EEXIST)
		return err_set(e, errno, "make a symbolic link");
	return 0;
}

int mount_bind_path(const char *path, bool recursive, int *ret, struct err *e)
{
	int fd =
		sys_open_tree(AT_FDCWD, path,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));

	if (fd < 0)
		return err_set(e, errno, "open source %s", path);
	*ret = fd;
	return 0;
}

/* By us: below the root through its descriptor, since an earlier mount may be meant; from the
 * host's tree only where the host had no right to clone it. */
static int open_here(struct init *in, const struct spec_mount *m, const struct plan_source *src)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			 (m->flags & SPEC_MOUNT_REC ? AT_RECURSIVE : 0);
	unsigned nofollow = m->flags & SPEC_MOUNT_SRC_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
	AUTO_CLOSE int at = -1;
	int fd;

	if (src->in_root) {
		at = path_try_open_in(in->root, src->in_root, O_PATH | (nofollow ? O_NOFOLLOW : 0),
				      0);
		if (at < 0)
			return TAKE_FD(at);
		fd = sys_open_tree(at, "", flags | AT_EMPTY_PATH);
	} else {
		fd = sys_open_tree(AT_FDCWD, m->source, flags | nofollow);
	}
	return fd < 0 ? -errno : fd;
}

/* A mapping is the host's to give: the file system is. */
static int ask_idmap(struct init *in, int index, int fd, struct err *e)
{
	int r = sync_send(in->sync, SYNC_IDMAP, index, fd);

	return r < 0 ? err_set(e, -r, "ask the host for an id mapping") :
		       sync_wait(in->sync, SYNC_MAPPED, e);
}

/* What the host's mount has: its owner, not the container, decides on that in a user namespace
 * (mount_namespaces(7) on locked flags; a tree that the host has cloned has no locks). */
static uint64_t flags_of(int fd)
{
	static const struct { unsigned long flag; uint64_t attr; } flags[] = {
		{ ST_RDONLY, MOUNT_ATTR_RDONLY }, { ST_NOSUID, MOUNT_ATTR_NOSUID },
		{ ST_NODEV, MOUNT_ATTR_NODEV }, { ST_NOEXEC, MOUNT_ATTR_NOEXEC },
		{ ST_NOATIME, MOUNT_ATTR_NOATIME }, { ST_NODIRATIME, MOUNT_ATTR_NODIRATIME },
	};
	uint64_t attrs = 0;
	struct statvfs st;

	if (fstatvfs(fd, &st) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		attrs |= st.f_flag & flags[i].flag ? flags[i].attr : 0;
	if (!(st.f_flag & (ST_NOATIME | ST_RELATIME)))
		attrs |= MOUNT_ATTR_STRICTATIME;
	return attrs;
}

static int bind_attrs(struct init *in, const struct spec_mount *m, int fd, struct err *e)
{
	const uint64_t times = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
	struct spec_mount all = *m, kept;
	uint64_t unnamed = plan_bind_attrs(m, &all), have;
	bool rec = m->flags & SPEC_MOUNT_REC;
	int r;

	kept = all;
	kept.attr_clr &= ~(unnamed & ~(uint64_t)MOUNT_ATTR_NOSYMFOLLOW);
	if (!in->plan->userns) {
		r = mount_attrs(in, &all, fd, rec, e);
		if (r != -EPERM || !unnamed)
			return r;
		*e = (struct err)ERR_INIT;	/* locked for us as well */
		return mount_attrs(in, &kept, fd, rec, e);
	}
	have = flags_of(fd);
	if ((have & m->attr_clr & ~times & ~all.attr_set) ||
	    ((all.attr_clr & MOUNT_ATTR__ATIME) && ((have ^ all.attr_set) & times)))
		return err_say(e, EPERM, "set options: operation not permitted: one of the source "
			       "is locked by its owner");
	return mount_attrs(in, &kept, fd, rec, e);
}

int mount_bind_make(struct init *in, const struct spec_mount *m, const struct plan_source *src,
		    int *ret, bool *ret_dir, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	if (src->absent)
		return 0;
	if (src->symlink)
		return make_symlink(in, m->destination, src->symlink, e);
	if (src->fd >= 0) {
		fd = src->fd;
		*ret_dir = src->is_dir;
	} else {
		fd = open_here(in, m, src);
		if (fd == -ENOENT && (m->flags & SPEC_MOUNT_OPTIONAL))
			return 0;
		if (fd < 0)
			return err_set(e, -fd, "open source");
		if (fstat(fd, &st) < 0)
			return err_set(e, errno, "open source");
		*ret_dir = S_ISDIR(st.st_mode);
		r = src->idmap ? ask_idmap(in, (int)(src - in->plan->mounts), fd, e) : 0;
		if (r < 0)
			return r;
	}
	r = bind_attrs(in, m, fd, e);
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}
