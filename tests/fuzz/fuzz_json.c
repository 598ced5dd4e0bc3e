/*
 * JSON from outside: whatever the bytes are, parsing, reading by rows and writing stay within
 * their bounds, and what was taken comes back the same after it is written.
 */
#include <string.h>

#include "base/json.h"

struct doc {
	const char *str;
	bool flag;
	uint16_t u16;
	uint32_t u32;
	int32_t i32;
	uint64_t u64;
	int64_t i64;
	char **strs;
	struct json_map map;
	struct json_opt_i64 opt;
	struct doc *docs;
	size_t ndocs;
};

static int read_doc(struct json_ctx *c, const struct json *v, void *field);

static int read_docs(struct json_ctx *c, const struct json *v, void *field)
{
	struct doc *d = (struct doc *)(void *)((char *)field - offsetof(struct doc, docs));

	return json_read_array(c, v, sizeof(*d), read_doc, &d->docs, &d->ndocs);
}

static int read_doc(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "s", json_read_str, offsetof(struct doc, str), true },
		{ "b", json_read_bool, offsetof(struct doc, flag), false },
		JSON_ROW(struct doc, u16, json_read_u16),
		JSON_ROW(struct doc, u32, json_read_u32),
		JSON_ROW(struct doc, i32, json_read_i32),
		JSON_ROW(struct doc, u64, json_read_u64),
		JSON_ROW(struct doc, i64, json_read_i64),
		JSON_ROW(struct doc, strs, json_read_strs),
		JSON_ROW(struct doc, map, json_read_map),
		JSON_ROW(struct doc, opt, json_read_opt_i64),
		JSON_ROW(struct doc, docs, read_docs),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static void check_message(const struct err *e)
{
	if (!e->msg[0] || strchr(e->msg, '\n') || strlen(e->msg) >= sizeof(e->msg))
		__builtin_trap();
}

static void write_again(struct arena *a, const struct json *v, unsigned indent, struct strbuf *b)
{
	struct json_limits lim = { 1u << 24, 32 };
	const struct json *again;
	struct err e = ERR_INIT;
	struct json_out o;

	json_out_init(&o, b, indent);
	json_out_value(&o, NULL, v);
	if (json_parse(a, b->s, b->len, lim, "again", &again, &e) < 0)
		__builtin_trap();
	strbuf_reset(b);
	json_out_init(&o, b, 0);
	json_out_value(&o, NULL, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena *a = arena_new(32u << 20), *small = arena_new(1);
	AUTO(strbuf) struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct json_limits lim = { 1u << 16, 32 };
	struct err e = ERR_INIT;
	struct json_ctx c = { .a = a, .e = &e, .what = "doc", .strict = size & 1 };
	const struct json *v = NULL;
	struct doc d = { 0 };

	if (json_parse(small, (const char *)data, size, lim, "doc", &v, &e) < 0)
		check_message(&e);
	if (json_parse(a, (const char *)data, size, lim, "doc", &v, &e) < 0) {
		check_message(&e);
		return 0;
	}
	if (read_doc(&c, v, &d) < 0)
		check_message(&e);
	c.a = small;
	if (read_doc(&c, v, &d) < 0)
		check_message(&e);
	write_again(a, v, 0, &once);
	write_again(a, v, 2, &twice);
	if (once.len != twice.len || memcmp(once.s, twice.s, once.len) != 0)
		__builtin_trap();
	return 0;
}
