/*
 * container_end.c - kill and delete: how a container ends, and how everything that
 * create made is undone.
 *
 * Runs in: host.  Every step is safe on what is half there, and safe twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/container_part.h"
#include "runtime/hookrun.h"

#define END_TIMEOUT_MS 10000

/* ---- kill ------------------------------------------------------------------------------- */

static bool same_boot(const struct container_state *s)
{
	char boot[37];

	return proc_boot_id(boot) == 0 && str_eq(boot, s->boot_id);
}

static int kill_all(const struct container_state *s, int sig, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	int r = cgroup_dir_open(s->cgroup_path, &fd, e);

	/* systemd has removed it: nobody is left, as in one that is there and empty. */
	if (r == -ENOENT && s->status == CONTAINER_STOPPED) {
		*e = (struct err)ERR_INIT;
		return 0;
	}
	if (r < 0)
		return r;
	return sig == SIGKILL ? cgroup_kill(fd, e) : cgroup_signal(fd, sig, e);
}

/* SIGKILL for exactly that process, and waits until it has ended. */
static int kill_init(const struct container_state *s, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct pollfd p = { .events = POLLIN };
	struct err ignore = ERR_INIT;
	int n;

	if (s->pid <= 0 || !same_boot(s) || proc_open(s->pid, s->start_time, &fd) < 0)
		return 0;
	if (sys_pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return err_set(e, errno, "kill process %d of container %s", (int)s->pid, s->id);
	/* The init ends when all of its PID namespace are reaped.  Who is to reap the child of an
	 * exec that was frozen half way waits for that one, outside of the namespace. */
	if (!str_empty(s->cgroup_path))
		kill_all(s, SIGKILL, &ignore);
	p.fd = fd;
	do
		n = poll(&p, 1, END_TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return err_say(e, ETIMEDOUT, "process %d of container %s does not end after "
			       "SIGKILL", (int)s->pid, s->id);
	return 0;
}

/* Without a PID namespace of its own a container's processes go on when its init has ended. */
static bool outlived(const struct container_state *s)
{
	AUTO_CLOSE int fd = -1;
	struct cgroup_state now = { 0 };
	struct err ignore = ERR_INIT;

	return s->status == CONTAINER_STOPPED && !s->creating && !s->own_pidns && same_boot(s) &&
	       !str_empty(s->cgroup_path) && cgroup_dir_open(s->cgroup_path, &fd, &ignore) == 0 &&
	       cgroup_state_read(fd, &now) == 0 && now.populated;
}

static int kill_loaded(const struct container_state *s, int sig, bool all, struct err *e)
{
	int r;

	if (all && !str_empty(s->cgroup_path) && !s->creating)
		return kill_all(s, sig, e);
	if (sig == SIGKILL && outlived(s))
		return kill_all(s, sig, e);
	if (s->status == CONTAINER_STOPPED || s->status == CONTAINER_CREATING)
		return err_say(e, ESRCH, "container not running");
	/* Without a PID namespace of its own the init's death leaves the others alive. */
	if (sig == SIGKILL && !s->own_pidns && !str_empty(s->cgroup_path)) {
		r = kill_all(s, sig, e);
		if (r < 0)
			return r;
	}
	r = proc_kill(s->pid, s->start_time, sig);
	if (r == -ESRCH)
		return sig == SIGKILL ? 0 : err_say(e, ESRCH, "container not running");
	return r < 0 ? err_set(e, -r, "signal container %s", s->id) : 0;
}

int container_kill(const struct container_env *env, const char *id, int sig, bool all,
		   struct err *e)
{
	struct container_state s = { 0 };
	int r = container_load(env, id, &s, e);

	if (r < 0)
		return r;
	r = kill_loaded(&s, sig, all, e);
	container_state_clear(&s);
	return r;
}

/* ---- delete ----------------------------------------------------------------------------- */

static void first(int *r, struct err *e, int now, const struct err *why)
{
	if (!*r && now < 0) {
		*r = now;
		*e = *why;
	}
}

static int undo_cgroup(const struct container_state *s, struct err *e)
{
	enum cgroup_driver driver;

	if (str_empty(s->cgroup_path) || cgroup_driver_parse(s->cgroup_driver, &driver) < 0)
		return 0;
	return cgroup_destroy(driver, s->cgroup_path, str_empty(s->scope) ? NULL : s->scope, e);
}

/* A failed poststop hook is a warning: runtime.md, lifecycle step 13. */
static void poststop(int dirfd, const struct container_state *s)
{
	AUTO(arena) struct arena *a = NULL;
	AUTO(strbuf) struct strbuf json = STRBUF_INIT;
	AUTO_FREE char *text = NULL;
	struct container_state now = *s;
	struct hookrun how = { .kind = "poststop", .env = environ, .cwd = s->bundle };
	struct err e = ERR_INIT;
	struct spec *spec;
	size_t n;

	if (!(s->hooks & 1u << SPEC_HOOK_POSTSTOP))
		return;
	a = arena_new(SPEC_ARENA_MAX);
	if (path_read_file(dirfd, STATE_CONFIG, STATE_MAX, &text, &n, &e) < 0 ||
	    spec_read(a, text, n, &spec, &e) < 0) {
		log_warn("poststop hooks are not run: %s", e.msg);
		return;
	}
	for (size_t i = 0; i < s->annotations.n; i++) {
		if (str_eq(s->annotations.v[i].key, "run.oci.hooks.stdout"))
			how.out = s->annotations.v[i].value;
		if (str_eq(s->annotations.v[i].key, "run.oci.hooks.stderr"))
			how.err = s->annotations.v[i].value;
	}
	now.status = CONTAINER_STOPPED;
	container_state_write(&now, &json);
	how.state = json.s;
	for (size_t i = 0; i < spec->hooks[SPEC_HOOK_POSTSTOP].n; i++) {
		struct spec_hooks one = { 1, &spec->hooks[SPEC_HOOK_POSTSTOP].v[i] };

		if (hookrun_all(&one, &how, &e) < 0)
			log_warn("%s", e.msg);
	}
}

/* state.json goes last: as long as it is there, a delete can be tried again. */
static int remove_files(const struct container_env *env, int dirfd, const char *id,
			bool remove_dir, struct err *e)
{
	static const char *const files[] = { STATE_GATE, STATE_CONFIG, STATE_FILE };
	AUTO_CLOSE int root = -1;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (unlinkat(dirfd, files[i], 0) < 0 && errno != ENOENT)
			return err_set(e, errno, "remove %s of container %s", files[i], id);
	if (!remove_dir)
		return 0;
	r = path_open_dir(AT_FDCWD, env->run_root, &root, e);
	if (r < 0 || !unlinkat(root, id, AT_REMOVEDIR))
		return r;
	return path_remove_tree(root, id, e);
}

int container_undo(const struct container_env *env, int dirfd, const struct container_state *s,
		   bool hooks, bool remove_dir, struct err *e)
{
	struct err why = ERR_INIT;
	int r = kill_init(s, e);

	first(&r, e, undo_cgroup(s, &why), &why);
	if (!str_empty(s->rdt_group))
		first(&r, e, rdt_leave(RDT_ROOT, s->rdt_group, s->id, &why), &why);
	if (!r && same_boot(s))
		first(&r, e, host_mounts_undo(s, &why), &why);
	if (r < 0)	/* what still lives must stay known */
		return r;
	if (hooks)
		poststop(dirfd, s);
	return remove_files(env, dirfd, s->id, remove_dir, e);
}

static int delete_locked(const struct container_env *env, int dir, const char *id, bool force,
			 struct err *e)
{
	struct container_state s = { 0 };
	int r;

	if (!path_exists(dir, STATE_FILE)) {	/* a create that died at once */
		r = remove_files(env, dir, id, true, e);
		if (!r && !force)
			r = err_say(e, ENOENT, "container \"%s\" does not exist", id);
		return r;
	}
	r = state_load(dir, id, &s, e);
	if (r < 0)
		return r;
	if (!force && !s.creating &&
	    (s.status == CONTAINER_RUNNING || s.status == CONTAINER_PAUSED))
		r = err_say(e, EBUSY, "cannot delete container %s that is not stopped: %s", id,
			    container_status_name(s.status));
	else
		r = container_undo(env, dir, &s, true, !s.engine, e);
	container_state_clear(&s);
	return r;
}

int container_delete(const struct container_env *env, const char *id, bool force, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int r = state_dir_lock(env, id, &dir, e);

	if (r == -ENOENT && force)
		return 0;
	return r < 0 ? r : delete_locked(env, dir, id, force, e);
}
