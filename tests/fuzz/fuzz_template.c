/* Templates of --format: any text is refused in words or runs within its bounds. */
#include <stdint.h>
#include <string.h>

#include "cli/template.h"
#include "cli/value.h"

#define HOLDS(x) do { if (!(x)) __builtin_trap(); } while (0)

static struct json *sample(struct arena *a)
{
	static char *const env[] = { (char *)"A=1", (char *)"B=2", NULL };
	struct json *v = value_object(a), *m = value_map(a);

	value_put_str(a, v, "ID", "0123");
	value_put_i64(a, v, "N", 7);
	value_put_bool(a, v, "B", true);
	value_put(v, "Z", value_absent(a));
	value_put(v, "E", value_strs(a, env));
	value_put_str(a, m, "k", "v");
	value_put(v, "M", m);
	value_put_method(v, "Label", value_map(a));
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena *a = arena_new(256u << 20), *run = arena_new(TEMPLATE_ARENA);
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;
	AUTO_FREE char *text = mem_strndup((const char *)data, size);
	const struct template *t;
	struct err e = ERR_INIT;
	int r = template_parse(a, text, strlen(text), &t, &e);

	HOLDS(r <= 0 && (r < 0) == (e.code != 0));
	if (r < 0)
		return 0;
	for (unsigned flags = 0; flags <= TEMPLATE_HEADER; flags++) {
		struct err again = ERR_INIT;

		strbuf_reset(&out);
		r = template_run(t, sample(a), flags, run, &out, &again);
		HOLDS(r <= 0 && (r < 0) == (again.code != 0));
		HOLDS(out.len < (64u << 20));
	}
	return 0;
}
