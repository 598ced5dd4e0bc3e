/*
 * logfile.c - the container's output as a log: CRI lines or JSON lines in a bounded number
 * of files, or the journal.  Runs in: supervisor.
 *
 * containers/ID/log is written; at log-size it becomes log.1, the next one log.2 and so on: a
 * file that is full keeps its number, so that who reads knows which comes next, whatever is
 * renamed, compressed or removed meanwhile.  What is more than log-files goes, oldest first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "runtime/log_place.h"
#include "runtime/watch.h"

static char out[8192];
static size_t used;
static const char *attrs;	/* of each line, see log_place.h; NULL: none */
/* Of a character that is not whole yet: of stdout, of stderr. */
static struct { char s[4]; size_t n; } rest[2];

static bool is_json(void)
{
	return str_eq(W.log, "json-file");
}

static void open_current(void)
{
	struct stat st;

	W.log_fd = openat((int)W.log_dir, W.log_name,
			  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
			  0640);
	W.log_bytes = W.log_fd >= 0 && fstat(W.log_fd, &st) == 0 ? st.st_size : 0;
}

/* socket(7): the kernel doubles what is asked for, for its own bookkeeping. */
static void grow_buffer(int fd, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

void logfile_open(void)
{
	attrs = getenv(LOG_PLACE_ATTRS);
	if (str_eq(W.log, "none") || str_eq(W.log, "passthrough") || !W.log)
		return;
	if (str_eq(W.log, "journald")) {
		struct sockaddr_un a = { .sun_family = AF_UNIX,
					 .sun_path = "/run/systemd/journal/socket" };

		W.journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (W.journal_fd >= 0 &&
		    connect(W.journal_fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			fd_close(&W.journal_fd);
		else if (W.log_buffer > 0)	/* what the journal has not taken yet lies there */
			grow_buffer(W.journal_fd, (int)W.log_buffer);
		return;
	}
	open_current();
}

static void flush(void)
{
	/* a full disk loses log lines, never the container */
	if (used && W.log_fd >= 0 && fd_write_all(W.log_fd, out, used) == 0)
		W.log_bytes += (int64_t)used;
	used = 0;
}

static const char *name_of(int64_t n, const char *end, struct strbuf *b)
{
	strbuf_reset(b);
	strbuf_addf(b, "%s.%lld%s", W.log_name, (long long)n, end);
	return b->s;
}

static void compress(const char *name)
{
	const char *args[] = { "internal-compress", W.id, name, NULL };

	watch_berth(args, false);	/* reaped with the other children */
}

/* The highest number that is there: of an earlier life of the container. */
static int64_t last_number(void)
{
	int fd = openat((int)W.log_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int64_t last = 0;

	while (d && (de = readdir(d))) {
		int64_t n = log_place_number(de->d_name, W.log_name);

		last = n > last ? n : last;
	}
	if (d)
		closedir(d);
	else
		fd_close(&fd);
	return last;
}

static void rotate(void)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	int64_t keep = W.log_files > 0 ? W.log_files : 1, n;

	flush();
	fd_close(&W.log_fd);
	if (!W.log_number)
		W.log_number = last_number();
	n = ++W.log_number;
	if (keep == 1)
		unlinkat((int)W.log_dir, W.log_name, 0);
	else
		renameat((int)W.log_dir, W.log_name, (int)W.log_dir, name_of(n, "", &b));
	if (n - keep + 1 > 0) {
		unlinkat((int)W.log_dir, name_of(n - keep + 1, "", &b), 0);
		unlinkat((int)W.log_dir, name_of(n - keep + 1, ".gz", &b), 0);
	}
	/* the newest stays plain: a follower is likely to be in it */
	if (W.log_compress && keep > 2 && n > 1 &&
	    faccessat((int)W.log_dir, name_of(n - 1, "", &b), F_OK, 0) == 0)
		compress(b.s);
	open_current();
}

static void put(const char *s, size_t n)
{
	while (n) {
		size_t k = sizeof(out) - used < n ? sizeof(out) - used : n;

		memcpy(out + used, s, k);
		used += k;
		s += k;
		n -= k;
		if (used == sizeof(out))
			flush();
	}
}

static void put_json(const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0, k; i < n; i += k ? k : 1) {
		uint32_t c = 0;

		k = str_utf8(s + i, n - i, &c);
		if (k == 0) {
			put("\\ufffd", 6);	/* JSON has no bytes that are no text */
		} else if (c == '"' || c == '\\') {
			char esc[2] = { '\\', (char)c };

			put(esc, 2);
		} else if (c < 0x20) {
			char esc[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

			put(c == '\n' ? "\\n" : esc, c == '\n' ? 2 : 6);
		} else {
			put(s + i, k);
		}
	}
}

/* How many bytes at the end may be the beginning of a character. */
static size_t cut_off(const char *s, size_t n)
{
	for (size_t k = 1; k < 4 && k <= n; k++) {
		unsigned char c = (unsigned char)s[n - k];

		if (c >= 0xc2)
			return k < (c < 0xe0 ? 2u : c < 0xf0 ? 3u : 4u) ? k : 0;
		if (c < 0x80)
			return 0;
	}
	return 0;
}

/* A part of a line may end within a character, whose other part begins the next one. */
static void put_json_text(int type, const char *line, size_t n, bool whole)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	bool err = type == SUP_ERR;
	size_t keep;

	strbuf_add(&b, rest[err].s, rest[err].n);
	strbuf_add(&b, line, n);
	keep = whole ? 0 : cut_off(b.s, b.len);
	put_json(b.s, b.len - keep);
	memcpy(rest[err].s, b.s + (b.len - keep), keep);
	rest[err].n = keep;
}

/* A journal that is behind is waited for, unless mode=non-blocking; one that hangs once, until it
 * takes a line again. */
static void journal_send(const struct strbuf *b)
{
	struct pollfd p = { .fd = W.journal_fd, .events = POLLOUT };
	int r;

	while (send(W.journal_fd, b->s, b->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || W.journal_hangs || W.log_buffer > 0)
			return;
		r = poll(&p, 1, 5000);
		if (r == 0 || (r < 0 && errno != EINTR)) {
			W.journal_hangs = true;
			return;
		}
	}
	W.journal_hangs = false;
}

static void journal(int type, const char *line, size_t n, bool whole)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	const char *tag = W.tag ? W.tag : W.name ? W.name : W.id;
	uint64_t len = n;	/* little-endian, as the journal's native protocol wants it */

	strbuf_addf(&b, "PRIORITY=%d\nCONTAINER_ID=%.12s\nCONTAINER_ID_FULL=%s\nCONTAINER_NAME=%s\n"
		    "SYSLOG_IDENTIFIER=%s\nCONTAINER_TAG=%s\n%s%sMESSAGE\n",
		    type == SUP_ERR ? 3 : 6, W.id, W.id, W.name ? W.name : "", tag, tag,
		    attrs ? attrs : "",
		    whole ? "" : "CONTAINER_PARTIAL_MESSAGE=true\n");	/* Docker's word */
	strbuf_add(&b, &len, sizeof(len));
	strbuf_add(&b, line, n);
	strbuf_addc(&b, '\n');
	journal_send(&b);
}

static void line_out(int type, const char *time, const char *line, size_t n, bool whole)
{
	const char *stream = type == SUP_ERR ? "stderr" : "stdout";

	if (W.journal_fd >= 0) {
		journal(type, line, n, whole);
		return;
	}
	if (is_json()) {
		put("{\"log\":\"", 8);
		put_json_text(type, line, n, whole);
		put(whole ? "\\n\",\"stream\":\"" : "\",\"stream\":\"", whole ? 14 : 12);
		put(stream, 6);
		if (attrs) {
			put("\",\"attrs\":{", 11);
			put(attrs, strlen(attrs));
			put("},\"time\":\"", 10);
		} else {
			put("\",\"time\":\"", 10);
		}
		put(time, strlen(time));
		put("\"}\n", 3);
		return;
	}
	put(time, strlen(time));
	put(" ", 1);
	put(stream, 6);
	put(whole ? " F " : " P ", 3);
	put(line, n);
	put("\n", 1);
}

void logfile_write(int type, const char *data, size_t n)
{
	struct timespec now;
	char time[40];

	if (W.log_fd < 0 && W.journal_fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	str_time(now, time);
	while (n) {
		const char *nl = memchr(data, '\n', n);
		size_t k = nl ? (size_t)(nl - data) : n;

		line_out(type, time, data, k, nl != NULL);
		data += k + (nl != NULL);
		n -= k + (nl != NULL);
	}
	flush();
	if (W.log_fd >= 0 && W.log_size > 0 && W.log_bytes >= W.log_size)
		rotate();
}
