/* connect.c - see connect.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "cli/connect.h"
#include "cli/ready.h"
#include "runtime/event.h"
#include "runtime/supervisor.h"

static const char *const state_names[] = { "created", "running", "paused", "restarting", "exited" };

const char *connect_state_name(enum connect_state s)
{
	return state_names[s];
}

static bool is_frozen(pid_t pid)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;
	struct cgroup_state st = { .frozen = false };
	struct err e = ERR_INIT;

	return cgroup_of_pid(pid, &path, &e) == 0 && cgroup_dir_open(path, &fd, &e) == 0 &&
	       cgroup_state_read(fd, &st) == 0 && st.frozen;
}

/* By its cgroup at the usual place, which is one file for all that ps wants to know: with somebody
 * in it, it runs. */
static bool runs_in_cgroup(const char *id, int cgroups, struct cgroup_state *ret)
{
	return cgroup_state_read_in(cgroups, id, ret) == 0 && ret->populated;
}

int connect_state(const struct engine *en, const char *id, enum connect_state *ret,
		  struct status *ret_status, struct err *e)
{
	return connect_state_of(en, id, -1, ret, ret_status, e);
}

int connect_state_of(const struct engine *en, const char *id, int cgroups,
		     enum connect_state *ret, struct status *ret_status, struct err *e)
{
	struct cgroup_state st;
	struct status s;
	uint64_t start;
	int r = status_load_of(en->containers_fd, id, &s, e);

	if (r < 0)
		return r;
	if (s.pid > 0 && cgroups >= 0 && runs_in_cgroup(id, cgroups, &st))
		*ret = st.frozen ? STATE_PAUSED : STATE_RUNNING;
	else if (s.pid > 0 && proc_start_time(s.pid, &start) == 0 && start == s.pid_start)
		*ret = is_frozen(s.pid) ? STATE_PAUSED : STATE_RUNNING;
	else if (run_alive(en, id) && s.finished_ns)
		*ret = STATE_RESTARTING;
	else
		*ret = s.finished_ns || s.reason != STATUS_NONE ? STATE_EXITED : STATE_CREATED;
	if (ret_status)
		*ret_status = s;
	return 0;
}

int connect_pid(const struct engine *en, const char *what, pid_t *ret_pid,
		char ret_id[static 65], struct err *e)
{
	enum connect_state state;
	struct status s;
	int r;

	if ((r = record_find(en, what, ret_id, e)) < 0 ||
	    (r = connect_state(en, ret_id, &state, &s, e)) < 0)
		return r;
	if (state != STATE_RUNNING && state != STATE_PAUSED)
		return err_say(e, ESRCH, "container %s is not running", what);
	*ret_pid = s.pid;
	return 0;
}

bool connect_answers(struct cli *c, const char *id)
{
	AUTO_CLOSE int sock = -1;
	struct err ignored = ERR_INIT;

	return run_alive(&c->en, id) && control_connect(&c->en, id, &sock, &ignored) == 0;
}

int connect_required(struct cli *c, const struct record *r, struct err *e)
{
	/* each was there before who requires it: no circle */
	for (char **p = r->requires; p && *p; p++)
		if (connect_start(c, *p, e) < 0)
			return err_wrap(e, "container %s requires %.12s", r->name, *p);
	return 0;
}

static int start(struct cli *c, const char *id, bool tell, struct err *e)
{
	struct supervise_opts o = SUPERVISE_OPTS_INIT;
	AUTO(record) struct record *rec = NULL;
	int r;

	if (connect_answers(c, id))
		return 0;
	if ((r = record_load(&c->en, id, &rec, e)) < 0 || (r = connect_required(c, rec, e)) < 0)
		return r;
	r = tell ? ready_start(c, rec, &o, -1, e) : supervise_start(&c->en, id, &o, e);
	return r == -EBUSY && connect_answers(c, id) ? 0 : r;	/* somebody else has started it */
}

int connect_start(struct cli *c, const char *id, struct err *e)
{
	return start(c, id, false, e);
}

int connect_start_told(struct cli *c, const char *id, struct err *e)
{
	return start(c, id, true, e);
}

/* Sends a request and waits for what it is answered: OK, END or an error. */
static int ask(int sock, enum sup_type type, int32_t a, int32_t b, bool until_end, int *ret_code,
	       struct err *e)
{
	static char data[SUP_DATA];
	struct sup_head h;

	if (control_send(sock, type, a, b, NULL, 0) < 0)
		return -EPIPE;
	for (;;) {
		ssize_t n = control_recv(sock, &h, data);

		if (n < 0)
			return (int)n;
		if (h.type == SUP_ERROR)
			return err_say(e, EPROTO, "%.*s", (int)n, data);
		if (h.type == SUP_OK && !until_end)
			return 0;
		if (h.type == SUP_END) {
			if (ret_code)
				*ret_code = h.a;
			return 0;
		}
	}
}

void connect_tell(struct cli *c, const char *id, const char *setting)
{
	AUTO_CLOSE int sock = -1;
	struct err e = ERR_INIT;

	if (control_connect(&c->en, id, &sock, &e) == 0)
		control_send(sock, SUP_SET, 0, 0, setting, strlen(setting));
}

void connect_event(struct cli *c, const char *action, const char *id, const char *name)
{
	AUTO(record) struct record *r = NULL;
	struct event_attr attrs[] = { { "name", name }, { 0 } };
	struct err ignored = ERR_INIT;

	if (!name && record_load(&c->en, id, &r, &ignored) == 0)
		attrs[0].value = r->name;
	event_log(c->en.root, "container", action, id, attrs[0].value ? attrs : NULL);
}

/* Between two lives of a container that restarts nobody listens: who works on it is its birth, and
 * its files are there (of one that somebody copies from, none is). */
static bool is_being_born(struct cli *c, const char *id)
{
	AUTO_FREE char *hosts = mem_printf("%s/hosts", id);

	return path_exists(c->en.run_fd, hosts) && run_alive(&c->en, id);
}

static int stop(struct cli *c, const char *id, const char *first, int sig, int32_t timeout,
		struct err *e)
{
	for (int tries = 0; tries < 500; tries++) {
		AUTO_CLOSE int sock = -1;
		struct err one = ERR_INIT;
		int r = control_connect(&c->en, id, &sock, &one);

		if (r == 0 && first)
			control_send(sock, SUP_SET, 0, 0, first, strlen(first));
		if (r == 0)
			r = ask(sock, SUP_STOP, sig, timeout, true, NULL, &one);
		if (r == 0)
			return 0;
		if (r != -ENOENT && r != -ECONNREFUSED && r != -EPIPE && r != -ECONNRESET) {
			*e = one;
			return r;
		}
		if (!is_being_born(c, id))
			return 0;
		usleep(20000);
	}
	return err_say(e, EBUSY, "container %.12s does not answer", id);
}

int connect_seconds(const char *text, int32_t *ret, struct err *e)
{
	int64_t n;

	if (!text)
		return 0;
	if (str_to_i64(text, &n) < 0 || n < -1 || n > INT32_MAX)
		return err_say(e, EINVAL, "--time %s: expected seconds, or -1", text);
	*ret = (int32_t)n;
	return 0;
}

int connect_stop(struct cli *c, const char *id, int sig, int32_t timeout, struct err *e)
{
	return stop(c, id, NULL, sig, timeout, e);
}

int connect_shutdown(struct cli *c, const char *id, int32_t timeout, struct err *e)
{
	return stop(c, id, "shutdown", 0, timeout, e);
}

int connect_kill(struct cli *c, const char *id, int sig, struct err *e)
{
	AUTO_CLOSE int sock = -1;
	int r = control_connect(&c->en, id, &sock, e);

	if (r < 0)
		return r;
	r = ask(sock, SUP_KILL, sig, 0, false, NULL, e);
	return r == -EPIPE ? 0 : r;
}

int connect_wait(struct cli *c, const char *id, int *ret_code, struct err *e)
{
	AUTO_CLOSE int sock = -1, dir = -1;
	struct err gone = ERR_INIT;
	struct status s;
	int r = control_connect(&c->en, id, &sock, &gone);

	if (r == 0)
		r = ask(sock, SUP_WAIT, 0, 0, true, ret_code, e);
	else
		*e = gone;
	/* It has ended, or ends just now: a reset is what its last socket says to who asked. */
	if (r != -ENOENT && r != -ECONNREFUSED && r != -EPIPE && r != -ECONNRESET)
		return r;
	*e = (struct err)ERR_INIT;
	if ((r = path_open_dir(c->en.containers_fd, id, &dir, e)) < 0 ||
	    (r = status_load(dir, &s, e)) < 0)
		return r;
	*ret_code = s.exit_code;
	return 0;
}

int connect_wait_healthy(struct cli *c, const char *id, struct err *e)
{
	static char data[SUP_DATA];
	AUTO_CLOSE int sock = -1;
	struct sup_head h;
	int r = control_connect(&c->en, id, &sock, e);

	if (r < 0)
		return r;
	if (control_send(sock, SUP_WAIT, 1, 0, NULL, 0) == 0)
		while (control_recv(sock, &h, data) >= 0 && h.type != SUP_END)
			if (h.type == SUP_HEALTH && h.a == 1)
				return 1;
	return 0;
}

int connect_remove(struct cli *c, const char *id, bool force, bool volumes, struct err *e)
{
	struct end_paths p = { c->en.run_fd, c->en.containers_fd, id, NULL };
	AUTO(record) struct record *rec = NULL;
	struct err none = ERR_INIT;
	AUTO_CLOSE int lock = -1;
	bool gone;
	int r;

	if (connect_answers(c, id)) {
		if (!force)
			return err_say(e, EBUSY,
				       "container %.12s is running; stop it first, or use --force",
				       id);
		if ((r = connect_stop(c, id, SIGKILL, 0, e)) < 0)
			return r;
	}
	r = run_lock(&c->en, id, &lock, NULL, e);
	for (int tries = 0; r == -EBUSY && force && tries < 100; tries++) {
		usleep(20000);	/* just being born, or looked at */
		*e = (struct err)ERR_INIT;
		r = connect_stop(c, id, SIGKILL, 0, e);
		if (r == 0)
			r = run_lock(&c->en, id, &lock, NULL, e);
	}
	if (r < 0)
		return r;
	gone = record_load(&c->en, id, &rec, &none) == -ENOENT;	/* by --rm, as it has ended */
	r = record_remove(&c->en, id, volumes, e);
	if (r == 0 && !gone)
		connect_event(c, "destroy", id, rec ? rec->name : "");
	return r < 0 ? r : end_run_dir(&p, e);
}
