/*
 * container_start.c - start: the gate opens, the program runs, poststart hooks.
 *
 * Runs in: host
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/container_part.h"
#include "runtime/hookrun.h"
#include "runtime/sdnotify.h"

int container_hooks(const struct container_state *st, const struct spec *s,
		    enum spec_hook_kind kind, enum container_status status, struct err *e)
{
	AUTO(strbuf) struct strbuf json = STRBUF_INIT;
	struct container_state now = *st;
	struct hookrun how = {
		.kind = spec_hook_name(kind), .env = environ, .cwd = st->bundle,
		.out = container_annotation(s, "run.oci.hooks.stdout"),
		.err = container_annotation(s, "run.oci.hooks.stderr"),
	};

	if (!s->hooks[kind].n)
		return 0;
	now.status = status;
	container_state_write(&now, &json);
	how.state = json.s;
	return hookrun_all(&s->hooks[kind], &how, e);
}

/* The program runs.  A failed hook ends the container, and it is destroyed with its poststop
 * hooks: runtime.md, lifecycle steps 9, 12 and 13. */
static int after_start(const struct container_env *env, int dir, const struct container_state *st,
		       const struct spec *s, struct err *e)
{
	int r;

	if (unlinkat(dir, STATE_GATE, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove the gate of container %s", st->id);
	r = s ? container_hooks(st, s, SPEC_HOOK_POSTSTART, CONTAINER_RUNNING, e) : 0;
	if (r < 0) {
		struct err why = ERR_INIT;

		if (container_undo(env, dir, st, true, !st->engine, &why) < 0)
			log_warn("%s", why.msg);
	}
	return r;
}

int container_open_gate(const struct container_env *env, const char *id, struct spec *s,
			struct launch *l, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	struct container_state st = { 0 };
	int r = state_dir_open(env, id, &dir, e);

	if (!r)
		r = launch_open_gate(l, e);
	if (r < 0)
		return r;
	if (!s->hooks[SPEC_HOOK_POSTSTART].n)
		return after_start(env, dir, &st, NULL, e);
	r = state_load(dir, id, &st, e);
	if (!r)
		r = after_start(env, dir, &st, s, e);
	if (st.arena)
		container_state_clear(&st);
	return r;
}

static int start_refused(const struct container_state *st, struct err *e)
{
	switch (st->status) {
	case CONTAINER_CREATED:
		return 0;
	case CONTAINER_STOPPED:
		return err_say(e, EINVAL, "cannot start a container that has stopped");
	case CONTAINER_CREATING:
		return err_say(e, EBUSY, "cannot start a container that is being created");
	case CONTAINER_RUNNING:
	case CONTAINER_PAUSED:
		break;
	}
	return err_say(e, EINVAL, "cannot start an already running container");
}

static int start_locked(const struct container_env *env, int dir, const char *id,
			struct container_state *st, int *notify, struct err *e)
{
	AUTO(arena) struct arena *a = NULL;
	AUTO_CLOSE int gate = -1;
	struct spec *s = NULL;
	int r = state_load(dir, id, st, e);

	if (!r)
		r = start_refused(st, e);
	if (!r && state_frozen(st))	/* we would wait for its answer, and all others for us */
		r = err_say(e, EINVAL, "cannot start a container that is paused");
	if (!r && st->hooks & 1u << SPEC_HOOK_POSTSTART) {
		a = arena_new(SPEC_ARENA_MAX);
		r = container_spec(env, id, a, &s, e);
	}
	if (!r && notify)
		r = sdnotify_listen(env, id, notify, e);
	if (!r)
		r = fd_unix_connect(dir, STATE_GATE, SOCK_SEQPACKET, &gate, e);
	if (r == -ECONNREFUSED)		/* it was there a moment ago */
		return err_say(e, EINVAL, "cannot start a container that has stopped");
	if (r < 0)
		return r;
	r = launch_gate_open(gate, e);
	if (r < 0) {
		unlinkat(dir, STATE_GATE, 0);
		return r;
	}
	return after_start(env, dir, st, s, e);
}

static int wait_ready(const struct container_state *st, int fd, const char *host, struct err *e)
{
	AUTO_CLOSE int pidfd = -1;

	if (proc_open(st->pid, st->start_time, &pidfd) < 0) {	/* it has ended already */
		close(fd);
		return 0;
	}
	return sdnotify_forward(fd, host, st->pid, pidfd, e);
}

int container_start(const struct container_env *env, const char *id, const char *sd_notify,
		    struct err *e)
{
	AUTO_CLOSE int dir = -1;
	AUTO_CLOSE int notify = -1;
	struct container_state st = { 0 };
	int r = state_dir_lock(env, id, &dir, e);

	if (!r)
		r = start_locked(env, dir, id, &st, sd_notify ? &notify : NULL, e);
	fd_close(&dir);		/* others may work on it while we wait */
	if (!r && notify >= 0)
		r = wait_ready(&st, TAKE_FD(notify), sd_notify, e);
	if (st.arena)
		container_state_clear(&st);
	return r;
}
