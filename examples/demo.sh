#!/bin/bash
# demo.sh - what berth does, shown on this machine in half a minute (make demo).
# Everything lies in one temporary folder and is gone at the end; the end checks that.
set -uo pipefail

top=$(dirname "$(dirname "$(readlink -f "$0")")")
B=${B:-$top/build}
[ "$(id -u)" = 0 ] || { echo "demo: needs root (sudo make demo)" >&2; exit 1; }
[ -x "$B/bin/berth" ] || { echo "demo: nothing built in $B; run make" >&2; exit 1; }
PATH=$PATH:/usr/sbin:/sbin

T=$(mktemp -d /tmp/berth-demo.XXXXXX)
failures=0
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'; else bold='' red='' plain=''; fi
berth() { "$B/bin/berth" --root "$T/root" "$@"; }
say() { printf '%s%-14s%s %s\n' "$bold" "$1" "$plain" "$2"; }
bad() { printf '%s%-14s %s%s\n' "$red" "$1" "$2" "$plain"; failures=$((failures + 1)); }
# show WHAT WANTED-PATTERN GOT TEXT: a line, good when GOT matches
show() {
	# shellcheck disable=SC2254 # a pattern is what it is
	case $3 in
	$2) say "$1" "$4";;
	*) bad "$1" "$4: wanted $2, got: $3";;
	esac
}

# what a container could leave behind on this host
traces() {
	awk -v t="$T/" 'index($0, t) { print "mount " $5 }' /proc/self/mountinfo
	[ -z "${links-}" ] || (cd /sys/class/net && ls -d $links 2>/dev/null | sed 's/^/interface /')
	grep -laE "[r]oot=$T/root" /proc/[0-9]*/cmdline 2>/dev/null | sed 's,^,process ,'
	[ -z "${ids-}" ] || find /sys/fs/cgroup -type d 2>/dev/null | grep -E "$ids" | sed 's/^/cgroup /'
}
# shellcheck disable=SC2317 # called by the trap
end() {
	trap - EXIT INT TERM
	berth rm -f demo-log demo-web demo-one demo-two >/dev/null 2>&1
	berth network rm bridge >/dev/null 2>&1
	umount -R "$T/root" 2>/dev/null
	rm -rf "$T"
	exit "$1"
}
trap 'end 1' INT TERM
trap 'end $?' EXIT
traces | sort >"$T/before"

# ---- an image ------------------------------------------------------------------
"$top/tests/make-image" "$T/image" busybox:demo || exit 1
layers=$(grep -o '"digest":"sha256:[0-9a-f]*"' "$T"/image/blobs/sha256/"$(grep -o 'sha256:[0-9a-f]*' "$T/image/index.json" | head -n 1 | cut -d: -f2)" | tail -n +2 | wc -l)
say image "made an OCI image of $layers layers out of busybox-static: program, files, whiteouts"
if ! loaded=$(berth load -i "$T/image" 2>&1); then
	bad load "berth load: $loaded"
	exit 1
fi
image=$(berth images -q 2>/dev/null | head -n 1)
[ -n "$image" ] || { bad load "berth images shows none after: $loaded"; exit 1; }
say load "$(printf '%s' "$loaded" | tail -n 1)"
show layers 'hello from the third layer|a c|here' \
	"$(berth run --rm --network none "$image" sh -c 'echo "$(cat /etc/greeting)|$(echo $(ls /srv/data))|$(ls /opt/old)"' 2>&1)" \
	"one file replaced, one removed, one folder emptied by the third layer"

# ---- isolation -------------------------------------------------------------------
show pid 1 "$(berth run --rm --network none "$image" sh -c 'echo $$' 2>&1)" "the command is process 1 of its own process list"
show hostname demo-host "$(berth run --rm --network none --hostname demo-host "$image" hostname 2>&1)" "its own host name (here: $(hostname))"
address=$(berth run --rm "$image" ip -4 -o addr show dev eth0 2>&1 | awk '{ print $4 }')
show network '*.*.*.*/*' "$address" "its own network address, $address on eth0"
show privileges '0000000000000000' "$(berth run --rm --network none --user guest "$image" sh -c 'sed -n "s/CapEff:.//p" /proc/self/status' 2>&1)" \
	"a user of the image's own passwd file runs with no capability at all"

# ---- limits ------------------------------------------------------------------------
limit() { # option, controller, what is tried inside, what it gives, text
	local got
	if got=$(berth run --rm --network none "$1" "$image" sh -c "$3" 2>&1); then :; fi
	if grep -qsw "$2" /sys/fs/cgroup/cgroup.controllers /sys/fs/cgroup/unified/cgroup.controllers; then
		show "$2" "$4" "$(printf '%s' "$got" | tail -n 1)" "$5"
	else
		case $got in
		*"$2"*) say "$2" "this host has no $2 controller on cgroup v2, so $1 is refused: $got";;
		*) bad "$2" "this host has no $2 controller on cgroup v2, and $1 says: $got";;
		esac
	fi
}
limit --memory=64m memory 'cat /sys/fs/cgroup/memory.max' 67108864 "limited to 64 MiB, as its own cgroup shows"
limit --pids-limit=20 pids 'cat /sys/fs/cgroup/pids.max' 20 "limited to 20 processes, as its own cgroup shows"

# ---- the bridge ----------------------------------------------------------------------
# sleep has no handler for SIGTERM; as process 1 it would not see it
nap='trap "exit 0" TERM; while :; do sleep 0.2; done'
berth run -d --name demo-one "$image" sh -c "$nap" >/dev/null || bad bridge "the first container does not start"
berth run -d --name demo-two "$image" sh -c "$nap" >/dev/null || bad bridge "the second container does not start"
address_of() { berth exec "$1" ip -4 -o addr show dev eth0 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }'; }
one=$(address_of demo-one)
gateway=$(berth exec demo-two ip route 2>/dev/null | awk '/^default/ { print $3 }')
show bridge '*1 packets received*' "$(berth exec demo-two ping -c 1 -W 3 "${one:-none}" 2>&1)" "one container reaches the other (${one:-none}) over the bridge"
show host '*1 packets received*' "$(berth exec demo-two ping -c 1 -W 3 "${gateway:-none}" 2>&1)" "and the host (${gateway:-none})"

# ---- a published port ------------------------------------------------------------------
port=$((20000 + RANDOM % 10000))
fetch() {
	local answer=''
	for _ in $(seq 50); do
		answer=$({ exec 3<>"/dev/tcp/$1/$port" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && timeout 5 cat <&3; } 2>/dev/null | tail -n 1)
		[ -z "$answer" ] || break
		sleep 0.1
	done
	echo "$answer"
}
berth run -d --name demo-web -p "127.0.0.1:$port:80" "$image" httpd -f -p 80 -h /www >/dev/null ||
	bad port "the container does not start"
show port 'it works' "$(fetch 127.0.0.1)" "port $port of the host answers from a web server in a container"

# ---- a detached container, its log --------------------------------------------------------
id=$(berth run -d --name demo-log "$image" sh -c 'for i in 1 2 3; do echo "line $i"; done; exit 3' 2>&1)
show detached '????????????????????????????????????????????????????????????????' "$id" "started in the background: ${id:0:12}"
show wait 3 "$(berth wait demo-log 2>&1)" "it ended with the status of its command, 3"
show log 'line 1 line 2 line 3' "$(berth logs demo-log 2>&1 | tr '\n' ' ' | sed 's/ $//')" "its output is in the log: line 1, line 2, line 3"
show ps '*demo-web*' "$(berth ps 2>&1)" "berth ps shows $(berth ps -q 2>/dev/null | wc -l) running, ps -a $(berth ps -aq 2>/dev/null | wc -l)"

# our bridge is where the route to its net leads; what hangs on it is ours too
net=$(printf '%s' "$gateway" | awk -F. '{ printf "0000%02X%02X", $2, $1 }')
bridge=$(awk -v net="$net" '$2 == net { print $1 }' /proc/net/route)
links="${bridge:-none} $(ls "/sys/class/net/${bridge:-none}/brif" 2>/dev/null | tr '\n' ' ')"

# ---- the clean-up --------------------------------------------------------------------------
started=$(date +%s%N)
berth stop demo-one demo-two >/dev/null || bad stop "berth stop failed"
say stop "two containers stopped in $((($(date +%s%N) - started) / 1000000)) ms"
ids=$(berth ps -aq --no-trunc 2>/dev/null | tr '\n' '|' | sed 's/|$//') # their cgroups have these names
berth rm -f demo-one demo-two demo-web demo-log >/dev/null || bad rm "berth rm failed"
show rm '' "$(berth ps -aq 2>&1)" "all containers are removed"
berth network rm bridge >/dev/null || bad network "berth network rm failed"
berth rmi "$image" >/dev/null || bad rmi "berth rmi failed"
for _ in $(seq 20); do
	left=$(traces | sort | comm -13 "$T/before" -)
	[ -n "$left" ] || break
	sleep 0.1
done
show clean '' "$left" "no mount, cgroup, interface, rule or process is left"
[ "$failures" = 0 ] || { echo "demo: $failures of the above failed" >&2; exit 1; }
