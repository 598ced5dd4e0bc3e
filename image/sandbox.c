/* sandbox.c - Landlock, capabilities, seccomp: in that order, since each takes from the next. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sched.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/fd.h"
#include "image/sandbox.h"

/* Of headers newer than the oldest that we build with. */
#define FS_REFER (1ull << 13)		/* ABI 2, Linux 5.19 */
#define FS_TRUNCATE (1ull << 14)	/* ABI 3, Linux 6.2 */
#define FS_IOCTL_DEV (1ull << 15)	/* ABI 5, Linux 6.10 */
#define FS_FIRST ((1ull << 13) - 1)	/* ABI 1 */
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define NET_BIND 1ull			/* ABI 4, Linux 6.7 */
#define NET_CONNECT 2ull

/* At the end of a process LeakSanitizer clones another one that stops its threads, and reads /proc:
 * a build with it has so much more within the walls. */
#ifdef __SANITIZE_ADDRESS__
#define LEAK_CHECK true
#define LEAK_CALLS "clone", "getdents", "prctl", "ptrace", "wait4",
#else
#define LEAK_CHECK false
#define LEAK_CALLS
#endif

struct ruleset_attr { uint64_t fs, net; };

static int landlock_rule(int ruleset, int dir, uint64_t access, struct err *e)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = dir };

	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_set(e, errno, "confine: add a Landlock rule");
	return 0;
}

/* Below ABI 2 no hard link may cross directories, which layers need: then without Landlock.
 * read_dir: where may be read, besides. */
static int enter_landlock(int store_fd, int read_dir, bool network, struct err *e)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = { .fs = FS_FIRST | FS_REFER };
	AUTO_CLOSE int ruleset = -1, proc = LEAK_CHECK ? open("/proc", O_PATH | O_CLOEXEC) : -1;
	int r;

	if (abi < 2)
		return 0;
	if (abi >= 3)
		attr.fs |= FS_TRUNCATE;
	if (abi >= 4)
		attr.net = network ? NET_BIND : NET_BIND | NET_CONNECT;
	if (abi >= 5)
		attr.fs |= FS_IOCTL_DEV;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, abi >= 4 ? sizeof(attr) : 8, 0);
	if (ruleset < 0)
		return err_set(e, errno, "confine: make a Landlock ruleset");
	r = landlock_rule(ruleset, store_fd, attr.fs & ~LANDLOCK_ACCESS_FS_EXECUTE, e);
	if (r == 0 && read_dir >= 0)
		r = landlock_rule(ruleset, read_dir, FS_READ, e);
	if (r == 0 && LEAK_CHECK)
		r = landlock_rule(ruleset, proc, FS_READ, e);
	if (r < 0)
		return r;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_set(e, errno, "confine: enter the Landlock ruleset");
	return 0;
}

/* SYS_ADMIN is for trusted.overlay.opaque alone; the seccomp filter keeps all else of it away. */
static const unsigned kept_caps[] = {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_MKNOD,
	CAP_SETFCAP, CAP_SYS_ADMIN,
};

static int drop_caps(uint64_t keep, struct err *e)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	if (syscall(SYS_capget, &h, d) < 0)
		return err_set(e, errno, "confine: read capabilities");
	for (unsigned c = 0; c < 64; c++)
		if (!(keep >> c & 1))
			prctl(PR_CAPBSET_DROP, c, 0, 0, 0); /* fails without SETPCAP: no matter */
	for (unsigned i = 0; i < 2; i++) {
		d[i].permitted &= (uint32_t)(keep >> (32 * i));
		d[i].effective = d[i].permitted;
		d[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &h, d) < 0)
		return err_set(e, errno, "confine: drop capabilities");
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return 0;
}

static const char *const allowed[] = {
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"lseek",
	"_llseek",
	"close",
	"close_range",
	"open",
	"openat",
	"openat2",
	"fstat",
	"fstat64",
	"stat",
	"lstat",
	"newfstatat",
	"fstatat64",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents64",
	"getcwd",
	"mkdir",
	"mkdirat",
	"mknodat",
	"symlinkat",
	"linkat",
	"unlink",
	"unlinkat",
	"rmdir",
	"rename",
	"renameat",
	"renameat2",
	"ftruncate",
	"ftruncate64",
	"fallocate",
	"fchmod",
	"fchmodat",
	"fchown",
	"fchownat",
	"lchown",
	"utimensat",
	"utimensat_time64",
	"setxattr",
	"lsetxattr",
	"fsetxattr",
	"getxattr",
	"lgetxattr",
	"fgetxattr",
	"listxattr",
	"llistxattr",
	"flistxattr",
	"recvmsg",
	"shutdown", /* of the one socket that is there; none can be made */
	"copy_file_range",
	"sendfile",
	"sync_file_range",
	"fsync",
	"fdatasync",
	"syncfs",
	"flock",
	"fcntl",
	"fcntl64",
	"dup",
	"dup3",
	"pipe2",
	"poll",
	"ppoll",
	"umask",
	"fadvise64",
	"mmap",
	"mmap2",
	"munmap",
	"mprotect",
	"mremap",
	"madvise",
	"brk",
	"membarrier",
	"futex",
	"futex_time64",
	"set_robust_list",
	"rseq",
	"set_tid_address",
	"sched_yield",
	"sched_getaffinity",
	"getcpu",
	"exit",
	"exit_group",
	"gettid",
	"getpid",
	"getppid",
	"geteuid",
	"getuid",
	"getegid",
	"getgid",
	"tgkill",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"sigaltstack",
	"restart_syscall",
	"nanosleep",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"clock_gettime",
	"clock_gettime64",
	"gettimeofday",
	"time",
	"getrandom",
	"sysinfo",
	"uname",
	"getrusage",
	"prlimit64",
	"getrlimit",
	LEAK_CALLS
};

static int add_rules(scmp_filter_ctx c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed); i++) {
		int nr = seccomp_syscall_resolve_name(allowed[i]);

		if (nr >= 0)		/* names of other architectures are not here */
			r = seccomp_rule_add(c, SCMP_ACT_ALLOW, nr, 0);
	}
	/* threads, not processes: the flags of clone3 cannot be seen, so it is not there */
	if (r == 0)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (r == 0)
		r = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r == 0)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_EQ, TCGETS));
	if (r == 0)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_EQ, TIOCGWINSZ));
	return r;
}

static int enter_seccomp(struct err *e)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = c ? add_rules(c) : -ENOMEM;

	if (r == 0)
		r = seccomp_load(c);
	seccomp_release(c);
	return r < 0 ? err_set(e, -r, "confine: load the seccomp filter") : 0;
}

int sandbox_enter(int store_fd, int input_dir, struct err *e)
{
	uint64_t keep = 0;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(kept_caps); i++)
		keep |= 1ull << kept_caps[i];

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "confine: set no_new_privs");
	r = enter_landlock(store_fd, input_dir, false, e);
	if (r == 0)
		r = drop_caps(keep, e);
	if (r == 0)
		r = enter_seccomp(e);
	return r;
}

int sandbox_enter_network(int store_fd, struct err *e)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0)
		return err_set(e, errno, "open /");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "confine: set no_new_privs");
	r = enter_landlock(store_fd, root, true, e);
	return r < 0 ? r : drop_caps(0, e);
}
