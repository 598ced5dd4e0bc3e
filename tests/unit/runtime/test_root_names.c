/* Lines that /etc/passwd and /etc/group get, and which signal asks which init. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "runtime/root_init.h"
#include "runtime/root_names.h"

static char dir[32];
static int root = -1;
static char *no_env[] = { NULL };
static struct spec spec;

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/berth-test-names-XXXXXX");
	assert_non_null(mkdtemp(dir));
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	assert_int_equal(mkdirat(root, "etc", 0755), 0);
	assert_int_equal(mkdirat(root, "sbin", 0755), 0);
	spec.process.env = no_env;
	return 0;
}

static int teardown(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	fd_close(&root);
	return path_remove_tree(AT_FDCWD, dir, &e);
}

static void put(const char *name, const char *text)
{
	AUTO_CLOSE int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void has(const char *name, const char *text)
{
	AUTO_FREE char *got = NULL;
	struct err e = ERR_INIT;
	size_t n;

	assert_int_equal(path_read_file(root, name, 4096, &got, &n, &e), 0);
	assert_string_equal(got, text);
}

static int user(const char *name, uint32_t uid, uint32_t gid, const char *passwd, const char *group)
{
	struct record r = { .user = name, .passwd = true, .passwd_entry = passwd,
			    .group_entry = group, .spec = &spec };
	struct spec_user u = { .uid = uid, .gid = gid };
	struct err e = ERR_INIT;

	return root_names_user(root, &r, &u, &e);
}

static void user__by_number__gets_a_line_once(void **state)
{
	(void)state;
	put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
	put("etc/group", "root:x:0:\n");
	assert_int_equal(user("7:8", 7, 8, NULL, NULL), 1);
	has("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n7:*:7:8:container user:/:/bin/sh\n");
	has("etc/group", "root:x:0:\n8:x:8:7\n");
	assert_int_equal(user("7:8", 7, 8, NULL, NULL), 0);
	has("etc/group", "root:x:0:\n8:x:8:7\n");
}

static void user__last_line_without_newline__stays_whole(void **state)
{
	(void)state;
	put("etc/passwd", "root:x:0:0:root:/root:/bin/sh");
	assert_int_equal(user("7", 7, 0, NULL, NULL), 1);
	has("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n7:*:7:0:container user:/:/bin/sh\n");
}

static void user__no_number_or_known__nothing(void **state)
{
	static const char text[] = "a:x:7:0:::\n12:x:9:0:::\nshort\n:\n\n";

	(void)state;
	put("etc/passwd", text);
	assert_int_equal(user("a", 7, 0, NULL, NULL), 0);
	assert_int_equal(user("7", 7, 0, NULL, NULL), 0);
	assert_int_equal(user("12", 9, 0, NULL, NULL), 0);	/* it is that one's name */
	assert_int_equal(user("", 0, 0, NULL, NULL), 0);
	assert_int_equal(user(NULL, 0, 0, NULL, NULL), 0);
	has("etc/passwd", text);
}

static void user__templates__are_filled(void **state)
{
	char *env[] = { (char *)(uintptr_t)"HOME=/h", NULL };

	(void)state;
	spec.process.env = env;
	put("etc/passwd", "");
	put("etc/group", "");
	assert_int_equal(user("7:8", 7, 8, "u$UID:$USERNAME:$UID:$GID:$NAME $:$HOME:$HOMES",
			      "$GROUPNAME$:x:$GID:$USERLIST"), 1);
	has("etc/passwd", "u7:7:7:8:container user $:/h:/hS\n");
	has("etc/group", "8$:x:8:7\n");
	assert_int_equal(user("7", 7, 0, NULL, NULL), 0);
}

static void user__no_files__none_is_made(void **state)
{
	char path[64];
	struct stat st;

	(void)state;
	assert_int_equal(mkfifoat(root, "etc/group", 0666), 0);
	snprintf(path, sizeof(path), "%s-outside", dir);
	assert_int_equal(symlinkat(path, root, "etc/passwd"), 0);
	assert_int_equal(user("7:8", 7, 8, NULL, NULL), 0);
	assert_int_equal(stat(path, &st), -1);
}

static void host__users__are_added_once(void **state)
{
	char *lines[] = { (char *)(uintptr_t)"a:*:5:5::/:/bin/sh",
			  (char *)(uintptr_t)"b:*:7:7::/:/bin/sh", NULL };
	struct record r = { .host_users = lines };
	struct err e = ERR_INIT;

	(void)state;
	put("etc/passwd", "a:x:1:1:::\n");
	assert_int_equal(root_names_host(root, &r, &e), 0);
	assert_int_equal(root_names_host(root, &r, &e), 0);
	has("etc/passwd", "a:x:1:1:::\nb:*:7:7::/:/bin/sh\n");
}

static void init__symlink__says_who_it_is(void **state)
{
	const struct { const char *to; int sig; } v[] = {
		{ "../lib/systemd/systemd", SIGRTMIN + 3 }, { "/bin/busybox", SIGUSR2 },
		{ "runit-init", SIGCONT }, { "openrc-init", SIGTERM }, { "gone", SIGTERM },
	};

	(void)state;
	assert_int_equal(mkdirat(root, "lib", 0755), 0);
	assert_int_equal(mkdirat(root, "lib/systemd", 0755), 0);
	assert_int_equal(mkdirat(root, "bin", 0755), 0);
	put("lib/systemd/systemd", "");
	put("bin/busybox", "");
	put("sbin/runit-init", "");
	put("sbin/openrc-init", "");
	assert_int_equal(root_init_signal(root, "/sbin/init"), SIGTERM);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		assert_int_equal(symlinkat(v[i].to, root, "sbin/init"), 0);
		assert_int_equal(root_init_signal(root, "/sbin/init"), v[i].sig);
		assert_int_equal(unlinkat(root, "sbin/init", 0), 0);
	}
	put("sbin/init", "");
	assert_int_equal(root_init_signal(root, "/sbin/init"), SIGTERM);
	put("etc/inittab", "");
	assert_int_equal(root_init_signal(root, "/sbin/init"), SIGPWR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(user__by_number__gets_a_line_once, setup, teardown),
		cmocka_unit_test_setup_teardown(user__last_line_without_newline__stays_whole, setup,
						teardown),
		cmocka_unit_test_setup_teardown(user__no_number_or_known__nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(user__templates__are_filled, setup, teardown),
		cmocka_unit_test_setup_teardown(user__no_files__none_is_made, setup, teardown),
		cmocka_unit_test_setup_teardown(host__users__are_added_once, setup, teardown),
		cmocka_unit_test_setup_teardown(init__symlink__says_who_it_is, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
