#!/bin/bash
# --device VENDOR/CLASS=NAME and --gpus: what files of the Container Device Interface say of a
# device becomes part of the container.
. "$(dirname "$0")/lib.sh"
need jq
use_busybox
D=$T/cdi
mkdir "$D" "$T/lib" "$T/data"
mknod "$T/zero" c 1 5 && chmod 640 "$T/zero" && chown 7:8 "$T/zero"
echo library >"$T/lib/driver"
echo "of one card" >"$T/data/one"
run_n() { berth run --rm --network none "$@"; }
cdi() { run_n --cdi-spec-dir "$D" "$@"; }
# spec FILE JQ: a file of the interface; $t is the test's folder
spec() {
	jq -n --arg t "$T" '{cdiVersion: "0.6.0", kind: "vendor.com/dev", devices: [{name: "x", containerEdits: {env: ["HAVE=x"]}}]} | '"$2" >"$1" || exit 1
}

# ---- what a device brings ----
cat >"$T/hook" <<'END'
#!/bin/sh
# as vendors' hooks do: the root is where config.json in the bundle of the state says
bundle=$(jq -r .bundle)
root=$bundle/$(jq -r .root.path "$bundle/config.json")
echo "hook $* $HOOKED" >"$root/from-hook"
ln -sf driver "$root/lib/driver.so"
END
chmod 755 "$T/hook"
spec "$D/vendor.json" '.containerEdits = {env: ["ALL=yes", "OVER=cdi"], mounts: [{hostPath: ($t + "/lib/driver"), containerPath: "/lib/driver", options: ["ro", "nosuid"]}],
		hooks: [{hookName: "createContainer", path: ($t + "/hook"), args: ["hook", "one", "two"], env: ["HOOKED=yes", "PATH=" + env.PATH]}]}
	| .devices = [{name: "card-0", containerEdits: {env: ["CARD=0"], deviceNodes: [{path: "/dev/card0", hostPath: ($t + "/zero")}]}},
		{name: "1", containerEdits: {env: ["CARD=1"], deviceNodes: [{path: "/dev/card1", type: "c", major: 1, minor: 11, permissions: "r", fileMode: 511, uid: 5, gid: 6}, {path: "/dev/card0", hostPath: "/dev/zero"}],
			mounts: [{hostPath: ($t + "/data"), containerPath: "/data", type: "none", options: ["rbind", "rw"]}]}},
		{name: "2", containerEdits: {deviceNodes: [{path: "/dev/card1", type: "c", major: 1, minor: 11}]}},
		{name: "all:1", containerEdits: {deviceNodes: [{path: "/dev/given", type: "c", major: 1, minor: 11, permissions: "none"}, {path: "/dev/pipe", type: "p"}]}}]'
says "a node with the owner and mode of the host's" "1:5 640 7:8 read" \
	cdi --device vendor.com/dev=card-0 busybox sh -c 'echo $(stat -c "%t:%T %a %u:%g" /dev/card0) $(head -c 4 /dev/card0 | wc -c | sed s/4/read/)'
says "variables, the device's and those of all, and the last word is theirs" "0 yes cdi mine" \
	cdi --device vendor.com/dev=card-0 -e OVER=typed -e OWN=mine busybox sh -c 'echo $CARD $ALL $OVER $OWN'
says "a mount, read-only" "library Read-only" cdi --device vendor.com/dev=card-0 busybox sh -c 'echo $(cat /lib/driver) $(touch /lib/driver 2>&1 | grep -o Read-only)'
says "a createContainer hook finds the root as config.json in its bundle says" "hook one two yes driver" \
	cdi --device vendor.com/dev=card-0 busybox sh -c 'echo $(cat /from-hook) $(readlink /lib/driver.so)'
t "the host sees nothing of it" bash -c '! grep -q "$1/root/containers" /proc/self/mounts' - "$T"
says "a node's own owner, mode and rights" "1:b 777 5:6 no" \
	cdi --device vendor.com/dev=1 busybox sh -c 'echo $(stat -c "%t:%T %a %u:%g" /dev/card1) $( (: >/dev/card1) 2>/dev/null || echo no)'
says "which are all that there are, if none is named" "opens" cdi --device vendor.com/dev=2 busybox sh -c ': >/dev/card1 && echo opens'
says "and none by that word" "1:b no" cdi --device vendor.com/dev=all:1 busybox sh -c 'echo $(stat -c %t:%T /dev/given) $( (: >/dev/given) 2>/dev/null || echo no)'
says "a folder that may be written" "of one card" cdi --device vendor.com/dev=1 busybox sh -c 'cat /data/one; echo more >/data/more'
is "is written" "$(cat "$T/data/more")" more
says "one node's rights alone" "no" cdi --device vendor.com/dev=card-0 busybox sh -c 'mknod /dev/mem2 c 1 1 && head -c 1 /dev/mem2 >/dev/null 2>&1 || echo no'
says "numbers that the file has, and a pipe" "1:b fifo" cdi --device vendor.com/dev=all:1 busybox sh -c 'echo $(stat -c %t:%T /dev/given) $(stat -c %F /dev/pipe)'
says "two devices of one file: what is for all comes once, the later one's node stays" "1 1:5 0:0 1" \
	cdi --device vendor.com/dev=card-0 --device vendor.com/dev=1 --device vendor.com/dev=card-0 busybox \
	sh -c 'echo $CARD $(stat -c "%t:%T %u:%g" /dev/card0) $(grep -c " /lib/driver " /proc/mounts)'
says "beside a device file" "ok" cdi --device vendor.com/dev=card-0 --device "$T/zero:/dev/z:r" busybox sh -c 'test -c /dev/z && test -c /dev/card0 && echo ok'
says "read-only, where hooks cannot make anything but mounts" "ro" cdi --read-only --device vendor.com/dev=all:1 --device vendor.com/dev=card-0 busybox sh -c 'touch /x 2>/dev/null || echo ro'
berth run -d --name stays --cdi-spec-dir "$D" --device vendor.com/dev=card-0 --network none busybox sh -c "$nap" >/dev/null
t "it starts again" berth restart -t 0 stays
says "with all of it" "0 hook one two yes" berth exec stays sh -c 'echo $CARD $(cat /from-hook)'
like "inspect has the node" "$(berth inspect -f '{{json .HostConfig.Devices}}' stays)" '*"/dev/card0"*'
t "rm" berth rm -f stays

# ---- groups, the network, the other hooks ----
spec "$D/more.json" '.cdiVersion = "0.7.0" | .kind = "vendor.com/more" | .devices[0].containerEdits = {additionalGids: [0, 44, 109],
	hooks: [("createRuntime", "poststart") | {hookName: ., path: "/bin/sh", args: ["sh", "-c", "cat >/dev/null; echo \(.) >>" + $t + "/order"]}]}'
says "groups" "0 10 44 109" cdi --device vendor.com/more=x --group-add 10 busybox sh -c 'echo $(id -G)'
is "hooks of the host" "$(paste -sd' ' "$T/order")" "createRuntime poststart"
spec "$D/net.json" '.cdiVersion = "1.1.0" | .kind = "vendor.com/net" | .devices[0].containerEdits = {netDevices: [{hostInterfaceName: "cdi0", name: "fast0"}]}'
ip link add cdi0 type veth peer name cdi1
says "an interface of the host" "fast0 lo" cdi --device vendor.com/net=x busybox sh -c 'echo $(ls /sys/class/net)'
spec "$D/bad.json" '.kind = "vendor.com/bad" | .devices[0].containerEdits = {hooks: [{hookName: "createContainer", path: "/bin/false"}]}'
fails "a hook that fails" 125 "berth: *createContainer hook #0*/bin/false*exit*1*" cdi --device vendor.com/bad=x busybox true
spec "$D/bad.json" '.kind = "vendor.com/bad" | .devices[0].containerEdits = {hooks: [{hookName: "poststop", path: "/bin/true"}]}'
fails "poststop" 125 "berth: $D/bad.json: hook /bin/true: the supervisor runs no poststop hooks" cdi --device vendor.com/bad=x busybox true
spec "$D/bad.json" '.kind = "vendor.com/bad" | .devices[0].containerEdits = {deviceNodes: [{path: "/dev/none"}]}'
fails "a node that is not there" 125 "berth: $D/bad.json: device /dev/none: No such file*" cdi --device vendor.com/bad=x busybox true
spec "$D/bad.json" '.kind = "vendor.com/bad" | .devices[0].containerEdits = {deviceNodes: [{path: "/dev/a", hostPath: "/dev/null", type: "b"}]}'
fails "a node of another type" 125 "berth: $D/bad.json: /dev/null is not a device of type b" cdi --device vendor.com/bad=x busybox true
spec "$D/bad.json" '.kind = "vendor.com/bad" | .devices[0].containerEdits = {mounts: [{hostPath: "/nosuch", containerPath: "/a"}]}'
fails "a mount that is not there" 125 "berth: */nosuch*No such file*" cdi --device vendor.com/bad=x busybox true
spec "$D/bad.json" '.kind = "vendor.com/bad" | .devices[0].containerEdits = {mounts: [{hostPath: "/tmp", containerPath: "/a", options: ["sise=9"]}]}'
fails "an option that there is not" 125 "berth: $D/bad.json: mount /a: unknown option sise=9" cdi --device vendor.com/bad=x busybox true
rm "$D/bad.json"
fails "a hook beside ids of its own" 125 "berth: $D/vendor.json: hook $T/hook: a createContainer hook does not go with a user namespace" cdi --userns auto --device vendor.com/dev=card-0 busybox true

# ---- which file ----
mkdir "$T/low"
spec "$T/low/a.json" '.devices[0].containerEdits.env = ["FROM=low"]'
mkdir "$T/high"
spec "$T/high/b.json" '.devices[0].containerEdits.env = ["FROM=high"]'
says "the later folder wins" high run_n --cdi-spec-dir "$T/low" --cdi-spec-dir "$T/high" --device vendor.com/dev=x busybox sh -c 'echo $FROM'
says "the other way round" low run_n --cdi-spec-dir "$T/high" --cdi-spec-dir "$T/low" --device vendor.com/dev=x busybox sh -c 'echo $FROM'
cp "$T/low/a.json" "$T/low/c.json"
fails "two files of one folder" 125 "berth: --device vendor.com/dev=x: both */low/a.json and */low/c.json have it" run_n --cdi-spec-dir "$T/low" --device vendor.com/dev=x busybox true
rm "$T/low/c.json"
echo '{' >"$T/low/broken.json"
t "a file that cannot be read is left out with a warning" run_n --cdi-spec-dir "$T/low" --device vendor.com/dev=x busybox true
like "which names it" "$err" "*warning: left out: $T/low/broken.json: *"
fails "unless it may have what is missing" 125 "berth: --device vendor.com/dev=y: $T/low/broken.json: *" run_n --cdi-spec-dir "$T/low" --device vendor.com/dev=y busybox true
fails "no such device" 125 "berth: --device vendor.com/dev=y: no such device in $D; there is card-0, 1, 2, all:1" cdi --device vendor.com/dev=y busybox true
fails "no such folder" 125 "berth: /nosuch: No such file*" run_n --cdi-spec-dir /nosuch --device vendor.com/dev=x busybox true
fails "no name" 125 "berth: --device vendor.com=x: expected *VENDOR/CLASS=NAME" cdi --device vendor.com=x busybox true

# ---- those of the machine ----
mount -t tmpfs none /run && mkdir /run/cdi && cp -a /etc "$T/etc" && mount --bind "$T/etc" /etc || exit 1
rm -rf /etc/cdi
fails "there are none" 125 "berth: --device vendor.com/dev=x: no such device in /etc/cdi and /var/run/cdi" run_n --device vendor.com/dev=x busybox true
mkdir /etc/cdi && cp "$T/low/a.json" /etc/cdi/
says "/etc/cdi" low run_n --device vendor.com/dev=x busybox sh -c 'echo $FROM'
cp "$T/high/b.json" /run/cdi/
says "/var/run/cdi" high run_n --device vendor.com/dev=x busybox sh -c 'echo $FROM'

# ---- --gpus ----
fails "no card" 125 "berth: --device nvidia.com/gpu=all: no such device *" run_n --gpus all busybox true
printf 'cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: all\n' >/run/cdi/nvidia.yaml
fails "YAML" 125 "berth: --device nvidia.com/gpu=all: /var/run/cdi/nvidia.yaml is YAML, and berth reads JSON: nvidia-ctk cdi generate --format=json --output=/etc/cdi/nvidia.json" run_n --gpus all busybox true
cards='.devices = [("0", "1", "2", "all", "GPU-08ae-1") | {name: ., containerEdits: {env: ["CARD_\(.)=1" | sub("-"; "_"; "g")]}}]'
spec /etc/cdi/nvidia.json '.kind = "nvidia.com/gpu" | '"$cards"
shows='echo $(env | sed -n "s/^CARD_\(.*\)=1/\1/p" | sort)'
says "JSON beside it" all run_n --gpus all busybox sh -c "$shows"
says "so many" "0 1" run_n --gpus 2 busybox sh -c "$shows"
says "the same in Docker's long form" "0 1" run_n --gpus count=2 busybox sh -c "$shows"
says "that one" 1 run_n --gpus device=1 busybox sh -c "$shows"
says "those, in Docker's quotes" "0 GPU_08ae_1" run_n --gpus '"device=0,GPU-08ae-1"' busybox sh -c "$shows"
fails "more than there are" 125 "berth: --device nvidia.com/gpu=3: no such device *; there is 0, 1, 2, all, GPU-08ae-1" run_n --gpus 4 busybox true
for bad in none 0 device= 'device=0,' 'all,capabilities=utility' -1 device=a/b ''; do
	fails "--gpus '$bad'" 125 "berth: --gpus $bad: expected all, a number, or device=ID*" run_n --gpus="$bad" busybox true
done
rm /etc/cdi/nvidia.json /run/cdi/nvidia.yaml
spec /etc/cdi/amd.json '.kind = "amd.com/gpu" | '"$cards"
says "another vendor's" "all" run_n --gpus all busybox sh -c "$shows"
umount /etc /run

# ---- files that are wrong: field and path are named ----
W=$T/wrong
mkdir "$W"
wrong() { # NAME PATTERN JQ
	spec "$W/w.json" "$3"
	fails "$1" 125 "berth: --device vendor.com/dev=x: $W/w.json: $2" run_n --cdi-spec-dir "$W" --device vendor.com/dev=x busybox true
}
wrong "no version" "cdiVersion: this field is required" 'del(.cdiVersion)'
for v in 0.2.0 9.0.0 1 "" 0.6 v; do
	wrong "version '$v'" "cdiVersion: *is none of the versions 0.3.0 to 1.1.0" ".cdiVersion = \"$v\""
done
wrong "no kind" "kind: this field is required" 'del(.kind)'
for k in vendor.com vendor.com/ /dev vendor.com/dev/x 1vendor/dev vendor.com/-dev 'vendor com/dev'; do
	wrong "kind '$k'" "kind: *is not VENDOR/CLASS" ".kind = \"$k\""
done
wrong "no devices" "devices: this field is required" 'del(.devices)'
wrong "none in it" "devices: must name a device" '.devices = []'
wrong "one twice" "devices: x is there twice" '.devices += .devices'
wrong "without a name" "devices*0*.name: this field is required" '.devices = [{}]'
wrong "with a wrong one" "devices*0*.name: * is not a name of a device" '.devices[0].name = "a/b"'
wrong "an unknown field" "devices*0*.containerEdits.mount: unknown field (did you mean \"mounts\"[?])" '.devices[0].containerEdits.mount = []'
wrong "edits of another type" "containerEdits: expected an object, not *" '.containerEdits = []'
wrong "env" "containerEdits.env: \"A\" is not NAME=VALUE" '.containerEdits.env = ["A"]'
wrong "env of numbers" "containerEdits.env*0*: expected a string*" '.containerEdits.env = [1]'
wrong "a node without path" "*deviceNodes*0*.path: this field is required" '.containerEdits.deviceNodes = [{}]'
wrong "a node elsewhere" "*deviceNodes*0*.path: must be absolute, not \"dev/x\"" '.containerEdits.deviceNodes = [{path: "dev/x"}]'
wrong "its type" "*deviceNodes*0*.type: must be*not \"z\"" '.containerEdits.deviceNodes = [{path: "/x", type: "z"}]'
wrong "its number" "*deviceNodes*0*.major: must be between*" '.containerEdits.deviceNodes = [{path: "/x", major: -1}]'
wrong "its rights" "*deviceNodes*0*.permissions: expected some of rwm*" '.containerEdits.deviceNodes = [{path: "/x", permissions: "rx"}]'
wrong "a mount without source" "*mounts*0*.hostPath: this field is required" '.containerEdits.mounts = [{containerPath: "/x"}]'
wrong "a mount without place" "*mounts*0*.containerPath: this field is required" '.containerEdits.mounts = [{hostPath: "/x"}]'
wrong "a hook of another name" "*hooks*0*.hookName: \"start\" is none of prestart, *" '.containerEdits.hooks = [{hookName: "start", path: "/x"}]'
wrong "a hook without path" "*hooks*0*.path: this field is required" '.containerEdits.hooks = [{hookName: "poststart"}]'
wrong "a hook's timeout" "*hooks*0*.timeout: must be greater than 0*" '.containerEdits.hooks = [{hookName: "poststart", path: "/x", timeout: 0}]'
wrong "groups" "*additionalGids*0*: expected an unsigned*" '.cdiVersion = "0.7.0" | .containerEdits.additionalGids = ["audio"]'
wrong "an interface" "*netDevices*0*.name: \"a/b\" is not a name*" '.cdiVersion = "1.1.0" | .containerEdits.netDevices = [{hostInterfaceName: "a", name: "a/b"}]'
wrong "a class" "*intelRdt.closID: *" '.cdiVersion = "0.7.0" | .containerEdits.intelRdt = {closID: "a/b"}'
for v in 'mounts = [{hostPath: "/", containerPath: "/x", type: "none"}]=0.3.0=0.4.0' 'deviceNodes = [{path: "/x", hostPath: "/y"}]=0.4.0=0.5.0' \
	'additionalGids = [1]=0.6.0=0.7.0' 'intelRdt = {}=0.6.0=0.7.0' 'intelRdt = {enableMonitoring: true}=1.0.0=1.1.0' \
	'netDevices = [{hostInterfaceName: "a", name: "a"}]=1.0.0=1.1.0'; do
	need=${v##*=} has=${v%=*} has=${has##*=}
	wrong "${v%% *} in $has" "cdiVersion: $has lacks something of this file: at least $need" ".cdiVersion = \"$has\" | .devices[0].containerEdits.${v%=*=*}"
done
wrong "notes in 0.5.0" "cdiVersion: 0.5.0 lacks*at least 0.6.0" '.cdiVersion = "0.5.0" | .annotations = {a: "b"}'
wrong "a digit in 0.4.0" "cdiVersion: 0.4.0 lacks*at least 0.5.0" '.cdiVersion = "0.4.0" | .devices[0].name = "0"'
head -c 2000000 /dev/zero | tr '\0' ' ' >"$W/w.json"
fails "a file too large" 125 "berth: --device vendor.com/dev=x: *w.json*" run_n --cdi-spec-dir "$W" --device vendor.com/dev=x busybox true
mkfifo "$W/z.json" && rm "$W/w.json"
fails "a pipe in place of a file" 125 "berth: --device vendor.com/dev=x: *z.json*" timeout 20 "$BERTH" --root "$ROOT" run --cdi-spec-dir "$W" --device vendor.com/dev=x busybox true
