/*
 * dev.c - the nodes and links of /dev.
 *
 * Runs in: container.  Sources: runtime-spec config-linux.md "Default Devices",
 * "Devices", and "Default Filesystems" on /dev symbolic links.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/init.h"

/* clang-format off */
static const struct { const char *path, *to, *needs; } links[] = {
	{ "fd",		"/proc/self/fd",	NULL },
	{ "stdin",	"/proc/self/fd/0",	NULL },
	{ "stdout",	"/proc/self/fd/1",	NULL },
	{ "stderr",	"/proc/self/fd/2",	NULL },
	{ "core",	"/proc/kcore",		"/proc/kcore" },
	{ "ptmx",	"pts/ptmx",		NULL },
};
/* clang-format on */

static mode_t node_type(char type)
{
	return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

/* What is there already is taken when it is just that node.  When not, it is an error for a device
 * of config.json (config-linux.md, "Devices"), and replaced by one that we supply. */
static int take_or_remove(int parent, const char *name, const struct spec_device *d, mode_t mode,
			  struct err *e)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "device %s", d->path);
	if ((st.st_mode & S_IFMT) == node_type(d->type) &&
	    (d->type == 'p' || st.st_rdev == makedev(d->major, d->minor))) {
		if ((st.st_mode & 07777) != mode && fchmodat(parent, name, mode, 0) < 0)
			return err_set(e, errno, "device %s", d->path);
		return 1;
	}
	if (!d->supplied)
		return err_say(e, EEXIST, "linux.devices: %s is there already, and is not that "
			       "device", d->path);
	if (unlinkat(parent, name, 0) < 0)
		return err_set(e, errno, "replace %s by a device", d->path);
	return 0;
}

/* Most lie in /dev itself, which is open. */
static int open_parent(struct init *in, int dev, const char *path, int *ret, const char **ret_name,
		       struct err *e)
{
	const char *in_dev = str_after(path, "/dev/");
	AUTO_FREE char *dir = NULL;
	int r;

	if (in_dev && *in_dev && !strchr(in_dev, '/') && !str_eq(in_dev, "..") &&
	    !str_eq(in_dev, ".")) {
		*ret_name = in_dev;
		*ret = fcntl(dev, F_DUPFD_CLOEXEC, 3);
		return *ret < 0 ? err_set(e, errno, "open /dev") : 0;
	}
	r = path_parent_in(in->root, path, ret, ret_name, NULL);
	if (r != -ENOENT)
		return r < 0 ? err_set(e, -r, "open the folder of %s", path) : 0;
	*ret_name = path_base(path);
	dir = mem_strndup(path, (size_t)(*ret_name - path));
	return path_mkdir_in(in->root, dir, 0755, in->uid, in->gid, ret, e);
}

static int make_node(struct init *in, int dev, const struct spec_device *d, struct err *e)
{
	mode_t mode = d->mode_set ? (mode_t)d->mode & 07777 : 0666;
	AUTO_CLOSE int parent = -1;
	const char *name;
	int r;

	r = open_parent(in, dev, d->path, &parent, &name, e);
	if (r < 0)
		return r;
	for (int round = 0;; round++) {
		if (mknodat(parent, name, node_type(d->type) | mode, makedev(d->major, d->minor)) ==
		    0)
			break;
		if (errno != EEXIST || round > 0)
			return err_set(e, errno, "make device %s", d->path);
		r = take_or_remove(parent, name, d, mode, e);
		if (r < 0)
			return r;
		if (r > 0)
			break;
	}
	if ((d->uid != 0 || d->gid != 0) &&
	    fchownat(parent, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "owner of device %s", d->path);
	return 0;
}

/* In a user namespace no node that we made would open: the host's is bound instead. */
static int bind_node(struct init *in, int dev, const struct spec_device *d, int tree, struct err *e)
{
	struct sys_mount_attr a = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC };
	AUTO_CLOSE int mine = -1;
	struct stat st;

	if (d->type == 'p')
		return make_node(in, dev, d, e);
	if (tree < 0) {
		mine = sys_open_tree(AT_FDCWD, d->path,
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
		if (mine < 0)
			return err_set(e, errno, "device %s of the host", d->path);
		tree = mine;
	}
	if (fstat(tree, &st) < 0)
		return err_set(e, errno, "device %s of the host", d->path);
	if ((st.st_mode & S_IFMT) != node_type(d->type) ||
	    st.st_rdev != makedev(d->major, d->minor))
		return err_say(e, ENXIO, "device %s: the host's is not %c %u:%u", d->path, d->type,
			       d->major, d->minor);
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &a) < 0)
		return err_set(e, errno, "options of device %s", d->path);
	return mounts_attach(in, tree, d->path, false, e);
}

static int make_links(int dev, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (links[i].needs && access(links[i].needs, F_OK) < 0)
			continue;
		/* The image's ptmx may be a node, which would open the host's devpts. */
		if (str_eq(links[i].path, "ptmx") && unlinkat(dev, "ptmx", 0) < 0 &&
		    errno != ENOENT)
			return err_set(e, errno, "replace /dev/ptmx");
		if (symlinkat(links[i].to, dev, links[i].path) < 0 && errno != EEXIST)
			return err_set(e, errno, "make link /dev/%s", links[i].path);
	}
	return 0;
}

/* Nodes that the host made for us come in a tmpfs.  Only what is attached can be cloned (before
 * Linux 6.15), so it is, for as long as that takes. */
static int take_made(struct init *in, int *trees, struct err *e)
{
	const struct plan *p = in->plan;
	int nodes = p->fd[PLAN_FD_NODES], r;
	char path[32], name[24];

	r = nodes < 0 ? 0 : mounts_attach(in, nodes, "/dev", true, e);
	for (size_t i = 0; r == 0 && i < p->ndevices; i++) {
		trees[i] = p->device_sources[i].fd;
		if (!p->device_sources[i].made)
			continue;
		snprintf(name, sizeof(name), "%zu", i);
		trees[i] = sys_open_tree(nodes, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (trees[i] < 0)
			r = err_set(e, errno, "device %s", p->devices[i].path);
	}
	if (r == 0 && nodes >= 0 && sys_umount2(path_of_fd(nodes, path), MNT_DETACH) < 0)
		r = err_set(e, errno, "unmount the host's devices");
	return r;
}

static int bind_nodes(struct init *in, int dev, struct err *e)
{
	const struct plan *p = in->plan;
	AUTO_FREE int *trees = mem_array(p->ndevices + 1, sizeof(*trees));
	int r = take_made(in, trees, e);

	for (size_t i = 0; r == 0 && i < p->ndevices; i++)
		r = bind_node(in, dev, &p->devices[i], trees[i], e);
	return r;
}

int step_dev(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	AUTO_CLOSE int dev = -1;
	int r;

	if (!plan_makes_dev(in->spec))
		return 0;
	/* A folder, not a link of the image to anywhere. */
	r = mounts_target(in, "/dev", true, true, &dev, e);
	if (r < 0)
		return r;
	if (p->device_sources)
		r = bind_nodes(in, dev, e);
	for (size_t i = 0; r == 0 && !p->device_sources && i < p->ndevices; i++) {
		r = make_node(in, dev, &p->devices[i], e);
		/* We are in a user namespace that is the host's to us. */
		if (r == -EPERM) {
			*e = (struct err)ERR_INIT;
			r = bind_node(in, dev, &p->devices[i], -1, e);
		}
	}
	return r == 0 ? make_links(dev, e) : r;
}
