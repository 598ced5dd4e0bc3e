#!/bin/bash
# system check finds what is wrong with the store, and --repair makes it right.
# parallel: yes
# time: 240
. "$(dirname "$0")/lib.sh"
need jq
use_busybox
sound() { berth run --rm --network none busybox sh -c 'cat /etc/greeting && ls /srv/data /opt/old && stat -c "%a %u:%g %Y" /www/index.html'; }
wanted=$(sound)
t "a store that nobody touched is sound" berth system check
cp -a "$ROOT/store" "$T/whole"
store=$ROOT/store
manifest=$(jq -r '.manifests[0].digest' "$store/index.json")
manifest=${manifest#sha256:}
config=$(jq -r .config.digest "$store/blobs/sha256/$manifest")
config=${config#sha256:}
blob=$(jq -r '.layers[1].digest' "$store/blobs/sha256/$manifest")
blob=$store/blobs/sha256/${blob#sha256:}
record=$store/images/$config
layer() { # a file's name: the folder that has it
	local at
	for at in "$store"/layers/*/fs; do
		[ ! -e "$at/$1" ] && [ ! -L "$at/$1" ] || { echo "$at"; return; }
	done
}
bin=$(layer bin/busybox)
link=$(find "$bin/bin" -type l | head -n 1)

# planted NAME COMMAND...: is found, is repaired, and then all is as before
# lost NAME COMMAND...: the same, but the image has to be loaded again
planted() {
	local name=$1
	shift
	"$@" || not_ok "$name is planted"
	fails "$name is found" 125 "berth: the store has * fault*--repair" berth system check
	t "and repaired" berth system check --repair
	t "for good" berth system check
	[ -n "${reload-}" ] && use_busybox
	is "what runs is as it was" "$(sound)" "$wanted"
	rm -rf "$store"
	cp -a "$T/whole" "$store"
}
lost() { reload=yes planted "$@"; }

planted "a changed file" sh -c 'echo x >>"$1/etc/greeting"' - "$(layer etc/greeting)"
planted "one of the same length and time" sh -c 't=$(mktemp); touch -r "$1" "$t"; printf X | dd of="$1" conv=notrunc status=none; touch -r "$t" "$1"; rm "$t"' - \
	"$(layer www/index.html)/www/index.html"
planted "a missing file" rm "$bin/bin/busybox"
planted "one too many" touch "$bin/bin/extra"
planted "another mode" chmod 4755 "$bin/bin/busybox"
planted "another owner" chown 1:1 "$bin/bin/busybox"
planted "another time" touch "$bin/bin/busybox"
planted "another time of a folder" touch -d @5 "$bin/bin"
planted "another target of a symlink" ln -sfn /nowhere "$link"
planted "an attribute" setfattr -n trusted.berth -v x "$bin/bin/busybox"
planted "a whiteout that is gone" sh -c 'rm "$(find "$1" -type c | head -n 1)"' - "$store/layers"
planted "an empty layer" find "$bin" -mindepth 1 -delete
planted "a layer without its tree" rm -r "$bin"
planted "a layer without its size" rm "${bin%/fs}/info"
planted "a missing layer" rm -r "${bin%/fs}"
planted "all layers missing" find "$store/layers" -mindepth 1 -delete
planted "a damaged record" sh -c 'echo "{" >"$1"' - "$record"
planted "an empty record" truncate -s 0 "$record"
planted "a missing record" rm "$record"
planted "a folder for a record" sh -c 'rm "$1" && mkdir "$1"' - "$record"
planted "a file that is no blob" touch "$store/blobs/sha256/junk"
planted "a blob of another content" sh -c 'echo x >"$1"' - "$store/blobs/sha256/$(printf '0%.0s' {1..64})"
planted "a folder for a blob" mkdir "$store/blobs/sha256/$(printf '1%.0s' {1..64})"
planted "a pipe for a blob" mkfifo "$store/blobs/sha256/$(printf '3%.0s' {1..64})"
planted "a symlink for a blob" ln -s /etc/passwd "$store/blobs/sha256/$(printf '2%.0s' {1..64})"
lost "a layer's blob with another byte" sh -c 'printf X | dd of="$1" bs=1 seek=50 conv=notrunc status=none' - "$blob"
lost "one that is cut off" truncate -s 100 "$blob"
lost "one that is missing" rm "$blob"
lost "a damaged manifest" truncate -s 10 "$store/blobs/sha256/$manifest"
lost "a missing config" rm "$store/blobs/sha256/$config"
lost "a damaged index" truncate -s 30 "$store/index.json"
lost "noise for an index" sh -c 'head -c 3000 /dev/urandom >"$1"' - "$store/index.json"
lost "an empty index" truncate -s 0 "$store/index.json"
lost "an index of what is not there" sed -i "s/$manifest/$(printf 'a%.0s' {1..64})/g" "$store/index.json"
lost "an index with another id" sed -i "s/$config/$(printf 'b%.0s' {1..64})/g" "$store/index.json"

# many at once
several() { chmod 700 "$bin/bin/busybox" && rm "$record" && touch "$store/blobs/sha256/x" && rm -r "$(dirname "$(layer www)")"; }
planted "several at once" several

# what only lies about is none, and goes
mkdir -p "$store/layers/$(printf 'c%.0s' {1..64})/fs/left" "$store/tmp/dead/l0/fs" "$store/partial"
echo '{}' >"$store/images/$(printf 'd%.0s' {1..64})"
printf over >"$T/over"
cp "$T/over" "$store/blobs/sha256/$(sha256sum <"$T/over" | cut -d' ' -f1)"
touch -d '2 days ago' "$store/partial/$(printf 'e%.0s' {1..64})"
t "what nobody needs is no fault" berth system check
t "prune" berth image prune -f
is "takes it all" "$(cd "$store" && find . -type f -o -type d | sort)" "$(cd "$T/whole" && find . -type f -o -type d | sort)"
is "and nothing else" "$(sound)" "$wanted"
for folder in blobs/sha256 blobs layers images tmp empty; do
	rm -rf "${store:?}/$folder"
done
t "a store without its folders" berth load -q -i "$T/busybox.oci"
is "gets them again" "$(sound)" "$wanted"
t "and is sound" berth system check

# other commands go on meanwhile: what they name stays named, what they remove stays removed
mkdir "$T/big" "$T/small"
head -c 40M /dev/urandom >"$T/big/data"
echo x >"$T/small/file"
berth import -q "$T/big" big >/dev/null
small=$(berth import -q "$T/small" small)
manifest=$(jq -r --arg id "$small" '.manifests[] | select(.annotations["berth.image.id"] == $id).digest[7:]' "$store/index.json")
rm "$store/blobs/sha256/$(jq -r '.layers[0].digest[7:]' "$store/blobs/sha256/$manifest")"
"$LIBEXEC/berth-image" --root "$ROOT" check --repair >"$T/check.out" 2>&1 &
pid=$!
# it has read the index when it unpacks
until_true 10 sh -c '[ -n "$(find "$1/tmp" -maxdepth 2 -name "l[0-9]*")" ]' - "$store"
kill -STOP "$pid"
t "a name while the store is checked" berth tag busybox meanwhile
t "and one that goes" berth untag big big
kill -CONT "$pid"
wait "$pid"
is "the check ends well" "$?" 0
like "and has repaired something" "$(cat "$T/check.out")" "*damaged image *small:latest*the name is gone*"
is "without undoing what others did" "$(berth images --format '{{.Repository}}' | sort | tr '\n' ' ')" "<none> busybox meanwhile "
t "the store is sound" berth system check
