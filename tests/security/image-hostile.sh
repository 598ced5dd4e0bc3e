#!/bin/bash
# Images that lie, reach outside or are bombs: one clear line, status 125, and the store as before.
# parallel: yes
# time: 300
. "$(dirname "$0")/../system/lib.sh"
need python3 zstd
image() { "$LIBEXEC/berth-image" --root "$ROOT" "$@"; }
mkdir "$T/evil"
t "the images are made" "$TOP/tests/data/hostile-images" "$T/evil"
make_busybox_image "$T/good" good:latest
t "a good image is there before" image load -i "$T/good"
canary=/tmp/evil.$$
store() { (cd "$ROOT/store" && find . -printf '%p %y %m %U:%G %s %T@\n' | grep -v '^\./tmp \|^\./lock \|^\. ' | sort); }
before=$(store)
outside=$(find /tmp /etc -maxdepth 1 -newer "$T/good" -name '*evil*' -not -path "$T*" 2>/dev/null)

for says in "$T"/evil/*.says; do
	input=${says%.says}
	name=${input##*/}
	fails "$name is refused" 125 "berth: load $input: $(cat "$says")" image load -i "$input"
	after=$(store)
	[ "$after" = "$before" ] || not_ok "$name leaves the store as it was" \
		"$(diff <(echo "$before") <(echo "$after"))"
done
is "nothing came to lie outside" "$(find /tmp /etc -maxdepth 1 -newer "$T/good" -name '*evil*' -not -path "$T*" 2>/dev/null)" "$outside"
[ ! -e "$canary" ] && ok "no canary"
is "nothing is left of them" "$(ls "$ROOT/store/tmp")" ""

# a blob of one's own under the diff id of a layer that everybody has
keep=$ROOT
ROOT=$T/thief.root
t "an image" image load -i "$T/good"
before_thief=$(store)
python3 - "$T/good" "$T/thief" "$T/again" <<'PY'
import gzip, hashlib, io, json, shutil, sys, tarfile
from pathlib import Path
good, thief, again = map(Path, sys.argv[1:])
def copy(to, change):
    shutil.copytree(good, to)
    blobs = to / "blobs/sha256"
    def put(what):
        name = hashlib.sha256(what).hexdigest()
        (blobs / name).write_bytes(what)
        return {"digest": "sha256:" + name, "size": len(what)}
    index = json.loads((to / "index.json").read_text())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
    layer = manifest["layers"][0]
    layer.update(put(gzip.compress(change(gzip.decompress((blobs / layer["digest"][7:]).read_bytes())), 1)),
                 mediaType="application/vnd.oci.image.layer.v1.tar+gzip")
    index["manifests"][0].update(put(json.dumps(manifest).encode()))
    index["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": to.name + ":latest"}
    (to / "index.json").write_text(json.dumps(index))
def evil(old):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("evil"))
    return out.getvalue()
copy(thief, evil)
copy(again, lambda old: old)
PY
fails "a blob that is not the layer that it is said to be is refused, though that layer is there" 125 \
	"berth: load $T/thief: *thief:latest: a layer's content is sha256:*, but the image says sha256:*" image load -i "$T/thief"
tar -C "$T/thief" -cf "$T/thief.tar" .
fails "out of an archive, too" 125 "berth: load $T/thief.tar: *a layer's content is sha256:*" image load -i "$T/thief.tar"
is "and leaves the store as it was" "$(store)" "$before_thief"
"$TOP/tests/data/lying-registry" "$T/thief" "$T/port" &
registry=$!
until_true 10 test -e "$T/port"
read -r port _ <"$T/port"
fails "from a registry, too" 125 "berth: pull localhost:$port/good:1: *a layer's content is sha256:*" \
	env BERTH_POLICY="$T/none" "$LIBEXEC/berth-image" --root "$ROOT" pull -q "localhost:$port/good:1"
kill "$registry"
wait "$registry" 2>/dev/null
t "and the store stays sound" image check
t "the same layer in another packing is taken" image load -i "$T/again"
t "and looked at once" image load -i "$T/again"
layer_of() { # LAYOUT: the blob and the diff id of its first layer
	python3 - "$1" <<-'PY'
	import json, sys
	blob = lambda d: json.load(open(sys.argv[1] + "/blobs/sha256/" + d["digest"][7:]))
	manifest = blob(json.load(open(sys.argv[1] + "/index.json"))["manifests"][0])
	print(manifest["layers"][0]["digest"][7:], blob(manifest["config"])["rootfs"]["diff_ids"][0][7:])
	PY
}
read -r blob layer < <(layer_of "$T/again")
t "what was seen is kept with the layer" [ -f "$ROOT/store/layers/$layer/blob-$blob" ]
read -r blob layer < <(layer_of "$T/thief")
t "an image that came when nobody looked" touch "$ROOT/store/layers/$layer/blob-$blob"
t "is taken by that" image load -i "$T/thief"
fails "and found by a check" 125 "*fault*" image check
like "which names it" "$out" "*thief:latest: *a layer's content is sha256:*"
t "and takes it away" image check --repair
t "so that the store is sound again" image check
ROOT=$keep

# a small layer cut off at every byte (every 16th, where nothing is packed): the image says what it
# should have been
python3 - "$T" <<'PY'
import gzip, hashlib, io, json, sys, tarfile
from pathlib import Path
buf = io.BytesIO()
info = tarfile.TarInfo("file")
info.size = 5
buf.write(info.tobuf() + b"hello".ljust(512, b"\0") + bytes(1024))
whole = buf.getvalue()
out = Path(sys.argv[1]) / "bytes"
sha = lambda data: hashlib.sha256(data).hexdigest()
for kind, data in (("tar", whole), ("tar+gzip", gzip.compress(whole, mtime=0)), ("tar+zstd", None)):
    if data is None:
        import subprocess
        data = subprocess.run(["zstd", "-qc"], input=whole, capture_output=True, check=True).stdout
    for n in range(len(data) + 1):
        if kind == "tar" and 64 < n < len(data) and n % 16:
            continue
        folder = out / f"{kind[4:] or 'plain'}.{n}{'.whole' if n == len(data) else ''}"
        blobs = folder / "blobs/sha256"
        blobs.mkdir(parents=True)
        def put(what, media):
            (blobs / sha(what)).write_bytes(what)
            return {"mediaType": "application/vnd.oci.image." + media, "digest": "sha256:" + sha(what), "size": len(what)}
        config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs":
                                 {"type": "layers", "diff_ids": ["sha256:" + sha(whole)]}}).encode(), "config.v1+json")
        manifest = put(json.dumps({"schemaVersion": 2, "config": config, "layers": [put(data[:n], "layer.v1." + kind)]}).encode(),
                       "manifest.v1+json")
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
PY
bad=0 refused=0
keep=$ROOT
ROOT=$T/bytes.root
for f in "$T"/bytes/*[0-9]; do
	if image load -i "$f" >"$T/.out" 2>"$T/.err"; then
		bad=$((bad + 1))
		echo "# $f was taken"
	else
		refused=$((refused + 1))
		[[ $(cat "$T/.err") == "berth: load $f: "* && $(wc -l <"$T/.err") = 1 ]] ||
			{ bad=$((bad + 1)); sed "s|^|# ${f##*/}: |" "$T/.err"; }
	fi
done
is "a layer cut off at every byte is refused in one line" "$bad" 0
is "each of them" "$([ "$refused" -gt 300 ] && echo yes)" yes
is "no layer is left of them" "$(ls "$ROOT/store/layers")" ""
t "and the store is sound" image check
for f in "$T"/bytes/*.whole; do
	ROOT=$T/bytes.${f##*/}
	t "${f##*/} is taken" image load -i "$f"
done
ROOT=$keep
rm -rf "$T/bytes"

# a small archive cut off at every byte
python3 - "$T" <<'PY'
import gzip, io, os, sys, tarfile
from pathlib import Path
good = Path(sys.argv[1]) / "good"
buf = io.BytesIO()
with tarfile.open(fileobj=buf, mode="w") as t:
    t.add(good, arcname=".")
data = buf.getvalue()
out = Path(sys.argv[1]) / "cut"
out.mkdir()
end = len(data.rstrip(b"\0"))
for n in list(range(0, 1100, 97)) + list(range(1536, end, max(1, end // 40))):
    (out / f"{n}").write_bytes(data[:n])
PY
bad=0
for f in "$T"/cut/*; do
	if image load -i "$f" >"$T/.out" 2>"$T/.err"; then bad=$((bad + 1)); echo "# $f was taken"; fi
	[ "$(grep -c '^berth: ' "$T/.err")" = 1 ] || { bad=$((bad + 1)); sed 's/^/# /' "$T/.err"; }
done
is "an archive cut off anywhere is refused in one line" "$bad" 0
is "and the store is as it was" "$(store)" "$before"
