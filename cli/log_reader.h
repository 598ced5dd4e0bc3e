/*
 * log_reader.h - a container's log files, read in order, across rotation.
 *
 * Used by logs, why.  Understands k8s-file (CRI) and json-file lines, plain or gzipped.
 */
#ifndef CLI_LOG_READER_H
#define CLI_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct log_line {
	const char *time;	/* RFC 3339 as written, NUL-terminated */
	bool err;		/* standard error */
	bool whole;		/* ends with a newline */
	const char *text;
	size_t n;
};

struct log_reader;
/* dir: containers/ID (borrowed).  json: json-file. */
struct log_reader *log_reader_new(int dir, bool json);
void log_reader_free(struct log_reader *r);
/* The next line, valid until the next call.  1: there is one; 0: none now (call again later for
 * what is written meanwhile); -errno. */
int log_reader_next(struct log_reader *r, struct log_line *ret, struct err *e);
/* Begins anew at the oldest file. */
void log_reader_rewind(struct log_reader *r);
/* Lines (whole ones) that are there now. */
int log_reader_count(struct log_reader *r, uint64_t *ret, struct err *e);

#endif
