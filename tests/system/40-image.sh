#!/bin/bash
# Images come in by every way that load knows, and what the layers say is what is seen.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need umoci skopeo jq zstd

make_busybox_image "$T/oci" busybox:latest
tar -C "$T/oci" -cf "$T/oci.tar" .
skopeo copy -q "oci:$T/oci" "docker-archive:$T/docker.tar:example.org/box:v1" || exit 1
skopeo copy -q --dest-compress-format zstd "oci:$T/oci" "oci:$T/zstd:zstd" || exit 1

seen() { # IMAGE: the tree of a container of it, read through the mount of its image
	berth run --rm --network none "$1" sh -c 'cd / && find bin etc/greeting opt srv www usr -xdev | sort | while read -r f; do
		stat -c "%n %F %a %u:%g %Y %N" "$f"; done; sha256sum bin/busybox etc/greeting srv/data/* www/*'
}

t "a layout in a folder" berth load -i "$T/oci"
like "load says what it is called now" "$out" "*busybox*latest*"
run berth images
like "images shows it" "$out" "*busybox*latest*"
t "it runs" berth run --rm --network none busybox true
wanted=$(seen busybox)
like "the third layer replaces" "$(berth run --rm --network none busybox cat /etc/greeting)" "hello from the third layer"
is "and removes" "$(berth run --rm --network none busybox ls /srv/data | tr '\n' ' ')" "a c "
is "and empties a folder" "$(berth run --rm --network none busybox ls /opt/old)" "here"
is "times are those of the archive" "$(berth run --rm --network none busybox stat -c %Y /www/index.html)" 1700000000

layers=$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)
is "three layers are in the store" "$layers" 3

ROOT=$T/root2; ROOTS+=("$ROOT")
t "a layout in a tar" berth load -i "$T/oci.tar"
is "looks the same" "$(seen busybox)" "$wanted"

ROOT=$T/root3; ROOTS+=("$ROOT")
t "a docker archive" berth load -i "$T/docker.tar"
like "has its name" "$out" "*example.org/box:v1*"
is "looks the same" "$(seen example.org/box:v1)" "$wanted"
t "is removed" berth rmi example.org/box:v1
is "with all its layers" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" 0
is "and all its blobs" "$(find "$ROOT/store/blobs" -type f 2>/dev/null | wc -l)" 0

ROOT=$T/root4; ROOTS+=("$ROOT")
from_stdin() { "$BERTH" --root "$ROOT" load <"$1"; }
t "standard input" from_stdin "$T/oci.tar"
is "looks the same" "$(seen busybox)" "$wanted"
piped() { gzip -c "$1" | "$BERTH" --root "$ROOT" load; }
t "a compressed archive from a pipe" piped "$T/docker.tar"
is "brings no layer twice" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)" 3

ROOT=$T/root5; ROOTS+=("$ROOT")
t "layers in zstd" berth load -i "$T/zstd"
id=$(berth images -q | head -n 1)
is "look the same" "$(seen "$id")" "$wanted"

ROOT=$T/root
t "the same image again" berth load -i "$T/oci"
is "is one image" "$(berth images -q | sort -u | wc -l)" 1
berth run -d --name user busybox sleep 1000 >/dev/null
fails "an image in use is not removed" 125 "berth: *in use*" berth rmi busybox
t "the container is removed" berth rm -f user
t "then it is" berth rmi busybox
mkdir "$T/plain" && tar -cf "$T/plain.tar" -C "$T/plain" .
fails "of a root file system alone, load says what takes it" 125 "berth: *berth import takes*" berth load -i "$T/plain.tar"
fails "an image that is not there" 125 "berth: *busybox*" berth rmi busybox

# umoci unpacks the same archive; what both say must be equal
umoci unpack --image "$T/oci:busybox:latest" "$T/umoci" >/dev/null 2>&1 || exit 1
berth load -q -i "$T/oci" >/dev/null
mkdir "$T/view"
if run berth mount busybox; then
	view=$out
	diff <("$TOP/tests/tree" "$T/umoci/rootfs") <("$TOP/tests/tree" "$view") >"$T/diff"
	is "umoci unpacks the same" "$(cat "$T/diff")" ""
	t "the view is taken away" berth umount busybox
else
	not_ok "an image is mounted to look inside" "$err"
fi
