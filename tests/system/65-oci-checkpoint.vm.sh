#!/bin/bash
# checkpoint and restore through criu, under the kernel that can.
# time: 90
. "$(dirname "$0")/lib.sh"
need criu jq
umask 022
make_bundle "$T/b" '.root.readonly = false
	| .process.args = ["sh", "-c", "i=0; while :; do i=$((i + 1)); echo $i >/count; sleep 0.1; done"]' || exit 1
count() { cat "$T/b/rootfs/count"; }
grows() { local before; before=$(count); until_true 20 eval '[ "$(count)" -gt '"$before"' ]'; }
status() { oci state ck | jq -r .status; }

# its standard files are not to be files of ours
oci run -d -b "$T/b" ck </dev/null >/dev/null 2>&1 && ok "a container counts" || not_ok "a container counts"
t "it counts" until_true 20 test -s "$T/b/rootfs/count"
t "checkpoint, and it runs on" oci checkpoint --image-path "$T/img0" --leave-running ck
is "it runs" "$(status)" running
t "checkpoint" oci checkpoint --image-path "$T/img" --work-path "$T/work" ck
is "it has ended" "$(status)" stopped
at=$(count)
t "its remains are deleted" oci delete ck
oci restore -d -b "$T/b" --image-path "$T/img" --pid-file "$T/pid" ck </dev/null >"$T/restore.out" 2>&1 &&
	ok "restore" || not_ok "restore" "$(cat "$T/restore.out")"
is "it runs again" "$(status)" running
is "under the PID that is told" "$(cat "$T/pid")" "$(oci state ck | jq .pid)"
t "it counts on" grows
[ "$(count)" -gt "$at" ] && ok "from where it was" || not_ok "from where it was" "$at, then $(count)"
says "exec works in it" 1 oci exec ck sh -c 'cat /proc/1/status | sed -n "s/^Pid:[[:space:]]*//p"'
is "it is in its own cgroup" "$(grep ^0:: "/proc/$(cat "$T/pid")/cgroup")" "0::/berth/ck"
t "it is killed and deleted" oci delete -f ck
fails "without images there is no restore" 1 "*No such file*" oci restore -d -b "$T/b" --image-path "$T/none" ck
is "and nothing is left" "$(oci list -q)" ""
