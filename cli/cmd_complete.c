/*
 * cmd_complete.c - what the shells' completions ask: `berth internal-complete WORD...` prints
 * the candidates for the last word, one a line.  The rows of the commands are the only source.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/connect.h"
#include "cli/docs.h"
#include "image/image.h"
#include "runtime/supervisor.h"
#include "runtime/volume.h"

static void offer(const char *s, const char *prefix)
{
	if (str_starts(s, prefix))
		printf("%s\n", s);
}

static void offer_names(struct cli *c, const char *prefix, bool running)
{
	int fd = dup(c->en.names_fd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct err e = ERR_INIT;
	char id[65];

	while (d && (de = readdir(d)))
		if (de->d_name[0] != '.' && str_starts(de->d_name, prefix) &&
		    (!running || (record_find(&c->en, de->d_name, id, &e) == 0 &&
				  run_alive(&c->en, id))))
			printf("%s\n", de->d_name);
	if (d)
		closedir(d);
	/* ids only once somebody has begun to type one */
	AUTO(strlist) struct strlist ids = STRLIST_INIT;

	if (!*prefix || record_list(&c->en, &ids, &e) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++)
		if (str_starts(ids.v[i], prefix))
			printf("%.12s\n", ids.v[i]);
}

static void offer_images(struct cli *c, const char *prefix)
{
	AUTO(store) struct store *s = NULL;
	struct image_list *l = NULL;
	struct err e = ERR_INIT;

	if (store_open(c->en.root, &s, &e) < 0 || image_list(s, &l, &e) < 0)
		return;
	for (size_t i = 0; i < l->n; i++) {
		char text[REF_MAX];
		struct ref r;

		if (*l->v[i].name && ref_parse(l->v[i].name, &r, &e) == 0) {
			offer(ref_familiar(&r, text), prefix);
			if (strchr(prefix, '/'))
				offer(l->v[i].name, prefix);
		}
	}
	image_list_free(l);
}

static void offer_volumes(struct cli *c, const char *prefix)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	struct err e = ERR_INIT;

	if (volume_list(&c->en, &l, &e) == 0)
		for (size_t i = 0; i < l.n; i++)
			offer(l.v[i], prefix);
}

static void offer_networks(struct cli *c, const char *prefix)
{
	AUTO(arena) struct arena *a = arena_new(16u << 20);
	struct net_paths p = engine_net_paths(&c->en);
	struct net_network *v;
	struct err e = ERR_INIT;
	size_t n;

	offer("none", prefix);
	offer("host", prefix);
	if (net_network_list(&p, a, &v, &n, &e) == 0)
		for (size_t i = 0; i < n; i++)
			offer(v[i].name, prefix);
}

/* kind: a word of opt.h, or "a|b|c". */
static void offer_kind(struct cli *c, const char *kind, const char *prefix)
{
	static const char *const signals[] = { "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM",
					       "CONT", "STOP", "WINCH" };

	if (!kind || str_eq(kind, "file") || str_eq(kind, "dir"))
		return;	/* the shell's own */
	if (str_eq(kind, "container") || str_eq(kind, "running"))
		offer_names(c, prefix, str_eq(kind, "running"));
	else if (str_eq(kind, "image"))
		offer_images(c, prefix);
	else if (str_eq(kind, "volume"))
		offer_volumes(c, prefix);
	else if (str_eq(kind, "network"))
		offer_networks(c, prefix);
	else if (str_eq(kind, "command"))
		for (size_t i = 0; commands[i]; i++)
			offer(commands[i]->flags & CMD_HIDDEN ? "" : commands[i]->name, prefix);
	else if (str_eq(kind, "signal"))
		for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
			offer(signals[i], prefix);
	else {
		AUTO(strlist) struct strlist l = STRLIST_INIT;

		strlist_split(&l, kind, '|', true);
		for (size_t i = 0; i < l.n; i++)
			offer(l.v[i], prefix);
	}
}

static bool takes_value(const struct opt *o)
{
	return o->kind != OPT_BOOL && o->kind != OPT_COUNT && o->kind != OPT_FLAGFUNC;
}

static const struct opt *find_option(const struct opt *rows, const char *word)
{
	for (; rows->name; rows++)
		if ((word[0] == '-' && word[1] == '-' && str_eq(word + 2, rows->name)) ||
		    (word[0] == '-' && rows->letter && word[1] == rows->letter && !word[2]))
			return rows;
	return NULL;
}

/* The first word of names of groups and commands. */
static void offer_first(const char *prefix)
{
	for (size_t i = 0; commands[i]; i++)
		if (!(commands[i]->flags & CMD_HIDDEN) && !strchr(commands[i]->name, ' '))
			offer(commands[i]->name, prefix);
	for (size_t i = 0; docs_groups[i]; i++)
		offer(docs_groups[i], prefix);
}

static void offer_second(const char *group, const char *prefix)
{
	size_t n = strlen(group);

	for (size_t i = 0; commands[i]; i++)
		if (!(commands[i]->flags & CMD_HIDDEN) && str_starts(commands[i]->name, group) &&
		    commands[i]->name[n] == ' ')
			offer(commands[i]->name + n + 1, prefix);
	for (size_t i = 0; aliases[i].name; i++)
		if (str_starts(aliases[i].name, group) && aliases[i].name[n] == ' ' &&
		    command_find(aliases[i].name))
			offer(aliases[i].name + n + 1, prefix);
}

static void offer_in_command(struct cli *c, const struct command *cmd, int argc, char **argv,
			     const char *last)
{
	const struct opt *rows = command_rows(cmd), *o;
	int given = 0;

	for (int i = 0; i < argc; i++) {
		o = argv[i][0] == '-' ? find_option(rows, argv[i]) : NULL;
		if (o && takes_value(o)) {
			if (i == argc - 1) {
				offer_kind(c, o->complete, last);
				return;
			}
			i++;
		} else if (!o && argv[i][0] != '-') {
			given++;
		}
	}
	if (last[0] == '-' && !(given && (cmd->flags & CMD_STOP_AT_ARG))) {
		for (; rows->name; rows++)
			if (rows->help && !(rows->flags & OPT_HIDDEN)) {
				AUTO_FREE char *text = mem_printf("--%s", rows->name);

				offer(text, last);
			}
		return;
	}
	if (cmd->max < 0 || given < cmd->max)
		if (!(given && (cmd->flags & CMD_STOP_AT_ARG)))
			offer_kind(c, cmd->complete, last);
}

static int run_complete(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const char *last = argc ? argv[argc - 1] : "";
	const struct command *cmd;

	(void)opts;
	(void)e;
	if (argc <= 1) {
		offer_first(last);
		return 0;
	}
	AUTO_FREE char *two = mem_printf("%s %s", argv[0], argv[1]);

	if (argc > 2 && (cmd = command_find(two))) {
		offer_in_command(c, cmd, argc - 3, argv + 2, last);
		return 0;
	}
	cmd = command_find(argv[0]);
	if (cmd)
		offer_in_command(c, cmd, argc - 2, argv + 1, last);
	else
		offer_second(argv[0], last);
	return 0;
}

/* clang-format off */
const struct command command_internal_complete = {
	.name = "internal-complete", .args = "WORD...", .summary = "Candidates for a shell's completion",
	.min = 0, .max = -1, .flags = CMD_HIDDEN | CMD_RAW | CMD_NO_SWEEP, .run = run_complete,
};
/* clang-format on */
