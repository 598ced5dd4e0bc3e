#!/bin/bash
# --storage-opt: what a container may write in its root has a bound, on whatever file system.
# time: 300
. "$(dirname "$0")/lib.sh"
need mkfs.ext4 e2fsck strace
[ -e /dev/loop-control ] || modprobe loop # where no udev has made the node
use_busybox
box() { berth run --network none --storage-opt size=64m "$@"; }
disk() { echo "$ROOT/containers/$(berth inspect -f '{{.Id}}' "$1")/disk"; }
# No loop device has a file of ours: each is gone when the last that used it is.
no_loops() { ! grep -qs "^$T/" /sys/block/loop*/loop/backing_file; }
in_use() { grep -qs "^$T/" /sys/block/loop*/loop/backing_file; }

# ---- the bound
says "df says what it is" 65536 box --rm busybox sh -c 'df -k / | awk "END { print \$2 }"'
says "and how many files there may be" 1024 box --rm --storage-opt inodes=1024 busybox sh -c 'df -i / | awk "END { print \$2 }"'
like "both in one" "$(berth run --rm --network none --storage-opt size=20m,inodes=160 busybox sh -c 'df -k /; df -i /' | awk '/berth/ { print $2 }' | tr '\n' ' ')" "20480 160 "
box --name full busybox sh -c 'dd if=/dev/zero of=/big bs=1M count=100 2>&1; echo more >/small' >"$T/full" 2>&1
like "more than that is not written" "$(cat "$T/full")" "*dd: error writing '/big': No space left on device*"
size=$(berth ps -asf name=full --format '{{.Size}}')
like "what was written is counted" "${size%.*}" "[56]?"
like "by inspect too" "$(berth inspect -s -f '{{.SizeRw}}' full)" "[56]???????"
like "and by system df" "$(berth system df -v --format '{{range .Containers}}{{.Size}} {{.Logs}}{{end}}')" "[56]?.?MB *[0-9]?[kK]B"
says "inspect says the bound" '{"size":"67108864"}' berth inspect -f '{{json .HostConfig.StorageOpt}}' full
says "nothing where there is none" null sh -c '"$0" --root "$1" create --name none busybox true >/dev/null; "$0" --root "$1" inspect -f "{{json .HostConfig.StorageOpt}}" none' "$BERTH" "$ROOT"
start full2 --network none --storage-opt size=64m
t "another one's is its own" berth exec full2 dd if=/dev/zero of=/big bs=1M count=40
t "as is the host's" dd if=/dev/zero of="$T/big" bs=1M count=70 status=none
says "what is removed inside" 40 berth exec full2 sh -c 'sync; du -m /big | cut -f1; rm /big; sync'
less() { [ "$(du -m "$(disk full2)" | cut -f1)" -lt 20 ]; }
t "the host gets back" until_true 10 less
like "nor are more files made" "$(box --rm --storage-opt inodes=64 busybox sh -c 'for i in $(seq 100); do touch /f$i || exit; done' 2>&1)" "touch: /f[45]?: No space left on device"
rm "$T/big"

# ---- lives: what was written stays, the loop device does not
t "while it runs there is a loop device" in_use
t "stop" berth stop -t 0 full2
t "of those that do not, none has one" until_true 10 no_loops
box -d --name s busybox sh -c 'echo $$ >>/lives; exec sleep 1000' >/dev/null
lives() { [ "$(berth exec "$1" wc -l /lives)" = "$2 /lives" ]; } # it has written that often
t "its first life" until_true 10 lives s 1
for n in 2 3; do
	berth stop -t 0 s >/dev/null
	t "start $n" berth start s
	t "has what was written before" until_true 10 lives s "$n"
done
box --name again --restart on-failure:2 busybox sh -c 'echo x >>/lives; exit 3'
is "a restart has it, too" "$(berth cp again:/lives - | tar -xO)" "x
x
x"

# ---- it is seen from outside as any other, running or not
berth exec s sh -c 'mkdir /d; echo hello >/d/hello; chown 7:8 /d/hello; ln -s hello /d/link; rm /etc/group'
look() {
	is "diff, $1" "$(berth diff s | grep -v '^C' | sort | tr '\n' ' ')" "A /d A /d/hello A /d/link A /lives D /etc/group "
	is "cp from it, $1" "$(berth cp s:/d - | tar -tv | awk '{ print $2, $6 }' | sort | tr '\n' ' ')" "0/0 d/ 0/0 d/link 7/8 d/hello "
	t "cp into it, $1" berth cp "$T/full" s:/lives2
	is "export, $1" "$(berth export s | tar -xO d/hello)" hello
	t "commit, $1" berth commit -q s "of-$1"
	says "the image has it, $1" "hello 7 /d/link" berth run --rm --network none "of-$1" sh -c 'test ! -e /etc/group || exit 1; echo $(cat /d/hello; stat -c %u /d/hello; ls /d/link)'
	berth exec s rm /lives2 2>/dev/null
}
look running
berth stop -t 0 s >/dev/null
look stopped
until_true 10 no_loops
seen=$(berth mount s)
is "mount" "$(cat "$seen/d/hello")" hello
echo seen >"$seen/d/seen"
t "umount" berth umount s
t "leaves none" until_true 10 no_loops
berth start s >/dev/null
says "what was written there is there" seen berth exec s cat /d/seen
many() {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		berth "$@" >"$T/many.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || return 1; done
}
t "eight look at a running one at once" many diff s
berth stop -t 0 s >/dev/null
t "and at one that is stopped" many diff s
is "they see the same" "$(sort -u "$T"/many.* | grep -c hello)" 1
until_true 10 no_loops
t "its file system is whole" e2fsck -fn "$(disk s)"
t "rm" berth rm s
t "rm of all that ran full" berth rm full full2 again none

# ---- with the rest
says "in a user namespace" "65536 0 0 7" box --rm --userns auto busybox sh -c 'echo x >/a; chown 7 /etc/passwd; echo $(df -k / | awk "END { print \$2 }") $(stat -c %u /a /etc) $(stat -c %u /etc/passwd)'
box --name u --userns auto busybox sh -c 'echo u >/u'
is "its files are root's for others" "$(berth cp u:/u - | tar -tv | awk '{ print $2 }')" 0/0
t "it starts again" berth start -a u
says "read-only, there is nothing to bound" 65536 box --rm --read-only busybox sh -c 'touch /x 2>/dev/null && exit 1; df -k / | awk "END { print \$2 }"'
ends "its exit status is its own" 7 box --rm busybox sh -c 'exit 7'
t "no supervisor's end leaves a loop device" until_true 10 no_loops
berth rm u >/dev/null

# ---- what is refused
fails "no size" 125 "berth: --storage-opt: expected size=SIZE*" berth run --storage-opt inodes=100 busybox true
fails "a small one" 125 "berth: --storage-opt: size=1m: *at least 16m" berth run --storage-opt size=1m busybox true
fails "none at all" 125 "berth: --storage-opt: size=lots: *" berth run --storage-opt size=lots busybox true
fails "few files" 125 "berth: --storage-opt: inodes=x: *number*" berth run --storage-opt size=20m --storage-opt inodes=x busybox true
fails "what there is not" 125 "berth: --storage-opt: foo=1: expected size=*" berth run --storage-opt foo=1 busybox true
fails "more files than room" 125 "berth: make the disk: *" berth create --storage-opt size=16m,inodes=900000000 busybox true
mkdir "$T/folder"
fails "a folder of the host's" 125 "berth: --storage-opt: *--rootfs*" berth run --storage-opt size=20m --rootfs "$T/folder" true
fails "without mkfs.ext4" 125 "berth: run mkfs.ext4: No such file or directory; install e2fsprogs" unshare -m sh -c 'mount -t tmpfs none /usr/sbin; [ /sbin -ef /usr/sbin ] || mount -t tmpfs none /sbin; "$@"' sh "$BERTH" --root "$ROOT" create --storage-opt size=20m busybox true
is "nothing of these is left" "$(ls "$ROOT/containers" "$ROOT/names")" "$ROOT/containers:

$ROOT/names:"

# ---- the host's disk is full
mkdir "$T/small"
mount -t tmpfs -o size=24m small "$T/small"
ROOTS+=("$T/small")
small() { "$BERTH" --root "$T/small" "$@"; }
small load -q -i "$T/busybox.oci" >/dev/null
t "more may be promised than there is" small create --name a --network none --storage-opt size=1g busybox sh -c 'dd if=/dev/zero of=/big bs=1M count=100 conv=fsync 2>&1; echo "status $?"'
small start -a a >"$T/out" 2>&1
like "when it is not there, who writes is told" "$(cat "$T/out")" "*dd: */big*: No space left on device*status 1*"
t "the container ends, and is removed" small rm -f a
dd if=/dev/zero of="$T/small/rest" bs=64k >/dev/null 2>&1
fails "with no room at all none is made" 125 "berth: *No space left*" small create --name b --storage-opt size=64m busybox true
rm "$T/small/rest"
t "with room again one is" small run --rm --network none --storage-opt size=16m busybox true
umount -l "$T/small"

# ---- kill -9 of who makes it, at each of its steps
steps() { # SYSCALL: how often a run calls it
	strace -f -o "$T/trace" -e trace="$1" "$BERTH" --root "$ROOT" run --rm --network none --storage-opt size=16m busybox true >/dev/null 2>&1
	grep -c "^[0-9]* *$1(" "$T/trace"
}
left=
for call in ioctl fsconfig fsmount move_mount ftruncate; do
	n=$(steps $call)
	[ "$n" -gt 0 ] || left+=" $call is not called"
	for ((i = 1; i <= n && i <= 12; i++)); do
		strace -f -o "$T/trace" -e trace=$call -e inject=$call:signal=KILL:when=$i "$BERTH" --root "$ROOT" run --rm --network none --name k --storage-opt size=16m busybox true >/dev/null 2>&1
		berth rm -f k >/dev/null 2>&1
		[ -z "$(find "$ROOT/containers" "$ROOT/names" -mindepth 1)" ] || left+=" $call:$i"
	done
done
is "leaves nothing that the next command does not take away" "$left" ""
t "nor a loop device" until_true 10 no_loops
box -d --name k --restart always busybox sh -c 'echo x >>/lives; exec sleep 1000' >/dev/null
until_true 10 lives k 1
pid=$(berth inspect -f '{{.State.Pid}}' k)
kill_9 "$(sed -n 's/^PPid:\s*//p' "/proc/$pid/status")"
t "a container whose supervisor is killed ends" until_true 10 test ! -d "/proc/$pid"
t "and starts again" berth start k
t "has what it wrote" until_true 10 lives k 2
t "rm -f" berth rm -f k
t "in the end there is no loop device" until_true 10 no_loops

# ---- volumes
vol() { berth run --rm --network none -v "$@"; }
says "a volume with a bound" v berth volume create -o size=32m,inodes=160 v
says "has what the image has there" passwd vol v:/etc busybox sh -c 'ls /etc | grep passwd; rm /etc/passwd; echo x >/etc/mine'
says "once, and what was written" "mine 32768 160" vol v:/etc busybox sh -c 'echo $(ls /etc | grep -e passwd -e mine) $(df -k /etc | awk "END { print \$2 }") $(df -i /etc | awk "END { print \$2 }")'
like "and no more" "$(vol v:/data busybox dd if=/dev/zero of=/data/big bs=1M count=40 2>&1)" "*No space left on device*"
like "system df counts it" "$(berth system df -v --format '{{range .Volumes}}{{.Size}}{{end}}')" "[23]?.*MB"
says "inspect says its bound" '{"size":"32m","inodes":"160"}' sh -c '"$0" --root "$1" volume create -o size=32m -o inodes=160 w >/dev/null; "$0" --root "$1" volume inspect -f "{{json .Options}}" w' "$BERTH" "$ROOT"
start v1 --network none -v w:/w
start v2 --network none -v w:/w:ro
berth exec v1 sh -c 'echo shared >/w/f'
says "two containers share one" shared berth exec v2 cat /w/f
fails "read-only for who has it so" 1 "*Read-only file system" berth exec v2 touch /w/g
berth rm -f -t 0 v1 v2 >/dev/null
berth volume create -o size=16m u >/dev/null
says "so when it is new" "0 0" vol u:/w --userns auto busybox sh -c 'touch /w/u && echo $(stat -c %u /w /w/u)'
says ":U gives it away" 7 vol u:/w:U -u 7 busybox sh -c 'touch /w/mine && stat -c %u /w'
says "nocopy leaves it empty" "" vol "$(berth volume create -o size=16m n):/var:nocopy" busybox ls /var
fails "no subpath" 125 "berth: volume w: one with a size has no subpath*" berth run --rm --network none --mount type=volume,src=w,dst=/w,volume-subpath=x busybox true
says "podman's o=size=…" '{"size":"16m","uid":"7"}' sh -c '"$0" --root "$1" volume create -o o=size=16m,uid=7 p >/dev/null; "$0" --root "$1" volume inspect -f "{{json .Options}}" p' "$BERTH" "$ROOT"
says "is one, and whose it is" "7 16384" vol p:/p busybox sh -c 'echo $(stat -c %u /p) $(df -k /p | awk "END { print \$2 }")'
fails "no size with a type" 125 "berth: --opt size: *without type*" berth volume create -o type=tmpfs -o device=tmpfs -o size=16m x
fails "nor inodes alone" 125 "berth: --opt: inodes without size" berth volume create -o inodes=16 x
fails "nor a small one" 125 "berth: --opt: size=1k: *at least 16m" berth volume create -o size=1k x
fails "export says what to do" 125 "berth: volume w is mounted for containers only*" berth volume export w
t "rm" berth volume rm v w u n p
t "after all there is no loop device" until_true 10 no_loops
