/*
 * ns.c - namespaces from the inside: those that clone3 in the host cannot make.
 *
 * Runs in: container.  Sources: namespaces(7), setns(2), time_namespaces(7),
 * cgroup_namespaces(7), clone3(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "runtime/init.h"
#include "runtime/sync.h"

static const struct {
	const char *name;
	int flag;
} kinds[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = { "user", CLONE_NEWUSER },
	[SPEC_NS_MOUNT] = { "mount", CLONE_NEWNS },
	[SPEC_NS_PID] = { "pid", CLONE_NEWPID },
	[SPEC_NS_NETWORK] = { "network", CLONE_NEWNET },
	[SPEC_NS_IPC] = { "ipc", CLONE_NEWIPC },
	[SPEC_NS_UTS] = { "uts", CLONE_NEWUTS },
	[SPEC_NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
	[SPEC_NS_TIME] = { "time", CLONE_NEWTIME },
};

/* One that the host's user namespace owns is joined before we enter the new one, one that
 * the new one owns after it: so all are tried twice. */
static int join_by_path(const struct plan *p, struct err *e)
{
	bool done[SPEC_NS_COUNT] = { false };

	for (int round = 0; round < 2; round++) {
		for (size_t i = SPEC_NS_COUNT; i-- > 0;) {
			if (p->ns_fd[i] < 0 || done[i] || (i == SPEC_NS_USER && round > 0))
				continue;
			if (sys_setns(p->ns_fd[i], kinds[i].flag) == 0)
				done[i] = true;
			else if (i == SPEC_NS_USER || round > 0 || errno != EPERM)
				return err_set(e, errno, "join the %s namespace %s", kinds[i].name,
					       p->spec->ns[i].path);
		}
	}
	return 0;
}

static int join_target(const struct plan *p, struct err *e)
{
	int flags = 0;

	for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
		if (p->join_mask & (1u << i))
			flags |= kinds[i].flag;
	}
	if (flags && sys_setns(p->fd[PLAN_FD_TARGET], flags) < 0)
		return err_set(e, errno, "join the container's namespaces");
	return 0;
}

/* In a user namespace our id has no name yet, or another one: be its root, or, where none is
 * mapped, somebody; the capabilities came with the namespace. */
static int become_root(const struct plan *p, struct err *e)
{
	const struct spec *s = p->spec;
	uid_t uid = 0;
	gid_t gid = 0;

	if (s && s->uids.n > 0 && !plan_maps_id(&s->uids, 0))
		uid = s->uids.v[0].container_id;
	if (s && s->gids.n > 0 && !plan_maps_id(&s->gids, 0))
		gid = s->gids.v[0].container_id;
	if ((setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0) && errno != EINVAL)
		return err_set(e, errno, "become root of the user namespace");
	prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

int ns_enter(const struct plan *p, struct err *e)
{
	struct clone_args args = {
		.flags = p->clone_flags | CLONE_PARENT,
	};
	pid_t pid;
	int turn[2], r;
	char byte;

	r = p->spec ? 0 : sched_affinity(p->process->affinity_initial, "initial", e);
	if (r == 0)
		r = p->spec ? join_by_path(p, e) : join_target(p, e);
	if (r == 0 && p->userns && !p->wait_mapped)
		r = become_root(p, e);
	if (r < 0)
		return r;
	/* The init is to be the child of our parent, and it was never any other program: so
	 * nothing of the host's is visible in a PID namespace that others live in. */
	if (pipe2(turn, O_CLOEXEC) < 0)
		return err_set(e, errno, "pipe");
	pid = sys_clone3(&args);
	if (pid < 0)
		return err_set(e, errno, "clone3 into the namespaces");
	if (pid > 0)
		_exit(sync_send(p->fd[PLAN_FD_SYNC], SYNC_BORN, pid, -1) < 0);
	/* Both of us hold the socket: SYNC_BORN is to be its first message.  The go-between's end
	 * closes the pipe. */
	close(turn[1]);
	while (read(turn[0], &byte, 1) < 0 && errno == EINTR)
		;
	close(turn[0]);
	return 0;
}

static int write_offsets(const struct spec *s, int proc, struct err *e)
{
	char text[160];
	size_t n = 0;
	int fd;

	if (s->monotonic.set)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "monotonic %lld %u\n",
				      (long long)s->monotonic.secs, s->monotonic.nanosecs);
	if (s->boottime.set)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "boottime %lld %u\n",
				      (long long)s->boottime.secs, s->boottime.nanosecs);
	if (n == 0)
		return 0;
	fd = openat(proc, "self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n) {
		fd_close(&fd);
		return err_set(e, errno, "linux.timeOffsets");
	}
	fd_close(&fd);
	return 0;
}

/* Only children enter a time namespace by unshare; setns takes us in as well. */
static int new_time_ns(const struct spec *s, struct err *e)
{
	AUTO_CLOSE int proc = -1;
	AUTO_CLOSE int fd = -1;
	int r = 0;

	if (s->ns[SPEC_NS_MOUNT].path)	/* what is at /proc there others have put there */
		r = procfs_make(&proc, e);
	else
		proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && sys_unshare(CLONE_NEWTIME) < 0)
		r = err_set(e, errno, "new time namespace");
	if (r == 0)
		r = write_offsets(s, proc, e);
	if (r < 0)
		return r;
	fd = openat(proc, "self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || sys_setns(fd, CLONE_NEWTIME) < 0)
		return err_set(e, errno, "enter the time namespace");
	return 0;
}

int ns_mapped(const struct plan *p, struct err *e)
{
	int r = sync_wait(p->fd[PLAN_FD_SYNC], SYNC_MAPPED, e);

	return r < 0 ? r : become_root(p, e);
}

int step_ns(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	int r;

	if (!p->go_between) {
		r = join_by_path(p, e);
		if (r < 0)
			return r;
	}
	if (in->spec->ns[SPEC_NS_TIME].unshare) {
		r = new_time_ns(in->spec, e);
		if (r < 0)
			return r;
	}
	/* clone3's would have its root at the cgroup of the one who cloned. */
	if (in->spec->ns[SPEC_NS_CGROUP].unshare && sys_unshare(CLONE_NEWCGROUP) < 0)
		return err_set(e, errno, "new cgroup namespace");
	return 0;
}

int step_session(struct init *in, struct err *e)
{
	/* A session of our own: no TIOCSTI into the caller's terminal (CVE-2017-5226). */
	if (setsid() < 0 && errno != EPERM)
		return err_set(e, errno, "new session");
	if (in->plan->session_keyring && sys_keyctl_join(NULL) < 0 && errno != ENOSYS)
		return err_set(e, errno, "new session keyring");
	return 0;
}

int step_hostname(struct init *in, struct err *e)
{
	const char *h = in->spec->hostname, *d = in->spec->domainname;

	if (h && sethostname(h, strlen(h)) < 0)
		return err_set(e, errno, "hostname %s", h);
	if (d && setdomainname(d, strlen(d)) < 0)
		return err_set(e, errno, "domainname %s", d);
	return 0;
}
