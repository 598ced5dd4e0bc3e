/* JSON from outside: what is taken, what is refused and with which words; and JSON out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static const struct json_limits limits = JSON_LIMITS_DEFAULT;

static const struct json *parse(struct arena *a, const char *text)
{
	struct err e = ERR_INIT;
	const struct json *v = NULL;

	if (json_parse(a, text, strlen(text), limits, "doc", &v, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return v;
}

static void json_parse__document__tree(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 20);
	const struct json *v, *list;

	(void)state;
	v = parse(a, " {\"a\": [1, -2.5e3, \"x\\u0000y\", null, true, false, {}, []],\n"
		     "\"b\\u00e4\": \"\\ud83d\\ude00\\/\"} ");
	assert_int_equal(v->type, JSON_OBJECT);
	assert_int_equal(v->n, 2);
	list = json_get(v, "a");
	assert_int_equal(list->n, 8);
	assert_string_equal(list->child->s, "1");
	assert_string_equal(list->child->next->s, "-2.5e3");
	assert_int_equal(list->child->next->next->n, 3);
	assert_memory_equal(list->child->next->next->s, "x\0y", 4);
	assert_null(json_str(list->child->next->next));
	assert_null(json_str(list->child));
	assert_string_equal(json_str(json_get(v, "b\xc3\xa4")), "\xf0\x9f\x98\x80/");
	assert_null(json_get(v, "none"));
	assert_null(json_get(list, "a"));
	assert_null(json_get(NULL, "a"));
	assert_null(json_str(NULL));
	assert_int_equal(parse(a, "5")->type, JSON_NUMBER);
	assert_int_equal(parse(a, "null")->type, JSON_NULL);
}

static void json_parse__bad__one_line_that_says_where(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "", "doc: not valid JSON: it ends too early" },
		{ "  ", "doc: not valid JSON: it ends too early" },
		{ "{", "doc: not valid JSON: it ends too early" },
		{ "[1,]", NULL },
		{ "{\"a\":1,}", NULL },
		{ "{a:1}", NULL },
		{ "'a'", NULL },
		{ "[1] 2", "doc: not valid JSON at byte 5: trailing garbage" },
		{ "{} {}", NULL },
		{ "01", NULL },
		{ "-", NULL },
		{ "1.", NULL },
		{ ".5", NULL },
		{ "+1", NULL },
		{ "1e", NULL },
		{ "NaN", NULL },
		{ "tru", NULL },
		{ "\"a", NULL },
		{ "\"a\nb\"", NULL },
		{ "\"\\x\"", NULL },
		{ "\"\\u12g4\"", NULL },
		{ "// x\n1", NULL },
		{ "/* x */ 1", NULL },
		{ "[}", NULL },
		{ "{]", NULL },
		{ "]", NULL },
		{ "{\"a\" 1}", NULL },
		{ "{1:2}", NULL },
		{ "[1 2]", NULL },
		{ "\xef\xbb\xbf{}", NULL },
		{ "\"\xff\"", "doc: invalid UTF-8 at byte 1" },
		{ "\"\xc0\x80\"", "doc: invalid UTF-8 at byte 1" },
		{ "\"\xed\xa0\x80\"", "doc: invalid UTF-8 at byte 1" },
		{ "\"ab\xc3", "doc: invalid UTF-8 at byte 3" },
		{ "\"\\ud800\"", "doc: half a surrogate pair at byte 1" },
		{ "\"\\udc00\"", "doc: half a surrogate pair at byte 1" },
		{ "\"\\uD800\\u0041\"", "doc: half a surrogate pair at byte 1" },
		{ "\"\\ud800x\"", "doc: half a surrogate pair at byte 1" },
		{ "{\"a\":1,\"a\":2}", "doc: the key \"a\" is there twice in one object" },
		{ "{\"a\\u000a\":1,\"a\\n\":2}",
		  "doc: the key \"a\\n\" is there twice in one object" },
		{ "{\"\\u0000\":1}", "doc: a key holds a NUL byte" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(arena) struct arena *a = arena_new(1 << 16);
		struct err e = ERR_INIT;
		const struct json *v = NULL;
		const char *t = cases[i].text;

		if (json_parse(a, t, strlen(t), limits, "doc", &v, &e) != -EINVAL)
			fail_msg("taken: %s", t);
		assert_null(v);
		assert_null(strchr(e.msg, '\n'));
		if (cases[i].msg)
			assert_string_equal(e.msg, cases[i].msg);
		else
			assert_true(str_starts(e.msg, "doc: not valid JSON"));
	}
}

static void json_parse__escaped_backslash_before_u__no_surrogate(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 16);

	(void)state;
	assert_string_equal(json_str(parse(a, "\"\\\\ud800\"")), "\\ud800");
}

static void json_parse__limits__refused_not_aborted(void **state)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_limits small = { 100, 3 };
	struct err e = ERR_INIT;
	const struct json *v;
	AUTO(arena) struct arena *a = arena_new(64 << 10);

	(void)state;
	assert_int_equal(json_parse(a, "[[[1]]]", 7, small, "x", &v, &e), 0);
	assert_int_equal(json_parse(a, "[[[[1]]]]", 9, small, "x", &v, &e), -EINVAL);
	assert_string_equal(e.msg, "x: nested deeper than 3 levels");
	for (int i = 0; i < 50000; i++)
		strbuf_adds(&b, i ? ",1" : "[1");
	strbuf_adds(&b, "]");
	assert_int_equal(json_parse(a, b.s, b.len, small, "x", &v, &e), -EFBIG);
	assert_string_equal(e.msg, "x: larger than 100 bytes");
	assert_int_equal(json_parse(a, b.s, b.len, limits, "x", &v, &e), -EFBIG);
	assert_string_equal(e.msg, "x: too large");
	strbuf_reset(&b);
	for (int i = 0; i < 100000; i++)
		strbuf_addc(&b, '[');
	assert_int_equal(json_parse(a, b.s, b.len, limits, "x", &v, &e), -EFBIG);
	assert_int_equal(json_parse(a, b.s, 100, limits, "x", &v, &e), -EFBIG);
}

static void json_parse__many_keys__duplicates_found(void **state)
{
	AUTO(arena) struct arena *a = arena_new(256 << 20);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct err e = ERR_INIT;
	const struct json *v;

	(void)state;
	strbuf_adds(&b, "{");
	for (int i = 0; i < 200000; i++)
		strbuf_addf(&b, "\"k%d\":%d,", i, i);
	strbuf_adds(&b, "\"last\":0}");
	assert_int_equal(json_parse(a, b.s, b.len, limits, "x", &v, &e), 0);
	assert_int_equal(v->n, 200001);
	memcpy(b.s + b.len - 8, "k777", 4);
	assert_int_equal(json_parse(a, b.s, b.len, limits, "x", &v, &e), -EINVAL);
	assert_string_equal(e.msg, "x: the key \"k777\" is there twice in one object");
}

struct user { uint32_t uid; char **groups; };
struct process {
	const char *cwd;
	bool terminal;
	struct user user;
	struct json_map env;
	int32_t adj;
	uint16_t port;
	uint64_t bytes;
	struct json_opt_i64 limit;
	struct json_opt_u64 opt_u64;
	struct json_opt_u32 opt_u32;
	struct json_opt_bool opt_bool;
	struct user *users;
	size_t nusers;
};

static int read_user(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "uid", json_read_u32, offsetof(struct user, uid), true },
		JSON_ROW(struct user, groups, json_read_strs),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_users(struct json_ctx *c, const struct json *v, void *field)
{
	struct process *p =
		(struct process *)(void *)((char *)field - offsetof(struct process, users));

	return json_read_array(c, v, sizeof(struct user), read_user, &p->users, &p->nusers);
}

static const struct json_row process_rows[] = {
	JSON_ROW(struct process, cwd, json_read_str),
	JSON_ROW(struct process, terminal, json_read_bool),
	JSON_ROW(struct process, user, read_user),
	JSON_ROW(struct process, env, json_read_map),
	JSON_ROW(struct process, adj, json_read_i32),
	JSON_ROW(struct process, port, json_read_u16),
	JSON_ROW(struct process, bytes, json_read_u64),
	JSON_ROW(struct process, limit, json_read_opt_i64),
	JSON_ROW(struct process, opt_u64, json_read_opt_u64),
	JSON_ROW(struct process, opt_u32, json_read_opt_u32),
	JSON_ROW(struct process, opt_bool, json_read_opt_bool),
	JSON_ROW(struct process, users, read_users),
};

static int read_process(struct arena *a, struct arena *to, const char *text, bool strict,
			struct process *p, struct err *e)
{
	struct json_ctx c = { .a = to, .e = e, .what = "config.json", .strict = strict };
	int r;

	*p = (struct process){ 0 };
	json_enter(&c, "process", 0);
	r = json_read_rows(&c, parse(a, text), process_rows, ARRAY_SIZE(process_rows), p);
	json_leave(&c);
	assert_int_equal(c.depth, 0);
	return r;
}

static const char full[] =
	"{\"cwd\":\"/x\",\"terminal\":true,\"user\":{\"uid\":1e3,\"groups\":[\"a\",\"b\"]},"
	"\"env\":{\"K\":\"V\",\"A\":\"\"},\"adj\":-1000,\"port\":65535,"
	"\"bytes\":18446744073709551615,\"limit\":-9223372036854775808,"
	"\"opt_u64\":null,\"opt_u32\":1.50e1,\"opt_bool\":false,"
	"\"users\":[{\"uid\":1},{\"uid\":2}],\"other\":{}}";

static void json_read_rows__all_readers__filled(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 20), *b = arena_new(1 << 20);
	struct process p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_process(a, b, full, false, &p, &e), 0);
	arena_free(TAKE(a));	/* nothing points to where the tree was */
	assert_string_equal(p.cwd, "/x");
	assert_true(p.terminal);
	assert_int_equal(p.user.uid, 1000);
	assert_string_equal(p.user.groups[1], "b");
	assert_null(p.user.groups[2]);
	assert_int_equal(p.env.n, 2);
	assert_string_equal(p.env.v[0].key, "K");
	assert_string_equal(p.env.v[1].value, "");
	assert_int_equal(p.adj, -1000);
	assert_int_equal(p.port, 65535);
	assert_true(p.bytes == UINT64_MAX);
	assert_true(p.limit.set && p.limit.v == INT64_MIN);
	assert_false(p.opt_u64.set);
	assert_true(p.opt_u32.set && p.opt_u32.v == 15);
	assert_true(p.opt_bool.set && !p.opt_bool.v);
	assert_int_equal(p.nusers, 2);
	assert_int_equal(p.users[1].uid, 2);
}

static void json_read_rows__mismatch__path_and_reason(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "[]", "process: expected an object, not an array" },
		{ "{\"user\":{\"uid\":\"0\"}}",
		  "process.user.uid: expected an unsigned 32-bit number, not a string" },
		{ "{\"user\":{\"uid\":1.5}}",
		  "process.user.uid: expected an unsigned 32-bit number, not 1.5" },
		{ "{\"user\":{\"uid\":4294967296}}",
		  "process.user.uid: expected an unsigned 32-bit number, and 4294967296 is out of "
		  "range (0 to 4294967295)" },
		{ "{\"user\":{\"uid\":-1}}",
		  "process.user.uid: expected an unsigned 32-bit number, and -1 is out of range "
		  "(0 to 4294967295)" },
		{ "{\"user\":{}}", "process.user.uid: this field is required" },
		{ "{\"user\":{\"uid\":null}}", "process.user.uid: this field is required" },
		{ "{\"user\":{\"uid\":1,\"groups\":[\"a\",5]}}",
		  "process.user.groups[1]: expected a string, not a number" },
		{ "{\"users\":[{\"uid\":1},{\"uid\":true}]}",
		  "process.users[1].uid: expected an unsigned 32-bit number, not true or false" },
		{ "{\"env\":{\"a.b\":{}}}",
		  "process.env[\"a.b\"]: expected a string, not an object" },
		{ "{\"env\":[]}", "process.env: expected an object of strings, not an array" },
		{ "{\"cwd\":\"a\\u0000\"}", "process.cwd: a string with a NUL byte" },
		{ "{\"terminal\":1}", "process.terminal: expected true or false, not a number" },
		{ "{\"port\":65536}", NULL },
		{ "{\"adj\":2147483648}", NULL },
		{ "{\"adj\":-2147483649}", NULL },
		{ "{\"limit\":9223372036854775808}", NULL },
		{ "{\"limit\":-9223372036854775809}", NULL },
		{ "{\"bytes\":18446744073709551616}", NULL },
		{ "{\"bytes\":1e20}", NULL },
		{ "{\"bytes\":1e999999999999999999999}", NULL },
		{ "{\"bytes\":1e-1}", NULL },
		{ "{\"bytes\":10.01}", NULL },
		{ "{\"bytes\":5e-999999999999999999}", NULL },
		{ "{\"groups\":1}", NULL },
		{ "{\"users\":{}}", NULL },
		{ "{\"terminl\":true}",
		  "process.terminl: unknown field (did you mean \"terminal\"?)" },
		{ "{\"zzzzz\":true}", "process.zzzzz: unknown field" },
		{ "{\"zz\\u001b\":true}", "process.zz\\x1b: unknown field" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(arena) struct arena *a = arena_new(1 << 20);
		struct process p;
		struct err e = ERR_INIT;

		if (read_process(a, a, cases[i].text, true, &p, &e) != -EINVAL)
			fail_msg("taken: %s", cases[i].text);
		assert_true(str_starts(e.msg, "config.json: process"));
		if (cases[i].msg)
			assert_string_equal(e.msg + strlen("config.json: "), cases[i].msg);
	}
}

static void json_read__whole_numbers__however_written(void **state)
{
	static const struct {
		const char *text;
		uint64_t v;
	} cases[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "0.0", 0 },
		{ "0e5", 0 },
		{ "1.0", 1 },
		{ "1e3", 1000 },
		{ "1E+3", 1000 },
		{ "1000e-3", 1 },
		{ "12.5e1", 125 },
		{ "0.001e3", 1 },
		{ "18446744073709551615", UINT64_MAX },
		{ "18446744073709551615.000", UINT64_MAX },
		{ "1844674407370955161.5e1", UINT64_MAX },
		{ "10000000000000000000000e-3", 0x8ac7230489e80000 },
		{ "0e999999999999999", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(arena) struct arena *a = arena_new(1 << 16);
		struct err e = ERR_INIT;
		struct json_ctx c = { .a = a, .e = &e, .what = "x" };
		uint64_t v = 1;

		if (json_read_u64(&c, parse(a, cases[i].text), &v) < 0)
			fail_msg("%s", e.msg);
		assert_true(v == cases[i].v);
	}
}

static void json_read__arena_too_small__refused_not_aborted(void **state)
{
	AUTO(arena) struct arena *a = arena_new(16 << 20), *small = arena_new(1);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct process p;
	struct err e = ERR_INIT;

	(void)state;
	strbuf_adds(&b, "{\"users\":[{\"uid\":1}");
	for (int i = 0; i < 5000; i++)
		strbuf_adds(&b, ",{\"uid\":1}");
	strbuf_adds(&b, "]}");
	assert_int_equal(read_process(a, small, b.s, true, &p, &e), -EINVAL);
	assert_string_equal(e.msg, "config.json: process.users: too large");
	strbuf_reset(&b);
	strbuf_addf(&b, "{\"cwd\":\"%05000d\"}", 0);
	assert_int_equal(read_process(a, small, b.s, true, &p, &e), -EINVAL);
}

static void json_enter__deeper_than_path__bounded(void **state)
{
	AUTO(arena) struct arena *a = arena_new(1 << 16);
	struct err e = ERR_INIT;
	struct json_ctx c = { .a = a, .e = &e, .what = "x" };

	(void)state;
	for (int i = 0; i < 200; i++)
		json_enter(&c, NULL, i);
	assert_int_equal(json_fail(&c, "deep"), -EINVAL);
	assert_true(str_starts(e.msg, "x: [0][1][2]"));
	for (int i = 0; i < 200; i++)
		json_leave(&c);
	assert_int_equal(c.depth, 0);
	json_fail(&c, "root");
	assert_string_equal(e.msg, "x: root");
}

static void write_all(struct json_out *o)
{
	json_out_obj(o, NULL);
	json_out_str(o, "s", "a\"\\\n\x01\xc3\xa4\xff");
	json_out_str(o, "null", NULL);
	json_out_strn(o, "nul", "a\0b", 3);
	json_out_i64(o, "i", INT64_MIN);
	json_out_u64(o, "u", UINT64_MAX);
	json_out_double(o, "d", 0.1);
	json_out_double(o, "inf", INFINITY);
	json_out_bool(o, "b", true);
	json_out_obj(o, "empty");
	json_out_end_obj(o);
	json_out_arr(o, "list");
	json_out_i64(o, NULL, 1);
	json_out_arr(o, NULL);
	json_out_end_arr(o);
	json_out_end_arr(o);
	json_out_strs(o, "none", NULL);
	json_out_strs(o, "strs", (char *[]){ (char[]){ "x" }, (char[]){ "y" }, NULL });
	json_out_end_obj(o);
}

static void json_quote__what_a_terminal_obeys__escaped(void **state)
{
	static const char text[] = "\x1b[m\x7f\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0\xff";
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	(void)state;
	json_quote(&b, text, sizeof(text) - 1);
	assert_string_equal(b.s, "\"\\u001b[m\\u007f\\u0080\\u009b\\u009f\xc2\xa0\xef\xbf\xbd\"");
}

static void json_out__everything__valid_both_ways(void **state)
{
	static const char compact[] =
		"{\"s\":\"a\\\"\\\\\\n\\u0001\xc3\xa4\xef\xbf\xbd\",\"null\":null,"
		"\"nul\":\"a\\u0000b\",\"i\":-9223372036854775808,\"u\":18446744073709551615,"
		"\"d\":0.1,\"inf\":null,\"b\":true,"
		"\"empty\":{},\"list\":[1,[]],\"none\":[],\"strs\":[\"x\",\"y\"]}";
	AUTO(arena) struct arena *a = arena_new(1 << 20);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT, again = STRBUF_INIT, pretty = STRBUF_INIT;
	struct json_out o;

	(void)state;
	json_out_init(&o, &b, 0);
	write_all(&o);
	assert_string_equal(b.s, compact);
	json_out_init(&o, &again, 0);
	json_out_value(&o, NULL, parse(a, b.s));
	assert_string_equal(again.s, b.s);
	json_out_init(&o, &pretty, 4);
	json_out_value(&o, NULL, parse(a, b.s));
	strbuf_reset(&again);
	json_out_init(&o, &again, 0);
	json_out_value(&o, NULL, parse(a, pretty.s));
	assert_string_equal(again.s, b.s);
	assert_non_null(strstr(pretty.s, "{\n    \"s\": "));
	assert_non_null(
		strstr(pretty.s, "\"list\": [\n        1,\n        []\n    ],\n    \"none\": []"));
	assert_true(str_ends(pretty.s, "\n}"));
}

static void json_out__several_documents__no_comma(void **state)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out o;

	(void)state;
	json_out_init(&o, &b, 0);
	json_out_i64(&o, NULL, 1);
	strbuf_addc(&b, '\n');
	json_out_obj(&o, NULL);
	json_out_end_obj(&o);
	strbuf_addc(&b, '\n');
	json_out_null(&o, NULL);
	assert_string_equal(b.s, "1\n{}\nnull");
}

static void json_out_double__values__come_back_exactly(void **state)
{
	static const double values[] = { 0,	  1,	 -1.5,	 0.1,
					 1.0 / 3, 1e300, 5e-324, 123456789.123456789 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		AUTO(strbuf) struct strbuf b = STRBUF_INIT;
		struct json_out o;
		double back;

		json_out_init(&o, &b, 0);
		json_out_double(&o, NULL, values[i]);
		back = strtod(b.s, NULL);
		assert_memory_equal(&back, &values[i], sizeof(back));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_parse__document__tree),
		cmocka_unit_test(json_parse__bad__one_line_that_says_where),
		cmocka_unit_test(json_parse__escaped_backslash_before_u__no_surrogate),
		cmocka_unit_test(json_parse__limits__refused_not_aborted),
		cmocka_unit_test(json_parse__many_keys__duplicates_found),
		cmocka_unit_test(json_read_rows__all_readers__filled),
		cmocka_unit_test(json_read_rows__mismatch__path_and_reason),
		cmocka_unit_test(json_read__whole_numbers__however_written),
		cmocka_unit_test(json_read__arena_too_small__refused_not_aborted),
		cmocka_unit_test(json_enter__deeper_than_path__bounded),
		cmocka_unit_test(json_quote__what_a_terminal_obeys__escaped),
		cmocka_unit_test(json_out__everything__valid_both_ways),
		cmocka_unit_test(json_out__several_documents__no_comma),
		cmocka_unit_test(json_out_double__values__come_back_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
