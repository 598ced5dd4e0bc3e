/* cmd_internal.c - what berth's own programs ask of berth: no commands for people. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/connect.h"
#include "runtime/log_place.h"
#include "runtime/supervisor.h"

static int run_supervise(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)opts;
	return supervise_resume(&c->en, argc, argv, e);
}

static int run_netdown(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	struct net_paths p = engine_net_paths(&c->en);

	(void)opts;
	(void)argc;
	return net_down(&p, argv[0], e);
}

/* The end of a container with volumes of its own: the supervisor holds its lock. */
static int run_remove(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	(void)opts;
	(void)argc;
	return record_remove(&c->en, argv[0], true, e);
}

/* gzip(1) of a file; 0: it is whole. */
static int gzip(int in, int out)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(in, 0) == 0 && dup2(out, 1) == 1)
			execlp("gzip", "gzip", "-cn", (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* A log file that was rotated away: packed beside it, then in its place, unless it has gone
 * meanwhile: the supervisor removes the plain one first, so one of us removes the packed one. */
static int run_compress(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO_FREE char *packed = mem_printf("%s.gz", argv[1]);
	AUTO(record) struct record *r = NULL;
	AUTO_CLOSE int dir = -1, in = -1, out = -1;
	const char *name, *plain = argv[1];
	int rc;

	(void)opts;
	(void)argc;
	if ((rc = record_load(&c->en, argv[0], &r, e)) < 0 ||
	    (rc = log_place_open(&c->en, r, &dir, &name, e)) < 0)
		return rc;
	if (!str_starts(plain, name) || strchr(plain, '/'))
		return err_say(e, EINVAL, "not a log of a container: %s %s", argv[0], plain);
	in = openat(dir, plain, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open %s", plain);
	out = openat(dir, packed,
		     O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
	if (out < 0)
		return err_set(e, errno, "open %s", packed);
	if (gzip(in, out) != 0) {
		unlinkat(dir, packed, 0);
		return err_say(e, EIO, "gzip of %s failed", plain);
	}
	if (unlinkat(dir, plain, 0) < 0)
		unlinkat(dir, packed, 0);
	return 0;
}

/* clang-format off */
const struct command command_internal_compress = {
	.name = "internal-compress", .args = "ID FILE", .summary = "Compress a rotated log",
	.min = 2, .max = 2, .flags = CMD_HIDDEN | CMD_NO_SWEEP, .run = run_compress,
};
const struct command command_internal_supervise = {
	.name = "internal-supervise", .args = "KEY=VALUE...", .summary = "The birth of a restart",
	.min = 1, .max = -1, .flags = CMD_HIDDEN | CMD_RAW | CMD_NO_SWEEP, .run = run_supervise,
};
const struct command command_internal_netdown = {
	.name = "internal-netdown", .args = "ID", .summary = "Take a network down",
	.min = 1, .max = 1, .flags = CMD_HIDDEN | CMD_NO_SWEEP, .run = run_netdown,
};
const struct command command_internal_remove = {
	.name = "internal-remove", .args = "ID", .summary = "Remove a container's folder and volumes",
	.min = 1, .max = 1, .flags = CMD_HIDDEN | CMD_NO_SWEEP, .run = run_remove,
};
/* clang-format on */
