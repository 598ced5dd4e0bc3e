#!/bin/bash
# The runner tells good from bad, and sees what a script leaves behind.
# parallel: yes
. "$(dirname "$0")/lib.sh"

script() { # name, body, seconds: a script below T
	mkdir -p "$T/s"
	printf '#!/bin/bash\n# time: %s\n%s\n' "${3:-30}" "$2" >"$T/s/$1.sh"
	chmod +x "$T/s/$1.sh"
}
# without SANITIZE, which would stretch the time that a script has
tests_run() { env -u BERTH_TEST -u SANITIZE CI="${ci-}" "$TOP/tests/run" -B "$T" "$T/s/$1.sh"; }

script good 'echo "ok 1 - one"; echo "ok 2 - two"'
t "a good script passes" tests_run good
like "and is counted" "$out" "*2 passed, 0 failed, 0 skipped"
script bad 'echo "ok 1 - one"; echo "not ok 2 - two"'
ends "a bad one fails" 1 tests_run bad
like "and is counted" "$out" "*1 passed, 1 failed, 0 skipped"
script silent 'exit 0'
ends "a script without a result fails" 1 tests_run silent
script status 'echo "ok 1 - one"; exit 3'
ends "a script with a bad status fails" 1 tests_run status
script slow 'echo "ok 1 - one"; sleep 1000' 2
ends "a script that hangs is ended" 1 tests_run slow
like "and said so" "$out" "*ended after 2 s*"
script process 'echo "ok 1 - one"; sleep 1000 &'
ends "a process left behind is seen" 1 tests_run process
like "and named" "$out" "*process * sleep 1000*"
script interface 'echo "ok 1 - one"; ip link add left0 type bridge'
ends "an interface left behind is seen" 1 tests_run interface
like "and named" "$out" "*interface left0*"
script mounted 'echo "ok 1 - one"; mkdir $T/m; mount -t tmpfs left $T/m'
ends "a mount left behind is seen" 1 tests_run mounted
script skipped 'echo "ok 1 - one # SKIP package:tar: not installed"'
t "a skip is a skip" tests_run skipped
like "and counted" "$out" "*0 passed, 0 failed, 1 skipped"
ci=true
ends "in CI a skip of what can be done fails" 1 tests_run skipped
script reasonless 'echo "ok 1 - one # SKIP"'
ends "so does one without a reason" 1 tests_run reasonless
script newer 'echo "ok 1 - one # SKIP kernel:99.1: too old"'
t "one of what cannot be done does not" tests_run newer

t "nothing is missing of what was installed" "$TOP/tests/install-packages" -n check
ends "an unknown class is refused" 2 "$TOP/tests/install-packages" nosuch

if [ -n "${SANITIZE-}" ]; then
	finds_leaks
fi
