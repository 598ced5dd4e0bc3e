/*
 * program.c - which file execve gets: looked up before the gate, so that a wrong name is an
 * error of `create`, in the words that users of engines know.
 *
 * Runs in: container, as the container's user.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runtime/init.h"

/* 0, or -errno as execve would say. */
static int check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	/* As the user that we are by now, with its capabilities; access(2) looks at neither.  The
	 * container's filter may be here already, and older than this call. */
	if (syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) < 0 && errno != EPERM &&
	    errno != ENOSYS)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_mode & 0111 ? 0 : -EACCES;
}

static int fail(struct err *e, int code, const char *name, const char *text)
{
	err_say(e, code, "exec: \"%s\": %s", name, text);
	return err_status(e, code == ENOENT ? ERR_STATUS_NOTFOUND : ERR_STATUS_NOEXEC);
}

static int by_path(struct init *in, const char *name, struct err *e)
{
	int r = check(name);

	switch (-r) {
	case 0:
		in->program = mem_strdup(name);
		return 0;
	case ENOENT:
	case ENOTDIR:
		err_say(e, ENOENT, "exec: \"%s\": stat %s: no such file or directory", name, name);
		return err_status(e, ERR_STATUS_NOTFOUND);
	case EISDIR:
		return fail(e, EISDIR, name, "is a directory");
	case EACCES:
		return fail(e, EACCES, name, "permission denied");
	default:
		err_set(e, -r, "exec: \"%s\"", name);
		return err_status(e, ERR_STATUS_NOEXEC);
	}
}

int step_program(struct init *in, struct err *e)
{
	const char *name = in->process->args[0], *path = env_get(in, "PATH");
	bool denied = false;

	if (strchr(name, '/'))
		return by_path(in, name, e);
	for (const char *dir = path; dir && name[0];) {
		size_t n = strcspn(dir, ":");
		/* An empty part means the work directory, execvp(3). */
		AUTO_FREE char *file = mem_printf("%.*s%s%s", (int)n, dir, n ? "/" : "./", name);
		int r = check(file);

		if (r == 0) {
			in->program = TAKE(file);
			return 0;
		}
		denied |= r == -EACCES;
		dir = dir[n] ? dir + n + 1 : NULL;
	}
	if (denied)
		return fail(e, EACCES, name, "permission denied");
	return fail(e, ENOENT, name, "executable file not found in $PATH");
}
