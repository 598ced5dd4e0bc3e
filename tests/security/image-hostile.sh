#!/bin/bash
# Images that lie, reach outside or are bombs: one clear line, status 125, and the store as before.
# parallel: yes
# time: 300
. "$(dirname "$0")/../system/lib.sh"
need python3
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
