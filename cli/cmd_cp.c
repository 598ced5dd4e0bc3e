/*
 * cmd_cp.c - cp: files between the host and a container, running or not.
 *
 * What lies in the container is opened below its root by descriptor, so its symlinks lead
 * nowhere else, and no code of it is loaded (CVE-2018-15664, CVE-2019-14271).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/tree.h"
#include "cli/connect_root.h"
#include "image/image.h"
#include "runtime/supervisor.h"
#include "runtime/volume.h"

struct cp_opts { bool archive, follow, quiet, overwrite; };

#define O(f) offsetof(struct cp_opts, f)
static const struct opt rows[] = {
	{ "archive", 'a', OPT_BOOL, O(archive), NULL, "Keep owners" },
	{ "follow-link", 'L', OPT_BOOL, O(follow), NULL, "Copy what SRC links to, not the link" },
	{ "quiet", 'q', OPT_BOOL, O(quiet), NULL, NULL },
	{ "overwrite", 0, OPT_BOOL, O(overwrite), NULL,
	  "A folder may replace a file, and a file a folder" },
	OPT_END,
};
#undef O

/* One side: a root directory to resolve below (host: "/"), and a path in it. */
struct side {
	const char *text;	/* as typed */
	bool container, readonly;
	char *path;
	char *top;		/* its path is a volume as a whole, which there has this name */
	int root, lock;
	struct idmap_pair *ids;	/* of a running container with a user namespace, or NULL */
	char id[65];
};

static void side_close(struct cli *c, struct side *s)
{
	struct end_paths p = { c->en.run_fd, c->en.containers_fd, s->id, NULL };
	struct err e = ERR_INIT;

	fd_close(&s->root);
	if (s->lock >= 0)
		end_run_dir(&p, &e);
	fd_close(&s->lock);
	mem_free_cleanup(&s->path);
	mem_free_cleanup(&s->top);
	mem_free_cleanup(&s->ids);
}

static bool is_whole(const char *path)	/* what is in it, not it itself */
{
	return str_ends(path, "/.") || str_eq(path, ".") || str_eq(path, "/");
}

static const struct record_volume *volume_at(const struct record *r, const char *path)
{
	const struct record_volume *found = NULL;

	for (size_t i = 0; i < r->nvolumes; i++) {
		const char *at = r->volumes[i].destination;
		size_t n = strlen(at);

		if (str_starts(path, at) && (!path[n] || path[n] == '/') &&
		    (!found || n > strlen(found->destination)))
			found = &r->volumes[i];
	}
	return found;
}

/* A folder of the host when the container does not run, too; with what it would begin with. */
static int open_volume(struct cli *c, const struct record *r, const struct record_volume *v,
		       int root, int *ret, struct err *e)
{
	const struct spec_namespace *user = &r->spec->ns[SPEC_NS_USER];
	bool named = str_eq(v->type, "volume");
	AUTO(volume) struct volume *vol = NULL;
	int rc = named ? volume_load(&c->en, v->name, &vol, e) : 0;

	if (rc < 0)
		return rc;
	if (v->overlay || v->idmap || v->chown || v->subpath || user->unshare || user->path ||
	    (named ? !volume_is_folder(vol) : !str_eq(v->type, "bind")))
		return err_say(e, EBUSY, "cp: what is mounted on %s is there only while container "
			       "%s runs; start it first", v->destination, r->name);
	if (named && !v->nocopy &&
	    (rc = volume_copy_up(&c->en, v->name, root, v->destination, e)) < 0)
		return rc;
	*ret = open(named ? vol->mountpoint : v->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_set(e, errno, "cp: open what is mounted on %s", v->destination) : 0;
}

/* Volumes are mounted while it runs.  Else the path leads to what would be, as Docker's. */
static int enter_volume(struct cli *c, struct record *r, struct side *s, struct err *e)
{
	AUTO_FREE char *typed = mem_strdup(s->path), *path = path_clean(typed);
	const struct record_volume *v = volume_at(r, path);
	int rc, fd = -1;

	if (!v || str_eq(v->type, "tmpfs"))
		return 0;
	if ((rc = record_load_spec(&c->en, r, r->arena, e)) < 0 ||
	    (rc = open_volume(c, r, v, s->root, &fd, e)) < 0)
		return rc;
	fd_close(&s->root);
	s->root = fd;
	for (char **o = v->options; o && *o; o++)
		s->readonly |= str_eq(*o, "ro");
	if (str_eq(path, v->destination) && !is_whole(typed))
		s->top = mem_strdup(path_base(path));
	free(s->path);
	s->path = s->top ? mem_strdup("/")
			 : mem_printf("%s%s", path + strlen(v->destination),
				      is_whole(typed) ? "/." : str_ends(typed, "/") ? "/" : "");
	return 0;
}

/* "name:path", unless it looks like a path of the host. */
static int side_open(struct cli *c, const char *text, struct side *s, struct err *e)
{
	const char *colon = strchr(text, ':');
	int rc;

	s->text = text;
	if (text[0] == '/' || text[0] == '.' || !colon ||
	    memchr(text, '/', (size_t)(colon - text))) {
		AUTO_FREE char *cwd = getcwd(NULL, 0);

		s->path = text[0] == '/' ? mem_strdup(text) : path_join(cwd ? cwd : "/", text);
		s->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return s->root < 0 ? err_set(e, errno, "open /") : 0;
	}
	AUTO_FREE char *name = mem_strndup(text, (size_t)(colon - text));
	AUTO(record) struct record *r = NULL;

	s->container = true;
	s->path = mem_strdup(colon[1] ? colon + 1 : "/");
	if ((rc = record_find(&c->en, name, s->id, e)) < 0 ||
	    (rc = record_load(&c->en, s->id, &r, e)) < 0)
		return rc;
	rc = connect_root(c, r, &s->root, &s->lock, &s->ids, e);
	return rc == 0 && s->lock >= 0 ? enter_volume(c, r, s, e) : rc;
}

static int open_side(const struct side *s, const char *path, int flags)
{
	return s->container ? path_try_open_in(s->root, path, flags, 0)
			    : open(path, flags | O_CLOEXEC);
}

/* The folder that holds the last component, and that component; a path that ends in a slash or
 * "/." names the folder itself: then *ret_name is NULL. */
static int open_parent(const struct side *s, char *path, int *ret_fd, const char **ret_name,
		       struct err *e)
{
	size_t n = strlen(path);
	char *slash;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = 0;
	slash = strrchr(path, '/');
	if (str_eq(path, "/") || !slash || str_eq(slash + 1, "..") || str_eq(slash + 1, "."))
		return err_say(e, EINVAL,
			       "cp %s: cannot be copied as a whole; name something in it", s->text);
	*ret_name = slash + 1;
	*slash = 0;
	*ret_fd = open_side(s, *path ? path : "/", O_RDONLY | O_DIRECTORY);
	return *ret_fd < 0 ? err_set(e, errno, "cp %s: open the folder", s->text) : 0;
}

/* -L: the path of what the link leads to.  What is relative to the link is so in the new path
 * too, and the kernel resolves it below the side's root. */
static int follow_links(struct side *s, struct err *e)
{
	for (int i = 0; i < 40; i++) {
		AUTO_FREE char *copy = mem_strdup(s->path);
		AUTO_CLOSE int dir = -1;
		const char *name;
		char to[4096];
		ssize_t n;
		int rc = open_parent(s, copy, &dir, &name, e);

		if (rc < 0)
			return rc;
		n = readlinkat(dir, name, to, sizeof(to) - 1);
		if (n < 0)	/* no link, or nothing: who opens it says so */
			return 0;
		to[n] = 0;
		free(s->path);
		s->path = to[0] == '/' ? mem_strdup(to) : mem_printf("%s/%s", copy, to);
	}
	return err_set(e, ELOOP, "cp %s", s->text);
}

static int copy_contents(int from, struct side *to, const char *dst, const struct tree_opts *o,
			 struct err *e)
{
	AUTO_CLOSE int dir = open_side(to, dst, O_RDONLY | O_DIRECTORY);

	if (dir < 0 && errno == ENOENT) {
		AUTO_FREE char *copy = mem_strdup(dst);
		AUTO_CLOSE int parent = -1;
		const char *name;
		int rc = open_parent(to, copy, &parent, &name, e);

		if (rc < 0)
			return rc;
		if (mkdirat(parent, name, 0755) < 0)
			return err_set(e, errno, "cp: make %s", to->text);
		dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (dir < 0)
		return err_set(e, errno, "cp: open %s", to->text);
	return tree_copy(from, dir, o, e);
}

/* Under the name `as` in a folder that is there, else as what `to` says. */
static int copy_entry(int from, const char *name, const char *as, bool is_dir, struct side *to,
		      const struct tree_opts *o, struct err *e)
{
	AUTO_CLOSE int dir = open_side(to, to->path, O_RDONLY | O_DIRECTORY), parent = -1;
	const char *to_name;
	int rc;

	if (dir >= 0)
		return tree_copy_entry(from, name, dir, as, o, e);
	if (errno != ENOENT && errno != ENOTDIR)
		return err_set(e, errno, "cp: open %s", to->text);
	if (str_ends(to->path, "/") && !is_dir)
		return err_say(e, ENOTDIR, "cp: %s is no folder", to->text);
	rc = open_parent(to, to->path, &parent, &to_name, e);
	return rc < 0 ? rc : tree_copy_entry(from, name, parent, to_name, o, e);
}

static int open_source(struct side *from, const struct cp_opts *o, int *ret_dir,
		       const char **ret_name, struct err *e)
{
	int rc = o->follow ? follow_links(from, e) : 0;

	return rc < 0 ? rc : open_parent(from, from->path, ret_dir, ret_name, e);
}

static int copy(struct side *from, struct side *to, const struct cp_opts *o, struct err *e)
{
	struct tree_opts t = { .no_owner = !o->archive, .replace = o->overwrite,
			       .uid = to->container ? 0 : geteuid(),
			       .gid = to->container ? 0 : getegid(),
			       .from_ids = from->ids, .to_ids = to->ids };
	AUTO_FREE char *path = path_clean(from->path), *under = NULL;
	const char *name, *as = path_base(path), *dst = to->path;
	AUTO_CLOSE int dir = -1, at = -1;
	struct stat st;
	int rc;

	if (to->ids && (rc = idmap_act_as_root(to->ids, e)) < 0)
		return err_wrap(e, "cp %s", to->text);
	if (is_whole(from->path)) {
		dir = open_side(from, from->path, O_RDONLY | O_DIRECTORY);
		if (dir < 0)
			return err_set(e, errno, "cp: open %s", from->text);
		if (from->top && (at = open_side(to, to->path, O_PATH | O_DIRECTORY)) >= 0)
			dst = under = path_join(to->path, from->top);
		return copy_contents(dir, to, dst, &t, e);
	}
	if ((rc = open_source(from, o, &dir, &name, e)) < 0)
		return rc;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "cp %s", from->text);
	return copy_entry(dir, name, as, S_ISDIR(st.st_mode), to, &t, e);
}

/* ---- tar archives: the work is berth-image's, which opens the folder by its number ---- */

static int work(struct cli *c, int dir, const struct side *s, struct strlist *args, struct err *e)
{
	char path[32];

	fd_cloexec(dir, false);
	connect_id_args(s->ids, args);
	strlist_add(args, path_of_fd(dir, path));
	return image_work(c->en.root, args->v, NULL, e);
}

static int to_archive(struct cli *c, struct side *from, const struct cp_opts *o, struct err *e)
{
	AUTO(strlist) struct strlist args = STRLIST_INIT;
	AUTO_CLOSE int dir = -1;
	const char *name;
	struct stat st;
	int rc;

	if (isatty(1))
		return err_say(e, EINVAL, "cp: standard output is a terminal; send it to a file");
	if (from->top)
		return err_say(e, EINVAL, "cp %s: a volume, whose container does not run; name "
			       "what is in it: %s/.", from->text, from->text);
	strlist_add(&args, "export");
	if (is_whole(from->path)) {
		dir = open_side(from, from->path, O_RDONLY | O_DIRECTORY);
		return dir < 0 ? err_set(e, errno, "cp: open %s", from->text)
			       : work(c, dir, from, &args, e);
	}
	if ((rc = open_source(from, o, &dir, &name, e)) < 0)
		return rc;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "cp %s", from->text);
	strlist_addf(&args, "--only=%s", name);
	return work(c, dir, from, &args, e);
}

static int from_archive(struct cli *c, struct side *to, const struct cp_opts *o, struct err *e)
{
	AUTO_CLOSE int dir = open_side(to, to->path, O_RDONLY | O_DIRECTORY);
	AUTO(strlist) struct strlist args = STRLIST_INIT;

	if (dir < 0)
		return err_set(e, errno, "cp: open %s", to->text);
	strlist_add(&args, "unpack");
	if (o->archive)
		strlist_add(&args, "--owners");
	return work(c, dir, to, &args, e);
}

static int run_cp(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct side from = { .root = -1, .lock = -1 }, to = { .root = -1, .lock = -1 };
	bool in = str_eq(argv[0], "-"), out = str_eq(argv[1], "-");
	int rc = in ? 0 : side_open(c, argv[0], &from, e);

	(void)argc;
	if (rc == 0 && !out)
		rc = side_open(c, argv[1], &to, e);
	if (rc == 0 && from.container == to.container)
		rc = err_say(e, EINVAL, "cp: one of SRC and DST must be CONTAINER:PATH");
	if (rc == 0 && to.readonly)
		rc = err_set(e, EROFS, "cp: %s", to.text);
	if (rc == 0)
		rc = in ? from_archive(c, &to, opts, e) : out ? to_archive(c, &from, opts, e)
						      : copy(&from, &to, opts, e);
	side_close(c, &from);
	side_close(c, &to);
	return rc;
}

/* clang-format off */
const struct command command_cp = {
	.name = "cp", .args = "[CONTAINER:]SRC|- [CONTAINER:]DST|-", .summary = "Copy files between the host and a container",
	.text = "SRC/. is what is in a folder, SRC the folder itself. A path in a volume leads there, whether\n"
		"the container runs or not. - is a tar archive on standard input\n"
		"(gzip, zstd, bzip2 and xz too) or output; from one, files belong to root without --archive.",
	.opts = rows, .size = sizeof(struct cp_opts), .min = 2, .max = 2,
	.complete = "container", .run = run_cp,
};
/* clang-format on */
