/*
 * log_journal.c - see log_journal.h.
 *
 * journalctl writes the journal's export format: "NAME=text" lines, or NAME, a length of eight
 * bytes and as many bytes; an empty line behind each entry.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/log_journal.h"

#define ENTRY_MAX_BYTES (8u << 20)

struct log_journal {
	char id[65];
	int fd;			/* what journalctl writes, or -1 */
	pid_t pid;
	bool follow, over;	/* over: journalctl has come to its end */
	struct log_window w;
	char cursor[512];	/* of the last entry; "": none yet */
	char time[40];
};

struct log_journal *log_journal_new(const char *id)
{
	struct log_journal *j = mem_alloc(sizeof(*j));

	snprintf(j->id, sizeof(j->id), "%s", id);
	j->fd = -1;
	j->pid = -1;
	return j;
}

/* Its exit status, 0 when it was ended by us. */
static int end_journalctl(struct log_journal *j)
{
	int st = 0;

	fd_close(&j->fd);
	if (j->pid > 0) {
		if (!j->over)
			kill(j->pid, SIGTERM);
		waitpid(j->pid, &st, 0);
	}
	j->pid = -1;
	j->w.used = j->w.at = 0;
	return j->over && WIFEXITED(st) ? WEXITSTATUS(st) : 0;
}

void log_journal_free(struct log_journal *j)
{
	if (!j)
		return;
	end_journalctl(j);
	free(j->w.buf);
	free(j);
}

void log_journal_rewind(struct log_journal *j)
{
	end_journalctl(j);
	j->over = j->follow = false;
	j->cursor[0] = 0;
}

static int start_journalctl(struct log_journal *j, struct err *e)
{
	AUTO(strlist) struct strlist a = STRLIST_INIT;
	int p[2];

	strlist_add(&a, "journalctl");
	strlist_addf(&a, "CONTAINER_ID_FULL=%s", j->id);
	strlist_add(&a, "--no-pager");
	strlist_add(&a, "--quiet");
	strlist_add(&a, "--all");	/* long texts too */
	strlist_add(&a, "--output=export");
	if (j->cursor[0])
		strlist_addf(&a, "--after-cursor=%s", j->cursor);
	if (j->follow) {
		strlist_add(&a, "--follow");
		strlist_add(&a, "--no-tail");
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	j->pid = fork();
	if (j->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		signal(SIGPIPE, SIG_DFL);
		dup2(p[1], 1);
		execvp("journalctl", a.v);
		_exit(127);
	}
	close(p[1]);
	j->fd = p[0];
	j->over = false;
	if (j->pid < 0 || (j->follow && fd_nonblock(j->fd, true) < 0))
		return err_set(e, errno, "start journalctl");
	return 0;
}

int log_journal_follow(struct log_journal *j, int *ret, struct err *e)
{
	int r;

	end_journalctl(j);
	j->follow = true;
	r = start_journalctl(j, e);
	if (r == 0)
		*ret = j->fd;
	return r;
}

void log_journal_finish(struct log_journal *j)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("journalctl", "journalctl", "--sync", (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	end_journalctl(j);
	j->over = j->follow = false;
}

/* 1: there is more; 0: not now, or never. */
static int fill(struct log_journal *j, struct err *e)
{
	ssize_t n = log_window_fill(&j->w, j->fd, ENTRY_MAX_BYTES, e);

	j->over = n == 0;
	return n == -EAGAIN ? 0 : n < 0 ? (int)n : n > 0;
}

struct field { const char *name, *value; size_t name_n, n; };

/* The field at p, of left bytes: how many it takes, 0 when it is not whole yet.  Of an empty line,
 * which ends an entry, the name is empty. */
static size_t field_at(const char *p, size_t left, struct field *ret)
{
	const char *nl = memchr(p, '\n', left);
	const char *eq = nl ? memchr(p, '=', (size_t)(nl - p)) : NULL;
	uint64_t n;

	if (!nl)
		return 0;
	if (eq || nl == p) {
		*ret = (struct field){ p, eq ? eq + 1 : p, eq ? (size_t)(eq - p) : 0,
				       eq ? (size_t)(nl - eq - 1) : 0 };
		return (size_t)(nl - p) + 1;
	}
	left -= (size_t)(nl - p) + 1;
	if (left < sizeof(n))
		return 0;
	memcpy(&n, nl + 1, sizeof(n));
	n = le64toh(n);
	left -= sizeof(n);
	if (n >= left)
		return 0;
	*ret = (struct field){ p, nl + 1 + sizeof(n), (size_t)(nl - p), (size_t)n };
	return (size_t)(ret->value - p) + (size_t)n + 1;
}

static bool is(const struct field *f, const char *name)
{
	return f->name_n == strlen(name) && memcmp(f->name, name, f->name_n) == 0;
}

static void take_time(struct log_journal *j, const struct field *f)
{
	AUTO_FREE char *text = mem_strndup(f->value, f->n);
	struct timespec t = { 0 };
	uint64_t usec;

	if (str_to_u64(text, &usec) == 0) {
		t.tv_sec = (time_t)(usec / 1000000);
		t.tv_nsec = (long)(usec % 1000000 * 1000);
	}
	str_time(t, j->time);
}

/* The entry at hand: 1 and a line, 0 when it is not whole yet. */
static int entry(struct log_journal *j, struct log_line *ret)
{
	struct log_line l = { .time = j->time, .whole = true, .text = "" };
	struct field f;
	size_t at = j->w.at, n;

	while ((n = field_at(j->w.buf + at, j->w.used - at, &f)) > 0) {
		at += n;
		if (f.name_n == 0) {
			j->w.at = at;
			*ret = l;
			return 1;
		}
		if (is(&f, "__REALTIME_TIMESTAMP"))
			take_time(j, &f);
		else if (is(&f, "__CURSOR"))
			snprintf(j->cursor, sizeof(j->cursor), "%.*s", (int)f.n, f.value);
		else if (is(&f, "PRIORITY"))
			l.err = f.n == 1 && *f.value == '3';
		else if (is(&f, "CONTAINER_PARTIAL_MESSAGE"))
			l.whole = false;
		else if (is(&f, "MESSAGE"))
			l.text = f.value, l.n = f.n;
	}
	return 0;
}

int log_journal_next(struct log_journal *j, struct log_line *ret, struct err *e)
{
	for (;;) {
		int r = 0;

		if (j->w.used > j->w.at && entry(j, ret))
			return 1;
		if (j->fd < 0 && !j->over)
			r = start_journalctl(j, e);
		if (r == 0 && j->fd >= 0)
			r = fill(j, e);
		if (r > 0)
			continue;
		if (r == 0 && j->over && end_journalctl(j) == 127)
			return err_say(e, ENOENT, "journalctl cannot be run");
		if (r == 0 && j->over && j->follow)
			return err_say(e, EPIPE, "journalctl has ended");
		return r;
	}
}
