#!/bin/bash
# A system call that the profile does not know is answered with ENOSYS, one that it denies
# with EPERM; nothing passes by another architecture's numbers.
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
use_busybox
probe() { berth run --rm --network none -v "$PROBE:/probe:ro" busybox /probe "$@"; }
run probe syscall 2000
is "a number from the future" "$out" ENOSYS
run probe syscall 600
is "another" "$out" ENOSYS
case $(uname -m) in
x86_64)
	run probe syscall 246 # kexec_load
	is "kexec_load" "$out" EPERM
	run probe syscall 175 # init_module
	is "init_module" "$out" EPERM
	run probe syscall 165 0 0 0 0 0 # mount
	is "mount" "$out" EPERM
	run probe syscall 272 0x10000000 # unshare a user namespace
	is "unshare of a user namespace" "$out" EPERM
	run probe syscall 435 0 0 # clone3: ENOSYS so that libraries fall back to clone
	is "clone3" "$out" ENOSYS
	run probe syscall 298 0 0 0 0 0 # perf_event_open
	is "perf_event_open" "$out" EPERM
	run probe syscall 321 0 0 0 # bpf
	is "bpf" "$out" EPERM
	run probe syscall 250 0 0 0 # keyctl
	is "keyctl" "$out" EPERM
	run probe syscall $((0x40000000 + 165)) 0 0 0 0 0 # mount by its x32 number
	like "mount by its x32 number" "$out" "E*"
	run probe syscall 39 # getpid
	is "getpid" "$out" 1;;
*) skip "numbers of this machine" "module:x86: the table here is of x86_64";;
esac
