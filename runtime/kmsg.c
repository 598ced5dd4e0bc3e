/* kmsg.c - see kmsg.h.  Runs in: supervisor.  Sources: dev-kmsg in the kernel's ABI documents,
 * audit_seccomp() and dump_oom_victim() for the texts. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/kmsg.h"

#define WAIT_SECONDS 2
#define RECORD_MAX 8192		/* a shorter buffer gets -EINVAL */
#define INITIAL_PID_NS 0xeffffffcu
#define AUDIT_TAIL 65536
#define SECOND INT64_C(1000000000)
#define SLACK SECOND	/* the log's clock is not quite CLOCK_MONOTONIC */

/* The number behind the last `key` of the text. */
static bool number(const char *text, const char *key, int base, long long *ret)
{
	const char *at = NULL;
	char *end;

	for (const char *p = text; (p = strstr(p, key)); p++)
		at = p + strlen(key);
	if (!at)
		return false;
	*ret = strtoll(at, &end, base);
	return end > at;
}

bool kmsg_parse_call(const char *text, pid_t pid, struct kmsg_call *ret)
{
	long long who, sig, arch, nr;

	/* Names of processes come quoted or as hex digits, so they have no blank. */
	if ((!strstr(text, "type=1326 ") && !strstr(text, "type=SECCOMP ")) ||
	    !number(text, " pid=", 10, &who) || who != pid ||
	    !number(text, " sig=", 10, &sig) || sig == 0 || !number(text, " arch=", 16, &arch) ||
	    !number(text, " syscall=", 10, &nr))
		return false;
	ret->arch = (uint32_t)arch;
	ret->nr = (int32_t)nr;
	return true;
}

bool kmsg_parse_victim(const char *text, const char *id, struct kmsg_victim *ret)
{
	const char *line = strstr(text, "oom-kill:");
	const char *memcg = line ? strstr(line, ",task_memcg=") : NULL;
	const char *task = memcg ? strstr(memcg, ",task=") : NULL, *end = NULL;
	long long pid;
	size_t n;

	if (!task || !memmem(memcg, (size_t)(task - memcg), id, strlen(id)) ||
	    !number(task, ",pid=", 10, &pid))
		return false;
	/* a name may have commas, and lies: its end is the last of them */
	for (const char *p = task; (p = strstr(p, ",pid=")); p++)
		end = p;
	task += strlen(",task=");
	n = (size_t)(end - task) < sizeof(ret->task) ? (size_t)(end - task)
						     : sizeof(ret->task) - 1;
	memcpy(ret->task, task, n);
	ret->task[n] = 0;
	ret->pid = (int32_t)pid;
	return true;
}

/* "6,1234,5678901,-;text": priority, number, microseconds; lines that go on begin with a blank. */
static const char *text_of(char *record, int64_t since)
{
	char *semicolon = strchr(record, ';');
	char *comma = semicolon ? strchr(record, ',') : NULL;
	long long usec;

	comma = comma ? strchr(comma + 1, ',') : NULL;
	if (!comma || comma > semicolon)
		return NULL;
	usec = strtoll(comma + 1, NULL, 10);
	return usec * 1000 + SLACK < since ? NULL : semicolon + 1;
}

/* The audit system's thread writes what it has to say some time after the end that it speaks of:
 * so there is a wait. */
static bool find(int64_t since, bool (*parse)(const char *text, const void *key, void *ret),
		 const void *key, void *ret)
{
	AUTO_CLOSE int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	AUTO_FREE char *record = mem_alloc(RECORD_MAX + 1);
	struct timespec until, now;
	bool found = false;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_SECONDS;
	while (fd >= 0) {
		ssize_t n = read(fd, record, RECORD_MAX);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		const char *text;

		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;	/* overwritten while we read */
		if (n < 0 && errno == EAGAIN && !found) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec < until.tv_sec && poll(&p, 1, 1000) > 0)
				continue;
		}
		if (n <= 0)
			break;
		record[n] = 0;
		text = text_of(record, since);
		found |= text && parse(text, key, ret);
	}
	return found;
}

static bool parse_call(const char *text, const void *key, void *ret)
{
	return kmsg_parse_call(text, *(const pid_t *)key, ret);
}

/* "…msg=audit(1795289235.503:86): …", seconds since the epoch, is not before that. */
static bool not_before(const char *line, int64_t since)
{
	long long seconds;

	return number(line, "msg=audit(", 10, &seconds) && (seconds + 1) * SECOND >= since;
}

bool kmsg_find_audited(int fd, pid_t pid, int64_t since, struct kmsg_call *ret)
{
	AUTO_FREE char *text = mem_alloc(AUDIT_TAIL + 1);
	struct stat st;
	ssize_t n = -1;
	bool found = false;

	if (fstat(fd, &st) == 0)
		n = pread(fd, text, AUDIT_TAIL,
			  st.st_size > AUDIT_TAIL ? st.st_size - AUDIT_TAIL : 0);
	if (n <= 0)
		return false;
	text[n] = 0;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		found |= not_before(line, since) && kmsg_parse_call(line, pid, ret);
	}
	return found;
}

/* An audit daemon is told what the kernel's log then lacks. */
static bool ask_audit_log(pid_t pid, int64_t since, struct kmsg_call *ret)
{
	AUTO_CLOSE int fd = open("/var/log/audit/audit.log", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct timespec boot, now;

	if (fd < 0)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &boot);
	clock_gettime(CLOCK_REALTIME, &now);
	since += (now.tv_sec - boot.tv_sec) * SECOND;
	return kmsg_find_audited(fd, pid, since - SLACK, ret);
}

bool kmsg_find_call(pid_t pid, int64_t since, struct kmsg_call *ret)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino != INITIAL_PID_NS)
		return false;
	return find(since, parse_call, &pid, ret) || ask_audit_log(pid, since, ret);
}

static bool parse_victim(const char *text, const void *key, void *ret)
{
	return kmsg_parse_victim(text, key, ret);
}

bool kmsg_find_victim(const char *id, int64_t since, struct kmsg_victim *ret)
{
	return find(since, parse_victim, id, ret);
}
