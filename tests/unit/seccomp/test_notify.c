/*
 * test_notify.c - the agent gets the state and the listener.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "seccomp/filter.h"

struct agent { int listener; char *text; size_t n; int fd; };

static void *run_agent(void *arg)
{
	struct agent *g = arg;
	char control[CMSG_SPACE(sizeof(int) * 4)];
	int sock = accept(g->listener, NULL, NULL);

	g->text = mem_alloc(1 << 20);
	for (;;) {
		struct iovec iov = { g->text + g->n, (1 << 20) - g->n - 1 };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				      .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
		struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

		if (c && c->cmsg_type == SCM_RIGHTS)
			memcpy(&g->fd, CMSG_DATA(c), sizeof(int));
		if (n <= 0)
			break;
		g->n += (size_t)n;
	}
	close(sock);
	return NULL;
}

static void exchange(const char *metadata, const char *state_json, struct agent *g)
{
	char dir[] = "/tmp/berth-notify-XXXXXX";
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dirfd = -1, fd = -1;
	struct err e = ERR_INIT;
	pthread_t thread;

	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	path = mem_printf("%s/agent.sock", dir);
	*g = (struct agent){ .listener = -1, .fd = -1 };
	assert_int_equal(fd_unix_listen(dirfd, "agent.sock", SOCK_STREAM, &g->listener, &e), 0);
	fd = open("/dev/null", O_RDONLY);
	pthread_create(&thread, NULL, run_agent, g);
	if (filter_notify_send(path, metadata, fd, 4711, state_json, &e) < 0)
		fail_msg("%s", e.msg);
	pthread_join(thread, NULL);
	fd_close(&g->listener);
	path_remove_tree(AT_FDCWD, dir, &e);
}

static void send__state__agent_gets_all_and_descriptor(void **state)
{
	struct agent g;
	struct stat got, null;

	(void)state;
	exchange("meta \"x\"", "{\"ociVersion\":\"1.2.0\",\"id\":\"c1\",\"pid\":4711}", &g);
	assert_string_equal(g.text, "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],"
			    "\"pid\":4711,\"metadata\":\"meta \\\"x\\\"\","
			    "\"state\":{\"ociVersion\":\"1.2.0\","
			    "\"id\":\"c1\",\"pid\":4711}}");
	assert_int_equal(fstat(g.fd, &got), 0);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(got.st_rdev, null.st_rdev);
	close(g.fd);
	free(g.text);
}

static void send__long_state__arrives_whole(void **state)
{
	AUTO_FREE char *json = NULL, *long_one = mem_alloc(400001);
	struct agent g;

	(void)state;
	memset(long_one, 'x', 400000);
	json = mem_printf("{\"ociVersion\":\"1.2.0\",\"id\":\"%s\"}", long_one);
	exchange(NULL, json, &g);
	assert_true(g.n > 400000);
	assert_string_equal(g.text + g.n - 5, "xx\"}}");
	assert_true(g.fd >= 0);
	close(g.fd);
	free(g.text);
}

static void send__nobody_listens__names_the_path(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_true(filter_notify_send("/nowhere/sock", NULL, 0, 1, "{}", &e) < 0);
	assert_non_null(strstr(e.msg, "/nowhere/sock"));
	assert_true(filter_notify_send("relative", NULL, 0, 1, "{}", &e) < 0);
	assert_true(filter_notify_send("/tmp/x", NULL, 0, 1, "not json", &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send__state__agent_gets_all_and_descriptor),
		cmocka_unit_test(send__long_state__arrives_whole),
		cmocka_unit_test(send__nobody_listens__names_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
