#!/bin/bash
# policy.json: an image whose signature does not hold does not come in.
# parallel: yes
# time: 120
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo jq python3 gpg openssl
image() { "$LIBEXEC/berth-image" --root "$ROOT" "$@"; }
mkdir -m 700 "$T/home" "$T/gpg" "$T/registries.d" "$T/sigstore"
export HOME=$T/home BERTH_POLICY=$T/policy.json CONTAINERS_REGISTRIES_CONF=$T/none BERTH_REGISTRIES_D=$T/registries.d
unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_RUNTIME_DIR http_proxy https_proxy
trap 'status=$?; kill "$registry" "$web" 2>/dev/null; gpgconf --homedir "$T/gpg" --kill all 2>/dev/null; (exit "$status"); lib_end' EXIT
registry=0 web=0
make_busybox_image "$T/oci" busybox:latest
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
	"$T/data" "$port" >"$T/registry.yml"
docker-registry serve "$T/registry.yml" >"$T/registry.log" 2>&1 &
registry=$!
until_true 10 python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))"
host=localhost:$port
for name in good:1 good:latest other:1; do
	skopeo copy -q --dest-tls-verify=false "oci:$T/oci:busybox:latest" "docker://$host/$name" || exit 1
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
lookaside() { printf 'docker:\n  %s: # a host\n    lookaside: "%s"\n' "$host" "$1" >"$BERTH_REGISTRIES_D/test.yaml"; }
lookaside "file://$T/sigstore/"
at="$T/sigstore/good@sha256=$digest/signature-1"
fails "no signature" 125 "berth: pull *policy.json wants a signature*has none in $T/sigstore*" image pull "$host/good:1"
sign evil@example.org "$(statement "$host/good:1" "$digest")" "$at"
fails "another's signature" 125 "berth: pull *does not hold*" image pull "$host/good:1"
sign good@example.org "$(statement "$host/good:1" "$(printf '0%.0s' {1..64})")" "$at"
fails "a signature of another image" 125 "berth: pull *a signature is for sha256:0000*" image pull "$host/good:1"
sign good@example.org "$(statement "$host/other:1" "$digest")" "$at"
fails "a signature of another name" 125 "berth: pull *for the name*" image pull "$host/good:1"
is "nothing came in" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)" 0
sign good@example.org "$(statement "$host/good:1" "$digest")" "$at"
t "a good signature" image pull -q "$host/good:1"

# the same over HTTP, as many as there are
python3 - "$T/sigstore" "$T/webport" >"$T/web" 2>&1 <<'PY' &
import http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if "/endless" in self.path:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(65536))
            except OSError:
                return
        super().do_GET()
os.chdir(sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[2] + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
PY
web=$!
until_true 10 test -e "$T/webport"
lookaside "http://127.0.0.1:$(cat "$T/webport")"
fresh() { ROOT=$T/fresh.$((n = ${n-0} + 1)); }
fresh
t "from a lookaside on the web" image pull -q "$host/good:1"
is "which was asked until there was none" "$(grep -c "GET /good@sha256=$digest/signature-" "$T/web")" 2
is "and nothing of them stays" "$(find "$ROOT" -name 'signature-*')" ""
mv "$at" "${at%1}2"
sign evil@example.org "$(statement "$host/good:1" "$digest")" "$at"
fresh
t "the second of two is good" image pull -q "$host/good:1"
rm "${at%1}2"
fresh
fails "the one that is left is not" 125 "berth: pull *does not hold*" image pull "$host/good:1"
lookaside "http://127.0.0.1:$(cat "$T/webport")/endless"
fails "a signature without end" 125 "berth: pull *longer than*" image pull "$host/good:1"
is "is nowhere" "$(find "$ROOT/store/tmp" -mindepth 1)" ""
lookaside "http://127.0.0.1:1"
fails "a lookaside that does not answer" 125 "berth: pull *127.0.0.1*connect*" image pull "$host/good:1"
lookaside "ftp://there"
fails "one of an unknown kind" 125 "berth: pull *ftp://there: expected file:///*" image pull "$host/good:1"

# which section is in force
sign good@example.org "$(statement "$host/good:1" "$digest")" "$at"
printf -- '---\ndefault-docker:\n  sigstore: file://%s\n' "$T/sigstore" >"$BERTH_REGISTRIES_D/test.yaml"
fresh
t "the default" image pull -q "$host/good:1"
printf "docker:\n    '%s/good:1':\n        lookaside-staging: file:///x\n    %s:\n        lookaside: file:///nowhere\n" "$host" "$host" \
	>"$BERTH_REGISTRIES_D/other.yaml"
fresh
fails "the nearest alone counts" 125 "berth: pull *has none in /var/lib/containers/sigstore*" image pull "$host/good:1"
printf 'docker:\n  %s/good:\n    lookaside: file://%s\n  %s:\n    lookaside: file:///nowhere\n' "$host" "$T/sigstore" "$host" \
	>"$BERTH_REGISTRIES_D/other.yaml"
t "a repository before its host" image pull -q "$host/good:1"
cp "$BERTH_REGISTRIES_D/test.yaml" "$BERTH_REGISTRIES_D/third.yaml"
fails "a section in two files" 125 "berth: pull *third.yaml: \"default-docker\" stands in another file*" image pull "$host/good:1"
rm "$BERTH_REGISTRIES_D/other.yaml" "$BERTH_REGISTRIES_D/third.yaml"
printf 'docker:\n  x: {lookaside: y}\n' >"$BERTH_REGISTRIES_D/test.yaml"
fails "YAML that is not understood" 125 "berth: pull *test.yaml: line 2: *" image pull "$host/good:1"
printf 'docker:\n  x:\n    wish: y\n' >"$BERTH_REGISTRIES_D/test.yaml"
fails "a key that is not known" 125 'berth: pull *test.yaml: "wish" is not known here*' image pull "$host/good:1"

# whose name a signature has to have
lookaside "file://$T/sigstore"
named() { # NAME IDENTITY IMAGE: signed for NAME, is IMAGE let in?
	policy "{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"$T/good.key\",\"signedIdentity\":$2}"
	sign good@example.org "$(statement "$1" "$digest")" "$at"
	fresh
	image pull -q "$host/$3"
}
refused() { ! named "$@" 2>"$T/why" && grep -q 'a signature is for the name' "$T/why"; }
by_digest="good@sha256:$digest"
t "matchExact: the same" named "$host/good:1" '{"type":"matchExact"}' good:1
t "matchExact: another tag" refused "$host/good:2" '{"type":"matchExact"}' good:1
t "matchExact: a digest" refused "$host/good:1" '{"type":"matchExact"}' "$by_digest"
t "matchRepoDigestOrExact: a digest" named "$host/good:2" '{"type":"matchRepoDigestOrExact"}' "$by_digest"
t "matchRepoDigestOrExact: another tag" refused "$host/good:2" '{"type":"matchRepoDigestOrExact"}' good:1
t "matchRepository: another tag" named "$host/good:2" '{"type":"matchRepository"}' good:1
t "matchRepository: none" named "$host/good" '{"type":"matchRepository"}' good:1
t "matchRepository: another repository" refused "$host/good2:1" '{"type":"matchRepository"}' good:1
t "exactReference" named vendor.example/app:9 '{"type":"exactReference","dockerReference":"vendor.example/app:9"}' good:1
t "exactReference: another" refused vendor.example/app:8 '{"type":"exactReference","dockerReference":"vendor.example/app:9"}' good:1
t "exactRepository" named vendor.example/app:8 '{"type":"exactRepository","dockerRepository":"vendor.example/app"}' good:1
t "exactRepository: another" refused "$host/good:1" '{"type":"exactRepository","dockerRepository":"vendor.example/app"}' good:1
t "remapIdentity" named vendor.example/good:1 "{\"type\":\"remapIdentity\",\"prefix\":\"$host\",\"signedPrefix\":\"vendor.example\"}" good:1
t "remapIdentity: of a repository" named vendor.example/x:1 "{\"type\":\"remapIdentity\",\"prefix\":\"$host/good\",\"signedPrefix\":\"vendor.example/x\"}" good:1
t "remapIdentity: half a word is no prefix" refused vendor.example/xod:1 "{\"type\":\"remapIdentity\",\"prefix\":\"$host/go\",\"signedPrefix\":\"vendor.example/x\"}" good:1
t "a name without a tag is not latest" refused "$host/good" '{"type":"matchExact"}' good:latest
fails "an identity that is not known" 125 'berth: pull *signedIdentity*"matchAll" is not known*' named "$host/good:1" '{"type":"matchAll"}' good:1
fails "one without its member" 125 'berth: pull *signedIdentity*' named "$host/good:1" '{"type":"exactReference"}' good:1

# signed by skopeo
printf 'default-docker:\n  lookaside: file://%s\n  lookaside-staging: file://%s\n' "$T/sigstore" "$T/sigstore" >"$BERTH_REGISTRIES_D/test.yaml"
policy "{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"$T/good.key\"}"
t "skopeo signs" env GNUPGHOME="$T/gpg" skopeo --insecure-policy --registries.d "$BERTH_REGISTRIES_D" copy -q --src-tls-verify=false \
	--remove-signatures --dest-tls-verify=false --sign-by good@example.org "docker://$host/good:1" "docker://$host/skopeo:1"
fresh
t "and we believe it" image pull -q "$host/skopeo:1"
fails "for that name" 125 "berth: pull *wants a signature*" image pull -q "$host/other:1"
lookaside "file://$T/sigstore"

# where the keys are
keys() { policy "{\"type\":\"$1\",$2}"; fresh; image pull -q "$host/good:1"; }
sign good@example.org "$(statement "$host/good:1" "$digest")" "$at"
gpg --export evil@example.org >"$T/evil.key"
t "one of keyPaths" keys signedBy "\"keyType\":\"GPGKeys\",\"keyPaths\":[\"$T/evil.key\",\"$T/good.key\"]"
t "keyData" keys signedBy "\"keyType\":\"GPGKeys\",\"keyData\":\"$(base64 -w0 "$T/good.key")\""
fails "keyData of another" 125 "berth: pull *does not hold*" keys signedBy "\"keyType\":\"GPGKeys\",\"keyData\":\"$(base64 -w0 "$T/evil.key")\""
fails "two kinds of keys" 125 "berth: pull *expected one of keyPath*" keys signedBy "\"keyPath\":\"$T/good.key\",\"keyData\":\"\""
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
policy "{\"type\":\"sigstoreSigned\",\"keyPath\":\"$T/key.pub\",\"signedIdentity\":{\"type\":\"matchRepository\"}}"
ROOT=$T/sig.root
fails "no attached signature" 125 "berth: pull *has none in the registry*" image pull "$host/good:1"
attach "$T/evil.pem" "$digest"
fails "an attached signature of another key" 125 "berth: pull *does not hold*" image pull "$host/good:1"
attach "$T/key.pem" "$(printf '0%.0s' {1..64})"
fails "an attached signature of another image" 125 "berth: pull *a signature is for*" image pull "$host/good:1"
attach "$T/key.pem" "$digest"
t "a good attached signature" image pull -q "$host/good:1"
any='"signedIdentity":{"type":"matchRepository"}'
t "with keyData" keys sigstoreSigned "\"keyData\":\"$(base64 -w0 "$T/key.pub")\",$any"
openssl ec -in "$T/evil.pem" -pubout -out "$T/evil.pub" 2>"$T/log"
t "with keyPaths" keys sigstoreSigned "\"keyPaths\":[\"$T/evil.pub\",\"$T/key.pub\"],$any"
fails "cosign names no tag: one that is wanted is missing" 125 "berth: pull *a signature is for the name*" \
	keys sigstoreSigned "\"keyPath\":\"$T/key.pub\""
printf 'default-docker:\n  use-sigstore-attachments: false\n' >"$BERTH_REGISTRIES_D/test.yaml"
fails "attachments are not looked for when told so" 125 "berth: pull *has none in the registry*" keys sigstoreSigned "\"keyPath\":\"$T/key.pub\",$any"
printf 'default-docker:\n  use-sigstore-attachments: true\n' >"$BERTH_REGISTRIES_D/test.yaml"
t "and are when told so" keys sigstoreSigned "\"keyPath\":\"$T/key.pub\",$any"
fails "Fulcio is not known" 125 'berth: pull *"fulcio"*given key only*' keys sigstoreSigned '"fulcio":{"caPath":"/x"}'
fails "nor is Rekor" 125 'berth: pull *"rekorPublicKeyPath"*given key only*' keys sigstoreSigned "\"keyPath\":\"$T/key.pub\",\"rekorPublicKeyPath\":\"/x\""
ROOT=$T/bad.root
printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s":[{"type":"magic"}]}}}' "$host" >"$BERTH_POLICY"
fails "an unknown requirement" 125 'berth: pull *"magic"*' image pull "$host/good:1"

# a scope may be one image
printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s/good@sha256:%s":[{"type":"insecureAcceptAnything"}]}}}' \
	"$host" "$digest" >"$BERTH_POLICY"
ROOT=$T/scope.root
fails "a scope with a digest is not for a tag" 125 "berth: pull *policy.json rejects*" image pull "$host/good:1"
t "but for that digest" image pull -q "$host/good@sha256:$digest"
policy '{"type":"maybe"}'
fails "a requirement that is not known" 125 'berth: pull *"maybe" is not known: berth knows insecureAcceptAnything, reject, signedBy, sigstoreSigned*' \
	image pull "$host/good:1"
