#!/bin/bash
# time: 600
# Many at once, and our own processes killed at random meanwhile: every container is running
# and known, or gone and cleaned up after the next command.
# shellcheck disable=SC2046,SC2010 # ids and their folders have no blanks
. "$(dirname "$0")/lib.sh"
mkdir -p "$ROOT/run"
mount -t tmpfs -o mode=0700 tmpfs "$ROOT/run" # as /run is
use_busybox
many=${STORM_CONTAINERS:-500} kills=${STORM_KILLS:-300}
[ "$WHERE" = host ] || { many=40; kills=30; }

# ---- what ps takes meanwhile
# watch_ps: runs ps ten times a second until $T/watched is there, then writes into $T/ps: how often it
# ran; how long that took, ms, in the middle and at most; and the middle of that without waiting for a
# processor, of which the machine has so many and who else works has the others
cat >"$T/watch.py" <<'PY'
import os, sys, time
all, own = [], []
# what is measured is ps, and not how long who measures waits for a processor (a cgroup of version 1
# may have no share of real time)
try:
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
except PermissionError:
    pass
while not os.path.exists(sys.argv[1]):
    began = time.monotonic()
    pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ,
                         file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    took = (time.monotonic() - began) * 1e3
    waited = int(open(f"/proc/{pid}/schedstat").read().split()[1]) / 1e6
    if os.waitpid(pid, 0)[1]:
        sys.exit("ps failed")
    all.append(took)
    own.append(took - waited)
    time.sleep(0.1)
def middle(v): return int(sorted(v)[len(v) // 2])
print(len(all), middle(all), int(max(all)), middle(own))
PY
watch_ps() {
	rm -f "$T/watched"
	python3 "$T/watch.py" "$T/watched" "$BERTH" --root "$ROOT" ps >"$T/ps" 2>"$T/ps.err" &
	watcher=$!
}
watched() { # WHAT happened meanwhile
	local n middle most own
	: >"$T/watched"
	wait "$watcher"
	is "ps works while they are $1" "$(cat "$T/ps.err")" ""
	read -r n middle most own <"$T/ps"
	echo "# ps while they are $1: $n times, the middle $middle ms, at most $most ms; without waiting for a processor $own ms"
	# emulated processors and ASan have times of their own
	[ "$WHERE" = host ] && [ -z "${SANITIZE-}" ] || return
	t "and takes under 25 ms, but for waiting for a processor" test "$own" -lt 25
}

# ---- many
start_some() { # from, to
	local i
	for ((i = $1; i < $2; i++)); do
		"$BERTH" --root "$ROOT" run -d --name "m$i" busybox sleep 10000 >/dev/null 2>>"$T/start.err" || echo "m$i" >>"$T/start.failed"
	done
}
watch_ps
for ((j = 0; j < 16; j++)); do start_some $((j * many / 16)) $(((j + 1) * many / 16)) & jobs_[j]=$!; done
for j in "${jobs_[@]}"; do wait "$j"; done
watched started
total=$((many / 16 * 16 == many ? many : 16 * many / 16))
is "$total containers started by 16 commands at once" "$(berth ps -q | wc -l)" "$total"
is "none failed" "$(cat "$T/start.err" 2>/dev/null)" ""
ips=$(berth inspect -f '{{.NetworkSettings.IPAddress}}' $(berth ps -q) | sort | uniq -d)
is "no address was given twice" "$ips" ""
watch_ps
t "all are stopped" berth stop -t 0 $(berth ps -q)
watched stopped
is "none runs" "$(berth ps -q)" ""
t "all are removed" berth rm $(berth ps -aq)
is "nothing is left" "$(ls "$ROOT/containers" "$ROOT/run" "$ROOT/names" | grep -c '^[0-9a-f]\{64\}\|^m')" 0

# ---- kills
worker() {
	local n=$1 i
	for ((i = 0; ; i++)); do
		[ ! -e "$T/enough" ] || return
		berth run -d --name "k$n-$i" busybox sleep 10000 >/dev/null 2>&1
		[ $((i % 3)) != 0 ] || berth run --rm busybox true >/dev/null 2>&1
		[ $((i % 4)) != 0 ] || berth exec "k$n-$i" true >/dev/null 2>&1
		[ $((i % 2)) != 0 ] || berth rm -f "k$n-$i" >/dev/null 2>&1
	done
}
for j in 1 2 3 4; do worker "$j" & workers[j]=$!; done
killed=0
end=$((SECONDS + 240))
while [ "$killed" -lt "$kills" ] && [ "$SECONDS" -lt "$end" ]; do
	# only what carries this root in its arguments is ours
	mapfile -t ours < <(pgrep -f -- "(berth|berth-supervisor|berth-image) .*root[= ]$ROOT" | grep -v "^$$\$")
	[ ${#ours[@]} -gt 0 ] || continue
	kill_9 "${ours[RANDOM % ${#ours[@]}]}" && killed=$((killed + 1))
	sleep 0.02
done
: >"$T/enough"
for j in "${workers[@]}"; do wait "$j"; done
is "$kills of our processes were killed" "$killed" "$kills"
run berth ps -aq
is "ps works" "$rc" 0
wrong=''
for id in $(berth ps -q --no-trunc); do
	pid=$(berth inspect -f '{{.State.Pid}}' "$id")
	[ -d "/proc/$pid" ] || wrong+=" $id"
done
is "what is said to run does" "$wrong" ""
known=$(berth ps -q --no-trunc | sort)
running=$(pgrep -f -- "berth-supervisor id=.*root=$ROOT" | while read -r p; do tr '\0' '\n' <"/proc/$p/cmdline" | sed -n 's/^id=//p'; done | sort)
is "what runs is known" "$running" "$known"
is "each run folder is of one that runs" "$(ls "$ROOT/run" | grep -c '^[0-9a-f]\{64\}$')" "$(wc -w <<<"$known")"
t "all are removed" berth rm -f $(berth ps -aq)
is "no folder is left" "$(ls "$ROOT/containers" "$ROOT/names" | grep -c '^[0-9a-f]\{64\}\|^k')" 0
# .gone names interfaces that the kernel has yet to take away
is "no lease is left" "$(find "$ROOT/leases" -name .gone -prune -o -type l -print)" ""
umount "$ROOT/run"
