/*
 * run_dir.c - RUN/ID: who works on a container holds its lock; what the dead left
 * there is swept away.  Runs in: host.
 *
 * The folder is made first and removed last, so it names everything that can be half
 * there.  Its lock is a flock: it ends with its holder, however that one ends.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/tree.h"
#include "runtime/alive.h"
#include "runtime/container.h"
#include "runtime/secret.h"
#include "runtime/status.h"
#include "runtime/supervisor.h"

#define LOCK_MOST_MS 15000	/* a sweep waits 10 s for a cgroup to become empty */

/* The lock is ours only if the file that we locked is still the one in the folder: a sweep may
 * have taken the folder away between our open and our flock. */
static bool still_there(int run_fd, const char *id, int lock)
{
	AUTO_FREE char *path = mem_printf("%s/engine.lock", id);
	struct stat a, b;

	return fstat(lock, &a) == 0 && fstatat(run_fd, path, &b, 0) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

bool run_alive(const struct engine *en, const char *id)
{
	AUTO_FREE char *path = mem_printf("%s/engine.lock", id);
	AUTO_CLOSE int lock = openat(en->run_fd, path, O_RDWR | O_CLOEXEC);

	return lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* How it ended when nobody was there to see it. */
static void record_loss(const struct engine *en, const char *id)
{
	AUTO_CLOSE int dir = openat(en->containers_fd, id, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;
	struct status s;
	struct timespec now;

	if (dir < 0 || status_load(dir, &s, &e) < 0 || s.pid == 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	s.reason = STATUS_SUPERVISOR_LOST;
	s.exit_code = 137;
	s.signal = 9;
	s.pid = 0;
	s.finished_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	s.health[0] = 0;
	status_save(dir, &s, false, &e);
}

/* Processes, cgroup and network of a dead one, and how it ended; we hold its lock.  False when
 * something is still there. */
static bool take_down(const struct engine *en, const char *id)
{
	struct container_env env = { .run_root = en->run, .cache_dir = en->root };
	struct net_paths net = engine_net_paths(en);
	struct end_paths paths = { en->run_fd, en->containers_fd, id, NULL };
	struct container_state st = { 0 };
	AUTO_FREE char *cgroup = NULL;
	struct err e = ERR_INIT;
	bool done;

	log_debug("cleaning up after container %.12s, whose supervisor is gone", id);
	if (container_load(&env, id, &st, &e) == 0) {
		cgroup = mem_strdup(st.cgroup_path ? st.cgroup_path : "");
		if (st.pid > 0)
			proc_kill(st.pid, st.start_time, SIGKILL);
		container_state_clear(&st);
	}
	if (str_empty(cgroup)) {
		free(cgroup);
		cgroup = mem_printf("berth/%s", id);
	}
	paths.cgroup = cgroup;
	done = end_cgroup(&paths, &e) == 0;
	done &= net_down(&net, id, &e) == 0;
	record_loss(en, id);
	if (!done)
		log_warn("cleaning up after container %.12s: %s", id, e.msg);
	return done;
}

/* True when nothing but the lock is in it: then nothing was made yet that had to be taken down. */
static bool is_fresh(int dir)
{
	return tree_is_empty(dir, "engine.lock");
}

/* The record goes too when it was half made or half removed (its name is the last of it), or the
 * container was to be thrown away.  True when nothing is left. */
static bool sweep_one(const struct engine *en, const char *id)
{
	struct end_paths paths = { en->run_fd, en->containers_fd, id, NULL };
	AUTO_CLOSE int dir = openat(en->run_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(record) struct record *r = NULL;
	struct err e = ERR_INIT;
	int rc;

	/* a folder made just now, whose maker waits for the lock that we have, is not kept long */
	if ((dir < 0 || !is_fresh(dir)) && !take_down(en, id))
		return false;	/* the folder stays, and with it the task for the next command */
	rc = record_load(en, id, &r, &e);
	if (rc < 0 && rc != -ENOENT)	/* half made it is not: somebody's data may depend on it */
		log_warn("%s", e.msg);
	else if ((rc < 0 || r->auto_remove) && record_remove(en, id, true, &e) < 0) {
		log_warn("%s", e.msg);
		return false;
	}
	if (end_run_dir(&paths, &e) < 0) {
		log_warn("%s", e.msg);
		return false;
	}
	return true;
}

/* Who looks (run_alive) or sweeps has it as long as that takes, which is worth waiting for; a
 * supervisor has it while it lives, and answers. */
static int take_lock(const struct engine *en, const char *id, int lock)
{
	for (unsigned ms = 0;; ms += 5) {
		AUTO_CLOSE int sock = -1;
		struct err ignored = ERR_INIT;

		if (flock(lock, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (ms >= LOCK_MOST_MS ||
		    (ms >= 50 && control_connect(en, id, &sock, &ignored) == 0))
			return -EWOULDBLOCK;
		usleep(5000);
	}
}

int run_lock(const struct engine *en, const char *id, int *ret_lock, int *ret_dir, struct err *e)
{
	for (int tries = 0; tries < 100; tries++) {
		AUTO_CLOSE int dir = -1, lock = -1;
		int r;

		if (mkdirat(en->run_fd, id, 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "make %s/%s", en->run, id);
		dir = openat(en->run_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0 && errno == ENOENT)
			continue;
		if (dir < 0)
			return err_set(e, errno, "open %s/%s", en->run, id);
		lock = openat(dir, "engine.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (lock < 0 && errno == ENOENT)
			continue;
		if (lock < 0)
			return err_set(e, errno, "open %s/%s/engine.lock", en->run, id);
		r = take_lock(en, id, lock);
		if (r < 0)
			return r == -EWOULDBLOCK
				       ? err_say(e, EBUSY, "container %.12s is in use", id)
				       : err_set(e, -r, "lock container %.12s", id);
		if (!still_there(en->run_fd, id, lock))
			continue;
		/* its holder may have died since this command's sweep */
		if (!is_fresh(dir) && !take_down(en, id))
			return err_say(e, EBUSY, "container %.12s cannot be cleaned up", id);
		*ret_lock = TAKE_FD(lock);
		if (ret_dir)
			*ret_dir = TAKE_FD(dir);
		return 0;
	}
	return err_say(e, EBUSY, "container %.12s is in use", id);
}

/* One that has a folder and no supervisor in RUN/.alive.  True when the folder is gone. */
static bool sweep_if_dead(const struct engine *en, const char *id)
{
	AUTO_FREE char *path = mem_printf("%s/engine.lock", id);
	AUTO_CLOSE int lock = openat(en->run_fd, path, O_RDWR | O_CLOEXEC);

	if (lock < 0) {
		/* of an OCI container, whose maker locks the folder itself; or its maker died at
		 * once: one that is only late makes it anew */
		AUTO_CLOSE int dir = openat(en->run_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		return dir >= 0 && is_fresh(dir) && flock(dir, LOCK_EX | LOCK_NB) == 0 &&
		       unlinkat(en->run_fd, id, AT_REMOVEDIR) == 0;
	}
	return flock(lock, LOCK_EX | LOCK_NB) == 0 && still_there(en->run_fd, id, lock) &&
	       sweep_one(en, id);
}

int sweep_run(const struct engine *en, struct strlist *ret_left, struct err *e)
{
	AUTO_CLOSE int fd = openat(en->run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(alive) struct alive alive;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct net_paths net = engine_net_paths(en);
	struct err ignored = ERR_INIT;
	struct dirent *de;

	alive_load(en->run_fd, &alive);
	if (!d)
		return err_set(e, errno, "read %s", en->run);
	TAKE_FD(fd);
	while ((de = readdir(d))) {
		if (str_starts(de->d_name, END_DEAD_PREFIX))
			path_remove_tree(en->run_fd, de->d_name, &ignored);
		if (str_is_hex(de->d_name, 64) &&
		    (alive_has(&alive, de->d_name) || !sweep_if_dead(en, de->d_name)) && ret_left)
			strlist_add(ret_left, de->d_name);
	}
	closedir(d);
	secret_tidy(en);
	if (net_tidy(&net, &ignored) < 0)
		log_debug("%s", ignored.msg);
	return 0;
}
