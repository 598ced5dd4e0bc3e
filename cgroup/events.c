/*
 * events.c - waking up when something happens to a cgroup: OOM, frozen, thawed, empty, gone.
 *
 * One inotify descriptor for cgroup.events and memory.events: the kernel sends IN_MODIFY for
 * both (cgroup-v2.rst).  An event says only "look again"; what happened is the difference
 * between two readings.
 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

static int watch_file(int in, int dir, const char *name, struct err *e)
{
	char self[32], path[64];
	AUTO_CLOSE int file = openat(dir, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);

	if (file < 0 && errno == ENOENT)
		return 0;	/* no memory controller: nothing to tell */
	if (file < 0)
		return err_set(e, errno, "open %s", name);
	snprintf(path, sizeof(path), "%s", path_of_fd(file, self));
	if (inotify_add_watch(in, path, IN_MODIFY | IN_DELETE_SELF) < 0)
		return err_set(e, errno, "watch %s", name);
	return 0;
}

int cgroup_watch_open(int fd, struct cgroup_watch *ret, struct err *e)
{
	struct cgroup_watch w AUTO(cgroup_watch) = CGROUP_WATCH_INIT;
	int r;

	if (fd < 0)
		return err_say(e, ENOTSUP, "the container has no cgroup (driver \"disabled\")");
	w.dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w.dir < 0)
		return err_set(e, errno, "open the cgroup");
	w.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w.fd < 0)
		return err_set(e, errno, "inotify");
	r = watch_file(w.fd, w.dir, "cgroup.events", e);
	if (r == 0)
		r = watch_file(w.fd, w.dir, "memory.events", e);
	if (r < 0)
		return r;
	/* Read after watching, so that nothing falls between. */
	r = cgroup_state_read(w.dir, &w.state);
	if (r == 0)
		r = cgroup_oom_read(w.dir, &w.oom);
	if (r < 0)
		return err_set(e, -r, "read the cgroup's events");
	*ret = w;
	w = (struct cgroup_watch)CGROUP_WATCH_INIT;
	return 0;
}

int cgroup_watch_read(struct cgroup_watch *w, unsigned *ret_events, struct err *e)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct cgroup_state state = { 0 };
	struct cgroup_oom oom = w->oom;
	unsigned events = 0;
	ssize_t n;

	while ((n = read(w->fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return err_set(e, errno, "read the cgroup's events");
	}
	if (cgroup_state_read(w->dir, &state) < 0) {
		*ret_events = CGROUP_EVENT_GONE;
		return 0;
	}
	cgroup_oom_read(w->dir, &oom);
	if (oom.oom > w->oom.oom)
		events |= CGROUP_EVENT_OOM;
	if (oom.oom_kill > w->oom.oom_kill)
		events |= CGROUP_EVENT_OOM_KILL;
	if (w->state.populated && !state.populated)
		events |= CGROUP_EVENT_EMPTY;
	if (state.frozen != w->state.frozen)
		events |= state.frozen ? CGROUP_EVENT_FROZEN : CGROUP_EVENT_THAWED;
	w->state = state;
	w->oom = oom;
	*ret_events = events;
	return 0;
}

void cgroup_watch_cleanup(struct cgroup_watch *w)
{
	fd_close(&w->fd);
	fd_close(&w->dir);
}
