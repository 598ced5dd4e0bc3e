#!/bin/bash
# Volumes, secrets, cp, diff, mount, read-only roots.
# parallel: yes
. "$(dirname "$0")/lib.sh"
use_busybox
run_n() { berth run --rm --network none "$@"; }

# ---- named
t "a named volume is made" run_n -v data:/data busybox sh -c 'echo kept >/data/f'
says "and kept" kept run_n -v data:/data busybox cat /data/f
ends "read-only" 1 run_n -v data:/data:ro busybox sh -c 'echo x >/data/f'
says "a volume is filled from the image at first" "$(run_n busybox ls /etc | tr '\n' ' ')" run_n -v etc:/etc busybox sh -c 'ls /etc | tr "\n" " "'
t "not again" run_n -v etc:/etc busybox rm /etc/greeting
ends "what was removed stays so" 1 run_n -v etc:/etc busybox test -e /etc/greeting
is "nocopy leaves it empty" "$(run_n -v nc:/srv:nocopy busybox ls /srv)" ""
is "volume ls" "$(berth volume ls -q | tr '\n' ' ')" "data etc nc "
fails "a volume in use is not removed" 1 "berth: *in use*" sh -c "
	'$BERTH' --root '$ROOT' create --name holder -v data:/d busybox true >/dev/null
	exec '$BERTH' --root '$ROOT' volume rm data"
berth rm holder >/dev/null
t "volume rm" berth volume rm data etc nc
berth volume create --uid 7 --gid 8 owned >/dev/null
berth volume create -o o=uid=9 half >/dev/null
is "volume create --uid, --gid: whose its top is, also when the image has something there" "$(run_n -v owned:/etc -v half:/new busybox sh -c 'stat -c %u:%g /etc /etc/greeting /new' | tr '\n' ' ')" "7:8 0:0 9:0 "
is "inspect says so" "$(berth volume inspect -f '{{json .Options}}' owned)" '{"uid":"7","gid":"8"}'
is "in a user namespace" "$(run_n --userns auto:size=100 -v owned:/etc busybox true; stat -c %u:%g "$ROOT/volumes/owned/_data")" 7:8
is "it is a folder still" "$(berth volume mount owned) $(berth volume export owned | tar -t | grep -c greeting)" "$ROOT/volumes/owned/_data 1"
fails "an owner by name" 125 "berth: --opt uid=root: expected a number" berth volume create --uid root x
fails "with a type" 125 "berth: --opt uid: *without type*" berth volume create --uid 7 -o type=tmpfs -o device=tmpfs x
fails "-o o= of another kind" 125 "berth: --opt noexec: unknown; there are size*" berth volume create -o o=noexec x
t "rm" berth volume rm owned half
opts=type=volume,src=opted,dst=/o,volume-driver=local,volume-label=who=me,volume-opt=type=tmpfs,volume-opt=device=tmpfs
is "--mount volume-opt: it is made so" "$(run_n --mount "$opts"',"volume-opt=o=size=3m,mode=0750"' busybox sh -c 'df -k /o | tail -n 1; stat -c %a /o' | awk '{ print $1, $2 }' | tr '\n' ' ')" "tmpfs 3072 750  "
is "and stays" "$(berth volume inspect -f '{{json .Options}} {{json .Labels}}' opted)" '{"type":"tmpfs","device":"tmpfs","o":"size=3m,mode=0750"} {"who":"me"}'
says "the second time it is that one" tmpfs run_n --mount "$opts"',"volume-opt=o=size=3m,mode=0750"' busybox sh -c 'df /o | awk "END { print \$1 }"'
fails "with others it is not" 125 "berth: *volume opted exists already, with other options" run_n --mount "$opts" busybox true
is "an owner" "$(run_n --mount type=volume,dst=/o,volume-opt=o=uid=7 busybox stat -c %u /o)" 7
t "rm" berth volume rm opted
t "anonymous ones go with --rm" run_n -v /anon busybox touch /anon/x
is "none is left" "$(berth volume ls -q)" ""
berth create --name an -v /anon busybox true >/dev/null
is "one is there" "$(berth volume ls -q | wc -l)" 1
t "rm -v takes it too" berth rm -v an
is "it is gone" "$(berth volume ls -q)" ""

# ---- bind, tmpfs, --mount
mkdir "$T/src"; echo host >"$T/src/f"
t "a folder that is not there is made, from here too" eval "(cd '$T/src' && run_n -v ./sub/new:/x busybox touch /x/y)"
is "where it was meant" "$(ls "$T/src/sub/new")" y
says "bind" host run_n -v "$T/src:/m" busybox cat /m/f
t "write" run_n -v "$T/src:/m" busybox sh -c 'echo inside >/m/g'
is "it is on the host" "$(cat "$T/src/g")" inside
says "--mount bind, read-only" ro run_n --mount "type=bind,src=$T/src,dst=/m,readonly" busybox sh -c 'touch /m/x 2>/dev/null || echo ro'
ends "readonly=false is not read-only" 0 run_n --mount "type=bind,src=$T/src,dst=/m,readonly=false,bind-nonrecursive=false" busybox touch /m/x
fails "readonly=perhaps" 125 "berth: --mount *readonly=perhaps: expected true or false" run_n --mount "type=bind,src=$T/src,dst=/m,readonly=perhaps" busybox true
fails "volume-nocopy=perhaps" 125 "berth: --mount *volume-nocopy=perhaps: expected*" run_n --mount type=volume,dst=/m,volume-nocopy=perhaps busybox true
ends "volume-nocopy=false copies" 0 run_n --mount type=volume,dst=/etc,volume-nocopy=false busybox test -s /etc/greeting
fails "--mount of what is not there" 125 "berth: *nosuch*" berth run --mount type=bind,src=/nosuch,dst=/m busybox true
t "-v makes the folder" run_n -v "$T/made:/m" busybox true
is "it is there" "$([ -d "$T/made" ] && echo yes)" yes
echo other >"$T/src/f2"
says "a file over a file" other run_n -v "$T/src/f2:/etc/greeting" busybox cat /etc/greeting
like "tmpfs" "$(run_n --tmpfs /t:size=1m busybox df -k /t | tail -n 1)" "tmpfs*1024*"
ends "tmpfs is bounded" 1 run_n --tmpfs /t:size=1m busybox dd if=/dev/zero of=/t/x bs=64k count=32
says "--read-only with writable tmp" "ro tmp" run_n --read-only busybox sh -c 'touch /x 2>/dev/null || echo -n "ro "; touch /tmp/x && echo tmp'
says "--read-only alone" "ro ro" run_n --read-only --read-only-tmpfs=false busybox sh -c 'touch /x 2>/dev/null || echo -n "ro "; touch /tmp/x 2>/dev/null || echo ro'
says "an image as a volume" "hello from the third layer" run_n --mount type=image,src=busybox,dst=/im busybox cat /im/etc/greeting
ends "it is read-only" 1 run_n --mount type=image,src=busybox,dst=/im busybox touch /im/x
mkdir "$T/some" && echo 1 >"$T/some/a1" && echo 2 >"$T/some/a2" && echo 3 >"$T/some/b"
says "--mount type=glob, into a folder" "/in/a1:1
/in/a2:2" run_n --mount "type=glob,src=$T/some/a*,dst=/in" busybox sh -c 'grep . /in/*'
says "at their own place" "a1 a2" run_n --mount "type=glob,src=$T/some/a*" busybox sh -c "echo \$(ls $T/some)"
ends "read-only if told so" 1 run_n --mount "type=glob,src=$T/some/*,dst=/in,ro" busybox sh -c 'echo >/in/b'
fails "what nothing matches" 125 "berth: --mount *no file matches $T/some/z\\*" run_n --mount "type=glob,src=$T/some/z*" busybox true
fails "glob without a source" 125 "berth: --mount *source is missing" run_n --mount type=glob,dst=/in busybox true
says "--mount type=ramfs" "700 ramfs here" run_n --mount type=ramfs,dst=/ram,tmpfs-mode=0700 busybox sh -c 'echo here >/ram/x; echo $(stat -c %a /ram) $(awk "\$2 == \"/ram\" {print \$3}" /proc/mounts) $(cat /ram/x)'
says "--mount tmpfs,tmpcopyup has what the image has there" greeting run_n --mount type=tmpfs,dst=/etc,tmpcopyup busybox sh -c 'cd /etc && ls greeting'
ends "notmpcopyup has not" 1 run_n --mount type=tmpfs,dst=/srv,notmpcopyup busybox test -e /srv/greeting
fails "which has no size" 125 "berth: --mount *a ramfs knows no size*" run_n --mount type=ramfs,dst=/ram,tmpfs-size=1m busybox true
says "--mount type=devpts" "gid=7,mode=640,ptmxmode=666,max=3" run_n --mount type=devpts,dst=/dev/pts,gid=7,mode=0640,max=3 busybox sh -c 'awk "\$2 == \"/dev/pts\" {print \$4}" /proc/mounts | tail -n 1 | grep -o gid.*'
says "its terminal is of that one" "/dev/pts/0 7" run_n -t --mount type=devpts,dst=/dev/pts,gid=7 busybox sh -c 'printf %s "$(tty) $(stat -c %g /dev/pts/0)"'
fails "devpts has no source" 125 "berth: --mount *devpts has no source" run_n --mount type=devpts,src=/x,dst=/dev/pts busybox true
fails "another type" 125 "berth: --mount *type must be bind, glob*" run_n --mount type=artifact,dst=/x busybox true
fails "max is devpts's" 125 "berth: --mount *unknown key max" run_n --mount type=tmpfs,dst=/x,max=3 busybox true
fails "an image that is not there" 125 "berth: *nosuch*" berth run --rm --mount type=image,src=nosuch,dst=/im busybox true
mkdir -p "$T/own/sub"; touch "$T/own/sub/f"
says ":U gives it to the container's user" "1000 1000" run_n -u guest -v "$T/own:/m:U" busybox sh -c 'echo $(stat -c %u /m) $(stat -c %u /m/sub/f)'
mkdir "$T/mapped"; touch "$T/mapped/f" "$T/mapped/root"; chown 4321:4322 "$T/mapped" "$T/mapped/f"
says ":idmap shows its owner as the container's user" "0 0" run_n -v "$T/mapped:/m:idmap" busybox stat -c '%u %g' /m/f
says "whichever that is" "1000 1000" run_n -u guest -v "$T/mapped:/m:idmap" busybox sh -c 'touch /m/new && stat -c "%u %g" /m/f'
is "and what he makes belongs to the owner" "$(stat -c '%u %g' "$T/mapped/new")" "4321 4322"
is "nothing was changed for it" "$(stat -c '%u %g' "$T/mapped/root" "$T/mapped" | tr '\n' ' ')" "0 0 4321 4322 "
says "others stay who they are" 77 run_n -v "$T/mapped:/m:idmap" busybox sh -c 'touch /m/other && chown 77 /m/other && stat -c %u /m/other'
is "on the disk as well" "$(stat -c %u "$T/mapped/other")" 77
says "--mount idmap, of a volume" 1000 run_n -u guest --mount type=volume,src=idv,dst=/m,idmap busybox sh -c 'touch /m/x; stat -c %u /m/x'
is "the volume is root's" "$(stat -c %u "$(berth volume inspect -f '{{.Mountpoint}}' idv)/x")" 0
says "with maps of one's own" 5 run_n -v "$T/mapped:/m:idmap=uids=4321-5-1;gids=4322-6-1" busybox stat -c %u /m/f
fails "not of a tmpfs" 125 "berth: *idmap is for folders and volumes" run_n --mount type=tmpfs,dst=/m,idmap busybox true
mkdir "$T/over"; echo below >"$T/over/f"; chown 12:34 "$T/over"
says ":O shows what is there, and takes what is written" "below 12:34 new" run_n -v "$T/over:/m:O" busybox sh -c 'echo $(cat /m/f) $(stat -c %u:%g /m) $(echo new >/m/g; cat /m/g)'
is "for itself alone" "$(ls "$T/over")" f
berth run --name ov --network none -v "$T/over:/m:O" busybox touch /m/gone
is "the next start begins anew" "$(berth start -a ov >/dev/null; berth cp ov:/m/gone "$T/gone" 2>/dev/null || echo no)" no
berth rm ov >/dev/null
fails ":O with another option" 125 "berth: *O stands alone*" run_n -v "$T/over:/m:O,ro" busybox true
fails "over the root" 125 "berth: *root itself*" berth run -v /tmp:/ busybox true
fails "twice the same place" 125 "berth: *twice*" berth run -v a:/m -v b:/m busybox true
berth run -d --name vf --network none -v vfv:/s busybox sh -c 'echo shared >/s/f; sleep 1000' >/dev/null
until_true 10 berth exec vf test -s /s/f
says "--volumes-from" shared run_n --volumes-from vf busybox cat /s/f
ends "--volumes-from with several words" 1 run_n --volumes-from vf:ro,z busybox touch /s/g
berth rm -f vf >/dev/null; berth volume rm vfv >/dev/null

# ---- secrets
echo -n s3cret >"$T/sec"
t "secret create" berth secret create tok "$T/sec"
says "it is a file" s3cret run_n --secret tok busybox cat /run/secrets/tok
says "where and how it is asked for" "1000 400" run_n --secret tok,target=/s,uid=1000,mode=0400 busybox stat -c '%u %a' /s
says "as a variable" s3cret run_n --secret tok,type=env,target=TOKEN busybox sh -c 'echo $TOKEN'
is "it lies in a tmpfs" "$(run_n --secret tok busybox stat -f -c %T /run/secrets/tok)" tmpfs
like "that is the container's own, read-only" "$(run_n --secret tok busybox grep ' /run/secrets/tok ' /proc/mounts)" "*tmpfs ro,nosuid,nodev,noexec*"
berth run -d --name sec --network none --secret tok --secret tok,type=env,target=TOKEN busybox sleep 100 >/dev/null
is "while it runs, the store alone has it on the disk" "$(grep -rl s3cret "$ROOT")" "$ROOT/secrets/tok"
is "which only root may read" "$(stat -c %a "$ROOT/secrets" "$ROOT/secrets/tok" | tr '\n' ' ')" "700 600 "
is "the host has no mount of it" "$(grep -c secrets /proc/self/mountinfo)" 0
says "exec has the variable" s3cret berth exec sec sh -c 'echo $TOKEN'
unlike "inspect does not tell it" "$(berth inspect sec)" "*s3cret*"
is "no record has it" "$(grep -rl s3cret "$ROOT/containers" | wc -l)" 0
is "an archive of it has none" "$(berth export sec | tar -xO | grep -c s3cret)" 0
t "rm" berth rm -f sec
is "nothing of it stays but the store" "$(grep -rl s3cret "$ROOT")" "$ROOT/secrets/tok"
fails "one that is not there" 125 "berth: *no such secret*" berth run --rm --secret nosuch busybox true
fails "create says so already" 125 "berth: *no such secret*" berth create --name nosec --secret nosuch busybox true
ends "and makes nothing" 1 berth container exists nosec
t "secret rm" berth secret rm tok

# ---- cp, diff, mount
berth run -d --name c --network none busybox sleep 1000 >/dev/null
mkdir -p "$T/cp/sub"; echo a >"$T/cp/a"; ln -s a "$T/cp/l"; ln "$T/cp/a" "$T/cp/h"; echo b >"$T/cp/sub/b"
chown 1234:1234 "$T/cp/sub/b"; chmod 4711 "$T/cp/a"
t "cp a folder in" berth cp "$T/cp" c:/in
says "links are links" a berth exec c readlink /in/l
says "two names are one file" 2 berth exec c stat -c %h /in/h
says "owners are root's" 0 berth exec c stat -c %u /in/sub/b
t "cp -a keeps owners" berth cp -a "$T/cp/." c:/in2
says "so it is" "1234 4711" berth exec c sh -c 'echo $(stat -c %u /in2/sub/b) $(stat -c %a /in2/a)'
t "cp out" berth cp c:/in2 "$T/out"
is "the same" "$(diff -r --no-dereference "$T/cp" "$T/out" && echo same)" same
t "a file to a name" berth cp c:/etc/greeting "$T/greet"
is "its content" "$(cat "$T/greet")" "$(berth exec c cat /etc/greeting)"
berth exec c sh -c 'ln -s /etc/passwd /trap; mkdir /d; ln -s / /d/up'
t "cp onto a symlink of the container's" berth cp "$T/cp/a" c:/d/up/trapped
is "nothing of the host was touched" "$([ -e /trapped ] && echo yes)" ""
t "it is inside" berth exec c test -e /trapped
# ---- cp with -: tar archives
archive() { berth cp "$@" - | tar -t | sort | tr '\n' ' '; }
is "cp to -: a file" "$(archive c:/etc/greeting)" "greeting "
is "a folder" "$(archive c:/in2/sub)" "sub/ sub/b "
is "what is in it" "$(archive c:/in2/.)" "./ a h l sub/ sub/b "
mkdir "$T/untar"
berth cp c:/in2 - | tar -C "$T/untar" -x
is "with owners, links and all" "$("$TOP/tests/tree" "$T/untar/in2" | tail -n +2)" "$("$TOP/tests/tree" "$T/cp" | tail -n +2)"
from_tar() { tar -C "$T" -cz cp | "$BERTH" --root "$ROOT" cp "$@"; }
t "cp from -" from_tar - c:/srv
says "owners are root's" "0 4711" berth exec c sh -c 'echo $(stat -c %u /srv/cp/sub/b) $(stat -c %a /srv/cp/a)'
t "cp -a from -" from_tar -a - c:/srv
says "keeps them" 1234 berth exec c stat -c %u /srv/cp/sub/b
says "and the folder is as it was" "$(berth exec c stat -c '%a %u' /etc)" sh -c "tar -C '$T' -c cp | '$BERTH' --root '$ROOT' cp - c:/etc && '$BERTH' --root '$ROOT' exec c stat -c '%a %u' /etc"
mkdir -p "$T/evil/up"; echo x >"$T/evil/up/trapped2"
through() { tar -C "$T/evil" -c up/trapped2 | "$BERTH" --root "$ROOT" cp - "c:$1"; }
fails "not through a symlink" 125 'berth: *"up/trapped2": it goes through a symlink' through /d
fails "not upwards" 125 'berth: *".."*' sh -c "tar -C '$T/evil' -c --transform 's,^,../,' up/trapped2 | '$BERTH' --root '$ROOT' cp - c:/d"
is "nothing came of it" "$([ -e /trapped2 ] || berth exec c test -e /trapped2 && echo yes)" ""
fails "what is no archive" 125 "berth: standard input is no tar archive*" sh -c "echo no | '$BERTH' --root '$ROOT' cp - c:/d"
fails "into what is no folder" 125 "berth: cp: open c:/etc/greeting: Not a directory" berth cp - c:/etc/greeting
fails "from - to -" 125 "berth: cp: one of SRC and DST*" berth cp - -
berth exec c sh -c 'ln -s /etc/greeting /abs; ln -s ../abs /d/two'
t "cp -L follows" berth cp -L c:/d/two "$T/two"
is "in the container" "$(cat "$T/two")" "$(berth exec c cat /etc/greeting)"
berth cp c:/d/two "$T/link"
is "without it the link is copied" "$(readlink "$T/link")" ../abs
ln -s cp/a "$T/hostlink"
t "cp -L of the host" berth cp -L "$T/hostlink" c:/tmp/
says "under the link's name" a berth exec c cat /tmp/hostlink
fails "cp from what is not there" 125 "berth: *nosuch*" berth cp c:/nosuch "$T/x"
# ---- cp where a volume is of a container that does not run
rm -f "$T/passed"; echo s3cret >"$T/passed"
mkdir -p "$T/cv"; ln -s "$T" "$T/cv/out"
berth create --name cv --network none -v cvol:/srv/data -v "$T/cv:/bind" -v "$T/cv:/ro:ro" \
	--mount type=tmpfs,dst=/t busybox cat /srv/data/a /srv/data/in /srv/data/sub/b >/dev/null
t "cp into its volume" berth cp "$T/cp/a" cv:/srv/data/in
t "a folder" berth cp "$T/cp/sub" cv:/srv/data
says "it finds both, and what the image has there" "$(cat "$ROOT/volumes/cvol/_data/a"; echo a; echo b)" berth start -a cv
t "cp of the volume" berth cp cv:/srv/data "$T/cv"
is "its name is the folder's" "$(cat "$T/cv/data/in")" a
is "cp of what is in it" "$(archive cv:/srv/data/sub/.)" "./ b "
t "cp into a bound folder" berth cp "$T/cp/a" cv:/bind/here
is "it is the host's" "$(cat "$T/cv/here")" a
fails "but none that is read-only" 125 "berth: cp: cv:/ro/here: Read-only file system" berth cp "$T/cp/a" cv:/ro/here
fails "nor through its symlinks" 125 "berth: cp cv:/bind/out/passed: open the folder: No such file or directory" berth cp cv:/bind/out/passed "$T/got"
t "it is removed" berth rm cv
t "so is the volume" berth volume rm cvol

like "diff" "$(berth diff c)" $'*A /in\n*'
like "diff: no control characters reach the terminal" "$(berth exec c touch $'/odd\e[1m'; berth diff c)" '*A /odd\\x1b[[]1m*'
like "diff: removed" "$(berth exec c rm /etc/greeting; berth diff c)" "*D /etc/greeting*"
t "stop" berth stop -t 0 c
t "cp works when it is stopped" berth cp c:/in2/a "$T/stopped"
is "its content" "$(cat "$T/stopped")" a
is "cp - too" "$(archive c:/in2/sub)" "sub/ sub/b "
m=$(berth mount c)
is "mount shows it" "$(cat "$m/in2/a")" a
is "mounting it twice is once" "$(berth mount c)" "$m"
echo new >"$m/in2/new"
t "what is mounted starts" berth start c
says "and both see the same" "new" berth exec c cat /in2/new
berth exec c sh -c 'echo newer >/in2/new'
is "both ways" "$(cat "$m/in2/new")" newer
is "with one overlay" "$(awk -v m="$m" '$5 == m { print $3 }' /proc/self/mountinfo | sort -u)" "$(berth exec c awk '$5 == "/" { print $3 }' /proc/self/mountinfo)"
t "umount" berth umount c
fails "which is enough" 125 "berth: c is not mounted" berth umount c
t "it runs on" berth exec c cat /in2/new
berth stop -t 0 c >/dev/null
mi=$(berth mount busybox)
t "mount of an image" test -x "$mi/bin/busybox"
t "umount of it" berth umount busybox
m=$(berth mount c)
t "rm of what is mounted" berth rm c
is "takes that along" "$(grep -c "$m" /proc/self/mountinfo; ls "$ROOT/mounts")" 0
