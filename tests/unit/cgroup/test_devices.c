/* The device program, run here by an interpreter of the few instructions that it uses, against
 * a plain reading of the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/devices.h"

static int run(const struct cgroup_bpf *p, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t r[11] = { 0 };

	for (size_t pc = 0, steps = 0; pc < p->n; pc++, steps++) {
		const struct bpf_insn *i = &p->v[pc];
		uint32_t imm = (uint32_t)i->imm, dst = (uint32_t)r[i->dst_reg],
			 src = (uint32_t)r[i->src_reg];

		assert_true(steps < 100000);
		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(i->src_reg, 1);
			assert_true(i->off >= 0 && (size_t)i->off + 4 <= sizeof(*ctx));
			memcpy(&imm, (const char *)ctx + i->off, 4);
			r[i->dst_reg] = imm;
			break;
		case BPF_ALU | BPF_MOV | BPF_X: r[i->dst_reg] = src; break;
		case BPF_ALU | BPF_AND | BPF_K: r[i->dst_reg] = dst & imm; break;
		case BPF_ALU | BPF_XOR | BPF_K: r[i->dst_reg] = dst ^ imm; break;
		case BPF_ALU | BPF_RSH | BPF_K: r[i->dst_reg] = dst >> imm; break;
		case BPF_ALU64 | BPF_MOV | BPF_K: r[i->dst_reg] = (uint64_t)(int64_t)i->imm; break;
		case BPF_ALU64 | BPF_MOV | BPF_X: r[i->dst_reg] = r[i->src_reg]; break;
		case BPF_ALU64 | BPF_ADD | BPF_K: r[i->dst_reg] += (uint64_t)(int64_t)i->imm; break;
		case BPF_ALU64 | BPF_XOR | BPF_K: r[i->dst_reg] ^= (uint64_t)(int64_t)i->imm; break;
		case BPF_ALU64 | BPF_AND | BPF_K: r[i->dst_reg] &= (uint64_t)(int64_t)i->imm; break;
		case BPF_ALU64 | BPF_AND | BPF_X: r[i->dst_reg] &= r[i->src_reg]; break;
		case BPF_ALU64 | BPF_OR | BPF_X: r[i->dst_reg] |= r[i->src_reg]; break;
		case BPF_ALU64 | BPF_RSH | BPF_K: r[i->dst_reg] >>= imm; break;
		case BPF_ALU | BPF_MOV | BPF_K: r[i->dst_reg] = imm; break;
		case BPF_ALU64 | BPF_XOR | BPF_X: r[i->dst_reg] ^= r[i->src_reg]; break;
		case BPF_ALU64 | BPF_LSH | BPF_K: r[i->dst_reg] <<= imm; break;
		case BPF_ALU64 | BPF_MUL | BPF_K: r[i->dst_reg] *= (uint64_t)(int64_t)i->imm; break;
		case BPF_JMP | BPF_EXIT: return (int)r[0];
		default: fail_msg("instruction %zu: code %#x", pc, i->code);
		}
	}
	fail_msg("ran off the end");
	return -1;
}

/* Every kind of access is decided by the last rule that matches it; all must be allowed. */
static int expected(const struct cgroup_limits *l, char type, uint32_t ma, uint32_t mi,
		    unsigned access)
{
	for (unsigned bit = 1; bit <= 4; bit <<= 1) {
		int verdict = 0;

		if (!(access & bit))
			continue;
		for (size_t i = 0; i < l->ndevices; i++) {
			const struct cgroup_device *d = &l->devices[i];

			if ((d->type == CGROUP_DEV_ALL || (char)d->type == type) &&
			    (d->major < 0 || d->major == ma) && (d->minor < 0 || d->minor == mi) &&
			    (d->access & bit))
				verdict = d->allow;
		}
		if (!verdict)
			return 0;
	}
	return 1;
}

static void compare(const struct cgroup_limits *l, struct arena *a)
{
	struct cgroup_bpf p;

	cgroup_devices_compile(l, a, &p);
	assert_true(p.n <= l->ndevices * CGROUP_BPF_PER_RULE + 32);
	for (const char *t = "cb"; *t; t++)
		for (uint32_t ma = 0; ma < 4; ma++)
			for (uint32_t mi = 0; mi < 4; mi++)
				for (unsigned access = 1; access < 8; access++) {
					/* our bits are the kernel's: MKNOD 1, READ 2, WRITE 4 */
					struct bpf_cgroup_dev_ctx ctx = {
						.access_type = access << 16 |
							       (*t == 'c' ? BPF_DEVCG_DEV_CHAR :
									    BPF_DEVCG_DEV_BLOCK),
						.major = ma,
						.minor = mi,
					};

					assert_int_equal(run(&p, &ctx),
							 expected(l, *t, ma, mi, access));
				}
	if (cgroup_devices_allow_all(l))
		assert_int_equal(expected(l, 'c', 3, 3, 7) && expected(l, 'b', 0, 0, 7), 1);
}

static void devices__random_rules__program_agrees(void **state)
{
	static const enum cgroup_device_type types[] = { CGROUP_DEV_ALL, CGROUP_DEV_CHAR,
							 CGROUP_DEV_BLOCK };

	(void)state;
	srandom(4711);
	for (int round = 0; round < 3000; round++) {
		struct arena *a AUTO(arena) = arena_new(1u << 20);
		struct cgroup_limits l = { .devices_set = true };
		long n = random() % 12;

		for (long i = 0; i < n; i++)
			cgroup_devices_add(
				&l, a,
				(struct cgroup_device){
					.allow = random() % 2,
					.type = types[random() % 3],
					.major = random() % 5 - 1,
					.minor = random() % 5 - 1,
					.access = random() % 4 ? (unsigned)(random() % 7 + 1) : 7u,
				});
		compare(&l, a);
	}
}

static void devices__no_rules__all_denied(void **state)
{
	struct arena *a AUTO(arena) = arena_new(1u << 20);
	struct cgroup_limits l = { .devices_set = true };

	(void)state;
	compare(&l, a);
	assert_false(cgroup_devices_allow_all(&l));
}

static void devices__privileged__needs_no_program(void **state)
{
	struct arena *a AUTO(arena) = arena_new(1u << 20);
	struct cgroup_limits l = { 0 };

	(void)state;
	cgroup_devices_add(&l, a, (struct cgroup_device){ false, CGROUP_DEV_ALL, -1, -1, 7 });
	cgroup_devices_add(&l, a, (struct cgroup_device){ true, CGROUP_DEV_ALL, -1, -1, 7 });
	cgroup_devices_default(&l, a);
	assert_true(cgroup_devices_allow_all(&l));
	cgroup_devices_add(&l, a, (struct cgroup_device){ false, CGROUP_DEV_CHAR, 1, 1, 1 });
	assert_false(cgroup_devices_allow_all(&l));
}

static void devices__largest_numbers__matched_and_no_larger(void **state)
{
	struct arena *a AUTO(arena) = arena_new(1u << 20);
	struct cgroup_limits l = { 0 };
	struct bpf_cgroup_dev_ctx ctx = { .access_type = 2u << 16 | BPF_DEVCG_DEV_CHAR,
					  .major = 0xfff,
					  .minor = 0xfffff };
	struct cgroup_bpf p;

	(void)state;
	cgroup_devices_add(&l, a,
			   (struct cgroup_device){ true, CGROUP_DEV_CHAR, 0xfff, 0xfffff, 7 });
	cgroup_devices_add(&l, a,
			   (struct cgroup_device){ true, CGROUP_DEV_CHAR, UINT32_MAX, 3, 7 });
	cgroup_devices_add(&l, a, (struct cgroup_device){ true, CGROUP_DEV_CHAR, 1, 0x100003, 7 });
	cgroup_devices_compile(&l, a, &p);
	assert_int_equal(run(&p, &ctx), 1);
	ctx.minor = 0;
	assert_int_equal(run(&p, &ctx), 0);
	ctx.minor = 3;
	assert_int_equal(run(&p, &ctx), 0);
	ctx.major = 1;
	assert_int_equal(run(&p, &ctx), 0);
	ctx.access_type = 2u << 16 | BPF_DEVCG_DEV_BLOCK;
	ctx.major = 0xfff;
	ctx.minor = 0xfffff;
	assert_int_equal(run(&p, &ctx), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices__random_rules__program_agrees),
		cmocka_unit_test(devices__no_rules__all_denied),
		cmocka_unit_test(devices__privileged__needs_no_program),
		cmocka_unit_test(devices__largest_numbers__matched_and_no_larger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
