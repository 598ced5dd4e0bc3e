#!/bin/bash
# Many at once, killed at any moment, the rules flushed by somebody else: the network holds.
# parallel: yes
# also: vm
# time: 240
. "$(dirname "$0")/lib.sh"
need ip nft curl
use_busybox
left() { ip -o link | awk -F': ' '$2 !~ /^lo/ { print $2 }'; nft list ruleset; }
clean() { [ -z "$(left)" ]; }
# .gone names interfaces that the kernel has yet to take away
leases() { find "$ROOT/leases" -name .gone -prune -o -type l -print | wc -l; }

# ---- sixteen at once
for i in $(seq 16); do berth run -d --name "c$i" busybox sh -c "$nap" >/dev/null & done
wait
is "sixteen run" "$(berth ps -q | wc -l)" 16
is "each has an address" "$(leases)" 16
is "and each its own" "$(berth ps -q | while read -r id; do
	berth exec "$id" ip -4 -o addr show dev eth0; done | awk '{ print $4 }' | sort -u | wc -l)" 16
# shellcheck disable=SC2046 # one word each
t "all are removed" berth rm -f $(berth ps -q)
is "no address is left" "$(leases)" 0
t "nothing is left in the kernel" until_true 5 clean

# ---- a thousand ports, and what a restart does to them
t "a range is published" berth run -d --name many -p 20000-20999:3000-3999 -p 8080:80 busybox httpd -f -p 80 -h /www
get() { curl -s -m 5 "http://127.0.0.1:8080/"; }
t "the server answers" until_true 10 get
t "restart" berth restart -t 1 many
t "it answers again" until_true 10 get
nft flush ruleset
ends "somebody flushes all rules: not reached" 7 get
berth run --rm busybox true
t "the next container makes them again" until_true 5 get
t "removed" berth rm -f many
is "no port is left" "$(leases)" 0

# ---- kill -9 of the command at any moment
for ms in $(seq 1 3 60); do
	"$BERTH" --root "$ROOT" run --rm --name victim -p 8081:80 busybox true >/dev/null 2>&1 &
	victim=$!
	sleep "0.0$(printf %02d "$ms")"
	kill -9 "$victim" 2>/dev/null
	wait "$victim" 2>/dev/null
done
gone() { [ -z "$(berth ps -q)" ] && [ "$(leases)" = 0 ] && clean; }
t "nothing is left of twenty" until_true 10 gone
t "and the port is free" berth run --rm -p 8081:80 busybox true

# ---- kill -9 of a supervisor
berth run -d --name orphan -p 8082:80 busybox sh -c "$nap" >/dev/null
supervisor=$(pgrep -f "berth-supervisor id=$(berth inspect --format '{{.Id}}' orphan)")
kill -9 "$supervisor"
freed() { berth ps -q >/dev/null; [ "$(leases)" = 0 ]; }
t "the next command takes its network away" until_true 10 freed
t "its port is free" berth run --rm -p 8082:80 busybox true
berth rm -f orphan >/dev/null
t "nothing is left at the end" until_true 5 clean
