#!/bin/bash
# What a pull shows, an interrupt and what goes on from it, pulls and readers beside one another.
# parallel: yes
# time: 240
. "$(dirname "$0")/lib.sh"
need python3 jq script gzip
export HOME=$T/home BERTH_POLICY=$T/none CONTAINERS_REGISTRIES_CONF=$T/none
unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_RUNTIME_DIR http_proxy https_proxy
mkdir "$T/home"
trap 'status=$?; kill "$registry" 2>/dev/null; (exit "$status"); lib_end' EXIT
registry=0
use_busybox

# an image whose layer takes a while to come, and a while to be unpacked
mkdir -p "$T/big/root" "$T/big/oci/blobs/sha256"
head -c 200M /dev/zero >"$T/big/root/zeros"
head -c 300K /dev/urandom >"$T/big/root/noise"
tar -C "$T/big/root" -cf "$T/big/layer.tar" .
gzip -1n <"$T/big/layer.tar" >"$T/big/layer.gz"
put() { # FILE TYPE: its descriptor
	local hex
	hex=$(sha256sum <"$1" | cut -d' ' -f1)
	printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s}' "$2" "$hex" "$(stat -c %s "$1")"
	cp "$1" "$T/big/oci/blobs/sha256/$hex"
}
echo small >"$T/big/root/small"
tar -C "$T/big/root" -cf "$T/big/small.tar" small
case $(uname -m) in x86_64) arch=amd64;; aarch64) arch=arm64;; *) arch=$(uname -m);; esac
printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' \
	"$arch" "$(sha256sum <"$T/big/layer.tar" | cut -d' ' -f1)" "$(sha256sum <"$T/big/small.tar" | cut -d' ' -f1)" >"$T/config"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s,%s]}' \
	"$(put "$T/config" config.v1+json)" "$(put "$T/big/layer.gz" layer.v1.tar+gzip)" "$(put "$T/big/small.tar" layer.v1.tar)" >"$T/manifest"
printf '{"schemaVersion":2,"manifests":[%s]}' "$(put "$T/manifest" manifest.v1+json)" >"$T/big/oci/index.json"
rm -r "$T/big/root" "$T/big/layer.tar"
top=$(jq -r '.manifests[0].digest' "$T/big/oci/index.json")
layer=$(jq -r '.layers[0].digest' "$T/manifest")
small=$(jq -r '.layers[1].digest' "$T/manifest")
"$TOP/tests/data/lying-registry" "$T/big/oci" "$T/port" 2>"$T/registry.log" &
registry=$!
until_true 10 test -e "$T/port"
read -r port _ <"$T/port"
image=localhost:$port/slow:1
blobs() { grep "/v2/slow/blobs/$layer" "$T/big/requests"; }

# ---- on a terminal
script -qec "$BERTH --root $ROOT pull $image" /dev/null </dev/null >"$T/screen"
screen=$(tr '\r' '\n' <"$T/screen")
like "a bar that fills" "$screen" "*] *B/*B*"
is "at more than three places" "$([ "$(grep -o '\[#*\.*\]' <<<"$screen" | sort -u | wc -l)" -gt 3 ] && echo yes)" yes
like "its rate" "$screen" "*B/*B  *B/s*"
like "then unpacking" "$screen" "*${layer:7:12} unpacking*"
like "and the end" "$screen" "*${layer:7:12} done*Digest: $top*Pulled: $image*"
is "drawn in place" "$([ "$(grep -c $'\033\[2A' <<<"$screen")" -gt 3 ] && echo yes)" yes

# ---- not on a terminal
berth rmi "$image" >/dev/null
run berth pull "$image"
like "lines" "$err" "*${layer:7:12}: downloading, *B?*${layer:7:12}: downloaded, *B?*${layer:7:12}: done, *B*"
like "a layer is unpacked while another comes" "$err" "*${small:7:12}: done, *${layer:7:12}: downloaded, *"
unlike "that are plain" "$err" *$'\033'*
is "the result" "$out" "Digest: $top"$'\n'"Pulled: $image"
berth rmi "$image" >/dev/null
says "--quiet prints the digest" "$top" berth pull -q "$image"
is "and nothing else" "$err" ""

# ---- an interrupt, and what goes on from it
berth rmi "$image" >/dev/null
: >"$T/big/requests"
timeout -s INT 1.5 "$BERTH" --root "$ROOT" pull -q "$image" >"$T/.out" 2>&1
is "it ends at once" $? 124
until_true 5 sh -c "! pgrep -f '[b]erth-image --root $ROOT'"
half=$(stat -c %s "$ROOT/store/partial/${layer:7}")
is "half of it is there" "$([ "${half:-0}" -gt 10000 ] && echo yes)" yes
like "no image is" "$(berth images --format '{{.Repository}}')" busybox
t "the store is sound" berth system check
t "the next pull goes on" berth pull -q "$image"
like "from there" "$(blobs | tail -n 1)" "*range=bytes=$half-*"
is "and keeps nothing of the sort" "$(find "$ROOT/store/partial" "$ROOT/store/tmp" -type f -not -name 'name-*' | wc -l)" 0
t "what came is the whole" berth system check

# ---- side by side
berth rmi "$image" >/dev/null
: >"$T/big/requests"
"$BERTH" --root "$ROOT" pull -q "$image" >"$T/first" 2>&1 &
first=$!
"$BERTH" --root "$ROOT" pull -q "$image" >"$T/second" 2>&1 &
second=$!
until_true 5 blobs
says "who reads the store meanwhile" busybox berth images --format '{{.Repository}}'
t "and starts a container" berth run --rm --network none busybox true
is "without waiting for the pull" "$(kill -0 "$first" && kill -0 "$second" && echo yes)" yes
wait "$first"
is "two pulls of one image: the first succeeds" $? 0
wait "$second"
is "so does the second" $? 0
is "and the work was done once" "$(blobs | wc -l)" 1
t "on a sound store" berth system check
