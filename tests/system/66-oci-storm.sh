#!/bin/bash
# Eight callers at once on one container, each with whatever command comes to its mind: every one
# gets an answer that makes sense at some moment, and nothing stays.  An ID is used again and again.
# also: vm
# time: 400
. "$(dirname "$0")/lib.sh"
need jq
umask 022
id=s-$me naptime=10$$
make_bundle "$T/b" '.process.args = ["sleep", "'$naptime'"]' || exit 1
mkdir "$T/oci" "$T/said"
sleepers() { grep -lz "^$naptime\$" /proc/[0-9]*/cmdline 2>/dev/null | wc -l; }
update=update
has_controller pids && update="update --pids-limit 77"

# as often as they stand here
commands=("create -b $T/b $id" "create -b $T/b $id" "create -b $T/b $id" "start $id" "start $id"
	"start $id" "start $id" "delete $id" "delete $id" "delete -f $id" "kill $id KILL" "kill --all $id KILL"
	"kill $id TERM" "pause $id" "resume $id" "resume $id" "$update $id" "exec $id true"
	"exec -d $id sleep $naptime" "state $id" "list --format json" "ps --format json $id"
	"events --stats $id")

caller() { # NUMBER
	local now=$T/said/$1.now command
	RANDOM=$(($$ + $1))
	while [ ! -e "$T/over" ]; do
		command=${commands[RANDOM % ${#commands[@]}]}
		# a file, no pipe: the container keeps it
		# shellcheck disable=SC2086
		timeout -k 10 100 "$OCI" --root "$T/oci" $command </dev/null >"$now" 2>&1
		echo "$? ${command%% *} $(tr '\n' ' ' <"$now" | sed 's/ $//')"
	done >"$T/said/$1"
}
succeeded() { cat "$T"/said/[0-9] | sed -n 's/^0 \(create\|start\|exec\|kill\|delete\) .*/\1/p' | sort -u | wc -l; }
began=$SECONDS
enough() { [ "$SECONDS" -ge $((began + 12)) ] && [ "$(succeeded)" = 5 ]; }

for n in 1 2 3 4 5 6 7 8; do caller $n & done
t "containers live and end" until_true 150 enough
touch "$T/over"
# an exec that is frozen, and nobody resumes it any more, ends with the container
while sleep 0.2 && [ -n "$(jobs -rp)" ]; do oci delete -f "$id"; done >/dev/null 2>&1
wait
cat "$T"/said/[0-9] >"$T/all"
statuses='creating|created|running|paused|stopped'
is "state has one, or says that there is none" "$(grep ' state ' "$T/all" |
	grep -vE "^0 .*\"status\": \"($statuses)\"|^1 .*: container \"$id\" does not exist\$")" ""
is "list has one or none" "$(grep ' list ' "$T/all" | grep -vE "^0 list (null|.*\"status\":\"($statuses)\".*)\$")" ""
is "create and delete take turns" "$(grep -E '^[^ ]* (create|delete) ' "$T/all" |
	grep -vE '^0|(does not exist|already exists|is not stopped: (running|paused)|(the |berth-)init .*)$')" ""
# the end of an exec is its own, or the container's
is "whoever is refused is told in one line" "$(grep -vE '^0|^(1|255 exec) .*berth-oci: |^137 exec $' "$T/all")" ""
is "that somebody else came first" "$(grep -E ': (Permission|Operation|Invalid|Device|Directory|File exists|Bad|Connection|Broken)|did not stop|does not end|state\.json|config\.json' "$T/all")" ""
is "one line it is" "$(grep -v '^0' "$T/all" | grep 'berth-oci:.*berth-oci:')" ""
t "the ID is good for another one" bash -c '"$1" --root "$2" delete -f "$4" && "$1" --root "$2" create -b "$3" "$4" </dev/null >/dev/null 2>&1' - "$OCI" "$T/oci" "$T/b" "$id"
t "which starts" oci start "$id"
t "the last one is deleted" oci delete -f "$id"
is "nothing is left" "$(ls -A "$T/oci")$(ls -d "$CGROUP2/berth/$id"* 2>/dev/null)" ""
t "nor any process" until_true 5 eval '[ "$(sleepers)" = 0 ]'
