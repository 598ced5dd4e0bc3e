/*
 * console.c - the terminal: a pty of the container's own devpts, its master sent to the
 * host; and who owns the standard files.
 *
 * Runs in: container.  Sources: pts(4), ioctl_tty(2).  The slave comes from the master by
 * TIOCGPTPEER, by no path, so nothing in the image stands between (CVE-2025-52565).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "runtime/init.h"
#include "runtime/sync.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static int open_master(struct init *in, int *ret, struct err *e)
{
	static const char *const paths[] = { "/dev/pts/ptmx", "/dev/ptmx" };
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		AUTO_CLOSE int fd =
			path_try_open_in(in->root, paths[i], O_RDWR | O_NOCTTY | O_NONBLOCK, 0);

		if (fd < 0) {
			errno = -fd;
			fd = -1;
			continue;
		}
		if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2)) {
			errno = ENOTTY;
			continue;
		}
		if (fcntl(fd, F_SETFL, O_RDWR) < 0)
			break;
		*ret = TAKE_FD(fd);
		return 0;
	}
	err_set(e, errno, "process.terminal: open /dev/pts/ptmx of the container");
	return err_hint(e, "it needs a devpts mounted at /dev/pts");
}

static int open_pair(struct init *in, int *ret_master, int *ret_slave, struct err *e)
{
	const struct spec_process *p = in->process;
	struct winsize ws = {
		.ws_row = (unsigned short)p->console_height,
		.ws_col = (unsigned short)p->console_width,
	};
	AUTO_CLOSE int master = -1;
	struct termios modes;
	int unlock = 0, r;

	r = open_master(in, &master, e);
	if (r < 0)
		return r;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_set(e, errno, "unlock the terminal");
	*ret_slave = ioctl(master, (int)TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*ret_slave < 0)
		return err_set(e, errno, "open the terminal");
	if ((ws.ws_row || ws.ws_col) && ioctl(*ret_slave, TIOCSWINSZ, &ws) < 0)
		return err_set(e, errno, "process.consoleSize");
	if (in->process->console_plain && tcgetattr(*ret_slave, &modes) == 0) {
		modes.c_oflag &= ~(tcflag_t)ONLCR;
		tcsetattr(*ret_slave, TCSANOW, &modes);
	}
	*ret_master = TAKE_FD(master);
	return 0;
}

/* /dev/console is the terminal. */
static int bind_console(struct init *in, int slave, struct err *e)
{
	AUTO_CLOSE int tree = sys_open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					    AT_EMPTY_PATH);

	if (tree < 0)
		return err_set(e, errno, "bind the terminal to /dev/console");
	return mounts_attach(in, tree, "/dev/console", false, e);
}

int step_console(struct init *in, struct err *e)
{
	AUTO_CLOSE int master = -1;
	AUTO_CLOSE int slave = -1;
	int r;

	if (!in->process->terminal)
		return 0;
	r = open_pair(in, &master, &slave, e);
	if (r == 0 && in->spec)
		r = bind_console(in, slave, e);
	if (r < 0)
		return r;
	r = sync_send(in->sync, SYNC_CONSOLE, 0, master);
	if (r < 0)
		return err_set(e, -r, "hand the terminal to the host");
	if (fchown(slave, in->process->user.uid, (gid_t)-1) < 0 && errno != EINVAL &&
	    errno != EPERM)
		return err_set(e, errno, "owner of the terminal");
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_set(e, errno, "make the terminal the controlling one");
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(slave, fd) < 0)
			return err_set(e, errno, "open the terminal as standard files");
	}
	return 0;
}

/* The user must be able to open /dev/stdout again.  Only pipes: a file or a terminal of the
 * caller stays the caller's. */
/* The host's /dev/null becomes the container's own: a descriptor from outside its mounts is one
 * that criu cannot name. */
static void own_null(int fd)
{
	AUTO_CLOSE int null = -1;
	struct stat st;
	int flags;

	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return;
	flags = fcntl(fd, F_GETFL);
	null = open("/dev/null", (flags & O_ACCMODE) | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (null >= 0 && fstat(null, &st) == 0 && S_ISCHR(st.st_mode) &&
	    st.st_rdev == makedev(1, 3))
		dup2(null, fd);
}

int step_stdio(struct init *in, struct err *e)
{
	const struct spec_user *u = &in->process->user;
	struct stat st;

	for (int fd = 0; fd < 3 && !in->process->terminal; fd++)
		own_null(fd);
	for (int fd = 0; fd < 3 && !in->process->terminal; fd++) {
		if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) || st.st_uid == u->uid)
			continue;
		if (fchown(fd, u->uid, u->gid) < 0 && errno != EPERM && errno != EINVAL &&
		    errno != EROFS && errno != EACCES)
			return err_set(e, errno, "owner of standard file %d", fd);
	}
	return 0;
}
