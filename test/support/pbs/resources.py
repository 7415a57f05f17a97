"""Resources of a job: read from `-l`, checked, and shown as PBS shows them."""

import re

from state import Refused, clock

WHOLE = ("ncpus", "ngpus", "mpiprocs", "ompthreads", "nodect")
TEXTS = ("filesystems", "system", "host", "vnode", "arch", "place", "select", "software", "nodes", "broken")
SIZES = ("mem", "vmem", "pmem", "pvmem", "file")
TIMES = ("walltime", "cput", "pcput", "min_walltime", "max_walltime", "soft_walltime")


def seconds(text):
    """`90`, `1:30`, `00:01:30`. @returns None for anything else"""
    if not re.fullmatch(r"\d+(:\d+){0,2}(\.\d+)?", text):
        return None
    total = 0
    for part in text.partition(".")[0].split(":"):
        total = total * 60 + int(part)
    return total


def check_value(name, text, shown):
    good = True
    if name in WHOLE:
        good = re.fullmatch(r"\d+", text) is not None
    elif name in TIMES:
        good = seconds(text) is not None
    elif name in SIZES:
        good = re.fullmatch(r"\d+([kmgtp]?[bw])?", text, re.I) is not None
    if not good:
        raise Refused(166, f"Illegal attribute or resource value {shown}")


def chunks(select):
    """`2:ncpus=4+1` as [(count, {name: value})]."""
    found = []
    for part in select.split("+"):
        fields = part.split(":")
        count = 1
        if re.fullmatch(r"\d+", fields[0]):
            count = int(fields.pop(0))
        wanted = {}
        for field in fields:
            name, equals, value = field.partition("=")
            if not equals:
                raise Refused(166, "Illegal attribute or resource value Resource_List.select")
            if name not in WHOLE + TEXTS + SIZES:
                raise Refused(187, f"Unknown resource Resource_List.{name}")
            check_value(name, value, f"select.{name}")
            wanted[name] = value
        found.append((count, wanted))
    return found


def from_nodes(text):
    """The old `nodes=2:ppn=4` as a select statement."""
    count, _, rest = text.partition(":")
    cpus = re.search(r"ppn=(\d+)", rest)
    return f"{count}:ncpus={cpus.group(1)}" if cpus else count


def resource_list(asked):
    """What the job's Resource_List says. @raises Refused for what PBS knows nothing of, or can't read"""
    for name, value in asked.items():
        if name not in WHOLE + TEXTS + SIZES + TIMES:
            raise Refused(187, f"Unknown resource Resource_List.{name}")
        check_value(name, value, f"Resource_List.{name}")
    found = dict(asked)
    if "nodes" in found:
        found["select"] = from_nodes(found.pop("nodes"))
    given = "select" in found
    if not given:
        found["select"] = f"1:ncpus={asked.get('ncpus', '1')}"
    parts = chunks(found["select"])
    found["nodect"] = str(sum(count for count, _ in parts))
    found["ncpus"] = str(sum(count * int(wanted.get("ncpus", 1)) for count, wanted in parts))
    found.setdefault("place", "free" if given else "pack")
    for name in ("walltime", "cput"):
        if name in found:
            found[name] = clock(seconds(found[name]))
    return found
