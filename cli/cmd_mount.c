/* cmd_mount.c - mount, umount: the root file systems of containers and images, where the host sees
 * them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "cli/connect_root.h"
#include "cli/output.h"
#include "cli/pick.h"
#include "cli/prune.h"
#include "cli/view.h"
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

static int mount_image(struct cli *c, const char *name, struct err *e)
{
	AUTO_CLOSE int root = -1;
	char key[65];
	int rc = open_image_root(c, name, &root, key, e);

	return rc < 0 ? rc : attach(c, key, root, e);
}

static int mount_any(struct cli *c, const char *name, struct err *e)
{
	AUTO_CLOSE int root = -1, lock = -1;
	AUTO_FREE struct idmap_pair *ids = NULL;
	AUTO(record) struct record *r = NULL;
	struct err none = ERR_INIT;
	char id[65], key[65];
	pid_t pid;
	int rc;

	if (record_find(&c->en, name, id, &none) < 0) {
		rc = mount_image(c, name, e);
		return rc == -ENOENT ? none_such(name, e) : rc;
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

struct mount_opts { struct pick pick; struct output_opts out; bool all; };

static const struct opt mount_rows[] = {
	PICK_ALL(mount_opts, 'a'),
	PICK_LATEST(mount_opts),
	OUTPUT_OPT_FORMAT(struct mount_opts, out, "'table {{.ID}}\\t{{.Mountpoint}}'"),
	OUTPUT_OPT_NO_TRUNC(struct mount_opts, out),
	OPT_END,
};
static const struct opt image_mount_rows[] = {
	{ "all", 'a', OPT_BOOL, offsetof(struct mount_opts, all), NULL, "All images" },
	OUTPUT_OPT_FORMAT(struct mount_opts, out, "'table {{.ID}}\\t{{.Mountpoint}}'"),
	OUTPUT_OPT_NO_TRUNC(struct mount_opts, out),
	OPT_END,
};

/* What is mounted by us: keys of containers (images: of those) in mounts/. */
static void mounted(struct cli *c, bool images, struct strlist *ret)
{
	AUTO(strlist) struct strlist keys = STRLIST_INIT;

	if (path_list(c->en.root_fd, "mounts", &keys) < 0)
		return;
	for (size_t i = 0; i < keys.n; i++) {
		AUTO_CLOSE int view = engine_view_open(&c->en, keys.v[i]);

		if (view >= 0 && path_exists(c->en.containers_fd, keys.v[i]) != images)
			strlist_add(ret, keys.v[i]);
	}
}

/* all: the images there are, or NULL: it is a container. */
static struct json *make_row(struct cli *c, struct arena *a, const char *key,
			     const struct image_list *all, bool no_trunc)
{
	AUTO(record) struct record *r = NULL;
	struct json *v = value_object(a), *names;
	struct err ignored = ERR_INIT;
	char buf[REF_MAX];
	struct ref ref;

	value_put(v, "ID", value_strn(a, key, no_trunc ? 64 : 12));
	names = value_put(v, "Names", value_array(a));
	if (!all && record_load(&c->en, key, &r, &ignored) == 0)
		value_push(names, value_str(a, r->name));
	for (size_t i = 0; all && i < all->n; i++)
		if (str_eq(str_after(all->v[i].id, "sha256:"), key) &&
		    ref_parse(all->v[i].name, &ref, &ignored) == 0)
			value_push(names, value_str(a, ref_familiar(&ref, buf)));
	value_put_str(a, v, "Mountpoint", arena_printf(a, "%s/mounts/%s", c->en.root, key));
	return v;
}

static int list_mounts(struct cli *c, bool images, struct output_opts *o, struct err *e)
{
	static const struct output_column columns[] = {
		{ "NAME", "{{join .Names \",\"}}" }, { "ID", "{{.ID}}" },
		{ "MOUNTPOINT", "{{.Mountpoint}}" }, { NULL, NULL },
	};
	static const struct output out = { columns, NULL, NULL };
	AUTO(strlist) struct strlist keys = STRLIST_INIT;
	AUTO(image_list) struct image_list *all = NULL;
	AUTO(store) struct store *store = NULL;
	AUTO(output_list) struct output_list list;
	int r;

	output_list_init(&list);
	if (images && ((r = store_open(c->en.root, &store, e)) < 0 ||
		       (r = image_list(store, &all, e)) < 0))
		return r;
	mounted(c, images, &keys);
	for (size_t i = 0; i < keys.n; i++)
		output_list_add(&list, make_row(c, list.a, keys.v[i], all, o->no_trunc));
	return output_rows(&out, o, list.v, list.n, e);
}

static int run_mount(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct mount_opts *o = opts;

	if (argc == 0 && !pick_any(&o->pick))
		return list_mounts(c, false, &o->out, e);
	return each(c, argc, argv, mount_any);
}

static int run_image_mount(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct mount_opts *o = opts;
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	AUTO(store) struct store *s = NULL;
	int r;

	if (argc > 0 && o->all)
		return err_say(e, EINVAL, "image mount --all takes no names");
	if (argc == 0 && !o->all)
		return list_mounts(c, true, &o->out, e);
	if (o->all && ((r = store_open(c->en.root, &s, e)) < 0 ||
		       (r = image_all_ids(s, &names, e)) < 0))
		return r;
	return o->all ? each(c, (int)names.n, names.v, mount_image)
		      : each(c, argc, argv, mount_image);
}

/* ---- umount ---- */

struct umount_opts { bool all, force; };

static const struct opt umount_rows[] = {
	{ "all", 'a', OPT_BOOL, offsetof(struct umount_opts, all), NULL, "All that are mounted" },
	{ "force", 'f', OPT_BOOL, offsetof(struct umount_opts, force), NULL,
	  "Also when somebody is in it" },
	OPT_END,
};

static int umount_key(struct cli *c, const char *key, const char *name, bool force, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/mounts/%s", c->en.root, key);

	if (umount2(path, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)) < 0)
		return errno == EINVAL || errno == ENOENT
			       ? err_say(e, EINVAL, "%s is not mounted", name)
			       : err_set(e, errno, "unmount %s", name);
	rmdir(path);
	printf("%s\n", name);
	return 0;
}

static int find_key(struct cli *c, const char *name, char key[static 65], struct err *e)
{
	AUTO(store) struct store *store = NULL;
	AUTO(image) struct image *image = NULL;
	struct err none = ERR_INIT;

	if (!str_starts(c->cmd->name, "image") && record_find(&c->en, name, key, &none) == 0)
		return 0;
	if (store_open(c->en.root, &store, e) < 0 || image_load(store, name, &image, e) < 0)
		return none_such(name, e);
	snprintf(key, 65, "%s", str_after(image->id, "sha256:"));
	return 0;
}

static int run_umount(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct umount_opts *o = opts;
	AUTO(strlist) struct strlist keys = STRLIST_INIT;
	int status = 0;

	if ((argc == 0) != o->all)
		return err_say(e, EINVAL, "usage: berth %s %s", c->cmd->name, c->cmd->args);
	if (o->all)
		mounted(c, str_starts(c->cmd->name, "image"), &keys);
	for (size_t i = 0; i < (o->all ? keys.n : (size_t)argc); i++) {
		const char *name = o->all ? keys.v[i] : argv[i];
		struct err one = ERR_INIT;
		char key[65];

		if ((o->all || find_key(c, name, key, &one) == 0) &&
		    umount_key(c, o->all ? name : key, name, o->force, &one) == 0)
			continue;
		log_error(&one);
		status = one.status ? one.status : ERR_STATUS_ENGINE;
	}
	return status;
}

/* clang-format off */
const struct command command_mount = {
	.name = "mount", .args = "[CONTAINER|IMAGE...]", .summary = "Make root file systems visible, and print where",
	.text = "Without arguments: which containers are mounted.",
	.opts = mount_rows, .size = sizeof(struct mount_opts), .min = 0, .max = -1, .pick = PICK_ANY,
	.complete = "container", .run = run_mount,
};
const struct command command_image_mount = {
	.name = "image mount", .args = "[IMAGE...]", .summary = "Make root file systems of images visible, and print where",
	.text = "Without arguments: which images are mounted.",
	.opts = image_mount_rows, .size = sizeof(struct mount_opts), .min = 0, .max = -1,
	.complete = "image", .run = run_image_mount,
};
const struct command command_umount = {
	.name = "umount", .args = "CONTAINER|IMAGE...", .summary = "Take such mounts away again",
	.opts = umount_rows, .size = sizeof(struct umount_opts), .max = -1,
	.complete = "container", .run = run_umount,
};
const struct command command_image_unmount = {
	.name = "image unmount", .args = "IMAGE...", .summary = "Take such mounts of images away again",
	.opts = umount_rows, .size = sizeof(struct umount_opts), .max = -1,
	.complete = "image", .run = run_umount,
};
/* clang-format on */
