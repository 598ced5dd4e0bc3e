#!/bin/bash
# What conmon, go-runc (containerd, Docker), CRI-O, buildah and crun's users type, call by call, in
# their order and with their spelling of options; and what they read of the answers.
. "$(dirname "$0")/lib.sh"
need jq python3
umask 022
make_bundle "$T/b" '.process.args = ["sh", "-c", "trap exit TERM; echo up; while :; do sleep 0.1; done"]' || exit 1
R=$T/oci L=$T/log
is_status() { [ "$(oci state "$1" 2>/dev/null | jq -r .status)" = "$2" ]; }
# said: the message of the last line of the log, as callers take it
said() { tail -n 1 "$L" | jq -r '.level + ": " + .msg'; }

# recvtty SOCKET: the other end of --console-socket; what comes out of the terminal
cat >"$T/recvtty.py" <<'PY'
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("listens", flush=True)
conn, _ = s.accept()
_, fds, _, _ = socket.recv_fds(conn, 4096, 1)
try:
    while text := os.read(fds[0], 4096):
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
except OSError:
    pass
PY
recvtty() {
	rm -f "$1"
	python3 "$T/recvtty.py" "$1" >"$1.out" 2>&1 &
	until_true 20 grep -q listens "$1.out"
}
process() { # JQ: a process document as callers write it, with Go's null for what is nothing
	jq '.process | .args = ["sh", "-c", "tty; sleep 1000"] | .rlimits = null | .user.additionalGids = null
		| .selinuxLabel = "" | .apparmorProfile = "" | '"$1" "$T/b/config.json" >"$T/process.json"
}

# ---- conmon: for podman and CRI-O ----
C=("$OCI" --root "$R" --log-format=json --log "$L")
create() { "$@" </dev/null >"$T/create.out" 2>&1; }
t "conmon creates" create "${C[@]}" create --bundle "$T/b" --pid-file "$T/pid" --no-pivot --no-new-keyring m1-$me
is "the PID is there, without a newline" "$(wc -c <"$T/pid")" "$(($(wc -L <"$T/pid")))"
is "podman asks for the state" "$("$OCI" --root "$R" state m1-$me | jq -r '.status, .pid')" "created
$(cat "$T/pid")"
t "and starts" "$OCI" --root "$R" start m1-$me
t "it runs" until_true 10 grep -q up "$T/create.out"
process '.terminal = false'
t "conmon executes" create "${C[@]}" exec --pid-file "$T/exec.pid" --process "$T/process.json" --detach m1-$me
t "that runs" kill -0 "$(cat "$T/exec.pid")"
process '.terminal = true'
recvtty "$T/console"
t "with a terminal" create "${C[@]}" exec --pid-file "$T/exec2.pid" --process "$T/process.json" --detach \
	--tty --console-socket "$T/console" m1-$me
t "which is one of the container's" until_true 10 grep -q '^/dev/' "$T/console.out"
exec 3<"$T/process.json"
process '.terminal = false | .args = ["sh", "-c", "wc -c <&3; sleep 1000"]'
t "with descriptors" create "${C[@]}" exec --pid-file "$T/exec3.pid" --process "$T/process.json" --detach \
	--preserve-fds 1 m1-$me
exec 3<&-
t "which it has" until_true 10 grep -q '^[0-9][0-9]*$' "$T/create.out"
is "CRI-O's update by standard input" "$(echo '{"cpu":{},"memory":null}' | "${C[@]}" update --resources - m1-$me 2>&1)" ""
is "and one of nothing" "$(echo null | "${C[@]}" update -r - m1-$me 2>&1)" ""
echo '{}' >"$T/resources.json"
fails "limits beside a document are ignored" 0 "*limits beside it are ignored" \
	"$OCI" --root "$R" update -r "$T/resources.json" --memory 1 m1-$me
t "podman stops it" "$OCI" --root "$R" kill m1-$me 15
t "it has ended" until_true 10 is_status m1-$me stopped
is "a stopped one has no processes" "$(oci ps --format json m1-$me)" "[]"
t "all that is left of it is killed" "$OCI" --root "$R" kill --all m1-$me 9
t "it is deleted" "$OCI" --root "$R" delete --force m1-$me
t "and once more" "$OCI" --root "$R" delete --force m1-$me
is "its execs went with it" "$(for p in exec exec2 exec3; do kill -0 "$(cat "$T/$p.pid")" 2>/dev/null && echo $p; done)" ""
t "what never was is deleted by force" "${C[@]}" delete --force never
is "of that nothing is said" "$(cat "$L")" ""

# ---- go-runc: containerd's and Docker's shim ----
G=("$OCI" --root "$R" --log "$L" --log-format json)
like "--version" "$("$OCI" --version | tr '\n' '|')" "* version *|commit: *|spec: 1.*|*"
is "features" "$("$OCI" features | jq -r '.linux.cgroup.v2, .ociVersionMin')" "true
1.0.0"
jq '.process.terminal = true | .process.args = ["sh"]' "$T/b/config.json" >"$T/tty.json"
recvtty "$T/console"
t "the shim creates with a terminal" create "${G[@]}" create --bundle "$T/b" -f "$T/tty.json" \
	--console-socket "$T/console" --pid-file "$T/pid" g1-$me
t "starts" "${G[@]}" start g1-$me
t "its prompt comes" until_true 10 grep -q '[#$]' "$T/console.out"
is "lists" "$("${G[@]}" list --format=json | jq -r '.[0] | .id, .status, .bundle')" "g1-$me
running
$(realpath "$T/b")"
is "looks for processes" "$("${G[@]}" ps --format json g1-$me)" "[$(cat "$T/pid")]"
is "takes statistics" "$("${G[@]}" events --stats g1-$me | jq -r '.type, .id, (.data.cpu.usage.total > 0)')" "stats
g1-$me
true"
"${G[@]}" events --interval=1s g1-$me >"$T/events" &
follower=$!
t "follows them" until_true 10 grep -q '"stats"' "$T/events"
t "pauses" "${G[@]}" pause g1-$me
is "and reads so" "$("${G[@]}" state g1-$me | jq -r .status)" paused
process '.terminal = false'
run "${G[@]}" exec --process "$T/process.json" --detach --pid-file "$T/exec.pid" g1-$me
is "no exec meanwhile" "$rc $(said)" \
	"255 error: exec failed: cannot exec in a paused container (use --ignore-paused to override)"
t "resumes" "${G[@]}" resume g1-$me
process '.terminal = false | .args = ["nosuch"]'
run "${G[@]}" exec --process "$T/process.json" --detach --pid-file "$T/exec.pid" g1-$me
like "what makes Docker say 127" "$(said)" '*exec: "nosuch": executable file not found in $PATH*'
t "kills" "${G[@]}" kill --all g1-$me 9
t "which ends the follower, too" wait "$follower"
run "${G[@]}" kill g1-$me 15
like "what the shim takes for the end of it" "$(said)" "*container not running"
t "deletes" "${G[@]}" delete g1-$me
run "${G[@]}" delete g1-$me
like "what it takes for one that is gone" "$(said)" "*does not exist"
is "an empty list" "$("${G[@]}" list --format=json)" null

# ---- buildah, and crun's own users ----
U=("$OCI" --root "$R")
t "buildah creates" create "${U[@]}" create --bundle "$T/b" --pid-file "$T/pid" --no-new-keyring buildah-$me
t "asks" "${U[@]}" state buildah-$me
t "starts" "${U[@]}" start buildah-$me
t "kills by name" "${U[@]}" kill buildah-$me SIGKILL
t "it has ended" until_true 10 is_status buildah-$me stopped
t "deletes" "${U[@]}" delete buildah-$me
jq '.process.args = ["echo", "crun"]' "$T/b/config.json" >"$T/echo.json"
says "crun runs another configuration" crun "${U[@]}" --cgroup-manager=cgroupfs run --config "$T/echo.json" -b "$T/b" c1-$me
is "nothing is left" "$(ls -A "$R")" ""
