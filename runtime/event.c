/* event.c - see event.h.  Runs in: host, supervisor. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/event.h"

#define VALUE_MAX 256	/* bytes of one attribute: a line stays below PIPE_BUF */

static void quote(struct strbuf *b, const char *s)
{
	strbuf_addc(b, '"');
	for (size_t n = 0; s && *s && n < VALUE_MAX; s++, n++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			strbuf_addf(b, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			strbuf_addf(b, "\\u%04x", c);
		else
			strbuf_addc(b, (char)c);
	}
	strbuf_addc(b, '"');
}

/* The file that is full, and not a new one that somebody has begun meanwhile: one of all that find
 * it full renames it. */
static void rotate(const char *root, const char *path, int fd, const struct stat *full)
{
	AUTO_FREE char *old = mem_printf("%s/events.1", root);
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && lstat(path, &st) == 0 &&
	    st.st_ino == full->st_ino && st.st_dev == full->st_dev)
		rename(path, old);
}

void event_log(const char *root, const char *type, const char *action, const char *id,
	       const struct event_attr *attrs)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_FREE char *path = mem_printf("%s/events", root);
	AUTO_CLOSE int fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct timespec now;
	struct stat st;

	if (fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	strbuf_addf(&b, "{\"time\":%lld,\"timeNano\":%lld,\"Type\":", (long long)now.tv_sec,
		    (long long)now.tv_sec * 1000000000 + now.tv_nsec);
	quote(&b, type);
	strbuf_adds(&b, ",\"Action\":");
	quote(&b, action);
	strbuf_adds(&b, ",\"Actor\":{\"ID\":");
	quote(&b, id);
	strbuf_adds(&b, ",\"Attributes\":{");
	for (size_t i = 0; attrs && attrs[i].key && b.len < PIPE_BUF - 2 * VALUE_MAX; i++) {
		if (i)
			strbuf_addc(&b, ',');
		quote(&b, attrs[i].key);
		strbuf_addc(&b, ':');
		quote(&b, attrs[i].value);
	}
	strbuf_adds(&b, "}}}\n");
	if (fd_write_all(fd, b.s, b.len) == 0 && fstat(fd, &st) == 0 && st.st_size > EVENT_FILE_MAX)
		rotate(root, path, fd, &st);
}
