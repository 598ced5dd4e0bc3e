#!/bin/bash
# policy.json: an image whose signature does not hold does not come in.
# parallel: yes
# time: 120
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo jq python3 gpg openssl
image() { "$LIBEXEC/berth-image" --root "$ROOT" "$@"; }
mkdir -m 700 "$T/home" "$T/gpg"
export HOME=$T/home BERTH_POLICY=$T/policy.json CONTAINERS_REGISTRIES_CONF=$T/none BERTH_SIGSTORE=$T/sigstore
unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_RUNTIME_DIR http_proxy https_proxy
trap 'status=$?; kill "$registry" 2>/dev/null; gpgconf --homedir "$T/gpg" --kill all 2>/dev/null; (exit "$status"); lib_end' EXIT
registry=0
make_busybox_image "$T/oci" busybox:latest
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
	"$T/data" "$port" >"$T/registry.yml"
docker-registry serve "$T/registry.yml" >"$T/registry.log" 2>&1 &
registry=$!
until_true 10 python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))"
host=localhost:$port
for name in good other; do
	skopeo copy -q --dest-tls-verify=false "oci:$T/oci:busybox:latest" "docker://$host/$name:1" || exit 1
done
digest=$(skopeo inspect --tls-verify=false --raw "docker://$host/good:1" | sha256sum | cut -d' ' -f1)
policy() { printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s":[%s]}}}' "$host" "$1" >"$BERTH_POLICY"; }

# GPG simple signing
gpg() { command gpg --homedir "$T/gpg" --batch --quiet --no-autostart "$@"; }
command gpg --homedir "$T/gpg" --batch --quiet --passphrase '' --quick-generate-key good@example.org rsa2048 sign never 2>"$T/log" ||
	skip_all "package:gpg-agent: cannot make a key"
command gpg --homedir "$T/gpg" --batch --quiet --passphrase '' --quick-generate-key evil@example.org rsa2048 sign never 2>"$T/log"
gpg --export good@example.org >"$T/good.key"
statement() { # name digest
	printf '{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"sha256:%s"},"type":"atomic container signature"},"optional":{}}' "$1" "$2"
}
sign() { # key statement file
	printf '%s' "$2" >"$T/statement"
	mkdir -p "$(dirname "$3")"
	rm -f "$3"
	command gpg --homedir "$T/gpg" --batch --quiet --passphrase '' -u "$1" --output "$3" --sign "$T/statement"
}
policy "{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"$T/good.key\"}"
ROOT=$T/gpg.root
at="$BERTH_SIGSTORE/good@sha256=$digest/signature-1"
fails "no signature" 125 "berth: pull *policy.json wants a signature*has none*" image pull "$host/good:1"
sign evil@example.org "$(statement "$host/good:1" "$digest")" "$at"
fails "another's signature" 125 "berth: pull *does not hold*" image pull "$host/good:1"
sign good@example.org "$(statement "$host/good:1" "$(printf '0%.0s' {1..64})")" "$at"
fails "a signature of another image" 125 "berth: pull *a signature is for sha256:0000*" image pull "$host/good:1"
sign good@example.org "$(statement "$host/other:1" "$digest")" "$at"
fails "a signature of another name" 125 "berth: pull *for the name*" image pull "$host/good:1"
is "nothing came in" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)" 0
sign good@example.org "$(statement "$host/good:1" "$digest")" "$at"
t "a good signature" image pull -q "$host/good:1"
is "no folder of gpg stays" "$(find /tmp -maxdepth 1 -name 'berth-gpg-*' -newer "$T/policy.json" | wc -l)" 0

# sigstore with a key, the signature attached in the registry as cosign does it
openssl ecparam -name prime256v1 -genkey -noout -out "$T/key.pem" 2>"$T/log"
openssl ec -in "$T/key.pem" -pubout -out "$T/key.pub" 2>"$T/log"
openssl ecparam -name prime256v1 -genkey -noout -out "$T/evil.pem" 2>"$T/log"
attach() { # private key, digest in the payload
	printf '{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"sha256:%s"},"type":"cosign container image signature"},"optional":null}' \
		"$host/good" "$2" >"$T/payload"
	openssl dgst -sha256 -sign "$1" -out "$T/sig" "$T/payload"
	rm -rf "$T/att"
	python3 - "$T" "$digest" <<-'PY'
	import base64, hashlib, json, os, sys
	top, digest = sys.argv[1:]
	blobs = top + "/att/blobs/sha256/"
	os.makedirs(blobs)
	def put(data, kind):
	    name = hashlib.sha256(data).hexdigest()
	    open(blobs + name, "wb").write(data)
	    return {"mediaType": kind, "digest": "sha256:" + name, "size": len(data)}
	layer = put(open(top + "/payload", "rb").read(), "application/vnd.dev.cosign.simplesigning.v1+json")
	layer["annotations"] = {"dev.cosignproject.cosign/signature": base64.b64encode(open(top + "/sig", "rb").read()).decode()}
	config = put(json.dumps({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode(),
	             "application/vnd.oci.image.config.v1+json")
	m = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
	                    "layers": [layer]}).encode(), "application/vnd.oci.image.manifest.v1+json")
	m["annotations"] = {"org.opencontainers.image.ref.name": "sig"}
	json.dump({"schemaVersion": 2, "manifests": [m]}, open(top + "/att/index.json", "w"))
	open(top + "/att/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
	PY
	skopeo copy -q --dest-tls-verify=false "oci:$T/att:sig" "docker://$host/good:sha256-$digest.sig" >"$T/log" 2>&1 ||
		not_ok "the signature is attached" "$(cat "$T/log")"
}
policy "{\"type\":\"sigstoreSigned\",\"keyPath\":\"$T/key.pub\"}"
ROOT=$T/sig.root
fails "no attached signature" 125 "berth: pull *has none in the registry*" image pull "$host/good:1"
attach "$T/evil.pem" "$digest"
fails "an attached signature of another key" 125 "berth: pull *does not hold*" image pull "$host/good:1"
attach "$T/key.pem" "$(printf '0%.0s' {1..64})"
fails "an attached signature of another image" 125 "berth: pull *a signature is for*" image pull "$host/good:1"
attach "$T/key.pem" "$digest"
t "a good attached signature" image pull -q "$host/good:1"
ROOT=$T/bad.root
printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s":[{"type":"magic"}]}}}' "$host" >"$BERTH_POLICY"
fails "an unknown requirement" 125 'berth: pull *"magic"*' image pull "$host/good:1"
