#!/bin/bash
# A real registry on loopback: plain, with TLS, with a password; images of other people's tools.
# parallel: yes
# time: 240
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo jq openssl python3
image() { "$LIBEXEC/berth-image" --root "$ROOT" "$@"; }
mkdir "$T/home"
export HOME=$T/home BERTH_POLICY=$T/none CONTAINERS_REGISTRIES_CONF=$T/registries.conf BERTH_CERTS_DIR=$T/certs
: >"$CONTAINERS_REGISTRIES_CONF"
unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_RUNTIME_DIR http_proxy https_proxy
pids=()
trap 'status=$?; kill "${pids[@]}" 2>/dev/null; (exit "$status"); lib_end' EXIT

put() { skopeo copy -q --dest-tls-verify=false "$@" || exit 1; }

make_busybox_image "$T/oci" busybox:latest
registry plain "" ""
plain=localhost:$port

put "oci:$T/oci:busybox:latest" "docker://$plain/oci:1"
put --format v2s2 "oci:$T/oci:busybox:latest" "docker://$plain/docker:2"
put --dest-compress-format zstd "oci:$T/oci:busybox:latest" "docker://$plain/zstd:3"
digest_of() { skopeo inspect --tls-verify=false --raw "docker://$plain/$1" | sha256sum | cut -d' ' -f1; }
for name in oci:1 docker:2 zstd:3; do
	ROOT=$T/r.${name%:*}
	says "$name is pulled" "sha256:$(digest_of "$name")" image pull -q "$plain/$name"
	t "$name pushed elsewhere" image push -q "$plain/$name" "$plain/copy/$name"
	is "$name has the same digest there" "$out" "sha256:$(digest_of "$name")"
	is "$name is the same for skopeo" "$(digest_of "copy/$name")" "$(digest_of "$name")"
	t "$name is sound" image check
done
first=$(cd "$T/r.oci/store/layers" && for l in *; do "$TOP/tests/tree" "$l/fs"; done | sha256sum)
second=$(cd "$T/r.zstd/store/layers" && for l in *; do "$TOP/tests/tree" "$l/fs"; done | sha256sum)
is "zstd and gzip unpack to the same" "$second" "$first"

# several platforms
python3 - "$T/oci" "$T/many" <<'PY'
import hashlib, json, os, shutil, sys
src, dst = sys.argv[1:]
shutil.copytree(src, dst)
blobs = dst + "/blobs/sha256/"
index = json.load(open(dst + "/index.json"))
def put(doc):
    data = json.dumps(doc).encode()
    name = hashlib.sha256(data).hexdigest()
    open(blobs + name, "wb").write(data)
    return {"digest": "sha256:" + name, "size": len(data)}
manifests = []
for arch, variant in (("s390x", None), ("amd64", None), ("arm64", "v8"), ("arm", "v7")):
    m = json.load(open(blobs + index["manifests"][0]["digest"][7:]))
    c = json.load(open(blobs + m["config"]["digest"][7:]))
    c["architecture"] = arch
    c["config"]["Env"] = ["ARCH=" + arch]
    m["config"].update(put(c))
    platform = {"os": "linux", "architecture": arch}
    if variant:
        platform["variant"] = variant
    manifests.append({"mediaType": "application/vnd.oci.image.manifest.v1+json", **put(m), "platform": platform})
kind = "application/vnd.oci.image.index.v1+json"
top = put({"schemaVersion": 2, "mediaType": kind, "manifests": manifests})
json.dump({"schemaVersion": 2, "manifests": [{"mediaType": kind, **top,
          "annotations": {"org.opencontainers.image.ref.name": "latest"}}]}, open(dst + "/index.json", "w"))
PY
put --all "oci:$T/many:latest" "docker://$plain/many:1"
ROOT=$T/r.many
arch_of() {
	jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"]).platform.architecture' \
		"$ROOT/store/index.json"
}
says "of an index" "sha256:$(digest_of many:1)" image pull -q "$plain/many:1"
case $(uname -m) in x86_64) here=amd64;; aarch64) here=arm64;; *) here=$(uname -m);; esac
is "this machine's image is taken" "$(arch_of)" "$here"
t "another platform is pulled" image pull -q --platform linux/arm/v7 "$plain/many:1"
is "when asked for" "$(arch_of)" arm
fails "one that is not there" 125 "berth: pull *no image for the platform linux/riscv64*" \
	image pull --platform linux/riscv64 "$plain/many:1"
t "--arch" image pull -q --arch "$here" "$plain/many:1"
is "is the same" "$(arch_of)" "$here"
t "all platforms" image pull -q --all-platforms "$plain/many:1"
t "go out again" image push -q "$plain/many:1" "$plain/copy/many:1"
is "as they came" "$(digest_of copy/many:1)" "$(digest_of many:1)"
put --all --format v2s2 "oci:$T/many:latest" "docker://$plain/list:1"
says "Docker's list is pulled" "sha256:$(digest_of list:1)" image pull -q --all-platforms "$plain/list:1"
is "with its type" "$(berth manifest inspect "$plain/list:1" | jq -r .mediaType)" application/vnd.docker.distribution.manifest.list.v2+json
says "and pushed as it is" "sha256:$(digest_of list:1)" image push -q "$plain/list:1" "$plain/copy/list:1"
is "for skopeo, too" "$(digest_of copy/list:1)" "$(digest_of list:1)"
gets() { grep -c '"GET /v2/many/blobs/' "$T/plain.log"; }
before=$(gets)
for arch in s390x arm64; do
	says "$arch is unpacked when it is run" $arch berth run --rm -q --network none --platform linux/$arch "$plain/many:1" sh -c 'echo $ARCH'
done
is "and nothing of it is fetched again" "$(gets)" "$before"
t "the store is sound" image check
t "what is saved later" image pull -q "$plain/oci:1"
says "by digest" "sha256:$(digest_of oci:1)" image pull -q "$plain/oci@sha256:$(digest_of oci:1)"
fails "by a digest that is not there" 125 "berth: pull *404*" image pull "$plain/oci@sha256:$(printf '0%.0s' {1..64})"
fails "by a tag that is not there" 125 "berth: pull *404*" image pull "$plain/oci:9"
fails "from where nobody listens" 125 "berth: pull *connect*" image pull "localhost:$(free_port)/x:1"

# several at once
ROOT=$T/r.several
says "several are pulled by one command" "sha256:$(digest_of oci:1)"$'\n'"sha256:$(digest_of zstd:3)" \
	berth pull -q "$plain/oci:1" "docker://$plain/zstd:3"
is "each is an event" "$(berth events --since 1m --until 0s --filter event=pull --format '{{.Actor.ID}}' | sort | tr '\n' ' ')" \
	"docker://$plain/zstd:3 $plain/oci:1 "
run berth pull -q "$plain/oci:9" "$plain/docker:2"
is "the others come when one does not" "$rc $(berth images -q "$plain/docker" | wc -l)" "125 1"
like "and it is said" "$err" "berth: pull $plain/oci:9: *404*berth: 1 of 2 images did not come"
put "oci:$T/oci:busybox:latest" "docker://$plain/oci:two"
ROOT=$T/r.tags
t "all tags of a repository" berth pull -q --all-tags "$plain/oci"
is "are there" "$(berth images --format '{{.Tag}}' | LC_ALL=C sort | tr '\n' ' ')" "1 two "
fails "--all-tags of one tag" 125 "berth: pull --all-tags takes a name without a tag: $plain/oci:1" berth pull -a "$plain/oci:1"
fails "of what is not there" 125 "berth: pull --all-tags $plain/nothing: *404*" berth pull -a "$plain/nothing"

# an index made here
ROOT=$T/r.list
for arch in s390x arm64 amd64; do
	berth pull -q --platform linux/$arch "$plain/many:1" >/dev/null
	berth tag "$plain/many:1" "box:$arch"
done
fails "an index of nothing" 125 "berth: manifest create takes the name of an index, and images" berth manifest create "$plain/made:1"
t "manifest create" berth manifest create "$plain/made:1" box:amd64
fails "once" 125 "berth: manifest create $plain/made:1: there is one already: --amend adds to it" berth manifest create "$plain/made:1" box:arm64
t "manifest add" berth manifest add --annotation by=berth "$plain/made:1" box:s390x
t "adds several" berth manifest create --amend "$plain/made:1" box:arm64 box:s390x
entries() { skopeo inspect --tls-verify=false --raw "docker://$plain/made:1" | jq -c '[.manifests[] | .platform.architecture + (.platform.variant // "") + (.annotations.by // "")]'; }
says "manifest push sends it with all its images" "$(berth manifest inspect "$plain/made:1" | tr -d '\n' | sha256sum | sed 's/^\(.*\)  -/sha256:\1/')" \
	berth manifest push -q --all "$plain/made:1"
says "skopeo sees what is in it" '["amd64","s390x","arm64"]' entries
for arch in s390x arm64; do
	is "skopeo takes $arch of it" "$(skopeo inspect --tls-verify=false --override-arch $arch "docker://$plain/made:1" | jq -r .Architecture)" $arch
done
for arch in s390x arm64; do
	says "run --platform $arch" $arch berth run --rm -q --network none --pull never --platform linux/$arch "$plain/made:1" sh -c 'echo $ARCH'
done
t "manifest annotate" berth manifest annotate --arch riscv64 --annotation by=us "$plain/made:1" box:s390x
t "manifest remove" berth manifest remove "$plain/made:1" "$(berth image inspect -f '{{.Digest}}' box:arm64)"
is "changed, and only that" "$(berth manifest inspect "$plain/made:1" | jq -c '[.manifests[] | .platform.architecture + (.annotations.by // "")]')" '["amd64","riscv64us"]'
fails "what is not in it" 125 "berth: manifest remove $plain/made:1: box:arm64 is not in it" berth manifest remove "$plain/made:1" box:arm64
fails "what is no index" 125 "berth: manifest add $plain/oci:1: *" berth manifest add "$plain/oci:1" box:arm64
adds=()
for arch in s390x arm64; do
	berth manifest add "$plain/made:1" "box:$arch" >"$T/add.$arch" 2>&1 &
	adds+=($!)
done
wait "${adds[@]}"
is "of two that add at once none is lost" "$(berth manifest inspect "$plain/made:1" | jq '.manifests | length')" 3
t "the store is sound with it" image check
t "manifest exists" berth manifest exists "$plain/made:1"
like "manifest rm" "$(berth manifest rm "$plain/made:1")" "Untagged: $plain/made:1"
ends "it is gone" 1 berth manifest exists "$plain/made:1"
is "and its images are not" "$(berth images -q box | wc -l)" 3
ROOT=$T/r.many

# files and back
t "saved" image save -o "$T/saved.tar" "$plain/oci:1" "$plain/many:1"
ROOT=$T/r.saved
t "and loaded" image load -i "$T/saved.tar"
like "under the same name" "$out" "*$plain/oci:1*"
is "with the same digests" "$(jq -r '.manifests[].digest' "$ROOT/store/index.json" | sort)" \
	"$(printf 'sha256:%s\n' "$(digest_of oci:1)" "$(digest_of many:1)" | sort)"
ROOT=$T/r.many
t "a docker-archive" image save --format docker-archive -o "$T/docker.tar" "$plain/oci:1"
t "is what skopeo takes" skopeo inspect "docker-archive:$T/docker.tar"
like "under its name" "$(skopeo list-tags "docker-archive:$T/docker.tar" | jq -c .Tags)" "*oci:1*"
t "a layout" image save --format oci-dir -o "$T/layout" "$plain/oci:1"
t "is one for skopeo" skopeo inspect "oci:$T/layout"

# mirrors and blocked registries
cat >"$CONTAINERS_REGISTRIES_CONF" <<-CONF
unqualified-search-registries = ["$plain"] # not heeded
[[registry]]
prefix = "example.com/team"
location = "example.com/team"
[[registry.mirror]]
location = "localhost:1/none"
[[registry.mirror]]
location = "$plain"
insecure = true
[[registry]]
location = "evil.example"
blocked = true
[aliases]
"zstd" = "$plain/zstd"
CONF
ROOT=$T/r.mirror
t "a mirror serves" image pull -q example.com/team/oci:1
like "under the name that was asked for" "$(cat "$ROOT/store/index.json")" '*"example.com/team/oci:1"*'
fails "a name without a registry is docker.io's, whatever else is searched" 125 "berth: pull zstd:3: *registry-1.docker.io*" image pull zstd:3
fails "a blocked registry" 125 "berth: pull *blocked*" image pull evil.example/x:1

# TLS
mkdir -p "$T/tls"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	-keyout "$T/tls/key.pem" -out "$T/tls/cert.pem" >"$T/log" 2>&1 || exit 1
registry tls ", tls: {certificate: $T/tls/cert.pem, key: $T/tls/key.pem}" ""
tls=localhost:$port
put "oci:$T/oci:busybox:latest" "docker://$tls/oci:1"
ROOT=$T/r.tls
fails "an unknown authority" 125 "berth: pull *certificate*" image pull --tls-verify=true "$tls/oci:1"
t "is borne when told so" image pull -q --tls-verify=false "$tls/oci:1"
mkdir -p "$T/certs/$tls"
cp "$T/tls/cert.pem" "$T/certs/$tls/ca.crt"
t "its certificate is believed" image pull -q --tls-verify=true "$tls/oci:1"
t "and used for pushing" image push -q "$tls/oci:1" "$tls/other:1"

# a password
python3 -W ignore -c 'import crypt; print("me:" + crypt.crypt("secret", "$2b$05$abcdefghijklmnopqrstuu"))' >"$T/htpasswd"
registry auth "" "auth: {htpasswd: {realm: berth, path: $T/htpasswd}}"
auth=localhost:$port
put --dest-creds me:secret "oci:$T/oci:busybox:latest" "docker://$auth/oci:1"
ROOT=$T/r.auth
fails "without a password" 125 "berth: pull *berth login $auth*" image pull "$auth/oci:1"
login() { printf '%s\n' "$2" | "$LIBEXEC/berth-image" --root "$ROOT" login -u "$1" --password-stdin "$auth"; }
bad_login() { ! login me wrong; }
t "a wrong one is not kept" bad_login
[ ! -e "$HOME/.config/containers/auth.json" ] && ok "nowhere" || not_ok "nowhere"
t "the right one is" login me secret
file=$(find "$T/home" /run/containers -name auth.json 2>/dev/null | head -n 1)
is "for our eyes only" "$(stat -c %a "$file")" 600
t "and lets us in" image pull -q "$auth/oci:1"
t "to push, too" image push -q "$auth/oci:1" "$auth/mine:1"
says "login --get-login says who we are" me image login --get-login "$auth"
t "skopeo reads the same file" skopeo inspect --tls-verify=false --authfile "$file" "docker://$auth/mine:1"
t "logged out" image logout "$auth"
fails "we are out" 125 "berth: pull *berth login*" image pull "$auth/mine:1"
fails "and nobody" 125 "berth: login: there is none for $auth" image login --get-login "$auth"
t "--creds lets us in once" image pull -q --creds me:secret "$auth/mine:1"
t "to push, too" berth push -q --creds me:secret "$auth/mine:1" "$auth/mine:2"
fails "and is not kept" 125 "berth: push *berth login*" berth push -q --digestfile "$T/pushed" "$auth/mine:1" "$auth/mine:3"
is "a push that failed has no digest" "$(cat "$T/pushed")" ""
echo "what was here before, and is much longer than a digest with its algorithm before it is" >"$T/pushed"
t "--digestfile" berth push -q --creds me:secret --digestfile "$T/pushed" "$auth/mine:1" "$auth/mine:2"
is "holds the digest" "$(cat "$T/pushed")" "$out"
run berth push "$auth/mine:1" "$auth/mine:3"
unlike "nor is a blob said to be there that nobody may see" "$err" "*there already*"
fails "--creds without a password" 125 "berth: pull *--creds: expected USER:PASSWORD" image pull --creds me "$auth/mine:1"
t "an index of a registry is shown" berth manifest inspect "$plain/many:1"
is "as it is" "$(printf '%s\n' "$out" | jq -c '[.manifests[].platform.architecture]')" '["s390x","amd64","arm64","arm"]'
is "and not kept" "$(berth images -q "$plain/many" | wc -l)" 0
says "by one's credentials" "$(skopeo inspect --tls-verify=false --creds me:secret --raw "docker://$auth/mine:2")" \
	berth manifest inspect --creds me:secret "$auth/mine:2"
t "of an image that is there it is the store's" berth manifest inspect "$auth/mine:1"
printf '{"auths": {"a.example": {"auth": "YTpi"}, "b.example": {"auth": "YTpi"}}, "x": 1}' >"$T/two.json"
t "logout --all" berth logout --all --authfile "$T/two.json"
is "keeps what else is in the file" "$(jq -c . "$T/two.json")" '{"auths":{},"x":1}'

# a policy
cat >"$T/policy.json" <<-POLICY
{"default": [{"type": "reject"}], "transports": {"docker": {
	"$plain": [{"type": "insecureAcceptAnything"}],
	"$plain/docker": [{"type": "reject"}]}}}
POLICY
export BERTH_POLICY=$T/policy.json
ROOT=$T/r.policy
t "the policy lets in" image pull -q "$plain/oci:1"
fails "and keeps out" 125 "berth: pull *policy.json rejects*" image pull "$plain/docker:2"
fails "by default" 125 "berth: pull *policy.json rejects*" image pull "$tls/oci:1"
is "and nothing of it was unpacked" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)" 3
export BERTH_POLICY=$T/none

# what has come needs no registry
kill "${pids[0]}"
wait "${pids[0]}" 2>/dev/null
ROOT=$T/r.many
arch() { berth run --rm -q --network none "$@" "$plain/many:1" sh -c 'echo $ARCH'; }
for want in linux/arm/v7:arm linux/arm64:arm64 s390x:s390x linux/arm64/v8:arm64 x86_64:amd64; do
	says "without the registry ${want%:*} runs" "${want#*:}" arch --platform "${want%:*}"
done
says "with --pull never, too" s390x arch --pull never --platform linux/s390x
t "create needs none" berth create --network none --platform linux/arm64 --name idle "$plain/many:1" true
is "and takes the right one" "$(berth inspect -f '{{.Image}}' idle)" "$(berth image inspect -f '{{.Id}}' "$plain/many:1")"
is "which is" "$(berth image inspect -f '{{.Architecture}}' "$plain/many:1")" arm64
says "pull --policy missing" "$(jq -r --arg name "$plain/many:1" \
	'.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $name).digest' "$ROOT/store/index.json")" \
	berth pull -q --policy missing "$plain/many:1"
t "and pull --policy never for one that is there" berth pull --policy never --platform linux/s390x "$plain/many:1"
fails "one that has not come is asked for" "125" "berth: pull *connect*" arch --platform linux/riscv64
fails "but not with --pull never" 125 "berth: image $plain/many:1 is for *, not for linux/riscv64" arch --pull never --platform linux/riscv64
fails "nor with pull --policy never" 125 "berth: pull *not in the store" berth pull --policy never nosuch
fails "another policy" 125 "berth: pull *expected always, missing, never or newer" berth pull --policy sometimes "$plain/many:1"
BERTH_POLICY=$T/policy.json
sed "s|\"$plain\"|&: [{\"type\": \"reject\"}], \"x\"|" -i "$BERTH_POLICY"
fails "the policy is asked before another platform is unpacked" 125 "berth: pull *policy.json rejects*" arch --platform linux/arm/v7
t "the store is sound after all" image check
