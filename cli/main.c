/*
 * main.c - argv → command.  The only place that prints an error and ends the process.
 *
 * berth [--root DIR] [--log-level LEVEL] COMMAND …; as berth-oci, runc, crun, or with the
 * word `oci`, the OCI runtime's command line instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/oci.h"
#include "cli/pick.h"
#include "runtime/container.h"
#include "runtime/supervisor.h"

struct globals { const char *root, *log_level; bool debug, help, version; };

static const struct opt global_rows[] = {
	{ "root", 0, OPT_STR, offsetof(struct globals, root), "DIR",
	  "Keep all state in DIR (also BERTH_ROOT)", .complete = "dir" },
	{ "log-level", 0, OPT_STR, offsetof(struct globals, log_level), "LEVEL",
	  "error, warning, info or debug", .complete = "error|warning|info|debug" },
	{ "debug", 'D', OPT_BOOL, offsetof(struct globals, debug), NULL, "Say what is being done" },
	{ "version", 'v', OPT_BOOL, offsetof(struct globals, version), NULL, "Print the version" },
	{ "help", 'h', OPT_BOOL, offsetof(struct globals, help), NULL, "Print this help" },
	OPT_END,
};

/* Options that runc and crun have before the command, and berth has not. */
static bool is_oci_option(const char *arg)
{
	static const char *const names[] = { "--systemd-cgroup", "--log", "--log-format",
					     "--rootless", "--cgroup-manager", "--criu", NULL };

	for (size_t i = 0; names[i]; i++) {
		const char *rest = str_after(arg, names[i]);

		if (rest && (*rest == 0 || *rest == '='))
			return true;
	}
	return false;
}

static int fail(const struct err *e)
{
	if (e->msg[0])	/* else somebody has said it already: berth-image */
		log_error(e);
	return e->status ? e->status : ERR_STATUS_ENGINE;
}

static int set_log(const struct globals *g, struct err *e)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	enum log_level level = g->debug ? LOG_LVL_DEBUG : LOG_LVL_WARNING;

	for (size_t i = 0; g->log_level && i <= ARRAY_SIZE(names); i++) {
		if (i == ARRAY_SIZE(names))
			return err_say(e, EINVAL,
				       "--log-level %s: expected error, warning, info or debug",
				       g->log_level);
		if (str_eq(g->log_level, names[i])) {
			level = (enum log_level)i;
			break;
		}
	}
	return log_open(NULL, NULL, level, e);
}

/* "container ls" counts two words, "run" one. */
static const struct command *find_command(int argc, char **argv, int *ret_words)
{
	const struct command *cmd;

	if (argc > 1 && argv[1][0] != '-') {
		AUTO_FREE char *two = mem_printf("%s %s", argv[0], argv[1]);

		cmd = command_find(two);
		if (cmd) {
			*ret_words = 2;
			return cmd;
		}
	}
	*ret_words = 1;
	return command_find(argv[0]);
}

static bool wants_help(const struct command *cmd, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (str_eq(argv[i], "--help"))
			return true;
		if (str_eq(argv[i], "--") || ((cmd->flags & CMD_STOP_AT_ARG) && argv[i][0] != '-'))
			return false;
	}
	return false;
}

/* Everything below relies on cgroup.kill and on mount_setattr (5.12): older kernels would fail
 * somewhere in the middle. */
static int check_kernel(struct err *e)
{
	unsigned v = proc_kernel_version();

	if (v >= (5u << 16 | 14))
		return 0;
	return err_say(
		e, ENOSYS,
		"this kernel is Linux %u.%u; berth needs 5.14 or later (cgroup.kill, mount_setattr)",
		v >> 16, v & 0xffff);
}

/* extra: an argument that is one too many, or NULL: there are too few. */
static int wrong_usage(const struct command *cmd, const char *extra, struct err *e)
{
	AUTO(strbuf) struct strbuf usage = STRBUF_INIT;

	help_usage(cmd, &usage);
	if (extra)
		return err_say(e, EINVAL, "\"%s\" is one argument too many; usage: %s; see berth "
			       "help %s", extra, usage.s, cmd->name);
	return err_say(e, EINVAL, "usage: %s; see berth help %s", usage.s, cmd->name);
}

static int run_command(struct cli *c, const struct command *cmd, int argc, char **argv,
		       struct err *e)
{
	bool raw = cmd->flags & CMD_RAW, picked = false;
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	AUTO(opt_values) struct opt_values v = opt_values_new(raw ? NULL : command_rows(cmd),
							      cmd->size);
	AUTO_FREE char **args = NULL;
	int n = argc - 1, r;

	c->cmd = cmd;
	if (!raw) {
		r = opt_parse(v.rows, v.opts, argc, argv, cmd->flags & CMD_STOP_AT_ARG, &args, &n,
			      e);
		if (r < 0 && oci_has(cmd->name, v.rows, argc, argv))
			return err_hint(e, "the OCI runtime has it; call berth-oci (or berth oci) "
					"instead");
		if (r < 0)
			return r;
		picked = cmd->pick && pick_any(v.opts);
		if (cmd->max >= 0 && n > cmd->max)
			return wrong_usage(cmd, args[cmd->max], e);
		if (n < cmd->min - picked)
			return wrong_usage(cmd, NULL, e);
	}
	if (!(cmd->flags & CMD_NO_ENGINE)) {
		if ((r = check_kernel(e)) < 0)
			return r;
		r = engine_open(c->root, &c->en, e);
		if (r < 0)
			return r;
		c->env.run_root = c->en.run;
		c->env.cache_dir = c->en.root;
		if (!(cmd->flags & CMD_NO_SWEEP) && (r = sweep_run(&c->en, NULL, e)) < 0)
			return r;
	}
	if (cmd->pick && (r = pick_names(c, v.opts, n, args, &names, e)) < 0)
		return r;
	if (cmd->pick)
		r = cmd->run(c, v.opts, (int)names.n, names.n ? names.v : args, e);
	else
		r = cmd->run(c, v.opts, n, raw ? argv + 1 : args, e);
	if (r < 0 && (cmd->flags & CMD_RUNS) && e->status == ERR_STATUS_NONE)
		e->status = ERR_STATUS_ENGINE;
	return r;
}

static int berth_main(int argc, char **argv, struct err *e)
{
	AUTO_FREE char **args = NULL;
	struct globals g = { .root = NULL };
	struct cli c = { .en = { NULL, NULL, -1, -1, -1, -1 } };
	const struct command *cmd;
	int n, words, r;

	for (int i = 1; i < argc && argv[i][0] == '-'; i++)
		if (is_oci_option(argv[i]))
			return err_say(
				e, EINVAL,
				"%s is an option of the OCI runtime; call berth-oci (or berth oci) instead",
				argv[i]);
	r = opt_parse(global_rows, &g, argc, argv, true, &args, &n, e);
	if (r < 0 || (r = set_log(&g, e)) < 0)
		return r;
	if (g.version) {
		printf("berth version %s\n", BERTH_VERSION);
		return 0;
	}
	if (g.help || n == 0) {
		help_main(global_rows, stdout);
		return 0;
	}
	if (str_eq(args[0], "oci")) {	/* says its own errors, those of the output too */
		if (g.root && setenv("BERTH_ROOT", g.root, 1) < 0)
			return err_set(e, errno, "set BERTH_ROOT");
		exit(oci_main(n, args));
	}
	cmd = find_command(n, args, &words);
	if (!cmd && oci_has(args[0], NULL, 0, NULL))
		return err_say(e, EINVAL, "%s is a command of the OCI runtime; call berth-oci "
			       "(or berth oci) instead", args[0]);
	if (!cmd)
		return command_unknown(n, args, e);
	if (!(cmd->flags & CMD_RAW) && wants_help(cmd, n - words + 1, args + words - 1)) {
		help_command(cmd, stdout);
		return 0;
	}
	c.root = g.root;
	r = run_command(&c, cmd, n - words + 1, args + words - 1, e);
	engine_close(&c.en);
	return r;
}

/* What stands for a standard output that is closed can only be read, so that who prints learns of
 * it.  A container of the OCI runtime gets one to write to, as runc gives it. */
static int close_output(void)
{
	AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 || dup2(fd, 1) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? path_base(argv[0]) : "berth";
	bool closed = fcntl(1, F_GETFD) < 0;
	struct err e = ERR_INIT;
	int r;

	if (fd_fill_std() < 0)
		return ERR_STATUS_ENGINE;
	/* ignored by our caller it would be by us, and nobody could be waited for */
	signal(SIGCHLD, SIG_DFL);
	if (str_eq(name, "berth-oci") || str_eq(name, "runc") || str_eq(name, "crun"))
		return oci_main(argc, argv);
	if (closed && close_output() < 0)
		return ERR_STATUS_ENGINE;
	signal(SIGPIPE, SIG_IGN);
	r = berth_main(argc, argv, &e);
	if (r < 0)
		return fail(&e);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return r;
	if (errno == EPIPE) /* `berth ps | head`: nobody reads us any more, which is no failure */
		return 128 + SIGPIPE;
	err_set(&e, errno, "write to standard output");
	return fail(&e);
}
