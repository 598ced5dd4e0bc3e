/*
 * config.json from outside: whatever the bytes are, reading stays within its bounds; what was
 * taken is written, read again, and written the same; the rules look at it without falling over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "runtime/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO(strbuf) struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct spec *s;

	log_open(NULL, NULL, LOG_LVL_ERROR, &e);
	if (spec_read(a, (const char *)data, n, &s, &e) < 0) {
		if (!e.msg[0] || strchr(e.msg, '\n'))
			abort();	/* one line, always */
		return 0;
	}
	spec_check(s, &e);
	spec_write(s, &one);
	if (spec_read(a, one.s, one.len, &s, &e) < 0)
		abort();
	spec_write(s, &two);
	if (!str_eq(one.s, two.s))
		abort();
	return 0;
}
