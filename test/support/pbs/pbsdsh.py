"""pbsdsh: runs a command once for every line of the job's node file, here all on this machine."""

import os
import subprocess

from state import Refused


def run(state, command, arguments, faults, log):
    words, only = list(arguments), None
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word == "--":
            break
        if word in ("-n", "-c"):
            only = (word, int(words.pop(0)))
    nodefile = os.environ.get("PBS_NODEFILE")
    if nodefile is None or not words:
        raise Refused(1, "not executing under PBS" if nodefile is None else "no command")
    with open(nodefile) as file:
        hosts = file.read().split()
    places = range(len(hosts))
    if only is not None:
        places = [only[1]] if only[0] == "-n" else places[: only[1]]
    children = []
    for place in places:
        environment = {
            **os.environ,
            "PBS_NODENUM": str(place),
            "PBS_TASKNUM": str(place + 2),
            "PBS_VNODENUM": str(place),
        }
        children.append(subprocess.Popen(words, env=environment))
    return max([child.wait() & 255 for child in children], default=0)
