#!/bin/bash
# The OCI runtime for who is not root: one id of one's own, a range of /etc/subuid, what cannot be.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq
need newuidmap
chmod 711 "$T"
mkdir "$T/home"
chown 4321:4321 "$T/home"
user() { setpriv --reuid 4321 --regid 4321 --clear-groups -- env -u XDG_RUNTIME_DIR HOME="$T/home" "$@"; }
mine() { user "$OCI" --root "$T/home/run" "$@" </dev/null; }
make_bundle "$T/home/b" || exit 1
rm "$T/home/b/config.json"
chown -R 4321:4321 "$T/home/b"
cd "$T/home/b" || exit 1
configure() { jq "$1" config.json >new.json && mv new.json config.json; }
command_is() { configure ".root.readonly = false | .process.terminal = false | .process.args = [\"sh\", \"-c\", \"$1\"]"; }

t "spec needs no folder for the state" user "$OCI" spec --rootless
is "it maps one's own id to root" "$(jq -c '.linux.uidMappings' config.json)" \
	'[{"containerID":0,"hostID":4321,"size":1}]'
fails "what keeps a state does" 1 "*XDG_RUNTIME_DIR is not set*--root" user "$OCI" list
command_is 'id -u; tr -s \" \" </proc/self/uid_map'
says "a container runs as its own root" "0
 0 4321 1" mine run c1
command_is 'exit 7'
ends "its exit status is ours" 7 mine run c1
is "nothing is left" "$(mine list -q)" ""

command_is 'touch /tmp/file; exec sleep 1000'
t "one is created" mine create c2
t "started" mine start c2
is "it runs" "$(mine state c2 | jq -r .status)" running
t "it writes" until_true 5 test -e rootfs/tmp/file
is "as its user" "$(stat -c %u rootfs/tmp/file)" 4321
says "a command runs in it" "0" mine exec c2 id -u
ends "with its status" 5 mine exec c2 sh -c 'exit 5'
fails "pause has no cgroup to freeze" 1 "*no cgroup*" mine pause c2
t "it is killed" mine kill c2 KILL
is_stopped() { [ "$(mine state c2 | jq -r .status)" = stopped ]; }
t "it ends" until_true 5 is_stopped
t "and is deleted" mine delete c2

# a range of one's own
echo "4321:500000:65536" >"$T/subid"
mount --bind "$T/subid" /etc/subuid
mount --bind "$T/subid" /etc/subgid
grep -q '^[^:]*:[^:]*:4321:' /etc/passwd || { # newuidmap looks its caller up
	{ cat /etc/passwd; echo "four:x:4321:4321::$T/home:/bin/sh"; } >"$T/passwd"
	mount --bind "$T/passwd" /etc/passwd
}
for k in uid gid; do
	configure ".linux.${k}Mappings = [{containerID: 0, hostID: 4321, size: 1},
		{containerID: 1, hostID: 500000, size: 65536}]"
done
command_is 'id -u; id -g; touch /tmp/other'
configure '.process.user = {uid: 1000, gid: 1000}'
says "another user of the container" "1000
1000" mine run c3
is "is one of the range" "$(stat -c %u:%g rootfs/tmp/other)" "500999:500999"
configure '.linux.uidMappings[1].hostID = 400000'
fails "a range of somebody else's is refused" 1 "berth-oci: newuidmap: *400000*/etc/subuid" mine run c4

# what is not to be had
configure '.linux.uidMappings[1].hostID = 500000 | .linux.resources.memory.limit = 67108864'
fails "a limit without a cgroup of one's own" 1 "*not delegated*" mine run c5
is "nothing is left" "$(mine list -q)" ""
configure 'del(.linux.resources) | .linux.devices = [{path: "/dev/mydisk", type: "b", major: 8, minor: 0}]'
fails "a device that is not there" 1 "*/dev/mydisk*" mine run c6
is "nothing is left" "$(mine list -q)" ""
is "nor a folder" "$(ls "$T/home/run" 2>/dev/null)" ""
umount /etc/subuid /etc/subgid
! mountpoint -q /etc/passwd || umount /etc/passwd
