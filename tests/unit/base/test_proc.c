/* Processes, their identity and their signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"

static pid_t sleeper(void)
{
	int gate[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(gate), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, "a) S (b");
		close(gate[0]);
		close(gate[1]);
		for (;;)
			pause();
	}
	close(gate[1]);
	assert_int_equal(read(gate[0], &c, 1), 0);
	close(gate[0]);
	return pid;
}

static void proc__life__state_time_kill(void **state)
{
	AUTO_CLOSE int fd = -1;
	pid_t pid = sleeper();
	uint64_t t = 0, again = 1;
	int status;
	char s = 0;

	(void)state;
	assert_int_equal(proc_start_time(pid, &t), 0);
	assert_int_equal(proc_start_time(pid, &again), 0);
	assert_true(t > 0 && t == again);
	do
		assert_int_equal(proc_state(pid, &s), 0);
	while (s == 'R');
	assert_int_equal(s, 'S');
	assert_int_equal(proc_open(pid, t + 1, &fd), -ESRCH);
	assert_int_equal(proc_kill(pid, t - 1, SIGKILL), -ESRCH);
	assert_int_equal(proc_open(pid, t, &fd), 0);
	assert_int_equal(proc_kill(pid, t, 0), 0);
	assert_int_equal(proc_kill(pid, t, SIGTERM), 0);
	siginfo_t si;
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_state(pid, &s), 0);
	assert_int_equal(s, 'Z');
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(proc_state(pid, &s), -ESRCH);
	assert_int_equal(proc_kill(pid, t, 0), -ESRCH);
	assert_int_equal(proc_start_time(0, &t), -ESRCH);
	assert_int_equal(proc_kill(-1, t, SIGKILL), -ESRCH);
}

static void proc__machine__plausible(void **state)
{
	char id[37];
	AUTO_FREE char *dir = proc_self_dir(), *prog = proc_libexec("berth-init");

	(void)state;
	assert_int_equal(proc_boot_id(id), 0);
	assert_int_equal(strlen(id), 36);
	assert_true(proc_kernel_version() >= (5 << 16 | 14));
	assert_true(dir[0] == '/' && path_exists(-1, dir));
	assert_true(str_ends(prog, "/libexec/berth/berth-init"));
	assert_null(strstr(prog, ".."));
}

static void proc_signal_parse__cases__numbers(void **state)
{
	static const struct { const char *s; int sig; } good[] = {
		{ "TERM", 15 }, { "SIGTERM", 15 }, { "sigkill", 9 }, { "9", 9 }, { "hup", 1 },
		{ "RTMIN", 34 }, { "sigrtmin+3", 37 }, { "SIGRTMAX", 64 }, { "RTMAX-1", 63 },
		{ "RTMIN+30", 64 }, { "64", 64 }, { "IOT", 6 }, { "POLL", 29 }, { "CLD", 17 },
	};
	static const char *const bad[] = {
		"", "0", "65", "-1", "SIG", "SIGSIGTERM", "TERMX", "RTMIN-1", "RTMAX+1", "RTMIN+31",
		"RTMIN+", "RTMINx", "9999999999999", "a very long name of no signal at all",
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int sig = 0;

		assert_int_equal(proc_signal_parse(good[i].s, &sig), 0);
		assert_int_equal(sig, good[i].sig);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(proc_signal_parse(bad[i], &(int){ 0 }), -EINVAL);
	for (int sig = 1; sig <= 64; sig++) {
		int back = 0;

		assert_int_equal(proc_signal_parse(proc_signal_name(sig, buf), &back), 0);
		assert_int_equal(back, sig);
	}
	assert_string_equal(proc_signal_name(15, buf), "TERM");
	assert_string_equal(proc_signal_name(37, buf), "RTMIN+3");
	assert_string_equal(proc_signal_name(99, buf), "99");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proc__life__state_time_kill),
		cmocka_unit_test(proc__machine__plausible),
		cmocka_unit_test(proc_signal_parse__cases__numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
