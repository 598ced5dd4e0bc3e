/*
 * cmd_transfer.c - what moves images in and out: load, pull, push, save, import, login, logout,
 * commit, export, system check.
 *
 * The work is done by berth-image, which is built for it and confines itself; it parses the
 * options once more.  The rows here are for help, man page and completion.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/connect.h"
#include "cli/connect_root.h"
#include "cli/help.h"
#include "cli/output.h"
#include "image/image.h"
#include "runtime/event.h"
#include "runtime/supervisor.h"

#define ROW(name, letter, kind, arg, help, ...) { name, letter, kind, 0, arg, help, __VA_ARGS__ }

/* clang-format off */
static const struct opt load_rows[] = {
	ROW("input", 'i', OPT_STR, "FILE|DIR", "Archive or OCI layout (standard input)", .complete = "file"),
	ROW("platform", 0, OPT_STR, "OS/ARCH", "Platform of an index (this machine's)"),
	ROW("quiet", 'q', OPT_BOOL, NULL, "Say less"),
	OPT_END,
};
static const struct opt pull_rows[] = {
	ROW("platform", 0, OPT_STR, "OS/ARCH[/VARIANT]", "Platform of an index (this machine's)"),
	ROW("arch", 0, OPT_STR, "ARCH", "The same, the architecture alone"),
	ROW("all-platforms", 0, OPT_BOOL, NULL, "Fetch all platforms of an index; others are unpacked by run --platform"),
	ROW("all-tags", 'a', OPT_BOOL, NULL, "All tags of a repository"),
	ROW("authfile", 0, OPT_STR, "FILE", "Credentials", .complete = "file"),
	ROW("creds", 0, OPT_STR, "USER:PASSWORD", "Credentials, this once (better: login, or --authfile)"),
	ROW("policy", 0, OPT_STR, "WHEN", "When to ask the registry: always (default), missing, never; newer is always",
	    .complete = "always|missing|never|newer"),
	ROW("tls-verify", 0, OPT_BOOL, NULL, "Check certificates (default; --tls-verify=false)"),
	ROW("quiet", 'q', OPT_BOOL, NULL, "Print the digest only"),
	OPT_END,
};
static const struct opt push_rows[] = {
	ROW("authfile", 0, OPT_STR, "FILE", "Credentials", .complete = "file"),
	ROW("creds", 0, OPT_STR, "USER:PASSWORD", "Credentials, this once (better: login, or --authfile)"),
	ROW("all", 0, OPT_BOOL, NULL, "An index whole or not at all, not only this platform's image"),
	ROW("digestfile", 0, OPT_STR, "FILE", "Gets the digest", .complete = "file"),
	ROW("tls-verify", 0, OPT_BOOL, NULL, "Check certificates (default; --tls-verify=false)"),
	ROW("quiet", 'q', OPT_BOOL, NULL, "Print the digest only"),
	OPT_END,
};
static const struct opt save_rows[] = {
	ROW("output", 'o', OPT_STR, "FILE", "Where to (standard output)", .complete = "file"),
	ROW("format", 0, OPT_STR, "FORMAT", "oci-archive, oci-dir or docker-archive", .complete = "oci-archive|oci-dir|docker-archive"),
	ROW("quiet", 'q', OPT_BOOL, NULL, "Say nothing (as it does anyway)"),
	ROW("multi-image-archive", 'm', OPT_BOOL, NULL, "Several images in one archive (as it does anyway)"),
	OPT_END,
};
static const struct opt import_rows[] = {
	ROW("change", 'c', OPT_LIST, "INSTRUCTION", "Set CMD, ENV, USER … of its config"),
	ROW("message", 'm', OPT_STR, "TEXT", "Comment in its history"),
	ROW("platform", 0, OPT_STR, "OS/ARCH", "Platform (this machine's)"),
	ROW("quiet", 'q', OPT_BOOL, NULL, "Print the id only (as it does anyway)"),
	OPT_END,
};
static const struct opt manifest_rows[] = {
	ROW("authfile", 0, OPT_STR, "FILE", "Credentials", .complete = "file"),
	ROW("creds", 0, OPT_STR, "USER:PASSWORD", "Credentials, this once (better: login, or --authfile)"),
	ROW("tls-verify", 0, OPT_BOOL, NULL, "Check certificates (default; --tls-verify=false)"),
	OPT_END,
};
#define LIST_ROWS \
	ROW("os", 0, OPT_STR, "OS", "Operating system of the image (what the image says)"), \
	ROW("arch", 0, OPT_STR, "ARCH", "Its architecture", .complete = "amd64|arm64|arm|riscv64|s390x|ppc64le|386"), \
	ROW("variant", 0, OPT_STR, "VARIANT", "Variant of the architecture"), \
	ROW("os-version", 0, OPT_STR, "VERSION", "Version of the operating system"), \
	ROW("annotation", 0, OPT_LIST, "KEY=VALUE", "Annotation of its entry"), \
	OPT_END
static const struct opt create_rows[] = {
	ROW("amend", 'a', OPT_BOOL, NULL, "Add to an index that is there"),
	ROW("all", 0, OPT_BOOL, NULL, "All platforms of an IMAGE that is an index"),
	LIST_ROWS,
};
static const struct opt add_rows[] = {
	ROW("all", 0, OPT_BOOL, NULL, "All platforms of an IMAGE that is an index"),
	LIST_ROWS,
};
static const struct opt annotate_rows[] = { LIST_ROWS };
static const struct opt remove_rows[] = { OPT_END };
static const struct opt logout_rows[] = {
	ROW("all", 'a', OPT_BOOL, NULL, "Those of all registries"),
	ROW("authfile", 0, OPT_STR, "FILE", "Where they are kept", .complete = "file"),
	OPT_END,
};
static const struct opt login_rows[] = {
	ROW("username", 'u', OPT_STR, "NAME", "User name"),
	ROW("password", 'p', OPT_STR, "WORD", "Password (better: --password-stdin)"),
	ROW("password-stdin", 0, OPT_BOOL, NULL, "Read the password from standard input"),
	ROW("authfile", 0, OPT_STR, "FILE", "Where to keep it", .complete = "file"),
	ROW("get-login", 0, OPT_BOOL, NULL, "Print the user's name that is kept"),
	ROW("tls-verify", 0, OPT_BOOL, NULL, "Check certificates (default; --tls-verify=false)"),
	OPT_END,
};
static const struct opt check_rows[] = {
	ROW("repair", 0, OPT_BOOL, NULL, "Repair what can be repaired"),
	ROW("quick", 0, OPT_BOOL, NULL, "Do not read every byte"),
	OPT_END,
};
/* clang-format on */

static bool asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h"))
			return true;
	return false;
}

static int work(struct cli *c, const char *verb, int argc, char **argv, struct strbuf *out,
		struct err *e)
{
	AUTO_FREE char **args = mem_array((size_t)argc + 2, sizeof(*args));

	args[0] = (char *)(uintptr_t)verb;
	for (int i = 0; i < argc; i++)
		args[i + 1] = argv[i];
	return image_work(c->en.root, args, out, e);
}

/* Images that came, or where one went. */
static void log_names(struct cli *c, const char *verb, int argc, char **argv)
{
	AUTO_FREE char **all = mem_array((size_t)argc + 2, sizeof(*all));
	AUTO_FREE char **names = NULL;
	struct err lost = ERR_INIT;
	uint64_t anything;
	int n;

	all[0] = (char *)(uintptr_t)verb;
	memcpy(all + 1, argv, (size_t)argc * sizeof(*all));
	if (opt_parse(c->cmd->opts, &anything, argc + 1, all, false, &names, &n, &lost) < 0)
		return;
	for (int i = str_eq(verb, "push") ? n - 1 : 0; i < n; i++)
		event_log(c->en.root, "image", verb, names[i], NULL);
}

/* The verb is the command's last word. */
static int run_work(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const char *verb = strrchr(c->cmd->name, ' ');
	int r;

	(void)opts;
	verb = verb ? verb + 1 : c->cmd->name;
	if (asks_help(argc, argv)) {
		help_command(c->cmd, stdout);
		return 0;
	}
	r = work(c, verb, argc, argv, NULL, e);
	if (r == 0 && (str_eq(verb, "pull") || str_eq(verb, "push")))
		log_names(c, verb, argc, argv);
	return r;
}

static int run_manifest(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)opts;
	if (asks_help(argc, argv)) {
		help_command(c->cmd, stdout);
		return 0;
	}
	return work(c, "manifest", argc, argv, NULL, e);
}

/* "Committed image: NAME" → its id, as scripts expect. */
static int print_id(struct cli *c, const char *said, const char *file, struct err *e)
{
	AUTO(store) struct store *store = NULL;
	AUTO(image) struct image *image = NULL;
	const char *colon = said ? strstr(said, ": ") : NULL;
	int r;

	if (!colon)
		return err_say(e, EPROTO, "berth-image did not say what it made");
	AUTO_FREE char *name = mem_strndup(colon + 2, strcspn(colon + 2, "\n"));

	if ((r = store_open(c->en.root, &store, e)) < 0 ||
	    (r = image_load(store, name, &image, e)) < 0)
		return r;
	printf("%s\n", image->id);
	return !file ? 0 : path_write_file(AT_FDCWD, file, image->id, strlen(image->id), 0644,
					   false, e);
}

static int run_import(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;
	int r;

	(void)opts;
	if (asks_help(argc, argv)) {
		help_command(c->cmd, stdout);
		return 0;
	}
	r = work(c, "import", argc, argv, &out, e);
	return r == 0 ? print_id(c, out.s, NULL, e) : r;
}

/* ---- commit ---- */

struct commit_opts {
	const char *author, *message, *iidfile;
	struct strlist change;
	bool no_pause, quiet;
};

static const struct opt commit_rows[] = {
	{ "author", 'a', OPT_STR, offsetof(struct commit_opts, author), "NAME", "Author" },
	{ "message", 'm', OPT_STR, offsetof(struct commit_opts, message), "TEXT",
	  "Comment in its history" },
	{ "change", 'c', OPT_LIST, offsetof(struct commit_opts, change), "INSTRUCTION",
	  "Set CMD, ENV, USER … of its config" },
	{ "iidfile", 0, OPT_STR, offsetof(struct commit_opts, iidfile), "FILE", "Gets the id",
	  .complete = "file" },
	{ "pause", 'p', OPT_OFF, offsetof(struct commit_opts, no_pause), NULL,
	  "Pause it meanwhile (default; --pause=false)" },
	{ "quiet", 'q', OPT_BOOL, offsetof(struct commit_opts, quiet), NULL, NULL },
	OPT_END,
};

static int commit(struct cli *c, const struct commit_opts *o, const struct record *r, char *name,
		  struct err *e)
{
	AUTO(strlist) struct strlist a = STRLIST_INIT;
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;
	AUTO_CLOSE int files = -1, upper = -1;
	char path[32];
	int rc;

	if (str_empty(r->image_id))
		return err_say(e, EINVAL, "container %s has no image to stand on (--rootfs)",
			       r->name);
	if ((rc = record_open_files(&c->en, r, &files, e)) < 0 ||
	    (rc = path_open_dir(files, "upper", &upper, e)) < 0)
		return rc;
	fd_cloexec(upper, false);	/* berth-image opens it by its number */
	strlist_addf(&a, "--image=%s", r->image_id);
	if (o->author)
		strlist_addf(&a, "--author=%s", o->author);
	if (o->message)
		strlist_addf(&a, "--message=%s", o->message);
	for (size_t i = 0; i < o->change.n; i++)
		strlist_addf(&a, "--change=%s", o->change.v[i]);
	strlist_add(&a, path_of_fd(upper, path));
	if (name)
		strlist_add(&a, name);
	rc = work(c, "commit", (int)a.n, a.v, &out, e);
	return rc == 0 ? print_id(c, out.s, o->iidfile, e) : rc;
}

static int run_commit(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct commit_opts *o = opts;
	AUTO(record) struct record *r = NULL;
	enum connect_state state;
	bool paused;
	char id[65];
	int rc;

	if ((rc = record_find(&c->en, argv[0], id, e)) < 0 ||
	    (rc = record_load(&c->en, id, &r, e)) < 0 ||
	    (rc = connect_state(&c->en, id, &state, NULL, e)) < 0)
		return rc;
	/* what is written meanwhile would be half in the image */
	paused = state == STATE_RUNNING && !o->no_pause &&
		 container_pause(&c->env, id, true, e) == 0;
	rc = commit(c, o, r, argc > 1 ? argv[1] : NULL, e);
	if (paused) {
		struct err ignored = ERR_INIT;

		container_pause(&c->env, id, false, &ignored);
	}
	return rc;
}

/* ---- export ---- */

struct export_opts { const char *output; };

static const struct opt export_rows[] = {
	{ "output", 'o', OPT_STR, offsetof(struct export_opts, output), "FILE",
	  "Where to (standard output)", .complete = "file" },
	OPT_END,
};

static int run_export(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct export_opts *o = opts;
	AUTO(record) struct record *r = NULL;
	AUTO_CLOSE int root = -1, lock = -1;
	AUTO_FREE struct idmap_pair *ids = NULL;
	AUTO(strlist) struct strlist args = STRLIST_INIT;
	char id[65], path[64];
	int rc;

	(void)argc;
	if ((rc = record_find(&c->en, argv[0], id, e)) < 0 ||
	    (rc = record_load(&c->en, id, &r, e)) < 0 ||
	    (rc = connect_root(c, r, &root, &lock, &ids, e)) < 0 ||
	    (rc = output_to_file(o->output, e)) < 0)
		return rc;
	fd_cloexec(root, false);	/* berth-image opens it by its number */
	strlist_add(&args, "--one-file-system");	/* no volumes, no /proc */
	connect_id_args(ids, &args);
	strlist_add(&args, path_of_fd(root, path));
	rc = work(c, "export", (int)args.n, args.v, NULL, e);
	if (lock >= 0) {
		struct end_paths p = { c->en.run_fd, c->en.containers_fd, id, NULL };
		struct err ignored = ERR_INIT;

		end_run_dir(&p, &ignored);
	}
	return rc;
}

/* clang-format off */
const struct command command_load = {
	.name = "load", .args = "", .summary = "Load images from an OCI layout or a docker archive",
	.opts = load_rows, .min = 0, .max = -1, .flags = CMD_RAW, .run = run_work,
};
const struct command command_pull = {
	.name = "pull", .args = "IMAGE...", .summary = "Fetch images from registries",
	.text = "IMAGE is [HOST[:PORT]/]NAME[:TAG][@DIGEST], or oci:DIR[:TAG], oci-archive:FILE,\n"
		"docker-archive:FILE. containers-policy.json(5) says whose images may come in,\n"
		"containers-registries.d(5) where their signatures lie, containers-registries.conf(5)\n"
		"which mirrors serve; for tests, BERTH_POLICY, BERTH_REGISTRIES_D and\n"
		"CONTAINERS_REGISTRIES_CONF name others.",
	.opts = pull_rows, .min = 0, .max = -1, .flags = CMD_RAW, .complete = "image", .run = run_work,
};
const struct command command_push = {
	.name = "push", .args = "IMAGE [DESTINATION]", .summary = "Send an image to a registry, a folder or an archive",
	.opts = push_rows, .min = 0, .max = -1, .flags = CMD_RAW, .complete = "image", .run = run_work,
};
const struct command command_save = {
	.name = "save", .args = "IMAGE...", .summary = "Write images to an archive",
	.opts = save_rows, .min = 0, .max = -1, .flags = CMD_RAW, .complete = "image", .run = run_work,
};
const struct command command_import = {
	.name = "import", .args = "FILE|DIR|- [NAME]", .summary = "Make an image out of a root file system",
	.opts = import_rows, .min = 0, .max = -1, .flags = CMD_RAW, .complete = "file", .run = run_import,
};
const struct command command_login = {
	.name = "login", .args = "[REGISTRY]", .summary = "Keep the credentials of a registry",
	.opts = login_rows, .min = 0, .max = -1, .flags = CMD_RAW, .run = run_work,
};
const struct command command_logout = {
	.name = "logout", .args = "[REGISTRY]", .summary = "Forget the credentials of a registry",
	.opts = logout_rows, .min = 0, .max = -1, .flags = CMD_RAW, .run = run_work,
};
const struct command command_manifest_inspect = {
	.name = "manifest inspect", .args = "IMAGE", .summary = "Print the manifest or index of an image as it is",
	.text = "Of an image that is not in the store its registry is asked.",
	.opts = manifest_rows, .min = 0, .max = -1, .flags = CMD_RAW, .complete = "image", .run = run_manifest,
};
const struct command command_manifest_create = {
	.name = "manifest create", .args = "LIST IMAGE...", .summary = "Make an index of images for several platforms",
	.text = "LIST is a name; the images are in the store (pull --platform brings those of others).\n"
		"push sends the index with all its images, rmi takes the name away, and run --platform\n"
		"takes one of them.",
	.opts = create_rows, .min = 0, .max = -1, .flags = CMD_RAW, .complete = "image", .run = run_work,
};
const struct command command_manifest_add = {
	.name = "manifest add", .args = "LIST IMAGE...", .summary = "Add images to an index",
	.opts = add_rows, .min = 0, .max = -1, .flags = CMD_RAW, .complete = "image", .run = run_work,
};
const struct command command_manifest_annotate = {
	.name = "manifest annotate", .args = "LIST IMAGE|DIGEST", .summary = "Change what an index says of an image",
	.opts = annotate_rows, .min = 0, .max = -1, .flags = CMD_RAW, .complete = "image", .run = run_work,
};
const struct command command_manifest_remove = {
	.name = "manifest remove", .args = "LIST IMAGE|DIGEST", .summary = "Take an image out of an index",
	.opts = remove_rows, .min = 0, .max = -1, .flags = CMD_RAW, .complete = "image", .run = run_work,
};
const struct command command_commit = {
	.name = "commit", .args = "CONTAINER [NAME]", .summary = "Make an image out of a container",
	.opts = commit_rows, .size = sizeof(struct commit_opts), .min = 1, .max = 2,
	.complete = "container", .run = run_commit,
};
const struct command command_export = {
	.name = "export", .args = "CONTAINER", .summary = "Write a container's root file system as a tar archive",
	.opts = export_rows, .size = sizeof(struct export_opts), .min = 1, .max = 1,
	.complete = "container", .run = run_export,
};
const struct command command_system_check = {
	.name = "system check", .args = "", .summary = "Look for faults in the image store, and repair them",
	.opts = check_rows, .min = 0, .max = -1, .flags = CMD_RAW, .run = run_work,
};
/* clang-format on */
