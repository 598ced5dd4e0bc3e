/* cmd_diff.c - diff: what a container, or an image's last layer, changed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/connect_root.h"
#include "cli/output.h"
#include "cli/pick.h"
#include "image/image.h"

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
	AUTO_CLOSE int files = -1, upper = -1, lower = -1;
	int rc;

	if ((rc = record_load(&c->en, id, &r, e)) < 0 ||
	    (rc = record_load_spec(&c->en, r, a, e)) < 0 ||
	    (rc = connect_lower(c, r, &lower, e)) < 0 ||
	    (rc = record_open_files(&c->en, r, &files, e)) < 0 ||
	    (rc = path_open_dir(files, "upper", &upper, e)) < 0)
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

struct diff_opts { struct pick pick; const char *format; };

static const struct opt diff_rows[] = {
	{ "format", 0, OPT_STR, offsetof(struct diff_opts, format), "FORMAT", "json",
	  .complete = "json" },
	PICK_LATEST(diff_opts),
	OPT_END,
};

/* podman's form: the paths of each kind, and no kind without one. */
static void print_json(const struct diff *d)
{
	static const struct { char letter; const char *name; } kinds[] = {
		{ 'C', "changed" }, { 'A', "added" }, { 'D', "deleted" },
	};
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO(arena) struct arena *a = arena_new(OUTPUT_ARENA);
	struct json *v = value_object(a);

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct json *list = NULL;

		for (size_t i = 0; i < d->lines.n; i++) {
			if (d->lines.v[i][0] != kinds[k].letter)
				continue;
			if (!list)
				list = value_put(v, kinds[k].name, value_array(a));
			value_push(list, value_str(a, d->lines.v[i] + 2));
		}
	}
	value_write(&b, v, 4);
	printf("%s\n", b.s);
}

static int run_diff(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct diff_opts *o = opts;
	AUTO(record) struct record *r = NULL;
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO_CLOSE int upper = -1, lower = -1;
	struct err none = ERR_INIT;
	struct diff d = { .lower = -1 };
	char id[65];
	int rc;

	(void)argc;
	if (o->format && !str_eq(o->format, "json"))
		return err_say(e, EINVAL, "diff --format %s: json is the only one", o->format);
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
	if (rc == 0 && o->format)
		print_json(&d);
	for (size_t i = 0; rc == 0 && !o->format && i < d.lines.n; i++) {
		size_t n = strlen(d.lines.v[i]);
		AUTO_FREE char *line = mem_alloc(4 * n + 1);	/* the container chose the names */

		printf("%s\n", str_printable(d.lines.v[i], n, line, 4 * n + 1));
	}
	strlist_cleanup(&d.lines);
	return rc;
}

/* clang-format off */
const struct command command_diff = {
	.name = "diff", .args = "CONTAINER|IMAGE", .summary = "List what a container, or an image's last layer, changed",
	.opts = diff_rows, .size = sizeof(struct diff_opts), .min = 1, .max = 1, .pick = PICK_ANY,
	.complete = "container", .run = run_diff,
};
/* clang-format on */
