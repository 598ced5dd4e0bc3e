/* sys.c - see sys.h.  Every function is weak, so that a test can put its own in its place. */
#include "base/sys.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

WEAK int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

WEAK pid_t sys_clone3(struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

WEAK int sys_fsopen(const char *fs, unsigned flags)
{
	return (int)syscall(SYS_fsopen, fs, flags);
}

WEAK int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}

WEAK int sys_fsmount(int fd, unsigned flags, unsigned attrs)
{
	return (int)syscall(SYS_fsmount, fd, flags, attrs);
}

WEAK int sys_fspick(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_fspick, dirfd, path, flags);
}

WEAK int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

WEAK int sys_move_mount(int from, const char *fpath, int to, const char *tpath, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from, fpath, to, tpath, flags);
}

WEAK int sys_mount_setattr(int dirfd, const char *path, unsigned flags, struct sys_mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}

WEAK int sys_mount(const char *src, const char *target, const char *fs, unsigned long flags,
		   const void *data)
{
	return (int)syscall(SYS_mount, src, target, fs, flags, data);
}

WEAK int sys_umount2(const char *target, int flags)
{
	return (int)syscall(SYS_umount2, target, flags);
}

WEAK int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

WEAK int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

WEAK int sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, info, flags);
}

WEAK int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

WEAK int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[],
		      int flags)
{
	return (int)syscall(SYS_execveat, dirfd, path, argv, envp, flags);
}

WEAK int sys_memfd_create(const char *name, unsigned flags)
{
	return (int)syscall(SYS_memfd_create, name, flags);
}

WEAK int sys_setns(int fd, int nstype)
{
	return (int)syscall(SYS_setns, fd, nstype);
}

WEAK int sys_unshare(int flags)
{
	return (int)syscall(SYS_unshare, flags);
}

WEAK int sys_set_rlimit(pid_t pid, int resource, uint64_t soft, uint64_t hard)
{
	uint64_t limit[2] = { soft, hard };	/* struct rlimit64 */

	return (int)syscall(SYS_prlimit64, pid, resource, limit, NULL);
}

WEAK int sys_seccomp(unsigned op, unsigned flags, void *arg)
{
	return (int)syscall(SYS_seccomp, op, flags, arg);
}

WEAK int sys_keyctl_join(const char *name)
{
	return (int)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0);
}

WEAK int sys_bpf(int cmd, void *attr, unsigned size)
{
	return (int)syscall(SYS_bpf, cmd, attr, size);
}

WEAK int sys_set_fsids(uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	if (syscall(SYS_capget, &h, d) < 0)
		return -1;
	setfsgid(gid);
	setfsuid(uid);
	if (setfsgid((gid_t)-1) != (int)gid || setfsuid((uid_t)-1) != (int)uid) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_capset, &h, d);
}

WEAK uint64_t sys_caps_permitted(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	if (syscall(SYS_capget, &h, d) < 0)
		return 0;
	return d[0].permitted | (uint64_t)d[1].permitted << 32;
}

WEAK const char *sys_fs_reason(int fd, char *buf, size_t n)
{
	int keep = errno;
	char line[512];
	ssize_t k;

	buf[0] = '\0';
	/* One message a read(2), "e text\n", "w text\n" or "i text\n"; ENODATA behind the last. */
	while ((k = read(fd, line, sizeof(line) - 1)) > 0) {
		char *text = line;

		while (k > 0 && line[k - 1] == '\n')
			k--;
		line[k] = '\0';
		if (k > 2 && line[1] == ' ')
			text += 2;
		if (buf[0] && line[0] != 'e')
			continue;	/* an error says more than the warning behind it */
		k = (ssize_t)strnlen(text, n - 1);
		memcpy(buf, text, (size_t)k);
		buf[k] = '\0';
	}
	errno = keep;
	return buf;
}
