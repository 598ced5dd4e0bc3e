/*
 * sched.c - scheduler, I/O priority, memory policy, personality, umask, CPU affinity,
 * and the resource limits.
 *
 * Runs in: container.  Sources: sched_setattr(2), ioprio_set(2), set_mempolicy(2),
 * personality(2), sched_setaffinity(2), prlimit(2).
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/init.h"

#define LIST_BITS 1024u
#define IOPRIO_SHIFT 13
#define IOPRIO_PROCESS 1
#define SCHEDULE_DEADLINE 6	/* linux/sched.h, which cannot be included beside sched.h */

struct sched_attr_v0 {		/* the kernel's first version of struct sched_attr */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static int set_scheduler(const struct spec_scheduler *s, struct err *e)
{
	struct sched_attr_v0 a = {
		.size = sizeof(a),
		.policy = (uint32_t)s->policy,
		.flags = s->flags,
		.nice = s->nice,
		.priority = (uint32_t)s->priority,
		.runtime = s->runtime,
		.deadline = s->deadline,
		.period = s->period,
	};

	if (!s->set || syscall(SYS_sched_setattr, 0, &a, 0) == 0)
		return 0;
	err_set(e, errno, "process.scheduler");
	if (e->code == EPERM && a.policy == SCHEDULE_DEADLINE)
		err_hint(e, "a deadline process scheduler can't be used together with AllowedCPUs: "
			 "it needs all CPUs");
	return -e->code;
}

/* "0-3,7" as the kernel reads lists of CPUs and memory nodes. */
static int parse_list(const char *text, unsigned long *mask)
{
	while (*text) {
		unsigned long from, to;
		char *end;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		from = to = strtoul(text, &end, 10);
		if (*end == '-') {
			text = end + 1;
			if (*text < '0' || *text > '9')
				return -EINVAL;
			to = strtoul(text, &end, 10);
		}
		if (from > to || to >= LIST_BITS)
			return -EINVAL;
		for (; from <= to; from++)
			mask[from / 64] |= 1ul << (from % 64);
		if (*end == ',')
			end++;
		else if (*end)
			return -EINVAL;
		text = end;
	}
	return 0;
}

int sched_affinity(const char *list, const char *name, struct err *e)
{
	unsigned long mask[LIST_BITS / 64] = { 0 };

	if (str_empty(list))
		return 0;
	if (parse_list(list, mask) < 0)
		return err_say(e, EINVAL, "process.execCPUAffinity.%s: \"%s\" is no list of CPUs",
			       name, list);
	if (syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask) < 0)
		return err_set(e, errno, "process.execCPUAffinity.%s %s", name, list);
	return 0;
}

/* The caller's own is none of the container's business; the kernel cuts it to the cpuset. */
static void reset_affinity(void)
{
	unsigned long mask[LIST_BITS / 64];

	memset(mask, 0xff, sizeof(mask));
	(void)syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask);
}

static int set_mempolicy_of(const struct spec_mempolicy *m, struct err *e)
{
	unsigned long mask[LIST_BITS / 64] = { 0 };
	bool any = !str_empty(m->nodes);

	if (!m->set)
		return 0;
	if (any && parse_list(m->nodes, mask) < 0)
		return err_say(e, EINVAL, "linux.memoryPolicy.nodes: \"%s\" is no list of nodes",
			       m->nodes);
	if (syscall(SYS_set_mempolicy, m->mode | (int)m->flags, any ? mask : NULL,
		    any ? LIST_BITS : 0) < 0)
		return err_set(e, errno, "linux.memoryPolicy");
	return 0;
}

int step_sched(struct init *in, struct err *e)
{
	const struct spec_process *p = in->process;
	int r;

	if (in->spec || (str_empty(p->affinity_initial) && str_empty(p->affinity_final)))
		reset_affinity();
	r = set_scheduler(&p->scheduler, e);
	if (r == 0)
		r = sched_affinity(in->spec ? NULL : p->affinity_final, "final", e);
	if (r < 0)
		return r;
	if (p->ioprio.set && syscall(SYS_ioprio_set, IOPRIO_PROCESS, 0,
				     p->ioprio.class << IOPRIO_SHIFT | p->ioprio.level) < 0)
		return err_set(e, errno, "process.ioPriority");
	r = set_mempolicy_of(&in->plan->mempolicy, e);
	if (r < 0)
		return r;
	if (in->plan->personality_set && personality(in->plan->personality) < 0)
		return err_set(e, errno, "linux.personality");
	return 0;
}

int step_rlimits(struct init *in, struct err *e)
{
	const struct spec_process *p = in->process;

	for (size_t i = 0; i < p->nrlimits && !in->plan->host_rlimits; i++) {
		if (sys_set_rlimit(0, p->rlimits[i].resource, p->rlimits[i].soft,
				   p->rlimits[i].hard) < 0)
			return err_set(e, errno, "process.rlimits: number %d, soft %llu, hard %llu",
				       p->rlimits[i].resource,
				       (unsigned long long)p->rlimits[i].soft,
				       (unsigned long long)p->rlimits[i].hard);
	}
	return 0;
}
