#!/bin/bash
# A denied device stays denied, after updates too (rules dropped on update, on reload).
# time: 60
. "$(dirname "$0")/../system/lib.sh"
use_busybox
berth run -d --name c --network none --memory 64m busybox sh -c 'while :; do sleep 0.5; done' >/dev/null
t "update" berth update --memory 48m c
t "and once more" berth update --pids-limit 50 c
ends "kmsg stays closed" 1 berth exec c sh -c 'mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg'
t "null stays open" berth exec c sh -c 'echo x >/dev/null'
is "the limits are the new ones" "$(berth exec c cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max | tr '\n' ' ')" "50331648 50 "
t "a device that is given" berth run --rm --network none --device /dev/kmsg busybox test -c /dev/kmsg
t "removed" berth rm -f c
