/*
 * proc.h - what the kernel says of processes: identity that survives reuse of a PID.
 *
 * Used by host-side programs and the supervisor.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Field 22 of /proc/PID/stat (clock ticks since boot).  -ESRCH when there is none. */
int proc_start_time(pid_t pid, uint64_t *ret);
/* State letter of /proc/PID/stat ('R', 'S', 'T', 'Z', ...), or -ESRCH. */
int proc_state(pid_t pid, char *ret);
/* /proc/sys/kernel/random/boot_id without newline; buf holds 37 bytes. */
int proc_boot_id(char buf[static 37]);
/* A pidfd of exactly that process: pid and start time must agree.  -ESRCH otherwise. */
int proc_open(pid_t pid, uint64_t start_time, int *ret_pidfd);
/* Signals exactly that process.  -ESRCH when it is gone (or the PID is somebody else's). */
int proc_kill(pid_t pid, uint64_t start_time, int sig);
/* Directory of the running program (/proc/self/exe), resolved; caller frees. */
char *proc_self_dir(void);
/* A sibling program of an installation: PREFIX/libexec/berth/NAME beside PREFIX/bin. */
char *proc_libexec(const char *name);

/* Signal names: "TERM", "SIGTERM", "sigrtmin+3", "15" -> number; -EINVAL. */
int proc_signal_parse(const char *s, int *ret);
const char *proc_signal_name(int sig, char buf[static 16]);	/* "TERM", "RTMIN+3" */

/* Kernel release as (major << 16 | minor), for messages and feature tables. */
unsigned proc_kernel_version(void);

#endif
