#!/bin/bash
# Many layers: 128 of them, shared between images.
# parallel: yes
# also: vm
. "$(dirname "$0")/lib.sh"
need python3 jq
make_busybox_image "$T/oci" busybox:latest

# one more layer for each number, put on top of the three that are there
python3 - "$T/oci" 125 <<'PY'
import hashlib, io, json, os, sys, tarfile
layout, count = sys.argv[1], int(sys.argv[2])
blobs = layout + "/blobs/sha256/"
def put(data):
    digest = hashlib.sha256(data).hexdigest()
    open(blobs + digest, "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}
index = json.load(open(layout + "/index.json"))
manifest = json.load(open(blobs + index["manifests"][0]["digest"][7:]))
config = json.load(open(blobs + manifest["config"]["digest"][7:]))
for i in range(count):
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w") as tar:
        for name, text in ((f"many/{i:03}", str(i)), ("many/last", str(i))):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    data = buf.getvalue()
    manifest["layers"].append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **put(data)})
    config["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(data).hexdigest())
del config["history"]
manifest["config"].update(put(json.dumps(config).encode()))
index["manifests"][0].update(put(json.dumps(manifest).encode()))
index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] = "many:latest"
json.dump(index, open(layout + "/index.json", "w"))
PY
t "128 layers are loaded" berth load -i "$T/oci"
is "all are there" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)" 128
says "all are seen" 126 berth run --rm --network none many sh -c 'ls /many | wc -l'
says "the last wins" 124 berth run --rm --network none many cat /many/last
says "the first is below" "hello from the third layer" berth run --rm --network none many cat /etc/greeting
use_busybox
is "three are shared with another image" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)" 128
t "one image goes" berth rmi many
is "what the other needs stays" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)" 3
says "and runs" here berth run --rm --network none busybox ls /opt/old
