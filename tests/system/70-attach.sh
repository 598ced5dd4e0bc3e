#!/bin/bash
# Terminals, pipes and signals between the caller and a container.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need python3
use_busybox

# ---- pipes
head -c 104857600 /dev/urandom >"$T/big"
through() { "$BERTH" --root "$ROOT" run -i --rm --network none busybox cat <"$T/big" | cmp - "$T/big"; }
t "100 MB go through stdin and stdout unchanged" through
rm -f "$T/big"
count() { printf 'a\nb\nc\n' | "$BERTH" --root "$ROOT" run -i --rm --network none busybox wc -l; }
says "the end of input reaches it" 3 count
slow() { berth run --rm --network none busybox sh -c 'yes | head -c 3000000' | (sleep 1; wc -c); }
says "a pipe that is read late loses nothing" 3000000 slow
gone() { (berth run --rm --network none busybox yes || :) | head -n 1; }
says "a reader that goes ends it" y gone
early() { (yes || :) | "$BERTH" --root "$ROOT" run -i --rm --network none busybox true; }
ends "input that nobody reads does not hold it" 0 early

berth run -d --name talker --network none busybox yes >/dev/null
left() { { "$BERTH" --root "$ROOT" attach --no-stdin talker 2>"$T/said"; echo $? >"$T/status"; } | head -n 1; cat "$T/said" "$T/status"; }
says "who is attached and whose reader goes, ends as in a pipeline" "y
141" left
fails "or says that there is no room" 125 "berth: *write what the container says*" sh -c "'$BERTH' --root '$ROOT' attach --no-stdin talker >/dev/full"
says "and the container goes on" running berth inspect --format '{{.State.Status}}' talker
berth rm -f talker >/dev/null

# ---- terminals: a program with a terminal of its own types and reads
cat >"$T/typing.py" <<'PY'
import os, pty, select, struct, sys, time, fcntl, termios, signal
argv = sys.argv[2:]
script = eval(sys.argv[1])          # [(wait for, then type or a callable name)]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
os.kill(pid, signal.SIGWINCH)
seen, end = b"", time.time() + 60
def read_until(what):
    global seen
    while what not in seen:
        if time.time() > end:
            sys.stderr.write("waited for %r, saw %r\n" % (what, seen)); os.kill(pid, 9); sys.exit(3)
        r, _, _ = select.select([fd], [], [], 0.2)
        if r:
            try: data = os.read(fd, 4096)
            except OSError: data = b""
            if not data:
                if what in seen: break
                sys.stderr.write("ended before %r, saw %r\n" % (what, seen)); sys.exit(4)
            seen += data
    seen = seen.split(what, 1)[1]
for wait, send in script:
    if wait: read_until(wait.encode())
    if send == "RESIZE":
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 122, 0, 0))
    else:
        os.write(fd, send.encode("latin-1"))
while True:
    try:
        if not os.read(fd, 4096): break
    except OSError: break
_, st = os.waitpid(pid, 0)
sys.exit(os.WEXITSTATUS(st) if os.WIFEXITED(st) else 128 + os.WTERMSIG(st))
PY
typing() { python3 "$T/typing.py" "$@"; }
ends "run -it: what is typed arrives, its status comes back" 7 \
	typing '[("# ", "echo he\"\"llo\n"), ("hello", "exit 7\n")]' \
	"$BERTH" --root "$ROOT" run -it --rm --network none busybox sh
ends "the terminal's size arrives, and its changes" 0 \
	typing '[("# ", "stty size\n"), ("33 101", "RESIZE"), ("# ", "until stty size | grep \"44 122\"; do sleep 0.1; done\n"), ("44 122\r\n", "exit 0\n")]' \
	"$BERTH" --root "$ROOT" run -it --rm --network none busybox sh
ends "Ctrl-C goes to the command, not to berth" 0 \
	typing '[("# ", "trap \"echo got\"it INT\n"), ("# ", "\x03"), ("gotit", "exit 0\n")]' \
	"$BERTH" --root "$ROOT" run -it --rm --network none busybox sh
ends "Ctrl-P Ctrl-Q leaves it running" 0 \
	typing '[("# ", "\x10\x11")]' \
	"$BERTH" --root "$ROOT" run -it --name left --network none busybox sh
is "it runs" "$(berth inspect -f '{{.State.Running}}' left)" true
ends "attach joins it again" 5 \
	typing '[("", "\n"), ("# ", "exit 5\n")]' "$BERTH" --root "$ROOT" attach left
ends "detach keys of one's own" 0 \
	typing '[("# ", "\x10\x11ab")]' \
	"$BERTH" --root "$ROOT" run -it --detach-keys a,b --name own --network none busybox sh
is "it runs" "$(berth inspect -f '{{.State.Running}}' own)" true
ends 'with --detach-keys "" all keys are the command'"'"'s' 0 \
	typing '[("# ", "stty -ixon\n"), ("# ", "cat -v\n"), ("cat -v", "\x10\x11\n"), ("^P^Q", "\x04"), ("# ", "exit 0\n")]' \
	"$BERTH" --root "$ROOT" run -it --rm --detach-keys '' --network none busybox sh
berth stop -t 0 own >/dev/null
ends "start -a has them too" 0 \
	typing '[("# ", "\x10\x11ab")]' "$BERTH" --root "$ROOT" start -ai own
berth stop -t 0 own >/dev/null
fails "keys that are none start nothing" 125 "berth: --detach-keys F1: expected keys*" berth start -a --detach-keys F1 own
is "it does not run" "$(berth inspect -f '{{.State.Running}}' own)" false
t "it is removed" berth rm -f own left
ends "exec -it" 4 typing '[("# ", "tty; exit 4\n")]' sh -c "
	'$BERTH' --root '$ROOT' run -d --name ex --network none busybox sleep 100 >/dev/null
	exec '$BERTH' --root '$ROOT' exec -it ex sh"
ends "its lines end as those of run -it" 0 typing '[("# ", "echo o\"\"ne; echo t\"\"wo\n"), ("one\r\ntwo\r\n", "exit 0\n")]' \
	"$BERTH" --root "$ROOT" exec -it ex sh
ends "Ctrl-C ends one without a terminal, and what that waits for" 130 typing '[("up", "\x03")]' \
	"$BERTH" --root "$ROOT" exec ex sh -c 'echo up; sleep 1000; echo not reached'
fails "its detach keys would leave nothing running" 125 "berth: --detach-keys ctrl-a: an exec ends with the command that typed it; --detach *" \
	berth exec --detach-keys ctrl-a ex true
t "none is what it has" berth exec --detach-keys '' ex true
t "it is removed" berth rm -f ex
restored() { # the terminal is as before, even when berth is killed by a signal
	python3 - "$BERTH" "$ROOT" <<'PY'
import os, pty, sys, termios, time, signal
m, s = pty.openpty()
before = termios.tcgetattr(s)
pid = os.fork()
if pid == 0:
    os.setsid()
    for i in range(3): os.dup2(s, i)
    import fcntl; fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execv(sys.argv[1], [sys.argv[1], "--root", sys.argv[2], "run", "-it", "--rm", "--network", "none", "busybox", "sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done"])
seen = b""
while b"up" not in seen: seen += os.read(m, 100)
assert termios.tcgetattr(s) != before, "not raw"
os.kill(pid, signal.SIGTERM)
_, st = os.waitpid(pid, 0)
assert os.WEXITSTATUS(st) == 3, st
assert termios.tcgetattr(s) == before, "not restored"
PY
}
t "a signal is passed on, and the terminal restored" restored

# an init closes its terminal, and opens /dev/console for what it has to say
berth run -d -t --name closed --conmon-pidfile "$T/supervisor" --network none busybox sh -c 'trap : TERM
	exec </dev/null >/dev/null 2>&1
	for i in 1 2 3 4 5; do sleep 0.2; echo "said $i" >/dev/console; done
	sleep 1000 & wait; echo last >/dev/console; exit 3' >/dev/null
t "what is said on a terminal that nobody held open arrives" until_true 10 sh -c "'$BERTH' --root '$ROOT' logs closed | grep 'said 5'"
is "all of it" "$(berth logs closed | tr -d '\r' | tr '\n' ' ')" "said 1 said 2 said 3 said 4 said 5 "
sleep 1
is "nobody turns in a circle meanwhile" "$(awk '{print ($14 + $15 < 30) ? "quiet" : $14 + $15}' "/proc/$(cat "$T/supervisor")/stat")" quiet
t "it ends" berth stop -t 60 closed
is "with its own status and the last word" "$(berth inspect -f '{{.State.ExitCode}}' closed) $(berth logs closed | tail -n 1 | tr -d '\r')" "3 last"
t "it is removed" berth rm closed

# ---- several at once
berth run -d --name many --network none busybox sh -c 'until [ -e /go ]; do sleep 0.1; done; for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.1; done' >/dev/null
for i in 1 2 3; do timeout 60 "$BERTH" --root "$ROOT" attach many >"$T/at.$i" </dev/null & pids[i]=$!; done
until_true 10 eval '[ "$(berth events --since 1m --until 0s --filter event=attach --filter container=many | wc -l)" = 3 ]'
berth exec many touch /go
for i in 1 2 3; do wait "${pids[$i]}"; done
is "three that attach see the same" "$(cat "$T/at.1" "$T/at.2" "$T/at.3" | sort | uniq -c | awk '{print $1}' | sort -u)" 3
t "it is removed" berth rm -f many

# ---- signals to run
"$BERTH" --root "$ROOT" run --name sig --network none busybox sh -c 'trap "exit 9" USR1; echo up; while :; do sleep 0.1; done' >"$T/sig" &
pid=$!
until_true 10 grep -q up "$T/sig"
kill -USR1 "$pid"
wait "$pid"
is "a signal to run goes to the command" $? 9
until_true 10 sh -c "! '$BERTH' --root '$ROOT' ps -q | grep ."
berth rm sig >/dev/null

# ---- exec ends with its caller
berth run -d --name ec --network none busybox sleep 1000 >/dev/null
"$BERTH" --root "$ROOT" exec ec sh -c 'sleep 4321 & sleep 4321' </dev/null >/dev/null 2>&1 &
pid=$!
until_true 10 sh -c "'$BERTH' --root '$ROOT' exec ec ps | grep -q 4321"
kill -9 "$pid"
wait "$pid" 2>/dev/null
none_left() { ! berth exec ec ps | grep 'sleep 4321'; }
t "when exec's caller is killed all that it began goes too" until_true 10 none_left
berth exec -d ec sleep 1234
t "exec -d stays" sh -c "'$BERTH' --root '$ROOT' exec ec ps | grep -q 'sleep 1234'"
t "it is removed" berth rm -f ec

# ---- zombies
berth run -d --init --name zombies --network none busybox sh -c '
	for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.1 &) ; done; exec sleep 1000' >/dev/null
reaped() { [ "$(berth exec zombies ps -o stat,comm | sed 1d | wc -l)" = 3 ]; } # init, sleep 1000, ps
t "--init reaps" until_true 10 reaped
t "it is removed" berth rm -f zombies
