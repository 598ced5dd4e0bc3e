#!/bin/bash
# Bad input gets one line that names what was wrong, status 125, and changes nothing.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq
use_busybox
t "an image" berth run --rm --network none busybox true
# what a person has: images, containers, names, networks (folders may be made, leftovers of a pull
# are what the next one goes on from)
store() {
	(cd "$ROOT" && find containers names volumes networks store/blobs store/layers store/images store/index.json \
		-not -type d 2>/dev/null | sort | sha256sum; cat store/index.json)
}
before=$(store)
touch "$T/stamp"
unchanged() {
	[ "$(store)" != "$before" ] || { ok "  and changes nothing"; return; }
	not_ok "  and changes nothing" "$(cd "$ROOT" && find . -newer "$T/stamp" -not -path './seccomp*' -not -name events | head)"
}
bad_load() { # NAME PATTERN FILE: into a store that has nothing of it
	fails "$1" 125 "berth: *$2*" "$BERTH" --root "$T/fresh" load -i "$3"
	is "  and leaves nothing" "$(find "$T/fresh" -path '*store*' -type f -size +0 -not -name index.json -not -name oci-layout 2>/dev/null)" ""
	rm -rf "$T/fresh"
}
# copy NAME: a fresh image layout to break; prints its folder
copy() { cp -r "$T/busybox.oci" "$T/$1"; echo "$T/$1"; }
manifest_of() { echo "$1/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$1/index.json")"; }
# put LAYOUT FILE: stores it as a blob, prints "DIGEST SIZE"
put() {
	local d
	d=$(sha256sum "$2" | cut -d' ' -f1)
	mv "$2" "$1/blobs/sha256/$d"
	echo "sha256:$d $(stat -c %s "$1/blobs/sha256/$d")"
}
# change_manifest LAYOUT JQ: with a digest and size in the index that fit again
change_manifest() {
	jq -c "$2" "$(manifest_of "$1")" >"$T/new" || exit 1
	read -r digest size < <(put "$1" "$T/new")
	jq -c ".manifests[0].digest = \"$digest\" | .manifests[0].size = $size" "$1/index.json" >"$T/new" && mv "$T/new" "$1/index.json"
}
change_config() {
	local m
	m=$(manifest_of "$1")
	jq -c "$2" "$1/blobs/sha256/$(jq -r '.config.digest[7:]' "$m")" >"$T/new" || exit 1
	read -r digest size < <(put "$1" "$T/new")
	change_manifest "$1" ".config.digest = \"$digest\" | .config.size = $size"
}

bad_load "a file that is not there" nosuch "$T/nosuch"
head -c 100000 /dev/urandom >"$T/noise"
bad_load "noise" noise "$T/noise"
: >"$T/empty"
bad_load "nothing" empty "$T/empty"
mkdir "$T/emptydir"
bad_load "an empty folder" emptydir "$T/emptydir"
tar -C "$T/busybox.oci" -cf "$T/whole.tar" .
head -c 300000 "$T/whole.tar" >"$T/half.tar"
bad_load "half an archive" half.tar "$T/half.tar"

d=$(copy no-index); rm "$d/index.json"
bad_load "no index" index.json "$d"
d=$(copy bad-json); echo '{"schemaVersion":2,"manifests":[' >"$d/index.json"
bad_load "an index that is no JSON" index.json "$d"
d=$(copy no-blob); rm "$(manifest_of "$d")"
bad_load "no manifest" "$(jq -r '.manifests[0].digest[7:]' "$d/index.json")" "$d"
d=$(copy flipped); layer=$d/blobs/sha256/$(jq -r '.layers[1].digest[7:]' "$(manifest_of "$d")")
printf 'X' | dd of="$layer" bs=1 seek=700 conv=notrunc status=none
bad_load "a layer with one byte changed" "$(basename "$layer" | cut -c1-12)" "$d"
d=$(copy longer); layer=$d/blobs/sha256/$(jq -r '.layers[1].digest[7:]' "$(manifest_of "$d")")
echo more >>"$layer"
bad_load "a layer that is longer" "$(basename "$layer" | cut -c1-12)" "$d"
d=$(copy size); change_manifest "$d" '.layers[0].size += 1'
bad_load "a size that is wrong" size "$d"
d=$(copy algorithm); change_manifest "$d" '.layers[0].digest |= sub("sha256"; "md5")'
bad_load "a digest of another algorithm" md5 "$d"
d=$(copy escape); change_manifest "$d" '.layers[0].digest = "sha256:../../../../etc/passwd"'
bad_load "a digest that is a path" digest "$d"
d=$(copy diff); change_config "$d" '.rootfs.diff_ids[0] |= sub(":...."; ":0000")'
bad_load "a diff id that is wrong" diff "$d"
d=$(copy count); change_config "$d" '.rootfs.diff_ids |= .[:2]'
bad_load "fewer diff ids than layers" diff_ids "$d"
d=$(copy both); change_manifest "$d" '.manifests = []'
bad_load "an index and a manifest at once" manifest "$d"
d=$(copy type); change_manifest "$d" '.layers[0].mediaType = "application/x-nosuch"'
bad_load "a media type that is unknown" application/x-nosuch "$d"

for args in "--nosuch" "-Z" "--name" "--network" "--hostname=$(printf 'x%.0s' {1..300})" "-v" "-v=relative:/x" "-e"; do
	# shellcheck disable=SC2086
	fails "run $(cut -c1-30 <<<"$args")" 125 "berth: *" berth run $args
	unchanged
done
fails "no image" 125 "berth: *IMAGE*" berth run
fails "a bad reference" 125 "berth: *UPPER*" berth run lower/UPPER true
fails "another" 125 "berth: *" berth run 'busybox:bad tag' true
fails "an image on a host that is not there, in one line" 125 "berth: *nosuch.invalid*" berth run nosuch.invalid/x true
fails "no container" 125 "berth: *" berth stop
for c in exec stop kill wait rm logs inspect start rename attach top; do
	more=()
	case $c in exec|rename) more=(x);; esac
	fails "$c of an unknown container" "1|125" "berth: *nosuch*" berth "$c" nosuch "${more[@]}"
done
unchanged

# output that is no text, in a log of JSON; a character that is written in two pieces
berth run --name bytes --network none --log-driver json-file busybox sh -c "printf 'a\\377b\\ncaf\\303'; sleep 0.3; printf '\\251\\n'" >/dev/null
is "bytes that are no text in a log of JSON" "$(jq -rj .log "$ROOT/containers/$(berth inspect -f '{{.Id}}' bytes)/log")" $'a\xef\xbf\xbdb\ncafé'
is "and read back" "$(berth logs bytes)" $'a\xef\xbf\xbdb\ncafé'
berth rm bytes >/dev/null
"$BERTH" --root "$ROOT" events --since 0 --until 9999-12-31T23:59:59Z >"$T/events" &
events=$!
t "a time that is later than all there are" until_true 20 grep -q "container create" "$T/events"
kill "$events"
wait "$events" 2>/dev/null
is "1970 is a time" "$(timeout 20 "$BERTH" --root "$ROOT" events --since 0 --until 0; echo $?)" 0
is "and what was before it" "$(timeout 20 "$BERTH" --root "$ROOT" events --since 0001-01-01T00:00:00Z --until 0001-01-02T00:00:00Z; echo $?)" 0

# a full disk
mkdir "$T/small"
mount -t tmpfs -o size=1m small "$T/small"
fails "a full disk" 125 "berth: *[Nn]o space*" "$BERTH" --root "$T/small/root" load -i "$T/busybox.oci"
is "leaves no layer" "$(find "$T/small" -path '*layers/*' -type f | head -n 3)" ""
mount -o remount,size=64m "$T/small"
t "with more room it works" "$BERTH" --root "$T/small/root" load -i "$T/busybox.oci"
# what runs when the disk becomes full goes on, and how it ended is known
small() { "$BERTH" --root "$T/small/root" "$@"; }
t "a container runs" small run -d --name spam --network none busybox sh -c 'trap "exit 6" TERM; while :; do echo line; sleep 0.1; done'
t "and writes" until_true 10 eval 'small logs spam | grep -q line'
dd if=/dev/zero of="$T/small/ballast" bs=64k >"$T/dd" 2>&1
fails "then the disk is full" 125 "berth: *[Nn]o space*" small run --rm --network none busybox true
is "it still runs" "$(small ps --format '{{.Names}}')" spam
t "it is stopped" small stop spam
is "its end is known" "$(small inspect -f '{{.State.Status}} {{.State.ExitCode}}' spam)" "exited 6"
t "it can be removed" small rm spam
umount -R "$T/small"
# a root that may not be written
mkdir "$T/ro"
mount -t tmpfs -o ro ro "$T/ro"
fails "a read-only state folder" 125 "berth: *$T/ro*" "$BERTH" --root "$T/ro/root" load -i "$T/busybox.oci"
umount "$T/ro"
# no right to it
mkdir -m 777 "$T/user"
user() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$BERTH" --root "$T/user/root" "$@"; }
fails "run without being root" 125 "berth: *by root*berth-oci*" user run --rm busybox true
fails "somebody else's state folder" 125 "berth: $T/user/root/run belongs to uid 65534" \
	"$BERTH" --root "$T/user/root" ps
