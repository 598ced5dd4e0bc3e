/*
 * log.h - what berth says besides its result: warnings and debug lines on stderr,
 * and the OCI commands' --log file (text or JSON lines).
 *
 * Used by host-side programs.  Settings are the one piece of file-scope state.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum log_level { LOG_LVL_ERROR, LOG_LVL_WARNING, LOG_LVL_INFO, LOG_LVL_DEBUG };

/* path NULL or "": no file.  format "text" or "json" (NULL is text).  The file is opened for
 * appending. */
int log_open(const char *path, const char *format, enum log_level level, struct err *e);
/* Prefix of lines on stderr, "berth" unless set. */
void log_name(const char *name);
void log_say(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_warn(...) log_say(LOG_LVL_WARNING, __VA_ARGS__)
#define log_debug(...) log_say(LOG_LVL_DEBUG, __VA_ARGS__)
/* "NAME: message" on stderr, and as a line of the log file. */
void log_error(const struct err *e);

#endif
