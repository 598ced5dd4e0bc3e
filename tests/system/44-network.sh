#!/bin/bash
# none, host, bridge; published ports; what is in /etc; and that it all goes away.
# The script has a network of its own (tests/run), so that is "the host" here.
# parallel: yes
# also: vm
. "$(dirname "$0")/lib.sh"
need ip nft socat
use_busybox

# ---- none and host
is "none: the loopback alone" "$(berth run --rm --network none busybox sh -c 'ls /sys/class/net | tr "\n" " "')" "lo "
like "and it is up" "$(berth run --rm --network none busybox ip addr show lo)" "*127.0.0.1/8*"
is "host: the host's own" "$(berth run --rm --network host busybox readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
fails "an unknown network" 125 "berth: *nosuchnet*" berth run --rm --network nosuchnet busybox true

# ---- the bridge
berth run -d --name one busybox sh -c "$nap" >/dev/null || not_ok "the first container starts"
berth run -d --name two busybox sh -c "$nap" >/dev/null || not_ok "the second container starts"
address() { berth exec "$1" ip -4 -o addr show dev eth0 | awk '{ sub("/.*", "", $4); print $4 }'; }
one=$(address one) two=$(address two)
gateway=$(berth exec one ip route | awk '/^default/ { print $3 }')
like "an address" "$one" "*.*.*.*"
isnt "and another" "$one" "$two"
t "one reaches the other" berth exec one ping -c 1 -W 5 "$two"
t "and the host" berth exec one ping -c 1 -W 5 "$gateway"
t "the host reaches it" /bin/busybox ping -c 1 -W 5 "$one"
is "inspect says the address" "$(berth inspect --format '{{.NetworkSettings.IPAddress}}' one)" "$one"
id=$(berth inspect --format '{{.Id}}' one)
like "hosts has its own name" "$(berth exec one cat /etc/hosts)" "*$one*${id:0:12}*"
is "the host name is the id" "$(berth exec one hostname)" "${id:0:12}"
t "resolv.conf is there" berth exec one test -s /etc/resolv.conf
like "one bridge" "$(ip -o link show type bridge 2>/dev/null | wc -l)" 1
is "two ends of cables" "$(ip -o link show type veth 2>/dev/null | wc -l)" 2
like "in a table of our own" "$(nft list tables)" "*berth*"
# another machine: a network namespace held by a process
unshare -n sleep 1000 &
far=$!
t "another machine" until_true 5 sh -c "[ \"\$(readlink /proc/$far/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
in_far() { nsenter -t $far -n "$@"; }
t "another net is reached through the host" sh -c "
	ip link add far0 type veth peer name far1 && ip link set far1 netns $far &&
	ip addr add 198.51.100.1/24 dev far0 && ip link set far0 up &&
	nsenter -t $far -n sh -c 'ip addr add 198.51.100.2/24 dev far1 && ip link set far1 up && ip link set lo up'"
t "masqueraded: it knows no way back but to the host" berth exec one ping -c 1 -W 5 198.51.100.2

# ---- names and addresses asked for
like "a host that is added" "$(berth run --rm --add-host db:192.0.2.7 busybox cat /etc/hosts)" "*192.0.2.7*db*"
like "a name server" "$(berth run --rm --dns 192.0.2.53 busybox cat /etc/resolv.conf)" "*nameserver 192.0.2.53*"

# ---- published ports
port=8099
berth run -d --name web -p $port:80 busybox httpd -f -p 80 -h /www >/dev/null || not_ok "a container with a port starts"
get() { curl -s -m 5 "http://$1/"; }
t "the server answers" until_true 10 get "127.0.0.1:$port"
says "on the loopback" 'it works' get "127.0.0.1:$port"
says "on an address of the host" 'it works' get "198.51.100.1:$port"
far() { in_far curl -s -m 5 "http://198.51.100.1:$port/"; }
says "from another machine" 'it works' far
says "from a container, by the host's address" 'it works' berth exec one wget -q -O - "http://$gateway:$port/"
is "port says so, of IPv4, the only family it has" "$(berth port web)" "80/tcp -> 0.0.0.0:$port"
like "ps says so" "$(berth ps)" "*$port->80/tcp*"
fails "a port in use" 125 "berth: *$port*" berth run -d --name again -p $port:80 busybox sh -c "$nap"
is "leaves no record" "$(berth ps -aq --filter name=again)" ""
socat TCP-LISTEN:8098,fork /dev/null &
listener=$!
t "somebody listens" until_true 5 sh -c 'ss -ltn | grep -q :8098'
fails "a port of somebody else's" 125 "berth: *8098*in use*" berth run --rm -p 8098:80 busybox true
kill "$listener"
berth run -d --name lo -p 127.0.0.1:8097:80 busybox httpd -f -p 80 -h /www >/dev/null
t "the server answers" until_true 10 get 127.0.0.1:8097
says "a port on one address" 'it works' get 127.0.0.1:8097
ends "is not on another" 7 get 198.51.100.1:8097
# busybox has no server for datagrams: socat is one, in the container's network
berth run -d --name udp -p 8096:7/udp busybox sh -c "$nap" >/dev/null
pid=$(berth inspect --format '{{.State.Pid}}' udp)
nsenter -t "$pid" -n socat UDP4-RECVFROM:7,fork EXEC:cat &
server=$!
ask() { echo hello | socat -t 2 - UDP4:127.0.0.1:8096; }
answered() { [ "$(ask)" = hello ]; }
t "a port for datagrams" until_true 10 answered
kill "$server"
for bad in 99999:80 80:0 x:80 1.2.3.4.5:80:80 80:80/xyz 8080-8082:80-81 ''; do
	fails "-p '$bad'" 125 "berth: *" berth run --rm -p "$bad" busybox true
done

# ---- and away
t "all of it is removed" berth rm -f one two web lo udp
ip link del far0
t "the network is removed" berth network rm bridge
kill "$far"
left() { ip -o link | awk -F': ' '$2 !~ /^lo/ { print $2 }'; nft list ruleset; }
clean() { [ -z "$(left)" ]; }
until_true 5 clean
is "no interface, no rule" "$(left)" ""

# ---- the subnet collides with no route of the host
ip link add busy type bridge
ip addr add 10.88.0.1/16 dev busy
ip link set busy up
for net in 172.17.0.1/16 172.18.0.1/16 10.89.0.1/24 192.168.0.1/16; do ip addr add "$net" dev busy; done
run berth run --rm busybox ip -4 -o addr show dev eth0
got=$(awk '{ print $4 }' <<<"$out")
like "an address where others are taken" "$got" "*.*.*.*/*"
overlaps() { # NET NET
	python3 -c 'import ipaddress, sys
a, b = (ipaddress.ip_interface(x).network for x in sys.argv[1:])
sys.exit(not a.overlaps(b))' "$1" "$2"
}
for net in 10.88.0.1/16 172.17.0.1/16 172.18.0.1/16 10.89.0.1/24 192.168.0.1/16; do
	ends "which is not in $net" 1 overlaps "$got" "$net"
done
ip link del busy
