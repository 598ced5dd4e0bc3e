/*
 * kmsg.h - what the kernel's log says of an end: which system call a filter killed for, and which
 * process the OOM killer took.
 *
 * Runs in: supervisor.  The parsers are pure: one record, as /dev/kmsg gives it, or its text.
 * With an audit daemon system calls are told to that instead, and stand at the end of its log.
 * What neither says stays unknown: in a PID namespace of our own PIDs are not the log's, and the
 * kernel's is a ring.
 */
#ifndef RUNTIME_KMSG_H
#define RUNTIME_KMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kmsg_call { uint32_t arch; int32_t nr; };	/* AUDIT_ARCH_* and number */
struct kmsg_victim { char task[32]; int32_t pid; };

/* "audit: type=1326 audit(…): … pid=8604 … sig=31 arch=c000003e syscall=83 …" of that pid. */
bool kmsg_parse_call(const char *text, pid_t pid, struct kmsg_call *ret);
/* The last such record at the end of an audit daemon's log ("type=SECCOMP msg=audit(…"), not older
 * than since (CLOCK_REALTIME, ns). */
bool kmsg_find_audited(int fd, pid_t pid, int64_t since, struct kmsg_call *ret);
/* "oom-kill:constraint=…,oom_memcg=…,task_memcg=/berth/ID,task=NAME,pid=N,uid=N" with id in it. */
bool kmsg_parse_victim(const char *text, const char *id, struct kmsg_victim *ret);

/* The last record of that kind not older than since (CLOCK_MONOTONIC, ns). */
bool kmsg_find_call(pid_t pid, int64_t since, struct kmsg_call *ret);
bool kmsg_find_victim(const char *id, int64_t since, struct kmsg_victim *ret);

#endif
