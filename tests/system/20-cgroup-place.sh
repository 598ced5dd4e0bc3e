#!/bin/bash
# A container's cgroup: where it is, what is refused, that nothing of it stays.
# also: vm
. "$(dirname "$0")/lib.sh"

P=berth-test-$me # parent of all cgroups that this script names
id() { echo "c-$me-$1"; }
cgroup_of() { awk -F: '$1 == 0 { print $3 }' "/proc/$1/cgroup"; }
pid_of() { oci state "$1" | jq .pid; }
# up NAME JQ: a running container that sleeps, from a bundle changed by JQ
up() {
	make_bundle "$T/$1" ".process.args = [\"sleep\", \"1000\"] | $2" || return 1
	oci run -d --bundle "$T/$1" "$(id "$1")" >"$T/.up" 2>&1 </dev/null || { cat "$T/.up"; return 1; }
}
down() { oci delete -f "$(id "$1")"; }

# ---- placement ----
up default . || not_ok "a container runs"
cg=$(cgroup_of "$(pid_of "$(id default)")")
is "without cgroupsPath it is berth/ID" "$cg" "/berth/$(id default)"
t "delete" down default
t "takes the cgroup with it" test ! -d "$CGROUP2$cg"

up path ".linux.cgroupsPath = \"/$P/a//b/../x\"" || not_ok "a container with a path runs"
is "cgroupsPath counts from the mount" "$(cgroup_of "$(pid_of "$(id path)")")" "/$P/a/x"
make_bundle "$T/busy" ".linux.cgroupsPath = \"/$P/a/x\""
fails "a cgroup with processes in it is refused" 1 "*$P/a/x*holds processes*" oci run --bundle "$T/busy" "$(id busy)"
t "and the other still lives" test -d "/proc/$(pid_of "$(id path)")"
down path
t "its cgroup is gone" test ! -d "$CGROUP2/$P/a/x"
mkdir -p "$CGROUP2/$P/mine"
up mine ".linux.cgroupsPath = \"/$P/mine\"" || not_ok "an empty cgroup that exists is taken"
is "it is in it" "$(cgroup_of "$(pid_of "$(id mine)")")" "/$P/mine"
down mine

n=0
for path in / /.. a.slice:b:c; do
	n=$((n + 1))
	make_bundle "$T/bad$n" ".linux.cgroupsPath = \"$path\""
	fails "cgroupsPath $path is refused" 1 "*cgroup*" oci run --bundle "$T/bad$n" "$(id "bad$n")"
done

# ---- a stale one ----
mkdir -p "$CGROUP2/berth/$(id stale)/exec-1/deep"
up stale . || not_ok "a stale cgroup of the same name is made anew"
t "nothing of the old is there" test ! -d "$CGROUP2/berth/$(id stale)/exec-1"
down stale

# ---- life ----
make_bundle "$T/tree" '.process.args = ["sh", "-c", "sleep 1000 & (trap \"\" TERM; sleep 1000) & wait"]'
t "a container with three processes" oci run -d --bundle "$T/tree" "$(id tree)"
cg=$CGROUP2/berth/$(id tree)
until_true 5 sh -c "[ \$(wc -l <$cg/cgroup.procs) -ge 3 ]"
t "pause" oci pause "$(id tree)"
like "stops all of them" "$(cat "$cg/cgroup.events")" "*frozen 1*"
is "state says paused" "$(oci state "$(id tree)" | jq -r .status)" paused
t "resume" oci resume "$(id tree)"
like "all go on" "$(cat "$cg/cgroup.events")" "*frozen 0*"
t "pause again" oci pause "$(id tree)"
t "delete -f of what is frozen" oci delete -f "$(id tree)"
t "nothing is left" test ! -d "$cg"

# ---- devices ----
up dev '.root.readonly = false | .process.capabilities[] += ["CAP_MKNOD"]
	| .linux.resources.devices = [{"allow": false, "access": "rwm"}]' || not_ok "a container with device rules runs"
in_dev() { oci exec "$(id dev)" "$@"; }
t "null can be opened" in_dev sh -c ': >/dev/null'
# of a device that nobody has: ENXIO where the rules allow it
t "a node can be made" in_dev mknod /tmp/node c 1 99
run in_dev cat /tmp/node
like "but not be opened" "$err" "*not permitted*"
echo '{"devices": [{"allow": true, "type": "c", "major": 1, "minor": 99, "access": "r"}]}' >"$T/dev.json"
t "an update allows it" oci update -r "$T/dev.json" "$(id dev)"
run in_dev cat /tmp/node
like "and now it opens" "$err" "*No such device*"
echo '{"devices": [{"allow": false, "access": "rwm"}]}' >"$T/dev.json"
t "an update denies it" oci update -r "$T/dev.json" "$(id dev)"
run in_dev cat /tmp/node
like "and it is denied" "$err" "*not permitted*"

# ---- statistics ----
run oci events --stats "$(id dev)"
is "events --stats is one JSON object" "$(jq -r .type <<<"$out")" stats
is "with the id" "$(jq -r .id <<<"$out")" "$(id dev)"
t "CPU time in nanoseconds" jq -e '.data.cpu.usage.total > 1000' <<<"$out"
t "user and kernel time" jq -e '.data.cpu.usage | has("user") and has("kernel")' <<<"$out"
if [ -e "$CGROUP2/cpu.pressure" ]; then
	t "pressure of CPU, memory and I/O" jq -e '[.data.cpu, .data.memory, .data.blkio] | all(.psi | has("some") and has("full"))' <<<"$out"
fi
down dev

# ---- a limit without its controller ----
if has_controller memory; then
	skip "a missing controller is named" "hybrid: every controller is on v2"
else
	make_bundle "$T/lim" ".linux.cgroupsPath = \"/$P/lim\" | .linux.resources.memory.limit = 67108864"
	fails "a missing controller is named, and where it is bound" 1 "*memory.limit: memory: *v1*" oci run --bundle "$T/lim" "$(id lim)"
	t "nothing was made" test ! -d "$CGROUP2/$P/lim"
	up up . || not_ok "a container runs"
	fails "an update says the same" 1 "*memory*v1*" oci update --memory 64m "$(id up)"
	down up
fi
rmdir "$CGROUP2/$P/a" "$CGROUP2/$P" 2>/dev/null
