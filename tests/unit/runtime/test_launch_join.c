/* test_launch_join.c - execs into running containers. */
#include "tests/unit/runtime/birth_room.h"

#include <signal.h>

/* A container that sleeps, and what an exec into it needs. */
struct room_join {
	struct room_birth b;
	struct spec_process *p;
	struct launch_join_opts o;
	struct launch l;
	struct err e;
	char said[8192];
	int status;
};

static unsigned all_ns(const struct spec *s)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < SPEC_NS_COUNT; i++)
		mask |= s->ns[i].unshare || s->ns[i].path ? 1u << i : 0;
	return mask;
}

static void join_prepare(struct room_join *j, const struct room_spec *r)
{
	memset(j, 0, sizeof(*j));
	room_prepare(&j->b, r);
	if (room_launch(&j->b) < 0 || launch_open_gate(&j->b.l, &j->b.e) < 0)
		fail_msg("%s", j->b.e.msg);
	j->p = arena_alloc(j->b.a, sizeof(*j->p));
	*j->p = j->b.s->process;
	j->o = (struct launch_join_opts){
		.target_pidfd = j->b.l.pidfd,
		.target_pid = j->b.l.pid,
		.ns_mask = all_ns(j->b.s),
		.cgroup_fd = -1,
		.stdio = { -1, -1, -1 },
		.no_new_keyring = true,
	};
}

static int join_run(struct room_join *j, const char *script)
{
	char **args = arena_array(j->b.a, 4, sizeof(*args));
	int out[2], r;
	size_t n = 0;
	ssize_t k;

	j->e = (struct err)ERR_INIT;
	args[0] = arena_strdup(j->b.a, "/bin/sh");
	args[1] = arena_strdup(j->b.a, "-c");
	args[2] = arena_strdup(j->b.a, script);
	if (script)
		j->p->args = args;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	if (!j->p->terminal)
		j->o.stdio[1] = j->o.stdio[2] = out[1];
	r = launch_join(j->b.a, j->p, j->b.s, &j->o, &j->l, &j->e);
	close(out[1]);
	if (r == 0) {
		int fd = j->l.console >= 0 ? j->l.console : out[0];

		while (n < sizeof(j->said) - 1 &&
		       (k = read(fd, j->said + n, sizeof(j->said) - 1 - n)) > 0)
			n += (size_t)k;
		assert_int_equal(waitpid(j->l.pid, &j->status, 0), j->l.pid);
		fd_close(&j->l.pidfd);
		fd_close(&j->l.console);
	}
	j->said[n] = '\0';
	close(out[0]);
	return r;
}

static void join_finish(struct room_join *j)
{
	kill(j->b.l.pid, SIGKILL);
	room_finish(&j->b);
	room_clear(&j->b);
	/* The go-between was reaped: nobody is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void join__exec__is_inside(void **state)
{
	struct room_join j;

	(void)state;
	join_prepare(&j, &(struct room_spec){ .script = "sleep 30 & wait" });
	if (join_run(&j,
		     "hostname; cat /proc/1/comm; ls /sys/class/net; echo fds $(ls /proc/self/fd); "
		     "grep Cap /proc/self/status; exit 5") < 0)
		fail_msg("%s", j.e.msg);
	assert_said(&j, "inside\nsh\nlo\nfds 0 1 2 3\n");
	assert_said(&j, "CapEff:\t0000000000000000");
	assert_int_equal(WEXITSTATUS(j.status), 5);
	join_finish(&j);
}

static void join__terminal_and_user__are_its_own(void **state)
{
	struct room_join j;

	(void)state;
	join_prepare(&j, &(struct room_spec){ .script = "sleep 30 & wait" });
	j.p->terminal = true;
	j.p->console_height = 10;
	j.p->console_width = 20;
	j.p->user.uid = j.p->user.gid = 1000;
	if (join_run(&j, "tty; stty size; id -u; echo $HOME; sleep 0.1") < 0)
		fail_msg("%s", j.e.msg);
	assert_said(&j, "/dev/pts/0\r\n10 20\r\n1000\r\n/home/u\r\n");
	join_finish(&j);
}

static void join__user_namespace__is_joined(void **state)
{
	struct room_join j;

	(void)state;
	join_prepare(&j, &(struct room_spec){
		.script = "sleep 30 & wait",
		.namespaces = ROOM_NAMESPACES ",{\"type\":\"user\"},{\"type\":\"time\"}",
		.linux_ = ",\"timeOffsets\":{\"boottime\":{\"secs\":99000000}},"
			  "\"uidMappings\":[{\"containerID\":0,\"hostID\":70000,\"size\":1000}],"
			  "\"gidMappings\":[{\"containerID\":0,\"hostID\":70000,\"size\":1000}]" });
	if (join_run(&j, "id -u; cat /proc/self/uid_map /proc/uptime; for n in user mnt pid net "
			 "ipc uts time; do "
			 "readlink /proc/self/ns/$n; done") < 0)
		fail_msg("%s", j.e.msg);
	assert_said(&j, "0\n         0      70000       1000\n99");
	join_finish(&j);
}

static void join__errors__are_those_of_the_program(void **state)
{
	struct room_join j;

	(void)state;
	join_prepare(&j, &(struct room_spec){ .script = "sleep 30 & wait" });
	j.p->args = (char *[]){ (char *)"nothing", NULL };
	assert_true(join_run(&j, NULL) < 0);
	assert_string_equal(j.e.msg, "exec: \"nothing\": executable file not found in $PATH");
	assert_int_equal(j.e.status, 127);
	j.p->args = (char *[]){ (char *)"/bin/sh", NULL };
	j.p->cwd = "/not/there";
	assert_true(join_run(&j, NULL) < 0);
	assert_failed(&j, "/not/there");
	join_finish(&j);
}

static void join__container_gone__fails(void **state)
{
	struct room_join j;

	(void)state;
	join_prepare(&j, &(struct room_spec){ .script = "sleep 30 & wait" });
	kill(j.b.l.pid, SIGKILL);
	waitid(P_PIDFD, (id_t)j.b.l.pidfd, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	assert_true(join_run(&j, "true") < 0);
	assert_failed(&j, "join the container's namespaces");
	join_finish(&j);
}

/* A container in a PID namespace that others live in: the init is never any other program. */
static void join__birth_into_other_namespaces__works(void **state)
{
	struct room_birth b;
	struct room_join j;
	char ns[512];

	(void)state;
	join_prepare(&j, &(struct room_spec){ .script = "sleep 30 & wait" });
	snprintf(ns, sizeof(ns),
		 "{\"type\":\"mount\"},{\"type\":\"pid\",\"path\":\"/proc/%d/ns/pid\"},"
		 "{\"type\":\"network\",\"path\":\"/proc/%d/ns/"
		 "net\"},{\"type\":\"uts\",\"path\":\"/proc/%d/ns/uts\"}",
		 (int)j.b.l.pid, (int)j.b.l.pid, (int)j.b.l.pid);
	arena_free(j.b.a);	/* one shared arena at a time */
	room_prepare(&b, &(struct room_spec){ .script = "cat /proc/1/comm; hostname; echo me $$",
					      .namespaces = ns });
	b.s->hostname = NULL;
	if (room_launch(&b) < 0 || launch_open_gate(&b.l, &b.e) < 0)
		fail_msg("%s", b.e.msg);
	room_finish(&b);
	assert_said(&b, "sh\ninside\nme ");
	assert_not_said(&b, "me 1\n");
	room_clear(&b);
	j.b.a = arena_new(4096);
	join_finish(&j);
}

static void join__wrong_namespace_file__is_refused(void **state)
{
	struct room_birth b;

	(void)state;
	assert_true(room_run(&b, &(struct room_spec){
					 .namespaces = "{\"type\":\"mount\"},{\"type\":\"network\","
						       "\"path\":\"/proc/self/ns/uts\"}" }) < 0);
	assert_failed(&b, "linux.namespaces");
	assert_failed(&b, "network");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(join__exec__is_inside),
		cmocka_unit_test(join__terminal_and_user__are_its_own),
		cmocka_unit_test(join__user_namespace__is_joined),
		cmocka_unit_test(join__errors__are_those_of_the_program),
		cmocka_unit_test(join__container_gone__fails),
		cmocka_unit_test(join__birth_into_other_namespaces__works),
		cmocka_unit_test(join__wrong_namespace_file__is_refused),
	};

	if (!room_usable()) {
		print_message("skipped: needs root and /bin/busybox\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, room_open, room_close);
}
