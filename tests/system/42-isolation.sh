#!/bin/bash
# What a container sees, and does not see.
# parallel: yes
# also: vm
. "$(dirname "$0")/lib.sh"
use_busybox
box() { berth run --rm --network none "$@"; }

says "process 1" 1 box busybox sh -c 'echo $$'
is "and few others" "$(box busybox sh -c 'ls /proc | grep -c "^[0-9]"')" 3
for ns in mnt pid net ipc uts cgroup; do
	isnt "its own $ns namespace" "$(box busybox readlink "/proc/self/ns/$ns")" "$(readlink "/proc/self/ns/$ns")"
done
is "no old root behind the root" "$(box busybox awk '$2 == "/" { n++ } END { print n }' /proc/mounts)" 1
is "only descriptors 0, 1, 2" "$(box busybox sh -c 'ls /proc/self/fd | tr "\n" " "')" "0 1 2 3 "

# ---- privileges
status() { box "$@" | tr -d '\t '; }
is "Docker's capabilities" "$(status busybox grep CapEff /proc/self/status)" "CapEff:00000000a80425fb"
is "and no more in the bounding set" "$(status busybox grep CapBnd /proc/self/status)" "CapBnd:00000000a80425fb"
is "none inheritable" "$(status busybox grep CapInh /proc/self/status)" "CapInh:0000000000000000"
is "none ambient" "$(status busybox grep CapAmb /proc/self/status)" "CapAmb:0000000000000000"
is "one dropped" "$(status --cap-drop mknod busybox grep CapEff /proc/self/status)" "CapEff:00000000a00425fb"
is "all dropped, one added" "$(status --cap-drop ALL --cap-add CHOWN busybox grep CapEff /proc/self/status)" "CapEff:0000000000000001"
is "a user has none" "$(status -u guest busybox grep CapEff /proc/self/status)" "CapEff:0000000000000000"
fails "an unknown one" 125 "berth: *nosuch*" box --cap-add nosuch busybox true
is "a filter of system calls" "$(status busybox grep '^Seccomp:' /proc/self/status)" "Seccomp:2"
is "none where it is not wanted" "$(status --security-opt seccomp=unconfined busybox grep '^Seccomp:' /proc/self/status)" "Seccomp:0"
is "no new privileges where asked for" "$(status --security-opt no-new-privileges busybox grep '^NoNewPrivs' /proc/self/status)" "NoNewPrivs:1"
ends "mount is refused" 1 box busybox mount -t tmpfs x /tmp
ends "a new user namespace is refused" 1 box busybox unshare -r true
run box busybox date -s 2020-01-01
like "the clock is not set" "$err" "*not permitted*"
ends "the host name is not set" 1 box busybox hostname other

# ---- /proc, /sys, /dev
for f in /proc/kcore /proc/keys /proc/timer_list; do
	[ ! -e "$f" ] || is "$f shows nothing" "$(box busybox sh -c "head -c 1 $f | wc -c")" 0
done
for d in /proc/acpi /proc/scsi /sys/firmware; do
	[ ! -d "$d" ] || is "$d is empty" "$(box busybox ls "$d")" ""
done
for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /proc/bus; do
	[ ! -e "$f" ] || ends "$f is not written" 1 box busybox sh -c "[ ! -d $f ] && echo x >$f"
done
ends "/sys is read-only" 1 box busybox sh -c 'mkdir /sys/fs/cgroup/x || mkdir /sys/kernel/x'
is "the cgroup that it sees is its own" "$(box busybox cat /proc/self/cgroup | tail -n 1)" "0::/"
is "devices are those of the list" "$(box busybox sh -c 'ls /dev | grep -v core | tr "\n" " "')" \
	"fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
is "null swallows" "$(box busybox sh -c 'echo x >/dev/null && wc -c </dev/null')" 0
is "zero gives" "$(box busybox sh -c 'head -c 4 /dev/zero | od -An -tx1')" " 00 00 00 00"
is "/dev/shm is 64 MB" "$(box busybox sh -c 'df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"')" 65536
is "or what is said" "$(box --shm-size 1m busybox sh -c 'df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"')" 1024
t "/dev/shm is written" box busybox sh -c 'echo x >/dev/shm/x'
t "a node of a device that is not allowed can be made" box busybox mknod /tmp/sda b 8 0
ends "but not opened" 1 box busybox sh -c 'mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg'

# ---- the root
t "the root is written" box busybox sh -c 'echo x >/new && cat /new'
is "the image is not" "$(box busybox sh -c 'ls /new 2>&1 | grep -c "No such"')" 1
ends "a read-only root is not" 1 box --read-only busybox sh -c 'echo x >/new'
t "but a tmpfs in it is" box --read-only --tmpfs /tmp busybox sh -c 'echo x >/tmp/new'
mkdir "$T/shared"
echo outside >"$T/shared/file"
says "a folder of the host" outside box -v "$T/shared:/mnt" busybox cat /mnt/file
t "is written" box -v "$T/shared:/mnt" busybox sh -c 'echo inside >/mnt/new'
is "for both" "$(cat "$T/shared/new")" inside
ends "read-only it is not" 1 box -v "$T/shared:/mnt:ro" busybox sh -c 'echo x >/mnt/other'
is "and has no other way in" "$(ls "$T/shared" | tr '\n' ' ')" "file new "
says "a file of the host" outside box -v "$T/shared/file:/etc/one" busybox cat /etc/one
fails "a source that is not there" 125 "berth: *$T/nosuch*" box --mount "type=bind,source=$T/nosuch,target=/mnt" busybox true
ln -s /etc/shadow "$T/shared/link"
says "a link in it leads into the container" "" box -v "$T/shared:/mnt" busybox sh -c 'cat /mnt/link 2>/dev/null || :'
t "a setuid program gives no capability to a user" box -u guest busybox sh -c '! mount -t tmpfs x /tmp 2>/dev/null'
