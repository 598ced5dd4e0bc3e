/*
 * The small parsers of numbers, sizes, times, signals and paths: they take any text within
 * their bounds, and what they say of it holds.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"

#define HOLDS(x) do { if (!(x)) __builtin_trap(); } while (0)

static void numbers(const char *s)
{
	uint32_t u32, mode;
	uint64_t u64, bytes;
	int64_t i64, ns;
	double d;
	bool b;
	char buf[40];

	if (str_to_u32(s, &u32) == 0)
		HOLDS(str_to_u64(s, &u64) == 0 && u64 == u32);
	if (str_to_u64(s, &u64) == 0)
		HOLDS(str_to_bytes(s, &bytes) == 0 && bytes == u64);
	if (str_to_i64(s, &i64) == 0 && i64 >= 0 && *s != '-' && *s != '+')
		HOLDS(str_to_u64(s, &u64) == 0 && u64 == (uint64_t)i64);
	if (str_to_bytes(s, &bytes) == 0)
		HOLDS(strlen(str_bytes(bytes, buf)) < 16);
	if (str_to_duration(s, &ns) == 0)
		HOLDS(ns >= 0 && strlen(str_ago(ns, buf)) < 32);
	if (str_to_mode(s, &mode) == 0)
		HOLDS(mode <= 07777);
	(void)str_to_double(s, &d);
	(void)str_to_bool(s, &b);
}

static void times(const char *s)
{
	struct timespec t, u;
	char buf[40];

	if (str_to_time(s, &t) < 0)
		return;
	HOLDS(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
	str_time(t, buf);
	HOLDS(str_to_time(buf, &u) == 0);
	if (!str_starts(buf, "0001-01-01"))
		HOLDS(u.tv_sec == t.tv_sec && u.tv_nsec == t.tv_nsec);
}

static void paths(const char *s)
{
	AUTO_FREE char *clean = path_clean(s), *again = path_clean(clean);

	HOLDS(clean[0] == '/' && str_eq(clean, again));
	HOLDS(!strstr(clean, "//") && !strstr(clean, "/../") && !strstr(clean, "/./"));
	HOLDS(!str_ends(clean, "/..") && !str_ends(clean, "/.") && strlen(clean) <= strlen(s) + 1);
}

static void shown(const char *s, size_t n)
{
	AUTO_FREE char *all = mem_alloc(4 * n + 1);
	struct err e = ERR_INIT;
	uint32_t c = 0;

	str_printable(s, n, all, 4 * n + 1);
	for (const char *p = all; *p; p += str_utf8(p, strlen(p), &c))
		HOLDS(str_utf8(p, strlen(p), &c) > 0 && c >= 0x20 && (c < 0x7f || c >= 0xa0));
	err_set(&e, 2, "%s", all);
	err_wrap(&e, "%s", all);
	err_hint(&e, "%s", all);
	HOLDS(strlen(e.msg) < sizeof(e.msg));
	for (const char *p = e.msg; *p; p += str_utf8(p, strlen(p), &c))
		HOLDS(str_utf8(p, strlen(p), &c) > 0);	/* never cut within a character */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "memory", "memory-swap", "cap-add", "rm", NULL };
	AUTO(strlist) struct strlist parts = STRLIST_INIT;
	AUTO_FREE char *s = mem_alloc(size + 1);
	char buf[16];
	int sig, back;

	memcpy(s, data, size);
	numbers(s);
	times(s);
	paths(s);
	shown(s, size);
	if (proc_signal_parse(s, &sig) == 0) {
		HOLDS(sig >= 1 && sig <= 64);
		HOLDS(proc_signal_parse(proc_signal_name(sig, buf), &back) == 0 && back == sig);
	}
	(void)str_nearest(s, names);
	HOLDS(str_distance(s, s) == 0);
	strlist_split(&parts, s, '/', size & 1);
	strlist_sort(&parts);
	return 0;
}
