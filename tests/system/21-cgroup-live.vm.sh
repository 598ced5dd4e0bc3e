#!/bin/bash
# Limits of config.json in the kernel, changed while the container runs; OOM told.
# time: 100
. "$(dirname "$0")/lib.sh"
need_controller memory pids cpu cpuset io

id=c$$
CG=$CGROUP2/berth/$id
make_bundle "$T/b" '.process.args = ["sleep", "1000"] | .linux.resources = {
	memory: {limit: 67108864, swap: 100663296, reservation: 16777216},
	cpu: {shares: 1024, quota: 20000, period: 50000, burst: 10000, cpus: "0", mems: "0"},
	pids: {limit: 30}, unified: {"memory.high": "60000000", "memory.oom.group": "1"}}'
t "a container with limits" oci run -d --bundle "$T/b" $id
is "memory" "$(cat "$CG/memory.max")" 67108864
is "swap is the difference" "$(cat "$CG/memory.swap.max")" 33554432
is "reservation" "$(cat "$CG/memory.low")" 16777216
is "shares by the new curve" "$(cat "$CG/cpu.weight")" 100
is "quota and period" "$(cat "$CG/cpu.max")" "20000 50000"
is "burst" "$(cat "$CG/cpu.max.burst")" 10000
is "cpus" "$(cat "$CG/cpuset.cpus")" 0
is "mems" "$(cat "$CG/cpuset.mems")" 0
is "pids" "$(cat "$CG/pids.max")" 30
is "unified" "$(cat "$CG/memory.high") $(cat "$CG/memory.oom.group")" "59998208 1"

t "update memory" oci update --memory 96m $id
is "is there" "$(cat "$CG/memory.max")" 100663296
t "update of swap alone" oci update --memory-swap 128m $id
is "counts the memory that is set" "$(cat "$CG/memory.swap.max")" 33554432
t "update --memory -1" oci update --memory -1 $id
is "lifts both" "$(cat "$CG/memory.max") $(cat "$CG/memory.swap.max")" "max max"
t "update of the period alone" oci update --cpu-period 100000 $id
is "keeps the quota" "$(cat "$CG/cpu.max")" "20000 100000"
t "a quota below the burst, both lowered" oci update --cpu-quota 5000 --cpu-burst 1000 $id
is "both are set" "$(cat "$CG/cpu.max") $(cat "$CG/cpu.max.burst")" "5000 100000 1000"
t "update --cpu-idle 1" oci update --cpu-idle 1 $id
is "idle" "$(cat "$CG/cpu.idle")" 1
t "update of shares and idle back" oci update --cpu-idle 0 --cpu-share 512 $id
is "weight" "$(cat "$CG/cpu.idle") $(cat "$CG/cpu.weight")" "0 59"
t "update --pids-limit" oci update --pids-limit 10 $id
is "pids" "$(cat "$CG/pids.max")" 10
oci update --pids-limit 0 $id
is "0 is a limit, the least that there is" "$(cat "$CG/pids.max")" 1
oci update --pids-limit 10 $id
echo '{"unified": {"pids.max": "12", "memory.high": "nonsense"}}' >"$T/u.json"
fails "an update of which one part is refused" 1 "*memory.high*" oci update -r "$T/u.json" $id
is "changes nothing" "$(cat "$CG/pids.max") $(cat "$CG/memory.high")" "10 59998208"
echo '{"unified": {"memory.nosuch": "1"}}' >"$T/u.json"
fails "a file that is not there" 1 "*memory.nosuch*no such file*" oci update -r "$T/u.json" $id
echo '{"unified": {"nosuch.max": "1"}}' >"$T/u.json"
fails "a controller that is not there" 1 "*cgroup controller ?nosuch? is not available*" oci update -r "$T/u.json" $id
fails "a CPU that is not there" 1 "*cpuset.cpus*" oci update --cpuset-cpus 77 $id
echo '{"memory": {"swappiness": 10}}' >"$T/u.json"
fails "swappiness is v1's" 1 "*v1*" oci update -r "$T/u.json" $id
echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' >"$T/u.json"
fails "a limit below the use is refused when asked" 1 "*in use*" oci update -r "$T/u.json" $id
echo '{"memory": {"limit": 4096, "swap": 8192, "checkBeforeUpdate": true}}' >"$T/u.json"
fails "and one of memory and swap together" 1 "*rejecting memory+swap limit*" oci update -r "$T/u.json" $id
t "and it lives" oci exec $id true

run oci events --stats $id
t "statistics have every part" jq -e '.data | .memory.usage.usage > 0 and .memory.raw.anon >= 0 and .pids.current >= 1 and .pids.limit == 10 and .cpu.throttling != null and .cpu.psi.some.total >= 0' <<<"$out"
oci delete -f $id
t "nothing is left" test ! -d "$CG"

make_bundle "$T/dl" '.process.args = ["true"] | .linux.resources.cpu.cpus = "0"
	| .process.scheduler = {policy: "SCHED_DEADLINE", runtime: 10000000, deadline: 20000000, period: 20000000}'
fails "a deadline needs all CPUs" 1 "*process.scheduler*AllowedCPUs*" oci run --bundle "$T/dl" $id-dl

# ---- OOM ----
make_bundle "$T/oom" '.process.args = ["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.1; done; x=$(head -c 100000000 /dev/zero | tr \"\\0\" x)"]
	| .root.readonly = false | .linux.resources.memory = {limit: 33554432, swap: 33554432}'
t "a container that will eat memory" oci run -d --bundle "$T/oom" $id-oom
"$OCI" --root "$T/oci" events $id-oom >"$T/events" 2>&1 </dev/null &
until_true 10 watches $!
oci exec $id-oom touch /tmp/go
if until_true 30 grep -q '"oom"' "$T/events"; then
	is "events tells of the OOM" "$(grep '"oom"' "$T/events" | head -n 1 | jq -r '.type + " " + .id')" "oom $id-oom"
else
	not_ok "events tells of the OOM" "$(head -c 2000 "$T/events")"
fi
oci delete -f $id-oom
wait

# ---- memory in which nothing can run ----
make_bundle "$T/all" '.process.args = ["sleep", "1000"] | .linux.cgroupsPath = "/berth/'$id-all'"'
t "a cgroup at a place of the caller's" oci run -d --bundle "$T/all" $id-all
is "has every controller" "$(cat "$CG-all/cgroup.controllers")" "$(cat "$CGROUP2/cgroup.controllers")"
stopped() { [ "$(oci state "$1" | jq -r .status)" = stopped ]; }
oci update --memory 1024 $id-all # it ends well or not, as the kernel was quicker or not
t "an update far below the use kills, as the kernel has it" until_true 20 stopped $id-all
oci delete -f $id-all
make_bundle "$T/low" '.process.args = ["true"] | .linux.resources.memory.limit = 4096'
fails "config.json with too little for anything" 1 "*the memory limit of 4096 bytes is too low*" oci run --bundle "$T/low" $id-low
t "nothing is left of it" test ! -d "$CG-low"

# ---- pids ----
for limit in 0 -1; do
	make_bundle "$T/p$limit" ".process.args = [\"sleep\", \"100\"] | .linux.resources.pids.limit = $limit"
	t "pids.limit $limit" oci run -d --bundle "$T/p$limit" "$id-p$limit"
	is "is $([ $limit = 0 ] && echo 1 || echo max)" "$(cat "$CG-p$limit/pids.max")" "$([ $limit = 0 ] && echo 1 || echo max)"
	oci delete -f "$id-p$limit"
done

# ---- the unit tests that need controllers ----
for unit in cgroup delegate; do
	[ -x "$B/unit/cgroup/test_$unit" ] || continue
	t "unit tests: $unit" "$B/unit/cgroup/test_$unit"
done
