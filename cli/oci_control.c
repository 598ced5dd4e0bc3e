/*
 * oci_control.c - kill, delete, pause, resume.
 *
 * Runs in: host
 */
#include <errno.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/oci.h"

struct control_opts { bool all, regex, force; };
#define K(field) offsetof(struct control_opts, field)

static const struct opt kill_rows[] = {
	{ "all", 'a', OPT_BOOL, K(all), NULL, "Signal every process of the container" },
	{ "regex", 'r', OPT_BOOL, K(regex), NULL, "ID is a regular expression" },
	OPT_END,
};
static const struct opt delete_rows[] = {
	{ "force", 'f', OPT_BOOL, K(force), NULL, "Kill it first; no error when there is none" },
	{ "regex", 'r', OPT_BOOL, K(regex), NULL, "ID is a regular expression" },
	OPT_END,
};
static const struct opt no_rows[] = { OPT_END };

typedef int one_fn(struct oci *o, const char *id, const void *ctx, struct err *e);

/* fn for each container whose ID matches.  Goes on after a failure; the last one is returned. */
static int each_match(struct oci *o, const char *pattern, one_fn *fn, const void *ctx,
		      struct err *e)
{
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	regex_t re;
	int r, code = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);

	if (code) {
		char why[128];

		regerror(code, &re, why, sizeof(why));
		return err_say(e, EINVAL, "--regex \"%s\": %s", pattern, why);
	}
	r = container_list(&o->env, &ids, e);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		struct err why = ERR_INIT;

		if (regexec(&re, ids.v[i], 0, NULL, 0))
			continue;
		if (fn(o, ids.v[i], ctx, &why) < 0) {
			if (e->code)
				log_error(e);
			*e = why;
		}
	}
	regfree(&re);
	return r < 0 ? r : -e->code;
}

struct kill_how { int sig; bool all; };

static int kill_one(struct oci *o, const char *id, const void *ctx, struct err *e)
{
	const struct kill_how *how = ctx;

	return container_kill(&o->env, id, how->sig, how->all, e);
}

static int run_kill(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	const struct control_opts *k = opts;
	struct kill_how how = { SIGTERM, k->all };

	if (argc > 1 && str_eq(argv[1], "0"))
		how.sig = 0;	/* only asks whether it runs */
	else if (argc > 1 && proc_signal_parse(argv[1], &how.sig) < 0)
		return err_say(e, EINVAL, "unknown signal \"%s\"", argv[1]);
	return k->regex ? each_match(o, argv[0], kill_one, &how, e)
			: kill_one(o, argv[0], &how, e);
}

static int delete_one(struct oci *o, const char *id, const void *ctx, struct err *e)
{
	return container_delete(&o->env, id, *(const bool *)ctx, e);
}

static int run_delete(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	const struct control_opts *d = opts;

	(void)argc;
	return d->regex ? each_match(o, argv[0], delete_one, &d->force, e)
			: delete_one(o, argv[0], &d->force, e);
}

static int run_pause(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	(void)opts;
	(void)argc;
	return container_pause(&o->env, argv[0], true, e);
}

static int run_resume(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	(void)opts;
	(void)argc;
	return container_pause(&o->env, argv[0], false, e);
}

const struct oci_command oci_kill = {
	"kill", "ID [SIGNAL]", "Send a signal (TERM) to the container's first process", kill_rows,
	sizeof(struct control_opts), 1, 2, false, run_kill,
};
const struct oci_command oci_delete = {
	"delete", "ID", "Remove a container that has ended or was never started", delete_rows,
	sizeof(struct control_opts), 1, 1, false, run_delete,
};
const struct oci_command oci_pause = {
	"pause", "ID", "Freeze all processes of a container", no_rows, 0, 1, 1, false, run_pause,
};
const struct oci_command oci_resume = {
	"resume", "ID", "Thaw a paused container", no_rows, 0, 1, 1, false, run_resume,
};
