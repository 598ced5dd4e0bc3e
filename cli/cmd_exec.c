/*
 * cmd_exec.c - exec and attach: more processes in, and more eyes on, a running container.
 *
 * An exec is our own child, with our own standard streams, in a sub-cgroup of its own.
 * The supervisor watches our connection: when we go, however, that sub-cgroup is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "cli/attach.h"
#include "cli/oci.h"
#include "cli/pick.h"
#include "runtime/plan.h"
#include "runtime/root_user.h"
#include "runtime/secret.h"
#include "runtime/supervisor.h"
#include "runtime/tty.h"

struct exec_opts {
	struct pick pick;
	bool detach, interactive, tty, privileged;
	const char *user, *workdir, *detach_keys, *umask;
	uint32_t preserve_fds;
	struct strlist env, env_file;
};

#define O(f) offsetof(struct exec_opts, f)
static const struct opt exec_rows[] = {
	{ "detach", 'd', OPT_BOOL, O(detach), NULL, "Leave it running in the background" },
	{ "interactive", 'i', OPT_BOOL, O(interactive), NULL, "Pass standard input on" },
	{ "tty", 't', OPT_BOOL, O(tty), NULL, "Give it a terminal" },
	{ "env", 'e', OPT_LIST, O(env), "NAME[=VALUE]", "Set an environment variable" },
	{ "env-file", 0, OPT_LIST, O(env_file), "FILE", "Read environment variables from FILE",
	  .complete = "file" },
	{ "user", 'u', OPT_STR, O(user), "USER[:GROUP]", "Name or id of the user" },
	{ "workdir", 'w', OPT_STR, O(workdir), "DIR", "Working directory" },
	{ "privileged", 0, OPT_BOOL, O(privileged), NULL, "Give it all capabilities" },
	{ "detach-keys", 0, OPT_STR, O(detach_keys), "KEYS",
	  "None, which is \"\": it ends with this command (--detach leaves it running)" },
	{ "preserve-fds", 0, OPT_U32, O(preserve_fds), "N", "Pass descriptors 3 to 2+N on" },
	PICK_LATEST(exec_opts),
	OPT_END,
};
#undef O

static int set_env(struct arena *a, struct spec_process *p, const struct exec_opts *o,
		   struct err *e)
{
	AUTO(strlist) struct strlist env = STRLIST_INIT, add = STRLIST_INIT;

	for (char **v = p->env; v && *v; v++)
		strlist_add(&env, *v);
	for (size_t i = 0; i < o->env_file.n; i++) {
		AUTO_CLOSE int fd = open(o->env_file.v[i], O_RDONLY | O_CLOEXEC);
		AUTO_FREE char *text = NULL;
		size_t n;

		if (fd < 0 || fd_read_all(fd, 1u << 20, &text, &n) < 0)
			return err_set(e, errno, "--env-file %s", o->env_file.v[i]);
		strlist_split(&add, text, '\n', true);
	}
	for (size_t i = 0; i < o->env.n; i++) {
		const char *v = strchr(o->env.v[i], '=') ? "" : getenv(o->env.v[i]);

		if (strchr(o->env.v[i], '='))
			strlist_add(&add, o->env.v[i]);
		else if (v)
			strlist_addf(&add, "%s=%s", o->env.v[i], v);
	}
	if (o->tty)
		strlist_add(&env, "TERM=xterm");
	for (size_t i = 0; i < add.n; i++) {
		size_t n = strcspn(add.v[i], "="), k;

		for (k = 0; k < env.n && strncmp(env.v[k], add.v[i], n + 1) != 0; k++)
			;
		if (k == env.n) {
			strlist_add(&env, add.v[i]);
		} else {
			free(env.v[k]);
			env.v[k] = mem_strdup(add.v[i]);
		}
	}
	p->env = arena_strv(a, env.v);
	return 0;
}

static int make_process(struct cli *c, const struct record *r, pid_t pid, struct arena *a,
			const struct exec_opts *o, char **argv, struct spec_process *ret,
			struct err *e)
{
	AUTO_FREE char *root_path = mem_printf("/proc/%d/root", (int)pid);
	AUTO_CLOSE int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct spec_process p = r->spec->process;
	const char *home;
	unsigned rows, cols;
	int rc;

	if (root < 0)
		return err_set(e, errno, "open the root of container %s", r->name);
	p.args = arena_strv(a, argv);
	p.terminal = o->tty;
	if (o->workdir)
		p.cwd = arena_strdup(a, o->workdir);
	if (p.cwd[0] != '/')
		return err_say(e, EINVAL, "--workdir %s: must be absolute", p.cwd);
	rc = root_user_find(root, o->user ? o->user : r->user, r->groups, a, &p.user, &home, e);
	if (rc < 0)
		return rc;
	attach_window(&rows, &cols);
	p.console_height = rows;
	p.console_width = cols;
	if (o->privileged) {
		p.caps.bounding = p.caps.effective = p.caps.permitted =
			(UINT64_C(1) << 41) - 1;
		p.apparmor_profile = NULL;
	}
	rc = set_env(a, &p, o, e);
	if (rc == 0)
		rc = secret_env(&c->en, r, true, a, &p, e);
	if (rc == 0)
		*ret = p;
	return rc;
}

/* The supervisor kills the sub-cgroup when this connection ends. */
static int register_exec(struct cli *c, const char *id, const char *name, int *ret, struct err *e)
{
	char data[SUP_DATA];
	struct sup_head h;
	AUTO_CLOSE int sock = -1;
	int r = control_connect(&c->en, id, &sock, e);

	if (r < 0)
		return r;
	if (control_send(sock, SUP_EXEC, 0, 0, name, strlen(name)) < 0 ||
	    control_recv(sock, &h, data) < 0 || h.type != SUP_OK)
		return err_say(e, EPIPE, "the supervisor of container %.12s is gone", id);
	*ret = TAKE_FD(sock);
	return 0;
}

static int exit_code(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

static int wait_for(struct tty *t, struct launch *l, struct err *e)
{
	int st, r = tty_open(t, TAKE_FD(l->console), e);

	if (r == 0)
		r = tty_run(t, l->pid, l->pidfd, &st, e);
	return r < 0 ? r : exit_code(st);
}

static int exec_in(struct cli *c, const struct record *r, pid_t pid, const struct exec_opts *o,
		   char **argv, struct arena *a, struct err *e)
{
	struct container_exec_opts eo = { .stdio = { -1, -1, -1 } };
	struct launch l = { .pidfd = -1, .sync = -1, .console = -1, .seccomp_notify = -1 };
	AUTO_CLOSE int sock = -1, null = -1;
	struct spec_process *p = arena_alloc(a, sizeof(*p));	/* the other side reads it there */
	struct tty t = TTY_INIT;
	char name[32];
	int rc = make_process(c, r, pid, a, o, argv, p, e);

	if (rc < 0)
		return rc;
	str_random_hex(name, 8);
	AUTO_FREE char *sub = mem_printf("exec-%s", name);

	eo.cgroup = sub;
	eo.cgroup_make = true;
	eo.preserve_fds = o->preserve_fds;
	if (eo.preserve_fds && (rc = oci_keep_fds(o->preserve_fds, 0, e)) < 0)
		return rc;
	if (!o->detach && (rc = register_exec(c, r->id, sub, &sock, e)) < 0)
		return rc;
	if (!o->interactive || o->detach) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		eo.stdio[0] = null;
		if (o->detach)
			eo.stdio[1] = eo.stdio[2] = null;
	}
	eo.pdeathsig = o->detach ? 0 : SIGKILL;
	if (!o->detach && (rc = tty_signals(&t, e)) < 0)
		return rc;
	rc = container_exec(&c->env, r->id, a, p, &eo, &l, e);
	if (rc == 0)
		connect_event(c, "exec_start", r->id, r->name);
	if (rc == 0 && !o->detach) {
		rc = wait_for(&t, &l, e);
		connect_event(c, "exec_die", r->id, r->name);
	}
	tty_close(&t);
	return rc;
}

static int run_exec(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct exec_opts *o = opts;
	AUTO(record) struct record *r = NULL;
	enum connect_state state;
	char id[65];
	pid_t pid;
	int rc;

	(void)argc;
	if (!str_empty(o->detach_keys))
		return err_say(e, EINVAL, "--detach-keys %s: an exec ends with the command that "
			       "typed it; --detach leaves it running", o->detach_keys);
	if ((rc = connect_pid(&c->en, argv[0], &pid, id, e)) < 0 ||
	    (rc = connect_state(&c->en, id, &state, NULL, e)) < 0)
		return rc;
	if (state == STATE_PAUSED)
		return err_say(e, EBUSY, "container %s is paused; unpause it first", argv[0]);
	if (o->tty && o->interactive && !o->detach && !isatty(0))
		return err_say(e, ENOTTY,
			       "--tty with --interactive: standard input is no terminal");
	if ((rc = record_load(&c->en, id, &r, e)) < 0)
		return rc;
	struct arena *a = arena_new_shared(SPEC_ARENA_MAX, PLAN_MAGIC);

	rc = record_load_spec(&c->en, r, a, e);
	if (rc == 0)
		rc = exec_in(c, r, pid, o, argv + 1, a, e);
	arena_free(a);
	return rc;
}

/* ---- attach ---- */

struct attach_cmd_opts { struct pick pick; bool no_stdin, sig_proxy_off; const char *detach_keys; };

static const struct opt attach_rows[] = {
	{ "no-stdin", 0, OPT_BOOL, offsetof(struct attach_cmd_opts, no_stdin), NULL,
	  "Do not pass standard input on" },
	{ "detach-keys", 0, OPT_STR, offsetof(struct attach_cmd_opts, detach_keys), "KEYS",
	  "Keys that leave it running" },
	{ "sig-proxy", 0, OPT_OFF, offsetof(struct attach_cmd_opts, sig_proxy_off), NULL,
	  "Pass signals on (default; --sig-proxy=false)" },
	PICK_LATEST(attach_cmd_opts),
	OPT_END,
};

static int run_attach(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct attach_cmd_opts *o = opts;
	struct attach_opts a = { .sock = -1, .sig_proxy = !o->sig_proxy_off, .name = argv[0] };
	AUTO(record) struct record *r = NULL;
	AUTO_CLOSE int sock = -1;
	char id[65];
	int rc;

	(void)argc;
	if ((rc = record_find(&c->en, argv[0], id, e)) < 0 ||
	    (rc = record_load(&c->en, id, &r, e)) < 0 ||
	    (rc = control_connect(&c->en, id, &sock, e)) < 0)
		return rc;
	a.sock = sock;
	a.tty = r->tty;
	a.detach_keys = o->detach_keys ? o->detach_keys : r->detach_keys;
	a.flags = SUP_STDOUT | SUP_STDERR | (r->stdin_open && !o->no_stdin ? SUP_STDIN : 0);
	connect_event(c, "attach", id, r->name);
	return attach_run(&a, e);
}

/* clang-format off */
const struct command command_exec = {
	.name = "exec", .args = "CONTAINER COMMAND [ARG...]", .summary = "Run a command in a running container",
	.opts = exec_rows, .size = sizeof(struct exec_opts), .min = 2, .max = -1,
	.flags = CMD_STOP_AT_ARG | CMD_RUNS, .pick = PICK_ANY, .complete = "running", .run = run_exec,
};
const struct command command_attach = {
	.name = "attach", .args = "CONTAINER", .summary = "Join the terminal or output of a running container",
	.opts = attach_rows, .size = sizeof(struct attach_cmd_opts), .min = 1, .max = 1,
	.pick = PICK_ANY, .complete = "running", .run = run_attach,
};
/* clang-format on */
