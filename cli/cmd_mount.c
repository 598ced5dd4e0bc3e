/* cmd_mount.c - mount, umount, diff: the root file system of containers and images. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "cli/connect.h"
#include "cli/connect_root.h"
#include "image/image.h"
#include "runtime/supervisor.h"

/* ---- mount ---- */

static int open_image_root(struct cli *c, const char *name, int *ret, char key[static 65],
			   struct err *e)
{
	AUTO(store) struct store *store = NULL;
	AUTO(image) struct image *image = NULL;
	struct overlay_opts o = OVERLAY_OPTS_INIT;
	int rc;

	if ((rc = store_open(c->en.root, &store, e)) < 0 ||
	    (rc = image_load(store, name, &image, e)) < 0)
		return rc;
	o.layers = image->layers;
	o.nlayers = image->nlayers;
	snprintf(key, 65, "%s", str_after(image->id, "sha256:"));
	return overlay_mount(store, &o, ret, e);
}

static int none_such(const char *name, struct err *e)
{
	err_say(e, ENOENT, "no such container or image: %s", name);
	return err_status(e, ERR_STATUS_NONE);
}

static int attach(struct cli *c, const char *key, int root, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/mounts/%s", c->en.root, key);
	AUTO_CLOSE int there = engine_view_open(&c->en, key);
	int rc = path_mkdirs(path, 0700, e);

	if (rc < 0)
		return rc;
	if (there < 0 && sys_move_mount(root, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount at %s", path);
	printf("%s\n", path);
	return 0;
}

static int mount_one(struct cli *c, const char *name, struct err *e)
{
	AUTO_CLOSE int root = -1, lock = -1;
	AUTO_FREE struct idmap_pair *ids = NULL;
	AUTO(record) struct record *r = NULL;
	struct err none = ERR_INIT;
	char id[65], key[65];
	pid_t pid;
	int rc;

	if (record_find(&c->en, name, id, &none) < 0) {
		rc = open_image_root(c, name, &root, key, e);
		if (rc == -ENOENT)
			return none_such(name, e);
		return rc < 0 ? rc : attach(c, key, root, e);
	}
	if (connect_pid(&c->en, id, &pid, key, &none) == 0) {
		printf("/proc/%d/root\n", (int)pid);	/* it is mounted there already */
		return 0;
	}
	if ((rc = record_load(&c->en, id, &r, e)) < 0 ||
	    (rc = connect_root(c, r, &root, &lock, &ids, e)) < 0)
		return rc;
	struct end_paths p = { c->en.run_fd, c->en.containers_fd, id, NULL };

	rc = attach(c, id, root, e);
	end_run_dir(&p, &none);
	return rc;
}

static int each(struct cli *c, int argc, char **argv,
		int (*fn)(struct cli *c, const char *name, struct err *e))
{
	int status = 0;

	for (int i = 0; i < argc; i++) {
		struct err e = ERR_INIT;

		if (fn(c, argv[i], &e) < 0) {
			log_error(&e);
			status = e.status ? e.status : ERR_STATUS_ENGINE;
		}
	}
	return status;
}

static int run_mount(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)opts;
	(void)e;
	return each(c, argc, argv, mount_one);
}

/* ---- umount ---- */

static int umount_one(struct cli *c, const char *name, struct err *e)
{
	AUTO(store) struct store *store = NULL;
	AUTO(image) struct image *image = NULL;
	struct err none = ERR_INIT;
	char key[65];

	if (record_find(&c->en, name, key, &none) < 0) {
		if (store_open(c->en.root, &store, e) < 0 ||
		    image_load(store, name, &image, e) < 0)
			return none_such(name, e);
		snprintf(key, sizeof(key), "%s", str_after(image->id, "sha256:"));
	}
	AUTO_FREE char *path = mem_printf("%s/mounts/%s", c->en.root, key);

	if (umount2(path, UMOUNT_NOFOLLOW) < 0)
		return errno == EINVAL || errno == ENOENT
			       ? err_say(e, EINVAL, "%s is not mounted", name)
			       : err_set(e, errno, "unmount %s", name);
	rmdir(path);
	printf("%s\n", name);
	return 0;
}

static int run_umount(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)opts;
	(void)e;
	return each(c, argc, argv, umount_one);
}

/* ---- diff ---- */

/* spec: of the container, or NULL: an image has no mounts. */
struct diff { int lower; const struct spec *spec; struct strlist lines; };

static bool is_mount_point(const struct spec *s, const char *path)
{
	for (size_t i = 0; s && i < s->nmounts; i++)
		if (str_eq(s->mounts[i].destination, path))
			return true;
	return s && (str_eq(path, "/dev") || str_eq(path, "/proc") || str_eq(path, "/sys") ||
		     str_starts(path, "/dev/"));
}

static bool is_opaque(int dir)
{
	char value[4] = "", path[32];

	return getxattr(path_of_fd(dir, path), "trusted.overlay.opaque", value, sizeof(value)) ==
		       1 &&
	       value[0] == 'y';
}

static int exists_below(const struct diff *d, const char *path)
{
	int fd = path_try_open_nofollow_in(d->lower, path, O_PATH);

	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

/* What an opaque folder hides. */
static void hidden(struct diff *d, int upper, const char *path)
{
	int fd = path_try_open_in(d->lower, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct stat st;

	while (dir && (de = readdir(dir)))
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, "..") &&
		    fstatat(upper, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			strlist_addf(&d->lines, "D %s/%s", path, de->d_name);
	if (dir)
		closedir(dir);
}

static int walk(struct diff *d, int upper, const char *at, unsigned depth, struct err *e)
{
	AUTO_CLOSE int fd = openat(upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int rc = 0;

	if (!dir || depth > 512)
		return err_set(e, dir ? ELOOP : errno, "read the changes in %s", at);
	TAKE_FD(fd);
	while (rc == 0 && (de = readdir(dir))) {
		AUTO_FREE char *path = mem_printf("%s/%s", at, de->d_name);
		AUTO_CLOSE int sub = -1;
		struct stat st;

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, "..") ||
		    fstatat(dirfd(dir), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    is_mount_point(d->spec, path))
			continue;
		if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0)) {
			strlist_addf(&d->lines, "D %s", path);
			continue;
		}
		strlist_addf(&d->lines, "%c %s", exists_below(d, path) ? 'C' : 'A', path);
		if (!S_ISDIR(st.st_mode))
			continue;
		sub = openat(dirfd(dir), de->d_name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			continue;
		if (is_opaque(sub))
			hidden(d, sub, path);
		rc = walk(d, sub, path, depth + 1, e);
	}
	closedir(dir);
	return rc;
}

static int open_container(struct cli *c, const char *id, struct record **ret, struct arena *a,
			  int *ret_upper, int *ret_lower, struct err *e)
{
	AUTO(record) struct record *r = NULL;
	AUTO_FREE char *path = mem_printf("%s/upper", id);
	AUTO_CLOSE int upper = -1, lower = -1;
	int rc;

	if ((rc = record_load(&c->en, id, &r, e)) < 0 ||
	    (rc = record_load_spec(&c->en, r, a, e)) < 0 ||
	    (rc = connect_lower(c, r, &lower, e)) < 0 ||
	    (rc = path_open_dir(c->en.containers_fd, path, &upper, e)) < 0)
		return rc;
	*ret = TAKE(r);
	*ret_upper = TAKE_FD(upper);
	*ret_lower = TAKE_FD(lower);
	return 0;
}

/* The topmost layer, on those below it. */
static int open_image(struct cli *c, const char *name, int *ret_upper, int *ret_lower,
		      struct err *e)
{
	AUTO(store) struct store *store = NULL;
	AUTO(image) struct image *image = NULL;
	struct overlay_opts o = OVERLAY_OPTS_INIT;
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int upper = -1;
	int rc;

	if ((rc = store_open(c->en.root, &store, e)) < 0)
		return rc;
	rc = image_load(store, name, &image, e);
	if (rc < 0)
		return rc;
	if (image->nlayers == 0)
		return err_say(e, EINVAL, "image %s has no layers", name);
	o.layers = image->layers;
	o.nlayers = image->nlayers - 1;
	path = mem_printf("%s/store/layers/%s/fs", c->en.root, image->layers[o.nlayers]);
	if ((rc = path_open_dir(AT_FDCWD, path, &upper, e)) < 0 ||
	    (rc = overlay_mount(store, &o, ret_lower, e)) < 0)
		return rc;
	*ret_upper = TAKE_FD(upper);
	return 0;
}

static int run_diff(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(record) struct record *r = NULL;
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO_CLOSE int upper = -1, lower = -1;
	struct err none = ERR_INIT;
	struct diff d = { .lower = -1 };
	char id[65];
	int rc;

	(void)opts;
	(void)argc;
	if (record_find(&c->en, argv[0], id, &none) == 0)
		rc = open_container(c, id, &r, a, &upper, &lower, e);
	else
		rc = open_image(c, argv[0], &upper, &lower, e);
	if (rc == -ENOENT && none.code)
		*e = none;	/* which names one that is near */
	if (rc < 0)
		return rc;
	d.lower = lower;
	d.spec = r ? r->spec : NULL;
	rc = walk(&d, upper, "", 0, e);
	for (size_t i = 0; rc == 0 && i < d.lines.n; i++) {
		size_t n = strlen(d.lines.v[i]);
		AUTO_FREE char *line = mem_alloc(4 * n + 1);	/* the container chose the names */

		printf("%s\n", str_printable(d.lines.v[i], n, line, 4 * n + 1));
	}
	strlist_cleanup(&d.lines);
	return rc;
}

/* clang-format off */
const struct command command_mount = {
	.name = "mount", .args = "CONTAINER|IMAGE...", .summary = "Make root file systems visible, and print where",
	.min = 1, .max = -1, .complete = "container", .run = run_mount,
};
const struct command command_umount = {
	.name = "umount", .args = "CONTAINER|IMAGE...", .summary = "Take such mounts away again",
	.min = 1, .max = -1, .complete = "container", .run = run_umount,
};
const struct command command_diff = {
	.name = "diff", .args = "CONTAINER|IMAGE", .summary = "List what a container, or an image's last layer, changed",
	.min = 1, .max = 1, .complete = "container", .run = run_diff,
};
/* clang-format on */
