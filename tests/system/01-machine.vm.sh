#!/bin/bash
# The test machine is what the other tests for it take for granted.
# also: vmsd
# time: 30
. "$(dirname "$0")/lib.sh"

is "cgroup v2 alone" "$CGROUP2" /sys/fs/cgroup
for c in cpuset cpu io memory pids; do
	t "controller $c" has_controller "$c"
done
is "root may do everything" "$(sed -n 's/^CapEff:\s*//p' /proc/self/status)" "000001ffffffffff"
t "a bridge can be made" ip link add name testbr type bridge
t "and removed" ip link del testbr
t "nftables answers" nft list tables
if [ "$WHERE" = vmsd ]; then
	like "systemd is PID 1" "$(cat /proc/1/comm)" systemd
	t "and answers on D-Bus" busctl --no-pager status org.freedesktop.systemd1
fi
if [ -n "${SANITIZE-}" ]; then
	finds_leaks
fi
