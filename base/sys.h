/*
 * sys.h - system calls that a C library lacks or wraps badly, one thin function each.
 *
 * Used by every program, with glibc and musl.  Each returns what the kernel
 * returns, -1 and errno on failure.  A test may define any of these itself: its
 * definition wins at link time (they are weak).
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/openat2.h>
#include <linux/sched.h>

/* From <linux/mount.h>, which cannot be included beside <sys/mount.h> everywhere. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#define OPEN_TREE_CLOEXEC 02000000
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_SYMLINKS 0x01
#define MOVE_MOUNT_F_EMPTY_PATH 0x04
#define MOVE_MOUNT_T_SYMLINKS 0x10
#define MOVE_MOUNT_T_EMPTY_PATH 0x40
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200
#endif
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 1
#define FSPICK_CLOEXEC 1
#define FSPICK_NO_AUTOMOUNT 4
#define FSPICK_EMPTY_PATH 8
#define FSMOUNT_CLOEXEC 1
#define MOUNT_ATTR_RDONLY 0x1
#define MOUNT_ATTR_NOSUID 0x2
#define MOUNT_ATTR_NODEV 0x4
#define MOUNT_ATTR_NOEXEC 0x8
#define MOUNT_ATTR__ATIME 0x70
#define MOUNT_ATTR_RELATIME 0x0
#define MOUNT_ATTR_NOATIME 0x10
#define MOUNT_ATTR_STRICTATIME 0x20
#define MOUNT_ATTR_NODIRATIME 0x80
#define MOUNT_ATTR_IDMAP 0x100000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x200000
#endif
enum sys_fsconfig {
	SYS_FSCONFIG_SET_FLAG = 0,
	SYS_FSCONFIG_SET_STRING = 1,
	SYS_FSCONFIG_SET_BINARY = 2,
	SYS_FSCONFIG_SET_PATH = 3,
	SYS_FSCONFIG_SET_PATH_EMPTY = 4,
	SYS_FSCONFIG_SET_FD = 5,
	SYS_FSCONFIG_CMD_CREATE = 6,
	SYS_FSCONFIG_CMD_RECONFIGURE = 7,
};
struct sys_mount_attr { uint64_t attr_set, attr_clr, propagation, userns_fd; };
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
/* struct clone_args is the kernel's; returns 0 in the child. */
pid_t sys_clone3(struct clone_args *args);
int sys_fsopen(const char *fs, unsigned flags);
int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned flags, unsigned attrs);
int sys_fspick(int dirfd, const char *path, unsigned flags);
int sys_open_tree(int dirfd, const char *path, unsigned flags);
int sys_move_mount(int from, const char *fpath, int to, const char *tpath, unsigned flags);
int sys_mount_setattr(int dirfd, const char *path, unsigned flags, struct sys_mount_attr *attr);
int sys_mount(const char *src, const char *target, const char *fs, unsigned long flags,
	      const void *data);
int sys_umount2(const char *target, int flags);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_pidfd_open(pid_t pid, unsigned flags);
int sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags);
int sys_close_range(unsigned first, unsigned last, unsigned flags);	/* flags: 4 is CLOEXEC */
int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);
int sys_memfd_create(const char *name, unsigned flags);
int sys_setns(int fd, int nstype);
int sys_unshare(int flags);
/* prlimit(2), pid 0 is us.  The C libraries and compilers differ over the type of resource. */
int sys_set_rlimit(pid_t pid, int resource, uint64_t soft, uint64_t hard);
int sys_seccomp(unsigned op, unsigned flags, void *arg);
int sys_keyctl_join(const char *name);
int sys_bpf(int cmd, void *attr, unsigned size);
/* New files are uid's and gid's (setfsuid(2)); capabilities stay, which a change of it takes. */
int sys_set_fsids(uid_t uid, gid_t gid);
/* Our own permitted capabilities, bit N is capability N. */
uint64_t sys_caps_permitted(void);

/* fsopen's log: the last message that the kernel left on fd ("overlay: ..."), or "".  For
 * messages only. */
const char *sys_fs_reason(int fd, char *buf, size_t n);

#endif
