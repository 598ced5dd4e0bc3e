#!/bin/bash
# containerd's runc shim with berth-oci: ctr run, exec, kill, pause, metrics, update.
# time: 90
# namespaces: none
. "$(dirname "$0")/lib.sh"
need containerd ctr script
umask 022
export TMPDIR=$T

# the example's own file, but for where this build lies; the rest of the configuration is ours
sed "s|/usr/local/bin/berth-oci|$OCI|" "$TOP/examples/containerd/berth.toml" >"$T/berth.toml"
cat >"$T/config.toml" <<END
version = 2
imports = ["$T/berth.toml"]
root = "$T/croot"
state = "$T/cstate"
[grpc]
  address = "$T/sock"
[ttrpc]
  address = "$T/sock.ttrpc"
END
containerd -c "$T/config.toml" >"$T/daemon.log" 2>&1 &
daemon=$!
stop() { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; }
trap 'stop; lib_end' EXIT
ctr() { command ctr -a "$T/sock" "$@"; }
t "the daemon is up" until_true 30 ctr version || { cat "$T/daemon.log"; exit 1; }
like "it knows the runtime of the example" "$(containerd -c "$T/config.toml" config dump)" "*runtimes.berth.options*BinaryName*$OCI*"

make_busybox_image "$T/busybox.oci" docker.io/library/busybox:latest || exit 1
tar -C "$T/busybox.oci" -cf "$T/busybox.tar" .
t "an image is imported" ctr image import --snapshotter native "$T/busybox.tar"
image=$(ctr image ls -q | head -n 1)
run_it() { ctr run --snapshotter native --runtime io.containerd.runc.v2 --runc-binary "$OCI" "$@"; }

says "run" hello run_it --rm "$image" r1 echo hello
ends "exit status" 7 run_it --rm "$image" r2 sh -c 'exit 7'
fails "a command that is not there" 1 '*executable file not found*' run_it --rm "$image" r3 nosuch
like "a terminal" "$(script -qec "ctr -a $T/sock run --snapshotter native --runtime io.containerd.runc.v2 --runc-binary $OCI --rm -t $image r4 tty" /dev/null | tr -d '\0')" "*/dev/pts/*"

t "detached, with a memory limit" run_it -d --memory-limit 67108864 "$image" c1 sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
like "it runs" "$(ctr task ls)" "*c1*RUNNING*"
says "exec" 0 ctr task exec --exec-id e1 c1 id -u
ends "exec's status" 9 ctr task exec --exec-id e2 c1 sh -c 'exit 9'
like "processes" "$(ctr task ps c1)" "*PID*"
t "pause" ctr task pause c1
like "it says so" "$(ctr task ls)" "*c1*PAUSED*"
t "resume" ctr task resume c1
like "metrics, and the limit" "$(ctr task metrics c1)" "*memory.usage_limit*67108864*"
t "kill" ctr task kill -s TERM c1
t "it ends" until_true 10 eval 'ctr task ls | grep -q "c1.*STOPPED"'
t "its task is deleted" ctr task delete c1
like "with its status" "$err" "*exit code 3*"
t "the container is removed" ctr container delete c1
is "nothing of ours is left" "$("$OCI" --root /run/containerd/runc/default list -q 2>/dev/null)" ""
