#!/bin/bash
# Restart policies, health, time limits, boot and shutdown, why it ended.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq
use_busybox
field() { berth inspect -f "{{.$2}}" "$1"; }
run_d() { berth run -d --network none "$@" >/dev/null || not_ok "a container starts: $*"; }

# ---- restart
run_d --name r3 --restart on-failure:3 busybox false
tries() { [ "$(field r3 RestartCount)" = 3 ] && [ "$(field r3 State.Status)" = exited ]; }
t "on-failure:3 tries three times more" until_true 10 tries
run_d --name r0 --restart on-failure busybox true
sleep 0.5
is "on-failure leaves alone what ended well" "$(field r0 RestartCount)" 0
run_d --name always --restart always busybox sh -c 'echo started; exit 0'
four() { [ "$(berth logs always | wc -l)" -ge 4 ]; }
t "always starts what ended well, too" until_true 10 four
berth logs -t always | cut -d" " -f1 | while read -r at; do date -d "$at" +%s%N; done >"$T/starts"
gaps=$(awk 'NR > 1 { print int(($1 - last) / 1000000) } { last = $1 }' "$T/starts" | head -n 3 | tr '\n' ' ')
read -r g1 g2 g3 <<<"$gaps"
if [ "$g1" -ge 95 ] && [ "$g2" -ge 195 ] && [ "$g3" -ge 395 ]; then
	ok "the delay doubles: 100, 200, 400 ms ($gaps)"
else
	not_ok "the delay doubles: 100, 200, 400 ms" "$gaps"
fi
t "stop ends it for good" berth stop -t 1 always
sleep 0.5
is "it stays so" "$(field always State.Status)" exited
t "update changes the policy" berth update --restart no always
fails "to one that there is" 1 "berth: --restart on-failure:x: expected no, on-failure*" berth update --restart on-failure:x always
is "as run" "$(berth update --restart on-failure:3 always) $(berth inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' always)" "always on-failure 3"
berth update --restart no always >/dev/null
is "it is recorded" "$(field always HostConfig.RestartPolicy.Name)" no
t "they are removed" berth rm -f r3 r0 always

# ---- health
run_d --name h --health-cmd false --health-interval 1h busybox sleep 1000
is "at first it is starting" "$(field h State.Health.Status)" starting
berth rm -f h >/dev/null
run_d --name h --health-cmd 'test -e /ok' --health-interval 200ms --health-retries 2 busybox sleep 1000
unhealthy() { [ "$(field h State.Health.Status)" = unhealthy ]; }
t "then unhealthy" until_true 10 unhealthy
berth exec h touch /ok
t "wait --condition healthy" timeout 60 "$BERTH" --root "$ROOT" wait --condition healthy h
like "ps shows it" "$(berth ps)" "*(healthy)*"
t "healthcheck run" berth healthcheck run h
run_d --name hk --health-cmd false --health-interval 100ms --health-retries 1 --health-on-failure kill busybox sleep 1000
is "--health-on-failure kill" "$(timeout 60 "$BERTH" --root "$ROOT" wait hk)" 137
like "why says so" "$(berth why hk)" "*health check*"
run_d --name hp --health-cmd false --health-interval 100ms --health-retries 1 --health-start-period 1h busybox sleep 1000
sleep 0.6
is "failures in the start period do not count" "$(field hp State.Health.Status)" starting
run_d --name hr --health-cmd false --health-interval 100ms --health-retries 1 --health-on-failure restart --stop-timeout 0 busybox sleep 1000
again() { [ "$(field hr RestartCount)" -ge 1 ]; }
t "--health-on-failure restart" until_true 15 again
run_d --name hs --health-cmd 'test ! -e /up' --health-interval 100ms --health-retries 1 --health-on-failure stop --restart always \
	busybox sh -c 'trap "exit 6" TERM; touch /up; while :; do sleep 0.1; done'
is "--health-on-failure stop, by its signal" "$(timeout 60 "$BERTH" --root "$ROOT" wait hs)" 6
sleep 0.3
is "and it is not started again" "$(field hs State.Status)" exited
run_d --name hl --health-cmd 'echo checked; exit 4' --health-interval 100ms --health-retries 1000 busybox sleep 1000
five() { [ "$(berth inspect hl | jq '.[0].State.Health.Log | length')" = 5 ]; }
t "inspect has the last five results" until_true 15 five
is "with what they said" "$(berth inspect hl | jq -c '.[0].State.Health.Log[0] | [.Output, .ExitCode]')" '["checked\n",4]'
# ---- the check of the start
run_d --name su --health-cmd 'echo ordinary; test -e /ok' --health-interval 100ms --health-retries 1 \
	--health-startup-cmd 'echo startup; test -e /started' --health-startup-interval 100ms --health-startup-success 2 busybox sleep 1000
said() { berth inspect su | jq -r '.[0].State.Health.Log[].Output' | sort -u | tr -d '\n'; }
t "the startup check runs" until_true 15 eval '[ "$(said)" = startup ]'
streak() { [ "$(field su State.Health.FailingStreak)" -ge "$1" ]; }
t "it fails" until_true 15 streak 3
is "more often than the other check may: still starting" "$(field su State.Health.Status),$(said)" starting,startup
berth exec su touch /started
t "when it has passed the ordinary one runs, which counts" until_true 15 eval '[ "$(field su State.Health.Status)" = unhealthy ]'
t "and is the only one" until_true 15 eval '[ "$(said)" = ordinary ]'
berth exec su touch /ok
t "healthy at last" timeout 60 "$BERTH" --root "$ROOT" wait --condition healthy su
is "inspect has it" "$(berth inspect su | jq -c '.[0].Config.StartupHealthCheck')" '{"Test":["CMD-SHELL","echo startup; test -e /started"],"Interval":100000000,"Successes":2}'
run_d --name sr --health-cmd true --health-startup-cmd false --health-startup-interval 100ms --health-startup-retries 2 --stop-timeout 5 \
	busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.05; done'
again() { [ "$(field sr RestartCount)" -ge 2 ]; }
t "a start that never passes: it is restarted, whatever its exit status" until_true 20 again
t "until somebody stops it" berth stop sr
is "for good" "$(field sr State.Status)" exited
fails "--health-startup-retries alone" 125 "berth: --health-startup-retries goes with --health-startup-cmd" berth run --health-cmd true --health-startup-retries 1 busybox true
fails "--health-startup-cmd without a check" 125 "berth: --health-startup-cmd: there is no health check*" berth run --health-startup-cmd true busybox true
run_d --name hm --health-cmd 'printf %0100d 7' --health-interval 100ms --health-max-log-count 7 --health-max-log-size 30 busybox sleep 1000
seven() { [ "$(berth inspect hm | jq '.[0].State.Health.Log | length')" = 7 ]; }
t "--health-max-log-count" until_true 20 seven
sleep 0.5
t "and no more" seven
is "--health-max-log-size" "$(berth inspect hm | jq -r '.[0].State.Health.Log[0].Output')" 000000000000000000000000000000
is "inspect has both" "$(berth inspect hm | jq -c '.[0].Config | [.HealthMaxLogCount, .HealthMaxLogSize]')" '[7,30]'
fails "a count that is none" 125 "berth: --health-max-log-count 0: expected a number from 1 to 100" berth run --health-cmd true --health-max-log-count 0 busybox true
mkdir "$T/health"
run_d --name hd --health-cmd '["cat","/etc/greeting"]' --health-interval 100ms --health-log-destination "$T/health" busybox sleep 1000
is "--health-cmd as a list" "$(berth inspect hd | jq -c '.[0].Config.Healthcheck.Test')" '["CMD","cat","/etc/greeting"]'
kept=$T/health/$(berth inspect -f '{{.Id}}' hd)-healthcheck.log
t "--health-log-destination: a file in that folder" until_true 20 eval '[ "$(jq -r ".Log | length" "$kept")" = 5 ]'
is "says the same as inspect" "$(jq -c '.Log[0] | [.ExitCode, .Output]' "$kept")" "$(berth inspect hd | jq -c '.[0].State.Health.Log[0] | [.ExitCode, .Output]')"
is "inspect says where" "$(berth inspect hd | jq -r '.[0].Config.HealthLogDestination')" "$T/health"
mv "$T/health" "$T/elsewhere"
run berth healthcheck run hd
is "that the folder is gone is no fault of the container" "$rc $(grep -c '^berth: warning: health log: .*No such file' <<<"$err") $(field hd State.Health.Status)" "0 1 healthy"
run_d --name he --health-cmd '[ -e /etc/greeting ] && echo fine' --health-interval 1h --health-log-destination events_logger busybox sleep 1000
t "what begins so may be a command of the shell" berth healthcheck run he
like "events_logger: an event each" "$(berth events --since 10m --until 0s --filter event=health_log --filter container=he)" "* container health_log *exitCode=0*output=fine*"
fails "a destination that is none" 125 "berth: --health-log-destination $T/nosuch: expected local, events_logger or a folder that is there" berth run --health-cmd true --health-log-destination "$T/nosuch" busybox true
t "they are removed" berth rm -f h hk hp hr hs hl su sr hm hd he

# ---- what restarts all the time obeys in whatever moment it is met
wrong=''
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	run_d --name "busy$i" --restart always busybox true
done
sleep 0.2
for i in 1 2 3 4 5 6; do berth stop -t 0 "busy$i" >/dev/null || wrong+=" stop$i"; sleep 0.0$i; done
for i in 7 8 9 10 11 12; do berth rm -f "busy$i" >/dev/null || wrong+=" rm$i"; sleep 0.03; done
sleep 0.5
is "stop and rm -f do" "$wrong$(berth ps -q)" ""
t "they are removed" berth rm busy1 busy2 busy3 busy4 busy5 busy6

# ---- times
timed() { local b; b=$(date +%s%N); run berth "$@"; ms=$((($(date +%s%N) - b) / 1000000)); }
timed run --rm --network none --timeout 500ms --stop-timeout 1 busybox sleep 1000
case $ms in [5-9]??|[1-9]???) ok "at the time given";; *) not_ok "at the time given" "$ms";; esac
run_d --name to --timeout 300ms --stop-timeout 1 busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.05; done'
berth wait to >/dev/null
like "why names the time limit" "$(berth why to)" "*--timeout*"
run_d --name idle --idle-timeout 3s --stop-timeout 1 busybox sh -c 'trap "exit 0" TERM; for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.5; done; while :; do sleep 0.05; done'
berth wait idle >/dev/null
is "--idle-timeout waits while it writes" "$(berth logs idle | wc -l)" 8
like "why names it" "$(berth why idle)" "*idle-timeout*"
run_d --name cpu --cpu-time 1s --stop-timeout 1 busybox sh -c 'while :; do :; done'
berth wait cpu >/dev/null
like "--cpu-time" "$(berth why cpu)" "*CPU time*"
t "they are removed" berth rm to idle cpu

# ---- why
run_d --name w busybox sh -c 'echo last words; exit 3'
berth wait w >/dev/null
like "why: its own exit, and its last lines" "$(berth why w)" "w: *exited with 3 (exit code 3)*last words"
run_d --name k busybox sleep 1000
berth kill k >/dev/null; berth wait k >/dev/null
like "why: who killed it" "$(berth why k)" "*killed by signal KILL, asked for by uid 0*"
is "why as JSON" "$(berth why --format json k | jq -r '.reason, .exitCode')" $'killed\n137'
run_d --name sv busybox sleep 1000
kill -9 "$(sed -n 's/^supervisor //p' "$ROOT/containers/$(berth inspect -f '{{.Id}}' sv)/status")"
ends "its supervisor is killed: it goes with it" 0 until_true 10 sh -c "[ \"\$('$BERTH' --root '$ROOT' inspect -f '{{.State.Status}}' sv)\" = exited ]"
like "why: it says so" "$(berth why sv)" "*supervisor was killed*"
t "they are removed" berth rm w k sv

# ---- boot and shutdown
run_d --name b1 --restart always --boot-order 1 busybox sleep 1000
run_d --name b2 --restart unless-stopped --boot-order 2 busybox sleep 1000
run_d --name b3 --restart unless-stopped busybox sleep 1000
run_d --name b4 busybox sleep 1000
berth stop -t 0 b3 >/dev/null
is "shutdown stops all, last first" "$(berth shutdown -t 0 -j 1 | tr '\n' ' ')" "b2 b1 b4 "
is "none runs" "$(berth ps -q)" ""
like "why: it was the host's end" "$(berth why b1)" "*host was going down*"
rm -rf "$ROOT/run" # as a new boot finds it
is "boot --dry-run says which" "$(berth boot --dry-run | tr '\n' ' ')" "b1 b2 "
t "boot" berth boot
is "those run that should" "$(berth ps --format '{{.Names}}' | sort | tr '\n' ' ')" "b1 b2 "
berth rm -f b4 >/dev/null
run_d --name b0 --restart always --boot-order 0 --boot-delay 1 busybox sleep 1000
berth shutdown -t 0 >/dev/null
timed boot
if [ "$ms" -ge 1000 ]; then ok "--boot-delay: the next one waits ($ms ms)"; else not_ok "--boot-delay" "$ms ms"; fi
is "and all run" "$(berth ps -q | wc -l)" 3
t "it is removed" berth rm -f b0
# the examples for other inits: OpenRC's script with OpenRC's words, cron's line by a shell
for_root() { sed "s|/usr/local/bin/berth|'$BERTH' --root '$ROOT'|" "$TOP/examples/boot/$1"; }
openrc() { # start|stop
	sh -c "ebegin() { echo \"\$1\"; }; eend() { return \$1; }; $(for_root berth.openrc); $1"
}
t "OpenRC's stop" openrc stop
is "none runs" "$(berth ps -q)" ""
t "OpenRC's start" openrc start
is "they run again" "$(berth ps --format '{{.Names}}' | sort | tr '\n' ' ')" "b1 b2 "
berth shutdown -t 0 >/dev/null
t "cron's line" sh -c "$(for_root crontab | sed -n 's/^@reboot //p')"
is "they run again" "$(berth ps --format '{{.Names}}' | sort | tr '\n' ' ')" "b1 b2 "
t "they are removed" berth rm -f b1 b2 b3

# ---- update of limits, events
run_d --name ev busybox sleep 1000
t "pause" berth pause ev
like "ps says Paused" "$(berth ps)" "*(Paused)*"
fails "exec in a paused one" 125 "*paused*" berth exec ev true
t "unpause" berth unpause ev
t "rename" berth rename ev ev2
t "rm -f" berth rm -f ev2
is "events told it all" "$(berth events --since 1h --until 0s --filter container=ev --format json | jq -r .Action | tr '\n' ' ')" "create start pause unpause "
like "with the rest by id" "$(berth events --since 1h --until 0s --format json | jq -r .Action | tr '\n' ' ')" "*pause unpause rename*die*"
