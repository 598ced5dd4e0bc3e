/*
 * worker.c - berth-image: the command line by which berth calls it.
 *
 *	berth-image --root DIR COMMAND [OPTION...] [ARG...]
 *
 * Results are lines on standard output, their fields separated by tabs; an error is one line on
 * standard error and exit status 125.  Not for people: berth's own commands are.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/path.h"
#include "image/change.h"
#include "image/extract.h"
#include "image/fsck.h"
#include "image/list.h"
#include "image/pull.h"
#include "image/push.h"
#include "image/signin.h"
#include "image/source.h"
#include "image/worker.h"

/* ---- load ---- */

struct load_args { const char *input, *platform, *name, *select; bool quiet, ids; };

static const struct opt load_rows[] = {
	{ "input", 'i', OPT_STR, offsetof(struct load_args, input), "FILE",
	  "archive or directory" },
	{ "platform", 0, OPT_STR, offsetof(struct load_args, platform), "OS/ARCH",
	  "which platform" },
	{ "name", 0, OPT_STR, offsetof(struct load_args, name), "NAME", "name to give it" },
	{ "select", 0, OPT_STR, offsetof(struct load_args, select), "NAME",
	  "only this entry of a layout" },
	{ "quiet", 'q', OPT_BOOL, offsetof(struct load_args, quiet), NULL, "say less" },
	{ "ids", 0, OPT_BOOL, offsetof(struct load_args, ids), NULL, "print ids only" },
	OPT_END
};

/* "dir/busybox.tar.gz" -> "busybox"; what is left must be good for a name, else "". */
static char *label_of(const char *path)
{
	static const char *const ends[] = { ".gz", ".zst", ".xz", ".bz2", ".tgz", ".tar", ".oci" };
	AUTO_FREE char *clean = path_clean(path);
	char *label = mem_strdup(path_base(clean));
	struct err lost = ERR_INIT;
	struct ref ref;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (str_ends(label, ends[i]))
			label[strlen(label) - strlen(ends[i])] = '\0';
	for (char *p = label; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	if (strpbrk(label, ":@/") || ref_parse(label, &ref, &lost) < 0)
		*label = '\0';
	return label;
}

static int load_open(const char *input, struct source *s, int *ret_fd, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (str_empty(input) || str_eq(input, "-")) {
		if (isatty(0))
			return err_say(e, EINVAL,
				       "load reads an archive from standard input, which is a "
				       "terminal: give a file with -i");
		*ret_fd = 0;
		return 0;
	}
	fd = open(input, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open %s", input);
	if (S_ISDIR(st.st_mode))
		s->dir_fd = TAKE_FD(fd);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int cmd_load(const struct store *st, int argc, char **argv, struct err *e)
{
	struct load_args args = { 0 };
	AUTO(source) struct source s = SOURCE_INIT;
	AUTO(maker) struct maker m = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	AUTO_FREE char **rest = NULL;
	AUTO_FREE char *label = NULL;
	struct load_opts o;
	const char *shown;
	int n, fd = -1, r = opt_parse(load_rows, &args, argc, argv, false, &rest, &n, e);

	if (r < 0)
		return r;
	if (n > 0)
		return err_say(e, EINVAL, "load takes no argument: give the file with -i");
	r = load_open(args.input, &s, &fd, e);
	if (r == 0)
		r = worker_begin(st, &m, s.dir_fd, e);
	if (r < 0)
		return r;
	label = fd == 0 ? mem_strdup("") : label_of(args.input);
	shown = fd == 0 ? "standard input" : args.input;
	s.m = &m;
	s.label = label;
	o = (struct load_opts){ args.platform, args.name, args.select };
	if (s.dir_fd < 0)
		r = source_scan(&s, fd, e);
	if (r == 0)
		r = load_source(&s, &o, e);
	if (r < 0)
		return err_wrap(e, "load %s", shown);
	return worker_end(&m, args.ids ? NULL : "Loaded", e);
}

/* ---- pull and push ---- */

static int set_tls(bool *no_tls, bool *tls, const char *v, struct err *e)
{
	bool on;

	if (str_to_bool(str_empty(v) ? "true" : v, &on) < 0)
		return err_say(e, EINVAL, "--tls-verify=%s: expected true or false", v);
	*tls = on;
	*no_tls = !on;
	return 0;
}

static int set_pull_tls(void *opts, const char *v, struct err *e)
{
	struct pull_opts *o = opts;

	return set_tls(&o->no_tls, &o->tls, v, e);
}

static const struct opt pull_rows[] = {
	{ "platform", 0, OPT_STR, offsetof(struct pull_opts, platform), "OS/ARCH",
	  "which platform" },
	{ "arch", 0, OPT_STR, offsetof(struct pull_opts, platform), "ARCH",
	  "the same, the architecture alone" },
	{ "all-platforms", 0, OPT_BOOL, offsetof(struct pull_opts, all_platforms), NULL,
	  "fetch all" },
	{ "all-tags", 'a', OPT_BOOL, offsetof(struct pull_opts, all_tags), NULL, "all tags" },
	{ "authfile", 0, OPT_STR, offsetof(struct pull_opts, authfile), "FILE", "credentials" },
	{ "creds", 0, OPT_STR, offsetof(struct pull_opts, creds), "USER:PASSWORD",
	  "credentials, of no file" },
	{ "policy", 0, OPT_STR, offsetof(struct pull_opts, policy), "WHEN",
	  "always, missing, never or newer" },
	{ "tls-verify", 0, OPT_FLAGFUNC, 0, NULL, "check certificates", set_pull_tls },
	{ "quiet", 'q', OPT_BOOL, offsetof(struct pull_opts, quiet), NULL,
	  "print the digest only" },
	OPT_END
};

/* Names with a transport before them, as skopeo and podman write them. */
static const char *const transports[] = { "oci:", "oci-archive:", "docker-archive:" };

/* oci:DIR[:TAG]: as load does it. */
static int pull_file(const struct store *st, const char *path, const struct pull_opts *o,
		     struct err *e)
{
	AUTO_FREE char *file = mem_strdup(path);
	char *args[10] = { (char *)"load", (char *)"-i", file };
	char *colon = strrchr(file, ':');
	int n = 3;

	if (colon && access(file, F_OK) < 0) {
		*colon = '\0';
		args[n++] = (char *)"--select";
		args[n++] = colon + 1;
	}
	if (o->platform) {
		args[n++] = (char *)"--platform";
		args[n++] = (char *)(uintptr_t)o->platform;
	}
	if (o->quiet)
		args[n++] = (char *)"--ids";
	return cmd_load(st, n, args, e);
}

static int pull_named(const struct store *st, const char *name, const struct pull_opts *o,
		      struct err *e)
{
	for (size_t k = 0; k < ARRAY_SIZE(transports); k++)
		if (str_starts(name, transports[k]))
			return pull_file(st, name + strlen(transports[k]), o, e);
	return pull_image(st, name, o, e);
}

static int cmd_pull(const struct store *st, int argc, char **argv, struct err *e)
{
	struct pull_opts o = { 0 };
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	AUTO_FREE char **rest = NULL;
	int n, r = opt_parse(pull_rows, &o, argc, argv, false, &rest, &n, e);

	if (r < 0)
		return r;
	if (n == 0)
		return err_say(e, EINVAL, "pull: the name of an image is missing");
	for (int i = 0; r == 0 && i < n; i++) {
		const char *name = str_starts(rest[i], "docker://") ? rest[i] + 9 : rest[i];

		if (!o.all_tags)
			strlist_add(&names, name);
		else if (strchr(path_base(name), ':') || strchr(name, '@'))
			r = err_say(e, EINVAL, "pull --all-tags takes a name without a tag: %s",
				    name);
		else
			r = several_tags(st, name, &o, &names, e);
	}
	if (r < 0)
		return r;
	return names.n == 1 ? pull_named(st, names.v[0], &o, e) :
			      several_pulls(st, &names, &o, pull_named, e);
}

static int set_push_tls(void *opts, const char *v, struct err *e)
{
	struct push_opts *o = opts;

	return set_tls(&o->no_tls, &o->tls, v, e);
}

static const struct opt push_rows[] = {
	{ "authfile", 0, OPT_STR, offsetof(struct push_opts, authfile), "FILE", "credentials" },
	{ "creds", 0, OPT_STR, offsetof(struct push_opts, creds), "USER:PASSWORD",
	  "credentials, of no file" },
	{ "all", 0, OPT_BOOL, offsetof(struct push_opts, all), NULL, "an index whole, or not" },
	{ "digestfile", 0, OPT_STR, offsetof(struct push_opts, digest_file), "FILE",
	  "gets the digest" },
	{ "tls-verify", 0, OPT_FLAGFUNC, 0, NULL, "check certificates", set_push_tls },
	{ "quiet", 'q', OPT_BOOL, offsetof(struct push_opts, quiet), NULL,
	  "print the digest only" },
	OPT_END
};

/* DIR[:TAG] */
static int push_layout(const struct store *st, char *const *image, const char *dest, struct err *e)
{
	const char *colon = strrchr(dest, ':');
	AUTO_FREE char *dir = NULL;

	if (colon && strchr(colon, '/'))
		colon = NULL;
	dir = mem_strndup(dest, colon ? (size_t)(colon - dest) : strlen(dest));
	return save_images(st, image, 1, SAVE_OCI_DIR, dir, colon ? colon + 1 : NULL, e);
}

static int cmd_push(const struct store *st, int argc, char **argv, struct err *e)
{
	struct push_opts o = { 0 };
	AUTO_FREE char **rest = NULL;
	const char *dest;
	int n, r = opt_parse(push_rows, &o, argc, argv, false, &rest, &n, e);

	if (r < 0)
		return r;
	if (n < 1 || n > 2)
		return err_say(e, EINVAL, "push takes an image, and where to");
	dest = n == 2 ? rest[1] : NULL;
	if (dest && str_starts(dest, "oci:"))
		return push_layout(st, rest, dest + 4, e);
	if (dest && str_starts(dest, "oci-archive:"))
		return save_images(st, rest, 1, SAVE_OCI_ARCHIVE, dest + 12, NULL, e);
	if (dest && str_starts(dest, "docker-archive:"))
		return save_images(st, rest, 1, SAVE_DOCKER_ARCHIVE, dest + 15, NULL, e);
	if (dest && str_starts(dest, "docker://"))
		dest += 9;
	return push_image(st, rest[0], dest, &o, e);
}

/* manifest NAME */
static int cmd_manifest(const struct store *st, int argc, char **argv, struct err *e)
{
	struct pull_opts o = { 0 };
	AUTO_FREE char **rest = NULL;
	int n, r = opt_parse(pull_rows, &o, argc, argv, false, &rest, &n, e);

	if (r == 0 && n != 1)
		r = err_say(e, EINVAL, "manifest inspect takes the name of an image");
	return r < 0 ? r : pull_manifest(st, rest[0], &o, e);
}

static const struct opt list_rows[] = {
	{ "amend", 'a', OPT_BOOL, offsetof(struct list_opts, amend), NULL, "add to it" },
	{ "all", 0, OPT_BOOL, offsetof(struct list_opts, all), NULL, "all of an index" },
	{ "os", 0, OPT_STR, offsetof(struct list_opts, os), "OS", "os" },
	{ "arch", 0, OPT_STR, offsetof(struct list_opts, arch), "ARCH", "architecture" },
	{ "variant", 0, OPT_STR, offsetof(struct list_opts, variant), "VARIANT", "variant" },
	{ "os-version", 0, OPT_STR, offsetof(struct list_opts, os_version), "VERSION",
	  "version" },
	{ "annotation", 0, OPT_LIST, offsetof(struct list_opts, annotations), "KEY=VALUE",
	  "annotation" },
	OPT_END
};

/* create, add, annotate, remove LIST IMAGE... */
static int cmd_list(const struct store *st, int argc, char **argv, struct err *e)
{
	static const struct { const char *word; enum list_change how; } words[] = {
		{ "create", LIST_CREATE }, { "add", LIST_ADD }, { "annotate", LIST_ANNOTATE },
		{ "remove", LIST_REMOVE },
	};
	struct list_opts o = { 0 };
	AUTO_FREE char **rest = NULL;
	size_t k = 0;
	int n, r = opt_parse(list_rows, &o, argc, argv, false, &rest, &n, e);

	while (!str_eq(words[k].word, argv[0]))
		k++;
	if (r == 0 && n < 2)
		r = err_say(e, EINVAL, "manifest %s takes the name of an index, and images",
			    argv[0]);
	if (r == 0)
		r = list_change(st, words[k].how, rest[0], rest + 1, (size_t)n - 1, &o, e);
	strlist_cleanup(&o.annotations);
	return r;
}

/* ---- save ---- */

struct save_args { const char *output, *format; bool quiet, multi; };

static const struct opt save_rows[] = {
	{ "output", 'o', OPT_STR, offsetof(struct save_args, output), "FILE", "where to" },
	{ "format", 0, OPT_STR, offsetof(struct save_args, format), "FORMAT",
	  "oci-archive, docker-archive or oci-dir" },
	{ "quiet", 'q', OPT_BOOL, offsetof(struct save_args, quiet), NULL, "which it is" },
	{ "multi-image-archive", 'm', OPT_BOOL, offsetof(struct save_args, multi), NULL,
	  "several images, as ever" },
	OPT_END
};

static int cmd_save(const struct store *st, int argc, char **argv, struct err *e)
{
	struct save_args args = { "-", "oci-archive" };
	enum save_format f = SAVE_OCI_ARCHIVE;
	AUTO_FREE char **rest = NULL;
	int n, r = opt_parse(save_rows, &args, argc, argv, false, &rest, &n, e);

	if (r < 0)
		return r;
	if (n == 0)
		return err_say(e, EINVAL, "save: the name of an image is missing");
	if (str_eq(args.format, "docker-archive"))
		f = SAVE_DOCKER_ARCHIVE;
	else if (str_eq(args.format, "oci-dir"))
		f = SAVE_OCI_DIR;
	else if (!str_eq(args.format, "oci-archive"))
		return err_say(e, EINVAL,
			       "save --format %s: expected oci-archive, docker-archive or oci-dir",
			       args.format);
	if (f == SAVE_OCI_DIR && str_eq(args.output, "-"))
		return err_say(e, EINVAL, "save --format oci-dir needs a directory with -o");
	return save_images(st, rest, (size_t)n, f, args.output, NULL, e);
}

/* ---- import, commit, export ---- */

struct new_args {
	struct strlist changes;
	const char *name, *message, *author, *platform, *image;
	bool quiet;
};

static const struct opt new_rows[] = {
	{ "change", 'c', OPT_LIST, offsetof(struct new_args, changes), "INSTRUCTION",
	  "change the config" },
	{ "message", 'm', OPT_STR, offsetof(struct new_args, message), "TEXT", "comment" },
	{ "author", 'a', OPT_STR, offsetof(struct new_args, author), "NAME", "author" },
	{ "platform", 0, OPT_STR, offsetof(struct new_args, platform), "OS/ARCH", "platform" },
	{ "image", 0, OPT_STR, offsetof(struct new_args, image), "IMAGE", "what it stands on" },
	{ "quiet", 'q', OPT_BOOL, offsetof(struct new_args, quiet), NULL, "which it is" },
	OPT_END
};

static int cmd_import(const struct store *st, int argc, char **argv, struct err *e)
{
	struct new_args args = { 0 };
	AUTO_FREE char **rest = NULL;
	int n, r = opt_parse(new_rows, &args, argc, argv, false, &rest, &n, e);

	if (r == 0 && (n < 1 || n > 2))
		r = err_say(
			e, EINVAL,
			"import takes a tar file (- is standard input) or a directory, and a name");
	if (r == 0) {
		const struct import_opts o = { n > 1 ? rest[1] : NULL, args.message, args.platform,
					       args.changes.v };

		r = import_root(st, rest[0], &o, e);
	}
	strlist_cleanup(&args.changes);
	return r;
}

/* commit --image ID UPPER [NAME] */
static int cmd_commit(const struct store *st, int argc, char **argv, struct err *e)
{
	struct new_args args = { 0 };
	AUTO_FREE char **rest = NULL;
	int n, r = opt_parse(new_rows, &args, argc, argv, false, &rest, &n, e);

	if (r == 0 && (n < 1 || n > 2 || !args.image))
		r = err_say(e, EINVAL, "commit takes --image, an upper directory, and a name");
	if (r == 0) {
		const struct commit_opts o = { n > 1 ? rest[1] : NULL, args.author, args.message,
					       args.changes.v };

		r = commit_upper(st, rest[0], args.image, &o, e);
	}
	strlist_cleanup(&args.changes);
	return r;
}

/* ---- trees out and in: export, cp ---- */

struct tree_args { const char *only, *uid_map, *gid_map; bool owners, one_fs; };

static const struct opt tree_rows[] = {
	{ "only", 0, OPT_STR, offsetof(struct tree_args, only), "NAME", "only this entry" },
	{ "owners", 0, OPT_BOOL, offsetof(struct tree_args, owners), NULL, "as in the archive" },
	{ "one-file-system", 0, OPT_BOOL, offsetof(struct tree_args, one_fs), NULL, NULL },
	{ "uid-map", 0, OPT_STR, offsetof(struct tree_args, uid_map), "MAP", "/proc/PID/uid_map" },
	{ "gid-map", 0, OPT_STR, offsetof(struct tree_args, gid_map), "MAP", "/proc/PID/gid_map" },
	OPT_END
};

/* The tree is one of a container with a user namespace: *ret_ids is NULL when it is not. */
static int tree_ids(const struct tree_args *args, struct idmap_pair *p,
		    const struct idmap_pair **ret_ids, struct err *e)
{
	if (!args->uid_map || !args->gid_map)
		return 0;
	if (idmap_parse(args->uid_map, &p->uids) < 0 || idmap_parse(args->gid_map, &p->gids) < 0)
		return err_say(e, EINVAL, "not an id map");
	*ret_ids = p;
	return 0;
}

static int open_tree(int argc, char **argv, struct tree_args *args, int *ret, struct err *e)
{
	AUTO_FREE char **rest = NULL;
	int n, r = opt_parse(tree_rows, args, argc, argv, false, &rest, &n, e);

	if (r == 0 && n != 1)
		r = err_say(e, EINVAL, "%s takes a directory", argv[0]);
	return r < 0 ? r : path_open_dir(AT_FDCWD, rest[0], ret, e);
}

/* export [--only NAME] [--one-file-system] [--uid-map MAP --gid-map MAP] DIR: the tree as a tar
 * archive on standard output. */
static int cmd_export(const struct store *st, int argc, char **argv, struct err *e)
{
	const struct idmap_pair *ids = NULL;
	struct tree_args args = { 0 };
	struct idmap_pair maps;
	AUTO_CLOSE int fd = -1;
	int r = open_tree(argc, argv, &args, &fd, e);

	(void)st;
	if (r == 0)
		r = tree_ids(&args, &maps, &ids, e);
	return r < 0 ? r : pack_tar(fd, args.only, 1, args.one_fs ? PACK_ONE_FS : 0, ids, e);
}

/* unpack [--owners] [--uid-map MAP --gid-map MAP] DIR: a tar archive on standard input, into a
 * folder that has something. */
static int cmd_unpack(const struct store *st, int argc, char **argv, struct err *e)
{
	const struct idmap_pair *ids = NULL;
	struct tree_args args = { 0 };
	struct extract_stats stats;
	struct idmap_pair maps;
	AUTO_CLOSE int fd = -1;
	AUTO(stage) struct stage t = { .root = -1 };
	unsigned flags = EXTRACT_PLAIN | EXTRACT_INTO;
	struct archive *a;
	int r = open_tree(argc, argv, &args, &fd, e);

	if (r < 0 || (r = tree_ids(&args, &maps, &ids, e)) < 0 ||
	    (ids && (r = idmap_act_as_root(ids, e)) < 0) || (r = sandbox_enter(fd, -1, e)) < 0)
		return r;
	stage_init(&t, fd, st->user_xattrs);
	t.ids = ids;
	a = source_tar_reader();
	if (archive_read_open_fd(a, 0, 128 << 10) != ARCHIVE_OK)
		r = err_say(e, EINVAL, "standard input is no tar archive: %s",
			    archive_error_string(a));
	else
		r = extract_run(a, &t, flags | (args.owners ? 0 : EXTRACT_ROOTS), &stats, e);
	archive_read_free(a);
	return r < 0 ? r : stage_finish(&t, e);
}

/* ---- login, check ---- */

static int set_signin_tls(void *opts, const char *v, struct err *e)
{
	struct signin_opts *o = opts;

	return set_tls(&o->no_tls, &o->tls, v, e);
}

static const struct opt signin_rows[] = {
	{ "username", 'u', OPT_STR, offsetof(struct signin_opts, user), "NAME", "user name" },
	{ "password", 'p', OPT_STR, offsetof(struct signin_opts, password), "WORD", "password" },
	{ "password-stdin", 0, OPT_BOOL, offsetof(struct signin_opts, password_stdin), NULL,
	  "read the password from standard input" },
	{ "authfile", 0, OPT_STR, offsetof(struct signin_opts, authfile), "FILE",
	  "where to keep it" },
	{ "get-login", 0, OPT_BOOL, offsetof(struct signin_opts, get), NULL,
	  "print the user's name" },
	{ "all", 'a', OPT_BOOL, offsetof(struct signin_opts, all), NULL, "of all registries" },
	{ "tls-verify", 0, OPT_FLAGFUNC, 0, NULL, "check certificates", set_signin_tls },
	OPT_END
};

static int cmd_signin(const struct store *st, int argc, char **argv, struct err *e)
{
	struct signin_opts o = { 0 };
	AUTO_FREE char **rest = NULL;
	int n, r = opt_parse(signin_rows, &o, argc, argv, false, &rest, &n, e);
	const char *host;

	if (r == 0 && n > 1)
		r = err_say(e, EINVAL, "%s takes the name of a registry", argv[0]);
	if (r < 0)
		return r;
	host = n ? rest[0] : "docker.io";
	if (str_eq(argv[0], "logout"))
		return signin_logout(o.all ? NULL : host, o.authfile, e);
	return o.get ? signin_show(host, o.authfile, e) : signin_login(st, host, &o, e);
}

static const struct opt check_rows[] = {
	{ "repair", 0, OPT_BOOL, offsetof(struct fsck_opts, repair), NULL, "make it right" },
	{ "quick", 0, OPT_BOOL, offsetof(struct fsck_opts, quick), NULL,
	  "do not unpack layers again" },
	OPT_END
};

static int cmd_check(const struct store *st, int argc, char **argv, struct err *e)
{
	struct fsck_opts o = { 0 };
	AUTO_FREE char **rest = NULL;
	unsigned bad = 0;
	int n, r = opt_parse(check_rows, &o, argc, argv, false, &rest, &n, e);

	if (r == 0 && n > 0)
		r = err_say(e, EINVAL, "check takes no argument");
	if (r == 0)
		r = sandbox_enter(st->fd, -1, e);
	if (r == 0)
		r = fsck_store(st, &o, &bad, e);
	if (r < 0)
		return r;
	if (bad)
		return err_say(e, EUCLEAN, "the store has %u fault%s%s", bad, bad == 1 ? "" : "s",
			       o.repair ? " that could not be repaired" :
					  ": repair them with --repair");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct store *s, int argc, char **argv, struct err *e);
} commands[] = {
	{ "add", cmd_list },	  { "annotate", cmd_list }, { "check", cmd_check },
	{ "commit", cmd_commit }, { "create", cmd_list },   { "export", cmd_export },
	{ "import", cmd_import }, { "load", cmd_load },	    { "login", cmd_signin },
	{ "logout", cmd_signin }, { "manifest", cmd_manifest }, { "pull", cmd_pull },
	{ "push", cmd_push },	  { "remove", cmd_list },   { "save", cmd_save },
	{ "unpack", cmd_unpack },
};

static int worker_run(int argc, char **argv, struct err *e)
{
	AUTO(store) struct store *s = NULL;
	int r;

	if (argc < 4 || !str_eq(argv[1], "--root"))
		return err_say(e, EINVAL,
			       "berth-image is called by berth: berth-image --root DIR COMMAND");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!str_eq(commands[i].name, argv[3]))
			continue;
		r = store_open(argv[2], &s, e);
		return r < 0 ? r : commands[i].run(s, argc - 3, argv + 3, e);
	}
	return err_say(e, EINVAL, "berth-image has no command \"%s\"", argv[3]);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	/* Names of files in archives are bytes.  libarchive takes those in pax headers apart as
	 * UTF-8 and normalises them (NFC), so that two names become one, unless the locale has no
	 * such characters: the program stays in the locale "C", and gets the bytes. */
	umask(0);
	signal(SIGPIPE, SIG_IGN);
	fd_fill_std();
	if (worker_run(argc, argv, &e) < 0) {
		if (*e.msg)	/* else another process of ours has said it */
			log_error(&e);
		return e.status ? e.status : ERR_STATUS_ENGINE;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		err_set(&e, errno, "write to standard output");
		log_error(&e);
		return ERR_STATUS_ENGINE;
	}
	return 0;
}
