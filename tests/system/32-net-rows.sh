#!/bin/bash
# What users rely on of networks and published ports, and no other script shows: ports chosen for
# them, calls to themselves, IPv6, networks without a way out, the host's own name, other wires.
# parallel: yes
# also: vm
. "$(dirname "$0")/lib.sh"
need ip nft socat curl
use_busybox
serve() { # NAME [OPTION...]: it answers on port 80
	local name=$1
	shift
	berth run -d --name "$name" "$@" busybox httpd -f -p 80 -h /www >/dev/null || not_ok "$name starts"
}
address() { # CONTAINER [FAMILY]
	berth exec "$1" ip -"${2-4}" -o addr show dev eth0 scope global | awk '{ sub("/.*", "", $4); print $4 }'
}
gateway() { berth exec "$1" ip route | awk '/^default/ { print $3 }'; }
web_from() { berth exec "$1" wget -q -O - "http://$2/"; }

# ---- ports that nobody named
serve any -p 80 -p 81/udp
port=$(berth port any 80 | sed -n 's/^0.0.0.0://p')
read -r low high </proc/sys/net/ipv4/ip_local_port_range
t "a port chosen for it is one of the host's for that" test "${port:-0}" -ge "$low" -a "${port:-0}" -le "$high"
t "it answers there" until_true 5 curl -s -m 5 "http://127.0.0.1:$port/"
serve first -p 8180-8189:80
is "the first of a range" "$(berth port first 80 | head -n 1)" 0.0.0.0:8180
serve second -p 8180-8189:80
is "then the next" "$(berth port second 80 | head -n 1)" 0.0.0.0:8181
serve both -p 8190-8191:80-81
is "as many as the container's: one to one" "$(berth port both | sort | tr '\n' ' ')" \
	"80/tcp -> 0.0.0.0:8190 81/tcp -> 0.0.0.0:8191 "

# ---- a conflict changes nothing
all_there_is() { nft list ruleset | sort; ip -o link 2>/dev/null | wc -l; find "$ROOT/leases" -type l | sort; berth ps -aq | sort; }
before=$(all_there_is)
fails "a range that reaches into one that is taken" 125 "berth: *8190/tcp is in use by container *" \
	berth run -d -p 8188-8192:88-92 busybox true
fails "one address against all" 125 "berth: *8181/tcp is in use by container *" \
	berth run -d -p 127.0.0.1:8181:80 busybox true
fails "the same one twice" 125 "berth: *8200*" berth run -d -p 8200:80 -p 8200:81 busybox true
same() { [ "$(all_there_is)" = "$before" ]; }
t "no rule, interface, lease or container came of it" until_true 5 same
t "the port for another protocol is free" berth run --rm -p 8181:80/udp busybox true
serve narrow -p 127.0.0.2:8201:80
serve beside -p 127.0.0.3:8201:80
t "the port on another address too" until_true 5 curl -s -m 5 http://127.0.0.3:8201/

# ---- calls to itself, and to its own host
says "it reaches itself by the host's address" 'it works' web_from any "$(gateway any):$port"
start hello --add-host me:host-gateway
is "host-gateway is the host" "$(berth exec hello awk '$2 == "me" { print $1 }' /etc/hosts)" "$(gateway hello)"
says "by which it calls a published port" 'it works' web_from hello "me:8180"
for name in host.docker.internal host.containers.internal; do
	t "$name" ping_from hello "$name"
done

# ---- a client that goes on sending meets the container that is there now
echo_in() { # CONTAINER WORD: answers datagrams on port 7 with WORD
	nsenter -t "$(berth inspect -f '{{.State.Pid}}' "$1")" -n socat UDP4-RECVFROM:7,fork SYSTEM:"cat; echo $2" &
	servers="$servers $!"
}
servers=''
ask() { echo hello | socat -t 1 - UDP4:127.0.0.1:8202,sourceport=8203,reuseaddr; }
told() { [ "$(ask | tail -n 1)" = "$1" ]; }
start old -p 8202:7/udp
echo_in old old
t "a datagram is answered" until_true 10 told old
berth rm -f old >/dev/null
start new -p 8202:7/udp
echo_in new new
t "by the next one on that port at once" until_true 10 told new
# shellcheck disable=SC2086
kill $servers

# ---- IPv6
t "a network with IPv6" berth network create --ipv6 six
serve a6 --network six -p 8206:80
start b6 --network six
like "addresses of one's own (ULA)" "$(address a6 6)" "fd*:*"
t "one reaches the other" ping_from b6 "$(address a6 6)"
like "by name too" "$(berth exec b6 grep -c ' a6' /etc/hosts)" 2
like "a default route" "$(berth exec b6 ip -6 route)" "*default via fd*"
ip link add wan type veth peer name wire
ip addr add 2001:db8::1/64 dev wan nodad
ip link set wan up
ip link set wire up
t "a published port" until_true 5 curl -s -m 5 "http://[2001:db8::1]:8206/"
ends "::1 is refused at once" 7 curl -s -m 5 "http://[::1]:8206/"
t "a subnet asked for" berth network create --subnet fd12:3456::/64 --subnet 10.217.8.0/24 asked
start c6 --network asked --ip6 fd12:3456::77
is "and an address" "$(address c6 6)" fd12:3456::77
ends "not between networks" 1 ping_from b6 fd12:3456::77 2
fails "the subnet is taken" 125 "berth: *fd12:3456*" berth network create --subnet fd12:3456::/80 again

# ---- no way out
t "an internal network" berth network create --internal inside
serve in1 --network inside
start in2 --network inside
ip addr add 198.51.100.1/24 dev wan
t "its containers reach each other" ping_from in2 in1
ends "not the host's other networks" 1 ping_from in2 198.51.100.1 2
ends "nor other containers" 1 ping_from in2 "$(address first)" 2
ends "nor do they reach it" 1 ping_from first "$(address in1)" 2
fails "it publishes nothing" 125 "berth: *publish*internal*" berth run --rm --network inside -p 8207:80 busybox true
t "a network whose containers are apart" berth network create -o icc=false apart
start ap1 --network apart
start ap2 --network apart
ends "they do not reach each other" 1 ping_from ap1 "$(address ap2)" 2
t "but the host" ping_from ap1 "$(gateway ap1)"

# ---- other wires
for driver in macvlan ipvlan; do
	if ! ip link add link wan name probe type $driver 2>/dev/null; then
		skip "$driver" "module:$driver: not in this kernel"
		continue
	fi
	ip link del probe
	t "$driver" berth network create -d $driver -o parent=wan --subnet 203.0.113.0/24 $driver
	start v1 --network $driver
	start v2 --network $driver
	t "$driver: one reaches the other" ping_from v1 "$(address v2)"
	berth rm -f v1 v2 >/dev/null
	t "$driver: removed" berth network rm $driver
done
fails "a parent that is not there" 125 "berth: *nosuch0*" \
	sh -c '"$0" --root "$1" network create -d macvlan -o parent=nosuch0 --subnet 203.0.113.0/24 m && "$0" --root "$1" run --rm --network m busybox true' "$BERTH" "$ROOT"

ip link del wan
# shellcheck disable=SC2046 # one word each
t "all are removed" berth rm -f $(berth ps -aq)
is "no lease is left" "$(find "$ROOT/leases" -name .gone -prune -o -type l -print)" ""
