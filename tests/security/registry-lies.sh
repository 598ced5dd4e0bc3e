#!/bin/bash
# Registries that lie: one clear line, the store stays sound, credentials stay where they belong.
# parallel: yes
# time: 300
. "$(dirname "$0")/../system/lib.sh"
need python3 jq
image() { "$LIBEXEC/berth-image" --root "$ROOT" "$@"; }
make_busybox_image "$T/oci" busybox:latest
layout=$T/oci waits=()
mkdir "$T/home"
# an honest registry may be slow on a busy machine; one that drips is so at once
export BERTH_STALL_SECONDS=30 HOME=$T/home BERTH_POLICY=$T/none CONTAINERS_REGISTRIES_CONF=$T/none
unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_RUNTIME_DIR http_proxy https_proxy
start() { # environment...
	rm -f "$T/port"
	env "$@" "$TOP/tests/data/lying-registry" "$layout" "$T/port" 2>"$T/registry.log" &
	pid=$!
	until_true 10 test -e "$T/port"
	read -r port other <"$T/port"
}
stop() { kill "$pid"; wait "$pid" 2>/dev/null; }
trap 'status=$?; kill "$pid" 2>/dev/null; (exit "$status"); lib_end' EXIT

start LIE=1
t "an honest one" image pull -q "localhost:$port/good:1"
is "by the right digest" "$out" "$(jq -r '.manifests[0].digest' "$T/oci/index.json")"
t "is tried again after a failure that passes" image pull -q "localhost:$port/flaky:1"
fresh() { ROOT=$T/r.$1; }
fresh cut
t "a broken-off blob goes on" image pull -q "localhost:$port/cut:1"
like "where it ended" "$(grep cut "$T/requests" | grep -v 'range=-' | head -n 1)" "*range=bytes=*"
fresh no-range
t "or from its beginning" image pull -q "localhost:$port/no-range:1"
fresh lies
t "a good image is there" image load -i "$T/oci"
lie() { # repository, what it says
	fails "$1" 125 "berth: pull localhost:$port/$1:1: $2" image pull -q "localhost:$port/$1:1"
	image check >"$T/.out" 2>&1 || not_ok "$1 leaves a sound store" "$(cat "$T/.out")"
	rm -rf "$ROOT/store/partial"
}
ROOT=$T/r.lies2
lie wrong-digest "*sha256:*is sha256:*"
lie wrong-length "*longer than*"
lie short "*"
lie endless "*longer than*"
lie loop "*redirects*"
lie huge-manifest "*longer than*"
lie million-tags "*longer than*"
lie bad-json "*JSON*"
lie bad-type "*it says it is*"
lie wrong-header "*it says sha256:000000000000*"
lie nothing-here "*status 404: no such*thing*"
BERTH_STALL_SECONDS=2 lie drip "*too slow*"
fails "what is no JSON is not shown" 125 "berth: manifest inspect localhost:$port/bad-json:1: manifest: *JSON*" image manifest "localhost:$port/bad-json:1"
is "what is, is so to the byte" "$(image manifest "localhost:$port/escapes:1")" '{"schemaVersion":2,"layers":[],"annotations":{"a":"'$'\xc2\x9b''31m"}}'
like "but for what a terminal obeys" "$(script -qec "$LIBEXEC/berth-image --root $ROOT manifest localhost:$port/escapes:1" /dev/null </dev/null)" '*"a": "\\u009b31m"*'
lie_tags() { fails "pull --all-tags of $1" 125 "berth: pull --all-tags localhost:$port/$1: *$2*" image pull -a "localhost:$port/$1"; }
lie_tags tags-evil "list of tags: one is none"
lie_tags tags-long "longer than"
lie_tags tags-many "more than 4096 tags"
lie_tags tags-loop "no end of pages"
lie_tags tags-nowhere 'no address of a page: list?last=x'
run image pull "localhost:$port/good:1"
like "and what is good comes after all" "$out" "*Pulled: localhost:$port/good:1*"

# a small layer that ends at any byte: some at once, since each is tried again a few times
mkdir -p "$T/tiny/oci/blobs/sha256"
echo hello >"$T/tiny/file"
tar -C "$T/tiny" --mtime=@0 -b 1 -cf "$T/tiny/tar" file
gzip -n9 <"$T/tiny/tar" >"$T/tiny/gz"
size=$(stat -c %s "$T/tiny/gz")
put() { # FILE TYPE: its descriptor
	local hex
	hex=$(sha256sum <"$1" | cut -d' ' -f1)
	cp "$1" "$T/tiny/oci/blobs/sha256/$hex"
	printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s}' "$2" "$hex" "$(stat -c %s "$1")"
}
printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$(sha256sum <"$T/tiny/tar" | cut -d' ' -f1)" >"$T/tiny/config"
printf '{"schemaVersion":2,"config":%s,"layers":[%s]}' "$(put "$T/tiny/config" config.v1+json)" "$(put "$T/tiny/gz" layer.v1.tar+gzip)" >"$T/tiny/manifest"
printf '{"schemaVersion":2,"manifests":[%s]}' "$(put "$T/tiny/manifest" manifest.v1+json)" >"$T/tiny/oci/index.json"
stop
layout=$T/tiny/oci
start LIE=1
ROOT=$T/r.tiny
t "the small one is good" image pull -q "localhost:$port/good:1"
cut_at() {
	local root=$T/cut.$1
	"$LIBEXEC/berth-image" --root "$root" pull -q "localhost:$port/cut-at-$1:1" >"$T/cut.$1.out" 2>&1
	[ $? = 125 ] && [ "$(wc -l <"$T/cut.$1.out")" = 1 ] &&
		[[ $(cat "$T/cut.$1.out") == "berth: pull localhost:$port/cut-at-$1:1: "*"does not come to its end" ]] &&
		"$LIBEXEC/berth-image" --root "$root" check >>"$T/cut.$1.out" 2>&1 &&
		[ -z "$(ls "$root/store/layers")" ] && touch "$T/cut.$1.ok"
	rm -rf "$root"
}
for ((at = 0; at < size; at++)); do
	cut_at "$at" &
	waits+=($!)
	[ "${#waits[@]}" -lt 25 ] || { wait "${waits[@]}"; waits=(); }
done
wait "${waits[@]}"
for ((at = 0; at < size; at++)); do
	[ -e "$T/cut.$at.ok" ] || echo "# at $at: $(cat "$T/cut.$at.out")"
done
is "a layer that ends at any byte is refused, the store sound" "$(find "$T" -maxdepth 1 -name 'cut.*.ok' | wc -l)" "$size"
stop
layout=$T/oci
start LIE=1

# what is pushed goes where the registry says
ROOT=$T/r.push
t "the image that is pushed" image load -i "$T/oci"
push() { image push -q busybox "localhost:$port/$1:1"; }
digest=$(jq -r '.manifests[0].digest' "$T/oci/index.json")
for how in up-plain up-relative up-elsewhere up-307 up-308 up-flaky; do
	says "$how takes a push" "$digest" push "$how"
	ROOT=$T/r.$how
	says "and gives it back" "$digest" image pull -q "localhost:$port/$how:1"
	ROOT=$T/r.push
done
like "layers went elsewhere" "$(grep "^$other" "$T/requests")" "*/v2/up-elsewhere/blobs/uploads/*PATCH*/v2/up-307/blobs/uploads/*PATCH*/v2/up-308/manifests/1*PUT*"
fails "up-302 does not keep the method" 125 "berth: push *status 302*" push up-302
fails "up-loop" 125 "berth: push *more than 5 redirects*" push up-loop
fails "up-wrong" 125 "berth: push *took blob sha256:*as sha256:0000*" push up-wrong
fails "up-nowhere" 125 "berth: push *does not say where to upload*" push up-nowhere

# credentials
mkdir -p "$T/home/.docker"
printf '{"auths":{"localhost:%s":{"auth":"%s"}}}' "$port" "$(printf 'me:secret' | base64)" >"$T/home/.docker/config.json"
stop
start LIE_TOKEN=1
printf '{"auths":{"localhost:%s":{"auth":"%s"}}}' "$port" "$(printf 'me:secret' | base64)" >"$T/home/.docker/config.json"
: >"$T/requests"
ROOT=$T/r.token
t "a token is got with the password" image pull -q "localhost:$port/other-host:1"
like "from the token server" "$(cat "$T/requests")" "*/token?service=liar*auth=Basic*"
is "the blob comes from another host" "$(grep -c "^$other /elsewhere" "$T/requests")" 1
is "which gets no credentials" "$(grep "^$other" "$T/requests" | grep -vc 'auth=-')" 0
ROOT=$T/r.push
for how in up-elsewhere up-307; do
	: >"$T/requests"
	says "$how takes a push with a token" "$digest" push "$how"
	like "which is shown to the registry" "$(grep "^$port" "$T/requests")" "*/v2/$how/*auth=Bearer tok-*POST*"
	like "while blobs go elsewhere" "$(grep "^$other" "$T/requests")" "*/v2/$how/blobs/uploads/*PATCH*"
	is "where no credentials go" "$(grep "^$other" "$T/requests" | grep -vc 'auth=- ')" 0
done
stop
start LIE_TOKEN=big
ROOT=$T/r.big
fails "a token without end" 125 "berth: pull localhost:$port/good:1: *longer than*" image pull "localhost:$port/good:1"
stop
true
