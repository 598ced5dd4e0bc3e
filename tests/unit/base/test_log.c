/* The log file and what goes to stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"

static char *captured(void (*fn)(void))
{
	int keep = dup(STDERR_FILENO);
	AUTO_CLOSE int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *s = NULL;

	dup2(fd, STDERR_FILENO);
	fn();
	dup2(keep, STDERR_FILENO);
	close(keep);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(fd_read_all(fd, 1 << 16, &s, NULL), 0);
	return s;
}

static void say(void)
{
	struct err err = ERR_INIT;

	log_warn("low on %s\033[1m", "disk");
	log_debug("step %d", 3);
	err_set(&err, ENOENT, "open \"x\"");
	errno = EXDEV;
	log_error(&err);
	log_say(LOG_LVL_INFO, "hello");
	assert_int_equal(errno, EXDEV);
}

static char *path_in(char *dir)
{
	assert_non_null(mkdtemp(dir));
	return path_join(dir, "log");
}

static void log__no_file__stderr_only(void **state)
{
	AUTO_FREE char *s = NULL, *d = NULL;
	struct err e = ERR_INIT;

	(void)state;
	s = captured(say);
	assert_string_equal(s, "berth: warning: low on disk\\x1b[1m\n"
			       "berth: open \"x\": No such file or directory\n");
	assert_int_equal(log_open("", NULL, LOG_LVL_DEBUG, &e), 0);
	log_name("berth-image");
	d = captured(say);
	log_name("berth");
	assert_string_equal(d, "berth-image: warning: low on disk\\x1b[1m\n"
			       "berth-image: debug: step 3\n"
			       "berth-image: open \"x\": No such file or directory\n"
			       "berth-image: hello\n");
}

static void log__json_file__lines(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 20);
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	char dir[] = "/tmp/berth-test-log-XXXXXX";
	AUTO_FREE char *path = path_in(dir), *text = NULL, *shown = NULL;
	struct json_limits lim = JSON_LIMITS_DEFAULT;
	struct err e = ERR_INIT;
	struct timespec t;

	(void)state;
	assert_int_equal(log_open(path, "json", LOG_LVL_DEBUG, &e), 0);
	shown = captured(say);
	assert_null(strstr(shown, "step"));	/* the file has it */
	assert_int_equal(path_read_file(AT_FDCWD, path, 1 << 16, &text, NULL, &e), 0);
	strlist_split(&lines, text, '\n', true);
	assert_int_equal(lines.n, 4);
	for (size_t i = 0; i < lines.n; i++) {
		static const char *const levels[] = { "warning", "debug", "error", "info" };
		static const char *const msgs[] = { "low on disk\033[1m", "step 3",
						    "open \"x\": No such file or directory",
						    "hello" };
		const struct json *v;

		assert_int_equal(json_parse(a, lines.v[i], strlen(lines.v[i]), lim, "line", &v, &e),
				 0);
		assert_string_equal(json_str(json_get(v, "level")), levels[i]);
		assert_string_equal(json_str(json_get(v, "msg")), msgs[i]);
		assert_int_equal(str_to_time(json_str(json_get(v, "time")), &t), 0);
	}
	assert_int_equal(path_remove_tree(AT_FDCWD, dir, &e), 0);
}

static void log__text_file__appended(void **state)
{
	char dir[] = "/tmp/berth-test-log-XXXXXX";
	AUTO_FREE char *path = path_in(dir), *text = NULL, *shown = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(path_write_file(AT_FDCWD, path, "before\n", 7, 0644, false, &e), 0);
	assert_int_equal(log_open(path, NULL, LOG_LVL_WARNING, &e), 0);
	shown = captured(say);
	assert_int_equal(path_read_file(AT_FDCWD, path, 1 << 16, &text, NULL, &e), 0);
	assert_true(str_starts(text, "before\ntime=\"2"));
	assert_non_null(strstr(text, "Z\" level=warning msg=\"low on disk\\u001b[1m\"\n"));
	assert_non_null(
		strstr(text, " level=error msg=\"open \\\"x\\\": No such file or directory\"\n"));
	assert_null(strstr(text, "debug"));
	assert_int_equal(path_remove_tree(AT_FDCWD, dir, &e), 0);
}

static void log_open__wrong__refused(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(log_open("/tmp", "xml", LOG_LVL_INFO, &e), -EINVAL);
	assert_string_equal(e.msg, "unknown log format \"xml\" (text or json)");
	assert_int_equal(log_open("/none/such", "json", LOG_LVL_INFO, &e), -ENOENT);
	assert_string_equal(e.msg, "open log file /none/such: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log__no_file__stderr_only),
		cmocka_unit_test(log__json_file__lines),
		cmocka_unit_test(log__text_file__appended),
		cmocka_unit_test(log_open__wrong__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
