#!/bin/bash
# Commands as Docker's people know them: groups, other names, what is not there, waiting, events.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq strace
use_busybox
run_d() { berth run -d --network none "$@" >/dev/null || not_ok "a container starts: $*"; }

# ---- every command has its name in its group too
missing=''
for name in "container run" "container create" "container start" "container stop" "container restart" "container kill" \
	"container pause" "container unpause" "container wait" "container rm" "container remove" "container rename" "container ls" \
	"container list" "container ps" "container logs" "container exec" "container attach" "container cp" "container top" \
	"container stats" "container inspect" "container port" "container diff" "container update" "container prune" \
	"container commit" "container export" "container clone" "container cleanup" "image ls" "image list" "image rm" "image remove" "image pull" "image push" \
	"image load" "image save" "image import" "image tag" "image history" "image inspect" "image prune" \
	"image untag" "image tree" "image diff" "image mount" "image unmount" "image umount" "manifest inspect" "manifest create" "manifest add" "manifest annotate" "manifest remove" \
	"manifest push" "manifest rm" "manifest exists" \
	"network create" "network ls" "network list" "network inspect" "network rm" "network remove" "network prune" \
	"network connect" "network disconnect" "network reload" "network update" "volume create" "volume ls" "volume list" "volume inspect" "volume rm" \
	"volume remove" "volume prune" "volume mount" "volume unmount" "volume reload" "secret create" "secret ls" "secret list" "secret inspect" "secret rm" "secret remove" \
	"system df" "system prune" "system info" "system events" "system check"; do
	# shellcheck disable=SC2086 # two words
	berth $name --help >"$T/one" 2>&1 || missing+=" $name"
	grep -q '^usage: berth' "$T/one" || missing+=" $name"
done
is "all are there" "$missing" ""
for group in container image network volume secret system; do
	like "berth $group lists its commands" "$(berth $group)" "usage: berth $group COMMAND*"
	fails "and knows no other" 125 "berth: unknown command: $group frob; see berth help $group" berth $group frob
done

fails "a word of a group, misspelt" 125 "berth: unknown command: volume inpsect (did you mean volume inspect?)" berth volume inpsect x

# ---- what is not there: status 1, the nearest name; for what runs a command 125
run_d --name webserver busybox sleep 1000
wrong=''
for c in "logs" "inspect" "stop" "start" "rm" "why" "top" "port" "kill" "wait" "pause" "unpause" "diff" "attach" "update" "restart" \
	"export" "commit" "stats --no-stream" "container inspect"; do
	# shellcheck disable=SC2086
	run berth $c webservr
	[ "$rc" = 1 ] || wrong+=" $c($rc)"
	[ "$c" = inspect ] || grep -q '^berth: no such container: webservr (did you mean webserver?)$' "$T/.err" || wrong+=" $c:$err"
done
is "unknown containers: 1, and a suggestion" "$wrong" ""
fails "exec" 125 "berth: no such container: webservr (did you mean webserver?)" berth exec webservr true
fails "rename" 1 "berth: no such container: webservr (*" berth rename webservr x
fails "cp" 1 "berth: no such container: webservr (*" berth cp webservr:/x "$T"
fails "nothing near" 1 "berth: no such container: qqqqqq" berth logs qqqqqq
for kind in volume network secret; do
	fails "$kind inspect" 1 "berth: no*$kind*nosuch*" berth $kind inspect nosuch
	run berth $kind rm nosuch
	is "$kind rm" "$rc" 1
done
t "rm -f of what is not there" berth rm -f nosuch
fails "a prefix of several ids" 1 "berth: *give more digits" sh -c "
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do '$BERTH' --root '$ROOT' create --network none busybox true >/dev/null; done
	exec '$BERTH' --root '$ROOT' rm \$('$BERTH' --root '$ROOT' ps -aq | cut -c1 | sort | uniq -d | head -n 1)"
berth container prune -f >/dev/null

# ---- whom podman's options mean: all, the one made last, a filter, a file with an id
run_d --name pick1 busybox sh -c "$nap"
run_d --name pick2 --label pick=2 busybox sh -c "$nap"
berth create --name pick3 --cidfile "$T/pick3" --network none busybox true >/dev/null
is "pause --all: those that run" "$(berth pause -a | wc -l)" 3
is "unpause --all" "$(berth unpause --all | wc -l)" 3
is "ps, inspect --latest" "$(berth ps -l --format '{{.Names}}') $(berth inspect -l -f '{{.Name}}') $(berth container inspect -l -f '{{.Name}}')" "pick3 /pick3 /pick3"
t "rm --cidfile" berth rm --cidfile "$T/pick3"
says "exec --latest" hi berth exec -l echo hi
t "top, port, logs, stats --latest" sh -c "
	'$BERTH' --root '$ROOT' top -l && '$BERTH' --root '$ROOT' port -l && '$BERTH' --root '$ROOT' logs -l && '$BERTH' --root '$ROOT' stats -l --no-stream"
t "stop --filter" berth stop -f label=pick=2
is "stops no other" "$(berth ps --filter name=pick --format '{{.Names}}')" pick1
is "start --all: those that do not run" "$(berth start --all | wc -l)" 1
is "restart --running" "$(berth restart -t 1 --running | wc -l)" 3
t "stop --ignore: what is not there" berth stop -i -t 0 nosuch pick1
t "rm --ignore --cidfile: a file that is not there" berth rm -i --cidfile "$T/nosuch"
fails "rm --cidfile: without it" 125 "berth: --cidfile: *$T/nosuch*" berth rm --cidfile "$T/nosuch"
fails "--all beside a name" 125 "berth: --all stands alone*" berth stop -a pick1
as_nobody() { env "${@:2}" setpriv --reuid 65534 --regid 65534 --clear-groups "$BERTH" --root "$1" ps; }
mkdir -m 700 "$T/roots"
fails "a root that is somebody else's" 125 "berth: *$T/roots*: Permission denied; run it as root, or say where *--root" as_nobody "$T/roots"
fails "no home" 125 "berth: HOME is not set; say where to keep the state with --root" as_nobody '' -u HOME -u BERTH_ROOT -u XDG_DATA_HOME
fails "nobody at all" 125 "berth: usage: berth stop [[]OPTION...] CONTAINER...; see berth help stop" berth stop
fails "one too many" 125 'berth: "extra" is one argument too many; usage: berth ps [[]OPTION...]; see berth help ps' berth ps extra
fails "help of a command has no second word" 125 "berth: help run x: run has no further commands" berth help run x
t "rm --force --time asks first" berth rm -f -t 10 pick2
run_d --rm --name brief busybox sleep 1000
berth rm -f -t 0 brief >/dev/null
is "one of --rm goes once" "$(berth events --since 1m --until 0s --filter type=container --filter event=destroy --format '{{.Actor.Attributes.name}}' | tail -n 2 | tr '\n' ' ')" "pick2 brief "
is "kill --all" "$(berth kill -a | wc -l)" 1
is "wait --latest" "$(berth wait -l)" 137
berth ps -aq | xargs "$BERTH" --root "$ROOT" wait >/dev/null # kill does not
t "rm --all" berth rm -a
fails "--latest of none" 125 "berth: --latest: there is no container" berth exec -l true
timeout 2 "$BERTH" --root "$ROOT" ps --watch 1 >"$T/watched"
isnt "ps --watch shows it again" "$(grep -c '^CONTAINER' "$T/watched")" 1
run_d --name webserver busybox sleep 1000

# ---- what berth has not says what there is instead
for command in init "container init" "container checkpoint" "volume update" "generate systemd" pod "kube play" compose build machine \
	"system reset" "system migrate" swarm unshare auto-update; do
	# shellcheck disable=SC2086 # two words
	fails "$command" 125 "berth: berth has no ${command%% *}*: ?*" berth $command
done

# ---- wait
# awaits CONDITION NAME CMD...: what wait says; CMD is run as soon as it is waiting
awaits() {
	local pid
	"$BERTH" --root "$ROOT" wait --condition "$1" "$2" >"$T/waited" 2>&1 &
	pid=$!
	until_true 10 waiting "$pid"
	"${@:3}" >/dev/null
	wait "$pid"
	cat "$T/waited"
}
waiting() { # PID: for a file, or by its supervisor's socket
	watches "$1" || readlink /proc/"$1"/fd/* | grep '^socket:'
}
berth create --name w --network none busybox sleep 1000 >/dev/null
is "created" "$(berth wait --condition created w)" created
is "wait --condition running waits" "$(awaits running w berth start w)" running
is "paused" "$(awaits paused w berth pause w)" paused
berth unpause w >/dev/null
is "stopped" "$(awaits stopped w berth kill w)" 137
is "removed: not before it is" "$(awaits removed w berth rm w; berth ps -aq --filter name='^w$')" 137
run_d --rm --name w2 busybox sh -c 'until [ -e /go ]; do sleep 0.1; done; exit 4'
is "of one with --rm" "$(awaits removed w2 berth exec w2 touch /go)" 4
fails "wait --interval" 125 "berth: --interval often: expected a time as 250ms" berth wait --interval often webserver
fails "another condition" 125 "berth: --condition odd: expected*" berth wait --condition odd webserver
fails "and two" 125 "berth: --condition stands once*" berth wait --condition running --condition stopped webserver
fails "a name that cannot be is refused before a pull" 125 "berth: container name *" berth run --name "a b" nowhere.example/image true

# ---- events
run_d --name ev busybox sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
berth exec ev true
berth pause ev >/dev/null; berth unpause ev >/dev/null
timeout 60 "$BERTH" --root "$ROOT" attach --no-stdin ev >/dev/null 2>&1 &
att=$!
until_true 10 sh -c "'$BERTH' --root '$ROOT' events --since 1m --until 0s --filter event=attach | grep -q ."
berth stop ev >/dev/null
wait "$att"
berth rm ev >/dev/null
actions() { berth events --since 1m --until 0s --format '{{.Action}}' "$@" | tr '\n' ' '; }
is "a container's life" "$(actions --filter container=ev)" "create start exec_start exec_die pause unpause attach die stop destroy "
is "in the words of Docker's templates" "$(berth events --since 1m --until 0s --filter container=ev --filter event=start --format 'Type={{.Type}} Status={{.Status}} ID={{.ID}} {{.From}} {{.Name}} {{.Actor.Attributes.name}}')" \
	"Type=container Status=start ID=$(berth events --since 1m --until 0s --filter container=ev --filter event=start --format json | jq -r .Actor.ID) busybox ev ev"
is "--stream=false: what there was, and no waiting" "$(timeout 60 "$BERTH" --root "$ROOT" events --stream=false --filter container=ev --filter event=start --format '{{.Name}}')" ev
t "times, too" sh -c "[ \$('$BERTH' --root '$ROOT' events --since 1m --until 0s --filter event=start --format '{{.Time}}' | head -n 1) -gt 1000000000 ]"
is "one kind of them" "$(actions --filter container=ev --filter event=exec)" "exec_start exec_die "
is "two kinds" "$(actions --filter container=ev --filter event=die --filter event=create)" "create die "
is "with the exit code" "$(berth events --since 1m --until 0s --filter container=ev --filter event=die --format json | jq -r .Actor.Attributes.exitCode)" 3
berth volume create evol >/dev/null; berth volume rm evol >/dev/null
is "volumes" "$(actions --filter volume=evol)" "create destroy "
is "by type" "$(actions --filter type=volume)" "create destroy "
fails "an unknown filter" 125 "berth: --filter nosuch=1: expected*" berth events --filter nosuch=1 --until 0s
"$BERTH" --root "$ROOT" events --filter container=live --format '{{.Action}}' >"$T/live" &
pid=$!
until_true 10 watches "$pid"
berth run --rm --name live --network none busybox true
t "and as they come" until_true 10 grep -q destroy "$T/live"
kill "$pid"; wait "$pid" 2>/dev/null
is "all of it" "$(tr '\n' ' ' <"$T/live")" "create start die destroy "

# two find the file full: one of them makes a new one, and the late one does not put that in its place
yes '{"time":1,"timeNano":1,"Type":"volume","Action":"create","Actor":{"ID":"filler","Attributes":{}}}' | head -n 12000 >"$ROOT/events"
strace -o "$T/trace" -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:delay_enter=1500000 \
	"$BERTH" --root "$ROOT" volume create full1 >/dev/null &
late=$!
until_true 10 grep -q '"full1"' "$ROOT/events"
berth volume create full2 >/dev/null
berth volume create full3 >/dev/null
wait "$late"
is "a full file of events is kept" "$(grep -c filler "$ROOT/events.1")" 12000
is "and none is lost" "$(cat "$ROOT/events.1" "$ROOT/events" 2>/dev/null | grep -c '"full[123]"')" 3

# ---- two that change one container: the second waits, and what the first has changed stays
slowly() { # CMD...: which takes a while before what it writes is in its place
	strace -o "$T/trace" -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:delay_enter=1000000 \
		"$BERTH" --root "$ROOT" "$@" >/dev/null &
	late=$!
	until_true 10 eval '[ -n "$(find "$ROOT/containers" -name ".tmp-*")" ]'
}
berth create --name both --network none busybox true >/dev/null
slowly update --restart always both
t "rename beside update" berth rename both two
wait "$late"
is "both were done" "$(berth inspect -f '{{.Name}} {{.HostConfig.RestartPolicy.Name}}' two)" "/two always"
id=$(berth inspect -f '{{.Id}}' two)
ln -s "$id" "$ROOT/names/three"
t "rename to a name that a killed rename has left" berth rename two three
t "it is removed" berth rm three
is "its names are gone" "$(find "$ROOT/names" -name both -o -name two -o -name three)" ""

# ---- pause beside everything that starts and ends: no birth is left frozen for its maker to wait for
berth create --name busy --network none --restart always busybox sleep 1000 >/dev/null
end=$((SECONDS + 5))
again() {
	while [ $SECONDS -lt $end ]; do
		timeout 40 "$BERTH" --root "$ROOT" "$@" >/dev/null 2>&1
		[ $? != 124 ] || echo "$*"
	done
}
late=()
for command in start "stop -t 0" "restart -t 0" kill pause unpause; do
	# shellcheck disable=SC2086 # words
	again $command busy >>"$T/late" &
	late+=($!)
done
wait "${late[@]}"
is "none waits for ever" "$(cat "$T/late")" ""
berth unpause busy >/dev/null 2>&1
t "and it can be stopped" timeout 40 "$BERTH" --root "$ROOT" stop -t 0 busy
t "and started" timeout 40 "$BERTH" --root "$ROOT" start busy
t "and removed" berth rm -f busy

# ---- what is in a volume, as an archive
berth run --rm --network none -v av:/v busybox sh -c 'echo one >/v/a; chown 7:8 /v/a; mkdir /v/d; ln -s ../a /v/d/l'
t "volume export" berth volume export av -o "$T/av.tar"
berth volume create bv >/dev/null
t "volume import" berth volume import bv "$T/av.tar"
is "it is what it was" "$(berth run --rm --network none -v bv:/v busybox sh -c 'cd /v; cat a; stat -c %u:%g a; readlink d/l' | tr '\n' ' ')" "one 7:8 ../a "
t "by pipes" sh -c "'$BERTH' --root '$ROOT' volume export av | gzip | '$BERTH' --root '$ROOT' volume import bv -"
berth volume create --opt type=tmpfs --opt device=tmpfs tv >/dev/null
fails "not what is mounted for containers only" 125 "berth: volume tv is mounted for containers only*" berth volume export tv -o "$T/tv.tar"
fails "nor what is not there" 1 "berth: no such volume: nosuch" berth volume import nosuch "$T/av.tar"

# ---- delegate
sleep 1000 &
pid=$!
uid=$((70000 + $$ % 10000))
t "delegate gives a user a subtree, and takes a process in" berth delegate "$uid" "$pid"
like "which is there" "$out" "berth-user/$uid"
is "it is the user's" "$(stat -c %u "$CGROUP2/berth-user/$uid")" "$uid"
like "the process is in it" "$(cat "/proc/$pid/cgroup")" "*0::*/berth-user/$uid/init*"
fails "not while there is one in it" 125 "berth: cgroup berth-user/$uid still holds processes" berth delegate --remove "$uid"
kill "$pid"; wait "$pid" 2>/dev/null
t "--remove" berth delegate --remove "$uid"
is "it is gone" "$([ -e "$CGROUP2/berth-user/$uid" ] && echo there)" ""
fails "an unknown user" 125 "berth: no such user: nobodyhere" berth delegate nobodyhere

# ---- stats: who comes and who goes
"$BERTH" --root "$ROOT" stats --interval 100ms --format '{{.Name}}' >"$T/live" &
pid=$!
t "stats shows who runs" until_true 10 grep -q webserver "$T/live"
run_d --name newcomer busybox sleep 1000
t "and who comes later" until_true 10 grep -q newcomer "$T/live"
berth rm -f newcomer >/dev/null
gone() { : >"$T/live"; sleep 0.5; grep -q webserver "$T/live" && ! grep -q newcomer "$T/live"; }
t "and not who is gone" until_true 10 gone
kill "$pid"; wait "$pid" 2>/dev/null
is "why, of one that runs" "$(berth why webserver)" "webserver: it is running"

# ---- version, info
is "version --format json" "$(berth version --format json | jq -r '.Version // .Client.Version' | grep -c '^[0-9]')" 1
like "version --format TEMPLATE" "$(berth version --format '{{.Client.Version}}')" "[0-9]*"
is "info --format" "$(berth info --format '{{.ContainersRunning}}')" 1
is "info as JSON" "$(berth info --format json | jq .Containers)" 1
is "ps --filter" "$(berth ps -a --filter status=running --filter name=web --format '{{.Names}}')" webserver
like "top" "$(berth top webserver)" "*sleep 1000*"
is "others are not shown, however ps is asked" "$(for o in aux -ef -x; do
	# shellcheck disable=SC2086
	berth top webserver $o | grep -c .; done | sort -u)" 2
fails "update changes limits, not which devices there are" 125 "berth: unknown option --device-cgroup-rule*" \
	berth update --device-cgroup-rule "c 42:* rmw" webserver
like "top with ps's options" "$(berth top webserver -o pid,comm)" "*PID COMMAND*sleep*"

# ---- a result that cannot be written is none
berth run --name said --network none busybox echo said >/dev/null
wrong=''
for c in images "ps -a" info version help "help run" "history busybox" "inspect busybox" "inspect said" "logs said" "why said" \
	"system df" "network ls" "volume ls" "manifest inspect busybox" "save busybox" "export said" "diff said" \
	"load -q -i $T/busybox.oci" "wait said" "run --rm --network none busybox echo hi"; do
	for to in closed full; do
		# shellcheck disable=SC2086
		case $to in closed) berth $c >&- 2>"$T/one";; full) berth $c >/dev/full 2>"$T/one";; esac
		[ "$?:$(grep -c '^berth: .*\(write\|pack\)' "$T/one")" = 125:1 ] || wrong+=" $to: $c ($(cat "$T/one"))"
	done
done
is "who cannot say what came out says so" "$wrong" ""
