#!/usr/bin/python3
"""hostile-layers OUT VICTIM - writes OCI layouts whose last layer is an attack, and prints
"NAME refused|harmless WORD" for each: what must come of it, and a word of the message."""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

out, victim = sys.argv[1:]
up = "../" * 40 + victim.lstrip("/")


def entry(name, kind=tarfile.REGTYPE, data=b"", link="", **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def archive(entries, fmt=tarfile.PAX_FORMAT):
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w", format=fmt) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return buf.getvalue()


def layout(name, verdict, word, *layers):
    """layers: (stored bytes, diff id of what is unpacked)"""
    folder = f"{out}/{name}"
    os.makedirs(folder + "/blobs/sha256")

    def put(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{folder}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}

    base = "application/vnd.oci.image."
    rows = []
    for stored, _ in layers:
        packed = stored[:2] == b"\x1f\x8b"
        rows.append(put(stored, base + "layer.v1.tar" + ("+gzip" if packed else "")))
    config = json.dumps({"architecture": "amd64" if os.uname().machine == "x86_64" else "arm64",
                         "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [d for _, d in layers]}}).encode()
    manifest = json.dumps({"schemaVersion": 2, "mediaType": base + "manifest.v1+json",
                           "config": put(config, base + "config.v1+json"), "layers": rows}).encode()
    row = put(manifest, base + "manifest.v1+json")
    row["annotations"] = {"org.opencontainers.image.ref.name": name + ":latest"}
    with open(folder + "/index.json", "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [row]}, f)
    with open(folder + "/oci-layout", "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    print(name, verdict, word)


def plain(data):
    return data, "sha256:" + hashlib.sha256(data).hexdigest()


def attack(name, word, *layers, verdict="refused"):
    layout(name, verdict, word, *[plain(archive(entries)) for entries in layers])


evil = b"escaped\n"
D, S, L, C = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
attack("dots", "escaped", [entry(up + "/escaped", data=evil)])
attack("dots-inside", "escaped", [entry("a", D), entry("a/../../../../escaped", data=evil)])
attack("dots-folder", "..", [entry("../escaped-dir", D)])
attack("link-out", "-", [entry("l", S, link=victim), entry("l/escaped", data=evil)])
attack("link-out-relative", "-", [entry("l", S, link=up), entry("l/escaped", data=evil)])
attack("link-chain", "-", [entry("a", S, link="/"), entry("b", S, link="a" + victim), entry("b/escaped", data=evil)])
attack("link-file", "-", [entry("f", S, link=victim + "/file"), entry("f/x", data=evil)])
attack("hardlink-out", "-", [entry("h", L, link=up + "/file"), entry("h", data=evil)])
attack("hardlink-absolute", "-", [entry("h", L, link=victim + "/file")])
attack("hardlink-link", "-", [entry("s", S, link=victim), entry("h", L, link="s/file")])
attack("hardlink-missing", "nosuchfile", [entry("h", L, link="nosuchfile")])
attack("whiteout-dots", "-", [entry(".wh...", data=b"")])
attack("whiteout-dot", "-", [entry("a", D), entry("a/.wh..", data=b"")])
attack("whiteout-empty", "-", [entry("a", D), entry("a/.wh.", data=b"")])
attack("whiteout-out", "-", [entry("../../.wh.victim", data=b"")])
attack("whiteout-link", "-", [entry("l", S, link=os.path.dirname(victim)), entry("l/.wh.victim", data=b"")])
attack("nul-name", "-", [entry("a\0b", data=evil)], verdict="harmless")
attack("empty-name", "-", [entry("", data=evil)], verdict="harmless")
attack("long-path", "-", [entry("/".join(["d" * 200] * 400), data=evil)])
attack("long-name", "-", [entry("n" * 300, data=evil)])
attack("long-link", "-", [entry("l", S, link="x" * 70000)])
attack("odd-xattr", "-", [entry("f", data=b"x", pax_headers={"SCHILY.xattr.user.big": "x" * 70000})])
attack("trusted-xattr", "-", [entry("d", D, pax_headers={"SCHILY.xattr.trusted.overlay.redirect": "/../../etc"})],
       verdict="harmless")
attack("number-of-device", "-", [entry("dev", C, devmajor=0o7777777, devminor=0o7777777)], verdict="harmless")
attack("id-range", "-", [entry("f", data=b"x", uid=1 << 40)])
attack("root-as-file", "-", [entry(".", data=b"x")])
attack("root-as-link", "-", [entry("./", S, link=victim), entry("escaped", data=evil)])
# an earlier layer plants the link, a later one walks through it
attack("later-layer", "-", [entry("l", S, link=victim)], [entry("l/escaped", data=evil)], verdict="harmless")
# 64 GB of zeroes in 64 MB of gzip would take long: 20 GB in one member, cut off where we stop
member = io.BytesIO()
info = tarfile.TarInfo("bomb")
info.size = 1 << 62
with gzip.GzipFile(fileobj=member, mode="wb", compresslevel=9, mtime=0) as z:
    z.write(info.tobuf(tarfile.GNU_FORMAT))
    z.write(bytes(1 << 20))
layout("size-of-2-to-62", "refused", "-", (member.getvalue(), "sha256:" + "0" * 64))
# a sparse file of 8 EiB, in GNU's old form
sparse = bytearray(tarfile.TarInfo("sparse").tobuf(tarfile.GNU_FORMAT))
sparse[156:157] = b"S"
sparse[386:398] = b"00000000000\0"
sparse[398:410] = b"00000000000\0"
sparse[483:495] = b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"
sparse[148:156] = b"        "
sparse[148:156] = b"%06o\0 " % (sum(sparse[:512]))
layout("sparse-of-8-EiB", "harmless", "-", plain(bytes(sparse) + bytes(1024)))
# entries without end: a million empty ones (100 MB of zeroes and names, 1 MB packed)
many = io.BytesIO()
with gzip.GzipFile(fileobj=many, mode="wb", compresslevel=1, mtime=0) as z:
    digest = hashlib.sha256()
    for i in range(200000):
        block = tarfile.TarInfo(f"{i % 100:02}/f{i}").tobuf(tarfile.USTAR_FORMAT)
        z.write(block)
        digest.update(block)
    z.write(bytes(1024))
    digest.update(bytes(1024))
layout("many-entries", "harmless", "-", (many.getvalue(), "sha256:" + digest.hexdigest()))
whole = archive([entry("a", data=b"x" * 5000)])
layout("trailing-noise", "harmless", "-", plain(whole + os.urandom(20000)))
layout("cut-in-header", "refused", "-", plain(whole[:700]))
layout("cut-in-data", "refused", "-", plain(whole[:3000]))
layout("cut-gzip", "refused", "-", (gzip.compress(whole)[:-20], plain(whole)[1]))
layout("noise-after-gzip", "refused", "-", (gzip.compress(whole)[:40] + os.urandom(400), plain(whole)[1]))
