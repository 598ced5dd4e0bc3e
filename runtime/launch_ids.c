/*
 * launch_ids.c - user namespaces seen from outside: id maps, and namespaces for idmapped
 * mounts.
 *
 * Runs in: host.  Sources: user_namespaces(7), newuidmap(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/birth.h"

extern char **environ;

static int write_proc(pid_t pid, const char *file, const char *text, size_t n)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/%s", (int)pid, file);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, n) == (ssize_t)n ? 0 : -errno;
}

/* shadow's set-ID program maps what /etc/subuid or /etc/subgid grants the user. */
static int run_helper(const char *program, pid_t pid, const struct spec_idmaps *m, struct err *e)
{
	AUTO(strlist) struct strlist args = STRLIST_INIT;
	char said[256] = "";
	int r;

	strlist_add(&args, program);
	strlist_addf(&args, "%d", (int)pid);
	for (size_t i = 0; i < m->n; i++) {
		strlist_addf(&args, "%u", m->v[i].container_id);
		strlist_addf(&args, "%u", m->v[i].host_id);
		strlist_addf(&args, "%u", m->v[i].size);
	}
	r = child_run(args.v, environ, -1, said, sizeof(said), e);
	if (r < 0)
		return err_hint(e, "more than one's own id is mapped by it: install uidmap");
	if (r == 0)
		return 0;
	return err_say(e, EPERM, "%s: see /etc/%s", *said ? said : program,
		       !strcmp(program, "newuidmap") ? "subuid" : "subgid");
}

static bool own_id_only(const struct spec_idmaps *m, uint32_t id)
{
	return m->n == 1 && m->v[0].size == 1 && m->v[0].host_id == id;
}

static int write_map(pid_t pid, bool gid, const struct spec_idmaps *m, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	int r;

	for (size_t i = 0; i < m->n; i++)
		strbuf_addf(&b, "%u %u %u\n", m->v[i].container_id, m->v[i].host_id, m->v[i].size);
	r = write_proc(pid, gid ? "gid_map" : "uid_map", b.s, b.len);
	if (r == -EPERM && gid && own_id_only(m, getegid())) {
		/* user_namespaces(7): who may not map groups freely must forbid setgroups. */
		r = write_proc(pid, "setgroups", "deny", 4);
		if (r == 0)
			r = write_proc(pid, "gid_map", b.s, b.len);
	}
	if (r == -EPERM && geteuid() != 0)
		return run_helper(gid ? "newgidmap" : "newuidmap", pid, m, e);
	if (r < 0)
		return err_set(e, -r, "linux.%cidMappings", gid ? 'g' : 'u');
	return 0;
}

int ids_write(pid_t pid, const struct spec_idmaps *uids, const struct spec_idmaps *gids,
	      struct err *e)
{
	int r;

	if (uids->n == 0 || gids->n == 0)
		return err_say(e, EINVAL, "linux.%cidMappings: a user namespace needs some",
			       uids->n == 0 ? 'u' : 'g');
	/* Groups first: newgidmap looks at who owns the namespace, not at its ids. */
	r = write_map(pid, true, gids, e);
	return r < 0 ? r : write_map(pid, false, uids, e);
}

int ids_namespace(const struct spec_idmaps *uids, const struct spec_idmaps *gids, int *ret,
		  struct err *e)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	AUTO_FREE char *path = NULL;
	int fd = -1, r, hold[2];
	pid_t pid;

	if (pipe2(hold, O_CLOEXEC) < 0)
		return err_set(e, errno, "user namespace for a mount");
	pid = sys_clone3(&args);
	if (pid == 0) {
		char c;

		/* Lives as long as we keep the pipe: also when we are killed. */
		close(hold[1]);
		_exit(read(hold[0], &c, 1) != 0);
	}
	fd_close(&hold[0]);
	if (pid < 0) {
		fd_close(&hold[1]);
		return err_set(e, errno, "user namespace for a mount");
	}
	r = ids_write(pid, uids, gids, e);
	if (r == 0) {
		path = mem_printf("/proc/%d/ns/user", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = err_set(e, errno, "user namespace for a mount");
	}
	fd_close(&hold[1]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r == 0)
		*ret = fd;
	return r;
}
