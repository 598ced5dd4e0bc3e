/* limit_opts.c - see limit_opts.h. */
#include "cli/limit_opts.h"

size_t limit_opts_rows(struct opt *to, size_t n, size_t off)
{
	for (size_t i = 0; cgroup_options[i].name && i < LIMIT_OPTS; i++) {
		const struct cgroup_option *o = &cgroup_options[i];

		to[n++] = (struct opt){
			.name = o->name,
			.letter = o->letter,
			.kind = o->arg ? OPT_LIST : OPT_BOOL,
			.off = off + (o->arg ? offsetof(struct limit_opts, v) +
						       i * sizeof(struct strlist)
					     : offsetof(struct limit_opts, flag) +
						       i * sizeof(bool)),
			.arg = o->arg,
			.help = o->help,
		};
	}
	return n;
}

int limit_opts_read(const struct limit_opts *o, struct arena *a, struct cgroup_limits *to,
		    struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && cgroup_options[i].name && i < LIMIT_OPTS; i++) {
		const char *name = cgroup_options[i].name;

		if (o->flag[i])
			r = cgroup_limits_set(to, a, name, "true", e);
		for (size_t k = 0; r == 0 && k < o->v[i].n; k++)
			r = cgroup_limits_set(to, a, name, o->v[i].v[k], e);
	}
	return r;
}
