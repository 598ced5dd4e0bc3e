#!/bin/bash
# User namespaces of the engine's containers: whose ids files, volumes and processes have.
# time: 300
. "$(dirname "$0")/lib.sh"
run_n() { berth run --rm --network none "$@"; }
auto() { run_n --userns auto "$@"; }

# /etc/subuid and /etc/subgid of our own
cp -a /etc "$T/etc" && mount --bind "$T/etc" /etc || exit 1
: >/etc/subuid
: >/etc/subgid
use_busybox

# ---- whose ids
says "by default the host's" "0 0 4294967295" run_n busybox sh -c 'echo $(cat /proc/self/uid_map)'
says "so with host" "0 0 4294967295" run_n --userns host busybox sh -c 'echo $(cat /proc/self/uid_map)'
says "auto is a range above those of users" "0 805306368 65536 0 805306368 65536" auto busybox sh -c 'echo $(cat /proc/self/uid_map /proc/self/gid_map)'
says "who is root in there" "0 0 root" auto busybox sh -c 'echo $(id -u) $(id -g) $(whoami)'
says "of the size asked for" "0 805306368 2000" run_n --userns auto:size=2000 busybox sh -c 'echo $(cat /proc/self/uid_map)'
says "with ids that are somebody's" "0 805306368 7 8 805306376 65528 7 1234 1" run_n --userns auto:uidmapping=7:1234:1 busybox sh -c 'echo $(cat /proc/self/uid_map)'
says "which leaves groups alone" "0 805306368 65536" run_n --userns auto:uidmapping=7:1234 busybox sh -c 'echo $(cat /proc/self/gid_map)'
says "at the beginning and behind the end too" "2 805306370 98 0 50 2 99999 9 1" run_n --userns auto:size=100,gidmapping=0:50:2,gidmapping=99999:9:1 busybox sh -c 'echo $(cat /proc/self/gid_map)'
says "--uidmap" "0 100000 500 1000 1000 1 0 100000 500 1000 1000 1" run_n --uidmap 0:100000:500 --uidmap 1000:1000:1 busybox sh -c 'echo $(cat /proc/self/uid_map /proc/self/gid_map)'
says "--gidmap beside it, by private" "0 200 10 0 300 10" run_n --userns private --uidmap 0:200:10 --gidmap 0:300:10 busybox sh -c 'echo $(cat /proc/self/uid_map /proc/self/gid_map)'
printf 'joe:3000000:1000\ncontainers:500000:131072\njoe:4000000:5\nbad line\n' >/etc/subuid
printf 'joe:3000000:10\ncontainers:600000:131072\n' >/etc/subgid
says "auto takes from the ids of user containers" "0 500000 65536 0 600000 65536" auto busybox sh -c 'echo $(cat /proc/self/uid_map /proc/self/gid_map)'
says "--subuidname" "0 3000000 1000 1000 4000000 5 0 3000000 10" run_n --subuidname joe busybox sh -c 'echo $(cat /proc/self/uid_map /proc/self/gid_map)'
printf 'staff:7000:20\n' >>/etc/subgid
says "--subgidname of a group that has no user ids" "0 3000000 1000 1000 4000000 5 0 7000 20" run_n --subuidname joe --subgidname staff busybox sh -c 'echo $(cat /proc/self/uid_map /proc/self/gid_map)'
berth create --name u1 --userns auto busybox true >/dev/null
berth create --name u2 --userns auto busybox true >/dev/null
is "records say what is taken" "$(berth inspect -f '{{.HostConfig.IDMappings.UidMap}}{{.HostConfig.IDMappings.GidMap}}' u1 u2 | tr '\n' ' ')" "[0:500000:65536][0:600000:65536] [0:565536:65536][0:665536:65536] "
fails "when all are, it is said" 125 "berth: --userns auto: no 65536 ids in a row are free in /etc/subuid: *size=*" auto busybox true
berth rm u1 >/dev/null
says "what goes is free again" 500000 auto busybox sh -c 'set -- $(cat /proc/self/uid_map); echo $2'
berth rm u2 >/dev/null
: >/etc/subgid
fails "ids for users alone are not enough" 125 'berth: --userns auto: user containers has no ids in /etc/subgid: add a line, as "containers:*' auto busybox true
fails "nobody's" 125 "berth: *user ann has no ids in /etc/subuid*" run_n --subuidname ann busybox true
printf 'ann:805306368:100000\n' >/etc/subuid
says "in the default range, what others have is left out" 805406368 auto busybox sh -c 'set -- $(cat /proc/self/uid_map); echo $2'
umount /etc

# ---- what is refused
fails "keep-id" 125 "berth: --userns keep-id: *without root's*" run_n --userns keep-id busybox true
fails "keep-id with options" 125 "berth: --userns keep-id:uid=5: *" run_n --userns keep-id:uid=5 busybox true
fails "nomap" 125 "berth: --userns nomap: *" run_n --userns nomap busybox true
fails "private without maps" 125 "berth: --userns private needs --uidmap*" run_n --userns private busybox true
fails "something else" 125 "berth: --userns what: expected host, auto*" run_n --userns what busybox true
fails "auto and maps" 125 "berth: --userns auto does not go with --uidmap*" run_n --userns auto --uidmap 0:1:1 busybox true
fails "maps in two ways" 125 "berth: --subuidname and --uidmap exclude*" run_n --subuidname joe --uidmap 0:1:1 busybox true
for bad in 0 0:1: 0:1:0 a:1:1 0:1:1:1 0:-1:1; do
	fails "--uidmap $bad" 125 "berth: --uidmap $bad: expected CONTAINER:HOST*" run_n --uidmap "$bad" busybox true
done
fails "behind the last id" 125 "berth: --uidmap *above the last id" run_n --uidmap 0:4294967290:10 busybox true
fails "one id twice" 125 "berth: --uidmap 5:9:1: overlaps 0:1:10" run_n --uidmap 0:1:10 --uidmap 5:9:1 busybox true
fails "one id of the host twice" 125 "berth: --gidmap 50:5:1: overlaps 0:1:10" run_n --uidmap 0:1:10 --gidmap 0:1:10 --gidmap 50:5:1 busybox true
fails "auto of no size" 125 "berth: --userns auto: size=0: *" run_n --userns auto:size=0 busybox true
fails "auto of what there is not" 125 "berth: --userns auto: sise=9: expected*" run_n --userns auto:sise=9 busybox true
fails "a user who is not mapped" 125 "berth: user 70000 is not mapped in the container's user namespace" auto -u 70000 busybox true
fails "a group" 125 "berth: group 70000 is not mapped in the container's user namespace" auto -u 0:70000 busybox true
fails "a further group" 125 "berth: group 70001 is not mapped in *" auto --group-add 70001 busybox true
fails "no root at all" 125 "berth: --uidmap: *no id 0*" run_n --uidmap 5:100000:10 -u 5:5 busybox true
fails "no such namespace" 125 "berth: */nosuch*" run_n --userns ns:/nosuch busybox true
fails "the host's as one of others" 125 "berth: --userns ns:/proc/self/ns/user: it is the host's" run_n --userns ns:/proc/self/ns/user busybox true

# ---- files
start c --userns auto -v named:/named -v "$T/host:/host" -p 127.0.0.1::80
is "the host sees other ids" "$(stat -c '%u %g' /proc/"$(berth inspect -f '{{.State.Pid}}' c)"/root/etc)" "805306368 805306368"
berth exec c sh -c 'mkdir /w && echo text >/w/root && echo text >/w/guest && chown 1000:1000 /w/guest && chmod 4755 /w/root && mknod /w/pipe p && ln -s root /w/link && rm /etc/greeting && echo more >>/srv/data/a'
upper=$ROOT/containers/$(berth inspect -f '{{.Id}}' c)/upper
is "what it writes has its ids on the disk" "$(stat -c '%u:%g' "$upper"/w/{root,guest,pipe,link} "$upper/srv/data/a" | tr '\n' ' ')" "0:0 1000:1000 0:0 0:0 0:0 "
is "diff" "$(berth diff c | sort | tr '\n' ' ')" "A /w A /w/guest A /w/link A /w/pipe A /w/root C /etc C /srv C /srv/data C /srv/data/a D /etc/greeting "
owners() { tar --numeric-owner -tvf - "$@" | awk '{ print $2, $6 }' | sort -k 2 | tr '\n' ' '; }
wanted="0/0 w/ 1000/1000 w/guest 0/0 w/link 0/0 w/pipe 0/0 w/root "
is "export while it runs" "$(berth export c | owners ./w w 2>/dev/null | sed 's:\./::g')" "$wanted"
is "cp to an archive" "$(berth cp c:/w - | owners)" "$wanted"
berth cp -a c:/w "$T/out"
is "cp -a out" "$(stat -c '%u:%g' "$T/out"/{root,guest,pipe,link} | tr '\n' ' ')" "0:0 1000:1000 0:0 0:0 "
is "with its mode" "$(stat -c %a "$T/out/root")" 4755
mkdir -p "$T/in/sub" && echo in >"$T/in/sub/f" && ln -s f "$T/in/sub/l" && chown -hR 1000:1001 "$T/in/sub"
t "cp in" berth cp "$T/in" c:/in
says "is root's" "0:0 0:0 0:0" berth exec c sh -c 'echo $(stat -c %u:%g /in /in/sub/f /in/sub/l)'
t "cp -a in" berth cp -a "$T/in" c:/ina
says "is whose it was" "0:0 1000:1001 1000:1001" berth exec c sh -c 'echo $(stat -c %u:%g /ina /ina/sub/f /ina/sub/l)'
chown 70000 "$T/in/sub/f"
fails "but for whom there is not" 125 "berth: *its owner 70000:1001 is not mapped in the container's user namespace" berth cp -a "$T/in/sub/f" c:/x
chown 1000 "$T/in/sub/f"
t "an archive in" sh -c "tar -C '$T/in' -cf - sub | '$BERTH' --root '$ROOT' cp - c:/tmp"
says "is root's as well" "0:0 0:0" berth exec c sh -c 'echo $(stat -c %u:%g /tmp/sub /tmp/sub/f)'
t "with its owners" sh -c "tar -C '$T/in' -cf - sub | '$BERTH' --root '$ROOT' cp -a - c:/named"
says "it is theirs" "1000:1001 1000:1001" berth exec c sh -c 'echo $(stat -c %u:%g /named/sub /named/sub/f)'
t "commit" berth commit -q c img
berth stop -t 0 c >/dev/null
is "export when it has ended" "$(berth export c | owners ./w w 2>/dev/null | sed 's:\./::g')" "$wanted"
berth cp -a c:/w "$T/out2"
is "cp -a out of it" "$(stat -c '%u:%g' "$T/out2"/{root,guest,pipe,link} | tr '\n' ' ')" "0:0 1000:1000 0:0 0:0 "
berth cp "$T/in" c:/in2
is "berth mount shows them too" "$(stat -c '%u:%g' "$(berth mount c)"/w/{root,guest} | tr '\n' ' ')" "0:0 1000:1000 "
fails "and is to go before it starts" 1 "berth: *berth umount it first" berth start c
berth umount c >/dev/null
t "it starts again" berth start c
says "what was copied meanwhile is root's" "0:0 0:0" berth exec c sh -c 'echo $(stat -c %u:%g /in2/sub/f /w/root)'
is "with the same ids" "$(awk '{ print $2 }' /proc/"$(berth inspect -f '{{.State.Pid}}' c)"/uid_map)" 805306368
t "update" berth update --restart always c
t "restart" berth restart -t 0 c
is "leave them" "$(awk '{ print $2 }' /proc/"$(berth inspect -f '{{.State.Pid}}' c)"/uid_map)" 805306368
t "rm" berth rm -f c
berth run -d --name again --network none --userns auto:size=1000 --restart always busybox sleep 0.2 >/dev/null
t "the restart policy" until_true 20 sh -c "[ \$('$BERTH' --root '$ROOT' inspect -f '{{.RestartCount}}' again) -ge 2 ]"
is "leaves them as well" "$(berth inspect -f '{{.HostConfig.IDMappings.UidMap}}' again)" "[0:805306368:1000]"
berth rm -f again >/dev/null
says "an image that it became" "0:0 1000:1000 no" run_n img sh -c 'echo $(stat -c %u:%g /w/root /w/guest) $(test -e /etc/greeting || echo no)'
says "is the same in another namespace" "0:0 1000:1000" auto img sh -c 'echo $(stat -c %u:%g /w/root /w/guest)'

# ---- volumes
berth volume rm named >/dev/null
says "a new volume is the container's" "0:0 0:0" auto -v new:/v busybox sh -c 'touch /v/f && echo $(stat -c %u:%g /v /v/f)'
is "who has other ids on the host" "$(stat -c %u:%g "$ROOT"/volumes/new/_data{,/f} | tr '\n' ' ')" "805306368:805306368 805306368:805306368 "
says "what the image has comes along" "0 it works" auto -v www:/www busybox sh -c 'echo $(stat -c %u /www/index.html) $(cat /www/index.html)'
mkdir "$T/mine" && echo mine >"$T/mine/f" && chown 4321:4322 "$T/mine/f"
says "a folder of the host stays as it is" "65534:65534 65534:65534" auto -v "$T/mine:/m" busybox sh -c 'echo $(stat -c %u:%g /m /m/f)'
says ":idmap maps it as the container is" "0:0 4321:4322" auto -v "$T/mine:/m:idmap" busybox sh -c 'echo $(stat -c %u:%g /m /m/f)'
says "for who writes as well" 5 auto -v "$T/mine:/m:idmap" busybox sh -c 'touch /m/g && chown 5 /m/g && stat -c %u /m/g'
is "on the disk" "$(stat -c %u "$T/mine/g")" 5
says ":U gives it to the container's user" "1000:1000" auto -u guest -v "$T/mine:/m:U" busybox sh -c 'echo $(stat -c %u:%g /m/f)'
is "who is somebody else here" "$(stat -c %u "$T/mine/f")" 805307368
mkdir "$T/over" && echo below >"$T/over/f" && chown 12:34 "$T/over" && chown 5:6 "$T/over/f"
says ":O shows what is there as the container maps it, and takes what is written" "below 12:34 5:6 0:0 7:7" auto -v "$T/over:/m:O" busybox sh -c 'was=$(stat -c %u:%g /m/f); touch /m/g && chown 7:7 /m/f && echo $(cat /m/f) $(stat -c %u:%g /m) $was $(stat -c %u:%g /m/g /m/f)'
is "for itself alone" "$(ls "$T/over") $(stat -c %u:%g "$T/over/f")" "f 5:6"
berth run --name over --network none --userns auto -v "$T/over:/m:O" busybox sh -c 'test -e /m/g || touch /m/g' >/dev/null
upper=$ROOT/containers/$(berth inspect -f '{{.Id}}' over)/over-0/upper
is "on the disk it is root's" "$(stat -c %u:%g "$upper/g")" 0:0
t "the next start begins anew" berth start -a over
t "and goes" berth rm over
says "an image as a volume" "0 1000" auto --mount type=image,src=img,dst=/im busybox sh -c 'echo $(stat -c %u /im/etc /im/w/guest)'
says "a tmpfs with owner" "1000 1700" auto --tmpfs /t:uid=1000,mode=1700 busybox stat -c '%u %a' /t
mkdir "$T/folder" && tar -C "$T/folder" -xf <(berth export "$(berth create busybox true)") && chown 1000 "$T/folder/srv"
says "--rootfs" "0 1000" berth run --rm --network none --userns auto --rootfs "$T/folder" sh -c 'echo $(stat -c %u /etc /srv)'

# ---- what a container has
echo -n s3cret >"$T/sec" && berth secret create tok "$T/sec" >/dev/null
says "a secret is its root's" "0 0 444 s3cret" auto --secret tok busybox sh -c 'echo $(stat -c "%u %g %a" /run/secrets/tok) $(cat /run/secrets/tok)'
says "or its user's" "1000 400 s3cret" auto -u guest --secret tok,uid=1000,mode=0400 busybox sh -c 'echo $(stat -c "%u %a" /run/secrets/tok) $(cat /run/secrets/tok)'
says "hosts is its own to write" "0:0 1.2.3.4" auto busybox sh -c 'echo 1.2.3.4 x >/etc/hosts && echo $(stat -c %u:%g /etc/hosts) $(cut -d" " -f1 /etc/hosts)'
says "a tty has its group" "5" auto -t busybox sh -c 'stat -c %g /dev/pts/0 | tr -d "\r\n"' </dev/null
says "a pipe is opened again" "one two" auto -u guest busybox sh -c 'echo -n "one " >/dev/stdout; echo two >/proc/self/fd/1'
says "what is mounted" "cgroup2 devpts mqueue overlay proc sysfs tmpfs" auto busybox sh -c 'echo $(stat -f -c %T / /proc /sys /dev /dev/mqueue /dev/pts /sys/fs/cgroup >/dev/null; for d in / /proc /sys /dev /dev/mqueue /dev/pts /sys/fs/cgroup; do awk -v d=$d "\$2 == d { t = \$3 } END { print t }" /proc/mounts; done | sort)'
says "its devices" "rw 1:3 0" auto busybox sh -c 'echo x >/dev/null && head -c 1 /dev/zero >/dev/null && echo rw $(stat -c %t:%T /dev/null) $(stat -c %u /dev/null)'
says "one of the host's" "0 read" auto --device /dev/zero:/dev/z busybox sh -c 'head -c 1 /dev/z >/dev/null && echo $(stat -c %u /dev/z) read'
echo '{"cdiVersion":"0.6.0","kind":"vendor.com/dev","devices":[{"name":"x","containerEdits":{"env":["HAVE=x"],"deviceNodes":[{"path":"/dev/y","hostPath":"/dev/zero"}],"mounts":[{"hostPath":"'"$T"'/host","containerPath":"/drv","options":["ro"]}]}}]}' >"$T/host/v.json"
says "one of a vendor's" "x 1:5 here" auto --cdi-spec-dir "$T/host" --device vendor.com/dev=x busybox sh -c 'echo $HAVE $(stat -c %t:%T /dev/y) $(test -f /drv/v.json && echo here)'
says "a port below 1024" listens auto busybox sh -c 'nc -l -p 80 & n=0; until grep -q ":0050 " /proc/net/tcp /proc/net/tcp6; do n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.1; done; echo listens'
says "the host's network, whose /sys is the host's" "lo sysfs" berth run --rm --network host --userns auto busybox sh -c 'echo $(ls /sys/class/net | grep -x lo) $(awk "\$2 == \"/sys\" { t = \$3 } END { print t }" /proc/mounts)'
fails "in which it has no rights" "1|2" "*not permitted*" berth run --rm --network host --userns auto --cap-add NET_ADMIN busybox ip link set lo down
says "the host's processes" "$$" auto --pid host busybox sh -c "ls -d /proc/$$ | cut -d/ -f3"
says "the host's other namespaces" "0 $(hostname) here" auto --ipc host --uts host --cgroupns host busybox sh -c 'echo $(id -u) $(hostname) $(test -w /dev/shm && echo here)'
says "read-only, with /tmp" "ro tmp" auto --read-only busybox sh -c 'touch /x 2>/dev/null || echo -n "ro "; touch /tmp/x && echo tmp'
says "--init" "1 init" auto --init busybox sh -c 'echo $(cat /proc/1/comm | wc -l) $(cat /proc/1/comm)'
says "limits of the host" 900 auto --ulimit nofile=900:1000 busybox sh -c 'ulimit -n'
says "a user" "1000 1000 29" auto -u guest busybox sh -c 'echo $(id -u) $(id -G)'
like "privileged in its own" "$(auto --privileged busybox sh -c 'mount -t tmpfs t /mnt 2>&1; mkdir -p /mnt; mount -t tmpfs t /mnt && echo mounts; ls /dev | wc -l')" "*mounts*"
unlike "without the host's devices" "$(auto --privileged busybox ls /dev)" "*loop*"
berth run -d --name h --network none --userns auto --health-cmd 'test "$(id -u)" = 0' --health-interval 200ms busybox sh -c "$nap" >/dev/null
t "a health check" until_true 10 sh -c "'$BERTH' --root '$ROOT' inspect -f '{{.State.Health.Status}}' h | grep -qx healthy"
says "exec as a user of the image" "1000 guest" berth exec -u guest h sh -c 'echo $(id -u) $(whoami)'
is "whose pipe is opened again" "$(berth exec -u guest h sh -c 'echo again >/dev/stdout')" again
fails "exec as nobody of it" "125|126" "berth: *70000 is not mapped*" berth exec -u 70000 h true
says "exec -t" "0" berth exec -t h sh -c 'stat -c %u /dev/pts/0 | tr -d "\r\n"'
like "top shows the host's ids" "$(berth top h -o uid)" "*805306368*"
is "inspect" "$(berth inspect -f '{{.HostConfig.UsernsMode}} {{.HostConfig.IDMappings.UidMap}}' h)" "private [0:805306368:65536]"
like "ps" "$(berth ps)" "*h*"

# ---- shared
says "another one's namespace" "0 805306368 65536 0" run_n --userns container:h --pid container:h busybox sh -c 'echo $(cat /proc/self/uid_map) $(stat -c %u /etc)'
t "whose processes it may end" run_n --userns container:h --pid container:h busybox kill -0 1
is "inspect names it" "$(berth inspect -f '{{.HostConfig.UsernsMode}}' "$(berth create --userns container:h busybox true)")" "container:$(berth inspect -f '{{.Id}}' h)"
says "all of its namespaces" "lo 1 here" berth run --rm --userns container:h --network container:h --ipc container:h --pid container:h busybox sh -c 'echo $(ls /sys/class/net) $(ls -d /proc/1 | cut -d/ -f3) $(test -w /dev/shm && echo here)'
pid=$(berth inspect -f '{{.State.Pid}}' h)
says "by its path" "0 805306368 65536 0" run_n --userns "ns:/proc/$pid/ns/user" busybox sh -c 'echo $(cat /proc/self/uid_map) $(touch /x && stat -c %u /x)'
fails "another one's processes alone are not shared" 125 "berth: --userns: *cannot share the pid namespace*--userns container:NAME" auto --pid container:h busybox true
berth run -d --name plain --network none busybox sh -c "$nap" >/dev/null
says "one with the host's ids has none to share" "0 0 4294967295" run_n --userns container:plain busybox sh -c 'echo $(cat /proc/self/uid_map)'
says "from the host's ids any is joined" 0 run_n --pid container:h busybox sh -c 'stat -c %u /'

berth ps -aq | while read -r id; do berth rm -f "$id" >/dev/null; done
is "none is left" "$(berth ps -aq)" ""
