#!/bin/bash
# A container cannot overwrite our program through /proc/PID/exe (CVE-2019-5736).
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
need jq
use_busybox
sums() { sha256sum "$BERTH" "$LIBEXEC"/*; }
before=$(sums)

# Process 1 tries to open every program that it sees for writing, while we come in.
berth run -d --name trap --network none -v "$PROBE:/probe:ro" busybox sh -c '
	while :; do
		for p in /proc/[0-9]*; do
			case $(readlink $p/exe 2>/dev/null) in
			/bin/busybox|/probe|"") ;;
			*) echo "seen $(readlink $p/exe)"; /probe write $p/exe;;
			esac
		done
	done' >/dev/null || not_ok "the container starts"
for _ in $(seq 40); do
	berth exec trap /proc/self/exe >/dev/null 2>&1
	berth exec trap true >/dev/null 2>&1
done
run berth logs trap
unlike "no program of ours was opened for writing" "$out" "*opened*"
is "ours are as they were" "$(sums)" "$before"
t "removed" berth rm -f trap

# The entry point is our own program, by its name in /proc.
printf '#!/proc/self/exe\n' >"$T/entry"
chmod 755 "$T/entry"
run timeout 20 "$BERTH" --root "$ROOT" run --rm --network none -v "$T/entry:/entry:ro" busybox /entry
isnt "an entry point #!/proc/self/exe does not hang" "$rc" 124
run timeout 20 "$BERTH" --root "$ROOT" run --rm --network none busybox /proc/self/exe
isnt "nor does /proc/self/exe itself" "$rc" 124
is "ours are as they were" "$(sums)" "$before"

# What is ours inside, seen from inside, is sealed or read-only: the kernel's word.
make_bundle "$T/b" '.process.args = ["/bin/sh", "-c", "sleep 5"]'
"$OCI" --root "$T/oci" create --bundle "$T/b" sealed-$me </dev/null >"$T/created" 2>&1 || not_ok "a container is created" "$(cat "$T/created")"
pid=$("$OCI" --root "$T/oci" state sealed-$me | jq .pid)
"$PROBE" write "/proc/$pid/exe" >"$T/write"
unlike "even root of the host cannot open it for writing" "$(cat "$T/write")" "opened*"
t "deleted" oci delete -f sealed
