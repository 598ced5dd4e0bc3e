/*
 * profile.c - the filter profile as JSON: OCI's linux.seccomp in and out, and its rules.
 *
 * OCI runtime specification, config-linux.md, "Seccomp".
 */
#include "seccomp/compile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BUILTIN_KEY "berthBuiltinCaps"	/* the mark: hexadecimal mask of capabilities */

int profile_read_action(struct json_ctx *c, const struct json *v, void *field)
{
	const char *name = NULL;
	uint32_t action;
	int rc = json_read_str(c, v, &name);

	if (rc < 0)
		return rc;
	action = sysnames_action(name);
	if (action == UINT32_MAX)
		return json_fail(c, "unknown action %s", name);
	*(uint32_t *)field = action;
	return 0;
}

static int read_op(struct json_ctx *c, const struct json *v, void *field)
{
	const char *name = NULL;
	int op, rc = json_read_str(c, v, &name);

	if (rc < 0)
		return rc;
	op = sysnames_operator(name);
	if (op < 0)
		return json_fail(c, "unknown operator %s", name);
	*(enum filter_op *)field = (enum filter_op)op;
	return 0;
}

static int read_index(struct json_ctx *c, const struct json *v, void *field)
{
	uint32_t index = 0;
	int rc = json_read_u32(c, v, &index);

	if (rc < 0)
		return rc;
	if (index > 5)
		return json_fail(c, "a system call has the arguments 0 to 5, not %u", index);
	*(uint32_t *)field = index;
	return 0;
}

static int read_arg(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "index", read_index, offsetof(struct filter_arg, index), true },
		{ "value", json_read_u64, offsetof(struct filter_arg, value), true },
		{ "valueTwo", json_read_u64, offsetof(struct filter_arg, value_two), false },
		{ "op", read_op, offsetof(struct filter_arg, op), true },
	};

	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

int profile_read_args(struct json_ctx *c, const struct json *v, void *field)
{
	struct filter_rule *r = field;

	return json_read_array(c, v, sizeof(*r->args), read_arg, &r->args, &r->nargs);
}

int profile_read_flags(struct json_ctx *c, const struct json *v, void *field)
{
	char **names = NULL;
	uint32_t flags = 0;
	int rc = json_read_strs(c, v, &names);

	for (size_t i = 0; rc == 0 && names && names[i]; i++) {
		uint32_t flag = sysnames_flag(names[i]);

		if (!flag)
			return json_fail(c, "unknown flag %s", names[i]);
		flags |= flag;
	}
	if (rc == 0)
		*(uint32_t *)field = flags;
	return rc;
}

static int read_archs(struct json_ctx *c, const struct json *v, void *field)
{
	char **names = NULL;
	int rc = json_read_strs(c, v, &names);

	for (size_t i = 0; rc == 0 && names && names[i]; i++)
		if (!sysnames_find(names[i]))
			return json_fail(c, "unknown architecture %s", names[i]);
	if (rc == 0)
		*(char ***)field = names;
	return rc;
}

static int read_rule(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "names", json_read_strs, offsetof(struct filter_rule, names), true },
		{ "action", profile_read_action, offsetof(struct filter_rule, action), true },
		{ "errnoRet", json_read_opt_u32, offsetof(struct filter_rule, errno_ret), false },
		{ "args", profile_read_args, 0, false },
	};
	struct filter_rule *r = field;
	int rc = json_read_rows(c, v, rows, ARRAY_SIZE(rows), r);

	if (rc == 0 && !r->names[0])
		return json_fail(c, "names must hold a name");
	return rc;
}

static int read_rules(struct json_ctx *c, const struct json *v, void *field)
{
	struct filter_profile *p = field;

	return json_read_array(c, v, sizeof(*p->rules), read_rule, &p->rules, &p->nrules);
}

static int read_builtin(struct json_ctx *c, const struct json *v, void *field)
{
	struct filter_profile *p = field;
	unsigned long long caps;
	const char *hex = NULL;
	int rc = json_read_str(c, v, &hex);

	if (rc < 0)
		return rc;
	if (!str_is_hex(hex, 16) || sscanf(hex, "%16llx", &caps) != 1)
		return json_fail(c, "must be 16 hexadecimal digits");
	p->builtin = true;
	p->builtin_caps = caps;
	return 0;
}

int filter_profile_read(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "defaultAction", profile_read_action,
		  offsetof(struct filter_profile, default_action), true },
		{ "defaultErrnoRet", json_read_opt_u32,
		  offsetof(struct filter_profile, default_errno), false },
		{ "architectures", read_archs, offsetof(struct filter_profile, archs), false },
		{ "flags", profile_read_flags, offsetof(struct filter_profile, flags), false },
		{ "listenerPath", json_read_str,
		  offsetof(struct filter_profile, listener_path), false },
		{ "listenerMetadata", json_read_str,
		  offsetof(struct filter_profile, listener_metadata), false },
		{ "syscalls", read_rules, 0, false },
		{ BUILTIN_KEY, read_builtin, 0, false },
	};
	struct filter_profile *p = arena_alloc(c->a, sizeof(*p));
	int rc = json_read_rows(c, v, rows, ARRAY_SIZE(rows), p);

	if (rc < 0)
		return rc;
	p->flags_set = json_get(v, "flags") != NULL;
	if (p->builtin && (p->nrules || p->archs))
		return json_fail(c, BUILTIN_KEY " does not go with rules");
	*(struct filter_profile **)field = p;
	return 0;
}

/* ---- out ---- */

static void write_rule(struct json_out *o, const struct filter_rule *r)
{
	json_out_obj(o, NULL);
	json_out_strs(o, "names", r->names);
	json_out_str(o, "action", sysnames_action_name(r->action));
	if (r->errno_ret.set)
		json_out_u64(o, "errnoRet", r->errno_ret.v);
	if (r->nargs) {
		json_out_arr(o, "args");
		for (size_t i = 0; i < r->nargs; i++) {
			const struct filter_arg *arg = &r->args[i];

			json_out_obj(o, NULL);
			json_out_u64(o, "index", arg->index);
			json_out_u64(o, "value", arg->value);
			if (arg->value_two || arg->op == FILTER_OP_MASKED_EQ)
				json_out_u64(o, "valueTwo", arg->value_two);
			json_out_str(o, "op", sysnames_operator_name(arg->op));
			json_out_end_obj(o);
		}
		json_out_end_arr(o);
	}
	json_out_end_obj(o);
}

static void write_flags(struct json_out *o, uint32_t flags)
{
	json_out_arr(o, "flags");
	for (uint32_t bit = 1; bit && bit <= flags; bit <<= 1)
		if ((flags & bit) && filter_flag_name(bit))
			json_out_str(o, NULL, filter_flag_name(bit));
	json_out_end_arr(o);
}

static void write_mark(struct json_out *o, const struct filter_profile *p)
{
	char hex[20];

	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)p->builtin_caps);
	json_out_str(o, BUILTIN_KEY, hex);
}

void filter_profile_write(struct json_out *o, const char *key, const struct filter_profile *p,
			  bool expand)
{
	const struct filter_profile *rules = p;
	AUTO(arena) struct arena *a = NULL;

	if (p->builtin && expand) {
		a = arena_new(1 << 20);
		rules = builtin_expand(a, p->builtin_caps);
	}
	json_out_obj(o, key);
	json_out_str(o, "defaultAction", sysnames_action_name(p->default_action));
	if (p->default_errno.set)
		json_out_u64(o, "defaultErrnoRet", p->default_errno.v);
	if (rules->archs)
		json_out_strs(o, "architectures", rules->archs);
	if (p->flags_set)
		write_flags(o, p->flags);
	if (p->listener_path)
		json_out_str(o, "listenerPath", p->listener_path);
	if (p->listener_metadata)
		json_out_str(o, "listenerMetadata", p->listener_metadata);
	if (p->builtin && !expand) {
		write_mark(o, p);
	} else if (rules->nrules) {
		json_out_arr(o, "syscalls");
		for (size_t i = 0; i < rules->nrules; i++)
			write_rule(o, &rules->rules[i]);
		json_out_end_arr(o);
	}
	json_out_end_obj(o);
}

/* ---- rules across fields ---- */

static int check_errno(uint32_t action, struct json_opt_u32 v, const char *where, struct err *e)
{
	if (!v.set)
		return 0;
	if (action != SECCOMP_RET_ERRNO && action != SECCOMP_RET_TRACE)
		return err_say(e, EINVAL, "%s: only SCMP_ACT_ERRNO and "
			       "SCMP_ACT_TRACE take an errno", where);
	/* MAX_ERRNO of the kernel; TRACE hands all 16 bits to the tracer. */
	if (v.v > (action == SECCOMP_RET_ERRNO ? 4095 : SECCOMP_RET_DATA))
		return err_say(e, EINVAL, "%s: %u is out of range", where, v.v);
	return 0;
}

static int check_rule(const struct filter_rule *r, size_t i, struct err *e)
{
	char where[64];
	int rc;

	snprintf(where, sizeof(where), "syscalls[%zu].errnoRet", i);
	rc = check_errno(r->action, r->errno_ret, where, e);
	if (rc < 0)
		return rc;
	for (size_t k = 0; k < r->nargs; k++)
		if (r->args[k].index > 5)
			return err_say(e, EINVAL, "syscalls[%zu].args[%zu].index: a "
				       "system call has the arguments 0 to 5, not %u", i, k,
				       r->args[k].index);
	/* The init reports the listener with write(2), behind its own filter. */
	for (char **name = r->names; r->action == SECCOMP_RET_USER_NOTIF && *name; name++)
		if (strcmp(*name, "write") == 0)
			return err_say(e, EINVAL, "syscalls[%zu].action: "
				       "SCMP_ACT_NOTIFY cannot be used for the write syscall", i);
	return 0;
}

int filter_profile_check(const struct filter_profile *p, struct err *e)
{
	bool notify = false;
	int rc;

	if (p->builtin)
		return 0;
	rc = check_errno(p->default_action, p->default_errno, "defaultErrnoRet", e);
	if (rc < 0)
		return rc;
	if (p->default_action == SECCOMP_RET_USER_NOTIF)
		return err_say(e, EINVAL, "defaultAction: SCMP_ACT_NOTIFY cannot be "
			       "used as default action");
	for (size_t i = 0; i < p->nrules; i++) {
		rc = check_rule(&p->rules[i], i, e);
		if (rc < 0)
			return rc;
		notify |= p->rules[i].action == SECCOMP_RET_USER_NOTIF;
	}
	if (notify && str_empty(p->listener_path))
		return err_say(e, EINVAL, "listenerPath: must be set when "
			       "SCMP_ACT_NOTIFY is used");
	if (!str_empty(p->listener_metadata) && str_empty(p->listener_path))
		return err_say(e, EINVAL, "listenerMetadata: does not go without "
			       "listenerPath");
	return 0;
}
