#!/bin/bash
# Started inside a chroot, a container's mount namespace still holds nothing of the host: who
# joins it, as exec does, is in the container.
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
mkdir "$T/jail"
mount --rbind / "$T/jail"
make_busybox_image "$T/busybox.oci" busybox:latest
jailed() { chroot "$T/jail" "$BERTH" --root "$ROOT" "$@"; }
t "an image" jailed load -i "$T/busybox.oci"
says "run sees the container" "hello from the third layer" jailed run --rm --network none busybox cat /etc/greeting
t "a container" jailed run -d --name c --network none busybox sleep 1000
says "exec sees the container" "hello from the third layer" jailed exec c cat /etc/greeting
says "and nothing of the host" "" jailed exec c sh -c "ls -d $T 2>/dev/null || :"
pid=$(jailed inspect --format '{{.State.Pid}}' c)
is "nor does who joins by hand" "$(nsenter -t "$pid" -m /bin/cat /etc/greeting)" "hello from the third layer"
t "removed" jailed rm -f c
umount -R -l "$T/jail"
