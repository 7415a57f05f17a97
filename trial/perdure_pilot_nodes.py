"""The nodes of a block's job, and which slots of them are free."""

import collections
import socket

from perdure_pilot_files import read

Place = collections.namedtuple("Place", "nodes first count")


class Nodes:
    """Which slots of which node are free. Pure."""

    def __init__(self, count, slots):
        self.slots, self.free = slots, [set(range(slots)) for _ in range(count)]

    def could_hold(self, entry):
        """Whether it would fit if nothing else ran."""
        return entry["nodes"] <= len(self.free) and entry["slots"] <= self.slots

    def take(self, entry):
        """A place, which is taken with this; None where there is none now."""
        if is_wide(entry):
            empty = [node for node, free in enumerate(self.free) if len(free) == self.slots][: entry["nodes"]]
            return self._take(empty, 0, self.slots) if len(empty) == entry["nodes"] else None
        # The fullest node first, so that whole nodes stay whole.
        for node in sorted(range(len(self.free)), key=lambda node: len(self.free[node])):
            for first in sorted(self.free[node]):
                if self.free[node].issuperset(range(first, first + entry["slots"])):
                    return self._take([node], first, entry["slots"])
        return None

    def release(self, place):
        for node in place.nodes:
            self.free[node].update(range(place.first, place.first + place.count))

    def _take(self, nodes, first, count):
        for node in nodes:
            self.free[node].difference_update(range(first, first + count))
        return Place(tuple(nodes), first, count)


def is_wide(entry):
    """Whether it has whole nodes."""
    return entry["nodes"] > 1 or entry["ranks_per_node"] is not None


def nodes_of(environment):
    """The job's hosts, and the line of PBS' list at which each begins: pbsdsh counts lines."""
    text = read(environment.get("PBS_NODEFILE", "")) or socket.gethostname()
    lines = text.split()
    hosts = list(dict.fromkeys(lines))
    return hosts, [lines.index(host) for host in hosts]
