/*
 * oci_exec.c - exec: a further process, from flags or from a process document.
 *
 * Runs in: host
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/oci.h"
#include "runtime/plan.h"
#include "runtime/tty.h"

struct exec_opts {
	const char *console_socket, *cwd, *user, *process, *pid_file, *pidfd_socket;
	const char *process_label, *apparmor, *cgroup;
	struct strlist env, caps, gids;
	uint32_t preserve_fds;
	bool tty, detach, no_new_privs, ignore_paused, no_subreaper;
};

#define X(field) offsetof(struct exec_opts, field)
/* clang-format off */
static const struct opt exec_rows[] = {
	{ "console-socket", 0, OPT_STR, X(console_socket), "SOCKET",
	  "Send the terminal's master to SOCKET", .complete = "file" },
	{ "cwd", 0, OPT_STR, X(cwd), "DIR", "Folder to start in" },
	{ "env", 'e', OPT_LIST, X(env), "NAME=VALUE", "Set a variable", .flags = OPT_REPEAT },
	{ "tty", 't', OPT_BOOL, X(tty), NULL, "Give it a terminal" },
	{ "user", 'u', OPT_STR, X(user), "UID[:GID]", "Run as this user, in numbers" },
	{ "additional-gids", 'g', OPT_LIST, X(gids), "GID", "A further group",
	  .flags = OPT_REPEAT },
	{ "process", 'p', OPT_STR, X(process), "FILE", "Read the process object from FILE",
	  .complete = "file" },
	{ "detach", 'd', OPT_BOOL, X(detach), NULL, "Return once it runs" },
	{ "pid-file", 0, OPT_STR, X(pid_file), "FILE", "Write the PID to FILE",
	  .complete = "file" },
	{ "pidfd-socket", 0, OPT_STR, X(pidfd_socket), "SOCKET",
	  "Send a pidfd of the process to SOCKET", .complete = "file" },
	{ "process-label", 0, OPT_STR, X(process_label), "LABEL", "SELinux label" },
	{ "apparmor", 0, OPT_STR, X(apparmor), "PROFILE", "AppArmor profile" },
	{ "no-new-privs", 0, OPT_BOOL, X(no_new_privs), NULL, "Set no_new_privs" },
	{ "cap", 'c', OPT_LIST, X(caps), "CAP", "A further capability", .flags = OPT_REPEAT },
	{ "preserve-fds", 0, OPT_U32, X(preserve_fds), "N",
	  "Hand N descriptors from 3 on into the container" },
	{ "cgroup", 0, OPT_STR, X(cgroup), "PATH", "Run in a cgroup below the container's" },
	{ "ignore-paused", 0, OPT_BOOL, X(ignore_paused), NULL, "Also in a paused container" },
	{ "no-subreaper", 0, OPT_BOOL, X(no_subreaper), NULL, "Ignored" },
	OPT_END,
};
/* clang-format on */

/* Strict: decimal, nothing around it.  A name, a sign or a blank is an error, not root. */
static int parse_user(const char *text, struct spec_user *u, struct err *e)
{
	const char *colon = strchr(text, ':');
	AUTO_FREE char *uid = mem_strndup(text, colon ? (size_t)(colon - text) : strlen(text));

	if (str_to_u32(uid, &u->uid) < 0 || (colon && str_to_u32(colon + 1, &u->gid) < 0) ||
	    u->uid == UINT32_MAX || u->gid == UINT32_MAX)
		return err_say(e, EINVAL, "--user \"%s\": expected UID or UID:GID in numbers",
			       text);
	return 0;
}

static int add_groups(const struct strlist *gids, struct arena *a, struct spec_user *u,
		      struct err *e)
{
	uint32_t *all = arena_array(a, u->ngroups + gids->n, sizeof(*all));

	if (!gids->n)
		return 0;
	for (size_t i = 0; i < u->ngroups; i++)
		all[i] = u->groups[i];
	for (size_t i = 0; i < gids->n; i++)
		if (str_to_u32(gids->v[i], &all[u->ngroups + i]) < 0)
			return err_say(e, EINVAL, "--additional-gids \"%s\": expected a number",
				       gids->v[i]);
	u->groups = all;
	u->ngroups += gids->n;
	return 0;
}

static int add_caps(const struct strlist *names, struct spec_caps *c, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		int bit = spec_cap_parse(names->v[i]);

		if (bit < 0)
			return err_say(e, EINVAL, "--cap \"%s\": unknown capability", names->v[i]);
		c->set = true;
		c->bounding |= UINT64_C(1) << bit;
		c->effective |= UINT64_C(1) << bit;
		c->permitted |= UINT64_C(1) << bit;
		/* Ambient needs inheritable, capabilities(7); the configuration says it. */
		c->ambient |= c->inheritable & UINT64_C(1) << bit;
	}
	return 0;
}

/* Later ones win over those of the same name; the order of the rest stays. */
static int add_env(const struct strlist *more, struct arena *a, struct spec_process *p,
		   struct err *e)
{
	size_t n = 0, k = 0;
	char **env;

	while (p->env && p->env[n])
		n++;
	env = arena_array(a, n + more->n + 1, sizeof(*env));
	for (size_t i = 0; i < n; i++) {
		size_t name = strcspn(p->env[i], "=") + 1;
		bool again = false;

		for (size_t m = 0; m < more->n; m++)
			again |= !strncmp(p->env[i], more->v[m], name);
		if (!again)
			env[k++] = p->env[i];
	}
	for (size_t m = 0; m < more->n; m++) {
		if (!strchr(more->v[m], '=') || more->v[m][0] == '=')
			return err_say(e, EINVAL, "--env \"%s\": expected NAME=VALUE", more->v[m]);
		env[k++] = arena_strdup(a, more->v[m]);
	}
	p->env = env;
	return 0;
}

/* The container's own process with what the flags change. */
static int process_of_flags(const struct exec_opts *x, char **args, struct arena *a,
			    const struct spec *s, struct spec_process *p, struct err *e)
{
	int r = 0;

	*p = s->process;
	if (!args[0])
		return err_say(e, EINVAL, "exec: name a program, or give --process");
	p->args = arena_strv(a, args);
	p->terminal = x->tty;
	p->console_height = p->console_width = 0;
	if (x->cwd && x->cwd[0] != '/')
		return err_say(e, EINVAL, "--cwd \"%s\": must be absolute", x->cwd);
	if (x->cwd)
		p->cwd = arena_strdup(a, x->cwd);
	if (x->process_label)
		p->selinux_label = arena_strdup(a, x->process_label);
	if (x->apparmor)
		p->apparmor_profile = arena_strdup(a, x->apparmor);
	if (x->no_new_privs)
		p->no_new_privileges = true;
	if (x->user)
		r = parse_user(x->user, &p->user, e);
	if (!r)
		r = add_groups(&x->gids, a, &p->user, e);
	if (!r)
		r = add_caps(&x->caps, &p->caps, e);
	return r < 0 ? r : add_env(&x->env, a, p, e);
}

static int process_of_file(const char *file, struct arena *a, struct spec_process *p,
			   struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n;
	int r = path_read_file(AT_FDCWD, file, SPEC_MAX_BYTES, &text, &n, e);

	return r < 0 ? r : spec_read_process(a, text, n, p, e);
}

static int run_it(struct oci *o, const struct exec_opts *x, const char *id, struct arena *a,
		  struct spec_process *p, struct err *e)
{
	struct container_exec_opts eo = {
		.stdio = { -1, -1, -1 }, .cgroup = x->cgroup, .console_socket = x->console_socket,
		.pid_file = x->pid_file, .pidfd_socket = x->pidfd_socket,
		.ignore_paused = x->ignore_paused, .listen_fds = oci_listen_fds(),
	};
	struct tty t = TTY_INIT;
	struct launch l;
	int code = 0, r;

	eo.preserve_fds = x->preserve_fds + eo.listen_fds;
	r = oci_keep_fds(x->preserve_fds, eo.listen_fds, e);
	p->console_plain = !x->detach && !x->console_socket;
	if (p->terminal && x->detach && !x->console_socket)
		return err_say(e, EINVAL, "a detached process with a terminal needs "
			       "--console-socket");
	if (!r && !x->detach)
		r = oci_subreaper(e);
	if (!r && !x->detach)
		r = tty_signals(&t, e);
	if (!r)
		r = container_exec(&o->env, id, a, p, &eo, &l, e);
	if (!r && !x->detach)
		r = oci_foreground(&t, &l, &code, e);
	tty_close(&t);
	return r < 0 ? r : code;
}

static int run_exec(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	struct exec_opts *x = opts;
	AUTO(arena) struct arena *a = arena_new_shared(SPEC_ARENA_MAX, PLAN_MAGIC);
	struct spec_process *p = arena_alloc(a, sizeof(*p));
	struct spec *s;
	int r;

	(void)argc;
	if (x->process) {
		r = process_of_file(x->process, a, p, e);
	} else {
		r = container_spec(&o->env, argv[0], a, &s, e);
		if (!r)
			r = process_of_flags(x, argv + 1, a, s, p, e);
	}
	if (!r && x->process && x->tty)
		p->terminal = true;
	if (!r)
		r = run_it(o, x, argv[0], a, p, e);
	if (r < 0) {	/* runc's words and status, so that it is no program's own */
		err_wrap(e, "exec failed");
		err_status(e, 255);
	}
	return r;
}

const struct oci_command oci_exec = {
	"exec", "ID [COMMAND [ARG...]]", "Run a further process in a container", exec_rows,
	sizeof(struct exec_opts), 1, -1, true, run_exec,
};
