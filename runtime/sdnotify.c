/*
 * sdnotify.c - see sdnotify.h.
 *
 * Runs in: host.  Sources: sd_notify(3), sd_notify_barrier(3).
 */
#include "runtime/sdnotify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define SOCKET_NAME "notify"
#define MESSAGE_MAX 4096
#define BARRIER_MS 5000

int sdnotify_make(int dirfd, struct err *e)
{
	/* Users in the container must get through; the folder above is closed to the host's. */
	if ((mkdirat(dirfd, SDNOTIFY_DIR, 0755) < 0 && errno != EEXIST) ||
	    fchmodat(dirfd, SDNOTIFY_DIR, 0755, 0) < 0)
		return err_set(e, errno, "folder for NOTIFY_SOCKET");
	return 0;
}

int sdnotify_listen(const struct container_env *env, const char *id, int *ret, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s/" SDNOTIFY_DIR, env->run_root, id);
	AUTO_CLOSE int dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	*ret = -1;
	if (dir < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "folder of NOTIFY_SOCKET");
	if (unlinkat(dir, SOCKET_NAME, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove an old NOTIFY_SOCKET");
	r = fd_unix_listen(dir, SOCKET_NAME, SOCK_DGRAM, ret, e);
	/* an exec may have put a link there meanwhile */
	if (r == 0 && fchmodat(dir, SOCKET_NAME, 0777, AT_SYMLINK_NOFOLLOW) < 0) {
		r = err_set(e, errno, "mode of the container's NOTIFY_SOCKET");
		fd_close(ret);
	}
	return r;
}

static int connect_host(const char *path, int *ret)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = strlen(path);

	if (fd < 0 || n >= sizeof(sa.sun_path))
		return fd < 0 ? -errno : -ENAMETOOLONG;
	memcpy(sa.sun_path, path, n);
	if (path[0] == '@')
		sa.sun_path[0] = '\0';
	if (connect(fd, (struct sockaddr *)&sa, (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
							    n + (path[0] != '@'))) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

/* What a container may say of its start; its PIDs and descriptors mean nothing outside. */
static void pick_lines(const char *message, struct strbuf *ret, bool *ret_ready)
{
	static const char *const passed[] = { "READY=", "STATUS=", "ERRNO=",
					      "EXTEND_TIMEOUT_USEC=" };
	AUTO(strlist) struct strlist lines = STRLIST_INIT;

	strlist_split(&lines, message, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(passed); k++) {
			if (str_starts(lines.v[i], passed[k]))
				strbuf_addf(ret, "%s%s", ret->len ? "\n" : "", lines.v[i]);
		}
		*ret_ready |= str_eq(lines.v[i], "READY=1");
	}
}

/* systemd looks up whose message it is by the PID of the sender: we stay until it has.  It closes
 * the pipe then; who knows nothing of barriers may leave it open. */
static void barrier(int host)
{
	static const char text[] = "BARRIER=1";
	AUTO_CLOSE int from = -1;
	struct pollfd p = { .events = 0 };
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	from = p.fd = ends[0];
	r = fd_send(host, text, sizeof(text) - 1, &ends[1], 1);
	close(ends[1]);
	if (r == 0 && poll(&p, 1, BARRIER_MS) == 0)
		log_debug("NOTIFY_SOCKET: no answer to the barrier");
}

static int tell(int host, const char *text, struct err *e)
{
	return send(host, text, strlen(text), MSG_NOSIGNAL) < 0
		       ? err_set(e, errno, "NOTIFY_SOCKET") : 0;
}

static int tell_main(int host, pid_t pid, struct err *e)
{
	char text[32];
	int r;

	snprintf(text, sizeof(text), "MAINPID=%d", (int)pid);
	r = pid > 0 ? tell(host, text, e) : 0;
	if (r == 0)
		barrier(host);
	return r;
}

/* One message.  1: it said that it is ready. */
static int pass_on(int fd, int host, struct err *e)
{
	AUTO(strbuf) struct strbuf lines = STRBUF_INIT;
	char message[MESSAGE_MAX];
	bool ready = false;
	ssize_t n = recv(fd, message, sizeof(message) - 1, MSG_DONTWAIT);

	if (n <= 0)
		return 0;
	message[n] = '\0';
	pick_lines(message, &lines, &ready);
	if (lines.len && send(host, lines.s, lines.len, MSG_NOSIGNAL) < 0)
		return err_set(e, errno, "NOTIFY_SOCKET");
	return ready;
}

static bool find_host(const char *host, int *ret)
{
	int r = connect_host(host, ret);

	if (r < 0)
		log_warn("NOTIFY_SOCKET %s: %s: nobody is told when the container is ready", host,
			 strerror(-r));
	return r == 0;
}

int sdnotify_ready(const char *host, pid_t pid, struct err *e)
{
	AUTO_CLOSE int to = -1;
	int r;

	if (!find_host(host, &to))
		return 0;
	r = tell(to, "READY=1", e);
	return r < 0 ? r : tell_main(to, pid, e);
}

int sdnotify_forward(int fd, const char *host, pid_t pid, int pidfd, struct err *e)
{
	AUTO_CLOSE int from = fd;
	AUTO_CLOSE int to = -1;
	int r;

	if (!find_host(host, &to))
		return 0;
	for (;;) {
		struct pollfd p[2] = { { from, POLLIN, 0 }, { pidfd, POLLIN, 0 } };

		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(e, errno, "wait for NOTIFY_SOCKET");
		}
		r = p[0].revents ? pass_on(from, to, e) : 0;
		if (r)
			return r < 0 ? r : tell_main(to, pid, e);
		if (p[1].revents && !p[0].revents)
			return 0;
	}
}
