#!/bin/bash
# Devices of config.json: the default ones, those of linux.devices, in a user namespace, and rules.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq ip nsenter unshare
umask 022
make_bundle "$T/b" || exit 1
cp "$T/b/config.json" "$T/plain.json"
# devices NAME WANTED JQ SH
devices() {
	jq "$3 | .process.args = [\"sh\", \"-c\", \$sh]" --arg sh "$4" "$T/plain.json" >"$T/b/config.json" || exit 1
	says "$1" "$2" oci run -b "$T/b" d1-$me
}
list='for d in null zero full random urandom tty; do stat -c "%F %t:%T %a %u:%g" /dev/$d; done | sort -u | tr "\n" ","; echo; readlink /dev/ptmx'
all="character special file 1:3 666 0:0,character special file 1:5 666 0:0,character special file 1:7 666 0:0,character special file 1:8 666 0:0,character special file 1:9 666 0:0,character special file 5:0 666 0:0,
pts/ptmx"
userns='.linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
	| .linux.gidMappings = .linux.uidMappings'
nodev='.mounts |= map(select(.destination | startswith("/dev") | not))'

# ---- default ones ----
devices "the default devices" "$all" . "$list"
devices "also without a mount on /dev" "$all" "$nodev" "$list"
devices "where they work" "ok ok" "$nodev" \
	'echo x >/dev/null && echo ok $(head -c 1 /dev/zero | tr "\0" o)k'
touch "$T/b/rootfs/dev/fuse"
jq "$nodev"' | .linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229}]' "$T/plain.json" >"$T/b/config.json"
fails "another file in the place of a device" 1 "*linux.devices: /dev/fuse is there already*" oci run -b "$T/b" d2-$me
is "stays as it is" "$(stat -c %F "$T/b/rootfs/dev/fuse")" "regular empty file"
rm -rf "$T/b/rootfs/dev"
devices "and no /dev in the image" "$all" "$nodev" "$list"
mkdir "$T/outside" && echo marker >"$T/outside/ptmx"
rm -rf "$T/b/rootfs/dev" && ln -s "$T/outside" "$T/b/rootfs/dev"
jq "$nodev" "$T/plain.json" >"$T/b/config.json"
fails "a /dev that is a symbolic link is refused" 1 "*/dev must be mounted on ordinary directory*" oci run -b "$T/b" d2-$me
is "and nothing is put where it leads" "$(ls "$T/outside") $(cat "$T/outside/ptmx")" "ptmx marker"
cp "$T/plain.json" "$T/b/config.json"
fails "with a mount on it, too" 1 "*/dev must be mounted on ordinary directory*" oci run -b "$T/b" d2-$me
rm "$T/b/rootfs/dev" && mkdir "$T/b/rootfs/dev"

# ---- linux.devices ----
mine='.linux.devices = [{path: "/dev/mine", type: "b", major: 1, minor: 5, uid: 10, gid: 11, fileMode: 111},
	{path: "/dev/sub/null", type: "c", major: 1, minor: 3, fileMode: 438},
	{path: "/elsewhere", type: "c", major: 250, minor: 7},
	{path: "/dev/fifo", type: "p", fileMode: 416, uid: 3, gid: 4}]'
show='stat -c "%n %F %t:%T %a %u:%g" /dev/mine /dev/sub/null /elsewhere /dev/fifo; echo x >/dev/sub/null && echo opens'
wanted="/dev/mine block special file 1:5 157 10:11
/dev/sub/null character special file 1:3 666 0:0
/elsewhere character special file fa:7 666 0:0
/dev/fifo fifo 0:0 640 3:4
opens"
devices "devices with owner and mode, also outside of /dev" "$wanted" "$mine" "$show"
devices "in a user namespace as well, the host has them or not" "$wanted" "$mine | $userns" "$show"
devices "as default ones are" "$all" "$userns" "$list"
devices "bound without what they do not need" "6 0" "$userns" \
	'awk "\$5 ~ /^.dev.(null|zero|full|random|urandom|tty)$/ { n += /nosuid,noexec/; m += !/nosuid,noexec/ } END { print n, m + 0 }" /proc/self/mountinfo'
devices "the image's file in the place of a device" "c 1:3" '.linux.devices = [{path: "/dev/x/y", type: "c", major: 1, minor: 3}]
	| .mounts += [{destination: "/dev/x", type: "tmpfs", source: "t"}]' 'stat -c "%F %t:%T" /dev/x/y | sed "s/^c[a-z ]*/c /"'

# ---- rules ----
rules() { jq ".linux.resources.devices = $1 | .process.args = [\"true\"]" "$T/plain.json" >"$T/b/config.json"; }
for access in '' ', access: ""' ', access: "rwm"' ', access: "rwa"'; do
	rules "[{allow: false, type: \"c\", major: 1, minor: 11$access}]"
	t "a rule with [$access]" oci run -b "$T/b" d3-$me
done
rules '[{allow: false, access: "rwx"}]'
fails "a rule with another letter" 1 "*linux.resources.devices?0?.access*letters r, w and m*" oci run -b "$T/b" d4-$me

# ---- linux.netDevices: into a namespace that is joined, at once and every time ----
unshare -n sleep 1000 &
net=$!
until_true 5 sh -c "[ \$(readlink /proc/$net/ns/net) != \$(readlink /proc/self/ns/net) ]"
jq --arg path "/proc/$net/ns/net" '.linux.netDevices = {nd0: {name: "nd1"}} | .process.args = ["sleep", "100"]
	| .linux.namespaces |= (map(select(.type != "network")) + [{type: "network", path: $path}])' \
	"$T/plain.json" >"$T/b/config.json"
moved=
for i in 1 2 3 4 5 6 7 8; do
	ip link add nd0 type veth peer name nd0peer
	oci run -d -b "$T/b" "n$i" </dev/null >/dev/null 2>&1
	oci delete -f "n$i"
	moved+=$(nsenter -t $net -n ip -o link show nd1 2>/dev/null | cut -d: -f2 | cut -d@ -f1)
	ip link del nd0peer
done
is "a network device moves into the namespace that is joined, and stays" "$moved" \
	"$(printf ' nd1%.0s' 1 2 3 4 5 6 7 8)"
kill $net; wait $net 2>/dev/null
is "nothing is left of all that" "$(oci list -q; ls -A "$T/oci")" ""
