#!/bin/bash
# Control sockets are files that only their owner reaches, from no container
# (CVE-2020-15257).
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
use_busybox
berth run -d --name c --network host busybox sh -c 'while :; do sleep 0.1; done' >/dev/null
is "no abstract socket of ours, seen with the host's network" "$(berth exec c sh -c 'grep -c "@.*berth" /proc/net/unix')" 0
mapfile -t socks < <(find "$ROOT" -type s)
is "there is one socket" "${#socks[@]}" 1
for s in "${socks[@]}"; do
	is "its mode" "$(stat -c %a "$s")" 600
	is "its folder's mode" "$(stat -c %a "$(dirname "$s")")" 700
	chmod 777 "$s"
	d=$s
	while d=$(dirname "$d"); [ "$d" != / ]; do chmod o+x "$d"; done
	run setpriv --reuid 1000 --regid 1000 --clear-groups "$PROBE" connect "$s" "STOP
"
	unlike "another user is refused though the modes allow it" "$out" "[1-9]*"
done
is "and the container runs on" "$(berth inspect --format '{{.State.Status}}' c)" running
t "removed" berth rm -f c
