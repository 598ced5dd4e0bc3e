#!/bin/bash
# The systemd driver: scopes, slices, properties, update, clean-up.
# time: 60
. "$(dirname "$0")/lib.sh"
[ -d /run/systemd/system ] || skip_all "systemd: not the init here"

id=s$$
sd() { oci --systemd-cgroup "$@"; }
show() { systemctl show -p "$2" --value "$1"; }
make_bundle "$T/b" ".process.args = [\"sleep\", \"1000\"] | .root.readonly = false | .process.capabilities[] += [\"CAP_MKNOD\"]
	| .linux.cgroupsPath = \"machine-test.slice:t:$id\"
	| .linux.resources += {memory: {limit: 67108864, swap: 67108864}, pids: {limit: 40}, cpu: {quota: 50000, period: 100000, shares: 512}}
	| .annotations += {\"org.systemd.property.TimeoutStopSec\": \"9\", \"org.systemd.property.CollectMode\": \"'inactive-or-failed'\"}"
t "a container in a scope" sd run -d --bundle "$T/b" $id
U=t-$id.scope
CG=$CGROUP2/machine.slice/machine-test.slice/$U
is "the scope is active" "$(show $U ActiveState)" active
is "in its slice" "$(show $U Slice)" machine-test.slice
is "delegated" "$(show $U Delegate)" yes
is "MemoryMax" "$(show $U MemoryMax)" 67108864
is "TasksMax" "$(show $U TasksMax)" 40
is "CPUQuota" "$(show $U CPUQuotaPerSecUSec)" 500ms
is "an annotation's property, in seconds" "$(show $U TimeoutStopUSec)" 9s
is "devices by systemd too" "$(show $U DevicePolicy)" strict
is "the kernel says the same" "$(cat "$CG/memory.max") $(cat "$CG/pids.max") $(cat "$CG/cpu.max") $(cat "$CG/cpu.weight")" "67108864 40 50000 100000 59"
pid=$(oci state $id | jq .pid)
like "the process is in the scope" "$(cat "/proc/$pid/cgroup")" "*/$U*"
is "and nothing else is" "$(cat "$CG/cgroup.procs")" "$pid"
t "update" sd update --memory 96m --memory-swap 96m --pids-limit -1 $id
is "in the unit" "$(show $U MemoryMax) $(show $U TasksMax)" "100663296 infinity"
systemctl daemon-reload
is "and a reload keeps it" "$(cat "$CG/memory.max") $(cat "$CG/pids.max")" "100663296 max"
t "a quota that is no whole hundredth of a CPU" sd update --cpu-quota 50000 --cpu-period 90000 $id
is "is the one that systemd makes of it" "$(show $U CPUQuotaPerSecUSec) $(cat "$CG/cpu.max")" "560ms 50400 90000"
run sd update --cpu-idle 1 --cpu-share 200 $id
like "idle beside a weight is said" "$rc $err" "0 *unable to apply both*"
is "and idle it is" "$(cat "$CG/cpu.idle")" 1
t "a weight alone" sd update --cpu-share 200 $id
is "ends that" "$(cat "$CG/cpu.idle") $(cat "$CG/cpu.weight")" "0 29"
t "a node of a device can be made then" sd exec $id mknod /tmp/kmsg c 1 11
run sd exec $id head -c 1 /tmp/kmsg
like "but not be opened, as before" "$rc $err" "1 *not permitted*"
t "pause" sd pause $id
like "frozen" "$(cat "$CG/cgroup.events")" "*frozen 1*"
t "resume" sd resume $id
t "exec" sd exec $id true
make_bundle "$T/again" ".linux.cgroupsPath = \"machine-test.slice:t:$id\""
fails "a name in use is refused" 1 "*container's cgroup is not empty*$U*" sd run --bundle "$T/again" $id-2
t "the first still lives" sd exec $id true
t "kill" sd kill $id KILL
stopped() { [ "$(sd state $id | jq -r .status)" = stopped ] && [ ! -d "$CG" ]; }
t "systemd takes the scope away" until_true 20 stopped
fails "there is nobody to signal" 1 "*container not running*" sd kill $id 0
t "which is no error for all of them" sd kill --all $id 0
t "delete" sd delete -f $id
is "the unit is gone" "$(show $U LoadState)" not-found
t "and the cgroup" test ! -d "$CG"

# a place that somebody froze: nothing would ever come back from there
make_bundle "$T/ice" ".linux.cgroupsPath = \"machine-test.slice:t:ice$id\""
ICE=$CGROUP2/machine.slice/machine-test.slice/t-ice$id.scope
mkdir -p "$ICE" && echo 1 >"$ICE/cgroup.freeze"
fails "a frozen place is refused" 1 "*container's cgroup unexpectedly frozen*" timeout 60 "$OCI" --root "$T/oci" --systemd-cgroup run --bundle "$T/ice" ice$id
fails "also by create" 1 "*container's cgroup unexpectedly frozen*" timeout 60 "$OCI" --root "$T/oci" --systemd-cgroup create --bundle "$T/ice" ice$id
is "it stays as it was" "$(cat "$ICE/cgroup.freeze" "$ICE/cgroup.procs")" 1
rmdir "$ICE"

make_bundle "$T/d" '.process.args = ["true"]'
t "a default place, to its end" sd run --bundle "$T/d" $id-d
is "nothing is left" "$(systemctl list-units --all --no-legend "*$id*")" ""
make_bundle "$T/p" '.process.args = ["sleep", "1000"] | .linux.resources.pids.limit = 0'
t "room for one process" sd run -d --bundle "$T/p" $id-p
is "is room for one" "$(cat "$CGROUP2/system.slice/berth-$id-p.scope/pids.max") $(show berth-$id-p.scope TasksMax)" "1 1"
sd delete -f $id-p
make_bundle "$T/x" '.annotations += {"org.systemd.property.NoSuchThing": "true"}'
fails "a property that systemd does not know" 1 "*NoSuchThing*" sd run --bundle "$T/x" $id-x
make_bundle "$T/y" '.annotations += {"org.systemd.property.TasksMax": "uint64"}'
fails "a value that is none" 1 "*org.systemd.property.TasksMax*" sd run --bundle "$T/y" $id-y
make_bundle "$T/z" '.linux.cgroupsPath = "/a/b"'
fails "a path that is no slice:prefix:name" 1 "*slice:prefix:name*" sd run --bundle "$T/z" $id-z
is "nothing is left of these" "$(systemctl list-units --all --no-legend "*$id*")" ""

[ ! -x "$B/unit/cgroup/test_systemd" ] || t "unit tests" "$B/unit/cgroup/test_systemd"
