/* status.c - see status.h.  Runs in: host, supervisor. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/status.h"

static const char *const reason_names[] = {
	[STATUS_NONE] = "none",
	[STATUS_EXIT] = "exit",
	[STATUS_SIGNAL] = "signal",
	[STATUS_OOM] = "oom",
	[STATUS_TIMEOUT] = "timeout",
	[STATUS_IDLE] = "idle-timeout",
	[STATUS_CPU_TIME] = "cpu-time",
	[STATUS_STOPPED] = "stopped",
	[STATUS_STOP_TIMEOUT] = "stop-timeout",
	[STATUS_KILLED] = "killed",
	[STATUS_SECCOMP] = "seccomp",
	[STATUS_HOST_SHUTDOWN] = "host-shutdown",
	[STATUS_UNHEALTHY] = "unhealthy",
	[STATUS_SUPERVISOR_LOST] = "supervisor-lost",
	[STATUS_START_FAILED] = "start-failed",
};

const char *status_reason_name(enum status_reason r)
{
	return (size_t)r < ARRAY_SIZE(reason_names) ? reason_names[r] : "none";
}

enum kind { K_I32, K_U32, K_I64, K_U64, K_BOOL, K_TEXT, K_REASON };

static const struct row {
	const char *key;
	enum kind kind;
	size_t off, size;
} rows[] = {
#define ROW(key, kind, field) \
	{ key, kind, offsetof(struct status, field), sizeof(((struct status *)0)->field) }
	ROW("reason", K_REASON, reason),
	ROW("exit_code", K_I32, exit_code),
	ROW("signal", K_I32, signal),
	ROW("sender_pid", K_I32, sender_pid),
	ROW("sender_uid", K_I32, sender_uid),
	ROW("oom_killed", K_BOOL, oom_killed),
	ROW("stopped_by_user", K_BOOL, stopped_by_user),
	ROW("created_ns", K_I64, created_ns),
	ROW("started_ns", K_I64, started_ns),
	ROW("finished_ns", K_I64, finished_ns),
	ROW("restarts", K_U32, restarts),
	ROW("pid", K_I32, pid),
	ROW("pid_start", K_U64, pid_start),
	ROW("supervisor", K_I32, supervisor),
	ROW("oom_limit", K_U64, oom_limit),
	ROW("oom_peak", K_U64, oom_peak),
	ROW("cpu_usec", K_U64, cpu_usec),
	ROW("memory_peak", K_U64, memory_peak),
	ROW("syscall", K_I32, syscall),
	ROW("syscall_arch", K_U32, syscall_arch),
	ROW("oom_task", K_TEXT, oom_task),
	ROW("oom_pid", K_I32, oom_pid),
	ROW("health", K_TEXT, health),
	ROW("health_failing", K_U32, health_failing),
	ROW("error", K_TEXT, error),
#undef ROW
};

static void read_value(const struct row *w, const char *v, struct status *s)
{
	void *f = (char *)s + w->off;
	int64_t i = 0;
	uint64_t u = 0;

	if (w->kind == K_TEXT) {
		size_t n = strnlen(v, w->size - 1);

		memcpy(f, v, n);
		((char *)f)[n] = 0;
		return;
	}
	if (w->kind == K_REASON) {
		for (size_t k = 0; k < ARRAY_SIZE(reason_names); k++)
			if (str_eq(reason_names[k], v))
				*(enum status_reason *)f = (enum status_reason)k;
		return;
	}
	if (w->kind == K_U64 ? str_to_u64(v, &u) < 0 : str_to_i64(v, &i) < 0)
		return;
	switch (w->kind) {
	case K_I32: *(int32_t *)f = (int32_t)i; break;
	case K_U32: *(uint32_t *)f = (uint32_t)i; break;
	case K_I64: *(int64_t *)f = i; break;
	case K_U64: *(uint64_t *)f = u; break;
	case K_BOOL: *(bool *)f = i != 0; break;
	default: break;
	}
}

static int load(int dirfd, const char *name, struct status *ret, bool *ret_there, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t n;
	struct status s = { .sender_pid = -1, .sender_uid = -1, .syscall = -1 };
	size_t at = 0;		/* lines come in the order of the rows */
	int r = path_read_file(dirfd, name, 16384, &text, &n, e);

	*ret_there = r == 0;
	if (r == -ENOENT) {
		*ret = s;
		return 0;
	}
	if (r < 0)
		return r;
	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = 0;
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++, at++) {
			const struct row *w = &rows[at % ARRAY_SIZE(rows)];

			if (str_eq(w->key, line)) {
				read_value(w, value, &s);
				break;
			}
		}
	}
	*ret = s;
	return 0;
}

int status_load(int dirfd, struct status *ret, struct err *e)
{
	bool there;

	return load(dirfd, "status", ret, &there, e);
}

int status_load_of(int containers_fd, const char *id, struct status *ret, struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s/status", id);
	bool there;
	int r = load(containers_fd, name, ret, &there, e);

	if (r == 0 && !there && !path_exists(containers_fd, id))
		return err_say(e, ENOENT, "no such container: %s", id);
	return r;
}

static void write_value(struct strbuf *b, const struct row *w, const struct status *s)
{
	const void *f = (const char *)s + w->off;

	switch (w->kind) {
	case K_I32: strbuf_addf(b, "%s %d\n", w->key, *(const int32_t *)f); break;
	case K_U32: strbuf_addf(b, "%s %u\n", w->key, *(const uint32_t *)f); break;
	case K_I64: strbuf_addf(b, "%s %lld\n", w->key, (long long)*(const int64_t *)f); break;
	case K_U64:
		strbuf_addf(b, "%s %llu\n", w->key, (unsigned long long)*(const uint64_t *)f);
		break;
	case K_BOOL: strbuf_addf(b, "%s %d\n", w->key, *(const bool *)f); break;
	case K_REASON:
		strbuf_addf(b, "%s %s\n", w->key,
			    status_reason_name(*(const enum status_reason *)f));
		break;
	case K_TEXT: {
		char text[600];

		if (*(const char *)f)
			strbuf_addf(b, "%s %s\n", w->key,
				    str_printable(f, strlen(f), text, sizeof(text)));
		break;
	}
	}
}

/* A full disk has no room for a second file, but the blocks of this one are ours. */
static int overwrite(int dirfd, const struct strbuf *b, struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, "status", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, b->s, b->len);

	if (r == 0 && ftruncate(fd, (off_t)b->len) < 0)
		r = -errno;
	return r < 0 ? err_set(e, -r, "write status") : 0;
}

int status_save(int dirfd, const struct status *s, bool durable, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		write_value(&b, &rows[i], s);
	struct err full = ERR_INIT;
	int r = path_write_file(dirfd, "status", b.s, b.len, 0600, durable, &full);

	if (r == -ENOSPC || r == -EDQUOT)
		return overwrite(dirfd, &b, e);
	if (r < 0)
		*e = full;
	return r;
}
