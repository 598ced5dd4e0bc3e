#!/bin/bash
# Logs in the journal; boot and shutdown as a unit of systemd.
. "$(dirname "$0")/lib.sh"
need journalctl
use_busybox
[ -S /run/systemd/journal/socket ] || skip_all "systemd: no journal"

berth run -d --name j --network none --log-driver journald busybox sh -c 'echo to the journal; echo an error >&2' >/dev/null
is "it ends" "$(berth wait j)" 0
lines() { [ "$(berth logs j 2>&1 | sort | tr '\n' ' ')" = "an error to the journal " ]; }
t "logs reads them from the journal" until_true 20 lines
is "errors have their priority" "$(journalctl --no-pager -o json CONTAINER_NAME=j PRIORITY=3 | jq -r .MESSAGE)" "an error"
t "rm" berth rm j
berth run --name jt --network none --log-driver journald --log-opt tag='{{.Name}}-{{.ImageName}}' busybox echo tagged >/dev/null
tag() { [ "$(journalctl --no-pager -o json CONTAINER_NAME=jt | jq -r '.CONTAINER_TAG + " " + .SYSLOG_IDENTIFIER + " " + .MESSAGE')" = "jt-busybox jt-busybox tagged" ]; }
t "--log-opt tag" until_true 20 tag
berth run -d --name jm --network none --log-driver journald busybox sh -c 'i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done' >/dev/null
berth wait jm >/dev/null
# a line that a read cuts comes in parts, the last of which may be empty
lines() { journalctl --no-pager -o json CONTAINER_NAME=jm | jq -j '.MESSAGE // ""' | grep -o 'line [0-9]*' | sort -u | wc -l; }
all() { [ "$(lines)" = 5000 ]; }
until_true 60 all
is "5000 lines at once are all there" "$(lines)" 5000
is "and logs shows each as one" "$(berth logs jm | sort -u | grep -cx 'line [0-9]*')" 5000
berth rm jt jm >/dev/null

# the unit that examples/ has, for this root
berth run -d --name u --network none --restart always busybox sleep 1000 >/dev/null
sed -e "s|/usr/local/bin/berth|$BERTH --root $ROOT|" "$TOP/examples/boot/berth.service" >/run/systemd/system/berth-test.service
systemctl daemon-reload
t "shutdown" berth shutdown -t 0
is "nothing runs" "$(berth ps -q)" ""
t "the unit starts" systemctl start berth-test
is "what should run does" "$(berth ps --format '{{.Names}}')" u
t "the unit stops" systemctl stop berth-test
is "nothing runs again" "$(berth ps -q)" ""
rm -f /run/systemd/system/berth-test.service
t "rm" berth rm u

# a service that is one container: in its cgroup, which systemd ends
cat >/run/systemd/system/berth-one.service <<UNIT
[Service]
Type=notify
NotifyAccess=all
Delegate=yes
ExecStart=$BERTH --root $ROOT run -d --rm --name one --network none --cgroups split --memory 64m busybox sleep 1000
UNIT
systemctl daemon-reload
t "a service whose --cgroups split container is in its cgroup" systemctl start berth-one
cg=$(systemctl show -p ControlGroup --value berth-one)
is "is" "$(sed -n 's/^0:://p' "/proc/$(berth inspect -f '{{.State.Pid}}' one)/cgroup")" "$cg/$(berth inspect -f '{{.Id}}' one)"
is "its main process is the supervisor" "$(cat "/proc/$(systemctl show -p MainPID --value berth-one)/comm")" berth-superv
t "the service stops" systemctl stop berth-one
is "and nothing of it is left" "$(berth ps -aq; ls -d "$CGROUP2$cg" 2>/dev/null)" ""
rm -f /run/systemd/system/berth-one.service
systemctl daemon-reload
