#!/bin/bash
# kill -9 at any moment of load, pull, rmi and repair: the next command finds a sound store.
# parallel: yes
# time: 1200
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo jq python3
image() { "$LIBEXEC/berth-image" --root "$ROOT" "$@"; }
rounds=${KILL_ROUNDS:-500}
mkdir "$T/home"
export HOME=$T/home BERTH_POLICY=$T/none CONTAINERS_REGISTRIES_CONF=$T/none
unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_RUNTIME_DIR http_proxy https_proxy
trap 'status=$?; kill "$registry" 2>/dev/null; (exit "$status"); lib_end' EXIT
registry=0
make_busybox_image "$T/oci" busybox:latest
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
	"$T/data" "$port" >"$T/registry.yml"
docker-registry serve "$T/registry.yml" >"$T/registry.log" 2>&1 &
registry=$!
until_true 10 python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))"
skopeo copy -q --dest-tls-verify=false "oci:$T/oci:busybox:latest" "docker://localhost:$port/box:1" || exit 1

# how long each takes undisturbed, in milliseconds, bounds the moment of the kill
took() { local a b; a=$(date +%s%N); "$@" >"$T/.out" 2>&1; b=$(date +%s%N); echo $(((b - a) / 1000000 + 1)); }
# in memory, where a round takes a third of the time; what a power cut would do is not asked here
mkdir "$T/ram"
mount -t tmpfs tmpfs "$T/ram" || exit 1
ROOT=$T/ram/time
load_ms=$(took image load -i "$T/oci")
pull_ms=$(took image pull -q "localhost:$port/box:1")
ROOT=$T/ram/root
bad=0 killed=0
killed_in() { # milliseconds, command...
	local wait=$((RANDOM % ($1 + 1)))
	shift
	"$@" >"$T/.out" 2>"$T/.err" </dev/null &
	local pid=$!
	sleep "0.$(printf '%03d' $((wait % 1000)))"
	kill -9 "$pid" 2>/dev/null && killed=$((killed + 1))
	wait "$pid" 2>/dev/null
}
sound() { # what was killed
	if ! image check >"$T/.out" 2>"$T/.err"; then
		bad=$((bad + 1))
		echo "# after $1: $(cat "$T/.out" "$T/.err")"
	fi
}
for ((i = 0; killed < rounds && i < 4 * rounds; i++)); do	# some are done before they are killed
	case $((i % 4)) in
	0) killed_in "$load_ms" "$LIBEXEC/berth-image" --root "$ROOT" load -i "$T/oci"; sound load;;
	1) killed_in "$pull_ms" "$LIBEXEC/berth-image" --root "$ROOT" pull -q "localhost:$port/box:1"; sound pull;;
	2)
		image load -i "$T/oci" >"$T/.out" 2>&1
		killed_in 20 "$BERTH" --root "$ROOT" rmi -f busybox
		sound rmi
		;;
	3) killed_in "$load_ms" "$LIBEXEC/berth-image" --root "$ROOT" check --repair; sound repair;;
	esac
done
is "the store was sound after each of $killed kills" "$bad" 0
is "as many as were wanted" "$killed" "$rounds"
t "a pull goes through after all that" image pull -q "localhost:$port/box:1"
t "and a load" image load -i "$T/oci"
is "nothing unfinished stays" "$(ls "$ROOT/store/tmp")" ""
is "three layers are there" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)" 3

umount "$T/ram"

# two at once do the work once
ROOT=$T/twice
image pull -q "localhost:$port/box:1" >"$T/one" 2>&1 &
first=$!
image pull -q "localhost:$port/box:1" >"$T/two" 2>&1
is "the second of two pulls succeeds" $? 0
wait "$first"
is "and the first" $? 0
t "the store is sound" image check

# a full disk
mkdir "$T/small"
if mount -t tmpfs -o size=1500k tmpfs "$T/small" 2>/dev/null; then
	ROOT=$T/small
	fails "a full disk" 125 "berth: load *No space left on device*" image load -i "$T/oci"
	is "leaves no layer" "$(ls "$ROOT/store/layers")" ""
	is "and nothing unfinished" "$(ls "$ROOT/store/tmp")" ""
	umount "$T/small"
fi
