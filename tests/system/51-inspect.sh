#!/bin/bash
# inspect: Docker's JSON of containers and the other things, and templates over it.
# parallel: yes
. "$(dirname "$0")/lib.sh"
need jq
use_busybox

cid=$(berth create --name c -e A=b -w /tmp -h box -l k=v -l com.x/y=z -u 1000:1000 -v data:/data \
	-v /tmp:/host:ro --tmpfs /scratch -p 127.0.0.1:8080:80 --restart on-failure:3 --stop-signal USR1 \
	--ulimit nofile=100:200 --cap-drop CHOWN --cap-add NET_ADMIN --read-only --entrypoint echo \
	-m 64m --cpus 1.5 busybox one "two three")
got() { berth inspect c | jq -c ".[0]$1"; }

is "Id" "$(got .Id)" "\"$cid\""
is "Name" "$(got .Name)" '"/c"'
is "Path and Args" "$(got '|[.Path, .Args]')" '["echo",["one","two three"]]'
is "State of what never ran" "$(got '.State|[.Status,.Running,.Pid,.ExitCode,.StartedAt]')" \
	'["created",false,0,0,"0001-01-01T00:00:00Z"]'
is "no health check, no Health" "$(got '.State|has("Health")')" false
is "Config" "$(got '.Config|[.Hostname,.User,.WorkingDir,.Cmd,.Entrypoint,.Image,.Tty,.StopSignal]')" \
	'["box","1000:1000","/tmp",["one","two three"],["echo"],"busybox",false,"SIGUSR1"]'
is "labels" "$(got .Config.Labels)" '{"k":"v","com.x/y":"z"}'
is "the environment" "$(got '.Config.Env|map(select(startswith("A=")))')" '["A=b"]'
is "Binds" "$(got .HostConfig.Binds)" '["data:/data","/tmp:/host:ro"]'
is "PortBindings" "$(got .HostConfig.PortBindings)" '{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]}'
is "RestartPolicy" "$(got .HostConfig.RestartPolicy)" '{"Name":"on-failure","MaximumRetryCount":3}'
is "limits" "$(got '.HostConfig|[.Memory,.NanoCpus]')" '[67108864,1500000000]'
berth create --name fine --cpus 1.2345 busybox true >/dev/null
berth create --name most --cpu-quota 9223372036854775807 busybox true >/dev/null
is "to the last digit" "$(berth inspect --format '{{.HostConfig.NanoCpus}}' fine most | tr '\n' ' ')" "1234500000 9223372036854775807 "
berth rm fine most >/dev/null
is "ulimits" "$(got '.HostConfig.Ulimits|map(select(.Name=="nofile"))')" '[{"Name":"nofile","Hard":200,"Soft":100}]'
is "capabilities" "$(got '.HostConfig|[.CapAdd,.CapDrop]')" '[["CAP_NET_ADMIN"],["CAP_CHOWN"]]'
is "more of HostConfig" "$(got '.HostConfig|[.ReadonlyRootfs,.Privileged,.NetworkMode,.LogConfig.Type,.ShmSize]')" \
	'[true,false,"bridge","k8s-file",67108864]'
is "Mounts" "$(got '.Mounts|map([.Type,.Name,.Destination,.RW])')" \
	'[["volume","data","/data",true],["bind",null,"/host",false],["tmpfs",null,"/scratch",true]]'
is "networks before it runs" "$(got '.NetworkSettings.Networks|keys')" '["bridge"]'
is "an image's id" "$(got .Image)" "\"$(berth images -q --no-trunc)\""
is "by a prefix of the id" "$(berth inspect -f '{{.Name}}' "${cid:0:8}")" /c
is "several at once" "$(berth inspect c busybox data | jq length)" 3
is "-s" "$(berth inspect -s c | jq '.[0].SizeRw')" 0

# ---- templates, as people write them
says "a number" 0 berth inspect -f '{{.State.Pid}}' c
says "a truth value" false berth inspect -f '{{.State.Running}}' c
says "other capitals" "$cid" berth inspect -f '{{.ID}}' c
says "index" z berth inspect -f '{{index .Config.Labels "com.x/y"}}' c
says "index of what is not there" "" berth inspect -f '{{index .Config.Labels "none"}}' c
says "a map's member that is not there" "<no value>" berth inspect -f '{{.Config.Labels.none}}' c
says "range over a map" "com.x/y=z k=v " berth inspect -f '{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}' c
says "range over mounts" "volume bind tmpfs " berth inspect -f '{{range .Mounts}}{{.Type}} {{end}}' c
says "nested index" 8080 berth inspect -f '{{(index (index .HostConfig.PortBindings "80/tcp") 0).HostPort}}' c
says "if of what may be absent" none berth inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' c
says "json of a part" '["one","two three"]' berth inspect -f '{{json .Args}}' c
says "join" "one-two three" berth inspect -f '{{join .Args "-"}}' c
says "pipes" "2 CREATED" berth inspect -f '{{.Args | len}} {{.State.Status | upper}}' c
is "println" "$(berth inspect -f '{{println .Name}}' c | wc -l)" 2
is "--format json is one line" "$(berth inspect -f json c | wc -l)" 1
fails "what there is not" 125 "berth: template: there is no .Nope here; there are .Status, .Running*" \
	berth inspect -f '{{.State.Nope}}' c
fails "no such object" 1 "berth: no such object: nosuch" berth inspect nosuch
is "prints an empty list" "$(berth inspect nosuch 2>/dev/null)" "[]"
run berth inspect -f '{{.Name}}' c nosuch
is "one of two is shown" "$out $rc" "/c 1"
fails "--type image" 1 "berth: *c*" berth inspect --type image c
fails "an unknown type" 125 "berth: --type x: *" berth inspect --type x c
says "container inspect" /c berth container inspect -f '{{.Name}}' c
fails "is for containers only" 1 "berth: no such container: busybox" berth container inspect busybox
t "container exists" berth container exists c
ends "or not" 1 berth container exists nosuch

# ---- one that runs
berth run -d --name r busybox sleep 1000 >/dev/null
is "Status" "$(berth inspect -f '{{.State.Status}} {{.State.Running}} {{.State.Paused}}' r)" "running true false"
is "its process" "$(cat "/proc/$(berth inspect -f '{{.State.Pid}}' r)/comm")" sleep
ip=$(berth exec r ip -4 -o addr show eth0 | awk '{ sub("/.*", "", $4); print $4 }')
is "its address" "$(berth inspect -f '{{.NetworkSettings.IPAddress}}' r)" "$ip"
is "the same by network" "$(berth inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' r)" "$ip"
is "StartedAt is a time of today" "$(berth inspect -f '{{.State.StartedAt}}' r | cut -c 1-10)" "$(date -u +%F)"
berth kill r >/dev/null
berth wait r >/dev/null
is "how it ended" "$(berth inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}' r)" "exited 137 0"

# ---- other things
like "an image" "$(berth image inspect -f '{{.Id}} {{.Os}} {{join .RepoTags ","}}' busybox)" 'sha256:* linux *busybox:latest'
is "its layers, by what is in them" "$(berth image inspect busybox | jq -r '.[0].RootFS.Layers|map(startswith("sha256:"))|unique|length')" 1
is "a volume" "$(berth volume inspect -f '{{.Name}} {{.Driver}}' data)" "data local"
is "its files" "$(berth volume inspect -f '{{.Mountpoint}}' data)" "$ROOT/volumes/data/_data"
like "a network" "$(berth network inspect -f '{{.Driver}} {{(index .IPAM.Config 0).Subnet}}' bridge)" "bridge *.*.*.*/*"
fails "no such volume" 1 "berth: no such volume: x" berth volume inspect x
fails "no such network" 1 "berth: *x*" berth network inspect x
