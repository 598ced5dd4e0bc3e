/*
 * fuzz_filter.c - profiles in OCI's and Docker's format, and raw filters, from anybody.
 *
 * The first byte chooses.  A profile that is taken is compiled, the result must be sound,
 * and what is written of it must be read again.
 */
#include <stdlib.h>
#include <string.h>

#include "seccomp/compile.h"

static void compile(struct arena *a, const struct filter_profile *p)
{
	struct filter_options opt = { -1, false };
	struct filter_program prog;
	struct err e = ERR_INIT;

	if (filter_compile(p, &opt, a, &prog, &e) == 0 && !bpfcheck_sound(prog.insns, prog.n))
		abort();
}

static void fuzz_oci(struct arena *a, const char *text, size_t n)
{
	struct json_limits limits = { 1u << 20, 16 };
	struct filter_profile *p, *again;
	struct err e = ERR_INIT;
	struct json_ctx c = { .a = a, .e = &e, .what = "fuzz" };
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	const struct json *root;
	struct json_out o;

	if (json_parse(a, text, n, limits, c.what, &root, &e) < 0 ||
	    filter_profile_read(&c, root, &p) < 0 || filter_profile_check(p, &e) < 0)
		return;
	compile(a, p);
	json_out_init(&o, &b, 0);
	filter_profile_write(&o, NULL, p, false);
	if (json_parse(a, b.s, b.len, limits, c.what, &root, &e) < 0 ||
	    filter_profile_read(&c, root, &again) < 0 || again->nrules != p->nrules)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena) struct arena *a = NULL;
	struct filter_host host = { 0xa80425fb, 6 << 16 | 1 };
	struct filter_profile *p;
	struct filter_program prog;
	struct err e = ERR_INIT;

	if (n < 1)
		return 0;
	a = arena_new(256u << 20);
	switch (data[0]) {
	case 'o':
		fuzz_oci(a, (const char *)data + 1, n - 1);
		break;
	case 'd':
		if (filter_profile_parse(a, (const char *)data + 1, n - 1, &host, &p, &e) == 0)
			compile(a, p);
		break;
	default:
		if (filter_load_raw(a, data + 1, n - 1, &prog, &e) == 0 &&
		    !bpfcheck_sound(prog.insns, prog.n))
			abort();
	}
	return 0;
}
