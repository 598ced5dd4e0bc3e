#!/bin/bash
# The process of config.json: what it gets, and what it does not get from who typed the command.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq taskset python3
umask 022
make_bundle "$T/b" || exit 1
cp "$T/b/config.json" "$T/plain.json"
# config JQ SH: the configuration changed by JQ, whose program is the shell text SH
config() {
	jq "$1 | .process.args = [\"sh\", \"-c\", \$sh]" --arg sh "$2" "$T/plain.json" >"$T/b/config.json" || exit 1
}

# ---- CPU affinity ----
all=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
cpus='sed -n "s/^Cpus_allowed_list:[[:space:]]*//p" /proc/self/status'
config . "$cpus"
if [ "$(nproc)" -gt 1 ]; then
	says "the caller's CPU affinity is not the container's" "$all" taskset -c 0 "$OCI" --root "$T/oci" run -b "$T/b" p1-$me
else
	skip "the caller's CPU affinity is not the container's" "cpus:2: there is one"
fi
config '.process.execCPUAffinity = {initial: "0", final: "0"}' 'sleep 100'
oci run -d -b "$T/b" p2-$me </dev/null >/dev/null 2>&1
says "execCPUAffinity is of an exec" 0 oci exec p2-$me sh -c "$cpus"
oci delete -f p2-$me

# ---- memory policy ----
config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}' 'cut -d" " -f2 /proc/self/numa_maps | head -n 1; sleep 100'
if [ -e /proc/self/numa_maps ]; then
	oci run -d -b "$T/b" p3-$me </dev/null >"$T/p3" 2>&1
	t "memoryPolicy is the container's" until_true 5 grep -qx bind:0 "$T/p3"
	says "and an exec's" bind:0 oci exec p3-$me sh -c 'cut -d" " -f2 /proc/self/numa_maps | head -n 1'
	oci delete -f p3-$me
else
	skip "memoryPolicy is the container's" "numa: this kernel knows none"
fi

# ---- no_new_privs ----
nnp='sed -n "s/^NoNewPrivs:[[:space:]]*//p" /proc/self/status'
config '.process.noNewPrivileges = true' 'sleep 100'
oci run -d -b "$T/b" p4-$me </dev/null >/dev/null 2>&1
says "an exec takes over noNewPrivileges" 1 oci exec p4-$me sh -c "$nnp"
echo '{"cwd": "/", "args": ["sh", "-c", "'"${nnp//\"/\\\"}"'"], "env": ["PATH=/bin"], "noNewPrivileges": false}' |
	sed 's/\[\[:space:\]\]/[[:space:]]/' >"$T/process.json"
says "a process document says it itself" 0 oci exec -p "$T/process.json" p4-$me
oci delete -f p4-$me
config '.process.noNewPrivileges = false' 'sleep 100'
oci run -d -b "$T/b" p5-$me </dev/null >/dev/null 2>&1
says "without it, none" 0 oci exec p5-$me sh -c "$nnp"
says "unless asked for" 1 oci exec --no-new-privs p5-$me sh -c "$nnp"
oci delete -f p5-$me

# ---- what a process document leaves out ----
config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}] |
	.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6} | .process.oomScoreAdj = 321' 'sleep 100'
oci run -d -b "$T/b" p6-$me </dev/null >/dev/null 2>&1
document() { # name, wanted, more of the document
	jq -n '{cwd: "/", env: ["PATH=/bin"], user: {uid: 0, gid: 0},
		args: ["sh", "-c", "echo $(ulimit -n) $(ionice) $(cat /proc/self/oom_score_adj) $(grep -e ^CapPrm -e ^CapEff /proc/self/status)"]} '"$3" \
		>"$T/process.json"
	says "$1" "$2" oci exec -p "$T/process.json" p6-$me
}
own='0000000020000420 CapEff: 0000000020000420'
document "is the container's: capabilities, limits, priorities" "100 best-effort: prio 6 321 CapPrm: $own" ''
document "what it names is its own" "7 best-effort: prio 2 654 CapPrm: 0000000000000001 CapEff: 0000000000000001" \
	'+ {oomScoreAdj: 654, rlimits: [{type: "RLIMIT_NOFILE", soft: 7, hard: 7}], ioPriority: {class: "IOPRIO_CLASS_BE", priority: 2},
	capabilities: {bounding: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"], effective: ["CAP_CHOWN"]}}'
oci delete -f p6-$me

# ---- capabilities ----
warned() { # name, pattern, jq, wanted output, sh
	config "$3" "$5"
	rm -f "$T/log"
	says "$1" "$4" oci --log "$T/log" --log-format json run -b "$T/b" c1-$me
	like "which is a warning in the log" "$(jq -r '.level + ": " + .msg' "$T/log")" "warning: $2"
}
bnd='sed -n "s/^CapBnd:[[:space:]]*//p" /proc/self/status'
warned "an unknown capability is left out" '*unknown capability "CAP_NEW"*' \
	'.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_NEW"]}' 0000000000000001 "$bnd"
warned "an ambient one that is not inheritable is left out" "*ambient capability CAP_KILL*" \
	'.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_CHOWN", "CAP_KILL"],
	inheritable: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], ambient: ["CAP_CHOWN", "CAP_KILL"]}' \
	0000000000000001 'sed -n "s/^CapAmb:[[:space:]]*//p" /proc/self/status'
lacks='setpriv --bounding-set -sys_module --inh-caps -sys_module'
config '.process.capabilities |= map_values(["CAP_CHOWN", "CAP_SYS_MODULE"])' "$bnd"
says "one that we do not have ourselves is left out" 0000000000000001 \
	$lacks "$OCI" --root "$T/oci" --log "$T/log" run -b "$T/b" c2-$me
like "and that is told" "$(cat "$T/log")" "*CAP_SYS_MODULE*"

# ---- descriptors ----
config . 'cat <&4'
echo four >"$T/four"
fds() { # N CMD...: with 3 and 4 open
	3</dev/null 4<"$T/four" "$OCI" --root "$T/oci" "$@"
}
says "--preserve-fds" four fds run --preserve-fds 2 -b "$T/b" d1-$me
says "of which one is not open" four fds run --preserve-fds 3 -b "$T/b" d2-$me
like "which is told" "$err" "*of 3 descriptors to hand on 5 is not open*"
config . 'echo $LISTEN_FDS $LISTEN_PID; cat <&4'
says "LISTEN_FDS is for us: handed on, with PID 1" "2 1
four" env LISTEN_FDS=2 bash -c 'exec 3</dev/null 4<"$1" "$2" --root "$3/oci" run -b "$3/b" "d3-${3##*.}"' - "$T/four" "$OCI" "$T"
says "but not what was for our parent" "
four" env LISTEN_FDS=2 LISTEN_PID=1 bash -c \
	'exec 3</dev/null 4<"$1"; "$2" --root "$3/oci" run --preserve-fds 2 -b "$3/b" "d4-${3##*.}"' - "$T/four" "$OCI" "$T"
fails "more than there can be" 1 "*--preserve-fds*" oci run --preserve-fds 4294967295 -b "$T/b" d5-$me

# ---- what else it is ----
runs() { # NAME WANTED JQ SH [BEFORE...]: what a container with the configuration changed by JQ says
	local name=$1 wanted=$2
	config "$3" "$4"
	shift 4
	says "$name" "$wanted" "$@" "$OCI" --root "$T/oci" run -b "$T/b" e1-$me
}
runs "hostname and domainname" "h1 d1.example" '.hostname = "h1" | .domainname = "d1.example"' \
	'echo $(cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname)'
runs "umask and further groups" "0027 0 5 6" '.process.user += {umask: 23, additionalGids: [5, 6]}' 'echo $(umask; id -G)'
case $(uname -m) in
x86_64) runs "personality" i686 '.linux.personality = {domain: "LINUX32"}' 'uname -m';;
*) skip "personality" "module:x86: other machines say it otherwise";;
esac
runs "sysctl" 4096 '.linux.sysctl = {"kernel.msgmax": "4096"}' 'cat /proc/sys/kernel/msgmax'
runs "the caller's groups are not the container's" 0 . 'id -G' setpriv --groups 7,8
runs "unless an annotation keeps them" "0 7 8" '.annotations = {"run.oci.keep_original_groups": "1"}' 'id -G' setpriv --groups 7,8
config '.annotations = {"run.oci.mount_context_type": "contexts"}' true
fails "no SELinux option of that name" 1 "*run.oci.mount_context_type: expected context, fscontext*" oci run -b "$T/b" e2-$me
config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo out; echo err >&2"]}] | .annotations =
	{"run.oci.hooks.stdout": "'"$T"'/hook.out", "run.oci.hooks.stderr": "'"$T"'/hook.err"}' true
says "a hook's output goes" "" oci run -b "$T/b" e3-$me
is "where the annotations say" "$(cat "$T/hook.out" "$T/hook.err")" "out
err"

# ---- the process as a descriptor ----
cat >"$T/recvfd.py" <<'PY'
import os, re, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("listens", flush=True)
conn, _ = s.accept()
_, fds, _, _ = socket.recv_fds(conn, 4096, 1)
print(re.search(r"^Pid:\s*(\d+)", open(f"/proc/self/fdinfo/{fds[0]}").read(), re.M)[1])
PY
receives() { # NAME CMD...: the PID of the descriptor that a command sends is that of its --pid-file
	local name=$1
	shift
	rm -f "$T/pidfd.sock" "$T/pid"
	python3 "$T/recvfd.py" "$T/pidfd.sock" >"$T/pidfd.out" 2>&1 &
	until_true 10 grep -q listens "$T/pidfd.out"
	"$OCI" --root "$T/oci" "$@" </dev/null >"$T/said" 2>&1
	wait $!
	is "$name" "$(tail -n 1 "$T/pidfd.out")" "$(cat "$T/pid" "$T/said")"
}
config . 'sleep 100'
receives "--pidfd-socket of a container" run -d --pid-file "$T/pid" --pidfd-socket "$T/pidfd.sock" -b "$T/b" f1-$me
receives "and of an exec" exec -d --pid-file "$T/pid" --pidfd-socket "$T/pidfd.sock" f1-$me sleep 100
oci delete -f f1-$me
config '.annotations = {"run.oci.pidfd_receiver": "'"$T"'/pidfd.sock"}' 'sleep 100'
receives "by crun's annotation" run -d --pid-file "$T/pid" -b "$T/b" f2-$me
oci delete -f f2-$me
