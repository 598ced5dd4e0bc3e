#!/bin/bash
# Files through which a container's root became the host's: none is written (core_pattern,
# uevent_helper, release_agent, binfmt_misc, debugfs, sysrq).
# parallel: yes
# also: vm
. "$(dirname "$0")/../system/lib.sh"
use_busybox
pattern=$(cat /proc/sys/kernel/core_pattern)
for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug /proc/sys/vm/drop_caches \
	/proc/sys/fs/binfmt_misc/register /proc/sysrq-trigger /sys/kernel/uevent_helper /sys/kernel/debug/x \
	/sys/kernel/mm/transparent_hugepage/enabled /sys/power/state /sys/module/kernel/parameters/panic \
	/proc/self/oom_score_adj.x /sys/fs/cgroup/release_agent /sys/fs/cgroup/cgroup.procs; do
	[ -e "$f" ] || [[ $f == /sys/fs/cgroup/* ]] || continue
	run berth run --rm --network none -v "$PROBE:/probe:ro" busybox /probe write "$f"
	unlike "$f" "$out" "opened*"
done
is "core_pattern is as it was" "$(cat /proc/sys/kernel/core_pattern)" "$pattern"
for args in "-t proc proc" "-t sysfs sysfs" "-t cgroup2 cgroup2" "-t debugfs debugfs" "-t tmpfs tmpfs" "--bind /proc" "-o remount,rw /proc/sys" "-o remount,rw /sys"; do
	ends "mount $args" 1 berth run --rm --network none busybox sh -c "mkdir /m && mount $args /m || exit 1"
done
ends "cgroup v1 with a release agent" 1 berth run --rm --network none busybox sh -c 'mkdir /m && mount -t cgroup -o memory x /m || exit 1'
ends "a module is not loaded" 1 berth run --rm --network none busybox sh -c 'echo x >/m.ko; insmod /m.ko || exit 1'
for n in 1:1 1:2 8:0 7:0; do
	run berth run --rm --network none -v "$PROBE:/probe:ro" busybox sh -c "mknod /tmp/x c ${n%:*} ${n#*:}; mknod /tmp/y b ${n%:*} ${n#*:}; /probe write /tmp/x /tmp/y; cat /tmp/x /tmp/y"
	unlike "device $n is not opened" "$out" "*opened*"
done
