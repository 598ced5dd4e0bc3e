#!/bin/bash
# network reload, network update, network rm --time, and what a prune says that cannot.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need ip nft setpriv
use_busybox
names="nw$$"
berth network create --opt "bridge=$names" --dns 192.0.2.1,192.0.2.2 blue >/dev/null
servers() { berth exec "$1" sed -n 's/^nameserver //p' /etc/resolv.conf | tr '\n' ' '; }

# ---- name servers of a network
start web --network blue
is "network create --dns" "$(servers web)" "192.0.2.1 192.0.2.2 "
start own --network blue --dns 192.0.2.99
start off --network none
before=$(servers off)
says "network update" blue berth network update --dns-drop 192.0.2.1 --dns-add 192.0.2.3,2001:db8::53 blue
is "who runs has them at once" "$(servers web)" "192.0.2.2 192.0.2.3 2001:db8::53 "
is "who has its own keeps that" "$(servers own)" "192.0.2.99 "
is "and who is not on it" "$(servers off)" "$before"
is "inspect shows them" "$(berth network inspect -f '{{join .NetworkDNSServers " "}}' blue)" "192.0.2.2 192.0.2.3 2001:db8::53"
berth network connect blue off
is "who joins gets them" "$(servers off)" "192.0.2.2 192.0.2.3 2001:db8::53 "
berth network disconnect blue off
is "and who leaves loses them" "$(servers off)" "$before"
berth restart -t 0 web >/dev/null
is "they are there after a restart" "$(servers web)" "192.0.2.2 192.0.2.3 2001:db8::53 "
berth network update --dns-drop 192.0.2.2 --dns-drop 192.0.2.3,2001:db8::53 blue >/dev/null
is "without any it is the host's again" "$(servers web)" "$before"
fails "no address" 125 "berth: network blue: name server 'ns.example' makes no sense" berth network update --dns-add ns.example blue
fails "none of its" 125 "berth: network blue has no name server 192.0.2.1" berth network update --dns-drop 192.0.2.1 blue
fails "nothing to change" 125 "berth: network update: what?*" berth network update blue
fails "no such network" 125 "berth: no network*nosuch*" berth network update --dns-add 192.0.2.1 nosuch
for i in {1..8}; do
	berth network update --dns-add "192.0.2.10$i" blue >/dev/null &
	adding+=($!)
done
wait "${adding[@]}"
is "several updates at once: each counts" "$(berth network inspect -f '{{len .NetworkDNSServers}}' blue) $(servers web | wc -w)" "8 8"
fails "create with a name" 125 "berth: network red: name server 'x' makes no sense" berth network create --dns x red

# ---- firewall rules that somebody took away
port=$(free_port)
start served --network blue -p "127.0.0.1:$port:80"
published() { nft list ruleset | grep -c "$port"; }
there=$(nft list ruleset | sort)
nft flush ruleset
is "the rules are gone" "$(published)" 0
says "network reload prints ids" "$(berth inspect -f '{{.Id}}' served)" berth network reload served
is "and they are back, as they were" "$(nft list ruleset | sort)" "$there"
nft flush ruleset
is "--all: those that run" "$(berth network reload --all | wc -l)" "$(berth ps -q | wc -l)"
is "back again" "$(nft list ruleset | sort)" "$there"
berth create --name idle busybox true >/dev/null
fails "of what does not run" 1 "berth: container idle is not running" berth network reload idle
fails "of whom?" 125 "berth: usage: berth network reload*" berth network reload

# ---- rm --time: the containers too
berth create --name sleeper --network blue busybox true >/dev/null
fails "rm --time alone" 125 "berth: --time goes with --force*" berth network rm --time 1 blue
fails "rm --force: not of a network in use" 1 "berth: network blue is in use*" berth network rm -f blue
fails "rm --time of no number" 125 "berth: --time x: *" berth network rm -f -t x blue
says "rm --force --time" blue berth network rm -f -t 5 blue
is "its containers are gone, and nobody else" "$(berth ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" "idle off "

# ---- a prune that cannot
berth network create --opt "bridge=${names}b" green >/dev/null
run setpriv --bounding-set=-net_admin "$BERTH" --root "$ROOT" network prune -f
like "network prune says why" "$rc $err" "125 berth: *no permission*"
like "and the network is still there" "$(berth network prune -f)" "Deleted Networks:*green"
