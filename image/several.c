/* several.c - several pulls of one command, each in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "image/pull.h"

int several_pulls(const struct store *st, const struct strlist *names, const struct pull_opts *o,
		  pull_one *one, struct err *e)
{
	size_t failed = 0;

	for (size_t i = 0; i < names->n; i++) {
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid < 0)
			return err_set(e, errno, "fork");
		if (pid == 0) {
			struct err why = ERR_INIT;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (one(st, names->v[i], o, &why) == 0 && fflush(stdout) != 0)
				err_set(&why, errno, "write to standard output");
			if (why.code)
				log_error(&why);
			_exit(why.code ? ERR_STATUS_ENGINE : 0);
		}
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	return failed ? err_say(e, EIO, "%zu of %zu images did not come", failed, names->n) : 0;
}

int several_tags(const struct store *st, const char *name, const struct pull_opts *o,
		 struct strlist *ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int rd = -1;
	int pair[2], status, r;
	size_t n;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	rd = pair[0];
	pid = fork();
	if (pid == 0) {
		AUTO(strlist) struct strlist tags = STRLIST_INIT;
		struct err why = ERR_INIT;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pull_tags(st, name, o, &tags, &why) < 0)
			log_error(&why);
		for (size_t i = 0; i < tags.n && !why.code; i++)
			dprintf(pair[1], "%s\n", tags.v[i]);
		_exit(why.code ? ERR_STATUS_ENGINE : 0);
	}
	close(pair[1]);
	if (pid < 0)
		return err_set(e, errno, "fork");
	r = fd_read_all(rd, MANIFEST_BYTES_MAX, &text, &n);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_say(e, EIO, "%s", "");
	if (r < 0)
		return err_set(e, -r, "read the list of tags");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		strlist_addf(ret, "%s:%s", name, line);
	return 0;
}
