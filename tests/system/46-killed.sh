#!/bin/bash
# kill -9 of any of our processes at any moment: the next command finds a clean state
# or makes it one, and nothing is left.
# time: 300
. "$(dirname "$0")/lib.sh"
use_busybox
rounds=${ROUNDS:-60}

# ---- the supervisor alone
berth run -d --name s busybox sh -c "$nap" >/dev/null
pid=$(berth inspect --format '{{.State.Pid}}' s)
sup=$(sed -n 's/^PPid:\s*//p' "/proc/$pid/status")
like "its parent is our supervisor" "$(tr '\0' ' ' <"/proc/$sup/cmdline")" "*berth-supervisor*"
kill -9 "$sup"
known() { case $(berth inspect --format '{{.State.Status}}' s) in running|exited) ;; *) false;; esac; }
t "after kill -9 of it the state is known" until_true 5 known
like "the container runs on or has ended" "$(berth inspect --format '{{.State.Status}}' s)" "[re][ux]*"
t "it can be removed" berth rm -f s
t "its process is gone" until_true 5 test ! -d "/proc/$pid"

# ---- another command sweeps, and takes its time: it has the lock, which says nothing else
berth create --name swept busybox sh -c "$nap" >/dev/null
run_dir=$ROOT/run/$(berth inspect --format '{{.Id}}' swept)
sweeping() { # COMMAND...: while somebody has the lock of the container
	mkdir -p "$run_dir"
	rm -f "$T/swept"
	flock "$run_dir/engine.lock" sh -c 'echo; sleep 0.3; rm -r "$0"' "$run_dir" > "$T/swept" &
	until_true 5 test -s "$T/swept"
	"$@"
}
t "start waits for it" sweeping berth start swept
is "and starts" "$(berth inspect --format '{{.State.Status}}' swept)" running
t "start of what runs is no error" berth start swept
t "kill" berth stop -t 0 swept
t "rm waits for it too" sweeping berth rm swept
is "and removes" "$(berth ps -aq)" ""

# ---- a removal that was killed before its last step
berth create --name half busybox true >/dev/null
id=$(berth inspect --format '{{.Id}}' half)
mkdir -p "$ROOT/run/$id" && : >"$ROOT/run/$id/engine.lock"
rm -r "${ROOT:?}/containers/$id"
t "the next command" berth ps -a
is "lets its name go" "$(ls "$ROOT/names")" ""
# whole or gone, and not known by half
half=
for n in 1 2 3 4 5 6 7 8; do
	berth create --name half busybox true >/dev/null
	id=$(berth inspect --format '{{.Id}}' half)
	strace -o "$T/trace" -e trace=unlinkat -e inject=unlinkat:signal=KILL:when=$n "$BERTH" --root "$ROOT" rm half >/dev/null 2>&1
	known=$(berth ps -aq | wc -l)
	[ "$known $(ls "$ROOT/containers" | wc -l) $(ls "$ROOT/names" | wc -l)" = "$known $known $known" ] || half+=" $n"
	berth rm half >/dev/null 2>&1
	rm -rf "${ROOT:?}/containers/$id" "$ROOT/names/half"
done
is "nor is one whose removal was killed in between known by half" "$half" ""
mkdir "$ROOT/run/$id"
t "a maker that died at its first step" berth ps -a
is "leaves nothing" "$(ls "$ROOT/run")" ""

# ---- a volume and a network, whose makers and removers are killed at each step: the next one, of
# another name, takes away what is left
left_in() { # FOLDER CALL COMMAND...: what is there that begins with a dot, after another command
	local folder=$1 call=$2 kind=$3 n
	shift 2
	for n in 1 2 3 4 5 6 7 8; do
		strace -f -o "$T/trace" -e trace="$call" -e inject="$call:signal=KILL:when=$n" "$BERTH" --root "$ROOT" "$@" >/dev/null 2>&1
		[ "$kind $2" != "volume rm" ] || berth volume create -q "$3" >/dev/null 2>&1
		find "$ROOT/$folder" -mindepth 1 -name '.*' >>"$T/half"
		berth "$kind" create other >/dev/null 2>&1
		find "$ROOT/$folder" -mindepth 1 -name '.*'
		berth "$kind" rm other >/dev/null 2>&1
		[ "$kind $2" = "volume rm" ] || berth "$kind" rm "$3" >/dev/null 2>&1
	done
}
: >"$T/half"
is "volume create leaves nothing" "$(left_in volumes mkdirat,renameat volume create v)" ""
berth volume create v >/dev/null
is "nor does volume rm" "$(left_in volumes unlinkat,renameat volume rm v)" ""
is "nor network create" "$(left_in networks fsync,renameat network create n)" ""
t "though each was killed half way" eval 'grep -q /.new-v "$T/half" && grep -q /.dead-v "$T/half" && grep -q /.tmp-n "$T/half"'
berth volume rm v >/dev/null 2>&1

# ---- a record that cannot be read is no removal that was killed: what depends on it stays
berth run -d --name odd --network none -v dear:/v busybox sh -c "echo mine >/mine; $nap" >/dev/null
id=$(berth inspect --format '{{.Id}}' odd)
until_true 10 berth exec odd test -s /mine
kill -9 "$(sed -n 's/^PPid:\s*//p' "/proc/$(berth inspect --format '{{.State.Pid}}' odd)/status")"
cp "$ROOT/containers/$id/record.json" "$T/record"
echo '{ "id": 3' >"$ROOT/containers/$id/record.json"
run berth ps -a
is "what it wrote is there" "$(cat "$ROOT/containers/$id/upper/mine")" mine
fails "its volume stays" 1 "berth: container ${id:0:12}: *" berth volume rm dear
ends "even with all others" 125 berth volume prune -af
fails "its image stays" 125 "berth: image busybox is in use by container ${id:0:12}" berth rmi busybox
run berth rm -a
like "rm -a says why it leaves it" "$err" "berth: warning: container ${id:0:12}*"
cp "$T/record" "$ROOT/containers/$id/record.json"
t "when it can be read it starts" berth start odd
says "with what it had" mine berth exec odd cat /mine
echo '{' >"$ROOT/containers/$id/record.json"
t "and if not it can be removed" berth rm -f odd
is "whole" "$(ls -A "$ROOT/containers")$(ls -A "$ROOT/names")" ""
berth volume rm dear >/dev/null

# ---- at random moments: of run, in the foreground and detached
ours() { # processes of ours in this script's own process namespace
	local p
	for p in /proc/[0-9]*; do
		case $(readlink "$p/exe" 2>/dev/null) in
		"$B"/*|*memfd:berth*) echo "${p#/proc/}";;
		esac
	done
}
for i in $(seq "$rounds"); do
	case $((i % 4)) in
	0) net=bridge args=(--rm);;
	1) net=none args=(-d --name "k$i");;
	2) net=bridge args=(-d --name "k$i" -p "$((9000 + i)):80");;
	3) net=none args=(--rm);;
	esac
	"$BERTH" --root "$ROOT" run "${args[@]}" --network $net busybox sh -c 'sleep 0.02' >/dev/null 2>&1 &
	run=$!
	# from 0 to 40 ms: between the first instruction and after the last
	sleep "0.0$(printf '%02d' $((RANDOM % 40)))"
	victims=$(ours)
	# shellcheck disable=SC2086
	set -- $victims
	if [ $# -gt 0 ]; then
		shift $((RANDOM % $#))
		kill_9 "$1"
	fi
	wait "$run" 2>/dev/null
done
t "after $rounds of them ps answers" berth ps -a
t "whatever is left can be removed" sh -c "ids=\$($BERTH --root $ROOT ps -aq); [ -z \"\$ids\" ] || $BERTH --root $ROOT rm -f \$ids"
is "then nothing is known" "$(berth ps -aq)" ""
left() {
	ls "$ROOT/containers" 2>/dev/null | sed 's/^/record /'
	awk -v r="$ROOT/" '{ for (i = 4; i <= NF; i++) if (index($i, r)) { print "mount " $5; break } }' /proc/self/mountinfo
	ip -o link show type veth | awk -F': ' '{ print "veth " $2 }'
	find "$ROOT/leases" \( -type l -o -path '*/.id/*' \) -not -path '*/.gone/*' 2>/dev/null | sed 's/^/lease /'
	nft list ruleset | grep -E 'dnat' | sed 's/^/rule /'
	ours | sed 's/^/process /'
}
clean() { [ -z "$(left)" ]; }
until_true 5 clean
is "no record, mount, cable, lease, rule or process is left" "$(left)" ""
t "and a container runs as ever" berth run --rm busybox true

# ---- load
before=$(find "$ROOT/store" -type f -not -name '*.lock' | sort | sha256sum)
make_busybox_image "$T/other" other:latest
for i in $(seq 30); do
	r=$T/load$((i % 5)); ROOTS+=("$r")
	"$BERTH" --root "$r" load -i "$T/other" >/dev/null 2>&1 &
	load=$!
	sleep "0.0$(printf '%02d' $((RANDOM % 99)))"
	# shellcheck disable=SC2086,SC2046
	kill -9 $load $(ours) 2>/dev/null
	wait "$load" 2>/dev/null
done
for i in 0 1 2 3 4; do
	ROOT=$T/load$i
	t "after a load that was killed the next one works" berth load -i "$T/other"
	says "and runs" "here" berth run --rm --network none other ls /opt/old
	is "with no half layer" "$(find "$ROOT/store/tmp" "$ROOT/store/partial" -mindepth 1 | head -n 3)" ""
done
ROOT=$T/root
is "the first store is as it was" "$(find "$ROOT/store" -type f -not -name '*.lock' | sort | sha256sum)" "$before"
