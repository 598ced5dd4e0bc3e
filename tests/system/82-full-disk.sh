#!/bin/bash
# A disk that is full: what was there stays whole, each command says which file there was no
# room for, and what frees room works.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq
use_busybox
small=$T/small
mkdir "$small"
mount -t tmpfs -o size=5m tmpfs "$small"
ROOTS+=("$small")
on() { "$BERTH" --root "$small" "$@"; }
fill() { dd if=/dev/zero of="$small/fill" bs=4k 2>/dev/null; }

t "there is room for an image" on load -q -i "$T/busybox.oci"
t "and a container" on run --name one --network none busybox sh -c 'head -c 500000 /dev/zero >/file'
fill
fails "run" 125 "berth: write $small/containers/*: No space left on device" on run --rm --network none busybox true
fails "tag" 125 "berth: write $small/store/index.json: No space left on device" on tag busybox other
fails "volume create" 125 "berth: write $small/volumes/*: No space left on device" on volume create v
fails "network create" 125 "berth: write $small/*: No space left on device" on network create n
fails "load" 125 "berth: *: No space left on device" on load -q -i "$T/busybox.oci"
is "what was there is shown" "$(on ps -a --format '{{.Names}}') $(on images --format '{{.Repository}}')" "one busybox"
fails "a check that has no room to unpack says so" 125 "berth: unpack image *busybox*: No space left on device" on system check
fails "and takes nothing away" 125 "berth: unpack image *busybox*: No space left on device" on system check --repair
is "the image is there" "$(on images --format '{{.Repository}}')" busybox
fails "start" 1 "berth: *: No space left on device" on start one
like "system prune frees what containers have, and with that room the rest" "$(on system prune -f -a)" "*Deleted Containers:*Deleted Images:*"
is "nothing is left" "$(on ps -aq)$(on images -q)" ""
rm "$small/fill"
t "and all is as before" on load -q -i "$T/busybox.oci"
t "runs" on run --rm --network none busybox true
t "sound" on system check

# ---- what is written elsewhere
to_full() { "$BERTH" --root "$ROOT" "$@" >/dev/full; }
fails "save" 125 "berth: write the archive: No space left on device" to_full save busybox
berth create --name two --network none busybox true >/dev/null
fails "export" 125 "berth: *: No space left on device" to_full export two
fill
fails "--cidfile" 125 "berth: write $small/cid: No space left on device" berth create --cidfile "$small/cid" --network none busybox true
is "leaves nothing behind, neither file nor container" "$(berth ps -a --format '{{.Names}}')$(find "$small" -name cid)" two
umount "$small"
ROOTS=("$ROOT")
