#!/bin/bash
# volume, secret, system df, prune: what stays beside containers, and how it goes.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq
use_busybox

# ---- volumes
says "a volume" one berth volume create one
says "making it twice is fine" one berth volume create one
says "with labels" two berth volume create --label a=b --label c two
anon=$(berth volume create)
is "without a name it gets one" "${#anon}" 64
fails "a bad name" 125 "berth: volume name*" berth volume create a/b
fails "an unknown driver" 125 "berth: --driver x*" berth volume create -d x y
fails "an unknown option" 125 "berth: --opt x*" berth volume create -o x=y y
fails "half of them" 125 "berth: --opt*type*device*" berth volume create -o type=tmpfs y
fails "another one of that name" 125 "berth: *exists already*" berth volume create -o type=tmpfs -o device=tmpfs one
like "volume ls" "$(berth volume ls)" "DRIVER *VOLUME NAME*local *one*local *two*"
is "-q" "$(berth volume ls -q --filter name=o | tr '\n' ' ')" "one two "
is "by label" "$(berth volume ls -q --filter label=a=b)" two
is "by two" "$(berth volume ls -q --filter label=a=b --filter label=x)" ""
is "a template" "$(berth volume ls --filter name=two --format '{{.Name}} {{.Labels}}')" "two a=b,c="
berth create --name user --network none -v one:/data busybox true >/dev/null
is "dangling" "$(berth volume ls -q --filter dangling=false)" one
fails "one in use stays" 1 "berth: volume one is in use by container user" berth volume rm one
fails "one that is not there" 1 "berth: no such volume: x" berth volume rm x
t "which is no error with -f" berth volume rm -f x
fails "--time of no number" 125 "berth: --time x: expected seconds, or -1" berth volume rm -f -t x one
t "volume exists" berth volume exists one
ends "or not" 1 berth volume exists x
like "prune takes anonymous ones" "$(berth volume prune -f)" "*$anon*Total reclaimed space: *"
is "named ones stay" "$(berth volume ls -q | tr '\n' ' ')" "one two "
like "--dry-run" "$(berth volume prune -a --dry-run)" "Volumes that would go:?two*"
like "--all takes those too that nobody has" "$(berth volume prune -af)" "Deleted Volumes:?two*"
is "but not one that somebody has" "$(berth volume ls -q)" one

berth run -d --name owner --network none -v /data busybox sh -c 'echo dear >/data/f; sleep 1000' >/dev/null
until_true 10 berth exec owner test -s /data/f
berth run -d --name guest --network none --volumes-from owner busybox sleep 1000 >/dev/null
t "rm -v of one whose volume another has, too" berth rm -f -v owner
says "leaves it to that" dear berth exec guest cat /data/f
t "and with the last one" berth rm -f -v guest
is "it goes" "$(berth volume ls -q)" one
berth create --name taken --network none busybox true >/dev/null
fails "a name that is taken" 125 "berth: the name \"taken\" is in use*" berth create --name taken --network none -v /data busybox true
echo x >"$T/cid"
fails "an id file that is there" 125 "berth: write */cid: File exists" berth run --cidfile "$T/cid" --name cid --network none -v /data busybox true
is "leave no volume" "$(berth volume ls -q)" one
is "and no container" "$(berth ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" "taken user "
berth rm taken >/dev/null
made=()
for i in $(seq 40); do berth create --name "made$i" --network none -v "new$((i % 5)):/x" busybox true >/dev/null 2>>"$T/made" & made+=($!); done
for i in "${made[@]}"; do wait "$i"; done
is "forty that want five new volumes at once get them" "$(cat "$T/made"; berth volume ls -q --filter name=^new | tr '\n' ' ')" "new0 new1 new2 new3 new4 "
berth rm $(seq -f made%g 40) >/dev/null
rm -r "$ROOT/volumes/new0"
ends "one that is not there any more is made again" 0 berth run --rm --network none -v new0:/x busybox test -d /x
berth volume rm new0 new1 new2 new3 new4 >/dev/null

berth volume create -o type=tmpfs -o device=tmpfs -o o=size=5m,mode=1777 small >/dev/null
like "a volume of type tmpfs" "$(berth run --rm --network none -v small:/t busybox grep ' /t ' /proc/mounts)" "tmpfs /t tmpfs *size=5120k*"
berth run -d --name mem1 --network none -v small:/t busybox sh -c 'echo first >/t/f; sleep 1000' >/dev/null
until_true 10 berth exec mem1 test -s /t/f
berth run -d --name mem2 --network none -v small:/other busybox sleep 1000 >/dev/null
says "it is one for all that have it" first berth exec mem2 cat /other/f
says "read-only where it is so" ro berth run --rm --network none -v small:/x:ro busybox sh -c 'cat /x/f >/dev/null && touch /x/g 2>/dev/null || echo ro'
berth rm -f mem1 >/dev/null
says "and stays while one has it" first berth exec mem2 cat /other/f
berth rm -f mem2 >/dev/null
is "then it begins anew" "$(berth run --rm --network none -v small:/t busybox ls /t)" ""
for i in 1 2 3 4 5 6; do berth run -d --name "at$i" --network none -v small:/t busybox sh -c "echo $i >/t/$i; sleep 1000" >/dev/null & starts[i]=$!; done
for i in 1 2 3 4 5 6; do wait "${starts[$i]}"; done
sees_all() { [ "$(berth exec "at$1" ls /t | tr '\n' ' ')" = "1 2 3 4 5 6 " ]; }
t "six that start at once share one" until_true 10 sees_all 1
t "all of them" eval 'sees_all 2 && sees_all 3 && sees_all 4 && sees_all 5 && sees_all 6'
is "the host has no mount of it" "$(grep -c small /proc/self/mountinfo)" 0
berth rm -f at1 at2 at3 at4 at5 at6 >/dev/null
mkdir "$T/shared"
echo hello >"$T/shared/file"
berth volume create -o type=none -o o=bind -o device="$T/shared" bound >/dev/null
says "one that is a folder of the host" hello berth run --rm --network none -v bound:/b busybox cat /b/file
ends "read-only" 1 berth run --rm --network none -v bound:/b:ro busybox touch /b/new
t "and it goes without its files" berth volume rm bound small
is "which stay" "$(cat "$T/shared/file")" hello

# ---- secrets
make_secret() { printf 'hunter2' | "$BERTH" --root "$ROOT" secret create "$@"; }
t "a secret from standard input" make_secret pw
fails "its name is taken" 125 "berth: *pw*exists*" make_secret pw
t "but may be replaced" make_secret --replace pw
printf 'from a file' >"$T/file"
t "from a file" berth secret create key "$T/file"
is "secret ls" "$(berth secret ls --format '{{.Name}}' | tr '\n' ' ')" "key pw "
is "inspect says how much, and not what" "$(berth secret inspect pw | jq -c '.[0]|[.Spec.Name,.Size]')" '["pw",7]'
unlike "indeed" "$(berth secret inspect pw; berth secret ls)" "*hunter2*"
says "a container has it" hunter2 berth run --rm --network none --secret pw busybox cat /run/secrets/pw
t "rm" berth secret rm pw key
is "then there is none" "$(berth secret ls -q)" ""
fails "one that is not there" 1 "berth: no such secret: pw" berth secret rm pw
empty() { "$BERTH" --root "$ROOT" secret create none </dev/null; }
fails "an empty one" 125 "berth: secret none: it is empty" empty
for i in 1 2 3 4; do
	made=()
	for _ in 1 2 3 4 5 6; do make_secret "once$i" >>"$T/once" 2>/dev/null & made+=($!); done
	wait "${made[@]}"
done
is "of six that make the same one at once, one does" "$(wc -l <"$T/once")" 4

# ---- system
berth run -d --name runs --network none busybox sh -c 'head -c 5000 /dev/zero >/file; sleep 1000' >/dev/null
until_true 10 berth exec runs test -s /file
like "system df" "$(berth system df)" "TYPE *TOTAL *ACTIVE *SIZE *RECLAIMABLE*Images *1 *1 *Containers *2 *1 *5kB*Local Volumes *1 *1*"
is "in JSON" "$(berth system df --format json | jq -r .Type | tr '\n' ' ')" "Images Containers Logs Local Volumes "
like "each of them" "$(berth system df -v)" "Images space usage*Containers space usage*Volumes space usage*one *1 *"
like "info" "$(berth info)" "*Containers: 2* Running: 1*Images: 1*"
is "a part of it" "$(berth info --format '{{.ContainersRunning}} {{.Driver}} {{.CgroupVersion}}')" "1 overlay 2"
like "version" "$(berth version --format '{{.Client.Version}} {{.Server.Version}}')" "*.*.* *.*.*"
like "--dry-run says what would go" "$(berth system prune --dry-run --volumes)" "Containers that would go:?*Total reclaimable space: *"
is "and leaves it" "$(berth ps -aq | wc -l)" 2
is "a label that it has not" "$(berth container prune -f --filter label=x >/dev/null; berth ps -aq | wc -l)" 2
is "until=0 is 1970, not no filter" "$(berth container prune -f --filter until=0 >/dev/null; berth image prune -af --filter until=0 >/dev/null; berth ps -aq | wc -l; berth images -q | wc -l)" $'2\n1'
like "container prune" "$(berth container prune -f)" "Deleted Containers:*Total reclaimed space: *"
is "what runs stays" "$(berth ps -a --format '{{.Names}}')" runs
is "and its volume's name is free" "$(berth volume ls -q --filter dangling=true)" one
# two of which one cannot be emptied: the other goes all the same, and the command says which stays
for v in aa bb; do berth volume create --label odd $v >/dev/null; done
mkdir "$ROOT/volumes/aa/_data/busy" && mount -t tmpfs none "$ROOT/volumes/aa/_data/busy"
fails "prune of one that does not go" 125 "berth: volume aa *: something is mounted in _data: *" berth volume prune -af --filter label=odd
is "the other goes" "$(ls -d "$ROOT"/volumes/*bb "$ROOT"/volumes/.*bb 2>/dev/null)" ""
umount "$ROOT"/volumes/*aa/_data/busy 2>/dev/null || umount "$ROOT"/volumes/.*aa/_data/busy
t "volume prune again" berth volume prune -af --filter label=odd
is "it is gone" "$(find "$ROOT/volumes" -name "*aa")" ""
berth rm -f runs >/dev/null
berth volume create >/dev/null
t "system prune takes it all" berth system prune -af --volumes
is "images" "$(berth images -q)" ""
is "containers" "$(berth ps -aq)" ""
is "anonymous volumes, not named ones" "$(berth volume ls -q)" one
