/* config.json → spec → config.json: nothing is lost, and wrong things are refused by their path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/str.h"
#include "base/sys.h"
#include "runtime/spec_part.h"

/* Every field of the specification for Linux once. */
static const char full[] =
	"{\"ociVersion\":\"1.3.0\","
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
	"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":25,\"width\":80},"
	"\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[5,6]},"
	"\"args\":[\"sh\",\"-c\",\"true\"],\"env\":[\"A=1\",\"B=2\"],\"cwd\":\"/tmp\","
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],"
	"\"inheritable\":[],\"permitted\":[\"CAP_KILL\"],\"ambient\":[]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":512}],"
	"\"noNewPrivileges\":true,\"oomScoreAdj\":-5,\"apparmorProfile\":\"p\","
	"\"selinuxLabel\":\"l\","
	"\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"nice\":-1,\"priority\":10,"
	"\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"]},"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":4},"
	"\"execCPUAffinity\":{\"initial\":\"0-1\",\"final\":\"0,2-3\"}},"
	"\"hostname\":\"h\",\"domainname\":\"d\","
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
	"\"options\":[\"nosuid\",\"hidepid=2\"]},"
	"{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"/srv\","
	"\"options\":[\"rbind\",\"idmap\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}]}],"
	"\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"args\":[\"a\",\"b\"],"
	"\"env\":[\"X=1\"],\"timeout\":3}],"
	"\"poststop\":[{\"path\":\"/b\",\"args\":[\"/b\"]}]},"
	"\"annotations\":{\"k\":\"v\"},"
	"\"linux\":{\"namespaces\":[{\"type\":\"user\"},{\"type\":\"mount\"},"
	"{\"type\":\"network\",\"path\":\"/run/netns/x\"},{\"type\":\"time\"}],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,"
	"\"fileMode\":438,\"uid\":0,\"gid\":0}],"
	"\"cgroupsPath\":\"/a/b\","
	"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
	"\"memory\":{\"limit\":1048576,\"checkBeforeUpdate\":true},\"cpu\":{\"shares\":1024},"
	"\"pids\":{\"limit\":100},\"unified\":{\"memory.high\":\"1000000\"}},"
	"\"rootfsPropagation\":\"rslave\","
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
	"\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5}]},"
	"\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
	"\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"],\"mountLabel\":\"m\","
	"\"timeOffsets\":{\"monotonic\":{\"secs\":-1,\"nanosecs\":2},"
	"\"boottime\":{\"secs\":3,\"nanosecs\":0}},"
	"\"personality\":{\"domain\":\"LINUX32\"},"
	"\"intelRdt\":{\"closID\":\"c\",\"schemata\":[\"L2:0=f\"],\"l3CacheSchema\":\"L3:0=f\","
	"\"memBwSchema\":\"MB:0=50\",\"enableMonitoring\":true},"
	"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0-1\","
	"\"flags\":[\"MPOL_F_STATIC_NODES\"]},"
	"\"netDevices\":{\"eth1\":{\"name\":\"lan\"}}}}";

#define VERSION "{\"ociVersion\":\"1.0.0\","

static struct spec *read_ok(struct arena *a, const char *text)
{
	struct err e = ERR_INIT;
	struct spec *s = NULL;

	if (spec_read(a, text, strlen(text), &s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

static void spec__full_document__comes_back_the_same(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO(strbuf) struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;

	(void)state;
	spec_write(read_ok(a, full), &one);
	spec_write(read_ok(a, one.s), &two);
	assert_string_equal(one.s, two.s);
}

static void spec__full_document__fills_every_field(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	const struct spec *s = read_ok(a, full);

	(void)state;
	assert_true(s->root_readonly && s->has_process && s->process.terminal);
	assert_int_equal(s->process.console_width, 80);
	assert_int_equal(s->process.user.umask.v, 022);
	assert_int_equal(s->process.user.ngroups, 2);
	assert_true(s->process.caps.bounding == ((1u << 0) | (1u << 5)));
	assert_int_equal(s->process.rlimits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(s->process.oom_score_adj.v, -5);
	assert_int_equal(s->process.scheduler.policy, 1);
	assert_int_equal(s->process.ioprio.class, 3);
	assert_string_equal(s->mounts[0].data[0], "hidepid=2");
	assert_int_equal(s->mounts[1].flags,
			 SPEC_MOUNT_BIND | SPEC_MOUNT_REC | SPEC_MOUNT_IDMAP);
	assert_int_equal(s->hooks[SPEC_HOOK_PRESTART].v[0].timeout, 3);
	assert_true(s->ns[SPEC_NS_USER].unshare && !s->ns[SPEC_NS_PID].unshare);
	assert_string_equal(s->ns[SPEC_NS_NETWORK].path, "/run/netns/x");
	assert_int_equal(s->monotonic.secs, -1);
	assert_true(s->rootfs_propagation == (MS_SLAVE | MS_REC));
	assert_non_null(s->seccomp);
	assert_int_equal(s->mempolicy.mode, 2);
	assert_string_equal(s->netdevs[0].to, "lan");
	assert_true(s->rdt.set && s->rdt.monitoring);
}

static void spec__unknown_members__are_ignored(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);

	(void)state;
	read_ok(a, "{\"ociVersion\":\"1.9.0\",\"x\":[{}],\"linux\":{\"y\":null},\"vm\":{},"
		   "\"windows\":{\"layerFolders\":[]},\"process\":{\"cwd\":\"/\",\"z\":1}}");
}

static void spec__doubled_variables__last_wins(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	static const char text[] = "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"env\":"
				   "[\"A=1\",\"B=2\",\"A=3\",\"AB=4\",\"B=\"]}}";
	const struct spec *s = read_ok(a, text);

	(void)state;
	assert_string_equal(s->process.env[0], "A=3");
	assert_string_equal(s->process.env[1], "AB=4");
	assert_string_equal(s->process.env[2], "B=");
	assert_null(s->process.env[3]);
}

static void spec__wrong_value__names_its_path(void **state)
{
	static const struct { const char *text, *message; } rows[] = {
		{ VERSION "\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":-1}}}",
		  "config.json: process.user.uid: " },
		{ VERSION "\"mounts\":[{\"destination\":\"/a\",\"type\":\"proc\"},7]}",
		  "config.json: mounts[1]: " },
		{ VERSION "\"linux\":{\"memoryPolicy\":{\"mode\":\"X\"}}}",
		  "config.json: linux.memoryPolicy.mode: \"X\" is none of MPOL_DEFAULT" },
		{ VERSION "\"process\":{\"cwd\":\"/\",\"execCPUAffinity\":{\"final\":\"1-\"}}}",
		  "config.json: process.execCPUAffinity.final: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
		struct err e = ERR_INIT;
		struct spec *s = NULL;

		assert_true(spec_read(a, rows[i].text, strlen(rows[i].text), &s, &e) < 0);
		assert_null(s);
		if (!str_starts(e.msg, rows[i].message))
			fail_msg("%s", e.msg);
	}
}

/* ---- mount options ---------------------------------------------------------------------- */

static struct spec_mount options(struct arena *a, const char *list)
{
	AUTO(strlist) struct strlist words = STRLIST_INIT;
	struct spec_mount m = { .destination = "/x", .type = "none" };
	struct err e = ERR_INIT;

	strlist_split(&words, list, ',', true);
	if (spec_mount_options(a, &m, arena_strv(a, words.v), &e) < 0)
		fail_msg("%s", e.msg);
	return m;
}

static void mount_options__contrary_ones__last_wins(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct spec_mount m;

	(void)state;
	m = options(a, "ro,rw");
	assert_true(m.attr_clr == MOUNT_ATTR_RDONLY && !m.attr_set && !m.sb_flags);
	m = options(a, "rw,ro");
	assert_true(m.attr_set == MOUNT_ATTR_RDONLY && !m.attr_clr && m.sb_flags == MS_RDONLY);
	m = options(a, "noatime,strictatime");
	assert_true(m.attr_set == MOUNT_ATTR_STRICTATIME && m.attr_clr == MOUNT_ATTR__ATIME);
	m = options(a, "rnoatime,rrelatime");
	assert_true(m.rec_set == 0 && m.rec_clr == MOUNT_ATTR__ATIME);
	m = options(a, "rsync,rdirsync,rasync,rmand");
	assert_true(m.sb_flags == (MS_DIRSYNC | MS_MANDLOCK) && !m.rec_set && !m.rec_clr);
	m = options(a, "mand,rnomand,rsync");
	assert_true(m.sb_flags == MS_SYNCHRONOUS);
	m = options(a, "shared,rslave");
	assert_true(m.propagation == (MS_SLAVE | MS_REC));
}

static void mount_options__every_known_name__is_not_data(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO(strlist) struct strlist names = STRLIST_INIT;

	(void)state;
	spec_mount_option_names(&names);
	assert_true(names.n > 60);
	for (size_t i = 0; i < names.n; i++) {
		struct spec_mount m = options(a, names.v[i]);

		assert_null(m.data[0]);
		/* mount_setattr(2) refuses an atime value without the whole field cleared. */
		if (m.attr_set & MOUNT_ATTR__ATIME)
			assert_true((m.attr_clr & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME);
	}
}

static void mount_options__unknown__goes_to_the_file_system(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct spec_mount m = options(a, "size=64k,nosuid,mode=755,x-systemd.automount");

	(void)state;
	assert_string_equal(m.data[0], "size=64k");
	assert_string_equal(m.data[1], "mode=755");
	assert_null(m.data[2]);
}

static void mount_options__idmap_ranges__are_parsed_strictly(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct spec_mount m = options(a, "ridmap=uids=0-1-10#10-11-20;gids=@0-100-10");
	static const char *const bad[] = {
		"idmap=", "idmap=uids=0-1-10", "idmap=uids=0-1;gids=0-1-1",
		"idmap=uids=0-1-0;gids=0-1-1", "idmap=uids=a-1-1;gids=0-1-1",
	};

	(void)state;
	assert_int_equal(m.uids.n, 2);
	assert_int_equal(m.uids.v[1].size, 20);
	assert_int_equal(m.gids.v[0].host_id, 100);
	assert_true(m.gids.v[0].relative && !m.uids.v[0].relative);
	assert_int_equal(m.flags, SPEC_MOUNT_IDMAP | SPEC_MOUNT_IDMAP_REC);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *one[] = { (char *)(uintptr_t)bad[i], NULL };
		struct spec_mount n = { 0 };
		struct err e = ERR_INIT;

		assert_true(spec_mount_options(a, &n, one, &e) < 0);
	}
}

/* ---- words, defaults, rules ------------------------------------------------------------- */

static void names__both_ways__agree(void **state)
{
	(void)state;
	for (int i = 0; spec_cap_name(i); i++)
		assert_int_equal(spec_cap_parse(spec_cap_name(i)), i);
	assert_int_equal(spec_cap_parse("net_admin"), 12);
	assert_int_equal(spec_cap_parse("CAP_NOTHING"), -1);
	for (int i = 0; i < 16; i++)
		assert_int_equal(spec_rlimit_parse(spec_rlimit_name(i)), i);
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		assert_true(spec_ns_name((enum spec_ns)i) && spec_ns_flag((enum spec_ns)i));
}

static void defaults__written_and_read__pass_the_check(void **state)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO(strbuf) struct strbuf text = STRBUF_INIT;
	struct spec s = { .arena = a, .version = SPEC_VERSION };
	static char *args[] = { "sh", NULL };
	struct err e = ERR_INIT;

	(void)state;
	s.has_process = true;
	s.process.args = args;
	s.process.cwd = "/";
	s.ns[SPEC_NS_MOUNT].unshare = true;
	assert_int_equal(spec_default_mounts(a, &s, &e), 0);
	if (spec_check(&s, &e) < 0)
		fail_msg("%s", e.msg);
	spec_write(&s, &text);
	assert_int_equal(read_ok(a, text.s)->nmounts, s.nmounts);
}

static void check__sysctl__only_of_own_namespaces(void **state)
{
	static const struct { const char *key; bool ipc, net, ok; } rows[] = {
		{ "kernel.msgmax", true, false, true },
		{ "kernel.msgmax", false, true, false },
		{ "kernel/shmall", true, false, true },
		{ "net.ipv4.ip_forward", false, true, true },
		{ "net/ipv4/conf/eth0.1/forwarding", false, true, true },
		{ "net.ipv4.ip_forward", true, false, false },
		{ "kernel.panic", true, true, false },
		{ "kernel.hostname", true, true, false },
		{ "net/../kernel/panic", true, true, false },
	};
	static char *args[] = { "sh", NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_pair pair = { rows[i].key, "1" };
		struct spec s = { .has_process = true, .sysctl = { 1, &pair } };
		struct err e = ERR_INIT;

		s.process.args = args;
		s.process.cwd = "/";
		s.ns[SPEC_NS_MOUNT].unshare = true;
		s.ns[SPEC_NS_IPC].unshare = rows[i].ipc;
		s.ns[SPEC_NS_NETWORK].unshare = rows[i].net;
		if ((spec_check(&s, &e) == 0) != rows[i].ok)
			fail_msg("%s: %s", rows[i].key, e.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spec__full_document__comes_back_the_same),
		cmocka_unit_test(spec__full_document__fills_every_field),
		cmocka_unit_test(spec__unknown_members__are_ignored),
		cmocka_unit_test(spec__doubled_variables__last_wins),
		cmocka_unit_test(spec__wrong_value__names_its_path),
		cmocka_unit_test(mount_options__contrary_ones__last_wins),
		cmocka_unit_test(mount_options__every_known_name__is_not_data),
		cmocka_unit_test(mount_options__unknown__goes_to_the_file_system),
		cmocka_unit_test(mount_options__idmap_ranges__are_parsed_strictly),
		cmocka_unit_test(names__both_ways__agree),
		cmocka_unit_test(defaults__written_and_read__pass_the_check),
		cmocka_unit_test(check__sysctl__only_of_own_namespaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
