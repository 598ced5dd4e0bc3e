#!/bin/bash
# Limits hold, on a machine that has every controller.
# time: 90
. "$(dirname "$0")/lib.sh"
need_controller memory pids cpu cpuset io
use_busybox
box() { berth run --rm --network none "$@"; }
file() { box "${@:2}" busybox cat "/sys/fs/cgroup/$1"; }

is "--memory" "$(file memory.max --memory 64m)" 67108864
is "--memory alone allows as much swap again" "$(file memory.swap.max --memory 64m)" 67108864
is "--memory-swap counts both" "$(file memory.swap.max --memory 64m --memory-swap 96m)" 33554432
is "--memory-swap -1" "$(file memory.swap.max --memory 64m --memory-swap -1)" max
is "--memory-reservation" "$(file memory.low --memory-reservation 32m)" 33554432
is "--cpus" "$(file cpu.max --cpus 0.5)" "50000 100000"
is "--cpu-shares 1024 is the default weight" "$(file cpu.weight --cpu-shares 1024)" 100
is "--cpuset-cpus" "$(file cpuset.cpus.effective --cpuset-cpus 0)" 0
is "--pids-limit" "$(file pids.max --pids-limit 20)" 20
is "no limit" "$(file memory.max)" max
fails "less swap than memory" 125 "berth: *memory-swap*" box --memory 64m --memory-swap 32m busybox true
fails "less memory than anything can run in" 125 "berth: *memory*" box --memory 4k busybox true
fails "a processor that is not there" 125 "berth: *cpuset*" box --cpuset-cpus 99 busybox true

ends "more memory than allowed ends it" 137 box --memory 24m --memory-swap 24m busybox sh -c 'x=$(head -c 100000000 /dev/zero | tr "\0" x); echo ${#x}'
run box --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 3 & done; wait'
like "more processes than allowed cannot be made" "$err" "*fork*"
berth run -d --name oom --memory 24m --memory-swap 24m --network none busybox sh -c 'x=$(head -c 100000000 /dev/zero | tr "\0" x)' >/dev/null
berth wait oom >/dev/null
like "why: which process, and how much it could have" "$(berth why oom)" "oom: the kernel killed it for want of memory: *, process * (limit 24*, peak 2*"
is "inspect knows that it was out of memory" "$(berth inspect --format '{{.State.OOMKilled}}' oom)" true
is "what is running in it is limited in a sub-cgroup too" "$(box --memory 64m busybox sh -c 'cat /proc/self/cgroup')" "0::/"
berth run -d --name live --memory 64m --network none busybox sleep 1000 >/dev/null
t "exec is in the same limits" sh -c "[ \"\$($BERTH --root $ROOT exec live cat /proc/self/cgroup)\" != '' ]"
t "all of it is removed" berth rm -f oom live

# what an init may write to lies below its limits
id=$(berth run -d --name whole --systemd always --memory 64m --network none busybox sleep 1000)
t "an init's controllers are its own" berth exec whole sh -c 'grep -w memory /sys/fs/cgroup/cgroup.controllers && mkdir /sys/fs/cgroup/a && { echo max >/sys/fs/cgroup/memory.max || :; }'
is "its limits are not" "$(cat "/sys/fs/cgroup/berth/$id/memory.max")" 67108864
like "they hold" "$(berth stats --no-stream --format '{{.MemUsage}}' whole)" "*/ 64*"
t "it is removed" berth rm -f whole

# --cgroups split, as in a service of systemd with Delegate=yes
own=$CGROUP2/own-${T##*.}
mkdir "$own"
sh -c 'echo $$ >"$1/cgroup.procs"; for name in s1 s2; do "$2" --root "$3" run -d --name $name --network none --cgroups split --memory 64m busybox sleep 1000 || exit 1; done
	cat /proc/self/cgroup' sh "$own" "$BERTH" "$ROOT" >"$T/split"
is "who starts it steps aside for its limits" "$(tail -n 1 "$T/split")" "0::${own#"$CGROUP2"}/init"
is "which hold, of each that is started there" "$(head -n 2 "$T/split" | while read -r id; do cat "$own/$id/memory.max"; done | tr '\n' ' ')" "67108864 67108864 "
t "they are removed" berth rm -f -t 0 s1 s2
t "and leave the cgroup as it was" until_true 10 rmdir "$own/init" "$own"
