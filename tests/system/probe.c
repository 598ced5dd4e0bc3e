/*
 * probe.c - what a shell cannot do, for test scripts: a static program that runs
 * inside containers too.  Prints one line: what came out, or the errno's name.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int answer(long r)
{
	if (r < 0) {
		printf("%s\n", errno == ENOSYS ? "ENOSYS" : errno == EPERM ? "EPERM" :
		       errno == EACCES ? "EACCES" : strerror(errno));
		return 1;
	}
	printf("%ld\n", r);
	return 0;
}

/* syscall NR [ARG...]: the bare call */
static int do_syscall(int argc, char **argv)
{
	long a[7] = { 0 };

	for (int i = 0; i < argc && i < 7; i++)
		a[i] = strtol(argv[i], NULL, 0);
	return answer(syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]));
}

/* tiocsti: puts a byte into the terminal's input, as a command of the caller's */
static int do_tiocsti(int argc, char **argv)
{
	char c = 'x';
	int fd = argc > 0 ? open(argv[0], O_RDWR | O_CLOEXEC) : 0;

	return answer(ioctl(fd, TIOCSTI, &c));
}

/* write PATH...: opens each for writing, the way an attacker would */
static int do_write(int argc, char **argv)
{
	int won = 0;

	for (int i = 0; i < argc; i++) {
		int fd = open(argv[i], O_WRONLY | O_CLOEXEC);
		if (fd >= 0) {
			printf("opened %s\n", argv[i]);
			won = 1;
			close(fd);
		}
	}
	if (!won)
		puts("none");
	return !won;
}

/* swap A B ROUNDS: exchanges two names over and over (0: until killed) */
static int do_swap(int argc, char **argv)
{
	long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 0, done = 0;

	if (argc < 2)
		return 2;
	while (!rounds || done < rounds) {
		if (syscall(SYS_renameat2, AT_FDCWD, argv[0], AT_FDCWD, argv[1], 2 /* EXCHANGE */))
			return answer(-1);
		done++;
	}
	return answer(done);
}

/* connect PATH: to a unix socket; then what it sends first, or that it closed */
static int do_connect(int argc, char **argv)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char buf[64];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc < 1 || strlen(argv[0]) >= sizeof(sa.sun_path))
		return 2;
	strcpy(sa.sun_path, argv[0]);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return answer(-1);
	if (argc > 1 && write(fd, argv[1], strlen(argv[1])) < 0)
		return answer(-1);
	alarm(3);
	return answer(read(fd, buf, sizeof(buf)));
}

/* dgram PATH TEXT: one datagram to the socket at PATH */
static int do_dgram(int argc, char **argv)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (argc < 2 || strlen(argv[0]) >= sizeof(sa.sun_path))
		return 2;
	strcpy(sa.sun_path, argv[0]);
	if (sendto(fd, argv[1], strlen(argv[1]), 0, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return answer(-1);
	return 0;
}

/* fds: the numbers of open descriptors above 2 */
static int do_fds(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	puts("");
	return 0;
}

/* chroot DIR: the escape by a second chroot and many .. */
static int do_chroot(int argc, char **argv)
{
	struct stat here, up;

	if (argc < 1)
		return 2;
	mkdir(argv[0], 0755);
	if (stat("/", &here) || chroot(argv[0]))
		return answer(-1);
	for (int i = 0; i < 100; i++)
		if (chdir(".."))
			return answer(-1);
	if (stat(".", &up))
		return answer(-1);
	puts(up.st_ino == here.st_ino && up.st_dev == here.st_dev ? "same root" : "escaped");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "syscall", do_syscall }, { "tiocsti", do_tiocsti }, { "write", do_write },
	{ "swap", do_swap }, { "connect", do_connect }, { "dgram", do_dgram },
	{ "fds", do_fds }, { "chroot", do_chroot },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, argv[1]))
			return commands[i].run(argc - 2, argv + 2);
	fputs("probe: no such command\n", stderr);
	return 2;
}
