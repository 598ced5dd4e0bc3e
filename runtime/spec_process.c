/*
 * spec_process.c - the "process" object of config.json, and process documents alone.
 *
 * Runs in: host.  Pure, except that an unknown capability is warned about, as the
 * specification demands.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "runtime/spec_part.h"

static int read_console_size(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("height", struct spec_process, console_height, json_read_u32, true),
		SPEC_ROW("width", struct spec_process, console_width, json_read_u32, true),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

/* All ones means "leave as it is" to setresuid(2) and setresgid(2). */
static int read_id(struct json_ctx *c, const struct json *v, void *field)
{
	int r = json_read_u32(c, v, field);

	if (!r && *(uint32_t *)field == UINT32_MAX)
		return json_fail(c, "%u is no id", UINT32_MAX);
	return r;
}

static int read_gids(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_user *u = field;
	int r = spec_read_bound(c, v, SPEC_MAX_GROUPS);

	if (r < 0)
		return r;
	return json_read_array(c, v, sizeof(*u->groups), read_id, &u->groups, &u->ngroups);
}

static int read_umask(struct json_ctx *c, const struct json *v, void *field)
{
	struct json_opt_u32 *mask = field;
	int r = json_read_opt_u32(c, v, field);

	if (!r && mask->v > 0777)
		return json_fail(c, "a umask is at most 511 (0777), not %u", mask->v);
	return r;
}

static int read_user(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("uid", struct spec_user, uid, read_id, false),
		SPEC_ROW("gid", struct spec_user, gid, read_id, false),
		SPEC_ROW("umask", struct spec_user, umask, read_umask, false),
		SPEC_WHOLE("additionalGids", read_gids, false),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_cap_set(struct json_ctx *c, const struct json *v, void *field)
{
	uint64_t *set = field;
	char **names = NULL;
	int r = spec_read_strs(c, v, &names);

	if (r < 0)
		return r;
	for (char **n = names; *n; n++) {
		int bit = spec_cap_parse(*n);

		if (bit < 0)
			log_warn("process.capabilities: unknown capability \"%s\" is left out", *n);
		else
			*set |= UINT64_C(1) << bit;
	}
	return 0;
}

static int read_caps(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("bounding", struct spec_caps, bounding, read_cap_set, false),
		SPEC_ROW("effective", struct spec_caps, effective, read_cap_set, false),
		SPEC_ROW("inheritable", struct spec_caps, inheritable, read_cap_set, false),
		SPEC_ROW("permitted", struct spec_caps, permitted, read_cap_set, false),
		SPEC_ROW("ambient", struct spec_caps, ambient, read_cap_set, false),
	};
	struct spec_caps *caps = field;

	caps->set = true;
	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_rlimit_type(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_rlimit *limit = field;
	const char *name = NULL;
	int r = json_read_str(c, v, &name);

	if (r < 0)
		return r;
	limit->resource = strncmp(name, "RLIMIT_", 7) ? -1 : spec_rlimit_parse(name);
	if (limit->resource < 0)
		return json_fail(c, "unknown resource limit \"%s\"", name);
	return 0;
}

static int read_rlimit(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_WHOLE("type", read_rlimit_type, true),
		SPEC_ROW("hard", struct spec_rlimit, hard, json_read_u64, true),
		SPEC_ROW("soft", struct spec_rlimit, soft, json_read_u64, true),
	};
	struct spec_rlimit *limit = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	if (!r && limit->soft > limit->hard)
		return json_fail(c, "the soft limit %llu is above the hard limit %llu",
				 (unsigned long long)limit->soft, (unsigned long long)limit->hard);
	return r;
}

static int read_rlimits(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_process *p = field;
	int r = spec_read_bound(c, v, 64);

	if (!r)
		r = json_read_array(c, v, sizeof(*p->rlimits), read_rlimit, &p->rlimits,
				    &p->nrlimits);
	for (size_t i = 0; !r && i < p->nrlimits; i++)
		for (size_t k = 0; k < i; k++)
			if (p->rlimits[k].resource == p->rlimits[i].resource)
				return json_fail(c, "%s is there twice",
						 spec_rlimit_name(p->rlimits[i].resource));
	return r;
}

static int read_policy(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_scheduler *s = field;
	uint64_t value = 0;
	int r = spec_read_word(c, v, spec_words_policy, &value);

	if (!r)
		s->policy = (int)value;
	return r;
}

static int read_sched_flags(struct json_ctx *c, const struct json *v, void *field)
{
	return spec_read_words(c, v, spec_words_sched_flag, field);
}

static int read_scheduler(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_WHOLE("policy", read_policy, true),
		SPEC_ROW("nice", struct spec_scheduler, nice, json_read_i32, false),
		SPEC_ROW("priority", struct spec_scheduler, priority, json_read_i32, false),
		SPEC_ROW("flags", struct spec_scheduler, flags, read_sched_flags, false),
		SPEC_ROW("runtime", struct spec_scheduler, runtime, json_read_u64, false),
		SPEC_ROW("deadline", struct spec_scheduler, deadline, json_read_u64, false),
		SPEC_ROW("period", struct spec_scheduler, period, json_read_u64, false),
	};
	struct spec_scheduler *s = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	s->set = !r;
	return r;
}

static int read_ioprio_class(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_ioprio *io = field;
	uint64_t value = 0;
	int r = spec_read_word(c, v, spec_words_ioprio, &value);

	if (!r)
		io->class = (int)value;
	return r;
}

static int read_ioprio_level(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec_ioprio *io = field;
	int32_t level = 0;
	int r = json_read_i32(c, v, &level);

	if (!r && (level < 0 || level > 7))
		return json_fail(c, "must be between 0 and 7, not %d", level);
	io->level = level;
	return r;
}

static int read_ioprio(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_WHOLE("class", read_ioprio_class, true),
		SPEC_WHOLE("priority", read_ioprio_level, false),
	};
	struct spec_ioprio *io = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);

	io->set = !r;
	return r;
}

static int read_affinity(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("initial", struct spec_process, affinity_initial, spec_read_cpulist,
			 false),
		SPEC_ROW("final", struct spec_process, affinity_final, spec_read_cpulist, false),
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static int read_oom(struct json_ctx *c, const struct json *v, void *field)
{
	struct json_opt_i64 *oom = field;
	int r = json_read_opt_i64(c, v, field);

	if (!r && oom->set && (oom->v < -1000 || oom->v > 1000))
		return json_fail(c, "must be between -1000 and 1000, not %lld", (long long)oom->v);
	return r;
}

/* Of two variables of one name the last counts, as with setenv(3): the earlier are left out, so
 * that a program that takes the first one sees the same. */
static void drop_doubles(char **env)
{
	size_t n = 0, slots = 16, k;
	AUTO_FREE size_t *table = NULL;

	while (env[n])
		n++;
	while (slots < 2 * n)
		slots *= 2;
	table = mem_array(slots, sizeof(*table));	/* index + 1 of the last of a name */
	k = n;
	for (size_t i = n; i-- > 0;) {
		size_t len = strcspn(env[i], "=") + 1;
		size_t at = (size_t)str_hash(env[i], len, 0) & (slots - 1);

		while (table[at] && strncmp(env[table[at] - 1], env[i], len))
			at = (at + 1) & (slots - 1);
		if (table[at])
			continue;
		env[--k] = env[i];
		table[at] = k + 1;
	}
	memmove(env, env + k, (n - k + 1) * sizeof(*env));
}

static int read_env(struct json_ctx *c, const struct json *v, void *field)
{
	char ***env = field;
	int r = spec_read_strs(c, v, field);

	for (char **p = *env; !r && *p; p++)
		if (!strchr(*p, '=') || **p == '=')
			return json_fail(c, "\"%.200s\" is not of the form NAME=VALUE", *p);
	if (!r)
		drop_doubles(*env);
	return r;
}

int spec_read_process_part(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("terminal", struct spec_process, terminal, json_read_bool, false),
		SPEC_WHOLE("consoleSize", read_console_size, false),
		SPEC_ROW("cwd", struct spec_process, cwd, json_read_str, true),
		SPEC_ROW("env", struct spec_process, env, read_env, false),
		SPEC_ROW("args", struct spec_process, args, spec_read_strs, false),
		SPEC_ROW("user", struct spec_process, user, read_user, false),
		SPEC_ROW("capabilities", struct spec_process, caps, read_caps, false),
		SPEC_WHOLE("rlimits", read_rlimits, false),
		SPEC_ROW("noNewPrivileges", struct spec_process, no_new_privileges,
			 json_read_bool, false),
		SPEC_ROW("oomScoreAdj", struct spec_process, oom_score_adj, read_oom, false),
		SPEC_ROW("apparmorProfile", struct spec_process, apparmor_profile, json_read_str,
			 false),
		SPEC_ROW("selinuxLabel", struct spec_process, selinux_label, json_read_str, false),
		SPEC_ROW("scheduler", struct spec_process, scheduler, read_scheduler, false),
		SPEC_ROW("ioPriority", struct spec_process, ioprio, read_ioprio, false),
		SPEC_WHOLE("execCPUAffinity", read_affinity, false),
	};
	struct spec_process *p = field;
	int r;

	p->env = arena_array(c->a, 1, sizeof(char *));
	p->args = arena_array(c->a, 1, sizeof(char *));
	r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
	if (r < 0)
		return r;
	if (p->cwd[0] != '/')
		return spec_fail(c, "cwd", "must be an absolute path, not \"%.200s\"", p->cwd);
	/* struct winsize has 16 bits; without a terminal the size says nothing. */
	if (p->terminal && (p->console_height > UINT16_MAX || p->console_width > UINT16_MAX))
		return spec_fail(c, "consoleSize", "must be at most 65535 by 65535");
	return 0;
}

int spec_read_process(struct arena *a, const char *text, size_t n, struct spec_process *ret,
		      struct err *e)
{
	AUTO(arena) struct arena *tree = arena_new(SPEC_ARENA_MAX);
	struct json_ctx c = { .a = a, .e = e, .what = "process" };
	struct json_limits lim = JSON_LIMITS_DEFAULT;
	struct spec_process p = { 0 };
	const struct json *v;
	int r = json_parse(tree, text, n, lim, "process", &v, e);

	if (!r)
		r = spec_read_process_part(&c, v, &p);
	if (!r)
		*ret = p;
	return r;
}
