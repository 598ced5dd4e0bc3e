/* Options by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/opt.h"

struct opts {
	bool detach, tty;
	const char *name, *log;
	uint32_t pids;
	int64_t swap;
	struct strlist ports;
	uint64_t memory;
	int verbose;
	bool all, quiet;
};

static int set_memory(void *opts, const char *value, struct err *e)
{
	struct opts *o = opts;

	if (str_to_bytes(value, &o->memory) < 0)
		return err_say(e, EINVAL, "expected a size, not \"%s\"", value);
	return 0;
}

static int set_all(void *opts, const char *value, struct err *e)
{
	struct opts *o = opts;

	(void)e;
	o->all = !value || str_eq(value, "yes");
	return 0;
}

#define AT(f) offsetof(struct opts, f)
static const struct opt rows[] = {
	{ "detach", 'd', OPT_BOOL, AT(detach), NULL, "run in the background", NULL, 0, NULL },
	{ "tty", 't', OPT_BOOL, AT(tty), NULL, "give it a terminal", NULL, 0, NULL },
	{ "name", 0, OPT_STR, AT(name), "NAME", "name of the container", NULL, 0, NULL },
	{ "log", 0, OPT_STR, AT(log), "FILE", "log", NULL, OPT_OPTVALUE, NULL },
	{ "pids-limit", 0, OPT_U32, AT(pids), "N", "most processes", NULL, 0, NULL },
	{ "memory-swap", 0, OPT_I64, AT(swap), "N", "memory and swap", NULL, 0, NULL },
	{ "publish", 'p', OPT_LIST, AT(ports), "[IP:]HOST:CONTAINER", "a port", NULL, OPT_REPEAT,
	  NULL },
	{ "memory", 'm', OPT_FUNC, 0, "SIZE", "most memory", set_memory, 0, NULL },
	{ "verbose", 'v', OPT_COUNT, AT(verbose), NULL, "say more", NULL, 0, NULL },
	{ "all", 'a', OPT_FLAGFUNC, 0, NULL, "all", set_all, 0, NULL },
	{ "progress", 0, OPT_OFF, AT(quiet), NULL, "show it", NULL, 0, NULL },
	{ "secret", 0, OPT_BOOL, AT(tty), NULL, "not shown", NULL, OPT_HIDDEN, NULL },
	{ "net-alias", 0, OPT_STR, AT(name), "X", NULL, NULL, 0, NULL },
	{ "gpus", 0, OPT_REFUSED, 0, NULL, "there are none", NULL, OPT_HIDDEN, NULL },
	OPT_END
};

#define PARSE(stop, ...) \
	parse((char *[]){ (char[]){ "cmd" }, __VA_ARGS__, NULL }, stop, &o, &args, &n, &e)

static int parse(char **argv, bool stop, struct opts *o, char ***args, int *n, struct err *e)
{
	int argc = 0;

	free(*args);
	*args = NULL;
	*n = -1;
	strlist_cleanup(&o->ports);
	*o = (struct opts){ .pids = 7 };
	while (argv[argc])
		argc++;
	return opt_parse(rows, o, argc, argv, stop, args, n, e);
}

#define VARS \
	struct err e = ERR_INIT; \
	struct opts o = { 0 }; \
	AUTO_FREE char **args = NULL; \
	int n; \
	(void)state

static void opt_parse__long_forms__set(void **state)
{
	VARS;
	assert_int_equal(PARSE(true, "--name=web", "--pids-limit", "12", "--memory-swap", "-1",
			       "--publish=1:2", "--publish", "3:4", "--memory=1g", "--log",
			       "--detach", "image", "--name", "x"),
			 0);
	assert_string_equal(o.name, "web");
	assert_int_equal(o.pids, 12);
	assert_int_equal(o.swap, -1);
	assert_int_equal(o.ports.n, 2);
	assert_string_equal(o.ports.v[1], "3:4");
	assert_true(o.memory == 1 << 30);
	assert_string_equal(o.log, "");
	assert_true(o.detach);
	assert_int_equal(n, 3);
	assert_string_equal(args[0], "image");
	assert_string_equal(args[1], "--name");
	assert_null(args[3]);
	strlist_cleanup(&o.ports);
}

static void opt_parse__letters__clusters(void **state)
{
	VARS;
	assert_int_equal(
		PARSE(false, "-dtvv", "-p8080:80", "-p", "1:2", "-p=3:4", "-dm", "5k", "-a"), 0);
	assert_true(o.detach && o.tty && o.all);
	assert_int_equal(o.verbose, 2);
	assert_int_equal(o.ports.n, 3);
	assert_string_equal(o.ports.v[0], "8080:80");
	assert_string_equal(o.ports.v[2], "3:4");
	assert_int_equal(o.memory, 5120);
	assert_int_equal(PARSE(false, "-d=false", "-a=no"), 0);
	assert_false(o.detach || o.all);
	strlist_cleanup(&o.ports);
}

static void opt_parse__bools__also_off(void **state)
{
	VARS;
	assert_int_equal(PARSE(false, "-d", "--no-detach", "--tty=true"), 0);
	assert_true(!o.detach && o.tty);
	assert_int_equal(PARSE(false, "--detach", "--detach=0"), 0);
	assert_false(o.detach);
	assert_int_equal(PARSE(false, "--all=yes"), 0);
	assert_true(o.all);
	assert_int_equal(PARSE(false, "--log=x"), 0);
	assert_string_equal(o.log, "x");
}

static void opt_parse__what_is_on_by_default__true_when_off(void **state)
{
	VARS;
	assert_int_equal(PARSE(false, "--progress"), 0);
	assert_false(o.quiet);
	assert_int_equal(PARSE(false, "--progress=false"), 0);
	assert_true(o.quiet);
	assert_int_equal(PARSE(false, "--no-progress"), 0);
	assert_true(o.quiet);
	assert_int_equal(PARSE(false, "--no-progress", "--progress=true"), 0);
	assert_false(o.quiet);
	assert_int_equal(PARSE(false, "--progress", "false"), 0);
	assert_false(o.quiet);
	assert_int_equal(n, 1);
	assert_int_equal(PARSE(false, "--progress=perhaps"), -EINVAL);
	assert_string_equal(e.msg,
			    "option --progress: expected true or false, not \"perhaps\"");
}

static void opt_parse__arguments__where_they_may_stand(void **state)
{
	VARS;
	assert_int_equal(PARSE(false, "a", "-d", "-", "--", "-t", "--"), 0);
	assert_true(o.detach && !o.tty);
	assert_int_equal(n, 4);
	assert_string_equal(args[1], "-");
	assert_string_equal(args[2], "-t");
	assert_string_equal(args[3], "--");
	assert_int_equal(PARSE(true, "-d", "--", "-t"), 0);
	assert_int_equal(n, 1);
	assert_int_equal(PARSE(true, "img", "--", "-t"), 0);
	assert_int_equal(n, 3);
	assert_int_equal(PARSE(true, "--"), 0);
	assert_int_equal(n, 0);
	assert_null(args[0]);
}

static void opt_parse__wrong__one_clear_line(void **state)
{
	VARS;
	static const struct {
		const char *arg, *msg;
	} cases[] = {
		{ "--memroy", "unknown option --memroy (did you mean --memory?)" },
		{ "--memroy=5", "unknown option --memroy (did you mean --memory?)" },
		{ "--det", "unknown option --det (did you mean --detach?)" },
		{ "--xyzzy", "unknown option --xyzzy" },
		{ "--secre", "unknown option --secre" },
		{ "---x", "unknown option ---x" },
		{ "--=5", "unknown option --" },
		{ "--gpus", "option --gpus: there are none" },
		{ "--gpus=all", "option --gpus: there are none" },
		{ "-x", "unknown option -x" },
		{ "-dx", "unknown option -x in \"-dx\"" },
		{ "--name", "option --name needs a value: --name NAME" },
		{ "-p", "option -p needs a value: -p [IP:]HOST:CONTAINER" },
		{ "--detach=maybe", "option --detach: expected true or false, not \"maybe\"" },
		{ "--no-detach=1", "option --no-detach takes no value" },
		{ "--no-name", "unknown option --no-name" },
		{ "--verbose=2", "option --verbose takes no value" },
		{ "-v=2", "option -v takes no value" },
		{ "--pids-limit=-1",
		  "option --pids-limit: expected a non-negative number, not \"-1\"" },
		{ "--pids-limit=99999999999", "option --pids-limit: 99999999999 is too large" },
		{ "--memory-swap=x", "option --memory-swap: expected a number, not \"x\"" },
		{ "--memory=lots", "option --memory: expected a size, not \"lots\"" },
		{ "-mlots", "option -m: expected a size, not \"lots\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *arg = mem_strdup(cases[i].arg);

		assert_int_equal(PARSE(true, arg), -EINVAL);
		assert_string_equal(e.msg, cases[i].msg);
		assert_null(args);
	}
}

static void opt_help__rows__aligned(void **state)
{
	static const struct opt few[] = {
		{ "detach", 'd', OPT_BOOL, 0, NULL, "run in the background", NULL, 0, NULL },
		{ "name", 0, OPT_STR, 0, "NAME", "name it", NULL, 0, NULL },
		{ "log", 0, OPT_STR, 0, "F", "log", NULL, OPT_OPTVALUE, NULL },
		{ "an-option-with-a-long-name", 'x', OPT_STR, 0, "PLACEHOLDER", "wide", NULL, 0,
		  NULL },
		{ "hidden", 0, OPT_BOOL, 0, NULL, "x", NULL, OPT_HIDDEN, NULL },
		{ "alias", 0, OPT_BOOL, 0, NULL, NULL, NULL, 0, NULL },
		OPT_END
	};
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	(void)state;
	opt_help(few, &b);
	assert_string_equal(b.s,
			    "  -d, --detach     run in the background\n"
			    "      --name NAME  name it\n"
			    "      --log[=F]    log\n"
			    "  -x, --an-option-with-a-long-name PLACEHOLDER\n"
			    "                   wide\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opt_parse__long_forms__set),
		cmocka_unit_test(opt_parse__letters__clusters),
		cmocka_unit_test(opt_parse__bools__also_off),
		cmocka_unit_test(opt_parse__what_is_on_by_default__true_when_off),
		cmocka_unit_test(opt_parse__arguments__where_they_may_stand),
		cmocka_unit_test(opt_parse__wrong__one_clear_line),
		cmocka_unit_test(opt_help__rows__aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
