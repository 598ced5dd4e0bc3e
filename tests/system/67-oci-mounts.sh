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
	says "$1" "$2" oci run -b "$T/b" -f "$T/c.json" m1-$me
}
# refused NAME PATTERN JQ
refused() {
	jq "$3 | .process.args = [\"true\"]" --arg t "$T" --arg r "$R" "$T/b/config.json" \
		>"$T/c.json" || exit 1
	fails "$1" 1 "$2" oci run -b "$T/b" -f "$T/c.json" m1-$me
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

# ---- idmapped ones ----
# idmapped NAME WANTED JQ MORE: a tmpfs of the host at /mnt, and /final bound from there
idmapped() {
	local jq
	jq='.mounts += ['"$bind"' + {source: ($t + "/id"), destination: "/mnt"},
		'"$bind"' + {source: ($r + "/mnt"), destination: "/final"} + '"$3"'] | '"$4"
	if kernel_at_least 6.3; then
		runs "$1" "$2" "$jq" 'echo $(cat /final/file) $(stat -c %u:%g /final /mnt)'
	else
		skip "$1" "kernel:6.3: tmpfs takes no id mappings"
	fi
}
mkdir "$T/id" && mount -t tmpfs -o mode=755 none "$T/id" && echo in >"$T/id/file"
own='{uidMappings: [{containerID: 0, hostID: 1000, size: 10}], gidMappings: [{containerID: 0, hostID: 2000, size: 10}]}'
direct() { # NAME WANTED ID MORE
	if ! kernel_at_least 6.3; then
		skip "$1" "kernel:6.3: tmpfs takes no id mappings"
		return
	fi
	runs "$1" "$2" '.mounts += ['"$bind"' + {source: ($t + "/id"), destination: "/final",
		uidMappings: [{containerID: 0, hostID: '"$3"', size: 10}],
		gidMappings: [{containerID: 0, hostID: '"$3"', size: 10}]}] | '"$4" \
		'echo $(cat /final/file) $(stat -c %u /final)'
}
direct "an idmapped source" "in 1000" 1000 .
direct "in a user namespace" "in 5" 100005 "$userns"
idmapped "an idmapped source below the root" "in 1000:2000 0:0" "$own" .
idmapped "also in a user namespace" "in 5:5 65534:65534" "$(tr -d '\n' <<<"$own" | sed 's/hostID: [0-9]*/hostID: 100005/g')" "$userns"
idmapped "mapped as the container is" "in 0:0 65534:65534" '{options: ["bind", "idmap"]}' "$userns"
idmapped "mapped to ids of the container" "in 7:9 65534:65534" \
	'{options: ["bind", "idmap=uids=@0-7-1;gids=0-100009-1"]}' "$userns"
umount "$T/id"

# ---- over the root ----
mkdir -p "$T/other" && cp -a "$T/busybox.root/." "$T/other/" && echo other >"$T/other/which"
runs "a bind over the root is the root" "other etc" '.mounts = [
	{type: "bind", source: ($t + "/other"), destination: "/", options: ["bind"]}] + .mounts |
	.root.readonly = false' 'echo $(cat /which; cd /; ls -d etc; touch /new)'
t "what it writes is in there" test -e "$T/other/new" -a ! -e "$R/new"
runs "root.readonly is of that root" "ro" '.mounts = [
	{type: "bind", source: ($t + "/other"), destination: "/", options: ["bind"]}] + .mounts |
	.root.readonly = true' 'touch /x 2>/dev/null || echo ro'
runs "options for the root" "ro nosuid" '.root.readonly = false | .mounts +=
	[{destination: "/", options: ["remount", "bind", "ro", "nosuid"]}]' \
	'touch /x 2>/dev/null || echo ro $(grep -o "^[^ ]* / .*nosuid" /proc/mounts | grep -o nosuid)'
refused "no tmpcopyup of the whole root" "*mounts\[*\].options: tmpcopyup of the whole root*" \
	'.mounts += [{destination: "/", type: "tmpfs", options: ["tmpcopyup"]}]'

# ---- options ----
runs "a mount without a type changes what is there" slave '.mounts += [
	{type: "tmpfs", source: "tmpfs", destination: "/mnt"}, {destination: "/mnt", options: ["rslave"]}]' \
	'grep " /mnt " /proc/self/mountinfo | grep -q shared || echo slave'
oci features | jq -r '.mountOptions[]' >"$T/options"
# takes TYPE FIRST NOT: those that are refused, and how many are not
takes() {
	local taken=0
	jq --arg t "$T" --rawfile all "$T/options" '.process.args = ["true"] | . as $c |
		$all / "\n" | map(select(. != "")) - '"$3"' | to_entries[] | . as $o |
		$c | .mounts += [{type: "'"$1"'", source: $t, destination: "/mnt", options: ('"$2"' + [$o.value])}]' \
		-c "$T/b/config.json" >"$T/lines"
	while read -r line; do
		if oci run -b "$T/b" -f <(echo "$line") m1-$me </dev/null >"$T/said" 2>&1 && [ ! -s "$T/said" ]; then
			taken=$((taken + 1))
		else
			jq -r '.mounts[-1].options | "\(.): "' <<<"$line" | cat - "$T/said"
		fi
	done <"$T/lines"
	echo "$taken"
}
is "every option of features is one of a tmpfs" \
	"$(takes tmpfs '[]' '["bind", "rbind", "remount", "idmap", "ridmap", "copy-symlink"]')" \
	"$(($(wc -l <"$T/options") - 6))"
is "or of a bind" "$(takes bind '["bind"]' '["tmpcopyup", "remount", "idmap", "ridmap"]')" \
	"$(($(wc -l <"$T/options") - 4))"
runs "sync for a whole tree is the superblock's" "rw,sync,dirsync" '.mounts += [
	{type: "tmpfs", source: "t", destination: "/mnt", options: ["rsync", "rdirsync"]}]' \
	'sed -n "s|.* /mnt .* - tmpfs t \([a-z,]*dirsync\).*|\1|p" /proc/self/mountinfo'
runs "an option of a file system means nothing to a bind" ok '.mounts += ['"$bind"'
	+ {source: $t, destination: "/mnt"}] | .mounts[-1].options += ["mode=755"]' 'echo ok'
like "which is said" "$(cat "$T/.err")" '*warning: mount /mnt: "mode=755" is no option of a bind, is ignored'
refused "an unknown option of a file system" "*/mnt (tmpfs from t): option nonsense: Invalid argument*" \
	'.mounts += [{type: "tmpfs", source: "t", destination: "/mnt", options: ["nonsense"]}]'
cgroupns='.linux.namespaces |= map(select(.type != "cgroup"))'
refused "of the cgroup mount" "*/sys/fs/cgroup (cgroup *: option nonsense: Invalid argument*" "$cgroupns"'
	| .linux.namespaces += [{type: "cgroup"}]
	| (.mounts[] | select(.type == "cgroup") | .options) += ["nonsense"]'
refused "and where the host's is bound" "*/sys/fs/cgroup (cgroup *: option nonsense: the container gets the host's mount*" \
	"$cgroupns"' | (.mounts[] | select(.type == "cgroup") | .options) += ["nonsense"]'
refused "idmap of a new file system" "*mounts\[*\]: idmap is for binds only" '.mounts += [{type: "tmpfs",
	source: "t", destination: "/mnt", options: ["idmap=uids=0-1-1;gids=0-1-1"]}]'
runs "without a cgroup namespace it is the whole hierarchy, which /proc/self/cgroup means" "berth ok" "$cgroupns" \
	'cd /sys/fs/cgroup; echo $(ls -d berth) $([ -d .$(sed -n "s/^0:://p" /proc/self/cgroup) ] && echo ok)'
refused "copy-symlink and src-nofollow" "*mounts\[*copy-symlink does not go with*" '.mounts += [
	'"$bind"' + {source: $t, destination: "/mnt"}] |
	.mounts[-1].options += ["copy-symlink", "src-nofollow"]'

# ---- propagation: a mount's own wins over that of the root ----
mkdir "$T/peer" && mount -t tmpfs none "$T/peer" && mount --make-shared "$T/peer"
group=$(sed -n "s|.* $T/peer .* shared:\([0-9]*\).*|\1|p" /proc/self/mountinfo)
peers='sed -n "s|.* /mnt .* \(shared\|master\):\([0-9]*\).*|\1 \2|p" /proc/self/mountinfo; grep -c " / / .* shared:" /proc/self/mountinfo; :'
propagates() { # name, wanted, rootfsPropagation, option
	runs "$1" "$2" ".linux.rootfsPropagation = \"$3\" | .mounts += [{type: \"bind\",
		source: (\$t + \"/peer\"), destination: \"/mnt\", options: [\"bind\", \"$4\"]}]" "$peers"
}
for root in private rprivate slave rslave; do
	propagates "a shared volume under a root that is $root" "shared $group
0" $root rshared
done
propagates "a slave under a private root" "master $group
0" rprivate rslave
propagates "what says nothing is a slave" "master $group
0" rslave bind
propagates "or private, as the root" 0 rprivate bind
umount "$T/peer"
mount --bind "$T/b" "$T/b" && mount --make-shared "$T/b"
runs "a shared root has peers of its own, and no master" "shared -" '.linux.rootfsPropagation = "shared"' \
	'sed -n "s|.* [^ ]*/rootfs / [^ ]* \(.*\)|\1|p" /proc/self/mountinfo | sed "s/:.*master.*/ master/; s/:[0-9]*//" | cut -d" " -f1,2'
umount "$T/b"

# ---- flags of a bind: those named, and no others; in a user namespace the host's stay ----
mkdir "$T/flags" && mount -t tmpfs none "$T/flags"
flags() { # NAME OF-THE-SOURCE OPTIONS WANTED [JQ]
	mount -o remount,bind,rw,suid,dev,exec,diratime,strictatime "$T/flags" && mount -o "remount,bind,$2" "$T/flags"
	# shellcheck disable=SC2016
	jq --arg t "$T" --arg o "$3" --arg show 'awk "\$2 == \"/mnt\" { print \$4 }" /proc/mounts' '.mounts += [{type: "bind",
		source: ($t + "/flags"), destination: "/mnt", options: ($o | split(","))}]
		| .process.args = ["sh", "-c", $show] | '"${5-.}" "$T/b/config.json" >"$T/c.json" || exit 1
	if [ "$4" = EPERM ]; then
		fails "$1" 1 "*/mnt (bind from *operation not permitted*" oci run -b "$T/b" -f "$T/c.json" f1-$me
		return
	fi
	run oci run -b "$T/b" -f "$T/c.json" f1-$me
	is "$1" "$(tr , '\n' <<<"$out" | grep -xE 'ro|rw|nosuid|nodev|noexec|noatime|nodiratime|relatime' | paste -sd,)" "$4" || echo "# $err"
}
flags "none named: as the source" ro,noexec,nosuid,noatime rbind,rprivate ro,nosuid,noexec,noatime
flags "ro: no others" noexec,nosuid,nodev,noatime rbind,ro ro,noatime
flags "rw: none" noexec,nosuid,ro,relatime rbind,rw rw,relatime
flags "what sets and what clears" noexec,nosuid,relatime bind,nodev,exec rw,nodev,relatime
flags "times only when one of theirs is set" noatime bind,atime rw,noatime
flags "relatime is" noatime bind,relatime rw,relatime
flags "nodiratime means relatime, too" noatime bind,nodiratime rw,nodiratime,relatime
flags "strictatime is neither" noatime,nodiratime bind,strictatime rw
flags "in a user namespace: as the source" ro,noexec,relatime bind ro,noexec,relatime "$userns"
flags "what is not named stays" noexec,nosuid,relatime bind,ro ro,nosuid,noexec,relatime "$userns"
flags "what is named cannot go" ro,relatime bind,rw EPERM "$userns"
flags "nor change" relatime bind,noatime EPERM "$userns"
flags "what is there already may be named" ro,noatime bind,ro,noatime ro,noatime "$userns"
umount "$T/flags"

# ---- the host's mount namespace ----
before=$(cat /proc/self/mountinfo)
hosts='.linux.namespaces |= map(select(.type != "mount")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
mount --bind "$T/b" "$T/b" && mount --make-shared "$T/b"
mounted=$(cat /proc/self/mountinfo)
runs "without a mount namespace it is in ours, with its root" "same /file 1" "$hosts"' | .mounts += [
	{type: "tmpfs", source: "tmpfs", destination: "/mnt"}]' \
	'echo $([ "$(readlink /proc/self/ns/mnt)" = "'"$(readlink /proc/self/ns/mnt)"'" ] && echo same) $(ls /file) $(cat /proc/mounts | grep -c "^[^ ]* /mnt ")'
is "nothing stays mounted" "$(cat /proc/self/mountinfo)" "$mounted"
jq "$hosts | .process.args = [\"sleep\", \"100\"]" "$T/b/config.json" >"$T/c.json"
oci run -d -b "$T/b" -f "$T/c.json" h1-$me </dev/null >/dev/null 2>&1
t "its mounts are the host's to see" grep -q " $R/proc " /proc/self/mountinfo
says "exec has its root, too" /file oci exec h1-$me ls /file
fails "no mounts are added" 1 "*no mount namespace of its own*" oci mounts add h1-$me <(sleep 0.5; echo '[]')
pid=$(oci state h1-$me | jq .pid)
kill -9 "$pid"
until_true 5 eval '[ "$(oci state h1-$me | jq -r .status)" = stopped ]'
mount -t tmpfs none "$R"
fails "covered by another mount it is not taken for that" 1 "*covered by another mount*" oci delete h1-$me
umount "$R"
t "delete takes all of it away" oci delete h1-$me
is "nothing stays mounted" "$(cat /proc/self/mountinfo)" "$mounted"
umount "$T/b"
refused "masked paths need a namespace" "*linux.maskedPaths: need a mount namespace*" \
	"$hosts"' | .linux.maskedPaths = ["/proc/acpi"]'
refused "a user namespace cannot do it" "*linux.namespaces: a user namespace of its own has no right to mount*" "$hosts | $userns"
refused "the whole of it is no root" "*root.path: / needs a mount namespace of the container's own" "$hosts"' | .root.path = "/"'

# ---- a mount namespace of others ----
# elsewhere: sleeps in a namespace that has "inside" at $T/src; a lying /proc with MORE; $other
elsewhere() {
	local self
	unshare --mount --propagation private sh -c '
		mount -t tmpfs none "$1" && echo inside >"$1/file" && eval "$2"
		touch "$1/ready" && exec sleep 1000' - "$T/src" "${1-}" </dev/null >/dev/null 2>&1 &
	self=$!
	until_true 5 eval '[ -e "/proc/'"$self"'/root$T/src/ready" ]'
	other=$self theirs=$(cat "/proc/$self/mountinfo")
	others="$hosts | .linux.namespaces += [{type: \"mount\", path: \"/proc/$other/ns/mnt\"}]"
}
quiet_end() { kill -9 "$1"; wait "$1" 2>/dev/null; }
elsewhere
ours=$(cat /proc/self/mountinfo)
runs "paths are those of the namespace that is joined" "same inside below" "$others"' | .mounts += [
	'"$bind"' + {source: ($t + "/src"), destination: "/mnt"}]' \
	'echo $([ "$(readlink /proc/self/ns/mnt)" = "'"$(readlink "/proc/$other/ns/mnt")"'" ] && echo same) $(cat /mnt/file /file)'
is "nothing stays mounted there" "$(cat "/proc/$other/mountinfo")" "$theirs"
jq "$others | .process.args = [\"sleep\", \"100\"]" "$T/b/config.json" >"$T/c.json"
oci create -b "$T/b" -f "$T/c.json" h2-$me </dev/null >/dev/null 2>&1
oci start h2-$me
t "its mounts are there to see" grep -q " $R/proc " "/proc/$other/mountinfo"
t "and nothing else has changed" diff <(echo "$theirs") <(grep -v " $R" "/proc/$other/mountinfo")
is "nor anything in ours" "$(cat /proc/self/mountinfo)" "$ours"
is "nobody's root is another" "$(cat "/proc/$other/root$T/src/file")" inside
says "exec has its root, too" "below 1" oci exec h2-$me sh -c 'echo $(cat /file) $(grep -c " /proc " /proc/mounts)'
nsenter -t "$other" -m sleep 1000 &
guest=$!
until_true 5 eval '[ "$(readlink /proc/$guest/ns/mnt)" = "$(readlink /proc/$other/ns/mnt)" ]'
quiet_end "$other"
t "delete finds the namespace when its path has gone" oci delete -f h2-$me
is "and takes all of it away there" "$(cat "/proc/$guest/mountinfo")" "$theirs"
is "not in ours" "$(cat /proc/self/mountinfo)" "$ours"
quiet_end "$guest"
elsewhere 'mount -t tmpfs none /proc && mkdir -p /proc/self/ns && mkfifo /proc/self/timens_offsets /proc/self/ns/time_for_children /proc/self/mountinfo'
runs "a lying /proc in there is not believed" 1 "$others"' | .linux.namespaces += [{type: "time"}] |
	.linux.timeOffsets = {boottime: {secs: 1000000000}}' 'echo $(($(cut -d. -f1 /proc/uptime) / 1000000000))'
is "and nothing stays mounted there either" "$(cat "/proc/$other/mountinfo")" "$theirs"
oci create -b "$T/b" -f <(jq "$others" "$T/b/config.json") h3-$me </dev/null >/dev/null 2>&1
quiet_end "$other"
t "a namespace that is no more is no obstacle to delete" oci delete -f h3-$me
elsewhere
refused "what is no such namespace is refused" "*linux.namespaces: mount namespace /proc/self/ns/net: it is none" \
	"$hosts"' | .linux.namespaces += [{type: "mount", path: "/proc/self/ns/net"}]'
refused "a root that is not in there" "*linux.namespaces: mount namespace */ns/mnt: root.path $T/src/rootfs: No such file*" \
	"$others | .root.path = \"$T/src/rootfs\""
refused "the root of it is none of ours" "*root.path: / needs a mount namespace*" "$others"' | .root.path = "/"'
refused "a user namespace cannot do it there" "*a user namespace of its own has no right to mount*" "$others | $userns"
refused "createContainer hooks are not run there" "*hooks.createContainer: their programs are the host's*" \
	"$others"' | .hooks.createContainer = [{path: "/bin/true"}]'
is "nothing stays mounted after all that" "$(cat "/proc/$other/mountinfo")" "$theirs"
quiet_end "$other"
is "all is as before" "$(cat /proc/self/mountinfo)" "$before"
is "nothing is left of all that" "$(oci list -q; ls -A "$T/oci")" ""
