#!/bin/bash
# images, tag, rmi, history, image prune: names and images come and go.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq python3
use_busybox

id=$(berth images -q)
like "the table has Docker's columns" "$(berth images | head -n 1)" "REPOSITORY *TAG *IMAGE ID *CREATED *SIZE"
is "-q is a short id" "${#id}" 12
like "--no-trunc a whole one" "$(berth images -q --no-trunc)" "sha256:$id*"
t "another name" berth tag busybox app:v1
t "and one of a registry" berth tag busybox reg.example:5000/team/app
is "each name is a row" "$(berth images --noheading | wc -l)" 3
is "all of one image" "$(berth images -q | sort -u)" "$id"
is "what a template sees" "$(berth images --format '{{.Repository}}:{{.Tag}}' | sort | tail -n 1)" reg.example:5000/team/app:latest
is "JSON" "$(berth images --format json | jq -r .Tag | sort | tr '\n' ' ')" "latest latest v1 "
is "by repository" "$(berth images --noheading app | wc -l)" 1
is "by reference" "$(berth images -q --filter 'reference=*app*' | wc -l)" 1
is "by reference with a path" "$(berth images -q --filter 'reference=reg.example:5000/*/app' | wc -l)" 1
is "dangling ones" "$(berth images -q --filter dangling=true)" ""
fails "an unknown filter" 125 "berth: --filter x: *" berth images --filter x=1
fails "to tag what there is not" 125 "berth: *nosuch*" berth tag nosuch x
fails "a bad name" 125 "berth: *" berth tag busybox 'team/UPPER'
fails "what is not here and cannot be asked for" 125 \
	"berth: pull busybx: image busybx is not in the store (did you mean busybox?), and could not be fetched: *" berth run busybx
fails "a name that is near" 125 "berth: image app:v2 is not in the store (did you mean app:v1?)" berth tag app:v2 x
t "image exists" berth image exists app:v1
ends "or not" 1 berth image exists nosuch

like "history" "$(berth history busybox | head -n 1)" "IMAGE *CREATED *CREATED BY *SIZE *COMMENT"
is "a row for each step" "$(berth history -q busybox | wc -l)" 3
is "sizes as numbers" "$(berth history --human=false --format '{{.Size}}' busybox | grep -vc '^[0-9]*$')" 0

like "tree" "$(berth image tree busybox)" \
	"Image ID: $id?Tags:     ?*busybox:latest*?Size: *?Image Layers?├── ID: *└── ID: *  Top Layer of: ?*busybox:latest*"
is "has a line for each layer" "$(berth image tree busybox | grep -c '^.── ID: [0-9a-f]\{12\} Size: *[0-9]')" 3

# ---- untag
berth tag busybox one
berth tag busybox two:2
t "a name is taken away" berth untag one one
is "that one only" "$(berth images --format '{{.Repository}}' | sort | tr '\n' ' ')" "app busybox reg.example:5000/team/app two "
fails "a name of another image, or of none" 125 "berth: image busybox is not called one" berth untag busybox one
t "all names" berth image untag two:2
is "the image stays without one" "$(berth images --format '{{.Repository}}:{{.Tag}}')" "<none>:<none>"
for name in busybox app:v1 reg.example:5000/team/app; do berth tag "$id" "$name"; done

# ---- what an image's last layer changed
is "diff of an image" "$(berth image diff busybox | grep -v ' /etc' | sort)" \
	"$(printf '%s\n' 'A /opt/old/here' 'C /opt' 'C /opt/old' 'C /srv' 'C /srv/data' 'D /opt/old/gone' 'D /srv/data/b')"
fails "of none" 1 "berth: no such container: nosuch" berth diff nosuch

# ---- commands of others
fails "search is refused in words" 125 "berth: berth has no search: *skopeo*" berth search nginx
fails "so is artifact" 125 "berth: berth has no artifact: skopeo copy*" berth artifact pull x
fails "and image trust" 125 "berth: berth has no image trust: containers-policy.json*" berth image trust show

# ---- commit
berth run --name writer --network none busybox sh -c 'echo new >/etc/new' >/dev/null
says "the id goes into a file, too" "$(berth commit -q --iidfile "$T/iid" writer made)" cat "$T/iid"
berth run -d --name counter --network none busybox sh -c 'while :; do :; done' >/dev/null
t "of one that runs on" berth commit --pause=false counter made
fails "--pause is yes or no" 125 "berth: option --pause: expected true or false, not \"perhaps\"" berth commit --pause=perhaps counter made
berth rm -f counter writer >/dev/null
berth rmi -f made >/dev/null
berth image prune -f >/dev/null
says "import -q says the id" "$(berth import -q "$T/busybox.oci" x)" berth image inspect -f '{{.Id}}' x
t "save takes -q and -m, as podman's does" berth save -q -m -o "$T/two.tar" busybox x
berth rmi x >/dev/null

# ---- rmi
like "a name goes, the image stays" "$(berth rmi app:v1)" "Untagged: *app:v1"
is "two are left" "$(berth images -q | wc -l)" 2
fails "by id with several names" 125 "berth: *names*--force*" berth rmi "$id"
berth create --name user --network none busybox true >/dev/null
t "a name of an image in use goes, if it has another" berth rmi reg.example:5000/team/app
fails "the last one does not" 125 "berth: *in use*" berth rmi busybox
fails "nor without force" 125 "berth: *in use*" berth rmi "$id"
t "it goes by force, since the container does not run" berth rmi -f busybox
is "no image is left" "$(berth images -q)" ""
t "but the container can start" berth start user
is "and end" "$(berth wait user)" 0
berth rm user >/dev/null
fails "no such image" 125 "berth: *nosuch*" berth rmi nosuch
t "which is no error with --ignore" berth rmi --ignore nosuch
t "nor with --force, which says so" berth rmi -f nosuch
like "in words" "$err" "berth: *nosuch*"
use_busybox
like "rmi says what goes" "$(berth rmi busybox)" "Untagged: *busybox:latest?Deleted: sha256:*"

# ---- prune
use_busybox
berth run -d --name user --network none busybox sleep 1000 >/dev/null
like "an image in use stays" "$(berth image prune -af)" "Total reclaimed space: 0B"
berth rm -f user >/dev/null
like "one with a name stays" "$(berth image prune -f)" "Total reclaimed space: 0B"
like "--dry-run says what would go" "$(berth image prune -a --dry-run)" "Images that would go:*untagged: *busybox*reclaimable*"
is "and leaves it" "$(berth images -q)" "$id"
is "until=" "$(berth image prune -af --filter until=2001-01-01T00:00:00Z >/dev/null; berth images -q)" "$id"
is "until= a day" "$(berth image prune -af --filter until=2001-01-01 2>&1 >/dev/null; berth images -q)" "$id"
like "with --all it goes" "$(berth image prune -af)" "*untagged: *busybox:latest*deleted: sha256:*Total reclaimed space: *"
is "with all its layers" "$(find "$ROOT/store/layers" -mindepth 1 -maxdepth 1 | wc -l)" 0
ask() { echo n | "$BERTH" --root "$ROOT" image prune -a; }
use_busybox
ends "who says no is heard" 1 ask
is "nothing went" "$(berth images -q)" "$id"

# ---- who started us may ignore SIGCHLD: then nobody could be waited for
use_busybox
ignoring() { python3 -c 'import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])' "$@"; }
t "load under a caller that ignores SIGCHLD" ignoring "$BERTH" --root "$ROOT" load -q -i "$T/busybox.oci"
says "run" "waited" ignoring "$BERTH" --root "$ROOT" run --rm --network none busybox sh -c 'sleep 0.1 & wait; echo waited'
