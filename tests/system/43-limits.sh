#!/bin/bash
# A limit whose controller is not on cgroup v2 is refused by name, and nothing runs.
# parallel: yes
. "$(dirname "$0")/lib.sh"
use_busybox

refused() { # OPTION, VALUE, CONTROLLER
	if has_controller "$3"; then
		t "$1 is taken" berth run --rm --network none "$1" "$2" busybox true
	else
		fails "$1 names the controller" 125 "berth: *$3*" berth run --rm --network none -v "$T:/t" "$1" "$2" busybox touch /t/ran
	fi
}
refused --memory 64m memory
refused --memory-reservation 64m memory
refused --cpus 0.5 cpu
refused --cpu-shares 512 cpu
refused --cpuset-cpus 0 cpuset
refused --pids-limit 20 pids
[ "$WHERE" != host ] || has_controller memory || is "and nothing ran" "$(ls "$T/ran" 2>/dev/null)" ""
has_controller memory || fails "what was typed is named, not what comes with it" 125 "berth: memory.limit: *" \
	berth run --rm --network none -m 64m busybox true
is "no record is left" "$(berth ps -aq)" ""
for bad in --memory=x --memory=-5 --memory=99999999999999999999 --cpus=nan --cpus=-1 --cpuset-cpus=x-y --pids-limit=x --cpu-shares=x; do
	fails "$bad" 125 "berth: *${bad%%=*}*" berth run --rm --network none "$bad" busybox true
done
cgroup_of() { awk -F: '$1 == 0 { print $3 }' "/proc/$1/cgroup"; }
berth run -d --name c --network none busybox sleep 1000 >/dev/null
pid=$(berth inspect --format '{{.State.Pid}}' c)
isnt "a container has a cgroup of its own" "$(cgroup_of "$pid")" "$(cgroup_of self)"
cg=$CGROUP2$(cgroup_of "$pid")
t "which is there" test -d "$cg"
t "removed with it" berth rm -f c
t "it is gone" test ! -d "$cg"
