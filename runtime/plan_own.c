/*
 * plan_own.c - before a spec crosses: every string of it that the container side reads lies
 * in the arena.  What readers made does already; constants of this program do not.
 *
 * Runs in: host.
 */
#include "base/mem.h"
#include "runtime/birth.h"

static bool inside(const struct arena *a, const void *p)
{
	return !p || ((uintptr_t)p >= (uintptr_t)a && (uintptr_t)p < (uintptr_t)a + a->max);
}

static void own(struct arena *a, const char **s)
{
	if (!inside(a, *s))
		*s = arena_strdup(a, *s);
}

static void own_list(struct arena *a, char ***list)
{
	char **v = *list;

	if (!v)
		return;
	if (!inside(a, v)) {
		*list = arena_strv(a, v);
		return;
	}
	for (; *v; v++) {
		if (!inside(a, *v))
			*v = arena_strdup(a, *v);
	}
}

static void own_array(struct arena *a, void *field, size_t n, size_t size)
{
	void **p = field;

	if (!inside(a, *p)) {
		void *copy = arena_array(a, n, size);

		__builtin_memcpy(copy, *p, n * size);
		*p = copy;
	}
}

void plan_own_process(struct arena *a, struct spec_process *p)
{
	own(a, &p->cwd);
	own_list(a, &p->env);
	own_list(a, &p->secret_env);
	own_list(a, &p->args);
	own_array(a, &p->user.groups, p->user.ngroups, sizeof(*p->user.groups));
	own_array(a, &p->rlimits, p->nrlimits, sizeof(*p->rlimits));
	own(a, &p->apparmor_profile);
	own(a, &p->selinux_label);
	own(a, &p->affinity_initial);
	own(a, &p->affinity_final);
}

static void own_mounts(struct arena *a, struct spec *s)
{
	own_array(a, &s->mounts, s->nmounts, sizeof(*s->mounts));
	for (size_t i = 0; i < s->nmounts; i++) {
		struct spec_mount *m = &s->mounts[i];

		own(a, &m->destination);
		own(a, &m->type);
		own(a, &m->source);
		own_list(a, &m->data);
	}
}

static void own_hooks(struct arena *a, struct spec_hooks *h)
{
	own_array(a, &h->v, h->n, sizeof(*h->v));
	for (size_t i = 0; i < h->n; i++) {
		own(a, &h->v[i].path);
		own_list(a, &h->v[i].args);
		own_list(a, &h->v[i].env);
	}
}

void plan_own_spec(struct arena *a, struct spec *s)
{
	plan_own_process(a, &s->process);
	own_mounts(a, s);
	own(a, &s->hostname);
	own(a, &s->domainname);
	for (size_t i = 0; i < SPEC_HOOK_COUNT; i++)
		own_hooks(a, &s->hooks[i]);
	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		own(a, &s->ns[i].path);
	own_array(a, &s->uids.v, s->uids.n, sizeof(*s->uids.v));
	own_array(a, &s->gids.v, s->gids.n, sizeof(*s->gids.v));
	own_array(a, &s->devices, s->ndevices, sizeof(*s->devices));
	own_array(a, &s->sysctl.v, s->sysctl.n, sizeof(*s->sysctl.v));
	for (size_t i = 0; i < s->sysctl.n; i++) {
		own(a, &s->sysctl.v[i].key);
		own(a, &s->sysctl.v[i].value);
	}
	own_list(a, &s->masked_paths);
	own_list(a, &s->readonly_paths);
	own(a, &s->mount_label);
}

void plan_own_all(struct arena *a, struct plan *p, const struct spec *s)
{
	p->personality_set = s && s->personality_set;
	p->personality = s ? s->personality : 0;
	if (s)
		p->mempolicy = s->mempolicy;
	own(a, &p->mempolicy.nodes);
}
