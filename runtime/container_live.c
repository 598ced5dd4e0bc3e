/*
 * container_live.c - what changes in a container that runs: pause, resume, update.
 *
 * Runs in: host
 */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "runtime/container_part.h"

#define FREEZE_TIMEOUT_MS 10000

static int change_freeze(const struct container_state *s, bool pause, struct err *e)
{
	AUTO(cgroup) struct cgroup c = CGROUP_INIT;
	struct cgroup_state now = { 0 };
	bool lives = s->status != CONTAINER_CREATING && s->status != CONTAINER_STOPPED;
	int r;

	/* an engine's container that is created is on its way to run, and its maker waits for it */
	if (pause && s->status != CONTAINER_RUNNING &&
	    (s->engine || s->status != CONTAINER_CREATED))
		return err_say(e, EINVAL, "cannot pause a container that is %s",
			       container_status_name(s->status));
	r = lives ? container_cgroup(s, &c, e) : 0;
	if (r < 0)
		return r;
	if (pause)
		return cgroup_freeze(c.fd, FREEZE_TIMEOUT_MS, e);
	if (!lives || (cgroup_state_read(c.fd, &now) == 0 && !now.frozen))
		return err_say(e, EINVAL, "cannot resume a container that is %s, not paused",
			       container_status_name(s->status));
	return cgroup_thaw(c.fd, FREEZE_TIMEOUT_MS, e);
}

/*
 * A container that was started anew between the look at it and the freezing has been frozen in its
 * birth, where nobody knows it to be paused: it is let go.
 */
static int check_frozen(const struct container_env *env, const char *id,
			const struct container_state *s, struct err *e)
{
	AUTO(cgroup) struct cgroup c = CGROUP_INIT;
	struct container_state now = { 0 };
	struct err ignored = ERR_INIT;
	bool same = container_load(env, id, &now, &ignored) == 0 && now.pid == s->pid &&
		    now.start_time == s->start_time;

	container_state_clear(&now);
	if (same)
		return 0;
	if (container_cgroup(s, &c, &ignored) == 0)
		cgroup_thaw(c.fd, 0, &ignored);
	return err_say(e, ESRCH, "container ended while it was to be paused");
}

int container_pause(const struct container_env *env, const char *id, bool pause, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	struct container_state s = { 0 };
	int r = container_load(env, id, &s, e);

	if (!r && pause && !s.engine && s.status == CONTAINER_CREATED) {
		/* not while somebody starts it, and has its lock until its init answers */
		container_state_clear(&s);
		r = state_dir_lock(env, id, &dir, e);
		if (!r)
			r = state_load(dir, id, &s, e);
	}
	if (r < 0)
		return r;
	r = change_freeze(&s, pause, e);
	if (r == 0 && pause)
		r = check_frozen(env, id, &s, e);
	container_state_clear(&s);
	return r;
}

static int update_loaded(const struct container_state *s, const struct cgroup_limits *limits,
			 struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct cgroup_limits all = *limits;
	AUTO(cgroup) struct cgroup c = CGROUP_INIT;
	int r;

	if (s->status == CONTAINER_STOPPED || s->status == CONTAINER_CREATING)
		return err_say(e, ESRCH, "container not running");
	r = cgroup_limits_check(limits, e);
	if (!r)
		r = container_cgroup(s, &c, e);
	if (r < 0)
		return r;
	if (all.devices_set && !s->engine)
		container_devices(&all, a);
	if (cgroup_limits_weight_lost(&all))
		log_warn("unable to apply both cpu.idle and a weight: what is idle has none");
	return cgroup_apply(&c, &all, e);
}

int container_update(const struct container_env *env, const char *id,
		     const struct cgroup_limits *limits, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	struct container_state s = { 0 };
	int r = state_dir_lock(env, id, &dir, e);

	if (!r)
		r = state_load(dir, id, &s, e);
	if (r < 0)
		return r;
	r = update_loaded(&s, limits, e);
	container_state_clear(&s);
	return r;
}

int container_update_rdt(const struct container_env *env, const char *id, const char *l3,
			 const char *mem_bw, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct spec *s;
	int r = container_spec(env, id, a, &s, e);

	if (r < 0)
		return r;
	if (!s->rdt.set)
		return err_say(e, EINVAL, "container %s has no intelRdt to update", id);
	s->rdt.l3 = l3;
	s->rdt.mem_bw = mem_bw;
	s->rdt.schemata = NULL;
	return rdt_update(RDT_ROOT, &s->rdt, id, e);
}

int container_schemata(const struct container_env *env, const char *id, struct strlist *ret,
		       struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct spec *s;
	int r = container_spec(env, id, a, &s, e);

	return r < 0 || !s->rdt.set ? r : rdt_schemata(RDT_ROOT, &s->rdt, id, ret, e);
}
