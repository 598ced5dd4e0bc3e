#!/bin/bash
# Root of a container with a user namespace is nobody on the host, nor in another container; and
# two containers never have an id in common, however many start at once, or are killed at it.
# time: 300
. "$(dirname "$0")/../system/lib.sh"
use_busybox
auto() { berth run --rm --network none --userns auto "$@"; }
pid_of() { berth inspect -f '{{.State.Pid}}' "$1"; }
first_id() { awk 'NR == 1 { print $2 }' "/proc/$(pid_of "$1")/uid_map"; }

# ---- on the host
mkdir "$T/host" "$T/open"
echo secret >"$T/host/file"; chmod 600 "$T/host/file"; chmod 777 "$T/open"
bound() { auto -v "$T/host:/h" -v "$T/open:/o" "$@"; }
for more in "" "--privileged" "--cap-add ALL"; do
	# shellcheck disable=SC2086
	says "root in there is not root here: read, write, own, enter $more" "no no no no" bound $more busybox sh -c '
		echo $(cat /h/file 2>/dev/null || echo no) $({ echo x >/h/file; } 2>/dev/null || echo no) \
			$(chown 0 /h/file 2>/dev/null || echo no) $(touch /h/new 2>/dev/null || echo no)'
done
is "the file is as it was" "$(cat "$T/host/file") $(stat -c '%u %a' "$T/host/file")" "secret 0 600"
auto -v "$T/open:/o" busybox sh -c 'cp /bin/busybox /o/suid && chown 0:0 /o/suid && chmod 6755 /o/suid'
is "what it makes set-ID gives rights of nobody" "$(stat -c '%u:%g %a' "$T/open/suid")" "805306368:805306368 6755"
auto -v new:/v busybox sh -c 'cp /bin/busybox /v/suid && chmod 6755 /v/suid'
is "in a volume as well" "$(stat -c '%u %a' "$ROOT/volumes/new/_data/suid")" "805306368 6755"
start a --userns auto
start b --userns auto
berth exec a sh -c 'cp /bin/busybox /suid && chmod 6755 /suid'
upper=$ROOT/containers/$(berth inspect -f '{{.Id}}' a)/upper/suid
is "in its own files it is root's" "$(stat -c '%u %a' "$upper")" "0 6755"
ends "where nobody of the host gets to" 1 setpriv --reuid 65533 --regid 65533 --clear-groups test -e "$upper"
is "its processes are not root" "$(stat -c %u "/proc/$(pid_of a)")" 805306368
is "nor is an exec" "$(berth exec -d a sleep 77; until_true 10 pgrep -xf 'sleep 77'; ps -o uid= -p "$(pgrep -xf 'sleep 77')" | tr -d ' ')" 805306368
ends "it ends no process of the host" 1 berth run --rm --network none --userns auto --pid host busybox kill -0 $$
ends "nor looks into one" 1 berth run --rm --network none --userns auto --pid host --cap-add ALL busybox cat /proc/$$/environ
for what in "mknod /m b 7 0" "mknod /m c 1 3" "mount -t ext4 /dev/loop0 /mnt" "mount -o remount,rw /sys" "sh -c 'echo 1 >/proc/sys/kernel/panic'" \
	"hostname -F /nosuch" "chroot /proc/1/root/.. stat /h" "swapoff -a"; do
	run auto --privileged busybox sh -c "mkdir -p /mnt; $what"
	isnt "refused in spite of --privileged: $what" "$rc" 0
done
berth run -d --name net --network host --userns auto --privileged busybox sh -c "$nap" >/dev/null
for what in "ip link add dummy9 type dummy" "ip addr add 10.99.0.1/32 dev lo" "ip route add blackhole 10.98.0.0/24"; do
	run berth exec net sh -c "$what"
	isnt "refused on the host's network: $what" "$rc" 0
done
t "removed" berth rm -f net

# ---- to each other
a=$(first_id a) b=$(first_id b)
is "two have ranges beside each other" "$((b - a))" 65536
ends "one's root ends no process of the other" 1 berth run --rm --network none --userns auto --pid host busybox kill -0 "$(pid_of a)"
berth exec a sh -c 'echo hers >/f; chmod 600 /f'
ends "nor gets at its files" 1 auto -v "$ROOT/containers/$(berth inspect -f '{{.Id}}' a)/upper:/a" busybox cat /a/f
start first --userns auto -v shared:/s
berth exec first sh -c 'echo one >/s/f; chmod 600 /s/f'
says "a volume stays its first one's" "no" auto -v shared:/s busybox sh -c 'cat /s/f 2>/dev/null || echo no'
ln -s /etc "$T/in"
berth exec a ln -s /../../../../../../etc /trap
t "cp into a link's target stays inside" berth cp "$T/host/file" a:/trap/copied
is "which is not ours" "$([ -e /etc/copied ] && echo here)" ""
says "and its root's" "0 600" berth exec a stat -c '%u %a' /etc/copied
t "removed" berth rm -f a b first

# ---- what a layer says of ids besides owners
mkdir "$T/bin" && cp /bin/busybox "$T/bin/busybox" && echo acl >"$T/bin/list" && chmod 600 "$T/bin/list"
setfacl -m u:1000:r "$T/bin/list" && setcap cap_net_raw+ep "$T/bin/busybox"
berth create --name caps busybox true >/dev/null
berth cp -a "$T/bin" caps:/b
berth commit -q caps caps >/dev/null
berth rm caps >/dev/null
says "a file's list of users" acl auto -u guest caps cat /b/list
says "a file's capabilities" 0000000000002000 auto -u guest caps /b/busybox sh -c 'while read -r k v; do [ "$k" = CapEff: ] && echo $v; done </proc/self/status; true'

# ---- many at once
mkdir "$T/maps"
pids=()
for i in $(seq 20); do
	berth run -d --name "p$i" --network none --userns auto busybox sh -c "$nap" >/dev/null &
	pids+=($!)
done
wait "${pids[@]}"
is "20 that start at once all run" "$(berth ps -q | wc -l)" 20
for i in $(seq 20); do first_id "p$i"; done | sort -n >"$T/ids"
is "in 20 ranges" "$(uniq "$T/ids" | wc -l)" 20
is "that do not overlap" "$(awk 'NR > 1 && $1 < last + 65536 { n++ } { last = $1 } END { print n + 0 }' "$T/ids")" 0
is "and without a gap" "$(tail -n 1 "$T/ids")" $((805306368 + 19 * 65536))
is "as their records say" "$(berth ps -aq | xargs "$BERTH" --root "$ROOT" inspect -f '{{index .HostConfig.IDMappings.UidMap 0}}' | cut -d: -f2 | sort -n | cmp - "$T/ids" && echo same)" same
berth ps -aq | xargs "$BERTH" --root "$ROOT" rm -f >/dev/null

# ---- killed
for i in $(seq 40); do
	berth run --rm --network none --userns auto busybox true >/dev/null 2>&1 &
	sleep "0.0$((RANDOM % 50 + 10))"
	kill_9 $!
	wait $! 2>/dev/null
done
berth ps -aq | xargs -r "$BERTH" --root "$ROOT" rm -f >/dev/null 2>&1
is "what was killed is gone" "$(berth ps -aq | wc -l)" 0
is "and holds no range" "$(auto busybox sh -c 'set -- $(cat /proc/self/uid_map); echo $2')" 805306368
