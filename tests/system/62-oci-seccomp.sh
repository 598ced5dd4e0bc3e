#!/bin/bash
# linux.seccomp of a bundle: actions, arguments, errors, flags, listeners, raw filters.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq python3
case $(uname -m) in x86_64) ;; *) skip_all "module:x86: the numbers here are of x86_64";; esac
umask 022
make_bundle "$T/b" '.linux.seccomp = null' || exit 1
cp "$T/b/config.json" "$T/plain.json"
cp "$PROBE" "$T/b/rootfs/probe"

# with SECCOMP ARG...: the answer to ARG... of a container whose linux.seccomp is SECCOMP
config() { # seccomp, annotations, args...
	local seccomp=$1 annotations=$2
	shift 2
	jq --argjson s "$seccomp" --argjson a "$annotations" \
		'.linux.seccomp = $s | .annotations = $a | .process.args = $ARGS.positional' \
		--args "$@" <"$T/plain.json" >"$T/b/config.json"
}
with() {
	local seccomp=$1
	shift
	config "$seccomp" '{}' "$@" || return
	run oci run -b "$T/b" "s$RANDOM"
}
deny='{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],"syscalls":[%s]}'
rule() { # shellcheck disable=SC2059 # the format is ours
	printf "$deny" "$1"
}

with "$(rule '{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}')" /probe syscall 83 0 0
is "SCMP_ACT_ERRNO is EPERM" "$out" EPERM
with "$(rule '{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":18}')" /probe syscall 83 0 0
is "errnoRet is what comes back" "$out" "Cross-device link"
with "$(rule '{"names":["getpriority"],"action":"SCMP_ACT_ERRNO","errnoRet":18,"args":[{"index":0,"value":2,"op":"SCMP_CMP_GE"}]}')" \
	/probe syscall 140 2 0
is "an argument that matches" "$out" "Cross-device link"
with "$(rule '{"names":["getpriority"],"action":"SCMP_ACT_ERRNO","errnoRet":18,"args":[{"index":0,"value":2,"op":"SCMP_CMP_GE"}]}')" \
	/probe syscall 140 1 0
unlike "an argument that does not" "$out" "Cross-device link"
with "$(rule '{"names":["getcpu"],"action":"SCMP_ACT_KILL_PROCESS"}')" /probe syscall 309 0 0 0
is "SCMP_ACT_KILL_PROCESS is SIGSYS" "$rc" 159
with "$(rule '{"names":["getcpu"],"action":"SCMP_ACT_TRAP"}')" /probe syscall 309 0 0 0
is "SCMP_ACT_TRAP is SIGSYS" "$rc" 159
with "$(rule '{"names":["getcpu"],"action":"SCMP_ACT_LOG"}')" /probe syscall 309 0 0 0
is "SCMP_ACT_LOG lets it pass" "$out" 0
with "$(rule '{"names":["nosuchcall","mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":18}')" /probe syscall 83 0 0
is "an unknown name is passed over" "$out" "Cross-device link"
with "$(rule '{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}' | jq -c '.flags = ["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_TSYNC","SECCOMP_FILTER_FLAG_SPEC_ALLOW"]')" \
	/probe syscall 83 0 0
is "flags" "$out" EPERM

# ---- mistakes ----
bad() { # name, pattern, seccomp
	config "$3" '{}' true
	fails "$1" 1 "$2" oci run -b "$T/b" bad-$me
}
bad "an unknown action" "*config.json*linux.seccomp.syscalls?0?.action*SCMP_ACT_MAYBE*" \
	"$(rule '{"names":["mkdir"],"action":"SCMP_ACT_MAYBE"}')"
bad "an argument beyond the sixth" "*linux.seccomp.syscalls?0?.args?0?.index*" \
	"$(rule '{"names":["mkdir"],"action":"SCMP_ACT_KILL","args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}')"
# what we look up under the filter it may know nothing of
config "$(rule '{"names":["faccessat2","getcwd"],"action":"SCMP_ACT_ERRNO"}')" '{}' /probe syscall 79 0 0
jq '.process.noNewPrivileges = false' "$T/b/config.json" >"$T/c.json"
run oci run -b "$T/b" -f "$T/c.json" old
is "a filter older than calls of ours" "$out" EPERM

bad "notify without a listener" "*linux.seccomp*listenerPath*" \
	"$(rule '{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}')"
bad "notify as the default" "*default action*" '{"defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/x"}'
bad "a listener that is not there" "*failed to connect with seccomp agent /nowhere/sock*" \
	"$(rule '{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}' | jq -c '.listenerPath = "/nowhere/sock"')"
config "$(rule '{"names":["nosuchcall"],"action":"SCMP_ACT_KILL"}')" '{"run.oci.seccomp_fail_unknown_syscall":"1"}' true
fails "an unknown name, when asked to" 1 "*nosuchcall*" oci run -b "$T/b" bad-$me

# ---- a listener ----
cat >"$T/agent.py" <<'AGENT'
import array, fcntl, json, select, socket, struct, sys
path, count = sys.argv[1], int(sys.argv[2])
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
print("ready", flush=True)
conn, _ = server.accept()
text, fds = b"", array.array("i")
while True:
    part, control, _, _ = conn.recvmsg(65536, socket.CMSG_SPACE(16))
    for level, kind, data in control:
        fds.frombytes(data[:len(data) - len(data) % 4])
    if not part:
        break
    text += part
state = json.loads(text)
print(state["fds"], state["metadata"], state["state"]["status"], state["pid"] == state["state"]["pid"], flush=True)
count = count if count >= 0 else 1 << 30    # negative: what there is, and each goes on
go_on = 1 if count == 1 << 30 else 0         # SECCOMP_USER_NOTIF_FLAG_CONTINUE
for _ in range(count):
    request = bytearray(80)
    if go_on:
        waiting = select.poll()
        waiting.register(fds[0], select.POLLIN)
        if waiting.poll()[0][1] & select.POLLHUP:
            break
    fcntl.ioctl(fds[0], 0xC0502100, request)
    ident, _, _, nr = struct.unpack_from("<QIIi", request)
    fcntl.ioctl(fds[0], 0xC0182101, struct.pack("<QqiI", ident, 0, 0 if go_on else -18, go_on))
    if not go_on:
        print("call", nr, flush=True)
AGENT
listen='{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}'
python3 "$T/agent.py" "$T/agent.sock" 1 >"$T/agent.out" 2>&1 &
agent=$!
until_true 10 grep -q ready "$T/agent.out"
with "$(rule "$listen" | jq -c --arg p "$T/agent.sock" '.listenerPath = $p | .listenerMetadata = "hello"')" /probe syscall 83 0 0
is "the agent's answer is what the call gives" "$out" "Cross-device link"
wait "$agent"
is "the agent gets state, metadata and calls" "$(tail -n +2 "$T/agent.out")" "['seccompFd'] hello creating True
call 83"


# crun's way of naming the agent, and a flag for those whom agents answer
rm -f "$T/agent.sock" "$T/agent.out"
python3 "$T/agent.py" "$T/agent.sock" 1 >"$T/agent.out" 2>&1 &
agent=$!
until_true 10 grep -q ready "$T/agent.out"
config "$(rule "$listen" | jq -c '.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] | .listenerMetadata = "crun"')" \
	"{\"run.oci.seccomp.receiver\":\"$T/agent.sock\"}" /probe syscall 83 0 0
if kernel_at_least 5.19; then
	run oci run -b "$T/b" receiver-$me
	is "run.oci.seccomp.receiver, and a call that only a kill interrupts" "$out" "Cross-device link"
	wait "$agent"
else
	kill "$agent"
	skip "run.oci.seccomp.receiver, and a call that only a kill interrupts" "kernel:5.19: no such flag"
fi

# calls that the runtime itself makes behind the filter: the agent has the listener by then
for nnp in true false; do
	rm -f "$T/agent.sock" "$T/agent.out"
	python3 "$T/agent.py" "$T/agent.sock" -1 >"$T/agent.out" 2>&1 &
	agent=$!
	until_true 10 grep -q ready "$T/agent.out"
	config "$(rule '{"names":["execve","openat","open","read","close","fcntl"],"action":"SCMP_ACT_NOTIFY"}' |
		jq -c --arg p "$T/agent.sock" '.listenerPath = $p | .listenerMetadata = "all"')" '{}' echo through
	jq ".process.noNewPrivileges = $nnp" "$T/b/config.json" >"$T/c.json" && mv "$T/c.json" "$T/b/config.json"
	says "the runtime's own calls are answered (noNewPrivileges $nnp)" through \
		timeout 60 "$OCI" --root "$T/oci" run -b "$T/b" own
	wait "$agent"
done

# an exec gets the filter as well, and so has a listener of its own
rm -f "$T/agent.sock" "$T/agent.out"
python3 "$T/agent.py" "$T/agent.sock" 0 >"$T/agent.out" 2>&1 &
agent=$!
until_true 10 grep -q ready "$T/agent.out"
config "$(rule "$listen" | jq -c --arg p "$T/agent.sock" '.listenerPath = $p | .listenerMetadata = "init"')" '{}' sleep 100
oci run -d -b "$T/b" listened-$me </dev/null >/dev/null 2>&1
wait "$agent"
rm -f "$T/agent.sock" "$T/agent.out"
python3 "$T/agent.py" "$T/agent.sock" 1 >"$T/agent.out" 2>&1 &
agent=$!
until_true 10 grep -q ready "$T/agent.out"
run timeout 60 "$OCI" --root "$T/oci" exec listened-$me /probe syscall 83 0 0
is "an exec's calls are answered, too" "$out" "Cross-device link"
wait "$agent"
is "its agent gets its process and the container's state" "$(tail -n +2 "$T/agent.out")" \
	"['seccompFd'] init running False
call 83"
rm -f "$T/agent.sock" "$T/agent.out"
ends "without its agent there is no exec" 255 timeout 60 "$OCI" --root "$T/oci" exec listened-$me true
like "and it says why" "$err" "*linux.seccomp.listenerPath*agent.sock*"
oci delete -f listened-$me

# ---- raw instructions: load the number, mkdir (83) gives EXDEV ----
raw=$(python3 -c '
import base64, struct
print(base64.b64encode(b"".join(struct.pack("<HBBI", *i) for i in (
    (0x20, 0, 0, 0), (0x15, 0, 1, 83), (6, 0, 0, 0x50012), (6, 0, 0, 0x7fff0000)))).decode())')
config null "{\"run.oci.seccomp_bpf_data\":\"$raw\"}" /probe syscall 83 0 0
run oci run -b "$T/b" raw-$me
is "a raw filter" "$out" "Cross-device link"
config null '{"run.oci.seccomp_bpf_data":"AAAAAAAAAAA="}' true
fails "a raw filter that is none" 1 "*seccomp_bpf_data*" oci run -b "$T/b" raw-$me
