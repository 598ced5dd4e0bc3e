/* root_init.c - see root_init.h.  Runs in: host. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/root_init.h"

#define INIT_RTMIN 34	/* glibc's and musl's: the kernel's 32 and 33 are theirs */

/* clang-format off */
static const struct { const char *name; int sig; const char *with; } inits[] = {
	{ "systemd",	INIT_RTMIN + 3,	NULL },			/* systemd(1): halt.target */
	{ "busybox",	SIGUSR2,	NULL },			/* its init: power off */
	{ "runit-init",	SIGCONT,	NULL },			/* runit(8): with /etc/runit/stopit */
	{ "runit",	SIGCONT,	NULL },
	{ "init",	SIGPWR,		"etc/inittab" },	/* sysvinit's init(8): powerfail */
};
/* clang-format on */

static bool is_there(int root_fd, const char *path)
{
	AUTO_CLOSE int fd = path_try_open_in(root_fd, path, O_PATH, 0);

	return fd >= 0;
}

int root_init_signal(int root_fd, const char *program)
{
	AUTO_CLOSE int fd = path_try_open_in(root_fd, program, O_PATH, 0);
	char link[32], path[4096];
	ssize_t n;

	if (fd < 0)
		return SIGTERM;
	n = readlink(path_of_fd(fd, link), path, sizeof(path) - 1);
	if (n < 0)
		return SIGTERM;
	path[n] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(inits); i++)
		if (str_eq(path_base(path), inits[i].name) &&
		    (!inits[i].with || is_there(root_fd, inits[i].with)))
			return inits[i].sig;
	return SIGTERM;
}
