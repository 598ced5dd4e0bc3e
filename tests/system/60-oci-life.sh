#!/bin/bash
# The OCI runtime's life cycle: states, what is an error when, and what is left.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq
umask 022
make_bundle "$T/b" '.process.args = ["sh", "-c", "trap \"exit 7\" TERM; echo up; while :; do sleep 0.1; done"]' || exit 1

status() { oci state "$1" 2>/dev/null | jq -r .status; }
is_status() { [ "$(status "$1")" = "$2" ]; }
create() { oci create -b "$T/b" "$@" </dev/null >"$T/create.out" 2>&1; }

# ---- create, start, kill, delete ----
t "a container is created" create --pid-file "$T/pid" c1-$me
is "it is created" "$(status c1-$me)" created
is "the pid file names its process" "$(cat "$T/pid")" "$(oci state c1-$me | jq .pid)"
is "its program does not run yet" "$(cat "$T/create.out")" ""
fails "an ID in use is refused" 1 "*\"c1-$me\" already exists*" oci create -b "$T/b" c1-$me
t "it is started" oci start c1-$me
is "it runs" "$(status c1-$me)" running
t "its program runs" until_true 5 grep -q up "$T/create.out"
fails "a second start is refused" 1 "*already running*" oci start c1-$me
fails "a running container is not deleted" 1 "*not stopped: running*" oci delete c1-$me
is "state names the bundle" "$(oci state c1-$me | jq -r .bundle)" "$(realpath "$T/b")"
is "list has it" "$(oci list --format json | jq -r '.[0].id')" c1-$me
says "list -q prints IDs" c1-$me oci list -q
t "a signal is sent" oci kill c1-$me TERM
t "the program ends by it" until_true 5 is_status c1-$me stopped
is "a stopped container has no process" "$(oci state c1-$me | jq .pid)" 0
fails "a stopped container takes no signal" 1 "*container not running" oci kill c1-$me KILL
fails "nor is it updated" 1 "*container not running" oci update c1-$me
fails "a stopped container does not start" 1 "*has stopped*" oci start c1-$me
fails "a stopped container takes no exec" 1 "*exec failed: cannot exec in a stopped container" \
	bash -c '"$0" --root "$1" exec "$2" true; [ $? = 255 ] && exit 1' "$OCI" "$T/oci" c1-$me
t "it is deleted" oci delete c1-$me
fails "then it is unknown" 1 "*container \"c1-$me\" does not exist" oci state c1-$me
fails "and cannot be deleted again" 1 "*container \"c1-$me\" does not exist" oci delete c1-$me
t "unless forced" oci delete -f c1-$me

t "a container is created again" create c2-$me
t "one that never ran is deleted" oci delete c2-$me
is "nothing of it is left" "$(ls -A "$T/oci")" ""
t "a container runs detached" oci run -d -b "$T/b" c3-$me
is "run -d leaves it running" "$(status c3-$me)" running
t "it is deleted by force" oci delete -f c3-$me

# ---- kill by name and number, a second container ----
oci run -d -b "$T/b" k1-$me && oci run -d -b "$T/b" k2-$me
t "a signal by name with SIG" oci kill k1-$me SIGKILL
t "a signal by number" oci kill k2-$me 9
t "both end" until_true 5 eval 'is_status k1-$me stopped && is_status k2-$me stopped'
fails "an unknown signal is refused" 1 '*unknown signal "FOO"' oci kill k1-$me FOO
t "delete by regular expression" oci delete -r "^k[12]-$me\$"
is "both are gone" "$(oci list -q)" ""

# ---- exit status, the program that is not there ----
bundle() { jq "$1" "$T/b/config.json" >"$T/$2.json"; }
bundle '.process.args = ["sh", "-c", "exit 37"]' exit37
ends "run ends as its program does" 37 oci run -b "$T/b" -f "$T/exit37.json" r1-$me
bundle '.process.args = ["sh", "-c", "kill -9 $$; :"] | .linux.namespaces |= map(select(.type != "pid"))' sig
ends "or with 128 and the signal" 137 oci run -b "$T/b" -f "$T/sig.json" r2-$me
bundle '.process.args = ["nosuch"]' nosuch
fails "an absent program fails create" 1 '*exec: "nosuch": executable file not found in $PATH*' \
	oci create -b "$T/b" -f "$T/nosuch.json" r3-$me
bundle '.process.args = ["/etc/passwd"]' noexec
fails "one that is no program fails" 1 "*permission denied*" oci create -b "$T/b" -f "$T/noexec.json" r4-$me
ends "run --keep leaves a stopped container" 37 oci run --keep -b "$T/b" -f "$T/exit37.json" r5-$me
ends "which is still known" 0 oci state r5-$me
oci delete r5-$me
is "nothing is left of all that" "$(ls -A "$T/oci")" ""

# ---- what it says to its callers ----
oci --log "$T/log" --log-format json state none 2>/dev/null
like "an error is a JSON line of the log" "$(jq -r '.level + " " + .msg' "$T/log")" 'error *"none" does not exist'
like "--version has runc's lines" "$(oci --version | tr '\n' '|')" "berth-oci version *|commit: *|spec: 1.3.0|*"
is "features is JSON" "$(oci features | jq -r .ociVersionMax)" 1.3.0
is "an empty list is null" "$(oci list --format json)" null
fails "an unknown command is refused" 1 "*did you mean create*" oci creat x
fails "an unknown option is refused" 1 "*--bundel*did you mean --bundle*" oci create --bundel x y
fails "what cannot be written is said once" 1 "berth-oci: write to standard output: No space left on device" \
	bash -c '"$0" features >/dev/full' "$OCI"
fails "also by berth oci" 1 "berth-oci: write to standard output: No space left on device" \
	bash -c '"$0" oci features >/dev/full' "$BERTH"
fails "plain berth refuses OCI options" 125 "*--systemd-cgroup*berth-oci*" "$BERTH" --systemd-cgroup list
fails "also those of a command" 125 "*unknown option --bundle*call berth-oci (or berth oci) instead*" \
	"$BERTH" create --bundle "$T/b" x
fails "by their letter" 125 "*unknown option -b*call berth-oci*" "$BERTH" run -b "$T/b" x
fails "and its commands" 125 "*state is a command of the OCI runtime; call berth-oci (or berth oci) instead" \
	"$BERTH" state x
fails "an option that nobody has is nobody's" 125 "berth: unknown option --bundel" "$BERTH" create --bundel=x y

# ---- exec ----
oci run -d -b "$T/b" e1-$me
says "a process is executed" hi oci exec e1-$me echo hi
ends "with its status" 9 oci exec e1-$me sh -c 'exit 9'
says "as a user" "12 34" oci exec -u 12:34 e1-$me sh -c 'echo $(id -u) $(id -g)'
for user in root "" " 0" +1 -1 0x1 1: :1 1:2:3 4294967295 4294967296 1a; do
	ends "no user \"$user\"" 255 oci exec -u "$user" e1-$me true
done
fails "an unknown capability is refused" 255 '*--cap "CAP_NOSUCH": unknown capability*' oci exec --cap CAP_NOSUCH e1-$me true
says "with a variable" 2 oci exec -e A=1 -e A=2 e1-$me sh -c 'echo $A'
says "in a folder" /tmp oci exec --cwd /tmp e1-$me pwd
echo '{"cwd":"/","env":["PATH=/bin"],"args":["sh","-c","id -u"],"user":{"uid":7,"gid":7}}' >"$T/process.json"
says "from a document" 7 oci exec -p "$T/process.json" e1-$me
t "detached" oci exec -d --pid-file "$T/exec.pid" e1-$me sleep 100
like "ps has it" "$(oci ps -f json e1-$me)" "*$(cat "$T/exec.pid")*"
like "so has ps as a table" "$(oci ps e1-$me)" "*sleep 100*"
ends "one that is not there" 255 oci exec e1-$me nosuch
like "in the words that Docker looks for" "$err" '*executable file not found in $PATH*'
fails "a cgroup outside is refused" 1 "*leads out*" \
	bash -c '"$0" --root "$1" exec --cgroup .. "$2" true; [ $? = 255 ] && exit 1' "$OCI" "$T/oci" e1-$me

# ---- the init has been moved, and its first cgroup removed ----
bundle '.process.args = ["sleep", "1000"]' moved
oci run -d -b "$T/b" -f "$T/moved.json" m1-$me </dev/null >/dev/null 2>&1
mkdir "$CGROUP2/moved-$me"
oci state m1-$me | jq .pid >"$CGROUP2/moved-$me/cgroup.procs"
t "a container moves" until_true 5 rmdir "$CGROUP2/berth/m1-$me"
t "and goes on being entered" oci exec -d --pid-file "$T/moved.pid" m1-$me sleep 1000
is "where it has gone" "$(sed -n 's/^0:://p' "/proc/$(cat "$T/moved.pid")/cgroup")" "/moved-$me"
oci delete -f m1-$me
kill -9 "$(cat "$T/moved.pid")" 2>/dev/null
t "its cgroup is free" until_true 5 rmdir "$CGROUP2/moved-$me"

# ---- the init ends, others go on ----
bundle '.process.args = ["sh", "-c", "sleep 100 & exit 0"] | .linux.namespaces |= map(select(.type != "pid"))' outlive
oci run -d -b "$T/b" -f "$T/outlive.json" o1-$me </dev/null >/dev/null 2>&1
t "without a PID namespace its init ends" until_true 5 is_status o1-$me stopped
t "kill KILL reaches what it left" oci kill o1-$me KILL
t "nothing runs any more" until_true 5 eval '! grep -q 1 <<<"$(sed -n "s/^populated //p" "$CGROUP2/berth/o1-$me/cgroup.events")"'
fails "then there is nothing to kill" 1 "*container not running" oci kill o1-$me KILL
t "it is deleted" oci delete o1-$me

# ---- one has ended, and another of the same ID, of another --root, has its cgroup ----
other() { "$OCI" --root "$T/other" "$@"; }
ends "one ends" 37 oci run --keep -b "$T/b" -f "$T/exit37.json" o2-$me
t "the other takes the place" other run -d -b "$T/b" o2-$me
fails "the ended one kills nobody" 1 "*container not running" oci kill -a o2-$me KILL
t "also when it is deleted" oci delete -f o2-$me
is "the other runs" "$(other state o2-$me | jq -r .status)" running
t "in its cgroup" grep -qx "$(other state o2-$me | jq .pid)" "$CGROUP2/berth/o2-$me/cgroup.procs"
t "which goes with it" other delete -f o2-$me
t "and is gone" test ! -e "$CGROUP2/berth/o2-$me"

# ---- the state of a berth that did not note the cgroup's inode yet ----
t "an older one is made" create o3-$me
jq 'del(.cgroupIno)' "$T/oci/o3-$me/state.json" >"$T/older.json" && cp "$T/older.json" "$T/oci/o3-$me/state.json"
is "it is known" "$(status o3-$me)" created
t "and deleted" oci delete -f o3-$me

# ---- pause ----
t "it is paused" oci pause e1-$me
is "and says so" "$(status e1-$me)" paused
fails "no exec while paused" 1 "*paused container*" \
	bash -c '"$0" --root "$1" exec "$2" true; [ $? = 255 ] && exit 1' "$OCI" "$T/oci" e1-$me
t "it is resumed" oci resume e1-$me
is "and runs" "$(status e1-$me)" running
create p1-$me
t "one that is created is paused, too" oci pause p1-$me
is "it is frozen" "$(sed -n 's/^frozen //p' "$CGROUP2/berth/p1-$me/cgroup.events")" 1
fails "nor entered" "1|255" "*exec failed: cannot exec in a paused container*" \
	timeout -s KILL 20 "$OCI" --root "$T/oci" exec p1-$me true
fails "and not started" 1 "*cannot start a container that is paused" oci start p1-$me
t "but resumed" oci resume p1-$me
fails "once" 1 "*not paused*" oci resume p1-$me
oci delete -f p1-$me
is "events --stats is one line with what runc's has" "$(oci events --stats e1-$me | jq -c '[.type, (.data | keys)]')" \
	'["stats",["blkio","cpu","cpuset","hugetlb","intel_rdt","memory","network_interfaces","pids"]]'
t "update with nothing to change" oci update e1-$me
oci delete -f e1-$me
