#!/bin/bash
# A whole Debian system, unpacked by us and by umoci, is equal in content, owner, mode,
# time, links and attributes; so is what skopeo and buildah made of it.
# time: 900
. "$(dirname "$0")/lib.sh"
need umoci skopeo buildah mmdebstrap
debian=$("$TOP/tests/debian-image") || exit 1

t "it is loaded" berth load -i "$debian/oci"
umoci unpack --image "$debian/oci:debian:latest" "$T/umoci" >/dev/null 2>&1 || not_ok "umoci unpacks it"
t "and mounted" berth mount debian
view=$out
"$TOP/tests/tree" "$T/umoci/rootfs" >"$T/wanted"
"$TOP/tests/tree" "$view" >"$T/got"
t "more than 11,000 files" test "$(wc -l <"$T/got")" -gt 11000
is "umoci unpacks the same" "$(diff "$T/wanted" "$T/got" | head -n 20)" ""
t "unmounted" berth umount debian
rm -rf "$T/umoci"
like "it runs" "$(berth run --rm --network none debian bash -c 'dpkg --version | head -n 1; gcc --version | head -n 1')" "*Debian*gcc*"
# its systemd is process 1
id=$(berth run -d -t --name whole --network none debian /sbin/init)
up() { case $(berth exec whole systemctl is-system-running) in running|degraded) ;; *) return 1;; esac; }
t "systemd boots it, without a privilege" until_true 60 up
is "all units are well" "$(berth exec whole systemctl is-system-running; berth exec whole systemctl --failed --plain --no-legend)" running
is "the machine's id is the container's" "$(berth exec whole cat /etc/machine-id)" "${id:0:32}"
is "a service has its cgroup" "$(berth exec whole sh -c 'cat /sys/fs/cgroup/system.slice/cron.service/cgroup.procs; systemctl show -p MainPID --value cron' | sort -u | wc -l)" 1
t "it is restarted" berth exec whole systemctl restart cron
like "the journal is kept" "$(berth exec whole journalctl --no-pager -b)" "*Reached target multi-user.target*Started cron.service*"
like "the console says what it does" "$(berth logs whole)" "*Welcome to*Debian*"
t "berth stop" berth stop -t 120 whole
is "shuts it down" "$(berth inspect -f '{{.State.Reason}} {{.State.ExitCode}} {{.State.Signal}}' whole)" "stopped 0 "
like "unit by unit" "$(berth logs whole)" "*cron.service*Reached target*shutdown.target*"
t "it starts again" berth start whole
t "and boots" until_true 60 up
t "poweroff inside" berth exec whole systemctl poweroff
says "ends it" 0 berth wait whole
t "it is removed" berth rm whole
t "in a user namespace" berth run -d --name whole --userns auto --network none debian /sbin/init
t "it boots as well" until_true 60 up
t "and stops" berth stop -t 120 whole
is "of itself" "$(berth inspect -f '{{.State.Reason}} {{.State.ExitCode}}' whole)" "stopped 0"
t "it is removed" berth rm whole
says "dpkg finds nothing amiss" "" berth run --rm --network none debian dpkg --verify

t "from a docker archive of skopeo's" skopeo copy -q "oci:$debian/oci" "docker-archive:$T/docker.tar:deb:skopeo"
t "it is loaded" berth load -i "$T/docker.tar"
like "and runs" "$(berth run --rm --network none deb:skopeo cat /etc/debian_version)" "12.*"
rm -f "$T/docker.tar"

# what buildah's simplest storage does not keep: times of folders, access lists
ours='s/ [0-9]\{18,19\}//; s/ system.posix_acl[^ ]*//g'
# buildah: a container of it changed and committed (its own store, no network)
bud() { buildah --root "$T/bud" --runroot "$T/budrun" --storage-driver vfs "$@"; }
if c=$(bud from "oci:$debian/oci" 2>"$T/.err"); then
	m=$(bud mount "$c")
	rm -rf "$m/usr/share/doc" && mkdir "$m/usr/share/doc" && echo new >"$m/usr/share/doc/new"
	rm -f "$m/usr/bin/gcc" && ln -s nowhere "$m/usr/bin/gcc"
	"$TOP/tests/tree" "$m" >"$T/wanted"
	bud umount "$c" >/dev/null
	t "buildah commits a change" bud commit -q --format oci "$c" "oci-archive:$T/changed.tar:changed"
	bud rm "$c" >/dev/null
	t "it is loaded" berth load -i "$T/changed.tar"
	t "and mounted" berth mount changed
	"$TOP/tests/tree" "$out" | sed "$ours" >"$T/got"
	sed -i "$ours" "$T/wanted"
	is "it is what buildah saw" "$(diff "$T/wanted" "$T/got" | head -n 20)" ""
	t "unmounted" berth umount changed
else
	not_ok "buildah takes the image" "$(cat "$T/.err")"
fi
