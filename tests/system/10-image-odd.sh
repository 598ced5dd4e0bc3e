#!/bin/bash
# Layers with everything that is easily got wrong look as `umoci unpack` makes them.
# parallel: yes
# also: vm
. "$(dirname "$0")/lib.sh"
need umoci python3 jq
image="$LIBEXEC/berth-image"
mkdir "$T/odd" "$T/u" "$T/view"
t "the images are made" "$TOP/tests/data/odd-layers" "$T/odd"

# umoci gives directories that no entry names the present time: those are left out by name
made_up() {
	case $1 in
	deep) echo "^'d";;
	gnu-names | names) echo "^'n' \|^'n/b*' \|^'n/dot' ";;
	dir-and-whiteout) echo "^'gone' ";;
	implied) echo "^'e' \|^'e/f' ";;
	*) echo "^'\.' ";;
	esac
}

for dir in "$T"/odd/*; do
	name=${dir##*/}
	if ! umoci unpack --image "$dir:latest" "$T/u/$name" >"$T/log" 2>&1; then
		not_ok "$name: umoci unpacks it" "$(tail -n 1 "$T/log")"
		continue
	fi
	t "$name is loaded" "$image" --root "$T/r/$name" load -i "$dir" || continue
	layers=$(jq -r --arg s "$T/r/$name/store" \
		'.layers | reverse | map($s + "/layers/" + . + "/fs") | join(":")' "$T/r/$name"/store/images/*)
	if ! mount -t overlay -o "ro,lowerdir=$layers:$T/r/$name/store/empty" overlay "$T/view" 2>"$T/log"; then
		not_ok "$name is mounted" "$(cat "$T/log")"
		continue
	fi
	skip=$(made_up "$name")
	diff <("$TOP/tests/tree" "$T/u/$name/rootfs" | grep -v "^'\.' \|$skip") \
		<("$TOP/tests/tree" "$T/view" | grep -v "^'\.' \|$skip") >"$T/diff"
	is "$name looks the same" "$(head -c 2000 "$T/diff")" ""
	umount "$T/view"
	is "$name leaves nothing behind" "$(ls "$T/r/$name/store/tmp")" ""
done
