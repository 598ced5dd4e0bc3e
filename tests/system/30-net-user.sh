#!/bin/bash
# Networks of the user's own: names, isolation, connect and disconnect, addresses asked for.
# parallel: yes
# also: vm
. "$(dirname "$0")/lib.sh"
need ip nft
use_busybox
address() { # CONTAINER [INTERFACE]
	berth exec "$1" ip -4 -o addr show dev "${2-eth0}" | awk '{ sub("/.*", "", $4); print $4 }'
}

t "a network is made" berth network create app
t "and one with a subnet" berth network create --subnet 10.213.7.0/24 --ip-range 10.213.7.128/25 db
fails "a name twice" 125 "berth: *app*" berth network create app
fails "a subnet twice" 125 "berth: *10.213.7.0*" berth network create --subnet 10.213.7.128/25 again
fails "no subnet" 125 "berth: *" berth network create --subnet 10.213.7 again
like "both are listed" "$(berth network ls)" "*app*"
like "with the default one, once it is used" "$(berth network ls)" "*db*"

start web --network app --network-alias www
start job --network app
start store --network db
start other
is "the address range is kept to" "$(address store | cut -d. -f1-3)" 10.213.7
t "by name" ping_from job web
t "by alias" ping_from job www
t "and back" ping_from web job
ends "not between networks" 1 ping_from job "$(address store)" 2
ends "not from the default one" 1 ping_from other "$(address web)" 2
like "hosts names the neighbour" "$(berth exec job cat /etc/hosts)" "*$(address web)*web*www*"
fails "in use: it stays" "1|125" "berth: *app*in use*" berth network rm app

t "a container joins" berth network connect db web
like "it has a second interface" "$(address web eth1)" "10.213.7.*"
t "and reaches what is there" ping_from web store
t "which reaches it by name" ping_from store web
t "it leaves" berth network disconnect db web
ends "no more" 1 ping_from web "$(address store)" 2
isnt "nor by name" "$(berth exec store grep -c web /etc/hosts)" 1
fails "it cannot leave twice" 125 "berth: *db*" berth network disconnect db web

start fixed --network db:ip=10.213.7.9,mac=02:11:22:33:44:55
is "an address asked for" "$(address fixed)" 10.213.7.9
like "and a MAC address" "$(berth exec fixed ip link show eth0)" "*02:11:22:33:44:55*"
fails "it is taken" 125 "berth: *10.213.7.9*in use*" berth run --rm --network db --ip 10.213.7.9 busybox true
fails "not in the subnet" 125 "berth: *10.99.0.1*" berth run --rm --network db --ip 10.99.0.1 busybox true
t "inside: a network without a way out" berth network create --internal inside
is "has no default route" "$(berth run --rm --network inside busybox ip route | grep -c default)" 0

t "a stop takes the name away" berth rm -f job
isnt "from the neighbour's hosts" "$(berth exec web grep -c job /etc/hosts)" 1
t "all are removed" berth rm -f web store other fixed
t "unused networks go" berth network prune -f
is "all of them" "$(berth network ls -q | wc -l)" 1
left() { ip -o link | awk -F': ' '$2 !~ /^lo/ { print $2 }'; nft list ruleset; }
clean() { [ -z "$(left)" ]; }
t "and nothing is left in the kernel" until_true 5 clean
