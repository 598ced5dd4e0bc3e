#!/usr/bin/python3
"""Every field of config.json made wrong, one at a time: of another type, out of range, an unknown
word, missing.  What is refused must be refused in one line that names the field.

every-field.py OCI ROOT BUNDLE SOURCES: prints what went otherwise, and how many there were."""
import copy
import json
import os
import re
import subprocess
import sys

oci, root, bundle, sources = sys.argv[1:]
with open(os.path.join(os.path.dirname(__file__), "every-field.json")) as f:
    GOOD = json.load(f)

# Fields whose strings come out of a list, and fields that must be there.
WORDS = {"type", "policy", "class", "action", "defaultAction", "op", "domain", "mode", "access",
         "architectures[0]", "flags[0]", "rootfsPropagation", "ociVersion", "initial", "final"}
NEEDED = {"ociVersion", "process", "process.args", "process.cwd", "linux.personality.domain",
          "process.scheduler.policy", "process.ioPriority.class", "linux.memoryPolicy.mode",
          "linux.seccomp.defaultAction"}
NEEDED_IN = {"process.consoleSize": {"height", "width"}, "process.rlimits[0]": {"type", "hard", "soft"},
             "mounts[0]": {"destination"}, "linux.devices[0]": {"path", "type"},
             "linux.namespaces[0]": {"type"}, "linux.resources.devices[0]": {"allow"},
             "linux.resources.hugepageLimits[0]": {"pageSize", "limit"},
             "linux.resources.blockIO.weightDevice[0]": {"major", "minor"},
             "linux.resources.network.priorities[0]": {"name", "priority"},
             "linux.seccomp.syscalls[0]": {"names", "action"},
             "linux.seccomp.syscalls[0].args[0]": {"index", "value", "op"}}
for hook in GOOD["hooks"]:
    NEEDED_IN[f"hooks.{hook}[0]"] = {"path"}
for rate in ("ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"):
    NEEDED_IN[f"linux.resources.blockIO.throttle{rate}Device[0]"] = {"major", "minor", "rate"}
for ids in ("linux.", "mounts[0]."):
    for which in ("uid", "gid"):
        NEEDED_IN[f"{ids}{which}Mappings[0]"] = {"containerID", "hostID", "size"}
NEEDED |= {f"{where}.{name}" for where, names in NEEDED_IN.items() for name in names}


def fields(value, path="", steps=()):
    """(path, steps, value) of all there is below value."""
    if isinstance(value, dict):
        below = [(f'{path}["{k}"]' if "." in k else f"{path}.{k}".lstrip("."), k, v)
                 for k, v in value.items()]
    elif isinstance(value, list):
        below = [(f"{path}[{i}]", i, v) for i, v in enumerate(value)]
    else:
        below = []
    for name, step, v in below:
        yield name, (*steps, step), v
        yield from fields(v, name, (*steps, step))


def wrong(path, value):
    """Values that the field must not have."""
    if isinstance(value, bool):
        return ["true", 1]
    if isinstance(value, int):
        return ["1", True, {}, 1.5, 1 << 64, -(1 << 63) - 1]
    if isinstance(value, str):
        word = path.split(".")[-1] in WORDS and path != "mounts[0].type"
        return [1, []] + (["nonsense"] if word else [])
    return ["word", [] if isinstance(value, dict) else {}]


tried, bad = 0, 0


def refuse(path, what, document):
    global tried, bad
    tried += 1
    with open(f"{bundle}/config.json", "w") as out:
        json.dump(document, out)
    r = subprocess.run([oci, "--root", root, "create", "-b", bundle, "field"], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=60)
    left = os.listdir(root) if os.path.isdir(root) else []
    if (r.returncode == 1 and r.stderr.count("\n") == 1 and not left and
            re.match(re.escape(f"berth-oci: config.json: {path.removesuffix('[0]')}") + r"(\[0\])?:", r.stderr)):
        return
    bad += 1
    print(f"{path} {what}: status {r.returncode}, left {left}: {r.stderr.strip()}")


seen = set()
for path, steps, value in fields(GOOD):
    seen.add(steps[-1])
    for w in wrong(path, value):
        document = copy.deepcopy(GOOD)
        at = document
        for step in steps[:-1]:
            at = at[step]
        at[steps[-1]] = w
        refuse(path, f"as {json.dumps(w)}", document)
    if path in NEEDED:
        document = copy.deepcopy(GOOD)
        at = document
        for step in steps[:-1]:
            at = at[step]
        del at[steps[-1]]
        refuse(path, "missing", document)
        NEEDED.remove(path)

# What the parser knows is what was tried.
for name in ("runtime/spec_read.c", "runtime/spec_linux.c", "runtime/spec_mount.c", "runtime/spec_process.c",
             "cgroup/limits_json.c", "seccomp/profile.c"):
    with open(os.path.join(sources, name)) as f:
        for key in re.findall(r'^\t\t(?:SPEC_ROW\(|SPEC_WHOLE\(|LIMIT\(|\{ )"(\w+)", ', f.read(), re.M):
            if key not in seen:
                bad += 1
                print(f"{name}: {key} is in no document")
for path in NEEDED:
    bad += 1
    print(f"{path} is not in the document")
print(f"{tried} documents")
sys.exit(bad != 0)
