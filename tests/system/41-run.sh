#!/bin/bash
# berth run: exit codes, what the command gets, what the image says.
# parallel: yes
. "$(dirname "$0")/lib.sh"
use_busybox
box() { berth run --rm --network none "$@"; }

# ---- exit codes
ends "the command's own" 7 box busybox sh -c 'exit 7'
ends "zero" 0 box busybox true
ends "255" 255 box busybox sh -c 'exit 255'
ends "128 and the signal, as a shell reports it" 143 box busybox sh -c 'sh -c "kill -15 \$\$"; exit $?'
ends "128 and the signal of process 1" 139 box --init busybox sh -c 'kill -SEGV $$'
fails "a command that is not there" 127 "berth: *nosuchcommand*" box busybox nosuchcommand
fails "a path that is not there" 127 "berth: */no/such*" box busybox /no/such
fails "a file that is not executable" 126 "berth: */etc/greeting*" box busybox /etc/greeting
fails "a folder as a command" 126 "berth: */etc*" box busybox /etc
fails "an image that is not there" 125 "berth: *localhost/nosuch*" box --pull never localhost/nosuch true
fails "an unknown flag, with the nearest" 125 "berth: *--memroy*--memory*" berth run --memroy 5m busybox true
fails "an unknown command, with the nearest" 125 "berth: *rnu*run*" berth rnu

# ---- arguments, environment, streams
says "arguments arrive as they are" 'a b|$c|*|' box busybox sh -c 'printf "%s|" "$@"' sh 'a b' '$c' '*'
says "options after the image are the command's" '--rm -d' box busybox echo --rm -d
says "the image's environment" make-image box busybox sh -c 'echo $MADE_BY'
says "a variable" x=y box -e 'V=x=y' busybox sh -c 'echo "$V"'
V=outside says "a variable of ours" outside env V=outside "$BERTH" --root "$ROOT" run --rm --network none -e V busybox sh -c 'echo "$V"'
printf '# comment\nA=1\nB=two words\n' >"$T/env"
says "a file of variables" '1 two words' box --env-file "$T/env" busybox sh -c 'echo "$A $B"'
says "HOME of root" /root box busybox sh -c 'echo $HOME'
says "HOME of a user" /home/guest box -u guest busybox sh -c 'echo $HOME'
says "nothing of our environment comes along" "" env SECRET=x "$BERTH" --root "$ROOT" run --rm --network none busybox sh -c 'echo $SECRET'
both() { box busybox sh -c 'echo to-out; echo to-err >&2'; }
run both
is "standard output is apart" "$out" to-out
is "from standard error" "$err" to-err
feed() { printf 'one\ntwo\n' | "$BERTH" --root "$ROOT" run --rm -i --network none busybox cat; }
says "-i gives standard input and its end" $'one\ntwo' feed
nofeed() { printf 'one\n' | "$BERTH" --root "$ROOT" run --rm --network none busybox cat; }
says "without it there is none" "" nofeed
large() { head -c 20000000 /dev/zero | "$BERTH" --root "$ROOT" run --rm -i --network none busybox cat | wc -c; }
says "20 MB go through unchanged" 20000000 large
binary() { head -c 300000 "$BERTH" | "$BERTH" --root "$ROOT" run --rm -i --network none busybox cat | sha256sum; }
says "every byte of them" "$(head -c 300000 "$BERTH" | sha256sum)" binary

# ---- who and where
says "a user by name" '1000 1000' box -u guest busybox sh -c 'echo $(id -u) $(id -g)'
says "its groups" '1000 29' box -u guest busybox id -G
says "a user by number" '1234 0' box -u 1234 busybox sh -c 'echo $(id -u) $(id -g)'
says "a user and a group" '1 1000' box -u daemon:guest busybox sh -c 'echo $(id -u) $(id -g)'
says "more groups" '0 29 77' box --group-add audio --group-add 77 busybox id -G
fails "a user that is not there" 125 "berth: *nosuchuser*" box -u nosuchuser busybox true
fails "a number out of range" 125 "berth: *99999999999*" box -u 99999999999 busybox true
says "the work directory" /srv/data box -w /srv/data busybox pwd
says "is made where there is none" /new/dir box -w /new/dir busybox pwd
fails "and must be absolute" 125 "berth: *not/absolute*" box -w not/absolute busybox true
says "an entry point" 'x y' box --entrypoint echo busybox x y
says "a host name" some-name box --hostname some-name busybox hostname
like "else the id" "$(box busybox hostname)" '????????????'
says "limits of resources" 99 box --ulimit nofile=99:100 busybox sh -c 'ulimit -n'
fails "an unknown one" 125 "berth: *nosuch*" box --ulimit nosuch=1 busybox true
says "the mask of new files" 0077 box --umask 0077 busybox sh -c umask

# ---- names
cid=$(berth run -d --name one --network none busybox sleep 1000)
like "a detached container's id is 64 digits" "$cid" "$(printf '[0-9a-f]%.0s' {1..64})"
fails "a name in use" 125 "berth: *one*in use*" berth run -d --name one --network none busybox true
fails "a bad name" 125 "berth: *bad/name*" berth run --name bad/name busybox true
says "its state by name" running berth inspect --format '{{.State.Status}}' one
says "its state by a prefix of the id" running berth inspect --format '{{.State.Status}}' "${cid:0:6}"
t "removed by force" berth rm -f one
fails "then unknown" 1 "berth: *one*" berth inspect one
berth run --name kept --network none busybox sh -c 'exit 4' >/dev/null
says "without --rm it stays, and how it ended" 'exited 4' berth inspect --format '{{.State.Status}} {{.State.ExitCode}}' kept
is "ps does not show it" "$(berth ps -q)" ""
is "ps -a does" "$(berth ps -aq | wc -l)" 1
t "until it is removed" berth rm kept
is "nothing is left" "$(berth ps -aq)" ""
is "no folder" "$(ls "$ROOT/containers" 2>/dev/null)" ""
