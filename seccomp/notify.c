/*
 * notify.c - hands the listener of a filter to the agent that answers for it.
 *
 * OCI runtime specification, runtime.md, "ContainerProcessState": one message on a
 * stream socket, the state as JSON with the descriptors beside it, then the
 * connection is closed.
 */
#include "seccomp/compile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/path.h"

static int make_message(const char *metadata, pid_t pid, const char *state_json, struct strbuf *b,
			struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(64u << 20);
	struct json_limits limits = JSON_LIMITS_DEFAULT;
	const struct json *state = NULL;
	const char *version;
	struct json_out o;
	int rc;

	rc = json_parse(a, state_json, strlen(state_json), limits, "state", &state, e);
	if (rc < 0)
		return rc;
	version = json_str(json_get(state, "ociVersion"));
	json_out_init(&o, b, 0);
	json_out_obj(&o, NULL);
	json_out_str(&o, "ociVersion", version ? version : "");
	json_out_arr(&o, "fds");
	json_out_str(&o, NULL, "seccompFd");
	json_out_end_arr(&o);
	json_out_i64(&o, "pid", pid);
	if (metadata)
		json_out_str(&o, "metadata", metadata);
	json_out_value(&o, "state", state);
	json_out_end_obj(&o);
	return 0;
}

static int open_agent(const char *path, int *ret, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	AUTO_FREE char *parent = NULL;
	const char *base = path_base(path);

	if (path[0] != '/' || !*base)
		return err_say(e, EINVAL, "seccomp listenerPath %s: must be an absolute path",
			       path);
	parent = mem_strndup(path, (size_t)(base - path));
	dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "failed to connect with seccomp agent %s", path);
	if (fd_unix_connect(dir, base, SOCK_STREAM, ret, e) < 0)
		return err_wrap(e, "failed to connect with seccomp agent %s", path);
	return 0;
}

int filter_notify_send(const char *path, const char *metadata, int fd, pid_t pid,
		       const char *state_json, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_CLOSE int sock = -1;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	ssize_t sent;
	int rc;

	rc = make_message(metadata, pid, state_json, &b, e);
	if (rc < 0)
		return rc;
	rc = open_agent(path, &sock, e);
	if (rc < 0)
		return rc;
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	iov = (struct iovec){ b.s, b.len };
	do {
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return err_set(e, errno, "seccomp listenerPath %s: send", path);
	/* The descriptor went with the first part; a long state may need more than one. */
	while ((size_t)sent < b.len) {
		ssize_t n = send(sock, b.s + sent, b.len - (size_t)sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "seccomp listenerPath %s: send", path);
		sent += n;
	}
	return 0;
}
