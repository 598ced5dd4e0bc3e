/* The parsers of what registries and their settings say: challenges, TOML, base64,
 * registries.conf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <cmocka.h>

#include "base/path.h"
#include "image/login.h"
#include "image/token.h"

static void challenge__bearer__has_its_parts(void **state)
{
	struct challenge c;

	(void)state;
	challenge_parse(
		"Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
		"scope=\"repository:a/b:pull,push\", error=\"in\\\"sufficient\"",
		&c);
	assert_true(c.bearer);
	assert_string_equal(c.realm, "https://auth.docker.io/token");
	assert_string_equal(c.service, "registry.docker.io");
	assert_string_equal(c.scope, "repository:a/b:pull,push");
	assert_string_equal(c.error, "in\"sufficient");
	challenge_parse("Basic realm=x", &c);
	assert_true(c.basic && !c.bearer);
	assert_string_equal(c.realm, "x");
}

static void challenge__nonsense__is_no_challenge_or_cut(void **state)
{
	static const char *const rows[] = {
		"",	     "Bearer",	    "Bearer ",	"bearer realm",	 "Bearer realm=\"x",
		"Negotiate", "Bearer ,,,,", "Bearer =", "Basic realm=\""
	};
	char big[5000];
	struct challenge c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		challenge_parse(rows[i], &c);
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	memcpy(big, "Bearer realm=\"", 14);
	challenge_parse(big, &c);
	assert_true(strlen(c.realm) < sizeof(c.realm));
}

/* "docker.host.lookaside=x;" for each value */
static int note_yaml(void *ctx, const char *const *keys, unsigned depth, const char *value,
		     struct err *e)
{
	struct strbuf *b = ctx;

	(void)e;
	for (unsigned i = 0; i < depth; i++)
		strbuf_addf(b, "%s%s", i ? "|" : "", keys[i]);
	strbuf_addf(b, "=%s;", value);
	return 0;
}

static void yaml__mappings__come_with_their_keys(void **state)
{
	static const struct { const char *text, *wanted; } rows[] = {
		{ "", "" },
		{ "# nothing\n\n   # but words\n", "" },
		{ "---\na: b", "a=b;" },
		{ "a:\n  b: c\nd:\n    e: f\n", "a|b=c;d|e=f;" },
		{ "a:\n#x\nb: c # d\n", "b=c;" },
		{ "docker:\n  h:5000/x:t:\n    s: http://h:1/a#b\n",
		  "docker|h:5000/x:t|s=http://h:1/a#b;" },
		{ "a:\n  b:\n    c: 1\n  d:\n    e: 2\nf: 3\r\n", "a|b|c=1;a|d|e=2;f=3;" },
		{ "'it''s': \"a \\\"b\\\" \\\\\" # c\n", "it's=a \"b\" \\;" },
		{ "a: \"# no comment\"", "a=# no comment;" },
		{ "  a: 1\n  b: 2\n", "a=1;b=2;" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(strbuf) struct strbuf b = STRBUF_INIT;
		struct err e = ERR_INIT;

		if (yaml_parse(rows[i].text, "text", note_yaml, &b, &e) < 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_string_equal(b.s ? b.s : "", rows[i].wanted);
	}
}

static void yaml__all_else__is_refused_with_its_line(void **state)
{
	static const char *const rows[] = {
		"\n- a\n", "\na\n", "\na: [b]\n", "\na: {b: c}\n", "\na: &x b\n", "\na: *x\n",
		"\na: |\n  b\n", "\na: !!str b\n", "\n? a\n", "\na: b: c\n", "\na: 'b\n",
		"\na: \"b\\n\"\n", "\na: 'b' c\n", "\n\ta: b\n", "x:\n    a: b\n  c: d\n",
		"x: y\n  a: b\n", "  x: y\na: b\n", "\n%YAML 1.1\n", "\n@a: b\n", "\na: 'b'x\n",
		"\na:b\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(strbuf) struct strbuf b = STRBUF_INIT;
		struct err e = ERR_INIT;

		if (yaml_parse(rows[i], "text", note_yaml, &b, &e) != -EINVAL)
			fail_msg("taken: %s", rows[i]);
		if (strncmp(e.msg, "text: line ", 11) != 0)
			fail_msg("%s: %s", rows[i], e.msg);
	}
}

static void base64__there_and_back__is_the_same(void **state)
{
	static const struct { const char *plain, *coded; } rows[] = {
		{ "", "" },	   { "f", "Zg==" },	   { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "user:pass", "dXNlcjpwYXNz" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *coded = base64_encode(rows[i].plain, strlen(rows[i].plain));
		AUTO_FREE char *plain = NULL;
		size_t n;

		assert_string_equal(coded, rows[i].coded);
		plain = base64_decode(rows[i].coded, &n);
		assert_non_null(plain);
		assert_int_equal(n, strlen(rows[i].plain));
		assert_string_equal(plain, rows[i].plain);
	}
}

static void base64__what_is_none__is_refused(void **state)
{
	size_t n;

	(void)state;
	assert_null(base64_decode("Zg=x", &n));
	assert_null(base64_decode("Z!", &n));
	assert_null(base64_decode("\xff", &n));
}

struct seen { struct strbuf b; };

static void on(void *ctx, const char *table, unsigned index, const char *key, const char *value)
{
	strbuf_addf(&((struct seen *)ctx)->b, "%s[%u].%s=%s;", table, index, key, value);
}

static void toml__what_registries_conf_uses__is_read(void **state)
{
	static const char text[] =
		"a = \"x\" # comment\nlist = [\"p\", 'q',\n \"r\" ]\n[[r]]\nb=true\n"
		"[[r]]\nc = 'lit\\eral'\n[[r.m]]\nd=\"\\\"\\t\"\n[t]\ne=1\n";
	struct seen s = { STRBUF_INIT };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(toml_parse(text, "test", on, &s, &e), 0);
	assert_string_equal(s.b.s,
			    "[0].a=x;[0].list=p;[0].list=q;[0].list=r;r[0].b=true;r[1].c=lit\\eral;"
			    "r.m[0].d=\"\t;t[0].e=1;");
	strbuf_cleanup(&s.b);
}

static void toml__broken__names_the_line(void **state)
{
	static const char *const rows[] = { "a",	 "a=",	    "a=\"x", "[t", "[[t]",
					    "\n\na=1 2", "a={b=1}", "a=[1",  "=1", "a=\"\\q\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct seen s = { STRBUF_INIT };
		struct err e = ERR_INIT;

		assert_true(toml_parse(rows[i], "conf", on, &s, &e) < 0);
		assert_non_null(strstr(e.msg, "conf: line "));
		strbuf_cleanup(&s.b);
	}
}

static char conf_path[] = "/tmp/berth-test-conf-XXXXXX";

static void write_conf(const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(path_write_file(AT_FDCWD, conf_path, text, strlen(text), 0600, false, &e),
			 0);
	setenv("CONTAINERS_REGISTRIES_CONF", conf_path, 1);
}

static void registries__mirrors__come_first_and_only_for_pulls(void **state)
{
	AUTO(places) struct places pull = { .n = 0 };
	AUTO(places) struct places push = { .n = 0 };
	struct err e = ERR_INIT;
	struct ref r;

	(void)state;
	write_conf("[[registry]]\nprefix=\"example.com/a\"\nlocation=\"real.example/x\"\n"
		   "[[registry.mirror]]\nlocation=\"one.example/y\"\n"
		   "[[registry.mirror]]\nlocation=\"two.example\"\ninsecure=true\n"
		   "pull-from-mirror=\"digest-only\"\n"
		   "[[registry]]\nlocation=\"no.example\"\nblocked=true\n");
	assert_int_equal(ref_parse("example.com/a/b:1", &r, &e), 0);
	assert_int_equal(registries_find(&r, true, -1, &pull, &e), 0);
	assert_int_equal(pull.n, 2);	/* a tag: the second mirror serves digests only */
	assert_string_equal(pull.v[0].host, "one.example");
	assert_string_equal(pull.v[0].repo, "y/b");
	assert_string_equal(pull.v[1].host, "real.example");
	assert_string_equal(pull.v[1].repo, "x/b");
	assert_int_equal(registries_find(&r, false, -1, &push, &e), 0);
	assert_int_equal(push.n, 1);
	assert_int_equal(ref_parse("no.example/b", &r, &e), 0);
	assert_int_equal(registries_find(&r, true, -1, &push, &e), -EPERM);
	unlink(conf_path);
}

static void registries__docker_io__is_reached_at_its_own_host(void **state)
{
	AUTO(places) struct places p = { .n = 0 };
	struct err e = ERR_INIT;
	struct ref r;

	(void)state;
	write_conf("");
	assert_int_equal(ref_parse("debian", &r, &e), 0);
	assert_int_equal(registries_find(&r, true, -1, &p, &e), 0);
	assert_string_equal(p.v[0].host, "registry-1.docker.io");
	assert_string_equal(p.v[0].name, "docker.io");
	assert_string_equal(p.v[0].repo, "library/debian");
	assert_false(p.v[0].http.insecure);
	unlink(conf_path);
}

static void login__longest_key__wins(void **state)
{
	static const char text[] =
		"{\"auths\":{\"example.com\":{\"auth\":\"YTpi\"},"
		"\"example.com/team\":{\"auth\":\"Yzpk\"},"
		"\"https://index.docker.io/v1/\":{\"auth\":\"ZTpm\"},"
		"\"example.co\":{\"auth\":\"eDp5\"}}}";
	static const struct { const char *host, *repo, *user; } rows[] = {
		{ "example.com", "x", "a" },	 { "example.com", "team/x", "c" },
		{ "example.com", "teams", "a" }, { "docker.io", "library/x", "e" },
		{ "example.org", "x", NULL },
	};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(path_write_file(AT_FDCWD, conf_path, text, strlen(text), 0600, false, &e),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(login) struct login l = { 0 };

		assert_int_equal(login_find(rows[i].host, rows[i].repo, conf_path, &l, &e), 0);
		if (rows[i].user)
			assert_string_equal(l.user, rows[i].user);
		else
			assert_null(l.user);
	}
	assert_int_equal(login_store("example.com", conf_path, "new", "word", &e), 1);
	assert_int_equal(login_store("absent.example", conf_path, NULL, NULL, &e), 0);
	{
		AUTO(login) struct login l = { 0 };

		assert_int_equal(login_find("example.com", "x", conf_path, &l, &e), 0);
		assert_string_equal(l.user, "new");
		assert_string_equal(l.password, "word");
	}
	unlink(conf_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenge__bearer__has_its_parts),
		cmocka_unit_test(challenge__nonsense__is_no_challenge_or_cut),
		cmocka_unit_test(yaml__mappings__come_with_their_keys),
		cmocka_unit_test(yaml__all_else__is_refused_with_its_line),
		cmocka_unit_test(base64__there_and_back__is_the_same),
		cmocka_unit_test(base64__what_is_none__is_refused),
		cmocka_unit_test(toml__what_registries_conf_uses__is_read),
		cmocka_unit_test(toml__broken__names_the_line),
		cmocka_unit_test(registries__mirrors__come_first_and_only_for_pulls),
		cmocka_unit_test(registries__docker_io__is_reached_at_its_own_host),
		cmocka_unit_test(login__longest_key__wins),
	};
	int fd = mkstemp(conf_path);

	if (fd < 0)
		return 1;
	close(fd);
	return cmocka_run_group_tests_name("registry_text", tests, NULL, NULL);
}
