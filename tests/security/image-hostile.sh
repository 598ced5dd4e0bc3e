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
