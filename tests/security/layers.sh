#!/bin/bash
# Hostile layers: names that lead outside, bombs, absurd entries (zip-slip family,
# CVE-2021-29136, CVE-2024-1753).
# time: 300
. "$(dirname "$0")/../system/lib.sh"
need python3
mkdir "$T/victim"
echo host >"$T/victim/file"
snapshot() { (cd "$T/victim" && find . -printf '%p %m %U %y %s\n' | sort; cat file); }
before=$(snapshot)

"$TOP/tests/security/hostile-layers.py" "$T/hostile" "$T/victim" >"$T/list" || exit 1
while read -r name verdict word; do
	r=$T/root.$name
	run timeout 120 "$BERTH" --root "$r" load -i "$T/hostile/$name"
	case $verdict in
	refused)
		if [ "$rc" = 125 ] && [ "$(grep -c . "$T/.err")" = 1 ] && [[ $err == berth:* ]]; then
			ok "$name is refused in one line"
			[ "$word" = - ] || like "  which names the entry" "$err" "*$word*"
		else
			not_ok "$name is refused in one line" "status $rc" "$out" "$err"
		fi
		is "  no layer is in the store" "$(find "$r/store/layers" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" 0
		is "  and no image" "$("$BERTH" --root "$r" images -q 2>/dev/null)" "";;
	harmless)
		isnt "$name ends" "$rc" 124;;
	esac
	is "  the host is untouched" "$(snapshot)" "$before"
	rm -rf "$r"
done <"$T/list"
is "nothing was made beside" "$(find "$T" -maxdepth 1 -name '*escaped*')" ""
is "nor at the top" "$(find / -maxdepth 1 -name '*escaped*')" ""
