/* Templates: what Go's text/template does with Docker's functions, as a table of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/template.h"
#include "cli/value.h"

static struct json *sample(struct arena *a)
{
	struct json *v = value_object(a), *state, *labels, *list, *ports, *port, *item;
	static char *const env[] = { (char *)"A=1", (char *)"B=two", NULL };

	value_put_str(a, v, "ID", "0123456789abcdef");
	value_put_str(a, v, "Name", "web <1>");
	value_put_i64(a, v, "Count", 3);
	value_put(v, "Ratio", value_double(a, 2.5));
	value_put_bool(a, v, "Yes", true);
	value_put_bool(a, v, "No", false);
	value_put(v, "Nothing", value_null(a));
	value_put(v, "Health", value_absent(a));
	state = value_put(v, "State", value_object(a));
	value_put_i64(a, state, "Pid", 42);
	value_put_str(a, state, "Status", "running");
	value_put(v, "Env", value_strs(a, env));
	value_put(v, "Empty", value_array(a));
	labels = value_map(a);
	value_put_str(a, labels, "z", "last");
	value_put_str(a, labels, "com.x/y", "first");
	value_put(v, "Labels", labels);
	item = value_map(a);
	value_put_str(a, item, "role", "front");
	value_put_method(v, "Label", item);
	ports = value_put(v, "Ports", value_map(a));
	list = value_put(ports, "80/tcp", value_array(a));
	port = value_push(list, value_object(a));
	value_put_str(a, port, "HostPort", "8080");
	return v;
}

static int render_flags(const char *text, unsigned flags, char *out, size_t n, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(256u << 20), *run = arena_new(TEMPLATE_ARENA);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	const struct template *t;
	int r = template_parse(a, text, strlen(text), &t, e);

	if (r == 0)
		r = template_run(t, sample(a), flags, run, &b, e);
	snprintf(out, n, "%s", b.len ? b.s : "");
	return r;
}

static void check(const char *text, const char *wanted)
{
	struct err e = ERR_INIT;
	char out[4096];

	if (render_flags(text, 0, out, sizeof(out), &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	if (!str_eq(out, wanted))
		fail_msg("%s: got \"%s\", wanted \"%s\"", text, out, wanted);
}

static void check_fails(const char *text, const char *part)
{
	struct err e = ERR_INIT;
	char out[4096];
	int r = render_flags(text, 0, out, sizeof(out), &e);

	if (r >= 0)
		fail_msg("%s: gave \"%s\"", text, out);
	if (!strstr(e.msg, part))
		fail_msg("%s: said \"%s\", not \"%s\"", text, e.msg, part);
	assert_int_equal(r, -e.code);
}

struct good { const char *text, *wanted; };

static void check_all(const struct good *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(v[i].text, v[i].wanted);
}

static void run__values__printed_as_go_does(void **state)
{
	static const struct good v[] = {
		{ "", "" }, { "plain", "plain" }, { "{{.ID}}", "0123456789abcdef" },
		{ "a {{ .ID }} b", "a 0123456789abcdef b" }, { "{{.State.Pid}}", "42" },
		{ "{{.Ratio}} {{.Yes}} {{.No}}", "2.5 true false" },
		{ "{{.Nothing}}", "<no value>" },
		{ "{{.Env}}", "[A=1 B=two]" }, { "{{.Empty}}", "[]" },
		{ "{{.Labels}}", "map[com.x/y:first z:last]" }, { "{{.State}}", "{42 running}" },
		{ "{{.Labels.z}}", "last" }, { "{{.Labels.missing}}", "<no value>" },
		{ "{{.id}}", "0123456789abcdef" },	/* .Id and .ID are both usual */
		{ "a\\tb\\n", "a\tb\n" }, { "{{\"a\\tb\"}}", "a\tb" }, { "{{`a\\tb`}}", "a\\tb" },
		{ "{{42}} {{true}} {{\"x\"}}", "42 true x" }, { "{ {{.Count}} }", "{ 3 }" },
		{ "{{.Label \"role\"}}|{{.Label \"none\"}}", "front|" },
	};

	(void)state;
	check_all(v, ARRAY_SIZE(v));
}

static void run__json__one_line_without_methods(void **state)
{
	static const struct good v[] = {
		{ "{{json .State}}", "{\"Pid\":42,\"Status\":\"running\"}" },
		{ "{{json .Env}}", "[\"A=1\",\"B=two\"]" }, { "{{json .Name}}", "\"web <1>\"" },
		{ "{{.Env | json}}", "[\"A=1\",\"B=two\"]" }, { "{{json .Nothing}}", "null" },
	};
	struct err e = ERR_INIT;
	char out[4096];

	(void)state;
	check_all(v, ARRAY_SIZE(v));
	assert_int_equal(render_flags("{{json .}}", 0, out, sizeof(out), &e), 0);
	assert_null(strstr(out, "Health"));
	assert_null(strstr(out, "front"));
	assert_non_null(strstr(out, "\"Nothing\":null"));
}

static void run__blocks__as_go_does(void **state)
{
	static const struct good v[] = {
		{ "{{if .Yes}}a{{else}}b{{end}}{{if .No}}a{{else}}b{{end}}", "ab" },
		{ "{{if .Health}}h{{end}}-{{if .Empty}}e{{end}}-{{if .State}}s{{end}}", "--s" },
		{ "{{if .No}}1{{else if .Nothing}}2{{else if .Count}}3{{else}}4{{end}}", "3" },
		{ "{{range .Env}}<{{.}}>{{end}}", "<A=1><B=two>" },
		{ "{{range .Empty}}x{{else}}none{{end}}", "none" },
		{ "{{range $i, $e := .Env}}{{$i}}={{$e}};{{end}}", "0=A=1;1=B=two;" },
		{ "{{range $k, $v := .Labels}}{{$k}}:{{$v}} {{end}}", "com.x/y:first z:last " },
		{ "{{range $e := .Env}}{{$e}}{{$.Count}} {{end}}", "A=13 B=two3 " },
		{ "{{range .Env}}{{if eq . \"A=1\"}}{{continue}}{{end}}{{.}}{{end}}", "B=two" },
		{ "{{range .Env}}{{.}}{{break}}{{end}}", "A=1" },
		{ "{{range 3}}{{.}}{{end}}", "012" },
		{ "{{with .State}}{{.Pid}}{{end}}{{with .Nothing}}x{{else}}y{{end}}", "42y" },
		{ "{{with $s := .State}}{{$s.Status}}{{end}}", "running" },
		{ "{{$x := .Count}}{{if .Yes}}{{$x = 7}}{{end}}{{$x}}", "7" },
		{ "{{$x := 1}}{{if .Yes}}{{$x := 2}}{{end}}{{$x}}", "1" },
		{ "{{range $p, $c := .Ports}}{{$p}} -> {{(index $c 0).HostPort}}{{end}}",
		  "80/tcp -> 8080" },
		{ "a {{- .Count -}} b", "a3b" }, { "a\n{{- /* no */ -}}\n b", "ab" },
		{ "{{/* c */}}x", "x" }, { "{{if .Yes -}}  x  {{- end}}", "x" },
	};

	(void)state;
	check_all(v, ARRAY_SIZE(v));
}

static void run__functions__as_docker_has_them(void **state)
{
	static const struct good v[] = {
		{ "{{upper .State.Status}}{{lower \"ABC\"}}{{title \"ab cd\"}}",
		  "RUNNINGabcAb Cd" },
		{ "{{join .Env \",\"}}", "A=1,B=two" }, { "{{join .Empty \",\"}}", "" },
		{ "{{split \"a,b,c\" \",\"}}", "[a b c]" }, { "{{len (split \"\" \",\")}}", "1" },
		{ "{{split \"abc\" \"\"}}", "[a b c]" },
		{ "{{len .Env}}{{len .Name}}{{len .Labels}}{{len .Nothing}}", "2720" },
		{ "{{index .Env 1}}", "B=two" }, { "{{index .Labels \"com.x/y\"}}", "first" },
		{ "[{{index .Labels \"none\"}}]", "[]" },
		{ "{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080" },
		{ "{{index .Ports \"80/tcp\" 0 | json}}", "{\"HostPort\":\"8080\"}" },
		{ "{{slice .ID 0 4}} {{slice .Env 1}} {{slice .ID 14}}", "0123 [B=two] ef" },
		{ "{{truncate .ID 3}}{{truncate \"äöü\" 2}}", "012äö" },
		{ "[{{pad \"x\" 1 2}}][{{pad \"\" 1 2}}]", "[ x  ][]" },
		{ "{{eq .Count 3}}{{eq .Count 1 2 3}}{{eq .Name \"x\"}}", "truetruefalse" },
		{ "{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 2.5 2}}", "truetruetruefalsetrue" },
		{ "{{lt \"a\" \"b\"}}{{eq .Nothing nil}}", "truetrue" },
		{ "{{and .Yes .Count}}{{and .No .Health.X}}", "3false" },
		{ "{{or .No \"x\"}}{{or .Yes .Health.X}}{{not .No}}", "xtruetrue" },
		{ "{{print 1 2 \"a\" \"b\"}}|{{println \"x\" 1}}|", "1 2ab|x 1\n|" },
		{ "{{printf \"%s-%d-%v-%q\" .State.Status 5 .Env \"a\\\"b\"}}",
		  "running-5-[A=1 B=two]-\"a\\\"b\"" },
		{ "{{printf \"%5d|%-5s|%05d|%.2f|%x|%t|%%\" 7 \"a\" 42 2.5 255 .Yes}}",
		  "    7|a    |00042|2.50|ff|true|%" },
		{ "{{.Count | printf \"%03d\"}}", "003" },
		{ "{{.State.Status | upper | len}}", "7" },
		{ "{{println}}", "\n" },
	};

	(void)state;
	check_all(v, ARRAY_SIZE(v));
}

static void parse__wrong__says_where(void **state)
{
	static const char *const v[][2] = {
		{ "{{", "}} is missing" }, { "{{.ID", "}} is missing" },
		{ "{{}}", "value is missing" },
		{ "{{if .Yes}}", "{{end}} is missing" }, { "{{end}}", "unexpected {{end}}" },
		{ "{{else}}", "unexpected {{else}}" },
		{ "{{if .Yes}}{{else}}{{else}}{{end}}", "second" },
		{ "{{nosuch .ID}}", "no such function: nosuch" }, { "{{\"x}}", "does not end" },
		{ "{{(.ID}}", ") is missing" }, { "{{.ID)}}", "unexpected )" },
		{ "{{break}}", "outside of range" }, { "{{template \"x\"}}", "template" },
		{ "{{/* x }}", "comment" }, { "{{12x}}", "bad number" },
		{ "{{.ID | }}", "missing" },
		{ "{{:}}", "unexpected ':'" }, { "{{\"\\z\"}}", "escape" },
		{ "{{if $a, $b := .Env}}{{end}}", "range only" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		check_fails(v[i][0], v[i][1]);
}

static void run__wrong__says_what(void **state)
{
	static const char *const v[][2] = {
		{ "{{.Nope}}", "there is no .Nope here; there are .ID, .Name" },
		{ "{{.State.Nope}}", "there are .Pid, .Status" },
		{ "{{.Health.X}}", "it is empty" },
		{ "{{.ID.X}}", "has no members" }, { "{{.Env.X}}", "index or range" },
		{ "{{$x}}", "no such variable: $x" }, { "{{$x = 1}}", "no such variable: $x" },
		{ "{{index .Env 9}}", "index 9 of a list of 2" },
		{ "{{index .Env \"a\"}}", "number" },
		{ "{{index .Labels 1}}", "string" }, { "{{index .Nothing 1}}", "neither" },
		{ "{{len 5}}", "len wants" }, { "{{join .ID \",\"}}", "join wants a list" },
		{ "{{lt 1 \"a\"}}", "compared" }, { "{{eq .Env .Env}}", "compared" },
		{ "{{.ID .Name}}", "only functions" },
		{ "{{truncate .ID}}", "number of arguments" },
		{ "{{printf \"%d\" \"a\"}}", "wants a number" },
		{ "{{printf \"%d\"}}", "more verbs" },
		{ "{{printf \"x\" 1}}", "more values" }, { "{{range .ID}}{{end}}", "no list" },
		{ "{{slice .ID 9 2}}", "slice from" }, { "{{printf \"%z\" 1}}", "unknown verb" },
		{ "{{len}}", "number of arguments" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		check_fails(v[i][0], v[i][1]);
}

static void run__too_much__is_refused(void **state)
{
	AUTO(strbuf) struct strbuf deep = STRBUF_INIT, parens = STRBUF_INIT;

	(void)state;
	check_fails("{{range 100000}}{{range 100000}}{{end}}{{end}}", "template: it ");
	check_fails("{{$x := \"0123456789\"}}{{range 100}}{{$x = print $x $x}}{{end}}", "template");
	check_fails("{{range 1000000}}{{printf \"%999d\" 1}}{{end}}", "template");
	for (int i = 0; i < 100; i++)
		strbuf_adds(&deep, "{{if 1}}");
	check_fails(deep.s, "nested too deep");
	strbuf_adds(&parens, "{{");
	for (int i = 0; i < 100; i++)
		strbuf_addc(&parens, '(');
	check_fails(parens.s, "nested too deep");
	strbuf_reset(&deep);
	for (int i = 0; i < 70000; i++)
		strbuf_addc(&deep, 'x');
	check_fails(deep.s, "longer than");
}

static void run__header__gives_names(void **state)
{
	struct err e = ERR_INIT;
	char out[256];

	(void)state;
	assert_int_equal(render_flags("{{.Nope}}\t{{.CreatedAt}}\t{{upper .exitCode}}\t"
				      "{{if .Foo}}{{json .Foo}}{{end}}\t{{truncate .Image 3}}",
				      TEMPLATE_HEADER, out, sizeof(out), &e), 0);
	assert_string_equal(out, "NOPE\tCREATED AT\tEXIT CODE\tFOO\tIMAGE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run__values__printed_as_go_does),
		cmocka_unit_test(run__json__one_line_without_methods),
		cmocka_unit_test(run__blocks__as_go_does),
		cmocka_unit_test(run__functions__as_docker_has_them),
		cmocka_unit_test(parse__wrong__says_where),
		cmocka_unit_test(run__wrong__says_what),
		cmocka_unit_test(run__too_much__is_refused),
		cmocka_unit_test(run__header__gives_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
