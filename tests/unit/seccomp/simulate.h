/*
 * simulate.h - runs classic BPF as the kernel would, for tests of filters.
 *
 * Used by the unit tests of seccomp/.  Only the codes that a compiler of filters
 * makes; anything else, or running off the end, fails the test.
 */
#ifndef TESTS_UNIT_SECCOMP_SIMULATE_H
#define TESTS_UNIT_SECCOMP_SIMULATE_H

#include <stdint.h>
#include <string.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

struct simulated { uint32_t ret; unsigned steps; };

static inline struct simulated simulate(const struct sock_filter *f, uint32_t n,
					const struct seccomp_data *data)
{
	struct simulated s = { 0xdeadbeef, 0 };
	uint32_t acc = 0;

	for (uint32_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &f[pc];
		int yes = 0;

		s.steps++;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&acc, (const char *)data + i->k, sizeof(acc));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			acc &= i->k;
			continue;
		case BPF_RET | BPF_K:
			s.ret = i->k;
			return s;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = acc == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = acc > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = acc >= i->k;
			break;
		default:
			return s;
		}
		pc += yes ? i->jt : i->jf;
	}
	return s;
}

static inline uint32_t simulate_call(const struct sock_filter *f, uint32_t n, uint32_t arch,
				     uint32_t nr, uint64_t arg0, uint64_t arg1)
{
	struct seccomp_data d = { .nr = (int)nr, .arch = arch, .args = { arg0, arg1 } };

	return simulate(f, n, &d).ret;
}

#endif
