/*
 * oci.c - the OCI runtime's command line: global options, and which command it is.
 *
 * Runs in: host
 *
 * Callers read these outputs: the lines of --version (containerd, Docker), the last JSON
 * line of --log (all of them), the exit status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/oci.h"

const struct oci_command *const oci_commands[] = {
	&oci_create, &oci_run, &oci_start, &oci_state, &oci_kill, &oci_delete, &oci_exec,
	&oci_list, &oci_ps, &oci_pause, &oci_resume, &oci_update, &oci_events, &oci_features,
	&oci_info, &oci_spec, &oci_mounts, &oci_checkpoint, &oci_restore, NULL,
};

struct oci_globals {
	const char *root, *log, *log_format, *log_level, *manager, *rootless, *criu;
	bool debug, systemd, version, help;
};

#define G(field) offsetof(struct oci_globals, field)
/* clang-format off */
const struct opt oci_rows[] = {
	{ "root", 0, OPT_STR, G(root), "DIR", "Keep the state of containers in DIR",
	  .complete = "dir" },
	{ "log", 0, OPT_STR, G(log), "FILE", "Write errors and warnings to FILE",
	  .complete = "file" },
	{ "log-format", 0, OPT_STR, G(log_format), "FORMAT", "text or json",
	  .complete = "text|json" },
	{ "log-level", 0, OPT_STR, G(log_level), "LEVEL", "error, warning, info or debug",
	  .complete = "error|warning|info|debug" },
	{ "debug", 0, OPT_BOOL, G(debug), NULL, "Say what is being done" },
	{ "systemd-cgroup", 0, OPT_BOOL, G(systemd), NULL, "Make cgroups through systemd" },
	{ "cgroup-manager", 0, OPT_STR, G(manager), "MANAGER", "cgroupfs, systemd or disabled",
	  .complete = "cgroupfs|systemd|disabled" },
	{ "rootless", 0, OPT_STR, G(rootless), "WHETHER", "true, false or auto",
	  .complete = "true|false|auto" },
	{ "criu", 0, OPT_STR, G(criu), "PROGRAM", NULL, .flags = OPT_HIDDEN },
	{ "version", 'v', OPT_BOOL, G(version), NULL, "Print the version" },
	{ "help", 'h', OPT_BOOL, G(help), NULL, "Print this help" },
	OPT_END,
};
/* clang-format on */

static void print_version(const char *program)
{
	printf("%s version %s\ncommit: berth-%s\nspec: %s\n", program, BERTH_VERSION,
	       BERTH_VERSION, SPEC_VERSION);
	printf("+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF +CRIU +YAJL\n");
}

static void print_help(const char *program)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	opt_help(oci_rows, &b);
	printf("usage: %s [OPTIONS] COMMAND [ARGUMENTS]\n\ncommands:\n", program);
	for (size_t i = 0; oci_commands[i]; i++)
		printf("  %-12s %s\n", oci_commands[i]->name, oci_commands[i]->help);
	printf("\noptions:\n%s", b.s);
}

static void print_command_help(const char *program, const struct oci_command *cmd)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	opt_help(cmd->rows, &b);
	printf("usage: %s %s [OPTIONS] %s\n\n%s\n\noptions:\n%s", program, cmd->name, cmd->args,
	       cmd->help, b.s ? b.s : "");
}

/* ---- where, how ------------------------------------------------------------------------- */

/* Root of the first user namespace, or only of one below it? */
static bool is_rootless(void)
{
	char line[64] = "";
	struct err ignore = ERR_INIT;
	unsigned inside = 1, outside = 1, size = 0;

	if (geteuid())
		return true;
	if (path_read_line(AT_FDCWD, "/proc/self/uid_map", line, sizeof(line), &ignore) < 0)
		return false;
	return sscanf(line, "%u %u %u", &inside, &outside, &size) == 3 &&
	       (inside || outside || size != 4294967295u);
}

static int set_rootless(struct oci *o, const struct oci_globals *g, struct err *e)
{
	bool value;

	o->env.rootless = is_rootless();
	if (!g->rootless || str_eq(g->rootless, "auto"))
		return 0;
	if (str_to_bool(g->rootless, &value) < 0)
		return err_say(e, EINVAL, "--rootless %s: expected true, false or auto",
			       g->rootless);
	o->env.rootless = value;
	return 0;
}

static int set_root(struct oci *o, const struct oci_globals *g, const struct oci_command *cmd,
		    struct err *e)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR"), *root = getenv("BERTH_ROOT");
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	bool user = geteuid() || (o->env.rootless && !str_empty(xdg));

	o->root_given = !str_empty(g->root);
	if (o->root_given)
		o->env.run_root = oci_absolute(o->arena, g->root);
	else if (!str_empty(root))
		o->env.run_root = arena_printf(o->arena, "%s/run", root);
	else if (!user)
		o->env.run_root = "/run/berth";
	else if (!str_empty(xdg))
		o->env.run_root = arena_printf(o->arena, "%s/berth", xdg);
	else if (!cmd || cmd->no_state)
		o->env.run_root = "";
	else
		return err_say(e, EINVAL, "XDG_RUNTIME_DIR is not set; say where to keep the state "
			       "with --root");
	if (!str_empty(root))
		o->env.cache_dir = root;
	else if (!user)
		o->env.cache_dir = "/var/lib/berth";
	else if (!str_empty(data))
		o->env.cache_dir = arena_printf(o->arena, "%s/berth", data);
	else if (!str_empty(home))
		o->env.cache_dir = arena_printf(o->arena, "%s/.local/share/berth", home);
	return 0;
}

static int set_driver(struct oci *o, const struct oci_globals *g, struct err *e)
{
	o->env.driver = g->systemd ? CGROUP_DRIVER_SYSTEMD : CGROUP_DRIVER_CGROUPFS;
	if (g->manager && cgroup_driver_parse(g->manager, &o->env.driver) < 0)
		return err_say(e, EINVAL, "--cgroup-manager %s: expected cgroupfs, systemd or "
			       "disabled", g->manager);
	return 0;
}

/* crun's forms of --log: file:PATH, and two that go elsewhere. */
static int set_log(const struct oci_globals *g, bool *ret_syslog, struct err *e)
{
	static const char *const elsewhere[] = { "syslog:", "journald:" };
	static const char *const names[] = { "error", "warning", "info", "debug", NULL };
	enum log_level level = g->debug ? LOG_LVL_DEBUG : LOG_LVL_WARNING;
	const char *file = g->log ? str_after(g->log, "file:") : NULL;
	size_t i = 0;

	while (g->log_level && names[i] && !str_eq(g->log_level, names[i]))
		i++;
	if (g->log_level && !names[i])
		return err_say(e, EINVAL, "--log-level %s: expected error, warning, info or debug",
			       g->log_level);
	if (g->log_level)
		level = (enum log_level)i;
	for (size_t k = 0; g->log && k < ARRAY_SIZE(elsewhere); k++)
		if (str_starts(g->log, elsewhere[k])) {	/* both are behind /dev/log */
			openlog(strchr(g->log, ':') + 1, LOG_PID, LOG_USER);
			*ret_syslog = true;
			return log_open(NULL, NULL, level, e);
		}
	if (!file)
		file = g->log;
	return log_open(file, g->log_format, level, e);
}

/* cmd may be NULL: unknown. */
static int set_all(struct oci *o, const struct oci_globals *g, const struct oci_command *cmd,
		   struct err *e)
{
	int r = set_log(g, &o->syslog, e);	/* first, so that what follows is told there */

	if (!r)
		r = set_rootless(o, g, e);
	if (!r)
		r = set_root(o, g, cmd, e);
	return r < 0 ? r : set_driver(o, g, e);
}

/* ---- which ------------------------------------------------------------------------------ */

static const struct oci_command *find_command(const char *name)
{
	for (size_t i = 0; oci_commands[i]; i++)
		if (str_eq(name, oci_commands[i]->name))
			return oci_commands[i];
	return NULL;
}

/* "--name", "--name=value", "-n" */
static bool has_option(const struct opt *rows, const char *arg)
{
	for (const struct opt *o = rows; o->name; o++) {
		const char *rest = str_after(arg, "--") ? str_after(arg + 2, o->name) : NULL;

		if ((rest && (!*rest || *rest == '=')) || (arg[1] == o->letter && !arg[2]))
			return true;
	}
	return false;
}

bool oci_has(const char *command, const struct opt *not_in, int argc, char **argv)
{
	const struct oci_command *cmd = find_command(command);

	for (int i = 1; cmd && i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1] && !has_option(not_in, argv[i]))
			return has_option(cmd->rows, argv[i]);
	return cmd && !argc;
}

static int unknown_command(const char *name, struct err *e)
{
	const char *names[ARRAY_SIZE(oci_commands)] = { NULL };
	const char *near;

	for (size_t i = 0; oci_commands[i]; i++)
		names[i] = oci_commands[i]->name;
	near = str_nearest(name, names);
	if (near)
		return err_say(e, EINVAL, "unknown command %s (did you mean %s?)", name, near);
	return err_say(e, EINVAL, "unknown command %s", name);
}

static int run_command(struct oci *o, const struct oci_command *cmd, int argc, char **argv,
		       struct err *e)
{
	AUTO(opt_values) struct opt_values v = opt_values_new(cmd->rows, cmd->size);
	AUTO_FREE char **args = NULL;
	int n, r;

	for (int i = 1; i < argc && !str_eq(argv[i], "--"); i++) {
		if (cmd->stop_at_arg && argv[i][0] != '-')
			break;
		if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h")) {
			print_command_help(o->program, cmd);
			return 0;
		}
	}
	r = opt_parse(v.rows, v.opts, argc, argv, cmd->stop_at_arg, &args, &n, e);
	if (r < 0)
		return err_wrap(e, "%s", cmd->name);
	if (n < cmd->min || (cmd->max >= 0 && n > cmd->max))
		return err_say(e, EINVAL, "usage: %s %s [OPTIONS] %s", o->program, cmd->name,
			       cmd->args);
	return cmd->run(o, v.opts, n, args, e);
}

static int dispatch(struct oci *o, int argc, char **argv, struct err *e)
{
	AUTO_FREE char **args = NULL;
	const struct oci_command *cmd;
	struct oci_globals g = { 0 };
	int n, r = opt_parse(oci_rows, &g, argc, argv, true, &args, &n, e);

	if (r < 0)
		return r;
	if (g.version) {
		print_version(o->program);
		return 0;
	}
	if (g.help || !n || str_eq(args[0], "help")) {
		print_help(o->program);
		return 0;
	}
	cmd = find_command(args[0]);
	r = set_all(o, &g, cmd, e);
	if (r < 0)
		return r;
	log_debug("%s: state in %s, cgroups by %s%s", args[0], o->env.run_root,
		  cgroup_driver_name(o->env.driver), o->env.rootless ? ", rootless" : "");
	return cmd ? run_command(o, cmd, n, args, e) : unknown_command(args[0], e);
}

int oci_main(int argc, char **argv)
{
	AUTO(arena) struct arena *arena = arena_new(1u << 20);
	struct oci o = { .arena = arena, .program = path_base(argv[0]) };
	struct err e = ERR_INIT;
	int r;

	if (str_eq(o.program, "oci"))
		o.program = "berth-oci";
	log_name(o.program);
	r = dispatch(&o, argc, argv, &e);
	if (r >= 0 && (fflush(stdout) || ferror(stdout)))
		r = err_set(&e, errno, "write to standard output");
	if (r < 0) {
		log_error(&e);
		if (o.syslog)
			syslog(LOG_ERR, "%s", e.msg);
		return e.status == 255 ? 255 : 1;	/* 255: exec, see there */
	}
	return r;
}
