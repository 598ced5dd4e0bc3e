#!/bin/bash
# Commands and options that podman's people know: clone, cleanup, reload, and lists of mounts.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq
use_busybox

# ---- container clone
berth volume create data >/dev/null
start one --network none -e A=1 -v data:/data -v /anon --label who=first
berth exec one sh -c 'echo kept >/anon/f; echo lost >/f'
one=$(berth inspect -f '{{.Id}}' one)
run berth container clone one
is "clone prints an id" "$rc ${#out} $(berth inspect -f '{{.Id}} {{.State.Status}}' one-clone)" "0 64 $out created"
two=$out
is "it is called after the other one" "$(berth container clone one >/dev/null && berth ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" "one one-clone one-clone1 "
same() { berth inspect "$1" | jq -Sc '.[0] | [.Config | del(.Hostname) | .Env |= map(select(startswith("HOSTNAME=") | not))], .Config.Labels, [.Mounts[] | del(.Source)], .Image, .Path, .Args'; }
is "and is as that one" "$(same one-clone)" "$(same one)"
is "but for the id, wherever it stands" "$(grep -c "$one" "$ROOT/containers/$two/"{record,config}.json | tr '\n' ' ')" \
	"$ROOT/containers/$two/record.json:0 $ROOT/containers/$two/config.json:0 "
berth start one-clone >/dev/null
is "it runs beside it, with a host name, files and a cgroup of its own" "$(berth exec one-clone sh -c 'hostname; cat /etc/hostname; echo $A; cat /anon/f; ls /f' 2>&1 | tr '\n' ' ')" \
	"${two:0:12} ${two:0:12} 1 kept ls: /f: No such file or directory "
is "and its variable says the same" "$(berth exec one-clone sh -c 'echo $HOSTNAME')" "${two:0:12}"
run berth container clone --run --name third one
is "--run, --name" "$rc $(berth inspect -f '{{.State.Status}}' third)" "0 running"
berth commit -q one other >/dev/null
run berth container clone one fourth other
is "NAME and IMAGE" "$rc $(berth inspect -f '{{.Config.Image}}' fourth)" "0 other"
fails "a name that is taken" 125 "berth: *third*" berth container clone one third
fails "two names" 125 "berth: --name x and y: one name is enough" berth container clone --name x one y
fails "an image that is nowhere" 125 "berth: *" berth container clone one x nosuch:1
fails "--force alone" 125 "berth: --force goes with --destroy" berth container clone -f one
fails "--destroy of what runs" 125 "berth: container one is running; stop it first, or use --force" berth container clone --destroy one
fails "none such" 1 "berth: no such container: nosuch" berth container clone nosuch
is "what failed left nothing" "$(berth ps -aq | wc -l)" 5
for _ in {1..8}; do
	berth container clone fourth >/dev/null &
	clones+=($!)
done
wait "${clones[@]}"
is "eight clones at once have a name each" "$(berth ps -a --format '{{.Names}}' | grep -c '^fourth-clone')" 8
berth ps -aq --filter name=fourth-clone | xargs "$BERTH" --root "$ROOT" rm >/dev/null
run berth container clone --destroy -f --run one heir
is "--destroy: the other one is gone, its anonymous volume is not" "$rc $(berth ps -a --format '{{.Names}}' | grep -cx one) $(berth exec heir cat /anon/f)" "0 0 kept"
berth create --name named --network none --hostname fixed --memory 32m busybox hostname >/dev/null
berth container clone --cpu-shares 512 named >/dev/null
berth container clone --memory 64m named >/dev/null
limits() { berth inspect -f '{{.Config.Hostname}} {{.HostConfig.Memory}} {{.HostConfig.CpuShares}}' "$1"; }
is "a limit is the other one's" "$(limits named-clone)" "fixed 33554432 512"
is "or the new one; a host name that was asked for stays" "$(limits named-clone1)" "fixed 67108864 0"
berth create --name logged --network none --log-driver json-file --log-opt path="$T/own.log" --log-opt labels=a busybox true >/dev/null
berth container clone logged >/dev/null
is "its log is its own" "$(berth inspect -f '{{json .HostConfig.LogConfig.Config}}' logged logged-clone | jq -c '[.path, .labels]' | tr '\n' ' ')" \
	"[\"$T/own.log\",\"a\"] [null,\"a\"] "
berth rm logged logged-clone >/dev/null
fails "a limit that makes no sense" 125 "berth: *memory*" berth container clone --memory 1k named

# ---- container cleanup
berth create --name left --network none busybox true >/dev/null
m=$(berth mount left)
says "cleanup takes a mount away" left berth container cleanup left
is "and leaves the container" "$(grep -c "$m" /proc/self/mountinfo) $(berth ps -aq --filter name=left | wc -l)" "0 1"
fails "of what runs" 1 "berth: container heir is running" berth container cleanup heir
is "--all is for the others" "$(berth container cleanup -a | wc -l)" "$(berth ps -aq --filter status=created --filter status=exited | wc -l)"
is "--rm" "$(berth container cleanup --rm left) $(berth ps -aq --filter name=left | wc -l)" "left 0"
is "--rmi: the image stays while others have it" "$(berth container cleanup --rmi named-clone) $(berth ps -aq --filter name=named-clone | wc -l) $(berth image exists busybox && echo there)" "named-clone 1 there"
is "else it goes too" "$(berth container cleanup --rmi fourth) $(berth image exists other || echo gone)" "fourth gone"

# ---- lists of mounts
berth create --name mounted --network none busybox true >/dev/null
m=$(berth mount mounted)
im=$(berth image mount busybox)
is "mount: the containers" "$(berth mount --format '{{join .Names ","}} {{.Mountpoint}}')" "mounted $m"
like "as a table" "$(berth mount)" "NAME*ID*MOUNTPOINT*mounted*$m"
is "image mount: the images" "$(berth image mount --format json | jq -r '.[0]? // . | "\(.Names[0]) \(.Mountpoint)"')" "busybox:latest $im"
fails "image mount is for images" 125 "berth: image mounted is not in the store" berth image mount mounted
is "image umount of another" "$(berth image umount mounted 2>&1)" "berth: no such container or image: mounted"
is "mount --all: those that run where they are, the others below mounts/" "$(berth mount --all | grep -c '^/proc/.*/root$') $(berth mount --all | grep -c "^$ROOT/mounts/")" \
	"$(berth ps -q | wc -l) $(berth ps -aq --filter status=created --filter status=exited | wc -l)"
is "umount --all" "$(berth umount --all | wc -l) $(berth mount -q 2>/dev/null; berth mount --format '{{.ID}}' | wc -l)" "$(berth ps -aq --filter status=created --filter status=exited | wc -l) 0"
t "leaves the images'" test -x "$im/bin/busybox"
berth commit -q heir second >/dev/null
is "image mount --all" "$(berth image mount -a | wc -l)" "$(berth images -q --no-trunc | sort -u | wc -l)"
(cd "$im" && exec sleep 1000) &
sitter=$!
until_true 5 [ "$(readlink "/proc/$sitter/cwd")" = "$im" ]
fails "umount of what somebody is in" 125 "berth: unmount busybox: *" berth image unmount busybox
t "umount --force" berth image unmount -f busybox
kill "$sitter"
wait "$sitter" 2>/dev/null
t "image umount --all" berth image umount -a
is "nothing is mounted" "$(grep -c "$ROOT/mounts" /proc/self/mountinfo) $(ls "$ROOT/mounts")" "0 "

# ---- rmi of what is mounted
im=$(berth mount second)
fails "rmi of a mounted image" 125 "berth: image *second* is mounted; berth umount takes that away" berth rmi second
unlike "image prune leaves it" "$(berth image prune -af)" "*second*"
t "it is whole" test -x "$im/bin/busybox"
t "rmi --force" berth rmi -f second
is "takes the mount along" "$(grep -c "$im" /proc/self/mountinfo; ls "$ROOT/mounts")" 0

# ---- volumes
is "volume mount says where it is" "$(berth volume mount data)" "$ROOT/volumes/data/_data"
says "unmount, its name" data berth volume unmount data
t "reload" berth volume reload
berth volume create --opt type=tmpfs --opt device=tmpfs mem >/dev/null
fails "a volume with options of its own" 125 "berth: volume mem is mounted in each container that has it*" berth volume mount mem
fails "none such" 1 "berth: no such volume: nosuch" berth volume mount nosuch
is "volume inspect --all" "$(berth volume inspect -a | jq -r '.[].Name' | sort | tr '\n' ' ')" "$(berth volume ls -q | sort | tr '\n' ' ')"
is "with a template" "$(berth volume inspect --all -f '{{.Name}}' | grep -cx data)" 1
fails "volume inspect of nothing" 125 "berth: usage: berth volume inspect NAME..." berth volume inspect
fails "--all and a name" 125 "berth: volume inspect --all takes no names" berth volume inspect --all data

# ---- diff, cp, events
berth exec heir sh -c 'mkdir /new; echo x >/new/f; rm /etc/group; echo y >>/etc/passwd'
is "diff --format json" "$(berth diff --format json heir | jq -Sc .)" '{"added":["/new","/new/f"],"changed":["/etc","/etc/passwd"],"deleted":["/etc/group"]}'
fails "another format" 125 "berth: diff --format table: json is the only one" berth diff --format table heir
is "diff --latest" "$(berth diff -l)" "$(berth diff mounted)"
mkdir -p "$T/src/d"; echo inside >"$T/src/d/f"; echo file >"$T/src/x"
berth exec heir sh -c 'echo old >/d; mkdir -p /x/sub; echo deep >/x/sub/f'
fails "cp: a folder does not replace a file" 125 "berth: *d: a file is there already" berth cp "$T/src/d" heir:/
fails "nor a file what is in a folder" 125 "berth: *x: a folder is there already" berth cp "$T/src/." heir:/
t "with --overwrite it does" berth cp --overwrite "$T/src/." heir:/
is "both ways" "$(berth exec heir cat /d/f /x | tr '\n' ' ')" "inside file "
like "events: whole ids" "$(berth events --since 10m --until 0s --filter event=create --filter container=heir)" "* container create $(berth inspect -f '{{.Id}}' heir) (*"
like "events --no-trunc, the same" "$(berth events --no-trunc --since 10m --until 0s --filter event=create --filter container=heir)" "* create $(berth inspect -f '{{.Id}}' heir) (*"
like "--no-trunc=false cuts them" "$(berth events --no-trunc=false --since 10m --until 0s --filter event=create --filter container=heir)" "* create $(berth inspect -f '{{.Id}}' heir | cut -c 1-12) (*"

# ---- pull -q of a layout, a secret that nobody finished
is "pull -q oci: prints the id alone" "$(berth pull -q "oci:$T/busybox.oci")" "$(berth image inspect -f '{{.Id}}' busybox)"
echo hidden | berth secret create full - >/dev/null
echo half >"$ROOT/secrets/.tmp-half"
berth ps >/dev/null
is "the half of a killed writer's secret goes with the next command" "$(ls -A "$ROOT/secrets")" full
