#!/bin/bash
# cp follows no link of the container's out of it and loads nothing from it
# (CVE-2018-15664, CVE-2019-14271).
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
use_busybox
mkdir "$T/victim"
echo host >"$T/victim/secret"
berth run -d --name c --network none busybox sh -c "
	mkdir -p /d; ln -s $T/victim /up; ln -s /../../../../../..$T/victim/secret /file; ln -s / /root-link
	while :; do sleep 0.1; done" >/dev/null
t "it is up" until_true 10 berth exec c test -L /root-link
echo smuggled >"$T/new"
run berth cp "$T/new" c:/up/new
is "into a link: the host's folder is untouched" "$(ls "$T/victim")" secret
run berth cp c:/file "$T/got"
t "out of a link: it is the link that comes, not the host's file" sh -c "[ ! -e $T/got ] || [ -L $T/got ]"
run berth cp -L c:/file "$T/followed"
unlike "nor when links are followed" "$(cat "$T/followed" 2>/dev/null)" host
run berth cp c:/up/secret "$T/got2"
t "nor one behind a link" test ! -e "$T/got2"
run berth cp "$T/new" c:/file
is "nor written" "$(cat "$T/victim/secret")" host
run berth cp c:/../../../../../..$T/victim/secret "$T/got3"
t "nor one with dots" test ! -e "$T/got3"
t "an honest copy in" berth cp "$T/new" c:/d/new
says "arrives" smuggled berth exec c cat /d/new
t "and out" berth cp c:/d/new "$T/back"
is "arrives" "$(cat "$T/back")" smuggled
# libraries and name services of the container are never loaded
berth exec c sh -c 'mkdir -p /lib/x86_64-linux-gnu /etc; echo evil >/lib/x86_64-linux-gnu/libnss_files.so.2; echo "passwd: evil" >/etc/nsswitch.conf'
t "with a false name service in it" berth cp "$T/new" c:/d/again
t "removed" berth rm -f c
