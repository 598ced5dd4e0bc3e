/*
 * connect.h - what several commands do with a container that exists: find its process, start,
 * stop, wait, remove it.
 *
 * Used by cli/ only.
 */
#ifndef CLI_CONNECT_H
#define CLI_CONNECT_H

#include <stdint.h>

#include "cli/command.h"
#include "runtime/status.h"

enum connect_state { STATE_CREATED, STATE_RUNNING, STATE_PAUSED, STATE_RESTARTING, STATE_EXITED };

/* How it is now.  *ret_status may be NULL. */
int connect_state(const struct engine *en, const char *id, enum connect_state *ret,
		  struct status *ret_status, struct err *e);
/* The same for who asks for many: cgroups is "berth" below the cgroup2 mount, open, or -1. */
int connect_state_of(const struct engine *en, const char *id, int cgroups,
		     enum connect_state *ret, struct status *ret_status, struct err *e);
const char *connect_state_name(enum connect_state s);	/* "running" */
/* PID of the init of a running container, by name or id. */
int connect_pid(const struct engine *en, const char *what, pid_t *ret_pid,
		char ret_id[static 65], struct err *e);
/* It has a supervisor.  That its lock is held (run_alive) says no more than that somebody works on
 * it, who sweeps perhaps. */
bool connect_answers(struct cli *c, const char *id);
/* Starts what it --requires, in order. */
int connect_required(struct cli *c, const struct record *r, struct err *e);
/* Starts it, and what it requires, unless it runs (then nothing). */
int connect_start(struct cli *c, const char *id, struct err *e);
/* The same, and who waits at NOTIFY_SOCKET hears of it. */
int connect_start_told(struct cli *c, const char *id, struct err *e);
/* --time SECONDS of those who stop, -1: for ever.  *ret stays when text is NULL. */
int connect_seconds(const char *text, int32_t *ret, struct err *e);
/* sig 0: its own; timeout INT32_MIN: its own.  Returns when it has ended and is cleaned up; not
 * running is success. */
int connect_stop(struct cli *c, const char *id, int sig, int32_t timeout, struct err *e);
/* The same, because the host goes down: it is not remembered as stopped by a person. */
int connect_shutdown(struct cli *c, const char *id, int32_t timeout, struct err *e);
/* Tells the supervisor a setting ("restart=1", "name=x"); nobody there is fine. */
void connect_tell(struct cli *c, const char *id, const char *setting);
int connect_kill(struct cli *c, const char *id, int sig, struct err *e);
/* For `berth events`: "kill" and the like, with its name (NULL: looked up). */
void connect_event(struct cli *c, const char *action, const char *id, const char *name);
/* Waits for its end → exit code. */
int connect_wait(struct cli *c, const char *id, int *ret_code, struct err *e);
/* Waits until its supervisor says that it is healthy: 1; 0: it has ended. */
int connect_wait_healthy(struct cli *c, const char *id, struct err *e);
/* force: also a running one. */
int connect_remove(struct cli *c, const char *id, bool force, bool volumes, struct err *e);

#endif
