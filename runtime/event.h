/*
 * event.h - what happened: one JSON line per event in ROOT/events, for `berth events`.
 *
 * Runs in: host and supervisor.  A line is one append of less than PIPE_BUF, so writers need
 * no lock; at EVENT_FILE_MAX one of them, who has it locked, makes it events.1, and that one's
 * predecessor goes.
 * An event that cannot be written is lost; nothing else fails for it.
 */
#ifndef RUNTIME_EVENT_H
#define RUNTIME_EVENT_H

#include <stddef.h>

#define EVENT_FILE_MAX (1 << 20)

struct event_attr { const char *key, *value; };

/* type: "container" "image" "network" "volume"; attributes end with key NULL. */
void event_log(const char *root, const char *type, const char *action, const char *id,
	       const struct event_attr *attrs);

#endif
