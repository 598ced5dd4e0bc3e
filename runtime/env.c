/*
 * env.c - the environment, with what only we know, and the work directory.
 *
 * Runs in: container.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/init.h"

#define PASSWD_MAX (1u << 20)

const char *env_get(const struct init *in, const char *name)
{
	size_t n = strlen(name);

	for (char **v = in->env; *v; v++) {
		if (!strncmp(*v, name, n) && (*v)[n] == '=')
			return *v + n + 1;
	}
	return NULL;
}

/* Field number `field` (from 0) of one line of passwd, or NULL. */
static char *passwd_field(const char *line, size_t len, unsigned field)
{
	const char *end = line + len;

	for (; field > 0; field--) {
		line = memchr(line, ':', (size_t)(end - line));
		if (!line)
			return NULL;
		line++;
	}
	len = (size_t)(end - line);
	end = memchr(line, ':', len);
	return mem_strndup(line, end ? (size_t)(end - line) : len);
}

/* The home of uid by the container's own /etc/passwd; no library of the container or of ours
 * (NSS) is asked. */
static char *home_of(struct init *in, uint32_t uid)
{
	AUTO_CLOSE int fd = path_try_open_in(in->root, "/etc/passwd", O_RDONLY | O_NONBLOCK, 0);
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t n;

	if (fd < 0) {
		fd = -1;
		return NULL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    fd_read_all(fd, PASSWD_MAX, &text, &n) < 0)
		return NULL;
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		AUTO_FREE char *id = passwd_field(line, len, 2);
		uint32_t v;

		if (id && str_to_u32(id, &v) == 0 && v == uid) {
			char *home = passwd_field(line, len, 5);

			if (home && home[0])
				return home;
			mem_free_cleanup(&home);
		}
		line += len + (line[len] == '\n');
	}
	return NULL;
}

/* Puts "NAME=value" in the place of what is there, or behind it. */
void env_put(struct init *in, char *text)
{
	size_t name = strcspn(text, "=") + 1, n = 0;

	for (; in->env[n]; n++) {
		if (!strncmp(in->env[n], text, name)) {
			in->env[n] = text;
			return;
		}
	}
	in->env[n] = text;
	in->env[n + 1] = NULL;
}

int step_env(struct init *in, struct err *e)
{
	char **given = in->process->env, **secret = in->process->secret_env;
	size_t n = 0, more = 0;

	(void)e;
	while (given && given[n])
		n++;
	while (secret && secret[more])
		more++;
	in->env = mem_array(n + more + 8, sizeof(*in->env));
	for (size_t i = 0; i < n; i++)
		in->env[i] = given[i];
	for (size_t i = 0; i < more; i++)
		env_put(in, secret[i]);
	if (str_empty(env_get(in, "HOME"))) {
		AUTO_FREE char *home = home_of(in, in->process->user.uid);

		env_put(in, mem_printf("HOME=%s", home ? home : "/"));
	}
	if (in->plan->listen_fds > 0) {
		/* sd_listen_fds(3).  With an init of ours it is the child's number, see pid1.c. */
		env_put(in, mem_printf("LISTEN_FDS=%u", in->plan->listen_fds));
		env_put(in, mem_printf("LISTEN_PID=%d", (int)getpid()));
	}
	if (in->plan->sd_notify)
		env_put(in, mem_printf("NOTIFY_SOCKET=%s/notify", in->plan->sd_notify));
	return 0;
}

/* Opened while we may still use openat2, which a filter may forbid.  A magic link (/proc/self/fd/7)
 * would lead to what is open here, CVE-2024-21626: -ELOOP. */
int step_cwd_open(struct init *in, struct err *e)
{
	const char *cwd = in->process->cwd;

	in->cwd = path_try_open_in(in->root, cwd, O_PATH | O_DIRECTORY, 0);
	if (in->cwd == -ENOENT && in->spec) {
		in->cwd = -1;
		return path_mkdir_in(in->root, cwd, 0755, in->uid, in->gid, &in->cwd, e) < 0 ?
			err_wrap(e, "process.cwd") : 0;
	}
	if (in->cwd == -ELOOP)
		return err_set(e, ELOOP, "process.cwd %s", cwd);
	return 0;
}

/* CVE-2024-21626: a directory that is not below our root has no name here. */
static int check_inside(const char *cwd, struct err *e)
{
	char buf[4096];
	long n = syscall(SYS_getcwd, buf, sizeof(buf));

	if (n < 0)
		return errno == ERANGE ? 0 : err_set(e, errno, "process.cwd %s", cwd);
	if (buf[0] != '/')
		return err_say(e, EXDEV, "process.cwd %s is outside of the container", cwd);
	return 0;
}

/* Twice: as root, who may enter what the user may not, and, where root may not (NFS), as the
 * user.  By path only where nothing was opened. */
int step_cwd_root(struct init *in, struct err *e)
{
	in->entered = in->cwd >= 0 && fchdir(in->cwd) == 0;
	return in->entered ? check_inside(in->process->cwd, e) : 0;
}

int step_cwd(struct init *in, struct err *e)
{
	const char *cwd = in->process->cwd;

	if (in->entered)	/* and no call more: the filter may know nothing of it */
		return 0;
	if ((in->cwd >= 0 ? fchdir(in->cwd) : chdir(cwd)) < 0) {
		err_set(e, errno, "chdir to cwd (\"%s\") set in config.json failed", cwd);
		return err_status(e, e->code == ENOENT ? ERR_STATUS_NOTFOUND : ERR_STATUS_NOEXEC);
	}
	return check_inside(cwd, e);
}
