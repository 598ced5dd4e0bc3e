/*
 * cmd_health.c - one health check: `berth healthcheck run`, and the supervisor's
 * internal-health, which also keeps the last results in RUN/ID/health.
 *
 * A line of that file: start end exit-code output, the output with its control characters made
 * visible; the last lines stay, five unless told otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "cli/connect.h"
#include "cli/inspect.h"
#include "runtime/event.h"
#include "runtime/plan.h"

#define TIMEOUT_DEFAULT INT64_C(30000000000)

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* {"CMD", a, b} → a b; {"CMD-SHELL", text} → /bin/sh -c text. */
static char **command(struct arena *a, char **test)
{
	char **v;

	if (str_eq(test[0], "CMD"))
		return arena_strv(a, test + 1);
	v = arena_array(a, 4, sizeof(*v));
	v[0] = arena_strdup(a, "/bin/sh");
	v[1] = arena_strdup(a, "-c");
	v[2] = arena_strdup(a, str_eq(test[0], "CMD-SHELL") && test[1] ? test[1] : test[0]);
	return v;
}

struct check {
	char **test;
	int64_t timeout, start, end;
	int code;
	char output[HEALTH_LOG_SIZE];
	size_t n, most;		/* of output */
};

/* Reads its output until it has ended or its time is over. */
static void watch(struct launch *l, int out, struct check *ch)
{
	int64_t until = now_ns(CLOCK_MONOTONIC) +
			(ch->timeout > 0 ? ch->timeout : TIMEOUT_DEFAULT);
	siginfo_t si = { .si_pid = 0 };

	for (;;) {
		struct pollfd p[2] = { { .fd = l->pidfd, .events = POLLIN },
				       { .fd = out, .events = POLLIN } };
		int64_t left = (until - now_ns(CLOCK_MONOTONIC)) / 1000000;
		char junk[1024];
		ssize_t n;

		if (left <= 0 || poll(p, 2, (int)left) == 0) {
			sys_pidfd_send_signal(l->pidfd, SIGKILL, NULL, 0);
			waitid((idtype_t)3, (id_t)l->pidfd, &si, WEXITED);
			ch->code = -1;
			return;
		}
		if (p[1].revents) {
			n = read(out, junk, sizeof(junk));
			for (ssize_t i = 0; i < n && ch->n < ch->most; i++)
				ch->output[ch->n++] = junk[i];
			if (n > 0)
				continue;
			out = -1;
		}
		if (p[0].revents) {
			waitid((idtype_t)3, (id_t)l->pidfd, &si, WEXITED);
			ch->code = si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
			return;
		}
	}
}

/* With it goes whatever the check left running. */
static void remove_sub(struct cli *c, const char *id, const char *sub)
{
	struct container_state st = { 0 };
	struct err e = ERR_INIT;

	if (container_load(&c->env, id, &st, &e) < 0)
		return;
	AUTO_FREE char *path = mem_printf("%s/%s", st.cgroup_path, sub);

	cgroup_remove(path, 2000, &e);
	container_state_clear(&st);
}

static int check(struct cli *c, struct record *r, struct check *ch, struct err *e)
{
	struct arena *a = arena_new_shared(SPEC_ARENA_MAX, PLAN_MAGIC);
	struct container_exec_opts o = { .stdio = { -1, -1, -1 }, .pdeathsig = SIGKILL,
					 .cgroup_make = true };
	char sub[24] = "exec-health-";
	struct launch l = { .pidfd = -1, .sync = -1, .console = -1, .seccomp_notify = -1 };
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int p[2], rc = record_load_spec(&c->en, r, a, e);

	if (rc == 0 && pipe2(p, O_CLOEXEC) < 0)
		rc = err_set(e, errno, "make a pipe");
	if (rc < 0) {
		arena_free(a);
		return rc;
	}
	AUTO_CLOSE int out = p[0], in = p[1];
	struct spec_process *proc = arena_alloc(a, sizeof(*proc));

	*proc = r->spec->process;
	proc->args = command(a, ch->test);
	proc->terminal = false;
	str_random_hex(sub + strlen(sub), 8);
	o.cgroup = sub;
	o.stdio[0] = null;
	o.stdio[1] = o.stdio[2] = in;
	ch->start = now_ns(CLOCK_REALTIME);
	rc = container_exec(&c->env, r->id, a, proc, &o, &l, e);
	fd_close(&in);
	if (rc == 0) {
		watch(&l, out, ch);
	} else {
		ch->code = e->status ? e->status : ERR_STATUS_ENGINE;
		ch->n = strnlen(e->msg, ch->most);
		memcpy(ch->output, e->msg, ch->n);
		rc = 0;
	}
	ch->end = now_ns(CLOCK_REALTIME);
	remove_sub(c, r->id, sub);
	arena_free(a);
	return rc;
}

static int keep(struct cli *c, const struct record *r, const struct check *ch, struct err *e)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_FREE char *old = NULL;
	AUTO_CLOSE int dir = -1;
	size_t n, count = r->health.log_count ? r->health.log_count : HEALTH_LOG_USUAL;
	struct err none = ERR_INIT;
	int rc = path_open_dir(c->en.run_fd, r->id, &dir, e);

	if (rc < 0)
		return rc;
	if (path_read_file(dir, "health", HEALTH_LOG_MOST, &old, &n, &none) == 0)
		strlist_split(&lines, old, '\n', true);
	for (size_t i = lines.n >= count ? lines.n - count + 1 : 0; i < lines.n; i++)
		strbuf_addf(&b, "%s\n", lines.v[i]);
	strbuf_addf(&b, "%lld %lld %d ", (long long)ch->start, (long long)ch->end, ch->code);
	json_quote(&b, ch->output, ch->n);
	strbuf_addc(&b, '\n');
	return path_write_file(dir, "health", b.s, b.len, 0600, false, e);
}

/* Where podman's --health-log-destination has it go besides. */
static int tell(struct cli *c, const struct record *r, const struct check *ch, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	AUTO_FREE char *output = mem_strndup(ch->output, ch->n), *name = NULL;
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_CLOSE int dir = -1;
	struct json_out o;
	int rc;

	if (str_eq(r->health.log_to, "events_logger")) {
		AUTO_FREE char *code = mem_printf("%d", ch->code);
		struct event_attr attrs[] = { { "name", r->name }, { "exitCode", code },
					      { "output", output }, { 0 } };

		event_log(c->en.root, "container", "health_log", r->id, attrs);
		return 0;
	}
	json_out_init(&o, &b, 0);
	json_out_obj(&o, NULL);
	json_out_value(&o, "Log", inspect_health_log(&c->en, r->id, a));
	json_out_end_obj(&o);
	strbuf_addc(&b, '\n');
	name = mem_printf("%s-healthcheck.log", r->id);
	if ((rc = path_open_dir(AT_FDCWD, r->health.log_to, &dir, e)) < 0)
		return rc;
	return path_write_file(dir, name, b.s, b.len, 0600, false, e);
}

static int run_check(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(record) struct record *r = NULL;
	struct check ch = { .code = -1 };
	struct err told = ERR_INIT;
	char id[65];
	pid_t pid;
	int rc;

	(void)opts;
	if ((rc = connect_pid(&c->en, argv[0], &pid, id, e)) < 0 ||
	    (rc = record_load(&c->en, id, &r, e)) < 0)
		return rc;
	if (!r->health.set)
		return err_say(e, EINVAL, "container %s has no health check", argv[0]);
	if (argc > 1 && r->health.startup_test) {
		ch.test = r->health.startup_test;
		ch.timeout = r->health.startup_timeout;
	} else {
		ch.test = r->health.test;
		ch.timeout = r->health.timeout;
	}
	ch.most = r->health.log_size ? r->health.log_size : HEALTH_SIZE_USUAL;
	if ((rc = check(c, r, &ch, e)) < 0 || (rc = keep(c, r, &ch, e)) < 0)
		return rc;
	if (r->health.log_to && tell(c, r, &ch, &told) < 0)	/* is no fault of the container */
		log_warn("health log: %s", told.msg);
	return ch.code == 0 ? 0 : 1;
}

/* clang-format off */
const struct command command_healthcheck_run = {
	.name = "healthcheck run", .args = "CONTAINER", .summary = "Run a container's health check now",
	.min = 1, .max = 1, .complete = "running", .run = run_check,
};
const struct command command_internal_health = {
	.name = "internal-health", .args = "ID [startup]",
	.summary = "The supervisor's health check", .min = 1, .max = 2,
	.flags = CMD_HIDDEN | CMD_NO_SWEEP, .run = run_check,
};
/* clang-format on */
