/* cmd_volume.c - volume create, ls, rm, exists, mount, unmount, reload. */
#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/output.h"
#include "cli/pairs.h"
#include "cli/prune.h"
#include "cli/run_opts.h"
#include "cli/usage.h"
#include "cli/view.h"
#include "runtime/event.h"
#include "runtime/volume.h"

/* ---- create ---- */

struct create_opts {
	const char *driver, *name, *uid, *gid;
	bool ignore;
	struct strlist options, labels;
};

#define O(f) offsetof(struct create_opts, f)
static const struct opt volume_create_rows[] = {
	{ "driver", 'd', OPT_STR, O(driver), "DRIVER", "local, the only one", .complete = "local" },
	{ "opt", 'o', OPT_LIST, O(options), "KEY=VALUE",
	  "size, inodes, uid, gid (also o=size=…), or type, device and o as mount(8) has them",
	  .flags = OPT_REPEAT },
	{ "uid", 0, OPT_STR, O(uid), "N", "Owner of its top folder" },
	{ "gid", 0, OPT_STR, O(gid), "N", "Group of its top folder" },
	{ "label", 'l', OPT_LIST, O(labels), "KEY[=VALUE]", "A label", .flags = OPT_REPEAT },
	{ "name", 0, OPT_STR, O(name), "NAME", NULL },
	{ "ignore", 0, OPT_BOOL, O(ignore), NULL, "One that is there already is no error" },
	OPT_END,
};
#undef O

static int create(struct cli *c, const struct create_opts *o, const char *name, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(16u << 20);
	AUTO(strlist) struct strlist given = STRLIST_INIT;
	struct json_map labels, options;
	struct err exists = ERR_INIT;
	AUTO_CLOSE int lock = -1;
	char random[65];
	bool anonymous = !name;
	int r;

	if (o->driver && !str_eq(o->driver, "local"))
		return err_say(e, EINVAL, "--driver %s: local is the only one", o->driver);
	for (size_t i = 0; i < o->options.n; i++)
		strlist_add(&given, o->options.v[i]);
	if (o->uid)
		strlist_addf(&given, "uid=%s", o->uid);
	if (o->gid)
		strlist_addf(&given, "gid=%s", o->gid);
	if ((r = compose_volume_options(a, &given, &options, e)) < 0 ||
	    (r = pairs_parse(a, &o->labels, "--label", &labels, e)) < 0)
		return r;
	if (anonymous) {
		str_random_hex(random, 64);
		name = random;
	}
	if ((r = volume_lock(&c->en, &lock, e)) < 0)
		return r;
	r = volume_create(&c->en, name, anonymous, &labels, &options, &exists);
	if (r == -EEXIST && !o->ignore) {
		AUTO(volume) struct volume *v = NULL;
		/* as in Docker, making it twice is fine, unless it is to be another one */
		if ((r = volume_load(&c->en, name, &v, e)) < 0)
			return r;
		if (!pairs_same(&v->options, &options))
			return err_say(e, EEXIST, "volume %s exists already, with other options",
				       name);
	} else if (r < 0 && r != -EEXIST) {
		*e = exists;
		return r;
	}
	if (r == 0)
		event_log(c->en.root, "volume", "create", name, NULL);
	printf("%s\n", name);
	return 0;
}

static int run_create(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct create_opts *o = opts;

	return create(c, o, argc ? argv[0] : o->name, e);
}

/* ---- ls ---- */

struct ls_opts { struct output_opts out; struct strlist filter; };

static const struct opt volume_ls_rows[] = {
	{ "filter", 'f', OPT_LIST, offsetof(struct ls_opts, filter), "KEY=VALUE",
	  "name, label, dangling, driver", .flags = OPT_REPEAT },
	OUTPUT_OPT_FORMAT(struct ls_opts, out, "'table {{.Name}}\\t{{.Mountpoint}}'"),
	OUTPUT_OPT_NO_HEADING(struct ls_opts, out),
	OUTPUT_OPT_QUIET(struct ls_opts, out, "names"),
	OPT_END,
};
static const char *const filter_keys[] = { "name", "label", "dangling", "driver", NULL };
static const struct output_column columns[] = {
	{ "DRIVER", "{{.Driver}}" }, { "VOLUME NAME", "{{.Name}}" }, { NULL, NULL },
};
static const struct output_column headers[] = { { "VOLUME NAME", "Name" }, { NULL, NULL } };

static int add_row(struct cli *c, const struct filters *f, const struct volume_use *use,
		   const char *name, struct output_list *list, struct err *e)
{
	AUTO(volume) struct volume *v = NULL;
	size_t users = volume_use_count(use, name, NULL);
	bool dangling = users == 0;
	struct err gone = ERR_INIT;
	struct json *row;
	int r = volume_load(&c->en, name, &v, &gone);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*e = gone;
		return r;
	}
	if (!filters_match(f, "name", filters_name, name) ||
	    !filters_match(f, "driver", filters_equal, v->driver) || !filters_labels(f, &v->labels))
		return 0;
	if (!filters_match(f, "dangling", filters_bool, &dangling))
		return 0;
	row = value_object(list->a);
	value_put_str(list->a, row, "Driver", v->driver);
	value_put_str(list->a, row, "Name", name);
	value_put_str(list->a, row, "Mountpoint", v->mountpoint);
	value_put_str(list->a, row, "Scope", "local");
	value_put_str(list->a, row, "CreatedAt", v->created);
	value_put_bool(list->a, row, "Anonymous", v->anonymous);
	value_put(row, "Links", value_u64(list->a, users));
	value_put_str(list->a, row, "Size", "N/A");
	view_put_labels(list->a, row, &v->labels);
	output_list_add(list, row);
	return 0;
}

static int run_ls(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct output out = { columns, headers, "{{.Name}}" };
	struct ls_opts *o = opts;
	AUTO(filters) struct filters f = { .n = 0 };
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	AUTO(volume_use) struct volume_use use = VOLUME_USE_INIT;
	AUTO(output_list) struct output_list list;
	int r;

	(void)argc;
	(void)argv;
	output_list_init(&list);
	if ((r = filters_parse(&o->filter, filter_keys, &f, e)) == 0 &&
	    (r = filters_check_bools(&f, "dangling", e)) == 0 &&
	    (r = volume_use_load(&c->en, NULL, &use, e)) == 0)
		r = volume_list(&c->en, &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = add_row(c, &f, &use, names.v[i], &list, e);
	return r < 0 ? r : output_rows(&out, &o->out, list.v, list.n, e);
}

/* ---- rm, exists ---- */

struct rm_opts { bool force, all; const char *time; };

static const struct opt volume_rm_rows[] = {
	{ "force", 'f', OPT_BOOL, offsetof(struct rm_opts, force), NULL,
	  "A volume that is not there is no error" },
	{ "all", 'a', OPT_BOOL, offsetof(struct rm_opts, all), NULL, "All that no container has" },
	/* podman's, for the containers that go with it: none does */
	{ "time", 't', OPT_STR, offsetof(struct rm_opts, time), "SECONDS", NULL },
	OPT_END,
};

static int remove_one(struct cli *c, const char *name, struct err *e)
{
	AUTO(volume) struct volume *v = NULL;
	AUTO(volume_use) struct volume_use use = VOLUME_USE_INIT;
	AUTO_CLOSE int lock = -1;
	const char *user;
	int r = volume_lock(&c->en, &lock, e);

	if (r < 0 || (r = volume_load(&c->en, name, &v, e)) < 0 ||
	    (r = volume_use_load(&c->en, NULL, &use, e)) < 0 ||
	    (r = volume_use_known(&use, e)) < 0)
		return r;
	if (volume_use_count(&use, name, &user))
		return err_say(e, EBUSY, "volume %s is in use by container %s", name, user);
	r = volume_remove(&c->en, name, e);
	if (r == 0) {
		event_log(c->en.root, "volume", "destroy", name, NULL);
		printf("%s\n", name);
	}
	return r;
}

static int run_rm(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct rm_opts *o = opts;
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	int32_t ignored;
	int status = 0, r = connect_seconds(o->time, &ignored, e);

	if (r < 0)
		return r;
	if ((argc == 0) != o->all)
		return err_say(e, EINVAL, "usage: berth volume rm VOLUME...");
	for (int i = 0; i < argc; i++)
		strlist_add(&names, argv[i]);
	if (o->all && (r = volume_list(&c->en, &names, e)) < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		struct err one = ERR_INIT;

		r = remove_one(c, names.v[i], &one);
		if (r == 0 || (r == -ENOENT && o->force) || (r == -EBUSY && o->all))
			continue;
		log_error(&one);
		status = 1;
	}
	return status;
}

static int run_exists(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(volume) struct volume *v = NULL;
	struct err no = ERR_INIT;
	int r = volume_load(&c->en, argv[0], &v, &no);

	(void)opts;
	(void)argc;
	if (r < 0 && r != -ENOENT)
		*e = no;
	return r == -ENOENT ? 1 : r;
}

/* ---- mount, unmount, reload ---- */

/* A volume is a folder that is there: what podman mounts where it has to. */
static int run_mount(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(volume) struct volume *v = NULL;
	int r = volume_load(&c->en, argv[0], &v, e);

	(void)opts;
	(void)argc;
	if (r < 0)
		return r;
	if (!volume_is_folder(v))
		return err_say(e, EINVAL, "volume %s is mounted in each container that has it, by "
			       "its --opt, and nowhere else", v->name);
	printf("%s\n", str_starts(c->cmd->name, "volume un") ? v->name : v->mountpoint);
	return 0;
}

static int run_reload(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)c;
	(void)opts;
	(void)argc;
	(void)argv;
	(void)e;
	return 0;
}

/* clang-format off */
const struct command command_volume_create = {
	.name = "volume create", .args = "[NAME]", .summary = "Make a volume",
	.text = "Without --opt it is a folder of ours; with --opt size=SIZE[,inodes=N] a disk of ours, on\n"
		"which no more can be written. Its top belongs to who is named by uid and gid, also when the\n"
		"image has something there. With --opt type=…, device=… and o=… it is what mount(8)\n"
		"would mount so, each time a container with it starts.",
	.opts = volume_create_rows, .size = sizeof(struct create_opts), .min = 0, .max = 1,
	.run = run_create,
};
const struct command command_volume_ls = {
	.name = "volume ls", .args = "", .summary = "List volumes",
	.opts = volume_ls_rows, .size = sizeof(struct ls_opts), .min = 0, .max = 0, .run = run_ls,
};
const struct command command_volume_rm = {
	.name = "volume rm", .args = "VOLUME...", .summary = "Remove volumes",
	.opts = volume_rm_rows, .size = sizeof(struct rm_opts), .min = 0, .max = -1,
	.complete = "volume", .run = run_rm,
};
const struct command command_volume_exists = {
	.name = "volume exists", .args = "VOLUME", .summary = "Exit with 0 if it is there, else with 1",
	.min = 1, .max = 1, .complete = "volume", .run = run_exists,
};
const struct command command_volume_mount = {
	.name = "volume mount", .args = "VOLUME", .summary = "Print where a volume is",
	.text = "It is a folder, so it is there at any time.",
	.min = 1, .max = 1, .complete = "volume", .run = run_mount,
};
const struct command command_volume_unmount = {
	.name = "volume unmount", .args = "VOLUME", .summary = "Let go of a volume that was mounted: nothing has to be done",
	.min = 1, .max = 1, .complete = "volume", .run = run_mount,
};
const struct command command_volume_reload = {
	.name = "volume reload", .args = "", .summary = "Look for volumes of other drivers: there are none",
	.run = run_reload,
};
/* clang-format on */
