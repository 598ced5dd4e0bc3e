#!/bin/bash
# Forged or broken state, PIDs of strangers: no signal goes astray, an answer is right or
# is an error.
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
need jq
use_busybox
sleep 1000 &
stranger=$!

make_bundle "$T/b" '.process.args = ["/bin/sleep", "1000"]'
oci run -d --bundle "$T/b" c-$me </dev/null >/dev/null 2>&1 || not_ok "a container runs"
state=$(find "$T/oci" -name state.json | head -n 1)
t "its state is a file" test -f "$state"
is "of its owner alone" "$(stat -c %a "$(dirname "$state")")" 700
pid=$(oci state c-$me | jq .pid)
kill -9 "$pid"
stopped() { [ "$(oci state c-$me | jq -r .status)" = stopped ]; }
t "a process that is killed is seen as stopped" until_true 5 stopped
# the number is now somebody else's: the same state with the stranger's PID
sed -i "s/\"pid\": *$pid\b/\"pid\": $stranger/" "$state"
run oci state c-$me
like "a PID of a stranger's is not ours" "$out$err" "*stopped*"
run oci kill c-$me KILL
t "no signal went to it" kill -0 "$stranger"
run oci delete -f c-$me
t "nor with delete -f" kill -0 "$stranger"

for content in '' '{' '{}' '[]' 'null' '{"pid":-1}' '{"pid":1,"status":"running"}' "$(head -c 100000 /dev/zero | tr '\0' '[')"; do
	mkdir -p "$T/oci/forged-$me"
	printf '%s' "$content" >"$T/oci/forged-$me/state.json"
	run timeout 10 "$OCI" --root "$T/oci" state forged-$me
	isnt "state.json '$(cut -c1-20 <<<"$content")' is an error or an answer, not a hang" "$rc" 124
	run oci kill forged-$me KILL
	t "no signal went astray" kill -0 "$stranger"
	run oci delete -f forged-$me
	rm -rf "$T/oci/forged-$me"
done
for id in '' . .. ../x /x 'a/b' "$(printf 'x%.0s' {1..300})" $'a\nb' -x; do
	run oci state -- "$id"
	isnt "id '$(head -n 1 <<<"${id:0:10}")' is refused" "$rc" 0
done

# the engine's records
berth run -d --name c --network none busybox sleep 1000 >/dev/null
id=$(berth inspect --format '{{.Id}}' c)
berth kill c >/dev/null
berth wait c >/dev/null
for f in "$ROOT/containers/$id/record.json" "$ROOT/containers/$id/config.json"; do
	[ -e "$f" ] || continue
	cp "$f" "$T/kept"
	for content in '' '{' '[]' '{"id":"../../../etc"}'; do
		printf '%s' "$content" >"$f"
		run berth ps -a
		is "ps with a broken $(basename "$f") answers" "$rc" 0
		run berth start c
		isnt "start with it" "$rc" 0
	done
	cp "$T/kept" "$f"
done
t "what is whole again works again" berth start c
# its PID is somebody else's now
cp "$ROOT/containers/$id/status" "$T/kept"
sed -i "s/^pid .*/pid $stranger/" "$ROOT/containers/$id/status"
for share in --pid --ipc; do
	fails "$share container: of a stranger's PID joins nobody" "1|125" "berth: *not running" \
		berth run --rm --network none $share container:c busybox true
done
run berth exec c true
isnt "nor does exec" "$rc" 0
run berth stop -t 0 c
t "no signal went to it" kill -0 "$stranger"
cp "$T/kept" "$ROOT/containers/$id/status"
t "removed" berth rm -f c
t "the stranger lives" kill -0 "$stranger"
kill "$stranger"
