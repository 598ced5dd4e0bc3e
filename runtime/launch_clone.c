/*
 * launch_clone.c - clone3 as vfork does it: the child runs in our memory, on a stack of its
 * own, and we stand still until it has executed its program.
 *
 * Runs in: host.  Copying the page tables of a program with our libraries, only to throw
 * them away at execve, costs 0.15 ms: as much as all system calls of berth-init's set-up
 * besides the mounts.  The C library's clone() knows no CLONE_INTO_CGROUP, hence the lines of
 * assembly; where there are none for a machine, clone3 copies.
 * Sources: clone3(2), vfork(2).
 */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "runtime/birth.h"

#define STACK_BYTES (64u << 10)

#if defined(__SANITIZE_ADDRESS__)	/* knows one stack per thread */
#define SHARE_MEMORY 0
#elif defined(__x86_64__)
#define SHARE_MEMORY 1
/* The arguments of run stay in registers that a system call keeps; the child's stack pointer
 * is the end of args->stack, aligned as the ABI wants it before a call. */
static long clone_and_run(struct clone_args *args, void (*run)(void *), void *arg)
{
	register void (*run_reg)(void *) __asm__("r8") = run;
	register void *arg_reg __asm__("r9") = arg;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r8\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "0"((long)SYS_clone3), "D"(args), "S"(sizeof(*args)), "r"(run_reg),
			   "r"(arg_reg)
			 : "rcx", "r11", "cc", "memory");
	return ret;
}
#elif defined(__aarch64__)
#define SHARE_MEMORY 1
static long clone_and_run(struct clone_args *args, void (*run)(void *), void *arg)
{
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)(uintptr_t)args;
	register long x1 __asm__("x1") = (long)sizeof(*args);
	register void (*x2)(void *) __asm__("x2") = run;
	register void *x3 __asm__("x3") = arg;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, #0\n\t"
			 "mov x0, x3\n\t"
			 "blr x2\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3)
			 : "cc", "memory");
	return x0;
}
#else
#define SHARE_MEMORY 0
#endif

pid_t birth_clone(struct clone_args *args, bool may_share, void (*run)(void *), void *arg)
{
	pid_t pid;
#if SHARE_MEMORY
	_Alignas(16) char stack[STACK_BYTES];
	long r;

	if (may_share) {
		args->flags |= CLONE_VM | CLONE_VFORK;
		args->stack = (uint64_t)(uintptr_t)stack;
		args->stack_size = sizeof(stack);
		r = clone_and_run(args, run, arg);
		if (r < 0)
			errno = (int)-r;
		return r < 0 ? -1 : (pid_t)r;
	}
#endif
	(void)may_share;
	pid = sys_clone3(args);
	if (pid == 0)
		run(arg);
	return pid;
}
