/* cmd_secret.c - secret create, ls, rm, exists. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/filters.h"
#include "cli/output.h"
#include "cli/view.h"
#include "runtime/secret.h"

/* ---- create ---- */

struct create_opts { bool replace, env; const char *driver; };

#define O(f) offsetof(struct create_opts, f)
static const struct opt secret_create_rows[] = {
	{ "replace", 0, OPT_BOOL, O(replace), NULL, "Replace one of that name" },
	{ "env", 0, OPT_BOOL, O(env), NULL, "Take it from the environment variable FILE" },
	{ "driver", 'd', OPT_STR, O(driver), "DRIVER", "file, the only one", .complete = "file" },
	{ "label", 'l', OPT_REFUSED, 0, NULL, "a secret has a name and nothing else",
	  .flags = OPT_HIDDEN },
	{ "driver-opts", 0, OPT_REFUSED, 0, NULL, "the driver has none", .flags = OPT_HIDDEN },
	{ "template-driver", 0, OPT_REFUSED, 0, NULL, "it is for a cluster", .flags = OPT_HIDDEN },
	OPT_END,
};
#undef O

/* From a file, standard input ("-") or the environment; caller frees, after wiping. */
static int read_secret(const struct create_opts *o, const char *from, char **ret, size_t *ret_n,
		       struct err *e)
{
	AUTO_CLOSE int fd = -1;
	const char *value;
	int r;

	if (o->env) {
		value = getenv(from);
		if (!value)
			return err_say(e, ENOENT, "--env: there is no variable %s", from);
		*ret = mem_strdup(value);
		*ret_n = strlen(value);
		return 0;
	}
	fd = str_eq(from, "-") ? dup(0) : open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(e, errno, "open %s", from);
	r = fd_read_all(fd, SECRET_MAX, ret, ret_n);
	if (r == -EFBIG)
		return err_say(e, EFBIG, "%s: a secret has %u bytes at most", from, SECRET_MAX);
	return r < 0 ? err_set(e, -r, "read %s", from) : 0;
}

static int run_create(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct create_opts *o = opts;
	AUTO_FREE char *data = NULL;
	char id[26];
	size_t n;
	int r;

	if (o->driver && !str_eq(o->driver, "file"))
		return err_say(e, EINVAL, "--driver %s: file is the only one", o->driver);
	r = read_secret(o, argc > 1 ? argv[1] : "-", &data, &n, e);
	if (r < 0)
		return r;
	if (n == 0)
		r = err_say(e, EINVAL, "secret %s: it is empty", argv[0]);
	else
		r = secret_create(&c->en, argv[0], data, n, o->replace, id, e);
	explicit_bzero(data, n);
	if (r == 0)
		printf("%s\n", id);
	return r;
}

/* ---- ls ---- */

struct ls_opts { struct output_opts out; struct strlist filter; };

static const struct opt secret_ls_rows[] = {
	{ "filter", 'f', OPT_LIST, offsetof(struct ls_opts, filter), "KEY=VALUE", "name, id",
	  .flags = OPT_REPEAT },
	OUTPUT_OPT_FORMAT(struct ls_opts, out, "'table {{.ID}}\\t{{.Name}}'"),
	OUTPUT_OPT_NO_HEADING(struct ls_opts, out),
	OUTPUT_OPT_QUIET(struct ls_opts, out, "ids"),
	OPT_END,
};
static const char *const filter_keys[] = { "name", "id", NULL };
static const struct output_column columns[] = {
	{ "ID", "{{.ID}}" }, { "NAME", "{{.Name}}" }, { "CREATED", "{{.CreatedAt}}" },
	{ "SIZE", "{{.Size}}" }, { NULL, NULL },
};
static const struct output_column headers[] = {
	{ "CREATED", "CreatedAt" }, { "UPDATED", "UpdatedAt" }, { NULL, NULL },
};

static int add_row(struct cli *c, const struct filters *f, const char *name,
		   struct output_list *list, struct err *e)
{
	struct secret_info s;
	struct err gone = ERR_INIT;
	struct json *row;
	char ago[48], size[24];
	int r = secret_load(&c->en, name, &s, &gone);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*e = gone;
		return r;
	}
	if (!filters_match(f, "name", filters_name, s.name) ||
	    !filters_match(f, "id", filters_prefix, s.id))
		return 0;
	view_ago(s.created_ns / 1000000000, view_now(), ago);
	row = value_object(list->a);
	value_put_str(list->a, row, "ID", s.id);
	value_put_str(list->a, row, "Name", s.name);
	value_put_str(list->a, row, "Driver", "file");
	value_put_str(list->a, row, "CreatedAt", ago);
	value_put_str(list->a, row, "UpdatedAt", ago);
	value_put_str(list->a, row, "Size", view_size_text(s.size, size));
	output_list_add(list, row);
	return 0;
}

static int run_ls(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	static const struct output out = { columns, headers, "{{.ID}}" };
	struct ls_opts *o = opts;
	AUTO(filters) struct filters f = { .n = 0 };
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	AUTO(output_list) struct output_list list;
	int r;

	(void)argc;
	(void)argv;
	output_list_init(&list);
	if ((r = filters_parse(&o->filter, filter_keys, &f, e)) == 0)
		r = secret_list(&c->en, &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = add_row(c, &f, names.v[i], &list, e);
	return r < 0 ? r : output_rows(&out, &o->out, list.v, list.n, e);
}

/* ---- rm, exists ---- */

struct rm_opts { bool all, ignore; };

static const struct opt secret_rm_rows[] = {
	{ "all", 'a', OPT_BOOL, offsetof(struct rm_opts, all), NULL, "All of them" },
	{ "ignore", 'i', OPT_BOOL, offsetof(struct rm_opts, ignore), NULL,
	  "A secret that is not there is no error" },
	OPT_END,
};

static int run_rm(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct rm_opts *o = opts;
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	int status = 0, r;

	if ((argc == 0) != o->all)
		return err_say(e, EINVAL, "usage: berth secret rm SECRET...");
	for (int i = 0; i < argc; i++)
		strlist_add(&names, argv[i]);
	if (o->all && (r = secret_list(&c->en, &names, e)) < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		struct secret_info s;
		struct err one = ERR_INIT;

		r = secret_load(&c->en, names.v[i], &s, &one);
		if (r == 0)
			r = secret_remove(&c->en, s.name, &one);
		if (r == 0) {
			printf("%s\n", names.v[i]);
		} else if (r != -ENOENT || !o->ignore) {
			log_error(&one);
			status = 1;
		}
	}
	return status;
}

static int run_exists(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct secret_info s;
	struct err no = ERR_INIT;
	int r = secret_load(&c->en, argv[0], &s, &no);

	(void)opts;
	(void)argc;
	if (r < 0 && r != -ENOENT)
		*e = no;
	return r == -ENOENT ? 1 : r;
}

/* clang-format off */
const struct command command_secret_create = {
	.name = "secret create", .args = "NAME [FILE|-]", .summary = "Keep a secret, from a file or standard input",
	.text = "Containers get it by run --secret NAME, as a file in memory.",
	.opts = secret_create_rows, .size = sizeof(struct create_opts), .min = 1, .max = 2,
	.complete = "file", .run = run_create,
};
const struct command command_secret_ls = {
	.name = "secret ls", .args = "", .summary = "List secrets, but for what they hold",
	.opts = secret_ls_rows, .size = sizeof(struct ls_opts), .min = 0, .max = 0, .run = run_ls,
};
const struct command command_secret_rm = {
	.name = "secret rm", .args = "SECRET...", .summary = "Remove secrets",
	.opts = secret_rm_rows, .size = sizeof(struct rm_opts), .min = 0, .max = -1,
	.complete = "secret", .run = run_rm,
};
const struct command command_secret_exists = {
	.name = "secret exists", .args = "SECRET", .summary = "Exit with 0 if it is there, else with 1",
	.min = 1, .max = 1, .complete = "secret", .run = run_exists,
};
/* clang-format on */
