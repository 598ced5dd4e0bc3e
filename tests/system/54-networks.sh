#!/bin/bash
# network create, ls, rm, prune, connect, disconnect; port.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq
use_busybox

id=$(berth network create --subnet 10.199.7.0/24 --label a=b blue)
is "create prints the id" "${#id}" 64
is "what was asked for" "$(berth network inspect blue | jq -c '.[0]|[.Id==$id,.IPAM.Config[0].Subnet,.Labels]' --arg id "$id")" \
	'[true,"10.199.7.0/24",{"a":"b"}]'
fails "its name is taken" 125 "berth: *blue*" berth network create blue
t "which is no error with --ignore" berth network create --ignore blue
fails "its subnet is taken" 125 "berth: *" berth network create --subnet 10.199.7.0/25 red
fails "an unknown option" 125 "berth: *nosuch*" berth network create -o nosuch=1 red
is "network ls" "$(berth network ls --format '{{.Name}} {{.Driver}}' | sort | tr '\n' ' ')" "blue bridge bridge bridge "
like "with Docker's columns, and the subnet" "$(berth network ls | head -n 1)" "NETWORK ID *NAME *DRIVER *SCOPE *SUBNET"
is "-q by name" "$(berth network ls -q --filter name=blue)" "${id:0:12}"
is "by label" "$(berth network ls --filter label=a --format '{{.Name}}')" blue
is "one's own" "$(berth network ls --filter type=custom --format '{{.Name}}')" blue
t "network exists" berth network exists blue
ends "or not" 1 berth network exists red

berth run -d --name web -p 127.0.0.1::80 -p 127.0.0.1::53/udp busybox sleep 1000 >/dev/null
port=$(berth port web 80)
like "port" "$port" "127.0.0.1:*"
is "all of them" "$(berth port web | sed 's/:[0-9]*$//' | tr '\n' ' ')" "53/udp -> 127.0.0.1 80/tcp -> 127.0.0.1 "
is "as inspect says it" "$(berth inspect -f '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}' web)" "${port#*:}"
fails "one that it does not publish" 125 "berth: container web does not publish port 81/tcp" berth port web 81

t "a network with IPv6" berth network create --ipv6 six
berth run -d --name both --network six -p 8095:80 busybox sleep 1000 >/dev/null
is "a port answers in each family that the container has" "$(berth port both | tr '\n' ' ')" \
	"80/tcp -> 0.0.0.0:8095 80/tcp -> [::]:8095 "
like "as ps says" "$(berth ps --filter name=both)" "*0.0.0.0:8095->80/tcp, [[]::]:8095->80/tcp*"
is "and inspect" "$(berth inspect both | jq -c '[.[0].NetworkSettings.Ports["80/tcp"][].HostIp]')" '["0.0.0.0","::"]'
berth rm -f both >/dev/null
t "it goes again" berth network rm six

berth create --name maker --network none busybox true >/dev/null
berth commit -c 'EXPOSE 443' -c 'EXPOSE 53/udp' maker exposed >/dev/null
berth run -d --name shown -p 127.0.0.1::443 exposed sleep 1000 >/dev/null
like "ps shows what is published, and what the image exposes" \
	"$(berth ps --filter name=shown --format '{{.Ports}}')" "127.0.0.1:*->443/tcp, 53/udp"
berth rm -f maker shown >/dev/null

t "connect" berth network connect --alias site --ip 10.199.7.77 blue web
is "it has the address" "$(berth inspect -f '{{(index .NetworkSettings.Networks "blue").IPAddress}}' web)" 10.199.7.77
like "inside, too" "$(berth exec web ip -4 addr)" "*10.199.7.77/24*"
is "ps says so" "$(berth ps --filter network=blue --format '{{.Networks}}')" "bridge,blue"
is "the network knows" "$(berth network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}' blue)" "web 10.199.7.77/24"
says "another finds it by the alias" 10.199.7.77 berth run --rm --network blue busybox sh -c 'awk "/ site/ { print \$1 } /site / { print \$1 }" /etc/hosts | sort -u'
fails "twice" 125 "berth: container web is on network blue already" berth network connect blue web
fails "one in use stays" 1 "berth: *in use*" berth network rm blue
t "a restart" berth restart -t 0 web
is "keeps it" "$(berth inspect -f '{{(index .NetworkSettings.Networks "blue").IPAddress}}' web)" 10.199.7.77
t "disconnect" berth network disconnect blue web
is "it is off" "$(berth inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}' web)" "bridge "
unlike "inside, too" "$(berth exec web ip -4 addr)" "*10.199.7.77*"
fails "twice" 125 "berth: container web is not on network blue" berth network disconnect blue web
t "which is no error with -f" berth network disconnect -f blue web
knows() { berth exec web grep -qw "$1" /etc/hosts; }
berth run -d --name peer --network blue busybox sleep 1000 >/dev/null
berth network connect blue web >/dev/null
t "who came later is known" knows peer
t "rename of a neighbour" berth rename peer mate
t "the new name is known" knows mate
ends "the old one is not" 1 knows peer
t "off its last network" berth network disconnect blue mate
ends "it is not known any more" 1 knows mate
t "and on it again" berth network connect --alias buddy blue mate
t "it is known" knows buddy
berth stop -t 0 mate >/dev/null
ends "not when it has ended" 1 knows mate
t "it starts" berth start mate
t "and is known" knows mate
berth rm -f mate >/dev/null
berth network disconnect blue web
fails "one of the host's" 125 "berth: *--network host*" sh -c '"$0" --root "$1" create --name h --network host busybox true >/dev/null && "$0" --root "$1" network connect blue h' "$BERTH" "$ROOT"

berth create --name later --network none busybox true >/dev/null
berth create --name next busybox sleep 1000 >/dev/null
t "connect before it runs" berth network connect blue next
t "it starts" berth start next
is "on both" "$(berth inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}' next)" "blue bridge "
berth rm -f next web >/dev/null

berth network create green >/dev/null
berth create --name keeps --network green busybox true >/dev/null
like "prune" "$(berth network prune -f)" "Deleted Networks:?blue"
is "leaves what a container would need" "$(berth network ls --format '{{.Name}}' | sort | tr '\n' ' ')" "bridge green "
says "rm" green berth network rm green
fails "one that is not there" 1 "berth: *green*" berth network rm green
t "which is no error with -f" berth network rm -f green
