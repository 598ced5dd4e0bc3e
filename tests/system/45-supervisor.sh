#!/bin/bash
# Detached containers: log, list, exec, wait, stop, kill, remove; signals.
# parallel: yes
. "$(dirname "$0")/lib.sh"
use_busybox
start() { berth run -d --network none "$@" >/dev/null || not_ok "a container starts: $*"; }
state() { berth inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$1"; }

# ---- logs
start --name log busybox sh -c 'echo out; echo err >&2; printf "no newline"; exit 5'
says "wait gives the status" 5 berth wait log
run berth logs log
is "standard output is in the log" "$out" $'out\nno newline'
is "standard error too, apart" "$err" err
is "the last line" "$(berth logs --tail 1 log 2>/dev/null)" "no newline"
like "times" "$(berth logs -t log 2>/dev/null | head -n 1)" "20??-??-??T??:??:??.*out"
start --name many busybox sh -c 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done'
is "it ends" "$(berth wait many)" 0
is "20,000 lines are all there" "$(berth logs many | wc -l)" 20000
is "in order" "$(berth logs many | tail -n 1)" "line 19999"
start --name follow busybox sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.2; done'
is "logs -f follows to the end" "$(timeout 60 "$BERTH" --root "$ROOT" logs -f follow | tr '\n' ' ')" "1 2 3 4 5 "
t "they are removed" berth rm log many follow

# ---- ps, exec
start --name a busybox sh -c "$nap"
like "ps shows it" "$(berth ps)" "*busybox*a*"
says "exec" "hello from the third layer" berth exec a cat /etc/greeting
ends "exec's status" 9 berth exec a sh -c 'exit 9'
fails "exec of what is not there" 127 "berth: *nosuch*" berth exec a nosuch
fails "exec of what is not executable" 126 "berth: *" berth exec a /etc/greeting
says "exec as a user" 1000 berth exec -u guest a id -u
says "exec in a folder" /srv berth exec -w /srv a pwd
says "exec with a variable" v berth exec -e X=v a sh -c 'echo $X'
says "exec sees the same processes" 1 berth exec a sh -c 'ls -d /proc/1 | wc -l'
is "exec has the same capabilities" "$(berth exec a grep CapEff /proc/self/status | tr -d '\t')" "CapEff:00000000a80425fb"
is "and the same filter" "$(berth exec a grep '^Seccomp:' /proc/self/status | tr -d '\t')" "Seccomp:2"
feed() { echo fed | "$BERTH" --root "$ROOT" exec -i a cat; }
says "exec -i" fed feed
fails "exec in what is not there" 125 "berth: *nosuch*" berth exec nosuch true

# ---- stop, kill, start, restart, rename
t "stop" berth stop a
is "a program that listens ends by itself" "$(state a)" "exited 0"
fails "exec in what is stopped" 125 "berth: *a*not running*" berth exec a true
t "start" berth start a
is "it runs again" "$(state a)" "running 0"
t "restart" berth restart a
is "and again" "$(state a)" "running 0"
start --name once --rm busybox sleep 1000
fails "restart of what goes with its end" 1 "berth: container once goes when it ends (--rm), *" berth restart -t 0 once
is "leaves it as it is" "$(state once)" "running 0"
t "stop takes it along" berth stop -t 0 once
t "kill" berth kill a
t "it ends" berth wait a
is "by SIGKILL" "$(state a)" "exited 137"
up() { until_true 10 sh -c "'$BERTH' --root '$ROOT' logs $1 | grep -q up"; } # its traps are set
start --name deaf --stop-timeout 3600 busybox sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
up deaf
begin=$(date +%s%N)
t "stop of what does not listen" timeout 100 "$BERTH" --root "$ROOT" stop -t 1 deaf
is "ends it, and not after its own hour" "$(state deaf)" "exited 137"
t "but after the time given" test $(($(date +%s%N) - begin)) -ge 1000000000
start --name usr busybox sh -c 'trap "exit 42" USR1; echo up; while :; do sleep 0.1; done'
up usr
t "kill -s" berth kill -s USR1 usr
is "sends that signal" "$(berth wait usr)" 42
fails "an unknown one" 125 "berth: *NOSUCH*" berth kill -s NOSUCH usr
start --name sig --stop-signal USR2 busybox sh -c 'trap "exit 43" USR2; echo up; while :; do sleep 0.1; done'
up sig
t "stop with a signal of its own" berth stop sig
is "is that one" "$(state sig)" "exited 43"
t "rename" berth rename sig other
is "goes by the new name" "$(state other)" "exited 43"
fails "not by the old" 1 "berth: *sig*" berth inspect sig
fails "rm of what runs" "1|125" "berth: *running*" sh -c "$BERTH --root $ROOT start a >/dev/null && $BERTH --root $ROOT rm a"
t "rm -f of it" berth rm -f a deaf usr other
is "nothing is left" "$(berth ps -aq)" ""

# ---- signals go through a run in the foreground
"$BERTH" --root "$ROOT" run --rm --name fg --network none busybox sh -c 'trap "echo got it; exit 33" TERM; echo up; while :; do sleep 0.1; done' >"$T/fg" 2>&1 &
pid=$!
t "it is up" until_true 10 grep -q up "$T/fg"
kill -TERM "$pid"
wait "$pid"
is "the command's answer is the status" $? 33
is "and it was asked" "$(tail -n 1 "$T/fg")" "got it"

# ---- the terminal
inside() { # COMMAND...: with a terminal of its own
	script -qec "$*" /dev/null </dev/null
}
like "-t is a terminal" "$(inside "$BERTH --root $ROOT run --rm -t --network none busybox tty")" "/dev/pts/0*"
like "of the caller's size" "$(inside "stty rows 33 cols 77; $BERTH --root $ROOT run --rm -t --network none busybox stty size")" "33 77*"
before=$(inside 'stty -g')
like "the caller's is as it was afterwards" "$(inside "$BERTH --root $ROOT run --rm -t --network none busybox sh -c 'stty raw; exit 3' >/dev/null; stty -g")" "$before"
says "without -t there is none" "not a tty" berth run --rm --network none busybox sh -c 'tty || true'

# ---- inspect is JSON that Docker's users know
start --name look -e A=b busybox sh -c "$nap"
is "inspect is JSON" "$(berth inspect look | jq -r '.[0].Name')" /look
is "with the environment" "$(berth inspect look | jq -r '.[0].Config.Env[]' | grep '^A=')" A=b
is "the process" "$(berth inspect look | jq -r '.[0].State.Pid' | xargs -I{} cat /proc/{}/comm)" sh
kb=$(for p in $(pgrep -f berth-supervisor); do awk '/^Private_Dirty/ { n += $2 } END { print n }' "/proc/$p/smaps_rollup"; done | sort -n | tail -n 1)
t "its supervisor holds ${kb:-no} KB, 64 at most" test "${kb:-999}" -le 64
t "removed" berth rm -f look
