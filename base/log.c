/* log.c - see log.h. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static struct {
	const char *name;
	enum log_level level;
	int fd;
	bool json;
} settings = { "berth", LOG_LVL_WARNING, -1, false };

static const char *const levels[] = { "error", "warning", "info", "debug" };

int log_open(const char *path, const char *format, enum log_level level, struct err *e)
{
	bool json = str_eq(format, "json");
	int fd;

	if (!str_empty(format) && !json && !str_eq(format, "text"))
		return err_say(e, EINVAL, "unknown log format \"%s\" (text or json)", format);
	settings.level = level;
	settings.json = json;
	if (str_empty(path))
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd < 0)
		return err_set(e, errno, "open log file %s", path);
	fd_close(&settings.fd);
	settings.fd = fd;
	return 0;
}

void log_name(const char *name)
{
	settings.name = name;
}

static void to_stderr(const char *prefix, const char *msg)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	size_t n = strlen(msg);
	AUTO_FREE char *shown = mem_alloc(4 * n + 1);

	strbuf_addf(&b, "%s: %s%s\n", settings.name, prefix,
		    str_printable(msg, n, shown, 4 * n + 1));
	fd_write_all(STDERR_FILENO, b.s, b.len);
}

static void to_file(enum log_level level, const char *msg)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct timespec now;
	char time[40];

	if (settings.fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	str_time(now, time);
	if (settings.json) {
		struct json_out o;

		json_out_init(&o, &b, 0);
		json_out_obj(&o, NULL);
		json_out_str(&o, "level", levels[level]);
		json_out_str(&o, "msg", msg);
		json_out_str(&o, "time", time);
		json_out_end_obj(&o);
	} else {
		strbuf_addf(&b, "time=\"%s\" level=%s msg=", time, levels[level]);
		json_quote(&b, msg, strlen(msg));
	}
	strbuf_addc(&b, '\n');
	/* One write: lines of several processes do not mix (O_APPEND). */
	fd_write_all(settings.fd, b.s, b.len);
}

void log_say(enum log_level level, const char *fmt, ...)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	int keep = errno;
	va_list ap;

	if (level > settings.level)
		return;
	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (b.s) {
		to_file(level, b.s);
		/* What is asked for with --debug goes to the file when there is one. */
		if (level <= LOG_LVL_WARNING || settings.fd < 0)
			to_stderr(level == LOG_LVL_WARNING ? "warning: " :
				  level == LOG_LVL_DEBUG   ? "debug: " : "", b.s);
	}
	errno = keep;
}

void log_error(const struct err *e)
{
	int keep = errno;

	to_file(LOG_LVL_ERROR, e->msg);
	to_stderr("", e->msg);
	errno = keep;
}
