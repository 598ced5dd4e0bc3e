/*
 * log_reader.h - a container's log files, read in order, across rotation.
 *
 * Used by logs, why.  Understands k8s-file (CRI) and json-file lines, plain or gzipped, and what
 * lies in the journal.
 */
#ifndef CLI_LOG_READER_H
#define CLI_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/record.h"

struct log_line {
	const char *time;	/* RFC 3339 as written, NUL-terminated */
	bool err;		/* standard error */
	bool whole;		/* ends with a newline */
	const char *text;
	size_t n;
};

/* What has been read of a stream and not been used: buf[at..used). */
struct log_window { char *buf; size_t used, at, cap; };
/* Reads more behind what is there, for which no more than max bytes are taken.  Bytes, 0 at the
 * end, -errno (-EAGAIN: none yet). */
ssize_t log_window_fill(struct log_window *w, int fd, size_t max, struct err *e);

struct log_reader;
/* r is borrowed. */
int log_reader_open(const struct engine *en, const struct record *r, struct log_reader **ret,
		    struct err *e);
void log_reader_free(struct log_reader *r);
/* The next line, valid until the next call.  1: there is one; 0: none now (call again later for
 * what is written meanwhile); -errno. */
int log_reader_next(struct log_reader *r, struct log_line *ret, struct err *e);
/* Begins anew at the oldest file. */
void log_reader_rewind(struct log_reader *r);
/* Lines (whole ones) that are there now. */
int log_reader_count(struct log_reader *r, uint64_t *ret, struct err *e);

/* A descriptor of the reader's that is readable when there is more, for poll; then call woken
 * before the next line is asked for. */
int log_reader_watch(struct log_reader *r, int *ret, struct err *e);
void log_reader_woken(struct log_reader *r);
/* The container has ended: what is on its way still comes, then nothing. */
void log_reader_finish(struct log_reader *r);

#endif
