/*
 * err.h - how a failure travels: a value, filled where it happens.
 *
 * Used by every program.  A function that can fail returns 0 or -errno and
 * takes a struct err as its last argument; only cli/ prints one and exits.
 * The struct holds no pointer and is smaller than PIPE_BUF, so that what fails
 * inside a container reaches the terminal in one write, unchanged.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

/* Exit statuses that users of container engines know. */
enum err_status {
	ERR_STATUS_NONE = 1,		/* there is no such container, volume … */
	ERR_STATUS_ENGINE = 125,	/* we could not do it */
	ERR_STATUS_NOEXEC = 126,	/* the command was found but cannot be run */
	ERR_STATUS_NOTFOUND = 127,	/* the command was not found */
};

struct err {
	int code;	/* errno value, > 0 once set */
	int status;	/* exit status for the command line; 0 means ERR_STATUS_ENGINE */
	char msg[1528];	/* one line, no newline, never ends in a dot */
};

#define ERR_INIT { 0 }

/* Sets "text: strerror(code)".  Returns -code, so that callers may return it. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Sets "text" alone, for rules of ours that no errno text explains.  Returns -code. */
int err_say(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "text: " before the message; used only where an error crosses a folder's
 * door, adding the noun that the user knows.  Returns -e->code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds "; text" behind the message: what to do about it.  Returns -e->code. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Marks the exit status that goes with the error.  Returns -e->code. */
int err_status(struct err *e, int status);

#endif
