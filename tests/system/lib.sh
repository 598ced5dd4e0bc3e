# shellcheck shell=bash
# lib.sh - what every test script begins with:
#
#	. "$(dirname "$0")/lib.sh"        (from tests/security: ../system/lib.sh)
#
# tests/run starts the script with BERTH, OCI, LIBEXEC, B (build folder), TOP, T (a
# folder of the script's own) and WHERE (host, vm or vmsd), in namespaces of its own.
# Started by hand, a script starts itself through tests/run.

if [ -z "${BERTH_TEST-}" ]; then
	exec "$(dirname "${BASH_SOURCE[0]}")/../run" -v "$0"
fi

set -u -o pipefail
: "${BERTH:?}" "${OCI:?}" "${LIBEXEC:?}" "${B:?}" "${TOP:?}" "${T:?}" "${WHERE:?}"
ROOT=$T/root
ROOTS=("$ROOT")
# shellcheck disable=SC2034 # for scripts
PROBE=$B/tests/probe # tests/system/probe.c: what a shell cannot do
# shellcheck disable=SC2034 # for scripts: ends a name that the whole machine sees, as a cgroup's;
# $$ is the same in every script, which has process numbers of its own
me=${T##*.}
tests=0 failures=0
rc=0 out='' err=''

# ---- the programs -------------------------------------------------------------
berth() { "$BERTH" --root "$ROOT" "$@"; }
oci() { "$OCI" --root "$T/oci" "$@"; }

# run CMD...: runs it; $rc is its status, $out and $err what it wrote
run() {
	"$@" >"$T/.out" 2>"$T/.err" </dev/null
	rc=$?
	# a NUL byte in the output is none of bash's business
	out=$(tr -d '\0' <"$T/.out")
	err=$(tr -d '\0' <"$T/.err")
	return "$rc"
}

# ---- results ------------------------------------------------------------------
ok() { tests=$((tests + 1)); echo "ok $tests - $*"; }
not_ok() { # name [explanation...]
	tests=$((tests + 1)) failures=$((failures + 1))
	echo "not ok $tests - $1"
	shift
	[ $# = 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
	echo "# at $(caller_line)"
	return 1
}
skip() { # name, condition: why (conditions: docs/TESTING.md)
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}
skip_all() { skip "$(basename "$0" .sh)" "$1"; exit 0; }

caller_line() { # the script's own line, whatever of us lies between
	local i
	for i in "${!BASH_SOURCE[@]}"; do
		case ${BASH_SOURCE[$i]} in
		*/lib.sh) ;;
		*) echo "${BASH_SOURCE[$i]}:${BASH_LINENO[$((i - 1))]}"; return;;
		esac
	done
}

# ---- assertions: each is one result ---------------------------------------------
# t NAME CMD...: the command succeeds
t() {
	local name=$1
	shift
	if run "$@"; then ok "$name"; else not_ok "$name" "status $rc of: $*" "stdout: $out" "stderr: $err"; fi
}
# fails NAME STATUS PATTERN CMD...: it ends with STATUS (or one of "1|125"), and what it says
# on stderr is one line that matches the glob PATTERN
fails() {
	local name=$1 status=$2 pattern=$3
	shift 3
	run "$@"
	if [[ "|$status|" != *"|$rc|"* ]]; then
		not_ok "$name" "status $rc, not $status, of: $*" "stdout: $out" "stderr: $err"
	elif [ "$(grep -c . "$T/.err")" != 1 ]; then
		not_ok "$name" "not one line on stderr, of: $*" "stderr: $err"
	else
		# shellcheck disable=SC2254 # a pattern is what it is
		case $err in
		$pattern) ok "$name";;
		*) not_ok "$name" "stderr does not match $pattern:" "$err";;
		esac
	fi
}
# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:    $2" "wanted: $3"; fi
}
isnt() {
	if [ "$2" != "$3" ]; then ok "$1"; else not_ok "$1" "got: $2"; fi
}
# like NAME GOT PATTERN (a glob)
like() {
	# shellcheck disable=SC2254
	case $2 in
	$3) ok "$1";;
	*) not_ok "$1" "got:    $2" "wanted: $3";;
	esac
}
unlike() {
	# shellcheck disable=SC2254
	case $2 in
	$3) not_ok "$1" "got: $2" "which matches $3";;
	*) ok "$1";;
	esac
}
# says NAME WANTED CMD...: it succeeds and writes exactly that
says() {
	local name=$1 wanted=$2
	shift 2
	run "$@"
	if [ "$rc" = 0 ] && [ "$out" = "$wanted" ]; then
		ok "$name"
	else
		not_ok "$name" "status $rc of: $*" "stdout: $out" "wanted: $wanted" "stderr: $err"
	fi
}
# ends NAME STATUS CMD...: it ends with this status
ends() {
	local name=$1 status=$2
	shift 2
	run "$@"
	if [ "$rc" = "$status" ]; then ok "$name"; else
		not_ok "$name" "status $rc, not $status, of: $*" "stdout: $out" "stderr: $err"
	fi
}

# finds_leaks: what SANITIZE=1 is for works here, with the options that all programs get
finds_leaks() {
	echo '#include <stdlib.h>
	int main(int n, char **v) { char *volatile p = malloc(7); if (n > 1) free(p); p = *v; return 0; }' |
		gcc -xc -fsanitize=address -o "$T/leak" -
	t "a program without a leak ends well" "$T/leak" free
	ends "one with a leak does not" 99 "$T/leak"
	like "and is told where" "$err" "*LeakSanitizer: detected memory leaks*Direct leak of 7 byte*"
}

# kill_9 PID: of a process of ours, whichever.  LeakSanitizer stops a process that ends from a
# clone of it and waits for that for ever: of a clone the original goes, and its clone with it.
kill_9() {
	local pid=$1 from
	if [ -n "${SANITIZE-}" ]; then
		from=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
		# nor is it this script's own clone, which has yet to become berth
		[ "$from" = $$ ] || ! cmp -s "/proc/$pid/cmdline" "/proc/$from/cmdline" || pid=$from
	fi
	kill -9 "$pid" 2>/dev/null
}

# until_true SECONDS CMD...: tries until it succeeds; SECONDS are those of a machine with nothing
# else to do, and a busy one gets a minute more
until_true() {
	local end=$((SECONDS + $1 + 61))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# watches PID: it waits for a change of files, whoever makes one now is heard
watches() { grep -qs '^inotify' /proc/"$1"/fdinfo/*; }

# ---- what a test needs ----------------------------------------------------------
need() { # program...
	local p
	for p; do
		command -v "$p" >/dev/null 2>&1 || skip_all "package:$p: not installed"
	done
}
CGROUP2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
has_controller() { grep -qw "$1" "$CGROUP2/cgroup.controllers" 2>/dev/null; }
need_controller() { # name...
	local c
	for c; do
		has_controller "$c" || skip_all "controller:$c: not on cgroup v2 here"
	done
}
# kernel_at_least X.Y
kernel_at_least() {
	[ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]
}

# ---- images -----------------------------------------------------------------------
# make_busybox_image DIR [NAME]: an OCI image layout of three layers (tests/make-image)
make_busybox_image() { "$TOP/tests/make-image" "$@"; }

# use_busybox: has "busybox" in the store of this root
use_busybox() {
	[ -d "$T/busybox.oci" ] || make_busybox_image "$T/busybox.oci" busybox:latest || exit 1
	if ! berth load -q -i "$T/busybox.oci" >"$T/.out" 2>"$T/.err"; then
		not_ok "the image is loaded" "$(cat "$T/.out" "$T/.err")"
		exit 1
	fi
}

# shellcheck disable=SC2034 # nap: for sh -c in a container: it stays until it is asked to end
nap='trap "exit 0" TERM; while :; do sleep 0.1; done'
start() { # NAME [OPTION...]: a container that stays
	local name=$1
	shift
	berth run -d --name "$name" "$@" busybox sh -c "$nap" >/dev/null || not_ok "$name starts"
}
ping_from() { berth exec "$1" ping -c 1 -W "${3-5}" "$2"; } # CONTAINER ADDRESS [SECONDS]

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# registry NAME [MORE-OF-HTTP [MORE]]: Debian's docker-registry on loopback; sets $port, and adds to
# pids, which the script kills.  Its requests are lines of $T/NAME.log.
pids=()
registry() {
	port=$(free_port)
	cat >"$T/$1.yml" <<-YML
	version: 0.1
	log: {level: error, accesslog: {disabled: false}}
	storage: {filesystem: {rootdirectory: $T/$1.data}}
	http: {addr: "127.0.0.1:$port"${2-}}
	${3-}
	YML
	docker-registry serve "$T/$1.yml" >"$T/$1.log" 2>&1 &
	pids+=($!)
	until_true 10 python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))"
}

# make_bundle DIR [JQ-PROGRAM]: an OCI bundle with the busybox root file system
make_bundle() {
	if [ ! -d "$T/busybox.root" ]; then
		mkdir "$T/busybox.root"
		busybox_root "$T/busybox.root"
	fi
	mkdir -p "$1/rootfs"
	cp -a "$T/busybox.root/." "$1/rootfs/"
	(cd "$1" && "$OCI" spec) || return 1
	jq "${2:-.} | .process.terminal = false" "$1/config.json" >"$1/config.new" &&
		mv "$1/config.new" "$1/config.json"
}
busybox_root() {
	local applet
	mkdir -p "$1"/{bin,dev,etc,proc,root,sys,tmp}
	install -m 755 /bin/busybox "$1/bin/busybox"
	for applet in $(/bin/busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
	done
	chmod 1777 "$1/tmp"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
	echo 'root:x:0:' >"$1/etc/group"
}

# ---- the end: containers of this script go, and tests/enter looks for what stays ----
lib_end() {
	local status=$? root id
	trap - EXIT
	[ "$status" = 0 ] || not_ok "the script runs to its end" "status $status"
	for root in "${ROOTS[@]}"; do
		[ -d "$root" ] || continue
		for id in $("$BERTH" --root "$root" ps -aq --no-trunc 2>/dev/null); do
			"$BERTH" --root "$root" rm -f "$id" >/dev/null 2>"$T/.err" ||
				not_ok "container $id is removed" "$(cat "$T/.err")"
		done
		# a bridge stays for the next container, until its network is removed
		if [ -d "$root/networks" ]; then
			for id in $("$BERTH" --root "$root" network ls -q 2>/dev/null) bridge; do
				"$BERTH" --root "$root" network rm "$id" >/dev/null 2>&1
			done
		fi
	done
	if [ -d "$T/oci" ]; then
		for id in $("$OCI" --root "$T/oci" list -q 2>/dev/null); do
			"$OCI" --root "$T/oci" delete -f "$id" >/dev/null 2>"$T/.err" ||
				not_ok "container $id is deleted" "$(cat "$T/.err")"
		done
	fi
	[ "$failures" = 0 ]
	exit
}
trap lib_end EXIT
