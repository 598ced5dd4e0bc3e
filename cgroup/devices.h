/*
 * devices.h - the inside of device rules: the program, for tests and for placement.
 *
 * Private to cgroup/.
 */
#ifndef CGROUP_DEVICES_H
#define CGROUP_DEVICES_H

#include <linux/bpf.h>

#include "cgroup/cgroup.h"

#define CGROUP_BPF_PER_RULE 20	/* instructions at most */

struct cgroup_bpf { size_t n; struct bpf_insn *v; };

/* Pure.  The program lives in a. */
void cgroup_devices_compile(const struct cgroup_limits *l, struct arena *a,
			    struct cgroup_bpf *ret);
bool cgroup_devices_allow_all(const struct cgroup_limits *l);
/* fresh: the cgroup is new, so nothing needs to be replaced. */
int cgroup_devices_attach(int fd, const struct cgroup_limits *l, bool fresh, struct err *e);

#endif
