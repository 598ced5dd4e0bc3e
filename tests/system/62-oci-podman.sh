#!/bin/bash
# podman with berth-oci as its runtime, by examples/podman/containers.conf.
# also: vm
. "$(dirname "$0")/lib.sh"
need podman conmon script
umask 022

# the example's own file, but for where this build lies
sed "s|/usr/local/bin/berth-oci|$OCI|" "$TOP/examples/podman/containers.conf" >"$T/containers.conf"
export CONTAINERS_CONF=$T/containers.conf BERTH_ROOT=$T/berth TMPDIR=$T
P=(podman --root "$T/store" --runroot "$T/run" --tmpdir "$T/tmp" --storage-driver vfs
	--cgroup-manager cgroupfs --events-backend file)
more=(--network none --ulimit nofile=1024:1024 --ulimit nproc=5000:5000)
if ! has_controller pids; then	# hybrid: podman's own default asks for pids
	more+=(--cgroups=disabled)
	skip "podman's limits reach the cgroup" "controller:pids: not on cgroup v2 here"
fi
pod() { "${P[@]}" "$@"; }
box() { pod run --rm "${more[@]}" "$@"; }
mkdir "$T/root" && busybox_root "$T/root"
t "an image is imported" bash -c 'tar -C "$1" -c . | "${@:2}" import -q - busybox:latest' - "$T/root" "${P[@]}"

like "podman has our program" "$(pod info)" "*name: berth*berth-oci version*"
says "run" hello box busybox echo hello
ends "exit status" 7 box busybox sh -c 'exit 7'
ends "a command that is not there" 127 box busybox nosuch
ends "a command that cannot be run" 126 box busybox /etc/passwd
is "standard input" "$(echo in | box -i busybox cat)" in
like "a terminal" "$(script -qec "$(printf '%q ' "${P[@]}" run --rm "${more[@]}" -t busybox tty)" /dev/null)" "/dev/pts/0*"
says "user, folder, variable, host name" "1000 1000 /tmp b foo" \
	box --user 1000:1000 -w /tmp -e A=b --hostname foo busybox sh -c 'echo $(id -u) $(id -g) $(pwd) $A $(hostname)'
ends "a read-only root" 1 box --read-only busybox touch /x
t "a tmpfs in it" box --read-only --tmpfs /t busybox touch /t/x
echo mine >"$T/file"
says "a file of the host" mine box -v "$T/file:/f:ro" busybox cat /f
ends "read-only" 1 box -v "$T/file:/f:ro" busybox sh -c 'echo x >/f'
like "capabilities" "$(box --cap-drop all --cap-add net_admin busybox grep CapEff /proc/self/status)" "*0000000000001000"
like "seccomp is on" "$(box busybox grep ^Seccomp: /proc/self/status)" "*2"

t "detached" pod run -d --name c1 "${more[@]}" busybox sh -c 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done'
t "it logs" until_true 10 eval 'pod logs c1 | grep -q up'
says "exec" 0 pod exec c1 id -u
ends "exec's status" 9 pod exec c1 sh -c 'exit 9'
ends "exec of what is not there" 127 pod exec c1 nosuch
like "exec with a terminal" "$(script -qec "$(printf '%q ' "${P[@]}" exec -t c1 tty)" /dev/null)" "/dev/pts/*"
if has_controller pids; then
	t "pause" pod pause c1
	like "it says so" "$(pod ps -a)" "*Paused*"
	t "unpause" pod unpause c1
	t "top" until_true 5 eval 'pod top c1 | grep "sleep 0.1"'
	like "stats" "$(pod stats --no-stream c1)" "*c1*"
	is "memory and pids" "$(box -m 64m --pids-limit 50 busybox cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max | xargs)" "67108864 50"
	is "cpus" "$(box --cpus 0.5 busybox cat /sys/fs/cgroup/cpu.max)" "50000 100000"
fi
t "restart" pod restart -t 5 c1
t "its traps are set" until_true 10 eval '[ "$(pod logs c1 | grep -c up)" = 2 ]'
like "it runs again" "$(pod ps)" "*Up*c1*"
t "stop" pod stop -t 10 c1
is "by its own status" "$(pod inspect -f '{{.State.ExitCode}}' c1)" 3
t "start" pod start c1
t "kill" pod kill c1
t "it is gone" until_true 10 eval 'pod ps -a | grep -q "Exited (137)"'
t "rm" pod rm c1
t "a health check" pod run -d --name h1 --health-cmd 'test -e /tmp/well' "${more[@]}" busybox sleep 100
ends "fails at first" 1 pod healthcheck run h1
pod exec h1 touch /tmp/well
ends "and then does not" 0 pod healthcheck run h1
t "rm by force" pod rm -f -t 0 h1
is "nothing is known any more" "$(pod ps -aq)" ""
is "nothing of ours is left" "$("$OCI" list -q 2>/dev/null)" ""
