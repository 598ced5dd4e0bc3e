#!/bin/bash
# time: 600
# Many at once, and our own processes killed at random meanwhile: every container is running
# and known, or gone and cleaned up after the next command.
# shellcheck disable=SC2046,SC2010 # ids and their folders have no blanks
. "$(dirname "$0")/lib.sh"
use_busybox
many=${STORM_CONTAINERS:-500} kills=${STORM_KILLS:-300}
[ "$WHERE" = host ] || { many=40; kills=30; }

# ---- many
start_some() { # from, to
	local i
	for ((i = $1; i < $2; i++)); do
		"$BERTH" --root "$ROOT" run -d --name "m$i" busybox sleep 10000 >/dev/null 2>>"$T/start.err" || echo "m$i" >>"$T/start.failed"
	done
}
for ((j = 0; j < 16; j++)); do start_some $((j * many / 16)) $(((j + 1) * many / 16)) & jobs_[j]=$!; done
slowest=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
	b=$(date +%s%N); berth ps -q >/dev/null; ms=$((($(date +%s%N) - b) / 1000000))
	[ "$ms" -le "$slowest" ] || slowest=$ms
	sleep 0.2
done
for j in "${jobs_[@]}"; do wait "$j"; done
total=$((many / 16 * 16 == many ? many : 16 * many / 16))
is "$total containers started by 16 commands at once" "$(berth ps -q | wc -l)" "$total"
is "none failed" "$(cat "$T/start.err" 2>/dev/null)" ""
echo "# ps answered in at most $slowest ms meanwhile"
ips=$(berth inspect -f '{{.NetworkSettings.IPAddress}}' $(berth ps -q) | sort | uniq -d)
is "no address was given twice" "$ips" ""
t "all are stopped" berth stop -t 0 $(berth ps -q)
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
