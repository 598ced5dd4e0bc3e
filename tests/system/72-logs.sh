#!/bin/bash
# Logs: drivers, bounds, rotation under a follower, times.
# parallel: yes
. "$(dirname "$0")/lib.sh"
use_busybox
run_d() { berth run -d --network none "$@" >/dev/null || not_ok "a container starts: $*"; }
dir() { echo "$ROOT/containers/$(berth inspect -f '{{.Id}}' "$1")"; }

writer='i=0; while [ $i -lt 30000 ]; do echo "line $i and some more text to fill it"; i=$((i+1)); done'
# a follower that is further behind than the files there are would lose what is gone: the writer
# rests after each 1000 lines (42 KB) until those are read
mkdir "$T/read"
run_d --name rot --log-opt max-size=100k --log-opt max-file=3 -v "$T/read:/read" busybox sh -c \
	"${writer/i=\$((i+1));/i=\$((i+1)); [ \$((i % 1000)) != 0 ] || until [ -e /read/\$i ]; do sleep 0.02; done;}"
timeout 100 "$BERTH" --root "$ROOT" logs -f rot >"$T/followed" &
for i in {1000..30000..1000}; do
	until_true 5 eval '[ "$(wc -l <"$T/followed")" -ge $i ]'
	touch "$T/read/$i"
done
wait $!
is "logs -f loses nothing across rotations" "$(wc -l <"$T/followed")" 30000
is "and keeps the order" "$(awk '{ if ($2 != NR - 1) { print "line", NR; exit } }' "$T/followed")" ""
berth wait rot >/dev/null
files=$(cd "$(dir rot)" && ls log log.* | wc -l)
is "three files stay" "$files" 3
size=$(cd "$(dir rot)" && cat log log.* | wc -c)
if [ "$size" -lt 450000 ]; then ok "bounded: $size bytes"; else not_ok "bounded" "$size"; fi
run berth logs rot
like "logs show what is left, to the end" "$(tail -n 1 <<<"$out")" "line 29999 *"

run_d --name fast --log-opt max-size=20k --log-opt max-file=1000 --log-opt compress=true busybox sh -c "$writer"
(timeout 100 "$BERTH" --root "$ROOT" logs -f fast | { sleep 3; cat >"$T/late"; }) &
late=$!
timeout 100 "$BERTH" --root "$ROOT" logs -f fast >"$T/early"
wait "$late"
is "a hundred rotations with compression: each line once, in order" "$(awk '{ if ($2 != NR - 1) { print "line", NR; exit } } END { print NR }' "$T/early")" 30000
is "for one that reads late too" "$(cmp "$T/early" "$T/late" && echo same)" same
is "and for one that comes when all is over" "$(berth logs fast | cmp - "$T/early" && echo same)" same
berth restart -t 0 fast >/dev/null; berth wait fast >/dev/null
is "another life goes on with the numbers" "$(berth logs fast | wc -l)" 60000
run_d --name single --log-opt max-size=100k --log-opt max-file=1 busybox sh -c "$writer; touch /written; until [ -e /go ]; do sleep 0.1; done; echo the end"
{ until_true 30 berth exec single test -e /written; berth exec single touch /go; } &
like "one file alone: the follower goes on" "$(timeout 60 "$BERTH" --root "$ROOT" logs -f single | tail -n 1)" "the end"
is "one file is there" "$(cd "$(dir single)" && echo log*)" log
berth rm -f single fast >/dev/null

run_d --name gz --log-opt max-size=50k --log-opt max-file=4 --log-opt compress=true busybox sh -c "$writer; sleep 0.3"
berth wait gz >/dev/null
t "compressed files are there" until_true 5 sh -c "ls '$(dir gz)'/log.*.gz"
like "and read" "$(berth logs gz | tail -n 1)" "line 29999 *"

# a gzip that is done long after its file's turn to go
gzip=$(realpath "$(command -v gzip)")
cp "$gzip" "$T/gzip.real"
cat >"$T/gzip" <<SH
#!/bin/sh
echo >>'$T/gzips'
until [ -e '$T/gzip-goes-on' ]; do sleep 0.1; done
exec '$T/gzip.real' "\$@"
SH
chmod +x "$T/gzip"
# a rotation and more, then nothing until gzip is at one file more
piece='i=0; while [ $i -lt 1000 ]; do echo "line $i and some more text to fill it"; i=$((i+1)); done'
mkdir "$T/gate"
# shellcheck disable=SC2016
unshare -m sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$T/gzip" "$gzip" \
	"$BERTH" --root "$ROOT" run -d --name late --network none -v "$T/gate:/gate" --log-opt max-size=20k --log-opt max-file=3 --log-opt compress=true busybox sh -c "
	for n in 0 1 2 3 4; do
		until [ -e /gate/\$n ]; do sleep 0.1; done
		$piece
	done" >/dev/null
touch "$T/gate/0" "$T/gzips"
for n in 1 2 3 4; do
	touch "$T/gate/$n"
	until_true 20 eval '[ "$(wc -l <"$T/gzips")" -ge "$n" ]'
done
berth wait late >/dev/null
t "gzip is at more than two of them" eval '[ "$(wc -l <"$T/gzips")" -gt 2 ]'
touch "$T/gzip-goes-on"
t "in the end there are two, beside the last" until_true 10 eval '[ "$(cd "$(dir late)" && echo log.*.gz log.*[0-9] | wc -w)" = 2 ]'
t "the first of which is packed" until_true 10 sh -c "ls '$(dir late)'/log.*.gz"
t "and whole" sh -c "gzip -t '$(dir late)'/log.*.gz"
berth rm late >/dev/null

run_d --name js --log-driver json-file busybox sh -c 'echo "quo\"te"; printf "half"; echo err >&2'
berth wait js >/dev/null
is "json-file: lines of JSON" "$(jq -r .stream "$(dir js)/log" | sort | uniq -c | awk '{print $2 $1}' | tr '\n' ' ')" "stderr1 stdout2 "
is "json-file: read back" "$(berth logs js 2>/dev/null)" $'quo"te\nhalf'

run_d --name none --log-driver none busybox echo x
berth wait none >/dev/null
fails "none keeps none" 125 "berth: *keeps no log*" berth logs none
is "passthrough: the caller's own streams" "$(berth run --rm --network none --log-driver passthrough busybox sh -c 'echo direct')" direct
fails "an unknown driver" 125 "berth: --log-driver nosuch*" berth run --log-driver nosuch busybox true
fails "an unknown option" 125 "berth: --log-opt x=y*" berth run --log-opt x=y busybox true

# ---- what goes with each line, and where the lines lie
tagged=(--label env=test --label 'of=a b,c' -e WHO=me -e env=mine --log-opt "labels=of,nosuch" --log-opt "env=WHO,NOSUCH")
run_d --name at --log-driver json-file "${tagged[@]}" --log-opt tag='{{.Name}}' busybox echo x
berth wait at >/dev/null
is "json-file: labels and variables" "$(jq -c '.attrs' "$(dir at)/log")" '{"of":"a b,c","WHO":"me","tag":"at"}'
is "logs --details shows them" "$(berth logs --details at)" "WHO=me,of=a+b%2Cc,tag=at x"
like "behind the time" "$(berth logs --details -t at)" "20??-*Z WHO=me,of=a+b%2Cc,tag=at x"
is "inspect has the options" "$(berth inspect at | jq -c '.[0].HostConfig.LogConfig.Config | [.labels, .env]')" '["of,nosuch","WHO,NOSUCH"]'
run_d --name re --log-driver json-file --label com.a=1 --label com.b=2 --label org.c=3 -e MY_A=4 -e YOUR_A=5 --log-opt 'labels-regex=^com\.' --log-opt 'env-regex=^(MY|OUR)_' busybox echo x
t "it ends" berth wait re
is "labels-regex, env-regex" "$(jq -c '.attrs' "$(dir re)/log")" '{"com.a":"1","com.b":"2","MY_A":"4"}'
fails "one that is no expression" 125 "berth: --log-opt env-regex=(: not a regular expression" berth run --log-driver json-file --log-opt 'env-regex=(' busybox true
run_d --name both --log-driver json-file "${tagged[@]}" --log-opt env=env --log-opt labels=env busybox echo x
berth wait both >/dev/null
is "of a label and a variable of one name the variable counts" "$(jq -r .attrs.env "$(dir both)/log")" mine
fails "which another driver has no place for" 125 "berth: --log-opt labels=: log driver k8s-file has no place for it" berth run --rm "${tagged[@]}" busybox true
is "nor --details anything" "$(berth logs --details js 2>/dev/null)" $'quo"te\nhalf'
is "nobody sees them in the process list" "$(
	run_d --name hid --log-driver json-file "${tagged[@]}" busybox sleep 1000
	tr '\0' ' ' <"/proc/$(sed -n 's/^supervisor //p' "$(dir hid)/status")/cmdline" | grep -o 'a b,c')" ""
mkdir "$T/elsewhere"
run_d --name el --log-opt path="$T/elsewhere/my.log" --log-opt max-size=20k --log-opt max-file=3 --log-opt compress=true busybox sh -c "$writer"
berth wait el >/dev/null
t "path: the log is there" until_true 10 eval '[ "$(cd "$T/elsewhere" && echo *)" = "$(cd "$T/elsewhere" && echo my.log my.log.*.gz my.log.*[0-9])" ]'
is "and not with the container" "$(cd "$(dir el)" && echo log*)" 'log*'
like "it is read" "$(berth logs el | tail -n 1)" "line 29999 *"
like "by why, too" "$(berth why el)" "*line 29999 *"
is "inspect says where" "$(berth inspect -f '{{.LogPath}}' el)" "$T/elsewhere/my.log"
t "rm" berth rm el
t "leaves it" test -e "$T/elsewhere/my.log"
# others write there, too: what is not NAME.N or NAME.N.gz is theirs, and a FIFO keeps nobody waiting
mkdir "$T/shared" && mkfifo "$T/shared/my.log.1" "$T/shared/my.log.1.gz"
others=(my.log.2026-11-22 my.log.9223372036854775807 my.log.3.bak my.log.0)
(cd "$T/shared" && touch "${others[@]}")
run_d --name sh --log-opt path="$T/shared/my.log" --log-opt max-size=100k --log-opt max-file=100 busybox sh -c "$writer"
berth wait sh >/dev/null
is "beside other files: all that was written is read" "$(timeout 60 "$BERTH" --root "$ROOT" logs sh | grep -c '^line ')" 30000
is "they are still there" "$(cd "$T/shared" && ls "${others[@]}" | wc -l)" 4
is "and ours are numbered as if they were not" "$(cd "$T/shared" && ls my.log.[2-4])" $'my.log.2\nmy.log.3\nmy.log.4'
berth rm sh >/dev/null
fails "a folder that is not there" 125 "berth: --log-opt path=/nosuch/x: *No such file*" berth run --log-opt path=/nosuch/x busybox true
fails "a path that is none" 125 "berth: --log-opt path=x: expected the absolute path*" berth run --log-opt path=x busybox true
ln -s my.log "$T/elsewhere/link"
fails "a link" 125 "berth: --log-opt path=*: *no file" berth run --log-opt path="$T/elsewhere/link" busybox true
mv "$T/elsewhere" "$T/moved"
run_d --name gone --log-opt path="$T/moved/x" busybox true
berth wait gone >/dev/null
mv "$T/moved" "$T/again"
like "a folder that has gone: why says the rest" "$(berth why gone)" "gone: *exited with 0*"
fails "start says it" 1 "berth: log $T/moved/x: open its folder: *" berth start gone
t "mode=blocking is how it is" berth run --rm --network none --log-opt mode=blocking busybox true
fails "mode=non-blocking is the journal's" 125 "berth: --log-opt mode=non-blocking: *journald*" berth run --log-opt mode=non-blocking busybox true
fails "a mode that is none" 125 "berth: --log-opt mode=often: not a value*" berth run --log-opt mode=often busybox true
fails "max-buffer-size alone" 125 "berth: --log-opt max-buffer-size=1m: goes with*" berth run --log-driver journald --log-opt max-buffer-size=1m busybox true
fails "a label that no field of the journal can be named after" 125 "berth: --log-opt labels=message: *field of the journal" \
	berth run --log-driver journald --label message=x --log-opt labels=message busybox true
t "they are removed" berth rm -f at both hid gone

run_d --name tm busybox sh -c 'echo one; sleep 0.2; echo two'
berth wait tm >/dev/null
like "k8s-file: CRI lines" "$(head -n 1 "$(dir tm)/log")" "20??-??-??T??:??:??.?????????Z stdout F one"
first=$(berth logs -t tm | head -n 1 | cut -d' ' -f1)
second=$(berth logs -t tm | tail -n 1 | cut -d' ' -f1)
is "--since leaves out what was before" "$(berth logs --since "$second" tm)" two
is "--since a while ago" "$(berth logs --since 1h tm | tr '\n' ' ')" "one two "
is "or just now" "$(berth logs --since 0s tm)" ""
is "--until" "$(berth logs --until "$first" tm)" one
is "--tail 1" "$(berth logs --tail 1 tm)" two
is "-n 0" "$(berth logs -n 0 tm)" ""
is "--since a local time" "$(berth logs --since "$(date -d '1 hour ago' +%Y-%m-%dT%H:%M:%S)" tm | tr '\n' ' ')" "one two "
is "--until a day" "$(berth logs --until "$(date -d '2 days ago' +%Y-%m-%d)" tm)" ""
is "in a zone" "$(TZ=UTC-5 berth logs --since "$(TZ=UTC-5 date -d '1 hour ago' +%Y-%m-%dT%H:%M)" tm | tr '\n' ' ')" "one two "
fails "a day that is none" 125 "berth: --since 2026-02-31: expected*" berth logs --since 2026-02-31 tm
fails "a time that is none" 125 "berth: --since yesterday*" berth logs --since yesterday tm

# each of them goes on when what both have said was read
mkdir "$T/go"
for c in 1a 2b; do
	run_d --name "l${c%?}" -v "$T/go:/go" busybox sh -c "for i in 1 2 3; do echo ${c#?}\$i; until [ -e /go/\$i ]; do sleep 0.1; done; done"
done
timeout 100 "$BERTH" --root "$ROOT" logs -f --names l1 l2 >"$T/both" &
for i in 1 2 3; do
	until_true 5 eval 'grep -q a$i "$T/both" && grep -q b$i "$T/both"'
	touch "$T/go/$i"
done
wait $!
is "logs -f of two shows both as they come" "$(sort "$T/both" | tr '\n' ' ')" "l1 a1 l1 a2 l1 a3 l2 b1 l2 b2 l2 b3 "
isnt "not one after the other" "$(cut -c4 "$T/both" | tr -d '\n')" aaabbb
is "no colours where there is no terminal" "$(tr -d '[:print:]\n' <"$T/both" | wc -c)" 0
berth rm -f l1 l2 >/dev/null

# ---- a reader that stalls does not stall the container
run_d --name st busybox sh -c 'until [ -e /go ]; do sleep 0.1; done; yes | head -c 5000000; echo done >&2'
("$BERTH" --root "$ROOT" attach st | (until [ -e "$T/ended" ]; do sleep 0.1; done; cat >/dev/null)) >/dev/null 2>&1 &
stalled=$!
until_true 10 eval 'berth events --since 1m --until 0s --filter event=attach --filter container=st | grep -q .'
berth exec st touch /go
t "a reader that stalls does not stall the container" timeout 60 "$BERTH" --root "$ROOT" wait st
touch "$T/ended"
wait "$stalled"
t "they are removed" berth rm rot gz js none tm st
