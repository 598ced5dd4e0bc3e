#!/bin/bash
# checkpoint and restore through criu, under the kernel that can.
# time: 180
. "$(dirname "$0")/lib.sh"
need criu jq python3
umask 022
make_bundle "$T/b" '.root.readonly = false
	| .process.args = ["sh", "-c", "i=0; while :; do i=$((i + 1)); echo $i >/count; sleep 0.1; done"]' || exit 1
cp "$T/b/config.json" "$T/plain.json"
# between two counts the file is empty
count() {
	for _ in {1..100}; do
		grep . "$T/b/rootfs/count" && return
		sleep 0.05
	done
}
grows() { local before; before=$(count); until_true 20 eval '[ "$(count)" -gt '"$before"' ]'; }
status() { oci state ck | jq -r .status; }
config() { jq --arg t "$T" "$1" "$T/plain.json" >"$T/b/config.json"; }
# its standard files are not to be files of ours
start() { oci run -d -b "$T/b" ck </dev/null >/dev/null 2>&1; }
restore() { oci restore -d -b "$T/b" --image-path "$T/img" "$@" ck </dev/null >"$T/restore.out" 2>&1; }
restored() { # NAME ARG...
	local name=$1
	shift
	if restore "$@"; then ok "$name"; else
		not_ok "$name" "$(cat "$T/restore.out")" "$(grep Error "$T/img/restore.log" | head -5)"
	fi
}
dumped() { # NAME ARG...
	local name=$1
	shift
	rm -rf "$T/img"
	t "$name" oci checkpoint --image-path "$T/img" "$@" ck
	[ "$rc" = 0 ] || grep Error "$T/img/dump.log" | head -5
}

start && ok "a container counts" || not_ok "a container counts"
t "it counts" until_true 20 test -s "$T/b/rootfs/count"
t "checkpoint, and it runs on" oci checkpoint --image-path "$T/img0" --leave-running ck
is "it runs" "$(status)" running
dumped "checkpoint" --work-path "$T/work"
at=$(count)
fails "it is no more" 1 '*"ck" does not exist' oci state ck
is "nothing of it is left" "$(ls -A "$T/oci")" ""
restored "restore" --pid-file "$T/pid"
is "it runs again" "$(status)" running
is "under the PID that is told" "$(cat "$T/pid")" "$(oci state ck | jq .pid)"
t "it counts on" grows
[ "$(count)" -gt "$at" ] && ok "from where it was" || not_ok "from where it was" "$at, then $(count)"
says "exec works in it" 1 oci exec ck sh -c 'cat /proc/1/status | sed -n "s/^Pid:[[:space:]]*//p"'
is "it is in its own cgroup" "$(grep ^0:: "/proc/$(cat "$T/pid")/cgroup")" "0::/berth/ck"
oci exec ck sh -c 'sleep 1000 </dev/null >/dev/null 2>&1 &'
dumped "checkpoint with what was executed since"
restored "and restore"
t "both are there" oci exec ck sh -c 'ps | grep "[s]leep 1000"'
t "it is killed and deleted" oci delete -f ck
fails "without images there is no restore" 1 "*No such file*" oci restore -d -b "$T/b" --image-path "$T/none" ck
is "and nothing is left" "$(oci list -q)" ""

# ---- images in parts ----
start
fails "a parent's path is relative" 1 "*--parent-path*" oci checkpoint --image-path "$T/img" --parent-path "$T/p" ck
fails "and there" 1 "*--parent-path*" oci checkpoint --image-path "$T/img" --parent-path ../p ck
t "pre-dump" oci checkpoint --image-path "$T/p" --pre-dump ck
is "leaves it running" "$(status)" running
rm -rf "$T/img"
t "checkpoint of the rest" oci checkpoint --image-path "$T/img" --parent-path ../p ck
restored "restore of both"
t "it counts on" grows
oci delete -f ck

# ---- hooks, binds in binds, a destination that is a link ----
mkdir -p "$T/one" "$T/two" "$T/b/rootfs/real" && echo two >"$T/two/file" && ln -sfn /real "$T/b/rootfs/link"
config 'def h($text): [{path: "/bin/sh", args: ["sh", "-c", $text]}];
	.mounts += [{type: "bind", source: ($t + "/one"), destination: "/one", options: ["bind"]},
	{type: "bind", source: ($t + "/two"), destination: "/one/for/two", options: ["bind"]},
	{type: "bind", source: ($t + "/two"), destination: "/link", options: ["bind"]},
	{type: "bind", source: "../two", destination: "/rel", options: ["bind"]}]
	| .hooks = {prestart: h("echo prestart >>" + $t + "/hooks"), createRuntime: h("jq .pid >>" + $t + "/hooks")}'
start
dumped "checkpoint with binds"
rm -rf "$T/one/for" "$T/hooks"
restored "restore makes their places"
is "and runs hooks, with its PID" "$(cat "$T/hooks")" "prestart
$(oci state ck | jq .pid)"
says "what is bound is there" "two two two" oci exec ck sh -c 'echo $(cat /one/for/two/file /real/file /rel/file)'
oci delete -f ck

config '.linux.namespaces |= map(select(.type != "cgroup"))'
start
dumped "checkpoint without a cgroup namespace"
restored "its restore"
says "with the hierarchy in there" "berth" oci exec ck sh -c 'cd /sys/fs/cgroup && ls -d berth'
oci delete -f ck

# ---- below a mount that is shared, as on a host with systemd all are ----
mount --bind "$T/b" "$T/b" && mount --make-shared "$T/b"
config .
start
dumped "checkpoint below a shared mount"
restored "its restore"
t "it counts on" grows
oci delete -f ck
umount "$T/b"

# ---- namespaces of somebody else's; connections of its own ----
unshare --ipc --uts sleep 1000 &
other=$!
until_true 20 sh -c "[ \$(readlink /proc/$other/ns/uts) != \$(readlink /proc/self/ns/uts) ]"
config "del(.hostname) | .linux.namespaces |= map(if .type == \"ipc\" or .type == \"uts\" then .path = \"/proc/$other/ns/\(.type)\" else . end)"
start
dumped "checkpoint in joined IPC and UTS namespaces"
restored "restore in them"
is "they are those" "$(stat -Lc %i "/proc/$(oci state ck | jq .pid)/ns/"{ipc,uts})" "$(stat -Lc %i "/proc/$other/ns/"{ipc,uts})"
oci delete -f ck
kill $other; wait $other 2>/dev/null
ip netns add "ck$$" && ip -n "ck$$" link set lo up
config ".linux.namespaces |= map(if .type == \"network\" then .path = \"/run/netns/ck$$\" else . end)"
start
dumped "checkpoint in a joined network namespace"
restored "restore in there"
is "it is that one" "$(stat -Lc %i "/proc/$(oci state ck | jq .pid)/ns/net")" "$(stat -Lc %i "/run/netns/ck$$")"
oci delete -f ck
ip netns del "ck$$"
rm -f "$T/b/rootfs/count"
config '.process.args = ["sh", "-c", "(while :; do date; sleep 0.2; done) | nc -l -p 99 >/dev/null & until cat /proc/net/tcp* | grep -q \":0063 0*:0000 0A\"; do sleep 0.1; done; sleep 10000 | nc 127.0.0.1 99 >/count"]'
start
t "a connection of its own" until_true 20 test -s "$T/b/rootfs/count"
fails "is only taken along when asked for" 1 "*criu dump*" oci checkpoint --image-path "$T/no" ck
dumped "checkpoint --tcp-established" --tcp-established
restored "restore --tcp-established" --tcp-established
size=$(stat -c %s "$T/b/rootfs/count")
t "it goes on" until_true 20 eval '[ "$(stat -c %s "$T/b/rootfs/count")" -gt '"$size"' ]'
oci delete -f ck
config .
start
dumped "checkpoint --empty-ns network" --empty-ns network
restored "restore --empty-ns network" --empty-ns network
isnt "the namespace is the container's own" "$(stat -Lc %i "/proc/$(oci state ck | jq .pid)/ns/net")" "$(stat -Lc %i /proc/self/ns/net)"
oci delete -f ck

# ---- a terminal ----
cat >"$T/recvtty.py" <<'RECV'
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("up", flush=True)
conn, _ = s.accept()
_, fds, _, _ = socket.recv_fds(conn, 4096, 1)
os.write(fds[0], (sys.argv[2] + "\n").encode())
while True:
    try:
        text = os.read(fds[0], 4096)
    except OSError:
        break
    if not text:
        break
    sys.stdout.buffer.write(text)
    sys.stdout.flush()
RECV
receive() { # WORD: sends WORD to the terminal that comes
	rm -f "$T/console" "$T/heard"
	python3 "$T/recvtty.py" "$T/console" "$1" >"$T/heard" 2>&1 &
	until_true 20 grep -q up "$T/heard"
}
config '.process.terminal = true | .process.args = ["sh", "-c", "while read x; do echo got $x; done"]'
receive before
oci run -d -b "$T/b" --console-socket "$T/console" ck </dev/null >/dev/null 2>&1
t "a container with a terminal" until_true 20 grep -q "got before" "$T/heard"
dumped "its checkpoint"
wait
fails "its restore needs a console socket" 1 "*needs --console-socket*" oci restore -d -b "$T/b" --image-path "$T/img" ck
receive after
restored "restore with --console-socket" --console-socket "$T/console"
t "the terminal is a new one, and works" until_true 20 grep -q "got after" "$T/heard"
oci delete -f ck
kill %% 2>/dev/null
is "nothing is left of all that" "$(oci list -q; ls -A "$T/oci")" ""
