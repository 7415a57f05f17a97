"""The trials that are ready, shared by all blocks of a site."""

import json
import os
import re

from perdure_pilot_files import read, remove, said


class Inbox:
    """Trials that are ready, and those of them that this block has taken."""

    def __init__(self, root, block, problem):
        self.ready, self.problem = os.path.join(root, "ready"), problem
        self.taken = os.path.join(root, "blocks", block, "taken")
        self.seen, self.root = {}, root
        for directory in (self.ready, self.taken, os.path.join(root, "news")):
            os.makedirs(directory, exist_ok=True)

    def look(self):
        """What is ready, the first one first. An entry that can't be read stays where it is."""
        names = [name for name in os.listdir(self.ready) if re.fullmatch(r"\w[\w.-]*(?<!\.tmp)", name)]
        self.seen = {name: self.seen.get(name) or self._parse(name) for name in names}
        found = [(entry["order"], name, entry) for name, entry in self.seen.items() if entry is not None]
        return [(name, entry) for _, name, entry in sorted(found, key=lambda item: item[:2])]

    def claim(self, name):
        """True where it is this block's now."""
        try:
            os.rename(os.path.join(self.ready, name), os.path.join(self.taken, name))
            return True
        except FileNotFoundError:
            # Another block's; or a file server did it and its answer was lost.
            return os.path.exists(os.path.join(self.taken, name))

    def give_back(self, name, entry):
        # Nobody's while its entry is in `taken`, which tells whose it is.
        remove(os.path.join(self.root, entry["path"], ".perdure", "block"))
        os.rename(os.path.join(self.taken, name), os.path.join(self.ready, name))

    def _parse(self, name):
        try:
            text = read(os.path.join(self.ready, name))
            if text is None:
                return None
            entry = dict({"order": 0, "slots": 1, "nodes": 1, "ranks_per_node": None}, **json.loads(text))
            counts = [entry["slots"], entry["nodes"], entry["ranks_per_node"]]
            if counts[2] is None:
                counts.pop()
            if not all(type(count) is int and count > 0 for count in counts):
                raise ValueError("slots, nodes and ranks_per_node are whole numbers from 1")
            named = re.fullmatch(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)*", entry["path"])
            if type(entry["order"]) not in (int, float) or not named:
                raise ValueError("its path or its order is not one")
            if not entry["argv"] or not all(isinstance(word, str) for word in entry["argv"]):
                raise ValueError("argv is a list of words")
            if not os.path.isdir(os.path.join(self.root, entry["path"], ".perdure")):
                raise ValueError("its directory %s is not there" % entry["path"])
            return entry
        except (OSError, ValueError, TypeError, KeyError) as error:
            self.problem("ready/%s is left alone: %s" % (name, said(error)))
            return None
