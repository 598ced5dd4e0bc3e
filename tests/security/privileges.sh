#!/bin/bash
# Capabilities, groups and users are exactly those asked for (CVE-2022-29162,
# CVE-2022-2989 to 2995, CVE-2023-25173, CVE-2026-30892).
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
use_busybox
box() { berth run --rm --network none "$@"; }

berth run -d --name c --network none busybox sh -c 'while :; do sleep 0.1; done' >/dev/null
for where in "run --rm --network none busybox" "exec c"; do
	# shellcheck disable=SC2086
	is "nothing is inheritable: $where" "$(berth $where grep CapInh /proc/self/status | tr -d '\t')" "CapInh:0000000000000000"
done
with_groups() { setpriv --groups 4,27,1234 "$@"; }
says "groups of ours do not come along" 0 with_groups "$BERTH" --root "$ROOT" run --rm --network none busybox id -G
says "nor with exec" 0 with_groups "$BERTH" --root "$ROOT" exec c id -G
says "nor for a user" "1000 29" with_groups "$BERTH" --root "$ROOT" run --rm --network none -u guest busybox id -G
says "a bare number has no group of the image's" "1000" box -u 1000:1000 busybox id -G
for user in 0:0:0 ' 0' +0 -1 4294967295 0:4294967295 4294967296 0x0 1e3 '0 ' root:nosuch; do
	fails "run -u '$user'" 125 "berth: *" box -u "$user" busybox id
	fails "exec -u '$user'" 125 "berth: *" berth exec -u "$user" c id
done
t "removed" berth rm -f c

make_bundle "$T/b" '.process.args = ["/bin/sleep", "100"]'
"$OCI" --root "$T/oci" run -d --bundle "$T/b" b-$me </dev/null >/dev/null 2>&1
for user in 0:0:0 ' 0' +0 -1 4294967295 1:4294967295 4294967296 root 0x0 '1000:' ':1000'; do
	run oci exec -u "$user" b-$me /bin/true
	isnt "oci exec -u '$user' is refused" "$rc" 0
done
is "oci exec -u 1000:77" "$(oci exec -u 1000:77 b-$me /bin/busybox id -u)" 1000
t "deleted" oci delete -f b-$me

# an image whose passwd file gives the id that setresuid(2) takes for "as it is"
printf 'root:x:0:0::/:/bin/sh\nnobody:x:4294967295:4294967295::/:/bin/sh\n' >"$T/passwd"
run box -v "$T/passwd:/etc/passwd:ro" -u nobody busybox id
unlike "a passwd file's 4294967295 is not root" "$out" "*uid=0*"
make_bundle "$T/minus" '.process.args = ["/bin/busybox", "id"] | .process.user.uid = 4294967295'
run oci run --bundle "$T/minus" minus-$me
unlike "nor is config.json's" "$out" "*uid=0*"

# a file with capabilities gives no more than the bounding set
cp "$PROBE" "$T/probe-cap"
setcap cap_sys_admin+ep "$T/probe-cap" 2>/dev/null
ends "a file's capabilities beyond the set do not count" 126 box -v "$T/probe-cap:/p" busybox /p fds
# chroot needs CAP_SYS_CHROOT, which Docker's set has: it must lead nowhere
says "the old chroot escape finds the same root" "same root" box -v "$PROBE:/probe:ro" busybox /probe chroot /tmp/x
