#!/bin/bash
# What criu is asked for and what is made of its answers, with a stand-in for criu: the real one
# is in 65-oci-checkpoint.vm.sh.
# also: vm
. "$(dirname "$0")/lib.sh"
need jq python3
umask 022
make_bundle "$T/b" '.process.args = ["sleep", "1000"]' || exit 1
mkdir "$T/bin" "$T/vol" "$T/b/rootfs/real" && ln -s /real "$T/b/rootfs/link"
cat >"$T/bin/criu" <<'CRIU'
#!/usr/bin/python3
import array, ctypes, json, os, signal, socket, sys
def fields(data):
    out, i = {}, 0
    def varint():
        nonlocal i
        v = shift = 0
        while True:
            c = data[i]; i += 1
            v |= (c & 127) << shift; shift += 7
            if c < 128:
                return v
    while i < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        else:
            n = varint(); value = data[i:i + n]; i += n
        out.setdefault(key >> 3, []).append(value)
    return out
def num(f, v):
    out = bytes([f << 3])
    while v > 127:
        out += bytes([v & 127 | 128]); v >>= 7
    return out + bytes([v])
def part(f, b):
    return bytes([f << 3 | 2, len(b)]) + b
s = socket.socket(fileno=int(sys.argv[2]))
mode = os.environ.get("FAKE", "")
req = fields(s.recv(65536))
kind, opts = req[1][0], fields(req[2][0])
json.dump({str(k): [x if isinstance(x, int) else x.decode(errors="replace") for x in v] for k, v in opts.items()},
          open(os.environ["FAKE_OUT"], "w"))
def notify(script, pid=0, fds=()):
    s.sendmsg([num(1, 6) + num(2, 1) + part(5, part(1, script.encode()) + num(2, pid))],
              [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
    return fields(s.recv(65536)).get(3, [0])[0]
if mode == "dies":
    sys.exit(0)
if mode == "refuses":
    s.send(num(1, kind) + num(2, 0) + num(7, 2) + part(9, b"no such thing"))
    sys.exit(1)
if mode == "garbage":
    s.send(b"\xff" * 300)
    sys.exit(1)
pid = 0
if kind == 2:
    pid = ctypes.CDLL(None).syscall(56 if os.uname().machine == "x86_64" else 220, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os.close(s.fileno())
        os.execv("/bin/sleep", ["sleep", "1000"])
    if not notify("setup-namespaces", pid):
        os.kill(pid, 9)
        sys.exit(1)    # who asked is gone by now
    if opts.get(50):
        master, slave = os.openpty()
        notify("orphan-pts-master", 0, [master])
s.send(num(1, kind) + num(2, 1) + (part(4, num(1, pid)) if pid else b""))
CRIU
chmod +x "$T/bin/criu"
export PATH=$T/bin:$PATH FAKE='' FAKE_OUT=$T/request
field() { jq -c ".\"$1\"" "$T/request"; }
config() { jq --arg t "$T" "$1" "$T/b/config.json" >"$T/c.json" && cp "$T/c.json" "$T/b/config.json"; }
start() { oci run -d -b "$T/b" ck-$me </dev/null >/dev/null 2>&1; }
restore() { oci restore -d -b "$T/b" --image-path "$T/img" "$@" ck-$me; }

config '.mounts += [{type: "bind", source: ($t + "/vol"), destination: "/link", options: ["bind"]}]'
start
pid=$(oci state ck-$me | jq .pid)
t "checkpoint" oci checkpoint --image-path "$T/img" --leave-running --tcp-established --file-locks \
	--manage-cgroups-mode soft --page-server 10.0.0.1:27 --network-lock nftables ck-$me
is "asks for what was said" "$(for f in 2 3 5 8 7 34 64; do field $f; done | paste -sd' ')" "[$pid] [1] [1] [1] null [3] [2]"
is "names the binds by where they are" "$(field 37 | jq -r '.[]' | grep real)" "mnt[/real]:/real"
like "and masked files" "$(field 37)" '*mnt\[/proc/kcore\]:/proc/kcore*'
is "the folder and its log" "$(field 10)" '["dump.log"]'
is "the page server" "$(field 11 | jq -r '.[0]' | tr -dc '0-9.')" 10.0.0.1
t "it runs on" oci exec ck-$me true
for mode in dies refuses garbage; do
	FAKE=$mode fails "criu $mode" 1 "*criu dump *" oci checkpoint --image-path "$T/img" ck-$me
done
like "and its reason is told" "$(FAKE=refuses oci checkpoint --image-path "$T/img" ck-$me 2>&1)" "*no such thing*"
t "after all that the container is there" oci exec ck-$me true
fails "a mode that there is not" 1 "*--manage-cgroups-mode*" oci checkpoint --manage-cgroups-mode hard ck-$me
fails "a lock that there is not" 1 "*--network-lock*" oci checkpoint --image-path "$T/img" --network-lock hard ck-$me
fails "an address without a port" 1 "*--page-server*" oci checkpoint --image-path "$T/img" --page-server here ck-$me
t "a checkpoint that is the end" oci checkpoint --image-path "$T/img" ck-$me
fails "is one" 1 "*does not exist*" oci state ck-$me

# ---- restore ----
config 'def h($text): [{path: "/bin/sh", args: ["sh", "-c", $text]}];
	.hooks = {createRuntime: h("jq .pid >" + $t + "/hook"), poststop: h("echo >" + $t + "/stopped")}'
t "restore" restore --pid-file "$T/pid" --tcp-close
is "who criu says it is" "$(cat "$T/pid")" "$(oci state ck-$me | jq .pid)"
is "the hook knew" "$(cat "$T/hook")" "$(cat "$T/pid")"
is "it runs" "$(oci state ck-$me | jq -r .status)" running
is "our child's parent is who we left it to" "$(awk '{ print $4 }' "/proc/$(cat "$T/pid")/stat" | grep -c .)" 1
is "the binds have their sources" "$(field 37 | jq -r '.[]' | grep real)" "mnt[/real]:$T/vol"
is "connections are closed" "$(field 52)" "[1]"
t "delete" oci delete -f ck-$me
t "runs poststop" test -e "$T/stopped"
rm "$T/stopped"
config '.hooks.createRuntime[0].args = ["sh", "-c", "exit 3"]'
fails "a hook that fails" 1 "*error running createRuntime hook #0*exit status 3*" restore
is "leaves nothing, and poststop runs" "$(oci list -q; ls "$T/stopped")" "$T/stopped"
config 'del(.hooks)'
for mode in dies refuses garbage; do
	FAKE=$mode fails "criu $mode at restore" 1 "*criu restore *" restore
done
is "nothing is left" "$(oci list -q; ls -A "$T/oci")" ""
PATH=/usr/bin:/bin fails "no criu" 1 "*" bash -c 'mkdir -p "$1/none"; cd "$1" && PATH=$1/none exec "$2" --root "$1/oci" restore -d -b "$1/b" --image-path "$1/img" ck' - "$T" "$OCI"
like "is told" "$err" "*there is no program criu (package criu)*"

# ---- a terminal ----
config '.process.terminal = true'
fails "a terminal needs a place" 1 "*needs --console-socket*" restore
python3 - "$T/console" >"$T/got" <<'RECV' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
conn, _ = s.accept()
_, fds, _, _ = socket.recv_fds(conn, 4096, 1)
print(os.readlink("/proc/self/fd/%d" % fds[0]), flush=True)
RECV
until_true 10 test -S "$T/console"
t "restore with a terminal" restore --console-socket "$T/console"
wait
is "hands its master over" "$(cat "$T/got")" /dev/ptmx
oci delete -f ck-$me
is "nothing is left of all that" "$(oci list -q; ls -A "$T/oci")" ""
