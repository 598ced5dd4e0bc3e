#!/bin/bash
# Docker with berth-oci by examples/docker/daemon.json: run, exec, stats, pause, update, restart.
# time: 120
# namespaces: none
. "$(dirname "$0")/lib.sh"
need dockerd docker containerd script
umask 022

# the example's own file, but for where this build lies
sed "s|/usr/local/bin/berth-oci|$OCI|" "$TOP/examples/docker/daemon.json" >"$T/daemon.json"
dockerd --config-file "$T/daemon.json" --data-root "$T/data" --exec-root "$T/exec" -H "unix://$T/sock" \
	-p "$T/pid" --bridge none --iptables=false --ip6tables=false --storage-driver vfs \
	>"$T/daemon.log" 2>&1 &
daemon=$!
stop() { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; }
trap 'stop; lib_end' EXIT
d() { docker -H "unix://$T/sock" "$@"; }
t "the daemon is up" until_true 40 d version || { tail -n 20 "$T/daemon.log"; exit 1; }
is "its default runtime is the example's" "$(d info -f '{{.DefaultRuntime}}')" berth
mkdir "$T/root" && busybox_root "$T/root"
t "an image is imported" bash -c 'tar -C "$1" -c . | docker -H "unix://$2" import - busybox' - "$T/root" "$T/sock"
box() { d run --rm --network none "$@"; }

says "run" hello box busybox echo hello
ends "exit status" 7 box busybox sh -c 'exit 7'
ends "a command that is not there" 127 box busybox nosuch
ends "a command that cannot be run" 126 box busybox /etc/passwd
is "standard input" "$(echo in | box -i busybox cat)" in
like "a terminal" "$(script -qec "docker -H unix://$T/sock run --rm --network none -t busybox tty" /dev/null)" "/dev/*"
says "user, folder, variable, host name" "1000 1000 /tmp b foo" \
	box --user 1000:1000 -w /tmp -e A=b --hostname foo busybox sh -c 'echo $(id -u) $(id -g) $(pwd) $A $(hostname)'
is "memory and pids" "$(box -m 64m --pids-limit 50 busybox cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max | xargs)" "67108864 50"
like "capabilities" "$(box --cap-drop all --cap-add net_admin busybox grep CapEff /proc/self/status)" "*0000000000001000"
ends "what seccomp denies is denied" 1 box busybox unshare -U true
t "reaped" box --init busybox true

t "detached" d run -d --name c1 --network none busybox sh -c 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done'
t "it logs" until_true 10 eval 'd logs c1 | grep -q up'
says "exec" 0 d exec c1 id -u
ends "exec's status" 9 d exec c1 sh -c 'exit 9'
d exec c1 nosuch >"$T/exec.out" 2>&1
like "exec of what is not there" "$(cat "$T/exec.out")" '*exec: "nosuch": executable file not found in $PATH*'
like "exec with a terminal" "$(script -qec "docker -H unix://$T/sock exec -t c1 tty" /dev/null)" "/dev/*"
t "top" until_true 5 eval 'd top c1 | grep "sleep 0.1"'
like "stats" "$(d stats --no-stream c1)" "*c1*"
t "pause" d pause c1
like "it says so" "$(d ps)" "*Paused*"
t "unpause" d unpause c1
t "update" d update -m 80m --memory-swap 160m c1
is "it is in force" "$(d exec c1 cat /sys/fs/cgroup/memory.max)" 83886080
t "restart" d restart -t 10 c1
t "its traps are set" until_true 10 eval '[ "$(d logs c1 | grep -c up)" = 2 ]'
t "stop" d stop -t 20 c1
is "by its own status" "$(d inspect -f '{{.State.ExitCode}}' c1)" 3
t "start" d start c1
t "kill" d kill c1
t "rm" d rm c1
t "a health check" d run -d --name h1 --network none --health-cmd 'true' --health-interval 1s busybox sleep 100
t "becomes healthy" until_true 30 eval '[ "$(d inspect -f "{{.State.Health.Status}}" h1)" = healthy ]'
t "rm by force" d rm -f h1
is "nothing is known any more" "$(d ps -aq)" ""
