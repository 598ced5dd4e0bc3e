/*
 * builtin.c - the profile that containers get unless told otherwise: what may be called, by
 * reason, and which capability adds what.
 *
 * It allows the same calls as Docker's default profile, so that what runs there runs here.
 * Everything else fails with EPERM, what is younger than the profile with ENOSYS.  Left out on
 * purpose, since there is no namespace for them or they have been ways out of containers:
 * keyctl, kexec, swap, io_uring, userfaultfd, perf, bpf, mounts and new namespaces, modules,
 * clocks, the kernel's log, numa placement, process accounting, obsolete calls.
 */
#include "seccomp/compile.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/socket.h>

/* Numbers up to here have been looked at (removexattrat, Linux 6.13). */
enum { NEWEST = 466 };

#define CAP(c) (UINT64_C(1) << (c))
#define ALWAYS 0

struct group {
	uint64_t any_of;	/* any of these capabilities; ALWAYS */
	const char *names;	/* separated by blanks */
};

/* clang-format off */
static const struct group groups[] = {
	/* files: open, read, write, positions */
	{ ALWAYS, "open openat openat2 creat close close_range read readv pread64 preadv preadv2 "
		  "write writev pwrite64 pwritev pwritev2 lseek _llseek sendfile sendfile64 "
		  "copy_file_range splice tee vmsplice readahead fadvise64 fadvise64_64 "
		  "fallocate truncate truncate64 ftruncate ftruncate64 sync syncfs fsync "
		  "fdatasync sync_file_range cachestat ioctl fcntl fcntl64 flock dup dup2 dup3 "
		  "pipe pipe2 memfd_create memfd_secret name_to_handle_at" },
	/* files: names and attributes */
	{ ALWAYS, "access faccessat faccessat2 stat stat64 lstat lstat64 fstat fstat64 fstatat64 "
		  "newfstatat statx statfs statfs64 fstatfs fstatfs64 statmount listmount "
		  "readlink readlinkat getdents getdents64 getcwd chdir fchdir umask link linkat "
		  "symlink symlinkat unlink unlinkat rename renameat renameat2 mkdir mkdirat "
		  "rmdir mknod mknodat chmod fchmod fchmodat fchmodat2 chown chown32 fchown "
		  "fchown32 fchownat lchown lchown32 utime utimes utimensat utimensat_time64 "
		  "futimesat" },
	{ ALWAYS, "getxattr getxattrat lgetxattr fgetxattr setxattr setxattrat lsetxattr "
		  "fsetxattr listxattr listxattrat llistxattr flistxattr removexattr "
		  "removexattrat lremovexattr fremovexattr" },
	/* waiting for files and events */
	{ ALWAYS, "select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 "
		  "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old "
		  "epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 inotify_init "
		  "inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark io_setup "
		  "io_destroy io_submit io_cancel io_getevents io_pgetevents "
		  "io_pgetevents_time64" },
	/* memory */
	{ ALWAYS, "brk mmap mmap2 munmap mprotect mremap msync madvise mincore mlock mlock2 "
		  "mlockall munlock munlockall mseal membarrier map_shadow_stack "
		  "remap_file_pages pkey_alloc pkey_free pkey_mprotect process_mrelease" },
	/* processes and threads */
	{ ALWAYS, "fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill "
		  "tgkill getpid getppid gettid getpgid getpgrp setpgid getsid setsid "
		  "pidfd_open pidfd_send_signal set_tid_address set_robust_list get_robust_list "
		  "futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue rseq "
		  "restart_syscall prctl seccomp landlock_create_ruleset landlock_add_rule "
		  "landlock_restrict_self get_thread_area set_thread_area uretprobe "
		  "riscv_hwprobe" },
	/* looking into one's own children; before Linux 4.8 ptrace was a way around filters */
	{ ALWAYS, "ptrace process_vm_readv process_vm_writev" },
	/* signals */
	{ ALWAYS, "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn "
		  "rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
		  "sigaltstack sigprocmask sigreturn pause alarm" },
	/* users and groups */
	{ ALWAYS, "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 "
		  "getresuid getresuid32 getresgid getresgid32 getgroups getgroups32 setuid "
		  "setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid "
		  "setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 "
		  "setgroups setgroups32 capget capset" },
	/* time */
	{ ALWAYS, "time times gettimeofday clock_gettime clock_gettime64 clock_getres "
		  "clock_getres_time64 clock_nanosleep clock_nanosleep_time64 nanosleep "
		  "adjtimex clock_adjtime clock_adjtime64 getitimer setitimer timer_create "
		  "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
		  "timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
		  "timerfd_settime timerfd_settime64" },
	/* scheduling, limits, facts about the machine */
	{ ALWAYS, "sched_getaffinity sched_setaffinity sched_getattr sched_setattr "
		  "sched_getparam sched_setparam sched_getscheduler sched_setscheduler "
		  "sched_get_priority_max sched_get_priority_min sched_rr_get_interval "
		  "sched_rr_get_interval_time64 sched_yield getpriority setpriority ioprio_get "
		  "ioprio_set getrlimit ugetrlimit setrlimit prlimit64 getrusage getcpu uname "
		  "sysinfo getrandom" },
	/* sockets; socket(2) itself has rows of its own below */
	{ ALWAYS, "socketcall socketpair bind connect listen accept accept4 shutdown getsockname "
		  "getpeername getsockopt setsockopt send sendto sendmsg sendmmsg recv recvfrom "
		  "recvmsg recvmmsg recvmmsg_time64" },
	/* System V and POSIX queues, semaphores, shared memory */
	{ ALWAYS, "ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
		  "semtimedop_time64 shmat shmctl shmdt shmget mq_open mq_unlink mq_getsetattr "
		  "mq_notify mq_timedreceive mq_timedreceive_time64 mq_timedsend "
		  "mq_timedsend_time64" },
#if defined(__x86_64__)
	{ ALWAYS, "arch_prctl modify_ldt" },
#elif defined(__aarch64__)
	{ ALWAYS, "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush "
		  "set_tls" },
#elif defined(__riscv)
	{ ALWAYS, "riscv_flush_icache" },
#endif

	{ CAP(CAP_DAC_READ_SEARCH), "open_by_handle_at" },
	{ CAP(CAP_SYS_ADMIN), "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick "
		  "lookup_dcookie lsm_get_self_attr lsm_set_self_attr lsm_list_modules mount "
		  "mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd "
		  "setdomainname sethostname setns syslog umount umount2 unshare" },
	{ CAP(CAP_SYS_BOOT), "reboot" },
	{ CAP(CAP_SYS_CHROOT), "chroot" },
	{ CAP(CAP_SYS_MODULE), "init_module finit_module delete_module" },
	{ CAP(CAP_SYS_PACCT), "acct" },
	{ CAP(CAP_SYS_PTRACE), "kcmp pidfd_getfd process_madvise" },
	{ CAP(CAP_SYS_RAWIO), "iopl ioperm" },
	{ CAP(CAP_SYS_TIME), "settimeofday stime clock_settime clock_settime64" },
	{ CAP(CAP_SYS_TTY_CONFIG), "vhangup" },
	{ CAP(CAP_SYS_NICE), "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },
	{ CAP(CAP_SYSLOG), "syslog" },
	{ CAP(CAP_BPF), "bpf" },
	{ CAP(CAP_PERFMON), "perf_event_open" },
};

/* A call that is allowed when its first argument is one of a range, or has none of some bits. */
struct guarded {
	uint64_t none_of;	/* only without these capabilities */
	const char *name;
	enum filter_op op;
	uint64_t value, value_two;
};

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		    CLONE_NEWPID | CLONE_NEWNET)

static const struct guarded guarded[] = {
	/* Families of sockets.  Not: DECnet, Econet, ATMSVC, IrDA, WANPIPE, ISDN, CAIF, the
	 * kernel's cryptography (AF_ALG) and AF_VSOCK, which reaches the host past every
	 * network namespace. */
	{ 0, "socket", FILTER_OP_LT, AF_DECnet },
	{ 0, "socket", FILTER_OP_EQ, AF_NETBEUI },
	{ 0, "socket", FILTER_OP_EQ, AF_SECURITY },
	{ 0, "socket", FILTER_OP_EQ, AF_KEY },
	{ 0, "socket", FILTER_OP_EQ, AF_NETLINK },
	{ 0, "socket", FILTER_OP_EQ, AF_PACKET },
	{ 0, "socket", FILTER_OP_EQ, AF_ASH },
	{ 0, "socket", FILTER_OP_EQ, AF_RDS },
	{ 0, "socket", FILTER_OP_EQ, AF_SNA },
	{ 0, "socket", FILTER_OP_EQ, AF_PPPOX },
	{ 0, "socket", FILTER_OP_EQ, AF_LLC },
	{ 0, "socket", FILTER_OP_EQ, AF_IB },
	{ 0, "socket", FILTER_OP_EQ, AF_MPLS },
	{ 0, "socket", FILTER_OP_EQ, AF_CAN },
	{ 0, "socket", FILTER_OP_EQ, AF_TIPC },
	{ 0, "socket", FILTER_OP_EQ, AF_BLUETOOTH },
	{ 0, "socket", FILTER_OP_EQ, AF_IUCV },
	{ 0, "socket", FILTER_OP_EQ, AF_RXRPC },
	{ 0, "socket", FILTER_OP_EQ, AF_PHONET },
	{ 0, "socket", FILTER_OP_EQ, AF_IEEE802154 },
	{ 0, "socket", FILTER_OP_EQ, AF_NFC },
	{ 0, "socket", FILTER_OP_EQ, AF_KCM },
	{ 0, "socket", FILTER_OP_EQ, AF_QIPCRTR },
	{ 0, "socket", FILTER_OP_EQ, AF_SMC },
	{ 0, "socket", FILTER_OP_EQ, AF_XDP },
	{ 0, "socket", FILTER_OP_EQ, 45 /* AF_MCTP */ },
	/* Personalities: Linux, Linux for 32 bits, the two with UNAME26, and the question. */
	{ 0, "personality", FILTER_OP_EQ, PER_LINUX },
	{ 0, "personality", FILTER_OP_EQ, PER_LINUX32 },
	{ 0, "personality", FILTER_OP_EQ, UNAME26 },
	{ 0, "personality", FILTER_OP_EQ, UNAME26 | PER_LINUX32 },
	{ 0, "personality", FILTER_OP_EQ, 0xffffffff },
	/* Threads and processes, but no new namespaces. */
	{ CAP(CAP_SYS_ADMIN), "clone", FILTER_OP_MASKED_EQ, NAMESPACES, 0 },
};
/* clang-format on */

uint32_t builtin_newest(void)
{
	return NEWEST;
}

uint64_t builtin_relevant(uint64_t caps)
{
	uint64_t all = 0;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		all |= groups[i].any_of;
	for (size_t i = 0; i < ARRAY_SIZE(guarded); i++)
		all |= guarded[i].none_of;
	return caps & all;
}

static char **split_names(struct arena *a, const char *names)
{
	char *copy = arena_strdup(a, names), *save, *name;
	size_t n = 2, i = 0;
	char **v;

	for (const char *p = names; *p; p++)
		n += *p == ' ';
	v = arena_array(a, n, sizeof(*v));
	for (name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save))
		v[i++] = name;
	return v;
}

const struct filter_profile *builtin_expand(struct arena *a, uint64_t caps)
{
	struct filter_profile *p = arena_alloc(a, sizeof(*p));
	const struct sysnames_arch *arch;
	size_t n = 0;

	p->default_action = SECCOMP_RET_ERRNO;
	p->default_errno = (struct json_opt_u32){ true, EPERM };
	p->archs = arena_array(a, 4, sizeof(*p->archs));
	for (size_t i = 0; (arch = sysnames_runnable(i)); i++)
		p->archs[i] = arena_strdup(a, arch->oci);
	p->rules = arena_array(a, ARRAY_SIZE(groups) + ARRAY_SIZE(guarded) + 1, sizeof(*p->rules));
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (!groups[i].any_of || (groups[i].any_of & caps))
			p->rules[n++] = (struct filter_rule){
				.names = split_names(a, groups[i].names),
				.action = SECCOMP_RET_ALLOW,
			};
	for (size_t i = 0; i < ARRAY_SIZE(guarded); i++) {
		const struct guarded *g = &guarded[i];
		struct filter_arg *arg;

		if (g->none_of & caps)
			continue;
		arg = arena_alloc(a, sizeof(*arg));
		*arg = (struct filter_arg){ 0, g->op, g->value, g->value_two };
		p->rules[n++] = (struct filter_rule){ .names = split_names(a, g->name),
						      .action = SECCOMP_RET_ALLOW,
						      .nargs = 1, .args = arg };
	}
	/* Its flags lie in memory, where no filter sees them; C libraries fall back to clone. */
	if (!(caps & CAP(CAP_SYS_ADMIN)))
		p->rules[n++] = (struct filter_rule){ .names = split_names(a, "clone3"),
						      .action = SECCOMP_RET_ERRNO,
						      .errno_ret = { true, ENOSYS } };
	p->nrules = n;
	return p;
}

struct filter_profile *filter_profile_builtin(struct arena *a, uint64_t caps)
{
	struct filter_profile *p = arena_alloc(a, sizeof(*p));

	p->builtin = true;
	p->builtin_caps = caps;
	p->default_action = SECCOMP_RET_ERRNO;
	p->default_errno = (struct json_opt_u32){ true, EPERM };
	return p;
}
