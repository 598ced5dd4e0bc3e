#!/bin/bash
# sd_notify: a container tells who started it that it is ready.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq python3
umask 022
make_bundle "$T/b" || exit 1
cp "$PROBE" "$T/b/rootfs/probe"
config() { # SH
	jq '.process.args = ["sh", "-c", $sh] | .process.user = {uid: 7, gid: 7}' --arg sh "$1" \
		"$T/b/config.json" >"$T/c.json" && cp "$T/c.json" "$T/b/use.json"
}

# A service manager: prints what it is sent, closes barriers, until a file "end" is there.
cat >"$T/manager.py" <<'MANAGER'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1] if sys.argv[1][0] != "@" else "\0" + sys.argv[1][1:])
s.settimeout(0.1)
print("up", flush=True)
while True:
    try:
        text, fds, _, _ = socket.recv_fds(s, 4096, 4)
    except TimeoutError:
        if os.path.exists(sys.argv[2]):
            break
        continue
    for fd in fds:
        os.close(fd)
    print(text, flush=True)
MANAGER
manage() { # SOCKET
	rm -f "$T/end" "$T/sock" "$T/heard"
	python3 "$T/manager.py" "$1" "$T/end" >"$T/heard" 2>&1 &
	manager=$!
	until_true 10 grep -q up "$T/heard"
	export NOTIFY_SOCKET=$1
}
end() { touch "$T/end"; wait "$manager"; }
says_ready='/probe dgram $NOTIFY_SOCKET "$(printf "MAINPID=1\nREADY=1\nSTATUS=at work\nBARRIER=1")"'

# ---- create and start ----
manage "$T/sock"
config "sleep 1; $says_ready; sleep 100"
t "a container with NOTIFY_SOCKET" oci create -b "$T/b" -f "$T/b/use.json" n1-$me
started=$(date +%s%N)
t "start returns" oci start n1-$me
[ $(($(date +%s%N) - started)) -gt 900000000 ] && ok "when it is ready" || not_ok "when it is ready"
t "the manager hears it" until_true 5 grep -q BARRIER "$T/heard"
end
pid=$(oci state n1-$me | jq .pid)
is "what it is told is the start, and the PID here" "$(cat "$T/heard")" "up
b'READY=1\nSTATUS=at work'
b'MAINPID=$pid'
b'BARRIER=1'"
says "it is told where" "$T/sock/notify" oci exec n1-$me sh -c 'tr "\0" "\n" </proc/1/environ | sed -n s/NOTIFY_SOCKET=//p'
oci delete -f n1-$me
is "nothing is left of it" "$(ls -A "$T/oci")" ""

# ---- run -d, run, one that ends, one that is killed while it is waited for ----
manage "$T/sock"
t "run -d" oci run -d -b "$T/b" -f "$T/b/use.json" n2-$me
end
like "says so, too" "$(cat "$T/heard")" "*READY=1*MAINPID=$(oci state n2-$me | jq .pid)*"
oci delete -f n2-$me
manage "$T/sock"
config "$says_ready; until [ -e /tmp/go ]; do sleep 0.1; done"
rm -f "$T/b/rootfs/tmp/go"
jq '.root.readonly = false' "$T/b/use.json" >"$T/c.json" && cp "$T/c.json" "$T/b/use.json"
chmod 777 "$T/b/rootfs/tmp"
oci run -b "$T/b" -f "$T/b/use.json" n3-$me </dev/null >/dev/null 2>&1 &
t "run in the foreground" until_true 10 grep -q MAINPID "$T/heard"
touch "$T/b/rootfs/tmp/go"
wait $!
end
config "exit 3"
manage "$T/sock"
oci create -b "$T/b" -f "$T/b/use.json" n4-$me </dev/null >/dev/null 2>&1
t "one that ends without a word ends the waiting" timeout 30 "$OCI" --root "$T/oci" start n4-$me
oci delete -f n4-$me
config "sleep 100"
oci create -b "$T/b" -f "$T/b/use.json" n5-$me </dev/null >/dev/null 2>&1
oci start n5-$me &
start=$!
t "while it is waited for, it runs" until_true 10 eval '[ "$(oci state n5-$me | jq -r .status)" = running ]'
t "and can be deleted" timeout 30 "$OCI" --root "$T/oci" delete -f n5-$me
t "which ends the waiting" wait "$start"
end

# ---- no manager, another kind of name ----
export NOTIFY_SOCKET=$T/nobody
config 'ls -d $NOTIFY_SOCKET'
says "a socket that is not there breaks nothing" "$T/nobody/notify" oci run -b "$T/b" -f "$T/b/use.json" n6-$me
like "but is told" "$err" "*NOTIFY_SOCKET $T/nobody: No such file*"
manage "@berth-test-$$"
config "$says_ready; echo \$NOTIFY_SOCKET; sleep 1"
says "an abstract name" /run/notify/notify oci run -b "$T/b" -f "$T/b/use.json" n7-$me
end
like "is written to" "$(cat "$T/heard")" "*READY=1*MAINPID=*"
unset NOTIFY_SOCKET
config 'echo "[$NOTIFY_SOCKET]"'
says "without one, none" "[]" oci run -b "$T/b" -f "$T/b/use.json" n8-$me

# ---- the engine: --sdnotify ----
use_busybox
umask 077
box() { berth run --network none -v "$PROBE:/probe:ro" "$@"; }
supervisor() { sed -n 's/^supervisor //p' "$ROOT/containers/$(berth inspect -f '{{.Id}}' "$1")/status"; }
# what was heard, once CMD is done
heard() { # CMD...
	manage "$T/sock"
	run "$@"
	unset NOTIFY_SOCKET
	end
	tr '\n' ' ' <"$T/heard"
}
says=$(heard box -d --name e1 busybox sleep 100)
is "run -d: it runs, and who it is" "$says" "up b'READY=1' b'MAINPID=$(supervisor e1)' b'BARRIER=1' "
is "the container has no such socket" "$(berth exec e1 env | grep NOTIFY)" ""
is "run: it runs, and we stay who we are" "$(heard box --rm busybox sleep 1)" "up b'READY=1' b'BARRIER=1' "
is "of one that is over at once, too" "$(heard box --rm busybox true)" "up b'READY=1' b'BARRIER=1' "
is "--sdnotify ignore: nobody is told" "$(heard box --rm --sdnotify ignore busybox true)" "up "
says=$(heard box -d --name e2 --sdnotify container busybox sh -c "until [ -e /go ]; do sleep 1; touch /go; done; $says_ready; sleep 100")
is "--sdnotify container: it says so itself" "$says" "up b'READY=1\nSTATUS=at work' b'MAINPID=$(supervisor e2)' b'BARRIER=1' "
t "before run -d was over" berth exec e2 test -e /go
berth stop -t 0 e2 >/dev/null
says=$(heard berth start e2)
like "start has it, too" "$says" "up b'READY=1*' b'MAINPID=$(supervisor e2)' *"
like "restart says who it is now" "$(heard berth restart -t 0 e2)" "up b'READY=1*' b'MAINPID=$(supervisor e2)' *"
berth restart -t 0 e2 >/dev/null
t "without anybody who waits it has none" until_true 5 berth exec e2 sh -c 'test -e /go && ! tr "\0" "\n" </proc/1/environ | grep NOTIFY'
like "in the foreground" "$(heard box --rm --sdnotify container busybox sh -c "$says_ready; sleep 1")" "up b'READY=1*' b'BARRIER=1' "
is "one that ends without a word ends the waiting" "$(heard box -d --name e3 --sdnotify container busybox true)" "up "
check=(--health-cmd 'test -e /ok' --health-interval 100ms)
says=$(heard box -d --name e4 --sdnotify healthy "${check[@]}" busybox sh -c 'sleep 1; touch /ok; sleep 100')
is "--sdnotify healthy" "$says" "up b'READY=1' b'MAINPID=$(supervisor e4)' b'BARRIER=1' "
is "not before" "$(berth inspect -f '{{.State.Health.Status}}' e4)" healthy
says=$(heard timeout 60 "$BERTH" --root "$ROOT" run --rm --network none --sdnotify healthy "${check[@]}" busybox sh -c 'touch /ok; sleep 3')
is "in the foreground" "$says" "up b'READY=1' b'BARRIER=1' "
fails "without a check" 125 "berth: --sdnotify healthy: there is no health check" box --sdnotify healthy busybox true
fails "another word" 125 "berth: --sdnotify loud: expected conmon*" box --sdnotify loud busybox true
# what systemd sees of the main process that it was told
cat >"$T/main.py" <<'MAIN'
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(os.waitstatus_to_exitcode(os.wait()[1]))
MAIN
is "the main process ends as the container does" "$(python3 "$T/main.py" "$BERTH" --root "$ROOT" run -d --rm --network none busybox sh -c 'sleep 1; exit 7')" 7
t "they are removed" berth rm -f -t 0 e1 e2 e3 e4
