#!/bin/bash
# Broken config.json files: one line that names the place, status 1, nothing left.
# The corpus is tests/data/config-bad/cases.tsv, and every-field.json with one field of it wrong;
# what is large or not text is made here.
. "$(dirname "$0")/lib.sh"
need python3
make_bundle "$T/b" || exit 1
B=$T/b

# refused NAME PATTERN: config.json in $B is
refused() {
	local left
	run oci create -b "$B" bad-$me
	[ "$rc" = 0 ] && oci delete -f bad-$me
	left=$(ls -A "$T/oci" 2>/dev/null)$(ls -d "$CGROUP2"/berth/bad 2>/dev/null)
	if [ "$rc" != 1 ] || [ "$(grep -c '' "$T/.err")" != 1 ]; then
		not_ok "$1" "status $rc" "stderr: $err"
	elif [ -n "$left" ]; then
		not_ok "$1" "left: $left"
	else
		# shellcheck disable=SC2254
		case $err in
		$2) ok "$1";;
		*) not_ok "$1" "wanted: $2" "stderr: $err";;
		esac
	fi
}

while IFS= read -r line; do
	case $line in '#'*) continue;; esac
	name=${line%%$'\t'*} line=${line#*$'\t'}
	path=${line%%$'\t'*}
	printf %s "${line#*$'\t'}" >"$B/config.json"
	[ "$path" = - ] && path=
	# [ is a glob's; the path is meant as it stands
	refused "$name" "berth-oci: config.json: ${path//\[/\\[}*"
done <"$TOP/tests/data/config-bad/cases.tsv"

like "every field, of another type, out of range, unknown or missing" "$(python3 "$TOP/tests/data/config-bad/every-field.py" "$OCI" "$T/oci" "$B" "$TOP" 2>&1)" "[1-9][0-9][0-9]* documents"

make() { python3 -c "import json,sys; w=sys.stdout.buffer.write; $1" >"$B/config.json"; }
make 'w(b"{\"ociVersion\":\"1.3.0\",\"mounts\":[" + b",".join([b"{\"destination\":\"/a\",\"type\":\"x\"}"]*200000) + b"]}")'
refused "200,000 mounts" "*config.json: mounts: *most is 100000*"
make 'w(b"{\"mounts\":[" + b",".join([b"{}"]*1000000) + b"]}")'
refused "a million mounts" "*config.json: mounts*"
make 'w(b"{\"annotations\":{\"a\":\"" + b"x"*(64<<20) + b"\"}}")'
refused "64 MiB" "*config.json: is larger than 8 MiB"
make 'w(b"["*100000)'
refused "deep arrays" "*config.json: *"
make 'w(b"{\"a\":"*65 + b"1" + b"}"*65)'
refused "deep objects" "*config.json: *"
make 'w(b"{\"ociVersion\":\"1.3.0\",\"hostname\":\"\xff\xfe\"}")'
refused "invalid UTF-8" "*config.json: *"
make 'w(b"\x00"*1000)'
refused "zeros" "*config.json: *"
make 'w(bytes(range(256))*100)'
refused "bytes" "*config.json: *"
rm "$B/config.json"
refused "no file" "*config.json*No such file or directory"
mkdir "$B/config.json"
refused "a folder" "*config.json*"
rmdir "$B/config.json"
mkfifo "$B/config.json"
refused "a pipe" "*config.json*"
rm "$B/config.json"
fails "no bundle" 1 "*bundle*No such file*" oci create -b "$T/nowhere" bad-$me
for id in . .. .a a/b "a b" "" "$(printf 'x%.0s' {1..256})" $'a\nb' $'a\xff'; do
	fails "no container $(printf %q "${id:0:9}")" 1 "*container ID*" oci create -b "$B" "$id"
done
