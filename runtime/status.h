/*
 * status.h - how a container last started and ended: a small text file that the
 * static supervisor writes and everybody reads.
 *
 * Runs in: host and supervisor.  "key value" lines, keys as below; unknown keys are
 * skipped, so old and new programs may meet.  Written whole by rename.
 */
#ifndef RUNTIME_STATUS_H
#define RUNTIME_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum status_reason {		/* why it ended; the word is in status_reason_name */
	STATUS_NONE, STATUS_EXIT, STATUS_SIGNAL, STATUS_OOM, STATUS_TIMEOUT, STATUS_IDLE,
	STATUS_CPU_TIME, STATUS_STOPPED, STATUS_STOP_TIMEOUT, STATUS_KILLED, STATUS_SECCOMP,
	STATUS_HOST_SHUTDOWN, STATUS_UNHEALTHY, STATUS_SUPERVISOR_LOST, STATUS_START_FAILED,
};

struct status {
	enum status_reason reason;
	int32_t exit_code;		/* as `wait` prints it: 128+N for a signal */
	int32_t signal;			/* that ended it, 0: none */
	int32_t sender_pid, sender_uid;	/* who asked us to stop or kill, -1: unknown */
	bool oom_killed, stopped_by_user;
	int64_t created_ns, started_ns, finished_ns;	/* since the epoch; 0: never */
	uint32_t restarts;		/* since it was last started by a person */
	int32_t pid;			/* of the init while it runs, else 0 */
	uint64_t pid_start;
	int32_t supervisor;
	uint64_t oom_limit, oom_peak;	/* bytes, 0: unknown */
	uint64_t cpu_usec, memory_peak;	/* what it used up to its end */
	int32_t syscall;		/* STATUS_SECCOMP: number, -1: unknown */
	uint32_t syscall_arch;		/* its AUDIT_ARCH_* */
	char oom_task[32];		/* the process that the OOM killer took; "": unknown */
	int32_t oom_pid;
	char health[16];		/* "starting" "healthy" "unhealthy" or "" */
	uint32_t health_failing;
	char error[256];		/* STATUS_START_FAILED: the message */
};

/* dirfd: containers/ID.  Absent: all zero. */
int status_load(int dirfd, struct status *ret, struct err *e);
/* -ENOENT: there is no containers/ID. */
int status_load_of(int containers_fd, const char *id, struct status *ret, struct err *e);
/* Replaced as a whole; on a full disk written over in place, so that the end is known there too. */
int status_save(int dirfd, const struct status *s, bool durable, struct err *e);
const char *status_reason_name(enum status_reason r);

#endif
