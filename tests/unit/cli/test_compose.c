/* Options of run → a record: what an init gets, and mounts that are no volumes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "cli/run_opts.h"

#define ARENA ((size_t)16 << 20)

static char root[] = "/nowhere", run[] = "/nowhere/run";
static const struct engine engine = { .root = root, .run = run, .root_fd = -1, .run_fd = -1,
				      .containers_fd = -1, .names_fd = -1 };

static int compose(struct arena *a, const struct run_opts *o, const char *program,
		   struct record **ret, struct err *e)
{
	char *args[] = { (char *)(uintptr_t)program, NULL };
	struct compose_in in = {
		.o = o, .image_name = "i", .args = args, .en = &engine, .name = "n",
		.id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	};

	return compose_record(a, &in, ret, e);
}

static struct record *composed(struct arena *a, const struct run_opts *o, const char *program)
{
	struct record *r;
	struct err e = ERR_INIT;

	if (compose(a, o, program, &r, &e) < 0)
		fail_msg("%s", e.msg);
	return r;
}

static void refused(const struct run_opts *o, const char *program, const char *why)
{
	AUTO(arena) struct arena *a = arena_new(ARENA);
	struct err e = ERR_INIT;
	struct record *r;

	assert_true(compose(a, o, program, &r, &e) < 0);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, why);
}

static const struct spec_mount *mount_at(const struct record *r, const char *dst)
{
	const struct spec_mount *found = NULL;

	for (size_t i = 0; i < r->spec->nmounts; i++)
		if (strcmp(r->spec->mounts[i].destination, dst) == 0)
			found = &r->spec->mounts[i];
	return found;
}

static bool has_option(const struct spec_mount *m, const char *option)
{
	for (char **o = m->options; *o; o++)
		if (strcmp(*o, option) == 0)
			return true;
	return false;
}

static const char *env_of(const struct record *r, const char *name)
{
	for (char **p = r->spec->process.env; *p; p++)
		if (strncmp(*p, name, strlen(name)) == 0)
			return *p + strlen(name);
	return NULL;
}

static void systemd__by_the_command__is_told(void **state)
{
	static const struct { const char *when, *program; bool on; } v[] = {
		{ NULL, "/sbin/init", true }, { NULL, "/usr/sbin/init", true },
		{ NULL, "/usr/local/sbin/init", true }, { NULL, "/lib/systemd/systemd", true },
		{ NULL, "systemd", true }, { NULL, "/bin/init", false }, { NULL, "init", false },
		{ NULL, "/sbin/init2", false }, { NULL, "systemd-run", false },
		{ "true", "sh", false }, { "true", "/sbin/init", true },
		{ "false", "/sbin/init", false }, { "always", "sh", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		AUTO(arena) struct arena *a = arena_new(ARENA);
		struct run_opts o = { .systemd = v[i].when };

		if (composed(a, &o, v[i].program)->systemd != v[i].on)
			fail_msg("%s, %s", v[i].when ? v[i].when : "", v[i].program);
	}
}

static void systemd__on__changes_what_it_says(void **state)
{
	static const char *const dirs[] = { "/run", "/run/lock", "/tmp", "/var/log/journal" };
	AUTO(arena) struct arena *a = arena_new(ARENA);
	struct run_opts o = { .shm_size_systemd = "1m" };
	struct record *r = composed(a, &o, "/sbin/init");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		assert_string_equal(mount_at(r, dirs[i])->type, "tmpfs");
		assert_true(has_option(mount_at(r, dirs[i]), "size=1048576"));
	}
	assert_false(has_option(mount_at(r, "/sys/fs/cgroup"), "ro"));
	assert_true(has_option(mount_at(r, "/sys"), "ro"));
	assert_string_equal(env_of(r, "container_uuid="), "0123456789abcdef0123456789abcdef");
	assert_string_equal(r->spec->annotations.v[0].key, "run.oci.delegate-cgroup");
	assert_null(r->stop_signal);
	assert_int_equal(r->spec->process.caps.bounding, spec_default_caps);
}

static void systemd__off__changes_nothing(void **state)
{
	AUTO(arena) struct arena *a = arena_new(ARENA);
	struct run_opts o = { .systemd = "false" };
	struct record *r = composed(a, &o, "/sbin/init");

	(void)state;
	assert_null(mount_at(r, "/run"));
	assert_true(has_option(mount_at(r, "/sys/fs/cgroup"), "ro"));
	assert_null(env_of(r, "container_uuid="));
	assert_int_equal(r->spec->annotations.n, 0);
	assert_string_equal(r->stop_signal, "TERM");
}

static void systemd__what_was_asked_for__stays(void **state)
{
	AUTO(arena) struct arena *a = arena_new(ARENA);
	struct run_opts o = { .stop_signal = "USR1", .cgroupns = "host" };
	struct record *r;

	(void)state;
	strlist_add(&o.tmpfs, "/run:size=5m");
	strlist_add(&o.annotation, "a=b");
	strlist_add(&o.env, "container_uuid=x");
	r = composed(a, &o, "/sbin/init");
	assert_true(has_option(mount_at(r, "/run"), "size=5m"));
	assert_string_equal(r->stop_signal, "USR1");
	assert_string_equal(env_of(r, "container_uuid="), "x");
	assert_int_equal(r->spec->annotations.n, 1);
	assert_true(has_option(mount_at(r, "/sys/fs/cgroup"), "ro"));	/* the host's, as it were */
	o.systemd = "always";
	o.stop_signal = NULL;
	assert_string_equal(composed(a, &o, "sh")->stop_signal, "RTMIN+3");
	strlist_cleanup(&o.tmpfs);
	strlist_cleanup(&o.annotation);
	strlist_cleanup(&o.env);
}

static void init_path__goes_before_the_command(void **state)
{
	AUTO(arena) struct arena *a = arena_new(ARENA);
	struct run_opts o = { .init = true, .init_path = "/proc/self/exe" };
	struct record *r = composed(a, &o, "sh");
	char **args = r->spec->process.args;

	(void)state;
	assert_string_equal(args[0], RECORD_INIT_PATH);
	assert_string_equal(args[1], "--");
	assert_string_equal(args[2], "sh");
	assert_null(args[3]);
	assert_string_equal(r->cmd[0], "sh");
	assert_true(has_option(mount_at(r, RECORD_INIT_PATH), "ro"));
}

static void mounts__of_their_own__are_no_volumes(void **state)
{
	AUTO(arena) struct arena *a = arena_new(ARENA);
	struct run_opts o = { .detach = false };
	struct record *r;

	(void)state;
	strlist_add(&o.mount, "max=9,type=devpts,dst=/p");
	strlist_add(&o.mount, "type=ramfs,dst=/r,ro");
	strlist_add(&o.mount, "type=glob,src=/proc/self/statu[s],dst=/g");
	r = composed(a, &o, "sh");
	assert_true(has_option(mount_at(r, "/p"), "max=9"));
	assert_true(has_option(mount_at(r, "/p"), "newinstance"));
	assert_string_equal(mount_at(r, "/r")->type, "ramfs");
	assert_true(has_option(mount_at(r, "/r"), "ro"));
	assert_string_equal(mount_at(r, "/g/status")->type, "bind");
	assert_int_equal(r->nvolumes, 1);
	strlist_cleanup(&o.mount);
}

static void wrong__is_refused_in_words(void **state)
{
	struct run_opts systemd = { .systemd = "perhaps" },
			both = { .systemd = "always", .init = true },
			size = { .shm_size_systemd = "much" },
			alone = { .init_path = "/proc/self/exe" },
			folder = { .init = true, .init_path = "/" },
			line = { .passwd_entry = "a:b" },
			two = { .group_entry = "a:x:1:\nb:x:2:" },
			rooted = { .passwd_entry = "a:x:1:1:::", .rootfs = "/" };

	(void)state;
	refused(&systemd, "sh", "expected true, false or always");
	refused(&both, "sh", "exclude each other");
	refused(&size, "sh", "expected a size");
	refused(&alone, "sh", "goes with --init");
	refused(&folder, "sh", "no program");
	refused(&line, "sh", "expected one line");
	refused(&two, "sh", "expected one line");
	refused(&rooted, "sh", "does not go with --rootfs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(systemd__by_the_command__is_told),
		cmocka_unit_test(systemd__on__changes_what_it_says),
		cmocka_unit_test(systemd__off__changes_nothing),
		cmocka_unit_test(systemd__what_was_asked_for__stays),
		cmocka_unit_test(init_path__goes_before_the_command),
		cmocka_unit_test(mounts__of_their_own__are_no_volumes),
		cmocka_unit_test(wrong__is_refused_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
