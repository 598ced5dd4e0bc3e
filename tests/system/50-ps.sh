#!/bin/bash
# ps: which containers it shows, in which words, in which form.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq
use_busybox

berth run -d --name one --network none -l tier=front -l app=x busybox sleep 1000 >/dev/null
berth run -d --name two --network none -l tier=back busybox sleep 1000 >/dev/null
berth run --name gone --network none -v data:/data busybox sh -c 'exit 3' >/dev/null
berth create --name new --network none busybox echo a b >/dev/null
names() { berth ps --format '{{.Names}}' "$@" | sort | tr '\n' ' '; }

is "without -a what runs" "$(names)" "one two "
is "with -a all" "$(names -a)" "gone new one two "
like "the table has Docker's columns" "$(berth ps | head -n 1)" \
	"CONTAINER ID *IMAGE *COMMAND *CREATED *STATUS *PORTS *NAMES"
like "a container that runs" "$(berth ps --filter name=one | tail -n 1)" \
	'????????????   busybox   "sleep 1000"   * ago   Up * one'
is "newest first" "$(berth ps -a --format '{{.Names}}' | head -n 1)" new
is "-q is ids" "$(berth ps -q | awk 'length != 12' | wc -l)" 0
is "--no-trunc is whole ones" "$(berth ps -q --no-trunc | awk 'length != 64' | wc -l)" 0
is "--noheading" "$(berth ps --noheading | wc -l)" 2
like "how it ended" "$(berth ps -a --format '{{.Status}}' --filter name=gone)" "Exited (3) * ago"
is "or that it never began" "$(berth ps -a --format '{{.Status}}' --filter name=new)" Created
is "its state in one word" "$(berth ps -a --format '{{.State}}' --filter name=gone)" exited
is "the command is cut" "$(berth create --network none --name long busybox echo 123456789012345678901234567890 >/dev/null
	berth ps -a --format '{{.Command}}' --filter name=long)" '"echo 12345678901234…"'
is "but not with --no-trunc" "$(berth ps -a --no-trunc --format '{{.Command}}' --filter name=long)" \
	'"echo 123456789012345678901234567890"'
berth rm long >/dev/null

# ---- filters
id=$(berth ps -q --no-trunc --filter name=^one$)
is "by name, a part of it" "$(names -a --filter name=o)" "gone one two "
is "by name, exactly" "$(names -a --filter name=^one$)" "one "
is "by name, with Docker's slash" "$(names -a --filter 'name=^/one$')" "one "
is "by id" "$(names -a --filter "id=${id:0:10}")" "one "
is "by label" "$(names --filter label=tier)" "one two "
is "by label and value" "$(names --filter label=tier=back)" "two "
is "by two labels, both of which must be there" "$(names --filter label=tier=front --filter label=app)" "one "
is "by status, without -a" "$(names --filter status=exited)" "gone "
is "by two of them, any of which will do" "$(names --filter status=created --filter status=running)" "new one two "
is "by how it ended" "$(names -a --filter exited=3)" "gone "
is "by image" "$(names -a --filter ancestor=busybox)" "gone new one two "
is "by another" "$(names -a --filter ancestor=debian)" ""
is "by volume" "$(names -a --filter volume=data)" "gone "
is "by its place" "$(names -a --filter volume=/data)" "gone "
is "by network" "$(names -a --filter network=none)" "gone new one two "
is "made before one" "$(names -a --filter before=two)" "one "
is "made since one" "$(names -a --filter since=two)" "gone new "
is "by health" "$(names -a --filter health=none)" "gone new one two "
fails "an unknown filter" 125 "berth: --filter nosuch: *name*" berth ps --filter nosuch=1
fails "an unknown status" 125 "berth: --filter status=x: *running*" berth ps --filter status=x
fails "no value" 125 "berth: *KEY=VALUE*" berth ps --filter name

is "-n" "$(names -n 2)" "gone new "
is "-l" "$(names -l)" "new "
is "--sort" "$(berth ps -a --sort names --format '{{.Names}}' | tr '\n' ' ')" "gone new one two "
fails "--sort by what there is not" 125 "berth: --sort x: *" berth ps --sort x

# ---- forms
is "JSON, a line each" "$(berth ps --format json | jq -r .Names | sort | tr '\n' ' ')" "one two "
is "the same by a template" "$(berth ps --format '{{json .}}' | jq -r .State | sort -u)" running
is "json of one member" "$(berth ps --filter name=one --format '{{json .Names}}')" '"one"'
is "a label" "$(berth ps --filter name=one --format '{{.Label "tier"}}')" front
is "a table of one's own" "$(berth ps --filter name=one --format 'table {{.Names}}\t{{.Image}}' | sed 's/  */ /g' | tr '\n' '|')" \
	"NAMES IMAGE|one busybox|"
like "its heads have Docker's words" "$(berth ps --format 'table {{.ID}}\t{{.RunningFor}}\t{{.Status}}' | head -n 1)" \
	"CONTAINER ID *CREATED *STATUS"
fails "a member that there is not" 125 "berth: template: there is no .Nope here; there are .ID, .Names*" \
	berth ps --format '{{.Nope}}'
fails "half a template" 125 "berth: template, column *" berth ps --format '{{.ID'
is "-s says what it has written" "$(berth exec one sh -c 'head -c 3000 /dev/zero >/x'
	berth ps -s --filter name=one --format '{{.Size}}')" 3kB
is "no control characters reach the terminal" "$(berth create --network none --name odd busybox echo $'a\033[31mb\rc' >/dev/null
	berth ps -a --filter name=odd --no-trunc | tail -n 1 | tr -d '\040-\176\n' | wc -c)" 0
berth rm odd >/dev/null

t "paused" berth pause one
like "ps says so" "$(berth ps --filter name=one --format '{{.State}} {{.Status}}')" "paused Up * (Paused)"
t "goes on" berth unpause one
berth run -d --name ill --network none --health-cmd 'test -e /ok' --health-interval 100ms --health-retries 2 \
	busybox sleep 1000 >/dev/null
is_ill() { berth ps --filter name=ill | grep -q unhealthy; }
t "the health check fails" until_true 10 is_ill
like "ps says so" "$(berth ps --filter name=ill --format '{{.Status}}')" "Up * (unhealthy)"
is "and finds it" "$(names --filter health=unhealthy)" "ill "
# shellcheck disable=SC2046 # many words, as in scripts
t "names of ids as in scripts" berth rm -f $(berth ps -aq)
is "then there are none" "$(berth ps -a --noheading)" ""

# ---- colours
berth run -d --name green --network none busybox sleep 1000 >/dev/null
berth run --name red --network none busybox false >/dev/null
berth run --name plain --network none busybox true >/dev/null
on_terminal() { script -qec "env $* TERM=xterm $BERTH --root $ROOT ps -a" /dev/null </dev/null; }
esc=$(printf '\033')
like "on a terminal what runs is green" "$(on_terminal | grep green)" "*$esc?32mUp *$esc?0m*"
like "what failed is red" "$(on_terminal | grep -w red)" "*$esc?31mExited (1)*"
unlike "what ended well has no colour" "$(on_terminal | grep plain)" "*$esc*"
is "NO_COLOR: none at all" "$(on_terminal NO_COLOR=1 | grep -c "$esc")" 0
is "a terminal of no kind: none" "$(TERM='' script -qec "$BERTH --root $ROOT ps -a" /dev/null </dev/null | grep -c "$esc")" 0
is "into a pipe: none" "$(berth ps -a | grep -c "$esc")" 0
berth rm -f green red plain >/dev/null

# ---- many
for _ in 1 2 3 4 5 6 7 8 9 10; do
	for _ in 1 2 3 4 5 6 7 8 9 10; do berth create --network none busybox true >/dev/null & done
	wait
done
is "a hundred of them" "$(berth ps -aq | sort -u | wc -l)" 100
