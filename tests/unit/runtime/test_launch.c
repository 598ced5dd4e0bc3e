/* test_launch.c - real births: what the process finds, and what a failure says. */
#include "tests/unit/runtime/birth_room.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/sys.h"

static void birth__plain__is_isolated(void **state)
{
	struct room_birth b;

	(void)state;
	room_lives(&b,
		   &(struct room_spec){ .script = "echo pid $$; hostname; ls /sys/class/net; cat "
						  "/proc/self/status; ls /proc; "
						  "readlink /proc/1/exe; echo fds: $(ls "
						  "/proc/self/fd); grep -c . /proc/self/mountinfo; "
						  "cat /proc/1/comm" });
	assert_int_equal(b.status, 0);
	assert_said(&b, "pid 1\ninside\nlo\n");
	assert_said(&b, "CapInh:\t0000000000000000");
	assert_said(&b, "CapEff:\t0000000000000000");
	assert_said(&b, "CapBnd:\t0000000000000000");
	assert_said(&b, "fds: 0 1 2 3\n");	/* 3 is ls's own */
	assert_said(&b, "/bin/busybox");
}

static void birth__devices__are_there(void **state)
{
	struct room_birth b;

	(void)state;
	room_lives(&b, &(struct room_spec){
			       .script = "stat -c '%n %t:%T %a %F' /dev/null /dev/zero /dev/full "
					 "/dev/random /dev/urandom "
					 "/dev/tty /dev/fuse; readlink /dev/fd /dev/stdin "
					 "/dev/stdout /dev/stderr /dev/ptmx; "
					 "for l in fd stdin ptmx; do readlink /dev/$l; done; echo "
					 "x > /dev/null && echo ok",
			       .linux_ = ",\"devices\":[{\"path\":\"/dev/"
					 "fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,"
					 "\"fileMode\":438,\"uid\":3,\"gid\":4}]" });
	assert_said(&b, "/dev/null 1:3 666 character special file");
	assert_said(&b, "/dev/tty 5:0 666");
	assert_said(&b, "/dev/fuse a:e5 666");
	assert_said(&b, "/proc/self/fd\n");
	assert_said(&b, "pts/ptmx\n");
	assert_said(&b, "ok");
}

static void birth__masks__cover_files_and_folders(void **state)
{
	struct room_birth b;

	(void)state;
	room_lives(&b,
		   &(struct room_spec){
			   .script =
				   "wc -c < /proc/timer_list; ls /proc/fs /sys/firmware | grep -v "
				   ": | grep -c .; "
				   "echo 1 > /proc/sys/kernel/panic; echo x > /proc/fs/y; echo end",
			   .caps = "\"CAP_SYS_ADMIN\",\"CAP_DAC_OVERRIDE\"",
			   .linux_ = ",\"maskedPaths\":[\"/proc/timer_list\",\"/proc/fs\",\"/sys/"
				     "firmware\",\"/none\"],"
				     "\"readonlyPaths\":[\"/proc/sys\",\"/none\"]" });
	assert_said(&b, "0\n0\n");
	assert_said(&b, "Read-only file system");
	assert_said(&b, "end");
}

static void birth__user__has_exactly_its_ids(void **state)
{
	struct room_birth b;

	(void)state;
	room_lives(&b, &(struct room_spec){
			       .script = "id; umask; pwd; echo $HOME; grep Cap /proc/self/status",
			       .caps = "\"CAP_CHOWN\"",
			       .process = ",\"user\":{\"uid\":1000,\"gid\":1001,\"additionalGids\":"
					  "[7],\"umask\":23}",
			       .cwd = "/made/for/it" });
	assert_said(&b, "uid=1000(u) gid=1001 groups=7");
	assert_said(&b, "0027\n/made/for/it\n/home/u\n");
	assert_said(&b, "CapInh:\t0000000000000000");
	assert_said(&b, "CapBnd:\t0000000000000001");
	assert_said(&b, "CapAmb:\t0000000000000000");
}

static void birth__missing_program__is_127(void **state)
{
	struct room_birth b;

	(void)state;
	assert_true(room_run(&b, &(struct room_spec){ .args = "[\"nothing\"]" }) < 0);
	assert_string_equal(b.e.msg, "exec: \"nothing\": executable file not found in $PATH");
	assert_int_equal(b.e.status, 127);
	assert_true(room_run(&b, &(struct room_spec){ .args = "[\"/bin/nothing\"]" }) < 0);
	assert_failed(&b, "exec: \"/bin/nothing\": stat /bin/nothing: no such file or directory");
	assert_int_equal(b.e.status, 127);
}

static void birth__not_executable__is_126(void **state)
{
	struct room_birth b;

	(void)state;
	assert_true(room_run(&b, &(struct room_spec){ .args = "[\"/etc/passwd\"]" }) < 0);
	assert_failed(&b, "exec: \"/etc/passwd\": permission denied");
	assert_int_equal(b.e.status, 126);
	room_shell("echo garbage > %s/root/bin/garbage; chmod 755 %s/root/bin/garbage", room, room);
	assert_true(room_run(&b, &(struct room_spec){ .args = "[\"garbage\"]" }) < 0);
	assert_failed(&b, "exec /bin/garbage: Exec format error");
	assert_int_equal(b.e.status, 126);
}

static void birth__terminal__is_the_containers_own(void **state)
{
	struct room_birth b;

	(void)state;
	room_lives(&b, &(struct room_spec){
		.script = "tty; stty size; stat -c '%t:%T %u' /dev/console; sleep 0.1",
		.process = ",\"terminal\":true,\"consoleSize\":{\"height\":33,\"width\":77},"
			   "\"user\":{\"uid\":1000,\"gid\":1000}" });
	assert_said(&b, "/dev/pts/0\r\n33 77\r\n88:0 1000");
}

/* A device that the host has not by that name, for a container in a user namespace. */
static void birth__user_namespace__gets_devices_made(void **state)
{
	struct room_birth b;

	(void)state;
	room_lives(&b,
		   &(struct room_spec){ .script = "stat -c '%n %t:%T %a %u:%g' /dev/other "
						  "/dev/sub/two; echo x > /dev/other && echo "
						  "works; mount | grep -c 'on /dev '",
					.namespaces = ROOM_NAMESPACES ",{\"type\":\"user\"}",
					.linux_ = ",\"devices\":[{\"path\":\"/dev/"
						  "other\",\"type\":\"c\",\"major\":1,\"minor\":3,"
						  "\"fileMode\":384,\"uid\":3,\"gid\":4},{\"path\":"
						  "\"/dev/sub/two\",\"type\":\"c\","
						  "\"major\":1,\"minor\":5}],"
						  "\"uidMappings\":[{\"containerID\":0,\"hostID\":"
						  "70000,\"size\":1000}],"
						  "\"gidMappings\":[{\"containerID\":0,\"hostID\":"
						  "70000,\"size\":1000}]",
					.caps = "\"CAP_DAC_OVERRIDE\"" });
	assert_said(&b, "/dev/other 1:3 600 3:4\n/dev/sub/two 1:5 666 0:0\nworks\n1\n");
}

static void birth__user_namespace__maps_and_keeps_devices(void **state)
{
	struct room_birth b;

	(void)state;
	room_shell("chmod 777 %s/root/tmp", room);
	room_lives(&b, &(struct room_spec){ .script = "cat /proc/self/uid_map; echo x > /dev/null "
						      "&& echo null; ulimit -n; touch /tmp/f && "
						      "stat -c %u /tmp/f; id -u",
					    .process = ",\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
						       "\"soft\":500,\"hard\":600}]",
					    .namespaces = ROOM_NAMESPACES ",{\"type\":\"user\"}",
					    .linux_ = ",\"uidMappings\":[{\"containerID\":0,"
						      "\"hostID\":70000,\"size\":1000}],"
						      "\"gidMappings\":[{\"containerID\":0,"
						      "\"hostID\":70000,\"size\":1000}]" });
	assert_said(&b, "70000       1000\nnull\n500\n0\n0\n");
	room_shell("test $(stat -c %%u %s/root/tmp/f) = 70000 && rm %s/root/tmp/f", room, room);
}

/* A mapping without a root: set-up runs as whoever is mapped. */
static void birth__user_namespace_without_root__works(void **state)
{
	struct room_birth b;

	(void)state;
	room_lives(&b, &(struct room_spec){
		.script = "id -u; cat /proc/self/uid_map",
		.process = ",\"user\":{\"uid\":1000,\"gid\":1000}",
		.namespaces = ROOM_NAMESPACES ",{\"type\":\"user\"}",
		.linux_ = ",\"uidMappings\":[{\"containerID\":1000,\"hostID\":70000,\"size\":1}],"
			  "\"gidMappings\":[{\"containerID\":1000,\"hostID\":70000,\"size\":1}]" });
	assert_said(&b, "1000\n");
}

static void birth__unmapped_user__is_refused(void **state)
{
	struct room_birth b;

	(void)state;
	assert_true(room_run(&b, &(struct room_spec){
					 .process = ",\"user\":{\"uid\":4000,\"gid\":0}",
					 .namespaces = ROOM_NAMESPACES ",{\"type\":\"user\"}",
					 .linux_ = ",\"uidMappings\":[{\"containerID\":0,"
						   "\"hostID\":70000,\"size\":10}],"
						   "\"gidMappings\":[{\"containerID\":0,\"hostID\":"
						   "70000,\"size\":10}]" }) < 0);
	assert_string_equal(b.e.msg, "process.user.uid 4000 is not mapped");
}

static void birth__sysctl_and_scores__are_set(void **state)
{
	struct room_birth b;

	(void)state;
	room_lives(&b, &(struct room_spec){
			       .script = "cat /proc/sys/net/ipv4/ip_forward "
					 "/proc/sys/kernel/shmmax /proc/self/oom_score_adj; "
					 "cat /proc/uptime",
			       .process = ",\"oomScoreAdj\":321",
			       .namespaces = ROOM_NAMESPACES ",{\"type\":\"time\"}",
			       .linux_ = ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\",\"kernel."
					 "shmmax\":\"123456\"},"
					 "\"timeOffsets\":{\"boottime\":{\"secs\":99000000}},"
					 "\"readonlyPaths\":[\"/proc/sys\"]" });
	assert_said(&b, "1\n123456\n321\n99");
}

static void birth__filter__is_on(void **state)
{
	static const char profile[] =
		",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{"
		"\"names\":[\"mkdir\",\"mkdirat\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":122}]"
		"}";
	struct room_birth b;

	(void)state;
	/* Without no_new_privs it is installed before the capabilities go. */
	for (int nnp = 0; nnp < 2; nnp++) {
		room_lives(&b, &(struct room_spec){
			.script = "mkdir /tmp/x; grep -e Seccomp: -e NoNew /proc/self/status",
			.process = nnp ? ",\"noNewPrivileges\":true" : ",\"noNewPrivileges\":false",
			.linux_ = profile });
		assert_said(&b, "Disk quota exceeded");
		assert_said(&b, "Seccomp:\t2");
		assert_said(&b, nnp ? "NoNewPrivs:\t1" : "NoNewPrivs:\t0");
	}
}

static void birth__notify__hands_over_a_listener(void **state)
{
	struct room_birth b;

	(void)state;
	room_prepare(&b, &(struct room_spec){ .process = ",\"noNewPrivileges\":true",
					      .linux_ = ",\"seccomp\":{\"defaultAction\":\"SCMP_"
							"ACT_ALLOW\",\"listenerPath\":\"/x\","
							"\"syscalls\":[{\"names\":[\"mkdir\"],"
							"\"action\":\"SCMP_ACT_NOTIFY\"}]}" });
	assert_int_equal(room_launch(&b), 0);
	assert_true(b.l.seccomp_notify >= 0);
	close(b.l.seccomp_notify);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	room_clear(&b);
}

static void birth__inherited__is_what_was_named(void **state)
{
	struct room_birth b;
	int keep;

	(void)state;
	sys_close_range(3, ~0u, 0);	/* what the runner left open */
	keep = open("/etc/hostname", O_RDONLY);
	assert_int_equal(keep, 3);	/* nothing else is open */
	room_prepare(&b, &(struct room_spec){
				 .script = "echo fds $(ls /proc/self/fd); echo $LISTEN_FDS "
					   "$LISTEN_PID; cat <&3 > /dev/null && echo read" });
	b.o.preserve_fds = b.o.listen_fds = 1;
	assert_int_equal(room_launch(&b), 0);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_string_equal(b.said, "fds 0 1 2 3 4\n1 1\nread\n");
	room_clear(&b);
	/* More than there are: what is ours in that range does not get in. */
	room_prepare(&b, &(struct room_spec){ .script = "echo fds $(ls /proc/self/fd)" });
	b.o.preserve_fds = 100;
	assert_int_equal(room_launch(&b), 0);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_string_equal(b.said, "fds 0 1 2 3 4\n");
	room_clear(&b);
	close(keep);
}

static void birth__notify_socket__is_reachable(void **state)
{
	struct room_birth b;
	char path[96], file[96];
	int sock;

	(void)state;
	snprintf(path, sizeof(path), "%s/notify", room);
	snprintf(file, sizeof(file), "%s/notify/notify", room);
	assert_int_equal(mkdir(path, 0755), 0);
	{
		struct { unsigned short family; char path[100]; } a = { AF_UNIX, { 0 } };

		sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		snprintf(a.path, sizeof(a.path), "%s", file);
		assert_int_equal(bind(sock, (struct sockaddr *)&a, sizeof(a)), 0);
	}
	room_prepare(&b, &(struct room_spec){
				 .script = "echo $NOTIFY_SOCKET; test -S $NOTIFY_SOCKET && echo "
					   "socket; touch /run/their/socket/x || echo read-only" });
	b.o.sd_notify = "/run/their/socket";
	b.o.sd_notify_dir = path;
	if (room_launch(&b) < 0)
		fail_msg("%s", b.e.msg);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_said(&b, "/run/their/socket/notify\nsocket\n");
	assert_said(&b, "read-only\n");
	room_clear(&b);
	close(sock);
	unlink(file);
	rmdir(path);
}

/* ---- the gate ---- */

static int ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 30000);
}

static void gate__start__comes_to_the_socket(void **state)
{
	struct room_birth b;
	int dir, gate, conn;

	(void)state;
	dir = open(room, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	room_prepare(&b, &(struct room_spec){ .script = "echo started" });
	assert_int_equal(fd_unix_listen(dir, "gate", SOCK_SEQPACKET, &gate, &b.e), 0);
	b.o.gate_fd = gate;
	assert_int_equal(room_launch(&b), 0);
	close(gate);
	assert_int_equal(launch_keep(&b.l, &b.e), 0);
	assert_int_equal(b.l.sync, -1);
	/* One who goes away again opens nothing. */
	assert_int_equal(fd_unix_connect(dir, "gate", SOCK_SEQPACKET, &conn, &b.e), 0);
	close(conn);
	assert_int_equal(fd_unix_connect(dir, "gate", SOCK_SEQPACKET, &conn, &b.e), 0);
	assert_int_equal(launch_gate_open(conn, &b.e), 0);
	close(conn);
	room_finish(&b);
	assert_string_equal(b.said, "started\n");
	room_clear(&b);
	unlinkat(dir, "gate", 0);
	close(dir);
}

static void gate__creator_dies_before_the_record__init_ends(void **state)
{
	struct room_birth b;
	int dir, gate;

	(void)state;
	dir = open(room, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	room_prepare(&b, &(struct room_spec){ .script = "echo started" });
	assert_int_equal(fd_unix_listen(dir, "gate2", SOCK_SEQPACKET, &gate, &b.e), 0);
	b.o.gate_fd = gate;
	assert_int_equal(room_launch(&b), 0);
	close(gate);
	fd_close(&b.l.sync);	/* as the kernel does for one who is killed */
	assert_int_equal(ended(b.l.pidfd), 1);
	room_finish(&b);
	assert_string_equal(b.said, "");
	room_clear(&b);
	unlinkat(dir, "gate2", 0);
	close(dir);
}

static void gate__abort__leaves_no_process(void **state)
{
	struct room_birth b;
	pid_t pid;

	(void)state;
	room_prepare(&b, &(struct room_spec){ .script = "echo started" });
	assert_int_equal(room_launch(&b), 0);
	pid = b.l.pid;
	assert_int_equal(kill(pid, 0), 0);
	launch_abort(&b.l);
	assert_int_equal(kill(pid, 0), -1);
	launch_abort(&b.l);
	room_clear(&b);
}

/* ---- hooks and the host's turns ---- */

static int turns;

static int network_turn(void *ctx, const struct launch *l, struct err *e)
{
	(void)ctx;
	(void)e;
	assert_true(l->pid > 0 && l->pidfd >= 0);
	turns |= 1;
	return 0;
}

static int mounts_turn(void *ctx, const struct launch *l, struct err *e)
{
	(void)l;
	turns |= 2;
	return ctx ? err_say(e, EPERM, "the host says no") : 0;
}

static void write_state(void *ctx, const struct launch *l, const char *status, struct strbuf *b)
{
	(void)ctx;
	strbuf_addf(b, "{\"pid\":%d,\"status\":\"%s\"}", (int)l->pid, status);
}

static void hooks__inside__see_state_and_namespaces(void **state)
{
	char top[1024], want[64];
	struct room_birth b;

	(void)state;
	snprintf(top, sizeof(top),
		 ",\"hooks\":{\"createContainer\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\","
		 "\"cat > %s/host/create; echo $(ls -d %s/root/proc/self) >> %s/host/create; cat "
		 "/proc/self/mountinfo > "
		 "%s/host/mounts\"]}],\"startContainer\":[{\"path\":\"/bin/"
		 "sh\",\"args\":[\"sh\",\"-c\","
		 "\"cat > /tmp/start; hostname >> /tmp/start\"]}]}",
		 room, room, room, room);
	turns = 0;
	room_prepare(&b,
		     &(struct room_spec){ .script = "cat /tmp/start; rm /tmp/start", .top = top });
	b.o.namespaces_ready = network_turn;
	b.o.mounts_ready = mounts_turn;
	b.o.state_write = write_state;
	assert_int_equal(room_launch(&b), 0);
	snprintf(want, sizeof(want), "{\"pid\":%d,\"status\":\"created\"}inside\n", (int)b.l.pid);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_int_equal(turns, 3);
	assert_string_equal(b.said, want);
	room_shell("grep -q '\"status\":\"creating\"' %s/host/create && grep -q %s/root/proc/self "
		   "%s/host/create",
		   room, room, room);
	room_clear(&b);
}

static void hooks__failing__end_the_birth(void **state)
{
	struct room_birth b;

	(void)state;
	assert_true(room_run(&b, &(struct room_spec){
					 .top = ",\"hooks\":{\"createContainer\":[{\"path\":\"/bin/"
						"sh\",\"args\":[\"sh\",\"-c\","
						"\"echo sorry >&2; exit 3\"]}]}" }) < 0);
	assert_string_equal(b.e.msg,
			    "error running createContainer hook #0: /bin/sh: exit status 3; sorry");
	assert_true(room_run(&b, &(struct room_spec){
					 .top = ",\"hooks\":{\"createContainer\":[{\"path\":\"/bin/"
						"sleep\",\"args\":[\"sleep\",\"9\"],"
						"\"timeout\":1}]}" }) < 0);
	assert_string_equal(b.e.msg, "error running createContainer hook #0: /bin/sleep: "
				     "took longer than its 1 s and was killed");
}

static void hooks__host_says_no__leaves_nothing(void **state)
{
	struct room_birth b;

	(void)state;
	room_prepare(&b, &(struct room_spec){ .script = "echo started" });
	b.o.mounts_ready = mounts_turn;
	b.o.ctx = &b;
	assert_true(room_launch(&b) < 0);
	assert_string_equal(b.e.msg, "the host says no");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	room_clear(&b);
}

/* ---- --init ---- */

static void pid1__init__reaps_and_passes_on(void **state)
{
	struct room_birth b;

	(void)state;
	room_prepare(&b,
		     &(struct room_spec){ .script = "echo me $$; cat /proc/1/comm; (sleep 0.1 &) ; "
						    "trap 'echo caught; exit 9' TERM; "
						    "echo ready; while :; do sleep 0.05; done" });
	b.o.run_pid1 = true;
	assert_int_equal(room_launch(&b), 0);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	while (!strstr(b.said, "ready"))
		assert_true(read(b.out, b.said + strlen(b.said), 200) > 0);
	assert_said(&b, "me 2\ninit\n");
	kill(b.l.pid, SIGTERM);
	room_finish(&b);
	assert_said(&b, "caught");
	assert_true(WIFEXITED(b.status));
	assert_int_equal(WEXITSTATUS(b.status), 9);
	room_clear(&b);
}

static void pid1__killed_child__is_128_and_signal(void **state)
{
	struct room_birth b;

	(void)state;
	room_prepare(&b, &(struct room_spec){ .script = "kill -9 $$" });
	b.o.run_pid1 = true;
	assert_int_equal(room_launch(&b), 0);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_int_equal(WEXITSTATUS(b.status), 137);
	room_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(birth__plain__is_isolated),
		cmocka_unit_test(birth__devices__are_there),
		cmocka_unit_test(birth__masks__cover_files_and_folders),
		cmocka_unit_test(birth__user__has_exactly_its_ids),
		cmocka_unit_test(birth__missing_program__is_127),
		cmocka_unit_test(birth__not_executable__is_126),
		cmocka_unit_test(birth__terminal__is_the_containers_own),
		cmocka_unit_test(birth__user_namespace__gets_devices_made),
		cmocka_unit_test(birth__user_namespace__maps_and_keeps_devices),
		cmocka_unit_test(birth__user_namespace_without_root__works),
		cmocka_unit_test(birth__unmapped_user__is_refused),
		cmocka_unit_test(birth__sysctl_and_scores__are_set),
		cmocka_unit_test(birth__filter__is_on),
		cmocka_unit_test(birth__notify__hands_over_a_listener),
		cmocka_unit_test(birth__inherited__is_what_was_named),
		cmocka_unit_test(birth__notify_socket__is_reachable),
		cmocka_unit_test(gate__start__comes_to_the_socket),
		cmocka_unit_test(gate__creator_dies_before_the_record__init_ends),
		cmocka_unit_test(gate__abort__leaves_no_process),
		cmocka_unit_test(hooks__inside__see_state_and_namespaces),
		cmocka_unit_test(hooks__failing__end_the_birth),
		cmocka_unit_test(hooks__host_says_no__leaves_nothing),
		cmocka_unit_test(pid1__init__reaps_and_passes_on),
		cmocka_unit_test(pid1__killed_child__is_128_and_signal),
	};

	if (!room_usable()) {
		print_message("skipped: needs root and /bin/busybox\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, room_open, room_close);
}
