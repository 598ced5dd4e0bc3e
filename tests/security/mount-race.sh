#!/bin/bash
# A mount target swapped for a link during set-up never leads outside of the root
# (CVE-2021-30465, CVE-2023-27561, CVE-2019-19921).
# time: 200
. "$(dirname "$0")/../system/lib.sh"
use_busybox

# "victim" stands for the host: nothing may appear in it, nor be mounted over it
mkdir -p "$T/victim/sub" "$T/shared/dir/sub" "$T/payload"
echo host >"$T/victim/sub/file"
echo payload >"$T/payload/file"
ln -s "../../../../../../../../../../$T/victim" "$T/shared/link"
"$PROBE" swap "$T/shared/dir" "$T/shared/link" 0 >/dev/null &
racer=$!
inside=0 refused=0
for _ in $(seq "${ROUNDS:-150}"); do
	if "$BERTH" --root "$ROOT" run --rm --network none -v "$T/shared:/shared" -v "$T/payload:/shared/dir/sub" \
		busybox true >/dev/null 2>&1; then
		inside=$((inside + 1))
	else
		refused=$((refused + 1))
	fi
	[ "$(cat "$T/victim/sub/file" 2>/dev/null)" = host ] || break
done
t "the racer was racing" kill "$racer"
wait "$racer" 2>/dev/null
is "the victim is untouched after $inside starts and $refused refusals" "$(cat "$T/victim/sub/file")" host
is "nothing was made in it" "$(cd "$T/victim" && find . | sort | tr '\n' ' ')" ". ./sub ./sub/file "
unlike "nothing is mounted on it" "$(cat /proc/self/mountinfo)" "*$T/victim*"
t "the race was not empty" test "$((inside + refused))" -ge 100

# without a race: a target that is a link stays inside
ln -sfn "$T/victim" "$T/shared/static"
run berth run --rm --network none -v "$T/shared:/shared" -v "$T/payload:/shared/static" busybox cat /shared/static/file
is "a target that is a link is resolved in the root" "$(ls "$T/victim")" sub
is "the file of the host is there" "$(cat "$T/victim/sub/file")" host

# 10,000 swaps against the resolution alone, from inside: cp into a running container
berth run -d --name c --network none -v "$PROBE:/probe:ro" busybox sh -c '
	mkdir -p /a && ln -s /../../../../../../'"$T"'/victim /b && /probe swap /a /b 0' >/dev/null
echo smuggled >"$T/smuggled"
for _ in $(seq 100); do
	berth cp "$T/smuggled" c:/a/smuggled >/dev/null 2>&1
done
is "cp never wrote outside" "$(cd "$T/victim" && find . | sort | tr '\n' ' ')" ". ./sub ./sub/file "
t "removed" berth rm -f c
