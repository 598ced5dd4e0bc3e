#!/bin/bash
# A container cannot type into its caller's terminal (CVE-2017-5226).
# parallel: yes
. "$(dirname "$0")/../system/lib.sh"
need script
use_busybox
for options in "" -i -t -it; do
	# what the shell of the caller would read after us is what the container typed
	got=$(script -qec "$BERTH --root $ROOT run --rm $options --network none -v $PROBE:/probe:ro busybox /probe tiocsti; read -t 0.3 -n 1 c; echo \"typed:\$c\"" /dev/null </dev/null | tr -d '\r')
	unlike "run ${options:-without options}: nothing is typed outside" "$got" "*typed:x*"
done
berth run -d --name c --network none -v "$PROBE:/probe:ro" busybox sh -c 'while :; do sleep 0.1; done' >/dev/null
for options in "" -t; do
	got=$(script -qec "$BERTH --root $ROOT exec $options c /probe tiocsti; read -t 0.3 -n 1 c; echo \"typed:\$c\"" /dev/null </dev/null | tr -d '\r')
	unlike "exec ${options:-without options}: nothing is typed outside" "$got" "*typed:x*"
	got=$(script -qec "$BERTH --root $ROOT exec $options c sh -c '/probe tiocsti /dev/tty'; read -t 0.3 -n 1 c; echo \"typed:\$c\"" /dev/null </dev/null | tr -d '\r')
	unlike "nor through /dev/tty" "$got" "*typed:x*"
done
t "removed" berth rm -f c
