#!/bin/bash
# A part of a volume is looked for inside the volume, whatever its containers have put on the way
# there (CVE-2017-1002101, CVE-2021-25741).
# time: 200
. "$(dirname "$0")/../system/lib.sh"
use_busybox

mkdir -p "$T/host/sub" && echo host >"$T/host/file" && echo host >"$T/host/sub/file"
berth volume create v >/dev/null
in_v() { berth run --rm --network none -v v:/v "$@"; }
sub() { # SUBPATH SH [KEY...]
	local path=$1 sh=$2
	shift 2
	run berth run --rm --network none --user 7:7 --mount "type=volume,src=v,dst=/x,volume-subpath=$path${*:+,$*}" busybox sh -c "$sh"
}
t "a volume with links in it" in_v busybox sh -c '
	mkdir -p /v/real/sub && echo own >/v/real/sub/file && ln -s real/sub /v/near && ln -s /real/sub /v/absolute
	ln -s / /v/root && ln -s "$0" /v/out && ln -s ../../../../../.. /v/up' "$T/host"
for path in real/sub near absolute; do
	sub "$path" 'cat /x/file'
	is "subpath $path is in the volume" "$out" own
done
sub real/sub/file 'cat /x'
is "a file, too" "$out" own
sub real/sub 'stat -c %u /x/file' U=true
is "U=true is of that part" "$out" 7
is "and of no other" "$(in_v busybox stat -c %u /v/real)" 0
for path in root up .. ../../../.. "root$T/host" "up$T/host" out out/sub; do
	sub "$path" 'ls /x; ls /x/etc /x/containers; cat /x/file'
	unlike "subpath $path is nothing of the host's" "$out" "*host*"
	unlike "nor its folders" "$out" "*passwd*"
	unlike "nor ours" "$out" "*record.json*"
done
# never of the whole host: it would be the test's doing if it came to that
for path in out out/sub "root$T/host"; do
	sub "$path" true U=true
	sub "$path" true idmap
done
is "nothing of the host's has another owner" "$(stat -c %u "$T/host" "$T/host/file" "$T/host/sub" | sort -u)" "$(id -u)"
fails "where there is none" 125 "berth: volume v: subpath nosuch: *No such file*" \
	berth run --rm --network none --mount type=volume,src=v,dst=/x,volume-subpath=nosuch busybox true
if kernel_at_least 6.3; then
	sub real/sub 'touch /x/new && stat -c %u /x' idmap
	is "so is idmap" "$out" 7
else
	skip "so is idmap" "kernel:6.3: no id-mapped mounts of this file system"
fi
fails "a folder has no subpath" 125 "berth: *subpath is a volume's" berth run --rm --mount "type=bind,src=$T/host,dst=/x,subpath=sub" busybox true
fails "nor has a tmpfs" 125 "berth: *subpath is a volume's" berth run --rm --mount type=tmpfs,dst=/x,subpath=sub busybox true

# ---- while it is swapped
data=$ROOT/volumes/v/_data
mkdir -p "$data/dir/sub" && echo own >"$data/dir/sub/file"
"$PROBE" swap "$data/dir" "$data/out" 0 >/dev/null &
racer=$!
bad=0 good=0
for _ in $(seq "${ROUNDS:-60}"); do
	sub dir/sub 'cat /x/file' U=true
	case $out in
	own) good=$((good + 1));;
	*host*) bad=$((bad + 1));;
	esac
done
kill -9 "$racer"
wait "$racer" 2>/dev/null
is "a part that is swapped for a link never leads outside" "$bad" 0
isnt "though it was there at times" "$good" 0
is "nor has anything there another owner" "$(stat -c %u "$T/host" "$T/host/file" "$T/host/sub" | sort -u)" "$(id -u)"
