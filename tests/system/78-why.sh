#!/bin/bash
# Which system call a container was ended for: the kernel's log says it, by the host's PIDs.
# namespaces: none
. "$(dirname "$0")/lib.sh"
need jq
use_busybox
cat >"$T/filter.json" <<'JSON'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}
JSON
run berth run --name killed --network none --security-opt seccomp="$T/filter.json" busybox mkdir /x
is "a filter ends it" "$rc" 159
pid=$(dmesg | sed -n 's/.*type=1326.* pid=\([0-9]*\) comm="mkdir".*sig=31.*/\1/p' | tail -n 1)
# an audit daemon gets such records instead of the log; in a PID namespace its PIDs are not ours
if [ -z "$pid" ] || [ "$(stat -L -c %i /proc/self/ns/pid)" != 4026531836 ]; then
	like "what cannot be known is said so" "$(berth why killed)" "*does not allow (the kernel's log does not say which)*"
else
	like "why names the call" "$(berth why killed)" "killed: it made a system call that its filter does not allow (mkdir*) (exit code 159)*"
	like "in JSON too" "$(berth why --format json killed | jq -r .syscall)" "mkdir*"
	is "it is written down, and so outlives the log" "$(grep -c "^syscall " "$ROOT"/containers/*/status)" 1
fi
is "inspect says the reason" "$(berth inspect -f '{{.State.Reason}}' killed)" seccomp
t "it is removed" berth rm killed
