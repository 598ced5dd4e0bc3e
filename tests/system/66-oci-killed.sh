#!/bin/bash
# kill -9 of create, start and delete at random moments: the next command finds a clean state
# or cleans it.  Two commands at once.  A reused PID and a reboot.
# time: 600
. "$(dirname "$0")/lib.sh"
need jq
umask 022
# of this run alone: the cgroup tree and the processes are everybody's
K=k-$me naptime=10$$
make_bundle "$T/b" '.process.args = ["sleep", "'$naptime'"]' || exit 1
mkdir "$T/oci"
O=("$OCI" --root "$T/oci")
groups() { ls -d "$CGROUP2/berth/$K"-* 2>/dev/null; }
sleepers() { grep -lz "^$naptime\$" /proc/[0-9]*/cmdline 2>/dev/null | wc -l; }

# killed AFTER CMD...: starts it, and kills it after so many milliseconds
killed() {
	local after=$1
	shift
	"$@" </dev/null >/dev/null 2>&1 &
	sleep "0.0$(printf %03d "$after")"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
}

bad=0
for i in $(seq 60); do
	killed $((RANDOM % 14)) "${O[@]}" create -b "$T/b" "$K-$i"
	case $("${O[@]}" state "$K-$i" 2>/dev/null | jq -r .status) in
	creating|created|stopped|'') ;; # creating: its child has not let go yet
	*) bad=$((bad + 1));;
	esac
	"${O[@]}" delete -f "$K-$i" 2>>"$T/errors" || bad=$((bad + 1))
done
is "60 times create is killed, and delete -f cleans" "$bad" 0
is "no folder is left" "$(ls -A "$T/oci")" ""
is "no cgroup is left" "$(groups)" ""
t "no process is left" until_true 5 eval '[ "$(sleepers)" = 0 ]'

bad=0
for i in $(seq 40); do
	killed $((RANDOM % 14)) "${O[@]}" create -b "$T/b" "$K-0"
	"${O[@]}" state "$K-0" >/dev/null 2>&1 && [ "$("${O[@]}" state "$K-0" | jq -r .status)" = created ] &&
		"${O[@]}" delete -f "$K-0"
	"${O[@]}" create -b "$T/b" "$K-0" </dev/null >/dev/null 2>>"$T/errors" || bad=$((bad + 1))
	killed $((RANDOM % 8)) "${O[@]}" start "$K-0"
	killed $((RANDOM % 8)) "${O[@]}" delete -f "$K-0"
	"${O[@]}" delete -f "$K-0" 2>>"$T/errors" || bad=$((bad + 1))
done
is "40 times create, start and delete are killed, and the ID is free again" "$bad" 0
[ "$bad" = 0 ] || sed 's/^/# /' "$T/errors"
is "nothing is left" "$(ls -A "$T/oci")$(groups)" ""
t "nor any process" until_true 5 eval '[ "$(sleepers)" = 0 ]'

# a cgroup that is somebody else's is never what a killed create has left
need strace
mkdir "$CGROUP2/berth-others-$me"
sleep 1000 &
other=$!
echo "$other" >"$CGROUP2/berth-others-$me/cgroup.procs"
jq --arg c "/berth-others-$me" '.linux.cgroupsPath = $c' "$T/b/config.json" >"$T/others.json"
for n in 1 2 3 4; do
	strace -o "$T/trace" -e trace=mkdirat -e inject="mkdirat:signal=KILL:when=$n" \
		"${O[@]}" create -b "$T/b" -f "$T/others.json" "$K-9" </dev/null >/dev/null 2>&1
	"${O[@]}" delete -f "$K-9" 2>>"$T/errors"
done
t "who lives in it goes on living" kill -0 "$other"
kill "$other"
wait "$other" 2>/dev/null
t "there" until_true 5 rmdir "$CGROUP2/berth-others-$me"

# two at once: one wins
bad=0
for i in $(seq 20); do
	jobs=() won=0
	for _ in 1 2 3; do
		"${O[@]}" create -b "$T/b" "$K-1" </dev/null >/dev/null 2>&1 &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job" && won=$((won + 1)); done
	[ "$won" = 1 ] || bad=$((bad + 1))
	jobs=() won=0
	for _ in 1 2 3; do
		"${O[@]}" start "$K-1" 2>/dev/null &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job" && won=$((won + 1)); done
	[ "$won" = 1 ] || bad=$((bad + 1))
	"${O[@]}" delete -f "$K-1"
done
is "of three creates and three starts at once one succeeds each" "$bad" 0

# states that lie
"${O[@]}" run -d -b "$T/b" "$K-2" </dev/null >/dev/null 2>&1
pid=$("${O[@]}" state "$K-2" | jq .pid)
edit() { jq -c "$1" "$T/oci/$K-2/state.json" >"$T/new" && cp "$T/new" "$T/oci/$K-2/state.json"; }
cp "$T/oci/$K-2/state.json" "$T/true"
edit '.startTime += 1'
is "a reused PID is stopped" "$("${O[@]}" state "$K-2" | jq -r .status)" stopped
fails "and gets no signal" 1 "*not running" "${O[@]}" kill "$K-2" KILL
cp "$T/true" "$T/oci/$K-2/state.json"
edit '.bootId = "00000000-0000-0000-0000-000000000000"'
is "after a reboot it is stopped" "$("${O[@]}" state "$K-2" | jq -r .status)" stopped
t "the process still lives" kill -0 "$pid"
for lie in '.pid = -1' '.pid = "1"' 'del(.bundle)' '.x = 1' '.hooks = 99999999999'; do
	cp "$T/true" "$T/oci/$K-2/state.json"
	edit "$lie"
	fails "a state with $lie is refused" 1 "*container $K-2: state.json: *" "${O[@]}" state "$K-2"
done
echo '{' >"$T/oci/$K-2/state.json"
fails "half a state is refused" 1 "*state.json*" "${O[@]}" kill "$K-2"
t "list goes on" "${O[@]}" list
cp "$T/true" "$T/oci/$K-2/state.json"
t "the true one is deleted" "${O[@]}" delete -f "$K-2"
is "nothing is left of all that" "$(ls -A "$T/oci")$(groups)" ""
