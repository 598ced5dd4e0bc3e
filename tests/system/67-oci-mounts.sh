#!/bin/bash
# Mounts of config.json: in their order, below the root, over the root, with what options.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq
umask 022
make_bundle "$T/b" || exit 1
R=$T/b/rootfs

# runs NAME WANTED JQ SH: a container with the configuration changed by JQ prints WANTED
runs() {
	jq "$3 | .process.args = [\"sh\", \"-c\", \$sh]" --arg sh "$4" --arg t "$T" --arg r "$R" \
		"$T/b/config.json" >"$T/c.json" || exit 1
	says "$1" "$2" oci run -b "$T/b" -f "$T/c.json" m1
}
# refused NAME PATTERN JQ
refused() {
	jq "$3 | .process.args = [\"true\"]" --arg t "$T" --arg r "$R" "$T/b/config.json" \
		>"$T/c.json" || exit 1
	fails "$1" 1 "$2" oci run -b "$T/b" -f "$T/c.json" m1
}
bind='{type: "bind", options: ["rbind", "rprivate"]}'
userns='.linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
	| .linux.gidMappings = .linux.uidMappings'

# ---- sources that earlier mounts of the same container provide ----
mkdir -p "$T"/src/{a,b/y}
echo a >"$T/src/a/file"
echo y >"$T/src/b/y/file"
echo below >"$R/file"
# shellcheck disable=SC2089
order='.mounts += [
	'"$bind"' + {source: ($t + "/src/a"), destination: "/mnt"},
	'"$bind"' + {source: ($r + "/mnt"), destination: "/final"},
	'"$bind"' + {source: "rootfs/mnt", destination: "/relative"},
	'"$bind"' + {source: ($r + "/../rootfs/./mnt/file"), destination: "/one"}]'
runs "a source below the root is what was mounted there before" "a a a" "$order" \
	'echo $(cat /final/file /relative/file /one)'
ln -s "$R" "$T/link"
runs "also by a symbolic link to the root" "a a" '.mounts += [
	'"$bind"' + {source: ($t + "/src/a"), destination: "/mnt"},
	'"$bind"' + {source: ($t + "/link/mnt"), destination: "/final"}] | .root.path = ($t + "/link")' \
	'echo $(cat /mnt/file /final/file)'
ln -s /etc "$R/out"
runs "and a link in there is the container's" root '.mounts += [
	'"$bind"' + {source: ($r + "/out/passwd"), destination: "/final2"}]' 'cut -d: -f1 /final2'
# a file system that takes id mappings
runs "an idmapped source below the root" "a 1000" '.mounts += [
	{type: "tmpfs", source: "tmpfs", destination: "/mnt", options: ["size=64k", "mode=0777"]},
	'"$bind"' + {source: ($t + "/src/a"), destination: "/mnt/x"}] |
	.mounts += ['"$bind"' + {source: ($r + "/mnt"), destination: "/final",
	uidMappings: [{containerID: 0, hostID: 1000, size: 10}],
	gidMappings: [{containerID: 0, hostID: 1000, size: 10}]}]' \
	'echo $(cat /final/x/file) $(stat -c %u /final)'
