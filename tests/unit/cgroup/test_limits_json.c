/* linux.resources from and to JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "cgroup/cgroup.h"

static int read_text(struct arena *a, const char *text, bool strict, struct cgroup_limits *l,
		     struct err *e)
{
	struct json_limits lim = JSON_LIMITS_DEFAULT;
	struct json_ctx c = { .a = a, .e = e, .what = "config.json", .strict = strict };
	const struct json *v;
	int r = json_parse(a, text, strlen(text), lim, "config.json", &v, e);

	return r < 0 ? r : cgroup_limits_read(&c, v, l);
}

static const char all[] =
	"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
	"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"},"
	"{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"r\"}],"
	"\"memory\":{\"limit\":1,\"reservation\":2,\"swap\":-1,\"kernel\":3,\"kernelTCP\":4,"
	"\"swappiness\":5,\"disableOOMKiller\":false,\"useHierarchy\":true,"
	"\"checkBeforeUpdate\":true},"
	"\"cpu\":{\"shares\":1024,\"quota\":-1,\"period\":50000,\"burst\":7,"
	"\"realtimeRuntime\":8,\"realtimePeriod\":9,\"idle\":1,\"cpus\":\"2-3\",\"mems\":\"0\"},"
	"\"pids\":{\"limit\":32771},"
	"\"blockIO\":{\"weight\":10,\"leafWeight\":11,\"weightDevice\":[{\"major\":8,\"minor\":0,"
	"\"weight\":500,\"leafWeight\":300}],"
	"\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
	"\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":601}],"
	"\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":2,\"rate\":602}],"
	"\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":3,\"rate\":603}]},"
	"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":209715200}],"
	"\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000},"
	"\"mlx4_0\":{\"hcaObjects\":1000}},"
	"\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":500}]},"
	"\"unified\":{\"memory.high\":\"1\",\"io.max\":\"8:0 rbps=1\"}}";

static void json__every_field__comes_back_as_it_was(void **state)
{
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	struct cgroup_limits l = { 0 };
	struct strbuf b AUTO(strbuf) = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct json_out o;

	(void)state;
	if (read_text(a, all, true, &l, &e) < 0)
		fail_msg("%s", e.msg);
	json_out_init(&o, &b, 0);
	cgroup_limits_write(&o, NULL, &l);
	assert_string_equal(b.s, all);
	assert_int_equal(l.devices[0].major, -1);
	assert_int_equal(l.devices[0].type, CGROUP_DEV_ALL);
	assert_int_equal(l.blkio.wiops.v[0].rate, 603);
	assert_false(l.rdma[1].handles.set);
}

static void json__empty_and_null__nothing_set(void **state)
{
	struct arena *a AUTO(arena) = arena_new(8u << 20);
	struct cgroup_limits l = { 0 }, zero = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_text(a, "{\"memory\":null,\"cpu\":{},\"pids\":{}}", true, &l, &e), 0);
	assert_memory_equal(&l, &zero, sizeof(l));
	assert_int_equal(read_text(a, "{\"devices\":[]}", true, &l, &e), 0);
	assert_true(l.devices_set);
	assert_false(cgroup_limits_any(&l));
}

static void json__wrong__refused_with_its_path(void **state)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{ "{\"memory\":{\"limit\":\"1\"}}", "memory.limit" },
		{ "{\"memory\":{\"limit\":9223372036854775808}}", "memory.limit" },
		{ "{\"memory\":{\"limit\":1.5}}", "memory.limit" },
		{ "{\"memory\":[]}", "memory" },
		{ "{\"cpu\":{\"shares\":-1}}", "cpu.shares" },
		{ "{\"cpu\":{\"cpus\":0}}", "cpu.cpus" },
		{ "{\"pids\":7}", "pids" },
		{ "{\"blockIO\":{\"weight\":65536}}", "blockIO.weight" },
		{ "{\"blockIO\":{\"weightDevice\":[{\"major\":1}]}}", "weightDevice[0]" },
		{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":1,\"minor\":1}]}}", "rate" },
		{ "{\"hugepageLimits\":[{\"limit\":1}]}", "pageSize" },
		{ "{\"rdma\":{\"x\":{\"hcaHandles\":-1}}}", "rdma.x.hcaHandles" },
		{ "{\"rdma\":[]}", "rdma" },
		{ "{\"devices\":[{\"access\":\"r\"}]}", "devices[0]" },
		{ "{\"devices\":[{\"allow\":true,\"access\":\"x\"}]}", "devices[0].access" },
		{ "{\"devices\":[{\"allow\":true,\"type\":\"u\"}]}", "devices[0].type" },
		{ "{\"devices\":[{\"allow\":true,\"major\":-2}]}", "devices[0].major" },
		{ "{\"devices\":[{\"allow\":true,\"minor\":4294967296}]}", "devices[0].minor" },
		{ "{\"unified\":{\"memory.max\":1}}", "unified" },
		{ "[]", "config.json" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena *a AUTO(arena) = arena_new(8u << 20);
		struct cgroup_limits l = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(read_text(a, rows[i].text, false, &l, &e), -EINVAL);
		if (!strstr(e.msg, rows[i].path))
			fail_msg("%s: \"%s\" does not name %s", rows[i].text, e.msg, rows[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json__every_field__comes_back_as_it_was),
		cmocka_unit_test(json__empty_and_null__nothing_set),
		cmocka_unit_test(json__wrong__refused_with_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
