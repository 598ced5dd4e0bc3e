#!/bin/bash
# Logs in the journal, read back: a journald of the script's own.
. "$(dirname "$0")/lib.sh"
journald=/lib/systemd/systemd-journald
need journalctl
[ -x "$journald" ] || skip_all "package:systemd: no $journald"
use_busybox

# nothing of it touches the host: /run is a tmpfs, and neither kernel log nor audit are read
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\nForwardToSyslog=no\nRateLimitBurst=0\n' >/run/systemd/journald.conf.d/test.conf
if [ ! -s /etc/machine-id ]; then
	echo 0123456789abcdef0123456789abcdef >/run/machine-id
	[ -e /etc/machine-id ] || skip_all "systemd: no /etc/machine-id"
	mount --bind /run/machine-id /etc/machine-id
fi
"$journald" 2>"$T/journald.err" &
daemon=$!
t "journald runs" until_true 20 test -S /run/systemd/journal/socket
run_d() { berth run -d --network none --log-driver journald "$@" >/dev/null; }
logs() { "$BERTH" --root "$ROOT" logs "$@"; }
synced() { journalctl --sync; }

run_d --name cut busybox sh -c 'printf "one "; sleep 0.3; printf "line "; sleep 0.3; echo whole; echo an error >&2; printf "no end"'
berth wait cut >/dev/null
synced
is "a line that came in parts is one" "$(logs cut 2>/dev/null)" "one line whole
no end"
is "errors go to standard error" "$(logs cut 2>&1 >/dev/null)" "an error"
is "--tail counts lines, not parts" "$(logs -n 2 cut 2>/dev/null)" "one line whole
no end"
like "-t is the time, once a line" "$(logs -t cut 2>/dev/null | head -n 1)" "20??-??-??T??:??:??.*Z one line whole"
is "--since later shows nothing" "$(logs --since 2999-01-01T00:00:00Z cut 2>&1)" ""
is "--until earlier neither" "$(logs --until 2000-01-01T00:00:00Z cut 2>&1)" ""
like "why shows them" "$(berth why cut)" "*| an error*"

run_d --name long busybox sh -c 'i=0; while [ $i -lt 9000 ]; do printf "%s" "0123456789"; i=$((i+1)); done; echo; printf "\001binary\n"'
berth wait long >/dev/null
synced
is "a line of 90,000 characters is one line" "$(logs long | head -n 1 | wc -c)" 90001
is "and what is no text comes as it was" "$(logs long | tail -n 1 | od -An -c | tr -d ' ')" '001binary\n'

run_d --name slow busybox sh -c 'i=0; while [ $i -lt 20 ]; do echo "line $i"; i=$((i+1)); sleep 0.05; done; printf "the "; sleep 0.2; echo end'
timeout 60 "$BERTH" --root "$ROOT" logs -f slow >"$T/followed"
is "logs -f ends with the container" "$?" 0
is "and has all" "$(wc -l <"$T/followed"),$(tail -n 1 "$T/followed")" "21,the end"
run_d --name at --label 'my.label=a b' -e WHO=me --log-opt labels=my.label --log-opt env=WHO --log-opt tag=tagged busybox echo x
berth wait at >/dev/null
synced
is "labels and variables are fields" "$(journalctl CONTAINER_NAME=at --output=json | jq -c '[.MY_LABEL, .WHO, .CONTAINER_TAG]')" '["a b","me","tagged"]'
is "logs --details shows them" "$(logs --details at)" "WHO=me,my.label=a+b x"

# a journal that takes nothing: with mode=non-blocking nobody waits for it, what it has no room for
# is lost; without, the container waits
kill -STOP "$daemon"
line='i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done'
run_d --name nb --log-opt mode=non-blocking --log-opt max-buffer-size=64k busybox sh -c "$line"
t "mode=non-blocking: a journal that hangs does not stop the container" timeout 60 "$BERTH" --root "$ROOT" wait nb
kill -CONT "$daemon"
synced
like "the first lines were kept for it" "$(logs nb | head -n 1)" "line 0"
n=$(logs nb | wc -l)
if [ "$n" -lt 3000 ]; then ok "the last ones were not ($n)"; else not_ok "a bound" "$n"; fi
is "inspect" "$(berth inspect nb | jq -c '.[0].HostConfig.LogConfig.Config | [.mode, ."max-buffer-size"]')" '["non-blocking","64k"]'
t "rm" berth rm cut long slow at nb
kill "$daemon"
wait "$daemon"
is "journald ends" "$?" 0
umount -R /run
