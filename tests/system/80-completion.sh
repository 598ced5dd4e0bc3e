#!/bin/bash
# Completion in the shells themselves: somebody types and presses the tabulator.
# time: 600
# parallel: yes
. "$(dirname "$0")/lib.sh"
need python3
use_busybox
t "the completions are written" "$BERTH" internal-docs "$T/docs"
berth run -d --name omega --network none busybox sleep 1000 >/dev/null
id=$(berth ps -q)
berth volume create kappa-data >/dev/null
mkdir "$T/bin" "$T/home"
# what the shell runs in the end is written down, what its completion asks is answered
cat >"$T/bin/berth" <<SH
#!/bin/sh
[ "\$1" != internal-complete ] || exec '$BERTH' --root '$ROOT' "\$@"
for a; do printf '%s ' "\$a"; done >'$T/typed.new'
mv '$T/typed.new' '$T/typed'
SH
chmod +x "$T/bin/berth"

cat >"$T/tab.py" <<'PY'
"""tab.py TYPED SETUP LINE SHELL...: types SETUP, then LINE, in which ^ is the tabulator,
and waits for what it ran to write TYPED."""
import os, pty, select, sys, time
typed, setup, line, argv = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(argv[0], argv)
def quiet(seconds, most=20):
    """Reads until nothing has come for so long."""
    end, got = time.time() + most, b""
    while time.time() < end:
        if not select.select([fd], [], [], seconds)[0]:
            break
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if b"\x1b[c" in data:           # what kind of terminal is this?
            os.write(fd, b"\x1b[?62c")
        got += data
    return got
def until(what, most=30):
    end, got = time.time() + most, b""
    while what not in got and time.time() < end:
        got += quiet(0.1, 0.5)
    return what in got
quiet(0.5)
os.write(fd, setup.encode() + b"\recho rea''dy\r")
if not until(b"ready"):
    sys.exit("the shell is not ready")
quiet(0.3)
for part in line.split("^")[:-1]:
    os.write(fd, part.encode())
    quiet(0.3)
    os.write(fd, b"\t")
    quiet(1.0)
os.write(fd, line.split("^")[-1].encode() + b"\r")
end = time.time() + 30
while not os.path.exists(typed) and time.time() < end:
    quiet(0.05, 0.1)
os.kill(pid, 9)
os.waitpid(pid, 0)
PY
press() { # shell, line
	rm -f "$T/typed"
	case $1 in
	bash) set -- "$2" "source $T/docs/completions/berth.bash" bash --norc --noprofile -i;;
	zsh) set -- "$2" "fpath=($T/docs/completions \$fpath); autoload -U compinit; compinit -u -D" zsh -f -i;;
	fish) set -- "$2" "source $T/docs/completions/berth.fish" fish --no-config -i;;
	esac
	HOME=$T/home PATH=$T/bin:$PATH PS1='$ ' python3 "$T/tab.py" "$T/typed" "$2" "$1" "${@:3}" >"$T/.tab" 2>&1
	sed 's/ *$//' "$T/typed" 2>/dev/null
}

for shell in bash zsh fish; do
	if ! command -v "$shell" >/dev/null; then
		skip "$shell" "package:$shell: not installed"
		continue
	fi
	is "$shell: a command" "$(press "$shell" 'berth unpa^omega')" "unpause omega"
	is "$shell: a container by name" "$(press "$shell" 'berth rm ome^')" "rm omega"
	is "$shell: by id" "$(press "$shell" "berth stop ${id:0:5}^")" "stop $id"
	is "$shell: an image" "$(press "$shell" 'berth run busyb^')" "run busybox:latest"
	is "$shell: its tag" "$(press "$shell" 'berth run busybox:la^ x')" "run busybox:latest x"
	is "$shell: a volume" "$(press "$shell" 'berth volume rm kap^')" "volume rm kappa-data"
	is "$shell: an option, and its value" "$(press "$shell" 'berth create --rest^ on-f^ x')" "create --restart on-failure x"
	is "$shell: both in one word" "$(press "$shell" 'berth create --restart=on-f^ x')" "create --restart=on-failure x"
done
