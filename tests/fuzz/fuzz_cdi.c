/*
 * A file of the Container Device Interface: whatever the bytes are, reading stays within its
 * bounds, says one line of what is wrong, and what was taken keeps the rules that users rely on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "runtime/cdi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look(const struct cdi_edits *x)
{
	for (char **v = x->env; v && *v; v++)
		if (!strchr(*v, '='))
			abort();
	for (size_t i = 0; i < x->nnodes; i++)
		if (x->nodes[i].d.path[0] != '/')
			abort();
	for (size_t i = 0; i < x->nmounts; i++)
		if (!x->mounts[i].host[0] || x->mounts[i].path[0] != '/' || !x->mounts[i].options)
			abort();
	for (size_t i = 0; i < x->nhooks; i++)
		if (x->hooks[i].kind >= SPEC_HOOK_COUNT || !x->hooks[i].hook.args[0] ||
		    !x->hooks[i].hook.env)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	struct err e = ERR_INIT;
	struct cdi_spec *s;

	if (cdi_read(a, (const char *)data, n, "file", &s, &e) < 0) {
		if (!e.msg[0] || strchr(e.msg, '\n'))
			abort();	/* one line, always */
		return 0;
	}
	look(&s->edits);
	for (size_t i = 0; i < s->ndevices; i++) {
		look(&s->devices[i].edits);
		if (!cdi_is_name(arena_printf(a, "%s=%s", s->kind, s->devices[i].name)))
			abort();
	}
	return s->ndevices ? 0 : (abort(), 0);
}
