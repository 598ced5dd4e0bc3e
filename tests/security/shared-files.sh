#!/bin/bash
# Files that a running container and we both have in hand: what it puts in place of them between two
# of our steps is neither followed nor opened, nor waited for (CVE-2021-41091 for the volumes).
# time: 200
. "$(dirname "$0")/../system/lib.sh"
need strace
use_busybox

# traced OPTION... PROGRAM...: by strace, where LeakSanitizer cannot work
traced() { ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 timeout 60 strace -o "$T/trace" "$@"; }
echo host >"$T/victim" && chmod 600 "$T/victim"

# slowly CALL MS CMD...: each such call of ours gives the container that much time
slowly() {
	local call=$1 ms=$2
	shift 2
	traced -f -e "trace=$call" -e "inject=$call:delay_enter=${ms}000" "$BERTH" --root "$ROOT" "$@"
}

# ---- a node becomes a link before its mode is set
start c -v "$PROBE:/probe:ro"
mkdir -p "$T/in/d" && mkfifo -m 666 "$T/in/d/pipe"
berth exec c mkdir /archive
plant() { # in PATH, as soon as there is one
	berth exec -d c sh -c "until [ -p $1 ]; do :; done; rm $1; ln -s $T/victim $1; echo planted >/planted"
}
for what in tree archive; do
	berth exec c rm -f /planted
	if [ "$what" = tree ]; then
		plant /in/d/pipe
		slowly fchownat 500 cp "$T/in" c:/in >/dev/null 2>&1
	else
		chmod 6666 "$T/in/d/pipe"
		plant /archive/d/pipe
		tar -C "$T/in" --owner=7 --group=7 -cf - d | slowly fchownat 500 cp -a - c:/archive >/dev/null 2>&1
	fi
	t "$what: a link is planted in its place" until_true 10 berth exec c test -e /planted
	is "and not followed" "$(stat -c '%a %u' "$T/victim")" "600 0"
done

# ---- a folder of a volume becomes a link before a file in it is linked to
mkdir -p "$T/host" "$T/tree/d"
echo own >"$T/tree/d/one" && ln "$T/tree/d/one" "$T/tree/d/two"
echo host >"$T/host/one" && echo host >"$T/host/two"
start shares -v shared:/v
berth create --name ended -v shared:/v busybox true >/dev/null
berth exec -d shares sh -c "until [ -e /v/t/d/one ] || [ -e /v/t/d/two ]; do :; done; mv /v/t/d /v/t/x; ln -s $T/host /v/t/d; echo planted >/planted"
slowly linkat 500 cp "$T/tree" ended:/v/t >/dev/null 2>&1
t "a link is planted on the way" until_true 10 berth exec shares test -e /planted
is "no file of the host gets a name in the volume" "$(stat -c %h "$T/host/one" "$T/host/two" | tr '\n' ' ')" "1 1 "
t "removed" berth rm -f shares ended

# ---- a file becomes a device before it is opened
berth exec c sh -c 'mkdir /x && echo own >/x/file && mknod -m 666 /x/other c 1 5'
berth exec -d c /probe swap /x/file /x/other 0
read_device=0 copied=0
for _ in $(seq "${ROUNDS:-40}"); do
	rm -f "$T/got"
	slowly openat 5 cp c:/x/file "$T/got" 2>/dev/null
	[ "$?" != 124 ] || { read_device=endlessly; break; }
	[ -f "$T/got" ] || continue
	copied=$((copied + 1))
	[ "$(tr -d '\0' <"$T/got")" = own ] || read_device=$((read_device + 1))
done
is "of a device nothing is copied" "$read_device" 0
isnt "though the file was there at times" "$copied" 0
rm -f "$T/got"
t "removed" berth rm -f c

# ---- users and groups are read from files only
start c
berth exec c sh -c 'rm /etc/passwd /etc/group && mknod /etc/passwd c 1 5 && mknod /etc/group c 1 5'
traced -e trace=openat2,openat,open "$BERTH" --root "$ROOT" exec --user 0 c true 2>"$T/.err"
is "a device in place of /etc/passwd: an exec starts" "$?" 0
is "and we did not open it" "$(grep -E 'open[^ ]*\(.*etc/(passwd|group)' "$T/trace" | grep -vc O_PATH)" 0
t "removed" berth rm -f c

# ---- a lease on a file that we write for it
cat >"$T/lease.py" <<-'PY'
	import fcntl, os, signal, sys
	signal.signal(signal.SIGIO, signal.SIG_IGN)
	fcntl.fcntl(os.open(sys.argv[1], os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)
	print("leased", flush=True)
	signal.pause()
PY
berth network create own >/dev/null
start c --network own
python3 "$T/lease.py" "$ROOT/run/$(berth inspect -f '{{.Id}}' c)/hosts" >"$T/leased" &
holder=$!
t "a lease on its hosts" until_true 10 grep -q leased "$T/leased"
t "holds nobody up who starts on its network" timeout 30 "$BERTH" --root "$ROOT" run --rm --network own busybox true
t "it was there all the time" kill "$holder"
wait "$holder" 2>/dev/null
t "removed" berth rm -f c
t "so is its network" berth network rm own

# ---- set-ID programs, for users of the host
as_user() { setpriv --reuid 12345 --regid 12345 --clear-groups -- sh -c 'exec "$@"' sh "$@"; }
berth volume create data >/dev/null
start c -v data:/v
berth exec c sh -c 'cp /bin/busybox /v/program && chmod 4755 /v/program && cp /bin/busybox /mine && chown 1000:1000 /mine && chmod 6755 /mine'
chmod 711 "$T"
ends "nobody else runs what is in a volume" 126 as_user "$ROOT/volumes/data/_data/program" true
t "nor sees it" sh -c "! setpriv --reuid 12345 --regid 12345 --clear-groups -- sh -c 'stat \"$ROOT/volumes/data/_data\"'"
chmod 711 "$ROOT/volumes" # as earlier builds made it
berth volume ls >/dev/null
is "a store of an earlier build is closed, too" "$(stat -c %a "$ROOT/volumes")" 710
t "what a user of the container made set-ID is copied" berth cp c:/mine "$T/mine"
is "and is no program of root's" "$(stat -c '%a %u' "$T/mine")" "755 0"
t "with its owner" berth cp -a c:/mine "$T/mine2"
is "it is set-ID" "$(stat -c '%a %u' "$T/mine2")" "6755 1000"
rm -f "$T/mine" "$T/mine2"
t "removed" berth rm -f c

# ---- a process ends, and another has its number
echo secret >"$T/secret"
start c
pid=$(berth inspect -f '{{.State.Pid}}' c)
traced -P "/proc/$pid/root" -e trace=openat -e inject=openat:delay_enter=3000000 \
	"$BERTH" --root "$ROOT" cp "c:$T/secret" "$T/stolen" >/dev/null 2>"$T/.cp" &
copy=$!
sleep 1
berth stop -t 0 c >/dev/null
for _ in $(seq 200); do
	[ ! -d "/proc/$pid" ] || break
	echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
	sleep 60 &
	other=$!
	[ "$other" != "$pid" ] || break
	kill "$other" && wait "$other" 2>/dev/null
done
wait "$copy"
is "the number is used again" "${other-}" "$pid"
is "its root is not taken for the container's" "$(cat "$T/stolen" 2>/dev/null)" ""
like "who copies is told" "$(cat "$T/.cp")" "*berth: *"
[ -z "${other-}" ] || kill "$other"
