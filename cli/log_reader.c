/*
 * log_reader.c - see log_reader.h.
 *
 * The files, oldest first, are log.N[.gz] … log.1, log.  While one is being read it may be
 * renamed: at its end the reader looks which number its inode has now, and goes on with the
 * next younger one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/log_reader.h"

#define FILES_MAX 1000
#define LINE_MAX_BYTES (4u << 20)

struct log_reader {
	int dir, fd;
	bool json;
	ino_t ino;		/* of the file that fd reads (of log.N.gz through a pipe) */
	pid_t unzip;
	char *buf;
	size_t used, at, cap;
	struct arena *a;	/* of the line at hand, json only */
	char time[64];
};

struct log_reader *log_reader_new(int dir, bool json)
{
	struct log_reader *r = mem_alloc(sizeof(*r));

	r->dir = dir;
	r->fd = -1;
	r->json = json;
	r->unzip = -1;
	return r;
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
	close_file(r);
	r->ino = 0;
	r->used = r->at = 0;
}

void log_reader_free(struct log_reader *r)
{
	if (!r)
		return;
	close_file(r);
	arena_free(r->a);
	free(r->buf);
	free(r);
}

static void name_of(unsigned n, bool gz, char buf[static 32])
{
	if (n == 0)
		snprintf(buf, 32, "log");
	else
		snprintf(buf, 32, "log.%u%s", n, gz ? ".gz" : "");
}

/* 0: there; *ret_gz says in which form. */
static int look(const struct log_reader *r, unsigned n, bool *ret_gz, ino_t *ret_ino)
{
	struct stat st;
	char name[32];

	for (int gz = 0; gz < (n ? 2 : 1); gz++) {
		name_of(n, gz, name);
		if (fstatat(r->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			*ret_gz = gz;
			*ret_ino = st.st_ino;
			return 0;
		}
	}
	return -ENOENT;
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

static int open_file(struct log_reader *r, unsigned n, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char name[32];
	bool gz;
	ino_t ino;

	if (look(r, n, &gz, &ino) < 0)
		return -ENOENT;
	name_of(n, gz, name);
	fd = openat(r->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_set(e, errno, "open %s", name);
	r->ino = ino;
	if (gz)
		return unzip(r, fd, e);
	r->fd = TAKE_FD(fd);
	return 0;
}

/* 1: a younger file is open; 0: there is none. */
static int next_file(struct log_reader *r, struct err *e)
{
	unsigned oldest = 0, mine = FILES_MAX;
	bool gz;
	ino_t ino;

	for (unsigned n = 0; n < FILES_MAX; n++) {
		if (look(r, n, &gz, &ino) < 0) {
			if (n > 0)
				break;
			continue;
		}
		oldest = n;
		if (r->ino && ino == r->ino)
			mine = n;
	}
	if (mine == 0)
		return 0;
	close_file(r);
	for (unsigned n = mine == FILES_MAX ? oldest : mine - 1;; n--) {
		int rc = open_file(r, n, e);

		if (rc == 0)
			return 1;
		if (rc != -ENOENT)
			return rc;
		if (n == 0)
			return 0;
	}
}

static int fill(struct log_reader *r, struct err *e)
{
	ssize_t n;

	if (r->at) {
		memmove(r->buf, r->buf + r->at, r->used - r->at);
		r->used -= r->at;
		r->at = 0;
	}
	if (r->used == r->cap) {
		if (r->cap >= LINE_MAX_BYTES)
			return err_say(e, EFBIG, "log: a line of more than %u bytes",
				       LINE_MAX_BYTES);
		r->cap = r->cap ? r->cap * 2 : 65536;
		r->buf = mem_resize(r->buf, r->cap, 1);
	}
	do
		n = read(r->fd, r->buf + r->used, r->cap - r->used);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "read the log");
	r->used += (size_t)n;
	return n > 0;
}

static bool rotated(const struct log_reader *r)
{
	bool gz;
	ino_t ino;

	return look(r, 0, &gz, &ino) < 0 || ino != r->ino;
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
	for (;;) {
		char *nl = r->used > r->at ? memchr(r->buf + r->at, '\n', r->used - r->at) : NULL;
		int rc;

		if (nl) {
			char *line = r->buf + r->at;
			size_t n = (size_t)(nl - line);

			r->at += n + 1;
			if (r->json ? parse_json(r, line, n, ret) : parse_cri(r, line, n, ret))
				return 1;
			continue;	/* half written when its writer died: not a line */
		}
		if (r->fd >= 0) {
			rc = fill(r, e);
			if (rc == 0 && !rotated(r))
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
		r->at = r->used = 0;
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
