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

/* before: what stands in the same word already: "--restart=", or "". */
struct ask { struct cli *c; const char *before; };

static void offer(const struct ask *k, const char *s, const char *prefix)
{
	if (str_starts(s, prefix))
		printf("%s%s\n", k->before, s);
}

static void offer_names(const struct ask *k, const char *prefix, bool running)
{
	int fd = dup(k->c->en.names_fd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct err e = ERR_INIT;
	char id[65];

	while (d && (de = readdir(d)))
		if (de->d_name[0] != '.' && str_starts(de->d_name, prefix) &&
		    (!running || (record_find(&k->c->en, de->d_name, id, &e) == 0 &&
				  run_alive(&k->c->en, id))))
			offer(k, de->d_name, prefix);
	if (d)
		closedir(d);
	/* ids only once somebody has begun to type one */
	AUTO(strlist) struct strlist ids = STRLIST_INIT;

	if (!*prefix || record_list(&k->c->en, &ids, &e) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++)
		if (str_starts(ids.v[i], prefix))
			printf("%s%.12s\n", k->before, ids.v[i]);
}

static void offer_images(const struct ask *k, const char *prefix)
{
	AUTO(store) struct store *s = NULL;
	struct image_list *l = NULL;
	struct err e = ERR_INIT;

	if (store_open(k->c->en.root, &s, &e) < 0 || image_list(s, &l, &e) < 0)
		return;
	for (size_t i = 0; i < l->n; i++) {
		char text[REF_MAX];
		struct ref r;

		if (*l->v[i].name && ref_parse(l->v[i].name, &r, &e) == 0) {
			offer(k, ref_familiar(&r, text), prefix);
			if (strchr(prefix, '/'))
				offer(k, l->v[i].name, prefix);
		}
	}
	image_list_free(l);
}

static void offer_volumes(const struct ask *k, const char *prefix)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	struct err e = ERR_INIT;

	if (volume_list(&k->c->en, &l, &e) == 0)
		for (size_t i = 0; i < l.n; i++)
			offer(k, l.v[i], prefix);
}

static void offer_networks(const struct ask *k, const char *prefix)
{
	AUTO(arena) struct arena *a = arena_new(16u << 20);
	struct net_paths p = engine_net_paths(&k->c->en);
	struct net_network *v;
	struct err e = ERR_INIT;
	size_t n;

	offer(k, "none", prefix);
	offer(k, "host", prefix);
	if (net_network_list(&p, a, &v, &n, &e) == 0)
		for (size_t i = 0; i < n; i++)
			offer(k, v[i].name, prefix);
}

/* kind: a word of opt.h, or "a|b|c". */
static void offer_kind(const struct ask *k, const char *kind, const char *prefix)
{
	static const char *const signals[] = { "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM",
					       "CONT", "STOP", "WINCH" };

	if (!kind || str_eq(kind, "file") || str_eq(kind, "dir"))
		return;	/* the shell's own */
	if (str_eq(kind, "container") || str_eq(kind, "running"))
		offer_names(k, prefix, str_eq(kind, "running"));
	else if (str_eq(kind, "image"))
		offer_images(k, prefix);
	else if (str_eq(kind, "volume"))
		offer_volumes(k, prefix);
	else if (str_eq(kind, "network"))
		offer_networks(k, prefix);
	else if (str_eq(kind, "command"))
		for (size_t i = 0; commands[i]; i++)
			offer(k, commands[i]->flags & CMD_HIDDEN ? "" : commands[i]->name, prefix);
	else if (str_eq(kind, "signal"))
		for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
			offer(k, signals[i], prefix);
	else {
		AUTO(strlist) struct strlist l = STRLIST_INIT;

		strlist_split(&l, kind, '|', true);
		for (size_t i = 0; i < l.n; i++)
			offer(k, l.v[i], prefix);
	}
}

static const struct opt *find_option(const struct opt *rows, const char *word)
{
	for (; rows->name; rows++)
		if ((word[0] == '-' && word[1] == '-' && str_eq(word + 2, rows->name)) ||
		    (word[0] == '-' && rows->letter && word[1] == rows->letter && !word[2]))
			return rows;
	return NULL;
}

/* --option=VALUE in one word. */
static bool offer_value(const struct ask *k, const struct opt *rows, const char *last)
{
	size_t n = strcspn(last, "=");
	AUTO_FREE char *name = mem_strndup(last, n);
	const struct opt *o = find_option(rows, name);

	if (!o || !opt_wants_value(o))
		return false;
	AUTO_FREE char *before = mem_strndup(last, n + 1);
	struct ask value = { k->c, before };

	offer_kind(&value, o->complete, last + n + 1);
	return true;
}

/* The first word of names of groups and commands. */
static void offer_first(const struct ask *k, const char *prefix)
{
	for (size_t i = 0; commands[i]; i++)
		if (!(commands[i]->flags & CMD_HIDDEN) && !strchr(commands[i]->name, ' '))
			offer(k, commands[i]->name, prefix);
	for (size_t i = 0; docs_groups[i]; i++)
		offer(k, docs_groups[i], prefix);
}

static void offer_second(const struct ask *k, const char *group, const char *prefix)
{
	size_t n = strlen(group);

	for (size_t i = 0; commands[i]; i++)
		if (!(commands[i]->flags & CMD_HIDDEN) && str_starts(commands[i]->name, group) &&
		    commands[i]->name[n] == ' ')
			offer(k, commands[i]->name + n + 1, prefix);
	for (size_t i = 0; aliases[i].name; i++)
		if (str_starts(aliases[i].name, group) && aliases[i].name[n] == ' ' &&
		    command_find(aliases[i].name))
			offer(k, aliases[i].name + n + 1, prefix);
}

static void offer_in_command(const struct ask *k, const struct command *cmd, int argc, char **argv,
			     const char *last)
{
	const struct opt *rows = command_rows(cmd), *o;
	int given = 0;

	for (int i = 0; i < argc; i++) {
		o = argv[i][0] == '-' ? find_option(rows, argv[i]) : NULL;
		if (o && opt_wants_value(o)) {
			if (i == argc - 1) {
				offer_kind(k, o->complete, last);
				return;
			}
			i++;
		} else if (!o && argv[i][0] != '-') {
			given++;
		}
	}
	if (last[0] == '-' && strchr(last, '=') && offer_value(k, rows, last))
		return;
	if (last[0] == '-' && !(given && (cmd->flags & CMD_STOP_AT_ARG))) {
		for (; rows->name; rows++)
			if (rows->help && !(rows->flags & OPT_HIDDEN)) {
				AUTO_FREE char *text = mem_printf("--%s", rows->name);

				offer(k, text, last);
			}
		return;
	}
	if (cmd->max < 0 || given < cmd->max)
		if (!(given && (cmd->flags & CMD_STOP_AT_ARG)))
			offer_kind(k, cmd->complete, last);
}

static int run_complete(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const char *last = argc ? argv[argc - 1] : "";
	const struct command *cmd;
	struct ask k = { c, "" };

	(void)opts;
	(void)e;
	if (argc <= 1) {
		offer_first(&k, last);
		return 0;
	}
	AUTO_FREE char *two = mem_printf("%s %s", argv[0], argv[1]);

	if (argc > 2 && (cmd = command_find(two))) {
		offer_in_command(&k, cmd, argc - 3, argv + 2, last);
		return 0;
	}
	cmd = command_find(argv[0]);
	if (cmd)
		offer_in_command(&k, cmd, argc - 2, argv + 1, last);
	else
		offer_second(&k, argv[0], last);
	return 0;
}

/* clang-format off */
const struct command command_internal_complete = {
	.name = "internal-complete", .args = "WORD...", .summary = "Candidates for a shell's completion",
	.min = 0, .max = -1, .flags = CMD_HIDDEN | CMD_RAW | CMD_NO_SWEEP, .run = run_complete,
};
/* clang-format on */
