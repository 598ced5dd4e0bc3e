#!/bin/bash
# mounts add, mounts remove: what changes in a container that runs.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq
umask 022
make_bundle "$T/b" '.process.args = ["sleep", "1000"] | .root.readonly = false' || exit 1
mkdir "$T/src" && echo file >"$T/src/file"
mkdir "$T/b/rootfs/up" && echo image >"$T/b/rootfs/up/file" && ln -s file "$T/b/rootfs/up/link"
chmod 751 "$T/b/rootfs/up" && chown 3:4 "$T/b/rootfs/up/file"
ln -s /tmp "$T/b/rootfs/out"

add() { jq -n --arg t "$T" "$1" >"$T/m.json" && oci mounts add m1-$me "$T/m.json"; }
inside() { oci exec m1-$me sh -c "$1"; }
mount_at() { inside "grep ' $1 ' /proc/self/mountinfo | tail -n 1 | cut -d' ' -f6"; }
refused() { # name pattern jq
	jq -n --arg t "$T" "$3" >"$T/m.json"
	fails "$1" 1 "$2" oci mounts add m1-$me "$T/m.json"
}

oci run -d -b "$T/b" m1-$me </dev/null >/dev/null 2>&1
t "a bind" add '[{destination: "/mnt", type: "bind", source: ($t + "/src"), options: ["ro", "nosuid"]}]'
says "is there" file inside 'cat /mnt/file'
like "with its options" "$(mount_at /mnt)" "ro,nosuid*"
t "a tmpfs, read-only" add '[{destination: "/a/b", type: "tmpfs", source: "t", options: ["size=64k", "ro", "mode=0711"]}]'
says "is there, too" "711 ro" inside 'echo $(stat -c %a /a/b) $(touch /a/b/x 2>/dev/null || echo ro)'
t "remount" add '[{destination: "/mnt", options: ["remount", "bind", "rw", "noexec"]}]'
like "changes the mount" "$(mount_at /mnt)" "rw,nosuid,noexec*"
t "remount of a file system" add '[{destination: "/a/b", type: "tmpfs", options: ["remount", "rw", "size=128k"]}]'
like "changes that" "$(inside 'grep " /a/b " /proc/mounts')" "* rw,*size=128k*"
t "a change of propagation" add '[{destination: "/a/b", options: ["rshared"]}]'
like "is one" "$(inside 'grep " /a/b " /proc/self/mountinfo')" "*shared:*"
t "tmpcopyup" add '[{destination: "/up", type: "tmpfs", source: "t", options: ["tmpcopyup", "ro"]}]'
says "has what was there" "image file 751 3:4 ro" inside \
	'echo $(cat /up/file) $(readlink /up/link) $(stat -c %a /up) $(stat -c %u:%g /up/file) $(touch /up/x 2>/dev/null || echo ro)'
t "a destination behind a link stays inside" add '[{destination: "/out/x", type: "tmpfs", source: "t"}]'
says "and is where that leads" 1 inside 'grep -c " /tmp/x " /proc/mounts'
jq -n '[{destination: "/up", type: "tmpfs"}, {destination: "/mnt", type: "bind", source: "/"}]' >"$T/m.json"
t "remove" oci mounts remove m1-$me "$T/m.json"
says "takes them away" "image
0" inside 'cat /up/file; grep -c " /mnt " /proc/mounts; :'
refused "an unknown option" "*mounts*nonsense*" '[{destination: "/x", type: "tmpfs", source: "t", options: ["nonsense"]}]'
refused "a procfs would be the host's" "*proc would be the host's*" '[{destination: "/x", type: "proc", source: "p"}]'
refused "tmpcopyup of something else" "*tmpcopyup is for tmpfs only*" \
	'[{destination: "/x", type: "bind", source: $t, options: ["tmpcopyup"]}]'
refused "idmap without maps" "*idmap needs uidMappings*" '[{destination: "/x", type: "bind", source: $t, options: ["bind", "idmap"]}]'
if kernel_at_least 6.3; then
	mkdir "$T/id" && mount -t tmpfs -o mode=755 none "$T/id"
	t "an idmapped bind" add '[{destination: "/id", type: "bind", source: ($t + "/id"), options: ["bind"],
		uidMappings: [{containerID: 0, hostID: 1000, size: 1}], gidMappings: [{containerID: 0, hostID: 2000, size: 1}]}]'
	says "shows other owners" 1000:2000 inside 'stat -c %u:%g /id'
	oci delete -f m1-$me
	jq '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings' "$T/b/config.json" >"$T/c.json"
	oci run -d -b "$T/b" -f "$T/c.json" m1-$me </dev/null >/dev/null 2>&1
	t "as the container's user namespace maps" add '[{destination: "/tmp/id", type: "bind", source: ($t + "/id"), options: ["bind", "idmap"]},
		{destination: "/tmp/at", type: "bind", source: ($t + "/id"), options: ["idmap=uids=@0-7-1;gids=@0-9-1"]}]'
	says "or to ids of the container" "0:0 7:9" inside 'echo $(stat -c %u:%g /tmp/id /tmp/at)'
	umount "$T/id"
else
	skip "an idmapped bind" "kernel:6.3: tmpfs takes no id mappings"
fi
oci delete -f m1-$me
fails "a container that is not there" 1 "*\"m1-$me\" does not exist*" oci mounts add m1-$me "$T/m.json"
