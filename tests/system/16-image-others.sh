#!/bin/bash
# Images that others made come in, what we push is taken and run by others, and the ways to a registry:
# token, client's certificate, credential helper, proxy, HTTP/2, chunks, mounts.
# parallel: yes
# time: 400
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo buildah umoci podman conmon jq openssl python3 zstd xz bzip2
image() { "$LIBEXEC/berth-image" --root "$ROOT" "$@"; }
mkdir "$T/home"
export HOME=$T/home BERTH_POLICY=$T/none CONTAINERS_REGISTRIES_CONF=$T/registries.conf BERTH_CERTS_DIR=$T/certs
: >"$CONTAINERS_REGISTRIES_CONF"
unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_RUNTIME_DIR http_proxy https_proxy
trap 'status=$?; kill "${pids[@]}" 2>/dev/null; (exit "$status"); lib_end' EXIT
sed "s|/usr/local/bin/berth-oci|$OCI|" "$TOP/examples/podman/containers.conf" >"$T/containers.conf"
export CONTAINERS_CONF=$T/containers.conf BERTH_ROOT=$T/berth TMPDIR=$T
put() { skopeo copy -q --dest-tls-verify=false "$@" || exit 1; }
fresh() { ROOT=$T/fresh.$((count = ${count-0} + 1)); ROOTS+=("$ROOT"); }

make_busybox_image "$T/oci" busybox:latest
registry plain
plain=localhost:$port
raw() { skopeo inspect --tls-verify=false --raw "docker://$plain/$1"; }
digest_of() { echo "sha256:$(raw "$1" | sha256sum | cut -d' ' -f1)"; }
hello="hello from the third layer"

# ---- what others made
put "oci:$T/oci:busybox:latest" "docker://$plain/skopeo:1"
umoci config --image "$T/oci:busybox:latest" --tag umoci --config.env=BY=umoci >/dev/null 2>&1 || exit 1
mkdir "$T/extra"
echo umoci >"$T/extra/by"
umoci insert --image "$T/oci:umoci" "$T/extra" /opt/extra >/dev/null 2>&1 || exit 1
put "oci:$T/oci:umoci" "docker://$plain/umoci:1"
bud() { buildah --root "$T/bud" --runroot "$T/budrun" --storage-driver vfs "$@"; }
if c=$(bud from "oci:$T/oci:busybox:latest" 2>"$T/.err"); then
	bud config --env BY=buildah "$c"
	t "buildah commits" bud commit -q --format docker "$c" made
	t "and pushes" bud push -q --tls-verify=false --digestfile "$T/buildah.digest" made "docker://$plain/buildah:1"
else
	not_ok "buildah takes an image" "$(cat "$T/.err")"
fi
for who in skopeo umoci buildah; do
	fresh
	says "$who's is pulled by its digest" "$(digest_of $who:1)" image pull -q "$plain/$who:1"
	says "and runs" "$hello" berth run --rm --network none "$plain/$who:1" cat /etc/greeting
done
is "as buildah says, too" "$(digest_of buildah:1)" "$(cat "$T/buildah.digest")"
# of a layer that Go has written: skopeo's zstd:chunked loses what other tars have behind their end
made() { umoci "$@" >/dev/null 2>&1 || exit 1; }
made init --layout "$T/go"
made new --image "$T/go:made"
made unpack --image "$T/go:made" "$T/go.bundle"
busybox_root "$T/go.bundle/rootfs"
echo "$hello" >"$T/go.bundle/rootfs/etc/greeting"
made repack --image "$T/go:made" "$T/go.bundle"
skopeo copy -q --dest-compress --dest-compress-format zstd:chunked "oci:$T/go:made" "dir:$T/chunked" || exit 1
put "dir:$T/chunked" "docker://$plain/chunked:1"
like "zstd:chunked" "$(raw chunked:1 | jq -c .layers)" "*zstd-chunked*"
fresh
t "is pulled" image pull -q "$plain/chunked:1"
says "and runs" "$hello" berth run --rm --network none "$plain/chunked:1" cat /etc/greeting

# ---- what we push
P=(podman --root "$T/store" --runroot "$T/run" --tmpdir "$T/tmp" --storage-driver vfs --cgroup-manager cgroupfs --events-backend file)
more=(--network none --ulimit nofile=1024:1024 --ulimit nproc=5000:5000)
has_controller pids || more+=(--cgroups=disabled)
put --format v2s2 "oci:$T/oci:busybox:latest" "docker://$plain/docker:1"
put --dest-compress-format zstd "oci:$T/oci:busybox:latest" "docker://$plain/zstd:1"
for name in skopeo umoci docker zstd; do
	fresh
	image pull -q "$plain/$name:1" >/dev/null
	says "$name is saved to standard output" "" sh -c '"$1" --root "$2" save "$3" >"$4"' - "$LIBEXEC/berth-image" "$ROOT" "$plain/$name:1" "$T/saved.tar"
	fresh
	t "$name is loaded from standard input" sh -c '"$1" --root "$2" load <"$3"' - "$LIBEXEC/berth-image" "$ROOT" "$T/saved.tar"
	says "$name is pushed, what it was all the way" "$(digest_of "$name:1")" image push -q "$plain/$name:1" "$plain/ours/$name:1"
	is "for skopeo" "$(digest_of "ours/$name:1")" "$(digest_of "$name:1")"
	t "skopeo copies $name" skopeo copy -q --src-tls-verify=false "docker://$plain/ours/$name:1" "oci:$T/copied:$name"
	t "podman pulls $name" "${P[@]}" pull -q --tls-verify=false "$plain/ours/$name:1"
	like "by that digest" "$("${P[@]}" image inspect -f '{{.RepoDigests}}' "$plain/ours/$name:1")" "*/ours/$name@$(digest_of "$name:1")*"
	says "and runs it" "$hello" "${P[@]}" run --rm "${more[@]}" "$plain/ours/$name:1" cat /etc/greeting
done

# ---- folders and archives
for to in "oci:$T/dir" "oci:$T/dirs:some" "oci-archive:$T/a.tar" "docker-archive:$T/d.tar"; do
	t "pushed to ${to%%:*}" image push -q "$plain/zstd:1" "$to"
	t "which skopeo reads" skopeo inspect "$to"
	fresh
	t "and pulled from it" image pull -q "$to"
	id=$(berth images -q | head -n 1)
	says "it runs" "$hello" berth run --rm --network none "$id" cat /etc/greeting
	ROOT=$T/fresh.$((count - 1))
done

tags=()
for tag in a b c d e f g h; do
	image push -q "$plain/zstd:1" "oci:$T/busy:$tag" >"$T/busy.$tag" 2>&1 &
	tags+=($!)
done
wait "${tags[@]}"
is "of eight that push into one folder at once none is lost" "$(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' \
	"$T/busy/index.json" | sort | tr -d '\n')" abcdefgh
is "and nothing is left beside" "$(cd "$T/busy" && find . -name '.*' -not -name .)" ""
truncate -s 5M "$T/busy/index.json"
fails "what cannot be read there is not replaced" 125 "berth: *index.json*" image push -q "$plain/zstd:1" "oci:$T/busy:i"

# ---- root file systems of every kind
fresh
use_busybox
berth create --name from --network none busybox true >/dev/null
berth export from >"$T/root.tar"
for pack in cat gzip bzip2 xz "zstd -q"; do
	$pack <"$T/root.tar" >"$T/packed"
	t "import of ${pack% *}" berth import "$T/packed" "kind:${pack% *}"
	says "it runs" "$hello" berth run --rm --network none "kind:${pack% *}" cat /etc/greeting
done
mkdir "$T/unpacked"
tar -C "$T/unpacked" -xf "$T/root.tar"
t "import of a folder" berth import -c 'CMD ["cat","/etc/greeting"]' "$T/unpacked" kind:dir
says "it runs" "$hello" berth run --rm --network none kind:dir
import_stdin() { xz <"$T/root.tar" | "$BERTH" --root "$ROOT" import - kind:stdin; }
t "import from standard input" import_stdin
is "exports of them are the same" "$(berth create --name again --network none kind:gzip true >/dev/null; berth export again | tar -t | sort | sha256sum)" \
	"$(tar -t <"$T/root.tar" | sort | sha256sum)"

# ---- chunks and mounts
head -c 70M /dev/urandom >"$T/unpacked/noise"
berth import "$T/unpacked" big >/dev/null
t "70 MB are pushed" image push -q big "$plain/big:1"
is "in three chunks, and its config in one" "$(grep -c '"PATCH /v2/big/blobs/uploads/' "$T/plain.log")" 4
berth tag big "$plain/big:1"
run image push big "$plain/elsewhere:1"
like "to another repository it is mounted" "$err" "*: mounted, *"
is "and nothing sent" "$(grep -c '"PATCH /v2/elsewhere/blobs/uploads/' "$T/plain.log")" 0

# ---- HTTP/2, and a client's certificate
mkdir -p "$T/tls" "$T/certs"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	-keyout "$T/tls/key.pem" -out "$T/tls/cert.pem" >"$T/log" 2>&1 || exit 1
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=client \
	-keyout "$T/tls/client.key" -out "$T/tls/client.cert" >"$T/log" 2>&1 || exit 1
registry mutual ", tls: {certificate: $T/tls/cert.pem, key: $T/tls/key.pem, clientcas: [$T/tls/client.cert]}"
mutual=localhost:$port
mkdir -p "$T/certs/$mutual"
cp "$T/tls/cert.pem" "$T/certs/$mutual/ca.crt"
fails "without a certificate of ours" 125 "berth: push *certs.d*" image push -q busybox "$mutual/box:1"
cp "$T/tls/client.cert" "$T/tls/client.key" "$T/certs/$mutual/"
t "with it" image push -q busybox "$mutual/box:1"
like "by HTTP/2" "$(cat "$T/mutual.log")" "*PUT /v2/box/manifests/1 HTTP/2.0*"

# ---- a password by a helper; a token
python3 -W ignore -c 'import crypt; print("me:" + crypt.crypt("secret", "$2b$05$abcdefghijklmnopqrstuu"))' >"$T/htpasswd"
registry auth "" "auth: {htpasswd: {realm: berth, path: $T/htpasswd}}"
auth=localhost:$port
mkdir -p "$T/bin" "$T/home/.docker"
cat >"$T/bin/docker-credential-test" <<'SH'
#!/bin/sh
read -r host
echo "$1 $host" >>"$HOME/asked"
echo '{"Username":"me","Secret":"secret"}'
SH
chmod +x "$T/bin/docker-credential-test"
printf '{"credHelpers":{"%s":"test"}}' "$auth" >"$T/home/.docker/config.json"
t "a credential helper lets us in" env PATH="$T/bin:$PATH" "$LIBEXEC/berth-image" --root "$ROOT" push -q busybox "$auth/box:1"
like "having been asked" "$(cat "$T/home/asked")" "get $auth*"
printf '{"credsStore":"test"}' >"$T/home/.docker/config.json"
t "so does a store for all" env PATH="$T/bin:$PATH" "$LIBEXEC/berth-image" --root "$ROOT" pull -q "$auth/box:1"
rm "$T/home/.docker/config.json"

jq -n '{auths: [range(8) | {key: "h\(.).example", value: {auth: "YTpi"}}] | from_entries}' >"$T/eight.json"
outs=()
for i in 0 1 2 3 4 5 6 7; do
	image logout --authfile "$T/eight.json" "h$i.example" >"$T/log" 2>&1 &
	outs+=($!)
done
wait "${outs[@]}"
is "of eight logouts from one file at once none is undone" "$(jq -c .auths "$T/eight.json")" "{}"

"$TOP/tests/data/token-server" "$T/tls/cert.pem" "$T/tls/key.pem" "$T/token" 2>"$T/token.err" &
pids+=($!)
until_true 10 test -e "$T/token"
registry token "" "auth: {token: {realm: \"http://localhost:$(cat "$T/token")/token\", service: ours, issuer: token-server, rootcertbundle: $T/tls/cert.pem}}"
token=localhost:$port
fails "no token for nobody" 125 "berth: push *berth login $token*" image push -q busybox "$token/box:1"
login() { printf '%s\n' "$1" | "$LIBEXEC/berth-image" --root "$ROOT" login -u me --password-stdin "$token"; }
fails "nor for a wrong password" 125 "berth: *$token*" login wrong
t "the right one" login secret
t "pushes" image push -q busybox "$token/box:1"
like "with a token for that" "$(cat "$T/token.log")" "*scope=repository%3Abox%3Apull%2Cpush auth=Basic*"
fresh
t "pulls" image pull -q "$token/box:1"
says "and skopeo sees the same" "$(image push -q "$token/box:1" "$token/again:1")" \
	sh -c 'skopeo inspect --tls-verify=false --creds me:secret --raw "docker://$1" | sha256sum | sed "s/\([^ ]*\).*/sha256:\1/"' - "$token/box:1"
is "the registry is never shown the password" "$(grep -c Basic "$T/token.log")" "$(grep -c 'auth=Basic' "$T/token.log")"
t "logged out" image logout "$token"
fresh
fails "we are out" 125 "berth: pull *berth login*" image pull "$token/box:1"

# ---- a proxy
python3 - "$T/proxy" 2>"$T/proxy.err" <<'PY' &
import http.server, os, sys, urllib.error, urllib.request
log = open(sys.argv[1] + ".log", "w", buffering=1)
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass
    def do_GET(self):
        log.write(self.path + "\n")
        try:
            r = open_url(urllib.request.Request(self.path.replace("registry.example", "localhost"),
                         headers={k: v for k, v in self.headers.items() if k in ("Accept", "Range", "Authorization")}))
        except urllib.error.HTTPError as e:
            r = e
        data = r.read()
        self.send_response(r.status)
        for key in ("Content-Type", "Docker-Content-Digest", "WWW-Authenticate"):
            if r.headers.get(key):
                self.send_header(key, r.headers[key])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
PY
pids+=($!)
until_true 10 test -e "$T/proxy"
fresh
t "a host that only the proxy knows" env http_proxy="http://127.0.0.1:$(cat "$T/proxy")" https_proxy=http://127.0.0.1:1 \
	"$LIBEXEC/berth-image" --root "$ROOT" pull -q --tls-verify=false "registry.example:${plain#*:}/skopeo:1"
like "is asked for there" "$(cat "$T/proxy.log")" "*http://registry.example:*/v2/skopeo/blobs/sha256:*"
"${P[@]}" rmi -fa >/dev/null 2>&1
true
