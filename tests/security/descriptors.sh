#!/bin/bash
# No descriptor of ours or of our caller's gets in, nor does a work directory behind one
# (CVE-2024-21626, CVE-2016-9962).
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
use_busybox
box() { berth run --rm --network none -v "$PROBE:/probe:ro" "$@"; }

open_many() { # runs us with descriptors open that we were not asked to pass on
	"$@" 3</ 4</etc/passwd 5<"$T" 9</proc 77<"$ROOT"
}
says "run: none above 2" "" open_many box busybox /probe fds
berth run -d --name c --network none -v "$PROBE:/probe:ro" busybox sh -c 'while :; do sleep 0.1; done' >/dev/null
says "exec: none above 2" "" open_many berth exec c /probe fds
is "process 1 has none either" "$(berth exec c sh -c 'ls /proc/1/fd | tr "\n" " "')" "0 1 2 "
escaped='[ -e etc/greeting ] || [ ! -e ../../../../../etc/greeting ] && echo outside'
for n in $(seq 3 20); do
	run open_many box -w "/proc/self/fd/$n" busybox sh -c "$escaped"
	[ -n "${out#outside}" ] || [ "$rc" != 0 ] || [ -z "$out" ] || break
	run open_many berth exec -w "/proc/self/fd/$n" c sh -c "$escaped"
	[ "$out" != outside ] || break
done
isnt "no work directory behind a descriptor leads outside" "$out" outside
t "removed" berth rm -f c

# the same through config.json
for n in 3 5 7 8 9 10 12; do
	rm -rf "$T/b"
	make_bundle "$T/b" ".process.cwd = \"/proc/self/fd/$n\" | .process.args = [\"/bin/sh\", \"-c\", \"/bin/ls -d ../../../../$T 2>/dev/null; /bin/pwd\"]"
	run open_many oci run --bundle "$T/b" "cwd$n-$me"
	case $out in
	*"$T"*) not_ok "cwd /proc/self/fd/$n leads outside" "$out"; break;;
	esac
done
[ "$n" != 12 ] || ok "config.json's cwd leads nowhere else either"

# a link in the image that points there
mkdir -p "$T/link"
ln -s /proc/self/fd/7 "$T/link/cwd"
run open_many box -v "$T/link:/link" -w /link/cwd busybox sh -c "$escaped"
isnt "nor does a link to one" "$out" outside
