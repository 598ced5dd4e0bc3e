/* platform.c - which of an index's manifests is for this machine, or for the one asked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "image/manifest.h"

/* Go's names of architectures, which images use, for what uname and people say. */
static const struct {
	const char *said, *arch, *variant;
} arches[] = {
	{ "x86_64", "amd64", "" },	{ "x86-64", "amd64", "" },
	{ "i386", "386", "" },		{ "i486", "386", "" },
	{ "i586", "386", "" },		{ "i686", "386", "" },
	{ "aarch64", "arm64", "v8" },	{ "arm64", "arm64", "v8" },
	{ "armv8l", "arm", "v7" },	{ "armhf", "arm", "v7" },
	{ "armv7l", "arm", "v7" },	{ "arm", "arm", "v7" },
	{ "armv6l", "arm", "v6" },	{ "armel", "arm", "v6" },
	{ "armv5tel", "arm", "v5" },	{ "loongarch64", "loong64", "" },
};

int platform_parse(struct arena *a, const char *s, struct platform *ret, struct err *e)
{
	struct platform p = { "linux", "", "", "" };
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	struct utsname u;
	const char *arch;

	if (!s || str_eq(s, "local")) {
		uname(&u);
		s = u.machine;
	}
	strlist_split(&l, s, '/', false);
	if (l.n == 0 || l.n > 3)
		return err_say(e, EINVAL, "platform \"%s\": expected OS/ARCH[/VARIANT]", s);
	for (size_t i = 0; i < l.n; i++)
		if (!*l.v[i] || strlen(l.v[i]) > 32 ||
		    strspn(l.v[i], "abcdefghijklmnopqrstuvwxyz0123456789_.-") != strlen(l.v[i]))
			return err_say(e, EINVAL, "platform \"%s\": expected OS/ARCH[/VARIANT]", s);
	arch = l.v[l.n > 1 ? 1 : 0];
	if (l.n > 1)
		p.os = arena_strdup(a, l.v[0]);
	p.arch = arena_strdup(a, arch);
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++) {
		if (str_eq(arches[i].said, arch)) {
			p.arch = arches[i].arch;
			p.variant = arches[i].variant;
		}
	}
	if (l.n > 2)
		p.variant = arena_strdup(a, l.v[2]);
	*ret = p;
	return 0;
}

static unsigned variant_number(const char *v)
{
	uint32_t n = 0;

	if (*v != 'v' || str_to_u32(v + 1, &n) < 0)
		return 0;
	return n;
}

/* 0: does not fit; more is better.  An older variant of one architecture runs on a newer one. */
static unsigned platform_fit(const struct platform *have, const struct platform *want)
{
	unsigned h, w;

	if (!str_eq(have->os, want->os) || !str_eq(have->arch, want->arch))
		return 0;
	if (str_eq(have->variant, want->variant))
		return 1000;
	if (!*have->variant)
		return 500;
	if (!*want->variant)		/* amd64 must not get amd64/v3 while there is another */
		return str_eq(have->variant, "v1") ? 900 : 0;
	h = variant_number(have->variant);
	w = variant_number(want->variant);
	return h && h < w ? 100 + h : 0;
}

bool platform_fits(const struct platform *have, const struct platform *want)
{
	return platform_fit(have, want) > 0;
}

long platform_choose(const struct index *idx, const struct platform *want)
{
	unsigned best = 0;
	long at = -1;

	for (size_t i = 0; i < idx->n; i++) {
		const struct descriptor *d = &idx->v[i];
		unsigned fit = platform_fit(&d->platform, want);

		/* attestations and other artifacts stand beside images as "unknown" */
		if (*d->artifact_type || str_eq(d->platform.os, "unknown"))
			continue;
		if (!*d->platform.os && idx->n == 1)
			fit = 1;
		if (fit > best) {
			best = fit;
			at = (long)i;
		}
	}
	return at;
}

const char *platform_show(struct arena *a, const struct platform *p)
{
	return arena_printf(a, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "", p->variant);
}
