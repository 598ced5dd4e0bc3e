/* proc.c - see proc.h. */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"

/* /proc/PID/stat into buf; *ret points behind "(comm) ", at field 3.  The command may hold
 * spaces and parentheses, so the last one counts (proc_pid_stat(5)). */
static int read_stat(pid_t pid, char *buf, size_t n, const char **ret)
{
	AUTO_CLOSE int fd = -1;
	char name[32];
	ssize_t k;
	char *p;

	if (pid <= 0)
		return -ESRCH;
	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	k = fd_read_full(fd, buf, n - 1);
	if (k < 0)
		return (int)k;
	buf[k] = '\0';
	p = strrchr(buf, ')');
	if (!p || p[1] != ' ')
		return -ESRCH;
	*ret = p + 2;
	return 0;
}

int proc_start_time(pid_t pid, uint64_t *ret)
{
	char buf[1024], word[24];
	const char *p;
	size_t n;
	int r;

	r = read_stat(pid, buf, sizeof(buf), &p);
	if (r < 0)
		return r;
	for (int i = 3; i < 22; i++) {
		p = strchr(p, ' ');
		if (!p)
			return -EPROTO;
		p++;
	}
	n = strcspn(p, " \n");
	if (n >= sizeof(word))
		return -EPROTO;
	memcpy(word, p, n);
	word[n] = '\0';
	return str_to_u64(word, ret) < 0 ? -EPROTO : 0;
}

int proc_state(pid_t pid, char *ret)
{
	char buf[1024];
	const char *p;
	int r = read_stat(pid, buf, sizeof(buf), &p);

	if (r < 0)
		return r;
	*ret = *p;
	return 0;
}

int proc_boot_id(char buf[static 37])
{
	struct err e = ERR_INIT;
	char line[64];
	int r = path_read_line(AT_FDCWD, "/proc/sys/kernel/random/boot_id", line, sizeof(line), &e);

	if (r < 0)
		return r;
	if (strlen(line) != 36)
		return -EPROTO;
	memcpy(buf, line, 37);
	return 0;
}

int proc_open(pid_t pid, uint64_t start_time, int *ret_pidfd)
{
	AUTO_CLOSE int fd = -1;
	uint64_t now = 0;
	int r;

	if (pid <= 0)
		return -ESRCH;
	fd = sys_pidfd_open(pid, 0);
	if (fd < 0)
		return errno == EINVAL ? -ESRCH : -errno;	/* EINVAL: a thread's id */
	/* Looked at after it was opened: what fd stands for had this number then or has it. */
	r = proc_start_time(pid, &now);
	if (r < 0)
		return r;
	if (now != start_time)
		return -ESRCH;
	/* Should ours have gone in between, its successor's time was read; that one differs,
	 * or it began within the same tick: then fd is dead and says so. */
	if (sys_pidfd_send_signal(fd, 0, NULL, 0) < 0 && errno != EPERM)
		return -errno;
	*ret_pidfd = TAKE_FD(fd);
	return 0;
}

int proc_kill(pid_t pid, uint64_t start_time, int sig)
{
	AUTO_CLOSE int fd = -1;
	int r = proc_open(pid, start_time, &fd);

	if (r < 0)
		return r;
	return sys_pidfd_send_signal(fd, sig, NULL, 0) < 0 ? -errno : 0;
}

char *proc_self_dir(void)
{
	char buf[4096];
	ssize_t n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);
	char *slash;

	if (n <= 0)
		return mem_strdup("/");
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (!slash || slash == buf)
		return mem_strdup("/");
	return mem_strndup(buf, (size_t)(slash - buf));
}

char *proc_libexec(const char *name)
{
	AUTO_FREE char *dir = proc_self_dir();
	AUTO_FREE char *up = NULL;
	AUTO_FREE char *libexec = NULL;

	/* Programs of libexec look beside themselves. */
	if (str_ends(dir, "/libexec/berth"))
		return path_join(dir, name);
	up = path_join(dir, "../libexec/berth");
	libexec = path_clean(up);
	return path_join(libexec, name);
}

static const struct { const char *name; int sig; } signals[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ILL", SIGILL },
	{ "TRAP", SIGTRAP }, { "ABRT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE },
	{ "KILL", SIGKILL }, { "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE }, { "ALRM", SIGALRM }, { "TERM", SIGTERM }, { "STKFLT", SIGSTKFLT },
	{ "CHLD", SIGCHLD }, { "CONT", SIGCONT }, { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN }, { "TTOU", SIGTTOU }, { "URG", SIGURG }, { "XCPU", SIGXCPU },
	{ "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH },
	{ "IO", SIGIO }, { "PWR", SIGPWR }, { "SYS", SIGSYS },
	/* Second names: found, never given. */
	{ "IOT", SIGIOT }, { "POLL", SIGPOLL }, { "CLD", SIGCHLD },
};

/* Users count from the kernel's 34, where glibc and musl begin after what they keep. */
#define RT_FIRST 34
#define RT_LAST 64

static int parse_realtime(const char *s, int *ret)
{
	bool last = str_starts(s, "RTMAX");
	uint32_t k = 0;

	if (!last && !str_starts(s, "RTMIN"))
		return -EINVAL;
	s += 5;
	if (*s && (*s != (last ? '-' : '+') || str_to_u32(s + 1, &k) < 0 || k > RT_LAST - RT_FIRST))
		return -EINVAL;
	*ret = last ? RT_LAST - (int)k : RT_FIRST + (int)k;
	return 0;
}

int proc_signal_parse(const char *s, int *ret)
{
	char up[16];
	const char *name = up;
	uint32_t number;
	size_t n = strlen(s);

	if (str_to_u32(s, &number) == 0) {
		if (number < 1 || number > RT_LAST)
			return -EINVAL;
		*ret = (int)number;
		return 0;
	}
	if (n >= sizeof(up))
		return -EINVAL;
	for (size_t i = 0; i <= n; i++)
		up[i] = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 'a' + 'A') : s[i];
	if (str_starts(up, "SIG"))
		name = up + 3;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (str_eq(signals[i].name, name)) {
			*ret = signals[i].sig;
			return 0;
		}
	}
	return parse_realtime(name, ret);
}

const char *proc_signal_name(int sig, char buf[static 16])
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (signals[i].sig == sig) {
			snprintf(buf, 16, "%s", signals[i].name);
			return buf;
		}
	}
	if (sig == RT_FIRST || sig == RT_LAST)
		snprintf(buf, 16, sig == RT_FIRST ? "RTMIN" : "RTMAX");
	else if (sig > RT_FIRST && sig < RT_LAST)
		snprintf(buf, 16, "RTMIN+%d", sig - RT_FIRST);
	else
		snprintf(buf, 16, "%d", sig);
	return buf;
}

unsigned proc_kernel_version(void)
{
	unsigned v[2] = { 0, 0 };
	struct utsname u;
	const char *p;

	if (uname(&u) < 0)
		return 0;
	p = u.release;
	for (int i = 0; i < 2; i++) {
		while (*p >= '0' && *p <= '9' && v[i] < 10000)
			v[i] = v[i] * 10 + (unsigned)(*p++ - '0');
		if (*p != '.')
			break;
		p++;
	}
	return v[0] << 16 | v[1];
}
