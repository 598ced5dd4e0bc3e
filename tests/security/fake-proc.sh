#!/bin/bash
# An image whose /proc, /sys or /dev is a link or something else; masks and writes that go
# astray (CVE-2019-16884, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881).
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
need jq
mkdir "$T/victim"
echo host >"$T/victim/file"
snapshot() { (cd "$T/victim" && find . -printf '%p %m %U %y\n' | sort; cat file); }
before=$(snapshot)

# bundle NAME JQ: a bundle in $T/NAME
for d in proc sys dev; do
	make_bundle "$T/l$d" '.process.args = ["/bin/cat", "/proc/self/status"]'
	rm -rf "$T/l$d/rootfs/$d"
	ln -s "../../../../../../../../$T/victim" "$T/l$d/rootfs/$d"
	run oci run --bundle "$T/l$d" "l$d-$me"
	is "/$d a link to the host: the host is untouched (status $rc)" "$(snapshot)" "$before"
	make_bundle "$T/e$d" '.process.args = ["/bin/cat", "/proc/self/status"]'
	rm -rf "$T/e$d/rootfs/$d"
	ln -s etc "$T/e$d/rootfs/$d"
	run oci run --bundle "$T/e$d" "e$d-$me"
	unlike "/$d a link inside: no host path is shown" "$out$err" "*$T/victim*"
done

# masks, with a /dev/null of the image's own
make_bundle "$T/mask" '.process.args = ["/bin/sh", "-c", "cat /proc/kcore | head -c 1; cat /proc/sysrq-trigger; ls -la /proc/keys"]
	| .mounts |= map(select(.destination != "/dev" and (.destination | startswith("/dev/") | not)))'
ln -s "../../../../../../../../$T/victim/file" "$T/mask/rootfs/dev/null"
run oci run --bundle "$T/mask" mask-$me
is "masks with a false /dev/null: the host is untouched" "$(snapshot)" "$before"
unlike "and nothing of it is seen" "$out" "*host*"

# writes under /proc, with something else mounted there
domain=$(cat /proc/sys/kernel/domainname)
make_bundle "$T/sysctl" '.process.args = ["/bin/cat", "/proc/sys/kernel/domainname"]
	| .mounts |= map(if .destination == "/proc" then {destination: "/proc", type: "tmpfs", source: "tmpfs"} else . end)
	| .linux.sysctl = {"kernel.domainname": "changed"}'
run oci run --bundle "$T/sysctl" sysctl-$me
is "sysctl with a false /proc: the host's is as it was" "$(cat /proc/sys/kernel/domainname)" "$domain"
make_bundle "$T/over" '.process.args = ["/bin/true"]
	| .mounts += [{destination: "/proc/sys/kernel/domainname", type: "bind", source: "'"$T/victim/file"'", options: ["bind"]}]
	| .linux.sysctl = {"kernel.domainname": "changed"}'
run oci run --bundle "$T/over" over-$me
is "sysctl with a file mounted over it: the file is untouched" "$(snapshot)" "$before"
make_bundle "$T/trigger" '.process.args = ["/bin/true"] | .process.apparmorProfile = ""
	| .mounts += [{destination: "/proc/self/attr", type: "bind", source: "'"$T/victim"'", options: ["bind"]}]'
run oci run --bundle "$T/trigger" trigger-$me
is "a mount over /proc/self/attr: the host is untouched" "$(snapshot)" "$before"
for key in kernel.core_pattern kernel.hostname vm.swappiness fs.file-max; do
	make_bundle "$T/s$key" ".process.args = [\"/bin/true\"] | .linux.sysctl = {\"$key\": \"1\"}
		| del(.hostname) | .linux.namespaces |= map(select(.type != \"uts\"))"
	fails "sysctl $key, which is the host's, is refused" 1 "*$key*" oci run --bundle "$T/s$key" "s$key-$me"
done

# --ipc container:X takes X's /dev/shm, which X makes a link to its /proc: without what masks that
use_busybox
berth run -d --name liar --network none --ipc none busybox sh -c 'rm -rf /dev/shm; ln -s /proc /dev/shm; sleep 1000' >/dev/null
until_true 10 berth exec liar test -L /dev/shm
fails "a false /dev/shm is not shared" 125 "berth: the other container has no mount at /dev/shm" \
	berth run --rm --network none --ipc container:liar busybox cat /dev/shm/sysrq-trigger
