/*
 * Text that cgroup/ takes from annotations, options, config.json and the kernel: GVariant
 * values, unit names, device rules, limits, statistics.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cgroup/devices.h"
#include "cgroup/stats.h"
#include "cgroup/unit.h"

#define HOLDS(x) do { if (!(x)) __builtin_trap(); } while (0)

static void units(struct arena *a, const char *s)
{
	struct json_pair pair = { "org.systemd.property.TimeoutStopSec", s };
	struct json_map m = { 1, &pair };
	struct cgroup_unit u AUTO(cgroup_unit) = { NULL, NULL };
	struct unit_props p = { .a = a };
	struct unit_prop v = { 0 };
	struct err e = ERR_INIT;
	AUTO_FREE char *path = NULL;

	if (gvariant_parse(a, s, &v) == 0)
		HOLDS(v.sig && *v.sig && strlen(v.sig) <= 2);
	if (unit_props_annotations(&p, &m, &e) == 0)
		HOLDS(p.n == 1 && strcmp(p.v[0].name, "TimeoutStopUSec") == 0);
	if (cgroup_unit_parse(s, NULL, "id", false, &u, &e) == 0)
		HOLDS(str_ends(u.unit, ".scope") && !strchr(u.unit, '/'));
	if (cgroup_slice_path(s, &path, &e) == 0)
		HOLDS(!strstr(path, "/../") && path[0] != '/');
}

static void limits(struct arena *a, const char *s)
{
	struct cgroup_limits l = { 0 };
	struct cgroup_device d;
	struct cgroup_plan p;
	struct cgroup_bpf prog;
	struct unit_props props = { .a = a, .version = 255, .start = true };
	struct err e = ERR_INIT;
	uint8_t *mask;

	if (cgroup_device_parse(s, &d) == 0) {
		cgroup_devices_add(&l, a, d);
		cgroup_devices_compile(&l, a, &prog);
		HOLDS(prog.n <= CGROUP_BPF_PER_RULE + 32);
	}
	if (cgroup_list_is_valid(s))
		HOLDS(unit_cpu_mask(a, s, &mask) > 0);
	for (const struct cgroup_option *o = cgroup_options; o->name; o++) {
		if (str_starts(o->name, "device-") || str_starts(o->name, "blkio-weight-d"))
			continue;	/* these look at the host */
		l = (struct cgroup_limits){ 0 };
		if (cgroup_limits_set(&l, a, o->name, s, &e) < 0)
			continue;
		if (cgroup_limits_check(&l, &e) < 0)
			continue;
		unit_props_limits(&props, &l);
		cgroup_plan_make(&l, a, &p);
		for (size_t i = 0; i < p.n; i++)
			HOLDS(p.v[i].file && p.v[i].text && !strchr(p.v[i].file, '/'));
	}
}

static void statistics(struct arena *a, const char *s)
{
	struct cgroup_counter *counters;
	struct cgroup_pressure psi;
	struct cgroup_io_stat *io;
	struct cgroup_rdma_stat *rdma;
	char at[64];

	HOLDS(cgroup_parse_counters(a, s, &counters) <= 1024);
	HOLDS(cgroup_parse_io(a, s, &io) <= 1024);
	HOLDS(cgroup_parse_rdma(a, s, &rdma) <= 1024);
	cgroup_parse_pressure(s, &psi);
	cgroup_v1_mount_of(s, "memory", at, sizeof(at));
	cgroup_enabled_in(s, "memory");
	cgroup_controllers_parse(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a AUTO(arena) = arena_new(64u << 20);
	AUTO_FREE char *s = NULL;

	if (n > 8192)
		return 0;
	s = mem_strndup((const char *)data, n);
	units(a, s);
	limits(a, s);
	statistics(a, s);
	return 0;
}
