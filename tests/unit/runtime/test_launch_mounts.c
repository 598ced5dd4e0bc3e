/* test_launch_mounts.c - mounts of real births: what they become, and the attacks on them. */
#include "tests/unit/runtime/birth_room.h"

#include <pthread.h>
#include <sys/syscall.h>

static void mounts__options__are_what_was_asked(void **state)
{
	char mounts[1024];
	struct room_birth b;

	(void)state;
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"%s/"
		 "host\",\"options\":[\"rbind\","
		 "\"ro\",\"nosuid\",\"nodev\",\"noexec\"]},{\"destination\":\"/one/"
		 "file\",\"type\":\"bind\","
		 "\"source\":\"%s/host/"
		 "secret\",\"options\":[\"bind\"]},{\"destination\":\"relative\","
		 "\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"size=64k\",\"mode=0700\","
		 "\"ro\"]},"
		 "{\"destination\":\"/relative/below\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
		 "{\"destination\":\"/"
		 "etc\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}",
		 room, room);
	room_lives(&b, &(struct room_spec){
			       .script = "mount | grep -e /data -e /relative; cat /data/secret "
					 "/one/file; touch /data/x /relative/x;"
					 "cat /etc/passwd; touch /etc/new && echo new; touch "
					 "/relative/below/x && echo below",
			       .mounts = mounts });
	assert_said(&b, "/data type ");
	assert_said(&b, "(ro,nosuid,nodev,noexec,");
	assert_said(&b, "outside\noutside\n");
	assert_said(&b, "/data/x: Read-only file system");
	assert_said(&b, "/relative/x: Read-only file system");
	assert_said(&b, "u:x:1000");
	assert_said(&b, "new\nbelow\n");
	room_shell("test ! -e %s/root/etc/new", room);
}

static void mounts__missing_source__is_named(void **state)
{
	struct room_birth b;

	(void)state;
	assert_true(room_run(&b, &(struct room_spec){
					 .mounts = ",{\"destination\":\"/"
						   "data\",\"type\":\"bind\",\"source\":\"/no/"
						   "such\",\"options\":[\"bind\"]}" }) < 0);
	assert_string_equal(
		b.e.msg,
		"mount /data (bind from /no/such): open source: No such file or directory");
	assert_true(room_run(&b, &(struct room_spec){
		.mounts = ",{\"destination\":\"/data\",\"type\":\"nofs\",\"source\":\"x\"}" }) < 0);
	assert_failed(&b, "mount /data (nofs from x): file system nofs is not known");
	assert_true(room_run(&b, &(struct room_spec){
					 .mounts = ",{\"destination\":\"/"
						   "data\",\"type\":\"tmpfs\",\"source\":\"t\","
						   "\"options\":[\"nonsense=1\"]}" }) < 0);
	assert_failed(&b, "mount /data (tmpfs from t): option nonsense=1");
}

static void mounts__idmapped__shows_other_owners(void **state)
{
	char mounts[512];
	struct room_birth b;

	(void)state;
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"%s/"
		 "host\",\"options\":[\"bind\",\"idmap\"],"
		 "\"uidMappings\":[{\"containerID\":0,\"hostID\":4321,\"size\":5}],"
		 "\"gidMappings\":[{\"containerID\":0,\"hostID\":4321,\"size\":5}]}",
		 room);
	if (room_run(&b, &(struct room_spec){ .script = "stat -c %u:%g /data/secret",
					      .mounts = mounts }) < 0) {
		assert_failed(&b, "idmap");	/* a file system without support */
		return;
	}
	assert_string_equal(b.said, "4321:4321\n");
}

/* Without mappings of its own: as the container's user namespace maps. */
static void mounts__idmapped_as_the_container__belongs_to_its_root(void **state)
{
	char mounts[512];
	struct room_birth b;

	(void)state;
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"%s/"
		 "host\",\"options\":[\"bind\",\"idmap\"]}",
		 room);
	if (room_run(&b, &(struct room_spec){ .script = "stat -c %u:%g /data/secret; cat "
							"/data/secret; touch /data/made",
					      .namespaces = ROOM_NAMESPACES ",{\"type\":\"user\"}",
					      .linux_ = ",\"uidMappings\":[{\"containerID\":0,"
							"\"hostID\":70000,\"size\":1000}],"
							"\"gidMappings\":[{\"containerID\":0,"
							"\"hostID\":70000,\"size\":1000}]",
					      .mounts = mounts }) < 0) {
		assert_failed(&b, "idmap");
		return;
	}
	assert_string_equal(b.said, "0:0\noutside\n");
	room_shell("test $(stat -c %%u %s/host/made) = 0 && rm %s/host/made", room, room);
}

static void mounts__read_only_root__is_read_only(void **state)
{
	struct room_birth b;

	(void)state;
	room_prepare(&b, &(struct room_spec){ .script = "touch /x; touch /dev/x && echo dev" });
	b.s->root_readonly = true;
	assert_int_equal(room_launch(&b), 0);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_said(&b, "Read-only file system");
	assert_said(&b, "dev");
	room_clear(&b);
}

static void mounts__no_pivot__chroots(void **state)
{
	struct room_birth b;

	(void)state;
	room_prepare(&b, &(struct room_spec){ .script = "ls / | head -3; cat /proc/1/comm" });
	b.o.no_pivot = true;
	assert_int_equal(room_launch(&b), 0);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_said(&b, "bin\n");
	room_clear(&b);
}

/* Nothing of ours may show in the host, whatever its propagation is. */
static void mounts__after_a_birth__host_has_none(void **state)
{
	struct room_birth b;

	(void)state;
	room_shell("mkdir -p %s/m && mount -t tmpfs t %s/m && mount --make-shared %s/m && cp -a "
		   "%s/root %s/m/",
		   room, room, room, room, room);
	room_prepare(&b, &(struct room_spec){ .script = "echo ok" });
	b.o.root_path = mem_printf("%s/m/root", room);
	assert_int_equal(room_launch(&b), 0);
	room_shell("! grep %s/m/root/ /proc/self/mountinfo", room);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_string_equal(b.said, "ok\n");
	free((char *)(uintptr_t)b.o.root_path);
	room_clear(&b);
	room_shell("umount %s/m && rmdir %s/m", room, room);
}

/* rslave by default: what the host mounts later below a shared source shows inside. */
static void mounts__hot_plug__reaches_the_container(void **state)
{
	char mounts[256];
	struct room_birth b;

	(void)state;
	room_shell("mkdir -p %s/s && mount -t tmpfs t %s/s && mount --make-shared %s/s && mkdir "
		   "%s/s/late",
		   room, room, room, room);
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/s\",\"type\":\"bind\",\"source\":\"%s/"
		 "s\",\"options\":[\"rbind\"]}",
		 room);
	room_prepare(&b, &(struct room_spec){ .script = "ls /s/late", .mounts = mounts });
	assert_int_equal(room_launch(&b), 0);
	room_shell("mount -t tmpfs t %s/s/late && touch %s/s/late/plugged", room, room);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_string_equal(b.said, "plugged\n");
	room_clear(&b);
	room_shell("umount %s/s/late && umount %s/s && rmdir %s/s", room, room, room);
}

/* Options that only the newer runtimes know. */
static void mounts__rare_options__do_what_they_say(void **state)
{
	struct room_birth b;
	char mounts[2048];

	(void)state;
	room_shell("cd %s/host && mkdir -p deep && mount -t tmpfs t deep && ln -s secret link",
		   room);
	snprintf(
		mounts, sizeof(mounts),
		",{\"destination\":\"/rro\",\"type\":\"bind\",\"source\":\"%s/host\","
		"\"options\":[\"rbind\",\"rro\"]},"
		"{\"destination\":\"/ro\",\"type\":\"bind\",\"source\":\"%s/host\","
		"\"options\":[\"rbind\",\"ro\"]},"
		"{\"destination\":\"/copied\",\"type\":\"bind\",\"source\":\"%s/host/link\","
		"\"options\":[\"bind\",\"copy-symlink\"]},"
		"{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
		"{\"destination\":\"/tmp\",\"type\":\"none\",\"options\":[\"remount\",\"nosuid\"]},"
		"{\"destination\":\"/shared\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
		"\"options\":[\"shared\"]}",
		room, room, room);
	room_lives(&b, &(struct room_spec){ .script = "touch /rro/deep/x || echo rro; touch "
						      "/ro/deep/x && echo ro; readlink /copied;"
						      "stat -c %a /tmp; mount | grep ' /tmp '; "
						      "grep /shared /proc/self/mountinfo",
					    .mounts = mounts });
	room_shell("umount %s/host/deep && rmdir %s/host/deep && rm %s/host/link %s/root/copied",
		   room, room, room, room);
	assert_said(&b, "rro\nro\nsecret\n1777\n");
	assert_said(&b, "(rw,nosuid,");
	assert_said(&b, "shared:");
}

/* A source below the root is what earlier mounts made of it, and no link leads out of it. */
static void mounts__source_below_the_root__is_seen_from_inside(void **state)
{
	struct room_birth b;
	char mounts[1024];

	(void)state;
	room_shell("mkdir %s/root/m && ln -s %s/host %s/root/out", room, room, room);
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/m\",\"type\":\"bind\",\"source\":\"%s/"
		 "host\",\"options\":[\"bind\"]},"
		 "{\"destination\":\"/n\",\"type\":\"bind\",\"source\":\"%s/root/m/secret\","
		 "\"options\":[\"bind\"]}",
		 room, room);
	room_lives(&b, &(struct room_spec){ .script = "cat /n", .mounts = mounts });
	assert_string_equal(b.said, "outside\n");
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/n\",\"type\":\"bind\",\"source\":\"%s/root/out/secret\","
		 "\"options\":[\"bind\"]}",
		 room);
	assert_true(room_run(&b, &(struct room_spec){ .script = "cat /n", .mounts = mounts }) < 0);
	room_shell("rm -r %s/root/m %s/root/n %s/root/out", room, room, room);
}

static void mounts__root_propagation__is_that_of_the_spec(void **state)
{
	static const struct {
		const char *asked, *shown;
	} rows[] = { { "shared", "shared:" },
		     { "private", " - " },
		     { "unbindable", "unbindable" } };
	struct room_birth b;
	char more[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(more, sizeof(more), ",\"rootfsPropagation\":\"%s\"", rows[i].asked);
		room_lives(&b,
			   &(struct room_spec){ .script = "grep ' / / ' /proc/self/mountinfo;"
							  "grep '/root / ' /proc/self/mountinfo",
						.linux_ = more });
		assert_said(&b, rows[i].shown);
	}
}

/* ---- attacks ---- */

static void attack__proc_is_a_symlink__is_refused(void **state)
{
	struct room_birth b;

	(void)state;
	room_shell(
		"rmdir %s/root/proc && ln -s /tmp/fake %s/root/proc && mkdir -p %s/root/tmp/fake",
		room, room, room);
	assert_true(room_run(&b, &(struct room_spec){ .script = "echo in" }) < 0);
	assert_failed(&b, "/proc must be mounted on ordinary directory");
	room_shell("rm %s/root/proc && rmdir %s/root/tmp/fake && mkdir %s/root/proc", room, room,
		   room);
}

static void attack__dev_is_a_symlink__is_refused(void **state)
{
	struct room_birth b;
	struct spec *s;

	(void)state;
	room_shell("rmdir %s/root/dev && ln -s %s/host %s/root/dev", room, room, room);
	assert_true(room_run(&b, &(struct room_spec){ .script = "echo in" }) < 0);
	assert_failed(&b, "/dev must be mounted on ordinary directory");
	/* The same without a mount there. */
	room_prepare(&b, &(struct room_spec){ .script = "echo in" });
	s = b.s;
	s->nmounts = 1;	/* /proc */
	assert_true(room_launch(&b) < 0);
	assert_failed(&b, "/dev must be mounted on ordinary directory");
	room_clear(&b);
	room_shell("rm %s/root/dev && mkdir %s/root/dev && test \"$(ls %s/host)\" = secret", room,
		   room, room);
}

/* A link that leads out of the root leads to the same name inside. */
static void attack__target_symlink__stays_inside(void **state)
{
	struct room_birth b;
	char mounts[256];

	(void)state;
	room_shell("ln -s %s/host %s/root/link && ln -s ../../../../../..%s/host %s/root/dots",
		   room, room, room, room);
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/link/a\",\"type\":\"tmpfs\",\"source\":\"t\"},"
		 "{\"destination\":\"/dots/b\",\"type\":\"tmpfs\",\"source\":\"t\"}");
	room_lives(&b, &(struct room_spec){ .script = "grep tmpfs /proc/self/mountinfo",
					    .mounts = mounts });
	assert_said(&b, "/host/a ");
	assert_said(&b, "/host/b ");
	room_shell("test ! -e %s/host/a && test ! -e %s/host/b && test -d %s/root%s/host/a", room,
		   room, room, room);
	room_shell("rm -r %s/root/link %s/root/dots %s/root/tmp/berth-birth-*", room, room, room);
}

static void attack__mount_inside_proc__is_refused(void **state)
{
	struct room_birth b;
	char mounts[256];

	(void)state;
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/proc/self/attr\",\"type\":\"bind\",\"source\":\"%s/"
		 "host\",\"options\":[\"bind\"]}",
		 room);
	assert_true(room_run(&b, &(struct room_spec){ .mounts = mounts }) < 0);
	assert_failed(&b, "/proc");
	assert_true(room_run(&b, &(struct room_spec){
		.mounts = ",{\"destination\":\"/\",\"type\":\"tmpfs\",\"source\":\"t\"}" }) < 0);
}

/* CVE-2025-31133: the image's /dev/null is a link; what masks is the host's. */
static void attack__dev_null_symlink__masks_all_the_same(void **state)
{
	struct room_birth b;

	(void)state;
	room_shell("ln -s /etc/passwd %s/root/dev/null", room);
	room_lives(&b, &(struct room_spec){
		.script = "wc -c < /proc/timer_list; stat -c %F /dev/null",
		.linux_ = ",\"maskedPaths\":[\"/proc/timer_list\"]" });
	assert_string_equal(b.said, "0\ncharacter special file\n");
	room_shell("rm %s/root/dev/null", room);
}

/* CVE-2024-21626: a work directory by way of a descriptor of ours. */
static void attack__cwd_in_proc_fd__is_outside_nowhere(void **state)
{
	(void)state;
	for (int fd = 3; fd < 12; fd++) {
		struct room_birth b;
		char cwd[64];
		int r;

		snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", fd);
		r = room_run(&b, &(struct room_spec){ .script = "cat host/secret; ls ..; pwd",
						      .cwd = cwd });
		if (r == 0)
			assert_not_said(&b, "outside");
	}
}

/* CVE-2019-5736 by way of the entry point, and --init's PID 1. */
static void attack__own_program__cannot_be_written(void **state)
{
	struct room_birth b;

	(void)state;
	room_lives(&b, &(struct room_spec){ .args = "[\"/proc/self/exe\"]" });
	assert_said(&b, "berth-init: started by berth alone");
	room_prepare(&b, &(struct room_spec){
		.script = "(echo x > /proc/1/exe) && echo WRITTEN; readlink /proc/1/exe; echo end",
		.caps = "\"CAP_SYS_PTRACE\",\"CAP_DAC_OVERRIDE\"" });
	b.o.run_pid1 = true;
	assert_int_equal(room_launch(&b), 0);
	assert_int_equal(launch_open_gate(&b.l, &b.e), 0);
	room_finish(&b);
	assert_not_said(&b, "WRITTEN");
	assert_said(&b, "end");
	room_clear(&b);
}

struct racer {
	int dir;
	volatile bool stop;
};

/* Swaps root/race/a, now a folder, now a link out of the root (CVE-2021-30465). */
static void *swap(void *arg)
{
	struct racer *r = arg;

	while (!r->stop)
		syscall(SYS_renameat2, r->dir, "a", r->dir, "b", 2 /* RENAME_EXCHANGE */);
	return NULL;
}

static void attack__swapped_target__never_leads_out(void **state)
{
	struct racer r = { .stop = false };
	pthread_t thread;
	char path[96];

	(void)state;
	room_shell("mkdir -p %s/root/race/a && ln -s ../../host %s/root/race/b && ln -s %s/host "
		   "%s/root/race/c",
		   room, room, room, room);
	snprintf(path, sizeof(path), "%s/root/race", room);
	r.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(pthread_create(&thread, NULL, swap, &r), 0);
	for (int i = 0; i < 300; i++) {
		struct room_birth b;

		(void)room_run(&b,
			       &(struct room_spec){
				       .args = "[\"/bin/true\"]",
				       .namespaces = "{\"type\":\"mount\"},{\"type\":\"pid\"},{"
						     "\"type\":\"uts\"}",
				       .mounts = ",{\"destination\":\"/race/a/"
						 "made\",\"type\":\"tmpfs\",\"source\":\"t\"}" });
	}
	r.stop = true;
	pthread_join(thread, NULL);
	close(r.dir);
	room_shell("test \"$(ls %s/host)\" = secret", room);
	room_shell("rm -r %s/root/race", room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts__options__are_what_was_asked),
		cmocka_unit_test(mounts__missing_source__is_named),
		cmocka_unit_test(mounts__idmapped__shows_other_owners),
		cmocka_unit_test(mounts__idmapped_as_the_container__belongs_to_its_root),
		cmocka_unit_test(mounts__read_only_root__is_read_only),
		cmocka_unit_test(mounts__no_pivot__chroots),
		cmocka_unit_test(mounts__after_a_birth__host_has_none),
		cmocka_unit_test(mounts__hot_plug__reaches_the_container),
		cmocka_unit_test(mounts__rare_options__do_what_they_say),
		cmocka_unit_test(mounts__source_below_the_root__is_seen_from_inside),
		cmocka_unit_test(mounts__root_propagation__is_that_of_the_spec),
		cmocka_unit_test(attack__proc_is_a_symlink__is_refused),
		cmocka_unit_test(attack__dev_is_a_symlink__is_refused),
		cmocka_unit_test(attack__target_symlink__stays_inside),
		cmocka_unit_test(attack__mount_inside_proc__is_refused),
		cmocka_unit_test(attack__dev_null_symlink__masks_all_the_same),
		cmocka_unit_test(attack__cwd_in_proc_fd__is_outside_nowhere),
		cmocka_unit_test(attack__own_program__cannot_be_written),
		cmocka_unit_test(attack__swapped_target__never_leads_out),
	};

	if (!room_usable()) {
		print_message("skipped: needs root and /bin/busybox\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, room_open, room_close);
}
