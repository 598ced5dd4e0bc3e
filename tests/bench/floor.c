/*
 * floor.c - the least that a full container can cost: the kernel's part of it alone.
 *
 *	floor ROOT SCRATCH CGROUP [nonet]
 *
 * ROOT holds a static /bin/true and /proc, /sys, /dev; SCRATCH holds upper, work and
 * root; CGROUP is a folder of cgroup v2 that is made and removed.  No parser, no
 * image, no record, no filter: clone3, mounts, pivot_root, execve, wait, rmdir, one
 * after the other.  Whatever berth takes on top is berth's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void try(int rc, const char *what)
{
	if (rc < 0)
		die(what);
}

static void mount_devices(void)
{
	static const struct { const char *name; unsigned major, minor; } nodes[] = {
		{ "dev/null", 1, 3 }, { "dev/zero", 1, 5 }, { "dev/full", 1, 7 },
		{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
	};
	static const char *const links[][2] = {
		{ "/proc/self/fd", "dev/fd" }, { "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
		{ "pts/ptmx", "dev/ptmx" },
	};

	try(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k"), "dev");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		try(mknod(nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)),
		    nodes[i].name);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		try(symlink(links[i][0], links[i][1]), links[i][1]);
	mkdir("dev/pts", 0755);
	try(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0666,mode=0620,gid=5"), "devpts");
	mkdir("dev/shm", 0755);
	try(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV,
		  "mode=1777,size=65536k"), "shm");
	mkdir("dev/mqueue", 0755);
	try(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL),
	    "mqueue");
}

static void cover_paths(void)
{
	static const char *const files[] = { "proc/kcore", "proc/keys", "proc/timer_list",
					     "proc/latency_stats", "proc/sched_debug" };
	static const char *const dirs[] = { "proc/acpi", "proc/scsi", "sys/firmware",
					    "sys/devices/virtual/powercap" };
	static const char *const readonly[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys",
						"proc/sysrq-trigger" };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (access(files[i], F_OK) == 0)
			try(mount("dev/null", files[i], NULL, MS_BIND, NULL), files[i]);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (access(dirs[i], F_OK) == 0)
			try(mount("tmpfs", dirs[i], "tmpfs", MS_RDONLY, "size=0k"), dirs[i]);
	for (size_t i = 0; i < sizeof(readonly) / sizeof(*readonly); i++) {
		if (access(readonly[i], F_OK) < 0)
			continue;
		try(mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL), readonly[i]);
		try(mount(NULL, readonly[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID |
			  MS_NODEV | MS_NOEXEC, NULL), readonly[i]);
	}
}

static void be_container(const char *root, const char *scratch)
{
	const unsigned long safe = MS_NOSUID | MS_NOEXEC | MS_NODEV;
	char options[3 * 4096 + 64];

	try(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", root,
		 scratch, scratch);
	try(chdir(scratch), scratch);
	try(mount("overlay", "root", "overlay", 0, options), "overlay");
	try(chdir("root"), "root");
	try(mount("proc", "proc", "proc", safe, NULL), "proc");
	mount_devices();
	try(mount("sysfs", "sys", "sysfs", safe | MS_RDONLY, NULL), "sysfs");
	try(mount("cgroup2", "sys/fs/cgroup", "cgroup2", safe | MS_RDONLY, NULL), "cgroup2");
	cover_paths();
	try((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	try(umount2(".", MNT_DETACH), "umount");
	try(chdir("/"), "/");
	try(sethostname("floor", 5), "hostname");
	execl("/bin/true", "true", (char *)NULL);
	die("/bin/true");
}

int main(int argc, char **argv)
{
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
			 CLONE_NEWCGROUP | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
	};
	int cgroup, status;
	pid_t pid;

	if (argc < 4) {
		fprintf(stderr, "usage: floor ROOT SCRATCH CGROUP [nonet]\n");
		return 125;
	}
	if (argc > 4)
		args.flags &= ~(uint64_t)CLONE_NEWNET;
	try(mkdir(argv[3], 0755), argv[3]);
	cgroup = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	try(cgroup, argv[3]);
	args.cgroup = (unsigned)cgroup;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	try(pid, "clone3");
	if (pid == 0)
		be_container(argv[1], argv[2]);
	try(waitpid(pid, &status, 0), "wait");
	try(rmdir(argv[3]), argv[3]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
