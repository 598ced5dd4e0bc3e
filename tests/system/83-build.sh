#!/bin/bash
# The build itself: in a folder with an odd name, interrupted, twice at once, cleaned up after.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need make gcc
odd="$T/it's a #1 copy, \"of\" mine"
mkdir -p "$odd/tests" "$odd/examples"
cp -r "$TOP"/{Makefile,base,cgroup,cli,image,netns,runtime,seccomp} "$odd/"
cp -r "$TOP"/tests/{tests.mk,fuzz,bench,packages,install-packages} "$odd/tests/"
chmod -R a+rX "$T"
cd "$odd" || exit 1
# The caller's make is not ours, nor is what it builds with.
unset MAKEFLAGS MAKELEVEL MFLAGS SANITIZE COVERAGE CC CFLAGS
build() { make --no-print-directory "$@"; }

t "what is asked for is made there" build build/libexec/berth/berth-supervisor build/obj/base/err.o
is "without a warning" "$err" ""
t "it is a program" test -x build/libexec/berth/berth-supervisor
is "which does not know in what folder it was made" "$(grep -c "$T" build/libexec/berth/berth-supervisor.debug build/obj/base/err.o | grep -v ':0$')" ""
like "a second time there is nothing to do" "$(build build/libexec/berth/berth-supervisor)" "*is up to date*"
touch base/err.h
like "a header that changed is seen" "$(build build/libexec/berth/berth-supervisor)" "*LINK*"
fails "a build folder with a space is none" 2 "*the build folder's name (B=) must have no space*" build B="$T/a b" all

# ---- compilers that fail, and that are killed when they have written half
cat >"$T/cc" <<'SH'
#!/bin/bash
for a; do
	[ "${last-}" != -o ] || echo half >"$a"
	[ "${last-}" != -MF ] || echo 'half: no-such' >"$a"
	last=$a
done
[ "$HOW" = killed ] && kill -9 $PPID $$
exit 1
SH
chmod +x "$T/cc"
for how in fails killed; do
	run env HOW=$how make --no-print-directory CC="$T/cc" B=half half/obj/base/err.o
	isnt "a compiler that $how: no success" "$rc" 0
	is "nothing that looks whole" "$(find half -name '*.o' -o -name '*.d')" ""
	t "the next build is well" build B=half half/obj/base/err.o
	is "both files are there" "$(cd half/obj/base && echo err.[do])" "err.d err.o"
	t "the object is one" build B=half half/obj/base/err.o CC=false
	rm half/obj/base/err.[do]
done
# no package is installed there, as far as dpkg says
printf '#!/bin/sh\nexit 1\n' >"$T/dpkg-query"
chmod +x "$T/dpkg-query"
if command -v apt-get >/dev/null; then
	run env HOW=fails PATH="$T:$PATH" make --no-print-directory CC="$T/cc" B=half half/obj/base/err.o
	like "what is missing is named when the compiler fails" "$err" "*install-packages: missing here: *libarchive-dev*run as root: apt-get install*libarchive-dev*"
fi

# ---- two at once
(build -j2 B=two two/libexec/berth/berth-supervisor >"$T/one" 2>&1; echo $? >>"$T/one") &
pid=$!
t "two builds at once" build -j2 B=two two/libexec/berth/berth-supervisor
wait "$pid"
is "the other one, too" "$(tail -n 1 "$T/one")" 0
is "nothing half is left" "$(find two -name '*.o.*' -o -name 'berth-supervisor.[0-9]*')" ""

# ---- what is made is taken away, and nothing else
mkdir -p two/obj/mine two/bin
touch two/obj/mine/file two/bin/mine
t "clean B=" build B=two clean
is "leaves what it has not made" "$(find two | sort | tr '\n' ' ')" "two two/bin two/bin/mine two/obj two/obj/mine two/obj/mine/file "
mkdir -p sources/unit/base
touch sources/unit/base/test.c
t "clean of a folder that nothing was built in" build B=sources clean
t "touches nothing" test -e sources/unit/base/test.c
t "clean" build clean
is "takes the usual one away" "$(ls -d build 2>/dev/null)" ""

# ---- who is not root
not_root() { setpriv --reuid 65534 --regid 65534 --clear-groups make --no-print-directory "$@"; }
run not_root demo
like "demo says it at once" "$err" "make demo needs root: sudo make demo*"
run not_root check
like "check does" "$err" "make check needs root: sudo make check*"
