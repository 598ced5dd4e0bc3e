/*
 * oci_state.c - state, list, ps: what there is, as callers parse it.
 *
 * Runs in: host
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/oci.h"

static const struct opt no_rows[] = { OPT_END };

/* The members that runc's and crun's `state` and `list` have. */
static void out_state(struct json_out *o, const struct container_state *s)
{
	json_out_obj(o, NULL);
	json_out_str(o, "ociVersion", s->oci_version);
	json_out_str(o, "id", s->id);
	json_out_i64(o, "pid", s->status == CONTAINER_STOPPED ? 0 : s->pid);
	json_out_str(o, "status", container_status_name(s->status));
	json_out_str(o, "bundle", s->bundle);
	json_out_str(o, "rootfs", s->rootfs);
	json_out_str(o, "created", s->created);
	if (!str_empty(s->scope))
		json_out_str(o, "systemd-scope", s->scope);
	if (!str_empty(s->cgroup_path))
		json_out_str(o, "cgroup-path", s->cgroup_path);
	if (s->annotations.n)
		json_out_map(o, "annotations", &s->annotations);
	json_out_str(o, "owner", s->owner);
	json_out_end_obj(o);
}

static int run_state(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct container_state s = { 0 };
	struct json_out out;
	int r = container_load(&o->env, argv[0], &s, e);

	(void)opts;
	(void)argc;
	if (r < 0)
		return r;
	json_out_init(&out, &b, 2);
	out_state(&out, &s);
	puts(b.s);
	container_state_clear(&s);
	return 0;
}

/* ---- list ------------------------------------------------------------------------------- */

struct list_opts { const char *format; bool quiet; };
static const struct opt list_rows[] = {
	{ "format", 'f', OPT_STR, offsetof(struct list_opts, format), "FORMAT", "table or json",
	  .complete = "table|json" },
	{ "quiet", 'q', OPT_BOOL, offsetof(struct list_opts, quiet), NULL, "IDs only" },
	OPT_END,
};

static int check_format(const char *format, struct err *e)
{
	if (!format || str_eq(format, "table") || str_eq(format, "json"))
		return 0;
	return err_say(e, EINVAL, "invalid format \"%s\": expected table or json", format);
}

static void print_row(const struct container_state *s)
{
	printf("%-32s %-10d %-10s %-40s %-32s %s\n", s->id,
	       s->status == CONTAINER_STOPPED ? 0 : (int)s->pid, container_status_name(s->status),
	       s->bundle, s->created, s->owner);
}

static int run_list(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	const struct list_opts *l = opts;
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out out;
	bool json = str_eq(l->format, "json"), any = false;
	int r = check_format(l->format, e);

	(void)argc;
	(void)argv;
	if (!r && o->root_given && access(o->env.run_root, F_OK) < 0)
		r = err_set(e, errno, "--root %s", o->env.run_root);
	if (!r)
		r = container_list(&o->env, &ids, e);
	if (r < 0)
		return r;
	json_out_init(&out, &b, 0);
	json_out_arr(&out, NULL);
	if (!json && !l->quiet)
		printf("%-32s %-10s %-10s %-40s %-32s %s\n", "ID", "PID", "STATUS", "BUNDLE",
		       "CREATED", "OWNER");
	for (size_t i = 0; i < ids.n; i++) {
		struct container_state s = { 0 };
		struct err why = ERR_INIT;

		if (l->quiet) {
			puts(ids.v[i]);
		} else if (container_load(&o->env, ids.v[i], &s, &why) < 0) {
			if (why.code != ENOENT)	/* else it has just been deleted */
				log_warn("%s", why.msg);
		} else {
			any = true;
			if (json)
				out_state(&out, &s);
			else
				print_row(&s);
			container_state_clear(&s);
		}
	}
	json_out_end_arr(&out);
	if (json && !l->quiet)
		puts(any ? b.s : "null");	/* as runc's, whose callers know no [] */
	return 0;
}

/* ---- ps --------------------------------------------------------------------------------- */

struct ps_opts { const char *format; };
static const struct opt ps_rows[] = {
	{ "format", 'f', OPT_STR, offsetof(struct ps_opts, format), "FORMAT", "table or json",
	  .complete = "table|json" },
	OPT_END,
};

static void print_pids(const pid_t *pids, size_t n)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out out;

	json_out_init(&out, &b, 0);
	json_out_arr(&out, NULL);
	for (size_t i = 0; i < n; i++)
		json_out_i64(&out, NULL, pids[i]);
	json_out_end_arr(&out);
	puts(b.s);
}

/* What ps(1) says, whole. */
static int run_ps_program(int argc, char **argv, char **ret, struct err *e)
{
	AUTO(strlist) struct strlist args = STRLIST_INIT;
	AUTO_CLOSE int from = -1;
	int ends[2], status;
	size_t n;
	pid_t pid;
	int r;

	strlist_add(&args, "ps");
	for (int i = 0; i < argc; i++)
		strlist_add(&args, argv[i]);
	if (!argc)
		strlist_add(&args, "-ef");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "pipe");
	from = ends[0];
	pid = fork();
	if (!pid) {
		dup2(ends[1], 1);
		execvp("ps", args.v);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0)
		return err_set(e, errno, "fork");
	r = fd_read_all(from, 64u << 20, ret, &n);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return err_set(e, -r, "read from ps");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_say(e, EIO, "ps ended with status %d (is the package procps there?)",
			       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return 0;
}

/* The column whose title is PID, counted in words; -1: there is none. */
static int pid_column(const char *title)
{
	AUTO(strlist) struct strlist words = STRLIST_INIT;

	strlist_split(&words, title, ' ', true);
	for (size_t i = 0; i < words.n; i++)
		if (str_eq(words.v[i], "PID"))
			return (int)i;
	return -1;
}

static bool line_is_of(const char *line, int column, const pid_t *pids, size_t n)
{
	AUTO(strlist) struct strlist words = STRLIST_INIT;
	uint32_t pid;

	strlist_split(&words, line, ' ', true);
	if ((size_t)column >= words.n || str_to_u32(words.v[column], &pid) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (pids[i] == (pid_t)pid)
			return true;
	return false;
}

static int print_table(int argc, char **argv, const pid_t *pids, size_t n, struct err *e)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	AUTO_FREE char *text = NULL;
	int r = run_ps_program(argc, argv, &text, e), column;

	if (r < 0)
		return r;
	strlist_split(&lines, text, '\n', true);
	column = lines.n ? pid_column(lines.v[0]) : -1;
	if (column < 0)
		return err_say(e, EINVAL, "the output of ps has no column PID");
	puts(lines.v[0]);
	for (size_t i = 1; i < lines.n; i++)
		if (line_is_of(lines.v[i], column, pids, n))
			puts(lines.v[i]);
	return 0;
}

static int run_ps(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	const struct ps_opts *p = opts;
	AUTO(cgroup) struct cgroup c = CGROUP_INIT;
	struct container_state s = { 0 };
	AUTO_FREE pid_t *pids = NULL;
	size_t n = 0;
	int r = check_format(p->format, e);

	if (!r)
		r = container_load(&o->env, argv[0], &s, e);
	if (r < 0)
		return r;
	if (s.status == CONTAINER_STOPPED) {
		r = 0;
	} else {
		r = container_cgroup(&s, &c, e);
		if (!r)
			r = cgroup_pids(c.fd, &pids, &n, e);
	}
	container_state_clear(&s);
	if (r < 0)
		return r;
	if (str_eq(p->format, "json"))
		print_pids(pids, n);
	else
		r = print_table(argc - 1, argv + 1, pids, n, e);
	return r;
}

const struct oci_command oci_state = {
	"state", "ID", "Print the state of a container as JSON", no_rows, 0, 1, 1, false, run_state,
};
const struct oci_command oci_list = {
	"list", "", "List the containers", list_rows, sizeof(struct list_opts), 0, 0, false,
	run_list,
};
const struct oci_command oci_ps = {
	"ps", "ID [PS-OPTIONS]", "List the processes of a container", ps_rows,
	sizeof(struct ps_opts), 1, -1, true, run_ps,
};
