#!/bin/bash
# Each flag of run that people use does what it says, or is refused in a line that says why.
# Limits are 43-limits's, volumes and secrets 73-volumes's, the rest of the network 44-network's.
# time: 400
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq
use_busybox
box() { berth run --rm --network none "$@"; }
inspect() { berth inspect -f "$1" one; }
# make FLAG...: a container called one, which is not started
make() { berth rm -f one >/dev/null 2>&1; berth create --name one "$@" >/dev/null || not_ok "it is made: $*"; }

# ---- podman's
is "--env-host: the image's go first" "$(SOME=thing box --env-host busybox sh -c 'echo $SOME $MADE_BY')" "thing make-image"
is "--env-merge" "$(box --env-merge 'A=${MADE_BY}-x$' --env-merge 'B=$A$NONE' busybox sh -c 'echo $A $B')" 'make-image-x$ make-image-x$'
is "--http-proxy, which is asked for" "$(http_proxy=p box --http-proxy busybox sh -c 'echo $http_proxy'; http_proxy=p box busybox sh -c 'echo [$http_proxy]')" "p
[]"
ends "--no-hosts leaves the image's" 1 box --no-hosts busybox test -e /etc/hosts
printf '10.1.1.1 aa bb # one\n# none\nfd00::5\tcc\n' >"$T/hosts"
is "--hosts-file" "$(box --hosts-file "$T/hosts" busybox grep -wE 'aa|bb|cc' /etc/hosts | tr '\t\n' '= ')" "10.1.1.1=aa 10.1.1.1=bb fd00::5=cc "
is "--chrootdirs" "$(box --chrootdirs /srv/a,/b busybox sh -c 'for d in /srv/a /b; do for f in hosts hostname resolv.conf; do cmp /etc/$f $d/etc/$f && echo same; done; done' | uniq -c | tr -s ' ')" " 6 same"
fails "--chrootdirs of no path" 125 "berth: --chrootdirs b: expected an absolute path*" box --chrootdirs b busybox true
fails "beside --no-hosts" 125 "berth: --no-hosts and --hosts-file*" box --no-hosts --hosts-file "$T/hosts" busybox true
is "--personality" "$(box --personality LINUX32 busybox uname -m)" "$(setarch linux32 uname -m)"
fails "another" 125 "berth: --personality BSD: expected*" box --personality BSD busybox true
t "--cgroups enabled" box --cgroups enabled busybox true
fails "--cgroups disabled" 125 "berth: --cgroups disabled:*" box --cgroups disabled busybox true
# in CGROUP CMD...: there, as a service of systemd would be
in_cgroup() { sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$@"; }
mkdir "$CGROUP2/own-${T##*.}"
in_cgroup "$CGROUP2/own-${T##*.}" "$BERTH" --root "$ROOT" run -d --name split --network none --cgroups split busybox sleep 1000 >/dev/null
where() { sed -n 's/^0:://p' "/proc/$(berth inspect -f "{{.State.$2}}" "$1")/cgroup"; }
is "--cgroups split: below that of the command" "$(where split Pid)" "$(sed -n 's/^0:://p' /proc/self/cgroup | sed 's|/$||')/own-${T##*.}/$(berth inspect -f '{{.Id}}' split)"
is "inspect says where" "$(berth inspect -f '{{.HostConfig.CgroupParent}}' split)" "$(where split Pid | sed "s|^/||; s|/[^/]*$||")"
t "the same at another start, wherever from" berth restart -t 0 split
like "there it is" "$(where split Pid)" "*/own-${T##*.}/$(berth inspect -f '{{.Id}}' split)"
berth rm -f -t 0 split >/dev/null
t "after it nothing is left there" until_true 10 rmdir "$CGROUP2/own-${T##*.}"
fails "with --cgroup-parent" 125 "berth: --cgroups split and --cgroup-parent*" box --cgroups split --cgroup-parent x busybox true
fails "--cgroups of another kind" 125 "berth: --cgroups some: *" box --cgroups some busybox true
t "--arch" box --pull never --os linux --arch "$(berth image inspect -f '{{.Architecture}}' busybox)" busybox true
fails "of another machine" 125 "berth: image busybox is for linux/*, not for linux/s390x" box --pull never --arch s390x busybox true
fails "--os of another" 125 "berth: --os windows:*" box --os windows busybox true
t "--seccomp-policy image, without a label" box --seccomp-policy image busybox true
berth create --name before --network none busybox sleep 1000 >/dev/null
berth create --name after --network none --requires before busybox sleep 1000 >/dev/null
t "--requires" berth start after
is "both run" "$(berth ps --filter name=before --filter name=after --format '{{.Names}}' | sort | tr '\n' ' ')" "after before "
berth rm -f before >/dev/null; berth stop -t 0 after >/dev/null
fails "not without the other" 1 "berth: container after requires *no such container*" berth start after
fails "which must be there" 125 "berth: --requires: no such container: nosuch" box --requires nosuch busybox true
berth commit -q after thrown/away >/dev/null
box --rmi thrown/away true
fails "--rmi: the image goes too" 1 "berth: *thrown/away*" berth image inspect thrown/away -f x
berth tag busybox second/name
berth run --rmi --network none second/name true
t "a name stays while others use the image" berth image exists second/name
fails "--rmi in the background" 125 "berth: --rmi goes with*" berth run -d --rmi busybox true
fails "--memory-swap without --memory" 125 "berth: --memory-swap needs --memory*" box --memory-swap 64m busybox true
fails "create --attach nosuch" 125 "berth: --attach nosuch: expected*" berth create --attach nosuch --network none busybox true
fails "--tls-verify x" 125 "berth: --tls-verify x: expected true or false" box --tls-verify=x busybox true
fails "--detach-keys" 125 "berth: --detach-keys ctrl: expected keys*" box --detach-keys ctrl busybox true
fails "--boot-delay -1" 125 "berth: --boot-delay -1: expected seconds" box --boot-delay -1 busybox true
t "create --attach" berth create --attach stdout --network none busybox true
run_d=$(berth run -d --network none busybox sleep 1000)
echo passed >"$T/passed"
says "exec --preserve-fds" passed sh -c "'$BERTH' --root '$ROOT' exec --preserve-fds 1 $run_d sh -c 'cat <&3' 3<'$T/passed'"

# ---- names and files
fails "--name twice" 125 'berth: *"dup"*in use*' sh -c "
	'$BERTH' --root '$ROOT' create --name dup --network none busybox true >/dev/null &&
	exec '$BERTH' --root '$ROOT' create --name dup --network none busybox true"
dup=$(berth inspect -f '{{.Id}}' dup)
fails "--replace with what makes no sense" 125 "berth: --umask 9: *" berth create --replace --name dup --umask 9 --network none busybox true
fails "--replace of a name that is none" 125 "berth: --replace goes with --name" berth create --replace --network none busybox true
t "--replace with a name that is the beginning of an id" berth create --replace --name "${dup:0:10}" --network none busybox true
is "leaves both as they were" "$(berth inspect -f '{{.Id}}' dup)" "$dup"
t "--replace takes its place" berth create --replace --name dup --network none busybox true
t "--cidfile" box --cidfile "$T/cid" busybox true
is "has the id" "$(wc -c <"$T/cid")" 64
fails "--cidfile that is there" 125 "berth: *$T/cid: File exists" box --cidfile "$T/cid" busybox true
berth run -d --name pf --network none --pidfile "$T/pid" busybox sleep 1000 >/dev/null
is "--pidfile" "$(cat "$T/pid")" "$(berth inspect -f '{{.State.Pid}}' pf)"
make --label a=1 --label b busybox true
is "--label" "$(inspect '{{json .Config.Labels}}' | jq -c 'to_entries|map(.key+"="+.value)')" '["a=1","b="]'
printf '# no\nc=2\n' >"$T/labels"
make --label-file "$T/labels" busybox true
is "--label-file" "$(inspect '{{index .Config.Labels "c"}}')" 2
make --annotation x.y=z busybox true
is "--annotation" "$(inspect '{{index .Config.Annotations "x.y"}}')" z

t "--conmon-pidfile" berth run -d --name cp --network none --conmon-pidfile "$T/conmon" busybox sleep 1000
is "has the supervisor's" "$(cat "/proc/$(cat "$T/conmon")/comm")" berth-superv

# ---- users without a line in the image's files
names() { box "$@" busybox sh -c 'id; tail -n 1 /etc/passwd; tail -n 1 /etc/group; echo $HOME'; }
is "a user by number has a name, and the home as without one" "$(names -u 1234:567)" \
"uid=1234(1234) gid=567(567)
1234:*:1234:567:container user:/:/bin/sh
567:x:567:1234
/"
is "its home is what HOME says" "$(box -u 1234 -e HOME=/h busybox sh -c 'echo ~1234')" /h
is "a user of the image's has no second line" "$(box -u 1000 busybox grep -c ':1000:' /etc/passwd)" 1
is "--passwd-entry, --group-entry" "$(names -u 1234:567 --passwd-entry 'me:x:$UID:$GID:$USERNAME, $NAME:/tmp:/bin/false' --group-entry 'g$GROUPNAME:x:$GID:$USERLIST,x')" \
"uid=1234(me) gid=567(g567)
me:x:1234:567:1234, container user:/tmp:/bin/false
g567:x:567:1234,x
/tmp"
is "--passwd=false" "$(box --passwd=false -u 1234:567 busybox sh -c 'id; grep -c 1234 /etc/passwd')" "uid=1234 gid=567
0"
is "with --read-only" "$(box --read-only -u 1234 busybox id -un)" 1234
is "in a user namespace" "$(box --userns auto -u 1234:567 busybox sh -c 'id; stat -c %u:%g:%a /etc/passwd /etc/group')" "uid=1234(1234) gid=567(567)
0:0:644
0:0:644"
berth create --name nameless --network none -u 1234 busybox sh -c 'grep -c :1234: /etc/passwd' >/dev/null
is "once, however often it starts" "$(berth start -a nameless; berth start -a nameless)" "1
1"
is "the image stays as it is" "$(box --passwd=false busybox grep -c 1234 /etc/passwd)" 0
is "inspect" "$(berth inspect -f '{{.Config.Passwd}}' nameless)" true
berth run -d --name named --network none -u 1234 busybox sleep 1000 >/dev/null
is "the file is one that useradd and its kin can replace" "$(berth exec -u 0 named sh -c 'cp /etc/passwd /etc/passwd+ && mv /etc/passwd+ /etc/passwd && grep -c :1234: /etc/passwd')" 1
fails "--passwd-entry that is no line" 125 'berth: --passwd-entry "a:b": expected one line*' box --passwd-entry a:b busybox true
fails "nor two" 125 'berth: --passwd-entry *expected one line*' box --passwd-entry $'a:b:1:1:::\nroot2:x:0:0:::' busybox true
fails "--group-entry" 125 'berth: --group-entry *expected one line*' box --group-entry a:b busybox true
mail=$(getent passwd mail | cut -d: -f3,4)
is "--hostuser" "$(box --hostuser mail --hostuser root -u mail busybox sh -c 'echo $(id -u):$(id -g) $(id -un); tail -n 1 /etc/passwd')" "$mail mail
mail:*:$mail:mail:/:/bin/sh"
is "by number, at home where that is mounted" "$(mkdir "$T/home"; box --hostuser "${mail%:*}" -v "$T/home:$(getent passwd mail | cut -d: -f6)" busybox sh -c 'echo ~mail')" "$(getent passwd mail | cut -d: -f6)"
fails "--hostuser that is not there" 125 "berth: --hostuser nosuch: no such user on this host" box --hostuser nosuch busybox true
fails "--hostuser with --passwd=false" 125 "berth: --hostuser does not go with --passwd=false" box --passwd=false --hostuser mail busybox true
mkdir -p "$T/trap/etc" "$T/trap/bin" && cp /bin/busybox "$T/trap/bin/" && ln -s "$T/passed" "$T/trap/etc/passwd" && mkfifo "$T/trap/etc/group"
tar -C "$T/trap" -c . | berth import -q - trap/names >/dev/null
t "a symlink and a FIFO in their place" berth run --rm --network none -u 1234:567 trap/names /bin/busybox true
is "lead nowhere" "$(cat "$T/passed")" passed
fails "--rootfs, whose files are the host's" 125 "berth: --passwd-entry does not go with --rootfs*" berth run --rm --network none --rootfs "$T/trap" --passwd-entry a:b:1:1:::  /bin/busybox true

# ---- an init (a real systemd is 49-debian's)
mounts='grep -cE " (/run|/run/lock|/tmp|/var/log/journal) tmpfs" /proc/mounts'
is "--systemd always: tmpfs, a cgroup to write to, a UUID" "$(box --systemd always busybox sh -c "$mounts"'; mkdir /sys/fs/cgroup/x && cat /sys/fs/cgroup/x/cgroup.type; cat /proc/self/cgroup | tail -n 1; echo ${#container_uuid} $container')" "4
domain
0::/
32 berth"
is "nothing of it without" "$(box busybox sh -c "$mounts"'; mkdir /sys/fs/cgroup/x 2>/dev/null || echo ro; echo $container_uuid')" "0
ro"
is "it is the default for what is called so" "$(make busybox /sbin/init; inspect '{{.Config.SystemdMode}} {{.Config.StopSignal}}')" "true <no value>"
is "and is left out if one likes" "$(make --systemd=false busybox /sbin/init; inspect '{{.Config.SystemdMode}} {{.Config.StopSignal}}')" "false SIGTERM"
is "a script may begin one" "$(make --systemd=always busybox sh; inspect '{{.Config.SystemdMode}} {{.Config.StopSignal}}')" "true SIGRTMIN+3"
is "a signal of one's own stays" "$(make --stop-signal USR1 busybox /sbin/init; inspect '{{.Config.StopSignal}}')" SIGUSR1
is "--shm-size-systemd" "$(box --systemd always --shm-size-systemd 3m busybox sh -c 'df -k /run /run/lock /tmp /var/log/journal | awk "NR > 1 {print \$2}" | sort -u')" 3072
is "one's own mount stays, and what the image has comes along" "$(box --systemd always --tmpfs /run:size=5m -v "$T/home:/tmp" busybox sh -c 'df -k /run | awk "NR > 1 {print \$2}"; grep -c " /tmp tmpfs" /proc/mounts')" "5120
0"
is "with --read-only" "$(box --systemd always --read-only busybox sh -c 'echo >/run/a && echo >/var/tmp/a && grep -cE " (/run|/tmp|/var/tmp) tmpfs" /proc/mounts')" 3
is "--privileged gives no console of the host's" "$(box --privileged --systemd always busybox sh -c 'ls /dev | grep -c "^tty[0-9]"')" 0
fails "--systemd of another kind" 125 "berth: --systemd maybe: expected true, false or always" box --systemd maybe busybox true
fails "--systemd always with --init" 125 "berth: --systemd always and --init*" box --systemd always --init busybox true
make --systemd=always busybox sh
is "a clone is another machine" "$(uuid=$(berth inspect -f '{{.Config.Env}}' "$(berth container clone one)"); grep -o 'container_uuid=[0-9a-f]*' <<<"$uuid" | cut -c16-)" "$(berth inspect -f '{{.Id}}' one-clone | cut -c1-32)"
t "busybox's init" berth run -d -t --name bbinit --network none busybox /sbin/init
t "is up" until_true 10 sh -c "'$BERTH' --root '$ROOT' logs bbinit | grep 'activate this console'"
t "and is stopped" berth stop -t 60 bbinit
is "by the signal that it shuts down at" "$(berth inspect -f '{{.State.Reason}} {{.State.ExitCode}}' bbinit; berth logs bbinit | grep -c 'Requesting system poweroff')" "stopped 0
1"

# ---- the process
is "--init: ours is process 1" "$(box --init busybox sh -c 'cat /proc/1/comm')" init
gcc -static -O -x c -o "$T/first" - <<'C'
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) { setenv("FIRST", argv[1], 1); execvp(argv[2], argv + 2); return argc; }
C
is "--init-path: the host's program is process 1" "$(box --init --init-path "$T/first" busybox sh -c 'echo $$ $FIRST; cmp /dev/init /etc/passwd >/dev/null || echo there')" "1 --
there"
fails "--init-path without --init" 125 "berth: --init-path goes with --init" box --init-path "$T/first" busybox true
fails "--init-path that is no program" 125 "berth: --init-path $T: no program" box --init --init-path "$T" busybox true
is "--entrypoint" "$(box --entrypoint cat busybox /etc/hostname | wc -c)" 13
is "--workdir, --user, --group-add" "$(box -w /tmp -u 7:8 --group-add 9 busybox sh -c 'echo $(pwd) $(id -u) $(id -g) $(id -G)')" "/tmp 7 8 8 9"
is "--umask" "$(box --umask 027 busybox sh -c umask)" 0027
is "--ulimit" "$(box --ulimit nofile=64:128 --ulimit core=0 busybox sh -c 'ulimit -n; ulimit -Hn; ulimit -c' | tr '\n' ' ')" "64 128 0 "
(ulimit -Sn 777 && berth create --name limited --network none --ulimit host busybox sh -c 'ulimit -Sn; ulimit -Hn' >/dev/null)
is "--ulimit host: as they were for who made it" "$(ulimit -Sn 555 && berth start -a limited | tr '\n' ' ')" "777 $(ulimit -Hn) "
is "inspect has them all" "$(berth inspect limited | jq '.[0].HostConfig.Ulimits | length')" 16
is "of one given twice the later one counts" "$(box --ulimit nofile=64 --ulimit nofile=65 busybox sh -c 'ulimit -n')" 65
fails "--ulimit host with others" 125 "berth: --ulimit host: excludes others" box --ulimit host --ulimit core=0 busybox true
t "no limit is no limit, on every host" box --pids-limit -1 --memory -1 busybox true
is "--oom-score-adj" "$(box --oom-score-adj 300 busybox cat /proc/self/oom_score_adj)" 300
is "--unsetenv" "$(box --unsetenv MADE_BY busybox sh -c 'echo "[$MADE_BY]"')" "[]"
is "--stop-signal and --stop-timeout are kept" "$(make --stop-signal USR1 --stop-timeout 77 busybox true; inspect '{{.Config.StopSignal}} {{.Config.StopTimeout}}')" "SIGUSR1 77"
fails "--stop-signal that is none" 125 "berth: --stop-signal NOPE: no such signal" box --stop-signal NOPE busybox true
is "--tz" "$(box --tz Asia/Tokyo busybox sh -c 'unset TZ; date -d @0 +%H')" 09
is "--tz local" "$(box --tz local busybox date -d @0 +%H)" "$(date -d @0 +%H)"
fails "--tz that is none" 125 "berth: --tz Nowhere/Land: no such time zone*" box --tz Nowhere/Land busybox true
fails "--detach with --attach" 125 "berth: --detach and --attach*" berth run -d -a stdout busybox true
is "-a stdout,stderr" "$(box -a stdout,stderr busybox sh -c 'echo out; echo err >&2' 2>&1 | sort | tr '\n' ' ')" "err out "
fails "-a of another" 125 "berth: --attach stdlog: expected*" box -a stdout,stdlog busybox true
is "-a stdout alone" "$(box -a stdout busybox sh -c 'echo out; echo err >&2' 2>&1)" out

# ---- namespaces
is "--hostname, --domainname" "$(box -h some --domainname dom.example busybox sh -c 'hostname; cat /proc/sys/kernel/domainname' | tr '\n' ' ')" "some dom.example "
is "--uts host" "$(box --uts host busybox hostname)" "$(hostname)"
t "--userns host" box --userns host busybox true
fails "--hostname with --uts host" 125 "berth: --hostname*" box --uts host -h x busybox true
is "--pid host" "$(box --pid host busybox readlink /proc/self/ns/pid)" "$(readlink /proc/self/ns/pid)"
is "--cgroupns host" "$(box --cgroupns host busybox readlink /proc/self/ns/cgroup)" "$(readlink /proc/self/ns/cgroup)"
is "--ipc host" "$(box --ipc host busybox readlink /proc/self/ns/ipc)" "$(readlink /proc/self/ns/ipc)"
ends "--ipc none has no /dev/shm" 1 box --ipc none busybox test -e /dev/shm
fails "--shm-size without one of its own" 125 "berth: --shm-size and --ipc none*" box --ipc none --shm-size 1m busybox true
berth run -d --name first --network none --ipc shareable busybox sleep 1000 >/dev/null
berth exec first touch /dev/shm/here
is "--ipc container: its shared memory" "$(box --ipc container:first busybox ls /dev/shm)" here
is "--pid container: its processes" "$(box --pid container:first busybox cat /proc/1/cmdline | tr '\0' ' ')" "sleep 1000 "
is "--network container: its network, host name and files" \
	"$(berth run --rm --network container:first busybox sh -c 'readlink /proc/self/ns/net; hostname; sha256sum </etc/hosts')" \
	"$(berth exec first sh -c 'readlink /proc/self/ns/net; hostname; sha256sum </etc/hosts')"
fails "--hostname with it" 125 "berth: --hostname*" berth run --rm --network container:first -h x busybox true
berth run -d --name second --network none --ipc container:first --pid container:first busybox sleep 2000 >/dev/null
berth stop -t 0 second >/dev/null
berth restart -t 0 first >/dev/null
t "the other one was restarted: it is found again" berth start second
is "in its new namespace" "$(berth exec second readlink /proc/self/ns/ipc)" "$(berth exec first readlink /proc/self/ns/ipc)"
berth stop -t 0 second first >/dev/null
fails "the other one does not run" 1 "berth: whose pid namespace it shares: container *not running" berth start second
fails "a container that is not there" 125 "berth: --ipc container:nosuch: no such container: nosuch*" box --ipc container:nosuch busybox true

# ---- privileges and devices
cap() { box "$@" busybox sed -n 's/CapEff:\t//p' /proc/self/status; }
is "--cap-add" "$(printf %x $((0x$(cap --cap-add NET_ADMIN) & 0x1000)))" 1000
is "--cap-drop ALL" "$(cap --cap-drop ALL)" 0000000000000000
is "--security-opt no-new-privileges" "$(box --security-opt no-new-privileges busybox sed -n 's/NoNewPrivs:\t//p' /proc/self/status)" 1
is "--security-opt seccomp=unconfined" "$(box --security-opt seccomp=unconfined busybox sed -n 's/^Seccomp:\t//p' /proc/self/status)" 0
fails "--security-opt that is none" 125 "berth: --security-opt nope*" box --security-opt nope busybox true
is "--device" "$(box --device /dev/null:/dev/other busybox stat -c %t:%T /dev/other)" 1:3
mkdir "$T/dev" "$T/dev/sub" && mknod "$T/dev/n" c 1 3 && mknod "$T/dev/sub/z" c 1 5 && touch "$T/dev/file"
is "--device of a folder: all devices in it" "$(box --device "$T/dev:/dev/many" busybox find /dev/many -type c | sort | tr '\n' ' ')" "/dev/many/n /dev/many/sub/z "
mkdir "$T/nodev"
fails "--device of a folder without any" 125 "berth: --device $T/nodev: no device in it" box --device "$T/nodev" busybox true
fails "--device of what is none" 125 "berth: --device /etc/passwd: not a device" box --device /etc/passwd busybox true
fails "--device by a vendor's name" 125 "berth: --device nvidia.com/gpu=all: no such device in *" box --device nvidia.com/gpu=all busybox true
opens_tun() { box "$@" busybox sh -c 'mknod /k c 10 200 && : 9<>/k && echo may' 2>/dev/null; }
if [ -c /dev/net/tun ]; then
	is "--device-cgroup-rule" "$(opens_tun --device-cgroup-rule 'c 10:200 rwm') $(opens_tun)" "may "
else
	skip "--device-cgroup-rule" "module:tun: no such device here"
fi
is "--privileged has the host's devices" "$(box --privileged busybox sh -c 'find /dev -xdev -type c -o -type b' | grep -v '^/dev/\(tty\|console\|ptmx\)$' | sort)" \
	"$(find /dev -xdev \( -type c -o -type b \) ! -path '/dev/pts/*' | grep -v '^/dev/\(tty\|console\|ptmx\)$' | sort)"
is "--sysctl" "$(box --sysctl net.ipv4.ip_forward=1 busybox cat /proc/sys/net/ipv4/ip_forward)" 1
fails "--sysctl of the host" 125 "berth: *kernel.panic*" box --sysctl kernel.panic=1 busybox true

# ---- descriptors
echo seven >"$T/7" && echo nine >"$T/9"
says "--preserve-fds" seven box --preserve-fds 1 busybox cat /proc/self/fd/3 3<"$T/7"
is "--preserve-fd: those" "$(box --preserve-fd 7,9 -v "$PROBE:/probe:ro" busybox /probe fds 3</ 5<"$T" 7<"$T/7" 9<"$T/9" 11</ | tr -cs '0-9\n' ' ' | tr '\n' ' ')" \
	"$(box --preserve-fds 0 --preserve-fd 9 --preserve-fd 7 -v "$PROBE:/probe:ro" busybox /probe fds 7<"$T/7" 9<"$T/9" | tr -cs '0-9\n' ' ' | tr '\n' ' ')"
is "with --init, too" "$(box --init --preserve-fd 7,9 busybox sh -c 'cat <&7 <&9; cat <&7' 7<"$T/7" 9<"$T/9" | tr '\n' ' ')" "nine seven "
fails "one that is not open" 125 "berth: --preserve-fds: descriptor 4 is not open" box --preserve-fds 2 busybox true 3</
fails "one that is none" 125 "berth: --preserve-fd 3x: expected numbers*" box --preserve-fd 3x busybox true
fails "for create" 125 "berth: option --preserve-fds: ?*" berth create --preserve-fds 1 busybox true
# the container closes it while it goes on: nobody else may have it open
for how in -d '-d --init'; do
	mkfifo "$T/fifo"
	# shellcheck disable=SC2086
	berth run $how --name piped --network none --preserve-fds 1 --preserve-fd 9 busybox \
		sh -c 'echo in it >&3; exec 3>&-; exec sleep 1000' 3>"$T/fifo" 9</ 8</etc/passwd >/dev/null &
	is "run $how: its end is seen outside" "$(timeout 60 cat "$T/fifo")" "in it"
	wait $!
	is "the supervisor has nothing of it" "$(find "/proc/$(sed -n 's/^supervisor //p' "$ROOT/containers/$(berth inspect -f '{{.Id}}' piped)/status")/fd" -lname '*passwd' -o -lname /)" ""
	berth rm -f -t 0 piped >/dev/null
	rm "$T/fifo"
done
mkfifo "$T/fifo"
berth run --rm --name piped --network none --preserve-fds 1 busybox sh -c 'echo in it >&3; exec 3>&-; exec sleep 1000' 3>"$T/fifo" >/dev/null &
is "in the foreground, too" "$(timeout 60 cat "$T/fifo")" "in it"
berth kill piped >/dev/null
wait $!
berth run -d --name again --network none --restart on-failure:1 --preserve-fds 1 busybox sh -c '[ -e /proc/self/fd/3 ] && echo open || echo none; exit 1' 3<"$T/7" >/dev/null
berth wait again >/dev/null
until_true 10 eval '[ "$(berth logs again | wc -l)" = 2 ]'
is "a restart has it no more" "$(berth logs again | tr '\n' ' ')" "open none "

# ---- network
berth run -d --name db --expose 5432 -e PASS=word busybox sleep 1000 >/dev/null
berth run --rm --link db:store busybox sh -c 'grep -w store /etc/hosts; env' >"$T/linked"
like "--link: a line in hosts" "$(head -n 1 "$T/linked")" "$(berth inspect -f '{{.NetworkSettings.IPAddress}}' db)*store"
like "--link: its variables" "$(sort "$T/linked" | tr '\n' ' ')" "*STORE_ENV_PASS=word *STORE_NAME=/*/store STORE_PORT=tcp://*:5432 STORE_PORT_5432_TCP=tcp://*"
fails "--link to what does not run" 125 "berth: --link: container dup is not running" berth run --rm --link dup busybox true
fails "--link without a network" 125 "berth: --link db*" box --link db busybox true
t "--expose" make --expose 80-81 --expose 53/udp busybox true
is "shows in inspect" "$(inspect '{{json .Config.ExposedPorts}}' | jq -c 'keys')" '["53/udp","80/tcp","81/tcp"]'
like "and in ps" "$(berth ps --filter name=db --format '{{.Ports}}')" "5432/tcp"
fails "--expose of what is no port" 125 "berth: *exposed port 'x'*" berth create --expose x busybox true
like "--publish-all" "$(berth run -d --name pa -P --expose 80 busybox sleep 1000 >/dev/null; berth port pa)" "80/tcp -> *"
says "--add-host" "10.9.8.7" box --add-host host.example:10.9.8.7 busybox sh -c "sed -n 's/\thost.example//p' /etc/hosts"
like "--dns, --dns-search, --dns-opt" "$(box --dns 10.1.1.1 --dns-search a.example --dns-opt ndots:3 busybox cat /etc/resolv.conf | tr '\n' ' ')" "*nameserver 10.1.1.1 *search a.example *options ndots:3 *"
subnet=10.$((RANDOM % 100 + 100)).$((RANDOM % 250)).0/24
mkdir "$T/etc" && echo 'nameserver 10.3.3.3' >"$T/etc/resolv.conf"
berth run --name resolved --network none --dns none -v "$T/etc:/t" busybox sh -c 'cat /etc/resolv.conf; cp /t/resolv.conf /etc/' >"$T/was" 2>/dev/null
is "--dns none: resolv.conf is the image's" "$(berth start -a resolved)" "nameserver 10.3.3.3"
fails "with others" 125 "berth: --dns none: *" box --dns none --dns 10.1.1.1 busybox true
t "a network" berth network create --subnet "$subnet" --opt bridge="bf$$" own
ip=${subnet%.0/24}.77
says "--ip" "$ip" berth run --rm --network own --ip "$ip" busybox sh -c "ip -4 -o addr show eth0 | sed 's/.*inet //; s|/.*||'"
says "--mac-address" 02:00:00:00:00:77 berth run --rm --network own --mac-address 02:00:00:00:00:77 busybox cat /sys/class/net/eth0/address
berth run -d --name al --network own --network-alias alpha busybox sleep 1000 >/dev/null
t "--network-alias" berth run --rm --network own busybox ping -c 1 -w 5 alpha
is "--network name=…,KEY=VALUE" "$(berth run --rm --network "name=own,ip=$ip,alias=beta" busybox sh -c "ip -4 -o addr show eth0 | sed 's/.*inet //; s|/.*||'")" "$ip"
is "--network private is the bridge" "$(berth create --network private busybox true | xargs "$BERTH" --root "$ROOT" inspect -f '{{json .NetworkSettings.Networks}}' | jq -c keys)" '["bridge"]'
fails "--ip on no network" 125 "berth: --ip: needs a network*--network none" box --ip 10.0.0.9 busybox true
fails "--mac-address on the host's" 125 "berth: --mac-address: needs*" berth run --rm --network host --mac-address 02:00:00:00:00:01 busybox true
fails "a network that is not there" 125 "berth: *nosuchnet*" berth run --rm --network nosuchnet busybox true

# ---- volumes: what is not known is not taken
fails "-v with an unknown option" 125 "berth: --volume *: unknown option zz" box -v "$T:/x:zz" busybox true
fails "--mount with an unknown propagation" 125 "berth: --mount *: unknown option odd" box --mount "type=bind,src=$T,dst=/x,bind-propagation=odd" busybox true
fails "--mount with an unknown key" 125 "berth: --mount *: unknown key odd" box --mount "type=bind,src=$T,dst=/x,odd=1" busybox true
fails "--mount volume-opt of another kind" 125 "berth: --mount *: --opt x: unknown; there are*" box --mount type=volume,src=v,dst=/x,volume-opt=o=x busybox true
fails "with a bind" 125 "berth: --mount *volume-opt and volume-label are for volumes" box --mount "type=bind,src=$T,dst=/x,volume-opt=o=x" busybox true
fails "--mount volume-driver" 125 "berth: --mount *local is the only one" box --mount type=volume,dst=/x,volume-driver=nfs busybox true
t "--volume-driver local" box --volume-driver local busybox true
fails "--volume-driver of another" 125 "berth: --volume-driver nfs: local is the only one" box --volume-driver nfs busybox true
t "-v :z, :Z, :cached" box -v "$T:/x:z,cached" -v "$T:/y:Z" busybox true

# ---- image, log, health
fails "--platform of another machine" 125 "berth: image busybox is for linux/*, not for linux/s390x" box --pull never --platform linux/s390x busybox true
t "--platform of this one" box --pull never --platform "$(berth image inspect -f '{{.Os}}/{{.Architecture}}' busybox)" busybox true
fails "--pull never" 125 "berth: *nosuchimage*" box --pull never nosuchimage true
fails "--pull of another word" 125 "berth: --pull often: expected*" box --pull often busybox true
berth run --name tagged --network none --log-driver json-file --log-opt tag='{{.Name}}/{{.ImageName}}' busybox echo x >/dev/null
is "--log-opt tag" "$(jq -r .attrs.tag "$(berth inspect -f '{{.LogPath}}' tagged)")" tagged/busybox
fails "where there is no place for one" 125 "berth: --log-opt tag=: *k8s-file*" box --log-opt tag=x busybox true
fails "--log-driver of another" 125 "berth: --log-driver syslog: expected*" box --log-driver syslog busybox true
fails "--health-interval without a check" 125 "berth: --health-interval: there is no health check*" box --health-interval 1s busybox true
fails "--no-healthcheck with one" 125 "berth: --no-healthcheck and --health-cmd*" box --no-healthcheck --health-cmd true busybox true
fails "--health-on-failure of another" 125 "berth: --health-on-failure explode: expected*" box --health-cmd true --health-on-failure explode busybox true

# ---- what berth has not, in words of its own
for flag in --pod-id-file --decryption-key --runtime --isolation --kernel-memory --link-local-ip --use-api-socket --pod; do
	fails "$flag is refused" 125 "berth: option $flag: ?*" box "$flag" value busybox true
done
t "--disable-content-trust, as it is anyway" box --disable-content-trust busybox true
fails "one that nobody has" 125 "berth: unknown option --frobnicate" box --frobnicate busybox true

# the list itself: every flag of docker run (27) and the everyday ones of podman is known
missing=''
berth help run >"$T/help"
for flag in add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-period \
	cpu-quota cpu-shares cpus cpuset-cpus cpuset-mems detach detach-keys device device-cgroup-rule device-read-bps device-read-iops \
	device-write-bps device-write-iops dns dns-option dns-search domainname entrypoint env env-file expose group-add health-cmd \
	health-interval health-retries health-start-interval health-start-period health-timeout hostname init interactive ip ip6 ipc \
	label label-file link log-driver log-opt mac-address memory memory-reservation memory-swap mount name network network-alias \
	no-healthcheck oom-score-adj pid pids-limit platform privileged publish publish-all pull quiet read-only restart rm \
	security-opt shm-size sig-proxy stop-signal stop-timeout sysctl tmpfs tty ulimit uidmap gidmap subuidname subgidname user userns uts volume volumes-from workdir \
	timeout replace rootfs secret tz umask unsetenv unsetenv-all health-on-failure read-only-tmpfs pidfile cgroup-conf \
	preserve-fds preserve-fd sdnotify health-startup-cmd health-startup-interval health-startup-retries health-startup-success health-startup-timeout \
	health-max-log-count health-max-log-size health-log-destination cgroups; do
	grep -q -- "--$flag\b" "$T/help" || missing+=" $flag"
done
is "every other flag is in the help" "$missing" ""
