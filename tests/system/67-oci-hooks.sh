#!/bin/bash
# Hooks of config.json: when, where and under what each kind runs.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq
umask 022
make_bundle "$T/b" || exit 1
jq '.process.args = ["sh", "-c", "echo program >>/order"] | .root.readonly = false' \
	"$T/b/config.json" >"$T/plain.json"

# with NAME JQ: the configuration with hooks; $t is the test's folder, h(TEXT) a shell hook
with() {
	jq --arg t "$T" 'def h($text): [{path: "/bin/sh", args: ["sh", "-c", $text]}];'"$1" \
		"$T/plain.json" >"$T/b/config.json" || exit 1
}

# ---- order, states, namespaces ----
with '.hooks = ([["prestart", "createRuntime", "createContainer", "poststart", "poststop"][] |
	{key: ., value: h("echo " + . + " $(sed \"s/.*.status.: *.\\([a-z]*\\).*/\\1/\") $(readlink /proc/self/ns/mnt) $PWD >>" + $t + "/order")}] | from_entries)
	| .hooks.startContainer = h("echo startContainer $(sed \"s/.*.status.: *.\\([a-z]*\\).*/\\1/\") . $PWD >>/order")
	| .mounts += [{type: "bind", source: ($t + "/order"), destination: "/order", options: ["bind"]}]
	| .process.cwd = "/tmp"'
touch "$T/order"
t "a container with hooks of every kind" oci run -b "$T/b" h1-$me
is "each runs in its place and state" "$(awk '{ print $1, $2 }' "$T/order" | paste -sd,)" \
	"prestart creating,createRuntime creating,createContainer creating,startContainer created,program ,poststart running,poststop stopped"
here=$(readlink /proc/self/ns/mnt)
is "the runtime's in its namespace" "$(awk -v h="$here" '$3 == h { print $1 }' "$T/order" | paste -sd,)" \
	"prestart,createRuntime,poststart,poststop"
is "with the bundle as work directory" "$(awk '/^(prestart|create|post)/ { print $4 }' "$T/order" | sort -u)" "$(realpath "$T/b")"
is "startContainer in the container's" "$(awk '/^start/ { print $4 }' "$T/order")" /tmp

# ---- createContainer: behind the mounts, before pivot_root ----
mkdir "$T/lib" && echo library >"$T/lib/x"
with '.hooks.createContainer = h("test -e rootfs/proc/self && cat rootfs/lib/x && test -e " + $t + "/order && echo made >rootfs/dev/made; exec mount -t tmpfs none rootfs/mnt")
	| .mounts += [{type: "bind", source: ($t + "/lib"), destination: "/lib", options: ["bind"]}]
	| .process.args = ["sh", "-c", "cat /dev/made; grep -c \" /mnt tmpfs\" /proc/mounts"]'
mkdir -p "$T/b/rootfs/mnt"
says "createContainer sees the mounts below the root, and may add to them" "made
1" oci run -b "$T/b" h2-$me
t "the host sees nothing of it" bash -c '! grep -q "$1/b/rootfs" /proc/mounts' - "$T"

# ---- failures: nothing is left, poststop runs ----
for kind in prestart createRuntime createContainer startContainer poststart; do
	rm -f "$T/stopped"
	with ".hooks.$kind = h(\"echo no >&2; exit 3\") | .hooks.poststop = h(\"echo >\" + \$t + \"/stopped\")
		| .process.args = [\"sleep\", \"100\"]"
	run oci run -d -b "$T/b" h3-$me </dev/null
	like "a failed $kind hook is an error" "$rc $err" "1 *error running $kind hook #0: /bin/sh: exit status 3*"
	is "poststop runs, and nothing is left" "$(ls "$T/stopped") $(oci list -q)" "$T/stopped "
done
with '.hooks.poststop = h("exit 3") + h("echo >" + $t + "/second") | .process.args = ["true"]'
t "a failed poststop hook is a warning" oci run -b "$T/b" h4-$me
like "which is told" "$err" "*error running poststop hook #0: /bin/sh: exit status 3*"
t "and the next one runs" test -e "$T/second"
with '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "100"], timeout: 1}]'
fails "a hook that takes too long" 1 "*took longer than its 1 s*" oci run -b "$T/b" h5-$me

# ---- what a hook says ----
# To our caller our standard output is the container's, and --log what people are shown.
for kind in prestart createRuntime poststart; do
	with ".hooks.$kind = h(\"echo no driver; echo for it >&2; exit 3\") | .process.args = [\"sleep\", \"100\"]"
	says "what a $kind hook wrote before it failed is in the message" "" \
		bash -c '! "$@"' - "$OCI" --root "$T/oci" --log "$T/log" --log-format json run -d -b "$T/b" h8-$me
	like "of the log, too" "$(jq -r .msg "$T/log" | tail -1)" "*exit status 3; no driver*for it"
	with ".hooks.$kind = h(\"echo fine; echo as well >&2\") | .process.args = [\"true\"]"
	says "one that does its work says nothing" "" oci run -b "$T/b" h8-$me
	is "nor aloud" "$err" ""
done
with '.hooks.createRuntime = h("yes | head -c 1000000") | .process.args = ["true"]'
t "who writes much is not in its way" timeout 60 "$OCI" --root "$T/oci" run -b "$T/b" h8-$me
with '.hooks.createRuntime = h("exec sleep 1000") | .annotations = {"run.oci.hooks.stdout": "/nosuch/file"}'
fails "a file for it that cannot be made" 1 "*/nosuch/file: No such file*" oci run -b "$T/b" h8-$me
with '.hooks.poststart = h("ls -l /proc/self/fd >&2; exit 3") | .process.args = ["sleep", "100"]'
oci create -b "$T/b" h9-$me </dev/null >"$T/null"
run oci start h9-$me 7<"$T/order"
unlike "it has no descriptor of our caller's" "$err" "*/order*"

# ---- the filter ----
filter='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL"}]}
	| .process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0}]'
for nnp in true false; do
	with "$filter | .process.noNewPrivileges = $nnp | .process.args = [\"true\"]
		| .hooks.startContainer = h(\"exec mkdir /tmp/x\")"
	fails "startContainer runs under the filter (noNewPrivileges $nnp)" 1 \
		"*error running startContainer hook #0*bad system call*" oci run -b "$T/b" h6-$me
done
with "$filter | .process.args = [\"true\"] | .hooks.createContainer = h(\"mkdir rootfs/tmp/y\")"
t "createContainer does not: its program is the host's" oci run -b "$T/b" h7-$me
is "nothing is left of all that" "$(oci list -q; ls -A "$T/oci")" ""
