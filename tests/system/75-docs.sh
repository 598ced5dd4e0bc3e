#!/bin/bash
# Help, man pages and completions, which come from the same rows; installation.
# time: 600
# parallel: yes
. "$(dirname "$0")/lib.sh"
need groff

"$BERTH" help all >"$T/all"
missing=''
while read -r line; do
	name=$(sed 's/  .*//' <<<"$line")
	# shellcheck disable=SC2086 # a command may have two words
	"$BERTH" help $name >"$T/one" 2>&1 || missing+=" $name"
	grep -q "^usage: berth $name" "$T/one" || missing+=" $name(usage)"
	# shellcheck disable=SC2086
	"$BERTH" $name --help >"$T/two" 2>&1 || missing+=" $name(--help)"
	cmp -s "$T/one" "$T/two" || missing+=" $name(differs)"
done < <(sed 's/^  //' "$T/all")
is "each command explains itself, both ways" "$missing" ""
odd=''
while read -r line; do
	name=$(sed 's/  .*//' <<<"$line")
	# shellcheck disable=SC2086
	"$BERTH" help $name >"$T/one"
	odd+=$(grep -n ' $' "$T/one" | sed "s/^/ $name: ends with a space: /")
	odd+=$(sed -n '/^Options:$/,$p' "$T/one" | sed -n 's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' | sort | uniq -d | sed "s/^/ $name: twice: /")
	odd+=$([ "$(tail -n 1 "$T/one")" != Options: ] || echo " $name: no options")
	odd+=$(sed '/^Options:$/,$d' "$T/one" | grep '.\{101\}' | sed "s/^/ $name: too wide: /")
done < <(sed 's/^  //' "$T/all")
is "no page of help has an empty part, an option twice, a line without an end" "$odd" ""
# README's table: a part is names, or groups and what each of them has
sed -n '/^| command | does |$/,/^$/p' "$TOP/README.md" | sed '1,2d' | cut -d'|' -f2 | grep -v '`oci' | tr ';' '\n' >"$T/parts"
wrong='' listed=''
while IFS= read -r part; do
	mapfile -t first < <(grep -o '`[^`]*`' <<<"${part%%:*}" | tr -d '`')
	mapfile -t second < <(grep -o '`[^`]*`' <<<"${part#"${part%%:*}"}" | tr -d '`')
	for group in "${first[@]}"; do
		for name in "${second[@]-}"; do
			name="${group% \[COMMAND\]}${name:+ $name}"
			listed+="$name"$'\n'
			grep -q "^  $name  " "$T/all" || wrong+=" $name"
		done
	done
done <"$T/parts"
is "each command of README's table is there" "$wrong" ""
is "and each that is there in the table" \
	"$(sed 's/^  //; s/  .*//' "$T/all" | grep -vxF -e "container exists" -e "image exists" -e "container inspect" -e "image inspect" -f <(echo -n "$listed"))" ""
t "man pages and completions are written" "$BERTH" internal-docs "$T/docs"
is "a page for each command, one for all, one for the OCI runtime" "$(ls "$T/docs/man1" | wc -l)" $(($(wc -l <"$T/all") + 2))
groff -Kutf8 -man -Tascii -P-cbou "$T/docs/man1/berth-oci.1" >"$T/oci.page"
"$OCI" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' >"$T/oci.names"
while read -r name; do
	sed -n "/^   $name\>/,/^   [a-z]\|^[A-Z]/p" "$T/oci.page" | grep -o -- "^   $name\>\|--[a-z][a-z0-9-]*" | sort -u
done <"$T/oci.names" >"$T/oci.has"
while read -r name; do
	{ echo "   $name"; "$OCI" "$name" --help | grep -o -- '^ .*--[a-z][a-z0-9-]*' | sed 's/.* //'; } | sort -u
done <"$T/oci.names" >"$T/oci.wanted"
is "which has every command and option that its help has" "$(diff "$T/oci.wanted" "$T/oci.has" && grep -c '^ ' "$T/oci.has")" \
	"$(wc -l <"$T/oci.names")"
like "and the global ones" "$(cat "$T/oci.page")" "*--systemd-cgroup*COMMANDS*create*--console-socket*restore*"
is "no page has a fault" "$(groff -Kutf8 -man -ww -Tutf8 -z "$T"/docs/man1/*.1 2>&1 | head -n 3)" ""
like "a page has the options" "$(cat "$T/docs/man1/berth-stop.1")" "*signal*Signal that asks it to stop*"
t "the completion for bash is a script" bash -n "$T/docs/completions/berth.bash"

# ---- what a shell is offered
use_busybox
berth create --name omega busybox true >/dev/null
berth create --name zeta busybox true >/dev/null
offers() { berth internal-complete "$@" | sort | tr '\n' ' '; }
is "commands" "$(offers st)" "start stats stop "
is "groups" "$(offers volu)" "volume "
like "words of a group" "$(offers volume '')" "create *inspect *ls *prune *rm *"
is "containers by name" "$(offers rm o)" "omega "
like "images" "$(offers run bu)" "busybox*"
is "options" "$(offers run --memory-s)" "--memory-swap "
is "values of an option" "$(offers run --restart on)" "on-failure "
is "networks" "$(offers run --network h)" "host "
is "nothing after the image" "$(offers run busybox --memory)" ""
bash_offers() {
	PATH=$(dirname "$BERTH"):$PATH BERTH_ROOT=$ROOT bash -c '. "$1"; COMP_LINE="berth rm om"; COMP_POINT=11; _berth; echo "${COMPREPLY[@]}"' - "$T/docs/completions/berth.bash"
}
says "bash completes" omega bash_offers
berth rm omega zeta >/dev/null

# ---- the templates that help shows, typed as they stand there
berth volume create vol >/dev/null
echo x | berth secret create sec >/dev/null
berth run -d --name up --network none busybox sleep 1000 >/dev/null
wrong='' tried=0
while read -r name args; do
	while IFS= read -r template; do
		tried=$((tried + 1))
		# shellcheck disable=SC2086
		run berth ${name//_/ } --format "$template" $args || wrong+=" $name $template: $err"
	done < <("$BERTH" help ${name//_/ } | grep -- '--format FORMAT' | grep -o "'[^']*{{[^']*'" | tr -d "'")
done <<LIST
ps
images
history busybox
stats --no-stream up
system_df
volume_ls
network_ls
secret_ls
info
version
events --since 10m --until 0s
inspect up
container_inspect up
image_inspect busybox
volume_inspect vol
network_inspect bridge
secret_inspect sec
LIST
is "they do" "$wrong" ""
is "each command has one" "$((tried >= 17))" 1
berth rm -f up >/dev/null

# ---- installation
t "make install" make -C "$TOP" B="$B" DESTDIR="$T/in place" PREFIX=/usr install
export BERTH_ROOT=$T/root2
t "what is installed works" "$T/in place/usr/bin/berth" load -q -i "$T/busybox.oci"
says "on its own" works "$T/in place/usr/bin/berth" run --rm --network none busybox echo works
t "its pages are there" test -s "$T/in place/usr/share/man/man1/berth-run.1"
t "make uninstall" make -C "$TOP" B="$B" DESTDIR="$T/in place" PREFIX=/usr uninstall
is "nothing of it stays" "$(find "$T/in place" -type f -o -type l | head)" ""
