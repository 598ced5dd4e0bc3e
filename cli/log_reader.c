/*
 * log_reader.c - see log_reader.h.
 *
 * The files, oldest first, are log.N[.gz], log.N+1[.gz] …, log (or so behind the name that
 * --log-opt path= gave).  A number is a file's for good;
 * `log` gets the next one when it is full.  So a reader that is in number N goes on with N + 1
 * (or with the oldest that is left, when it was so slow that N + 1 is gone), whatever happened to
 * the names meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/log_journal.h"
#include "cli/log_reader.h"
#include "runtime/log_place.h"

#define LINE_MAX_BYTES (4u << 20)

struct log_reader {
	int dir, fd, watch;
	const char *name;	/* of the file that grows */
	bool json;
	struct log_journal *journal;	/* reads that instead of files */
	int64_t number;		/* of the file that fd reads; 0: none yet */
	ino_t ino;		/* of `log`, when that is what fd reads; else 0 */
	pid_t unzip;
	struct log_window w;
	struct arena *a;	/* of the line at hand, json only */
	char time[64];
};

int log_reader_open(const struct engine *en, const struct record *of, struct log_reader **ret,
		    struct err *e)
{
	struct log_reader *r;
	const char *name;
	int dir, rc = log_place_open(en, of, &dir, &name, e);

	if (rc < 0)
		return rc;
	r = mem_alloc(sizeof(*r));
	r->dir = dir;
	r->name = name;
	r->fd = r->watch = -1;
	r->json = str_eq(of->log.driver, "json-file");
	r->journal = str_eq(of->log.driver, "journald") ? log_journal_new(of->id) : NULL;
	r->unzip = -1;
	*ret = r;
	return 0;
}

static void close_file(struct log_reader *r)
{
	fd_close(&r->fd);
	if (r->unzip > 0)
		waitpid(r->unzip, NULL, 0);
	r->unzip = -1;
}

void log_reader_rewind(struct log_reader *r)
{
	if (r->journal)
		log_journal_rewind(r->journal);
	close_file(r);
	r->number = 0;
	r->ino = 0;
	r->w.used = r->w.at = 0;
}

void log_reader_free(struct log_reader *r)
{
	if (!r)
		return;
	log_journal_free(r->journal);
	close_file(r);
	fd_close(&r->watch);
	fd_close(&r->dir);
	arena_free(r->a);
	free(r->w.buf);
	free(r);
}

/* The lowest number above `above`, and the highest; 0: none. */
static int numbers(const struct log_reader *r, int64_t above, int64_t *ret_next, int64_t *ret_last,
		   struct err *e)
{
	int fd = openat(r->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	*ret_next = *ret_last = 0;
	if (!d) {
		err_set(e, errno, "read the folder of the log");
		fd_close(&fd);
		return -e->code;
	}
	while ((de = readdir(d))) {
		int64_t n = log_place_number(de->d_name, r->name);

		if (n > *ret_last)
			*ret_last = n;
		if (n > above && (!*ret_next || n < *ret_next))
			*ret_next = n;
	}
	closedir(d);
	return 0;
}

static int unzip(struct log_reader *r, int in, struct err *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	r->unzip = fork();
	if (r->unzip < 0)
		return err_set(e, errno, "fork");
	if (r->unzip == 0) {
		dup2(in, 0);
		dup2(p[1], 1);
		execlp("gzip", "gzip", "-dc", (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	r->fd = p[0];
	return 0;
}

static int open_name(const struct log_reader *r, const char *name)
{
	return openat(r->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* -ENOENT: it is gone. */
static int open_number(struct log_reader *r, int64_t n, struct err *e)
{
	AUTO_FREE char *plain = mem_printf("%s.%lld", r->name, (long long)n);
	AUTO_FREE char *packed = mem_printf("%s.gz", plain);
	AUTO_CLOSE int fd = open_name(r, plain);
	bool gz = fd < 0 && errno == ENOENT;

	if (gz)	/* the plain one goes only when this one is whole */
		fd = open_name(r, packed);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_set(e, errno, "open %s", plain);
	close_file(r);
	r->number = n;
	r->ino = 0;
	if (gz)
		return unzip(r, fd, e);
	r->fd = TAKE_FD(fd);
	return 0;
}

/* The one that grows, whose number is the one after the last: if it was not renamed while we
 * looked. */
static int open_current(struct log_reader *r, int64_t last, struct err *e)
{
	AUTO_CLOSE int fd = open_name(r, r->name);
	int64_t next, now;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_set(e, errno, "open %s", r->name);
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "look at %s", r->name);
	if (numbers(r, 0, &next, &now, e) < 0)
		return -e->code;
	if (now != last)
		return -EAGAIN;
	close_file(r);
	r->number = last + 1;
	r->ino = st.st_ino;
	r->fd = TAKE_FD(fd);
	return 0;
}

/* It will not grow any more. */
static bool is_full(const struct log_reader *r)
{
	struct stat st;

	return !r->ino || fstatat(r->dir, r->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	       st.st_ino != r->ino;
}

/* 1: a younger file is open; 0: there is none. */
static int next_file(struct log_reader *r, struct err *e)
{
	for (int tries = 0; tries < 1000; tries++) {
		int64_t next, last;
		int rc = numbers(r, r->number, &next, &last, e);

		if (rc < 0)
			return rc;
		if (!next && r->ino && !is_full(r))
			return 0;
		rc = next ? open_number(r, next, e) : open_current(r, last, e);
		if (rc == 0)
			return 1;
		if (rc == -ENOENT && !next)
			return 0;
		if (rc != -ENOENT && rc != -EAGAIN)
			return rc;
	}
	return 0;
}

ssize_t log_window_fill(struct log_window *w, int fd, size_t max, struct err *e)
{
	ssize_t n;

	if (w->at) {
		memmove(w->buf, w->buf + w->at, w->used - w->at);
		w->used -= w->at;
		w->at = 0;
	}
	if (w->used == w->cap) {
		if (w->cap >= max)
			return err_say(e, EFBIG, "log: a line of more than %zu bytes", max);
		w->cap = w->cap ? w->cap * 2 : 65536;
		w->buf = mem_resize(w->buf, w->cap, 1);
	}
	do
		n = read(fd, w->buf + w->used, w->cap - w->used);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : err_set(e, errno, "read the log");
	w->used += (size_t)n;
	return n;
}

static int fill(struct log_reader *r, struct err *e)
{
	ssize_t n = log_window_fill(&r->w, r->fd, LINE_MAX_BYTES, e);

	return n > 0 ? 1 : (int)n;
}

/* "TIME stdout F text" */
static bool parse_cri(struct log_reader *r, char *line, size_t n, struct log_line *ret)
{
	char *sp = memchr(line, ' ', n);
	size_t left;

	if (!sp || (size_t)(sp - line) >= sizeof(r->time))
		return false;
	memcpy(r->time, line, (size_t)(sp - line));
	r->time[sp - line] = 0;
	left = n - (size_t)(sp + 1 - line);
	if (left < 9 || sp[7] != ' ' || sp[9] != ' ')
		return false;
	ret->time = r->time;
	ret->err = memcmp(sp + 1, "stderr", 6) == 0;
	ret->whole = sp[8] == 'F';
	ret->text = sp + 10;
	ret->n = left - 9;
	return true;
}

static bool parse_json(struct log_reader *r, char *line, size_t n, struct log_line *ret)
{
	const struct json *v, *text;
	struct err e = ERR_INIT;
	const char *time;

	arena_free(r->a);
	r->a = arena_new(256u << 20);
	if (json_parse(r->a, line, n, (struct json_limits){ LINE_MAX_BYTES, 4 }, "log", &v, &e) < 0)
		return false;
	text = json_get(v, "log");
	time = json_str(json_get(v, "time"));
	if (!text || text->type != JSON_STRING || !time || strlen(time) >= sizeof(r->time))
		return false;
	strcpy(r->time, time);
	ret->time = r->time;
	ret->err = str_eq(json_str(json_get(v, "stream")), "stderr");
	ret->text = text->s;
	ret->n = text->n;
	ret->whole = ret->n && ret->text[ret->n - 1] == '\n';
	ret->n -= ret->whole;
	return true;
}

int log_reader_next(struct log_reader *r, struct log_line *ret, struct err *e)
{
	if (r->journal)
		return log_journal_next(r->journal, ret, e);
	for (;;) {
		size_t left = r->w.used - r->w.at;
		char *nl = left ? memchr(r->w.buf + r->w.at, '\n', left) : NULL;
		int rc;

		if (nl) {
			char *line = r->w.buf + r->w.at;
			size_t n = (size_t)(nl - line);

			r->w.at += n + 1;
			if (r->json ? parse_json(r, line, n, ret) : parse_cri(r, line, n, ret))
				return 1;
			continue;	/* half written when its writer died: not a line */
		}
		if (r->fd >= 0) {
			rc = fill(r, e);
			if (rc == 0 && !is_full(r))
				return 0;
			/* it may have grown between our last read and the rename; not after that */
			if (rc == 0)
				rc = fill(r, e);
			if (rc < 0)
				return rc;
			if (rc > 0)
				continue;
		}
		rc = next_file(r, e);
		if (rc <= 0)
			return rc;
		r->w.at = r->w.used = 0;
	}
}

int log_reader_count(struct log_reader *r, uint64_t *ret, struct err *e)
{
	struct log_line l;
	uint64_t n = 0;
	int rc;

	log_reader_rewind(r);
	while ((rc = log_reader_next(r, &l, e)) > 0)
		n += l.whole;
	*ret = n;
	return rc;
}

int log_reader_watch(struct log_reader *r, int *ret, struct err *e)
{
	char path[32];

	if (r->journal)
		return log_journal_follow(r->journal, ret, e);
	r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->watch < 0 || inotify_add_watch(r->watch, path_of_fd(r->dir, path),
					      IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_set(e, errno, "watch the log");
	*ret = r->watch;
	return 0;
}

void log_reader_woken(struct log_reader *r)
{
	char junk[4096];

	while (r->watch >= 0 && read(r->watch, junk, sizeof(junk)) > 0)
		;
}

void log_reader_finish(struct log_reader *r)
{
	if (r->journal)
		log_journal_finish(r->journal);
}
