"""Nodes and their processors: where a job's chunks go, and why they can't."""

from resources import chunks


class Cluster:
    def __init__(self, settings):
        self.cpus = settings["cpusPerNode"]
        self.free = {name: self.cpus for name in settings["nodeNames"]}
        self.slots = {name: 0 for name in settings["nodeNames"]}
        self.whole_nodes = settings["wholeNodes"]
        self.taken = {}

    def never(self, job):
        """Words for a job that this cluster can't ever run; None where it can."""
        parts = chunks(job.get("Resource_List.select"))
        for _, wanted in parts:
            cpus = int(wanted.get("ncpus", 1))
            if cpus > self.cpus:
                return (
                    f"Can Never Run: Insufficient amount of resource: ncpus (R: {cpus} A: {self.cpus} T: {self.cpus})"
                )
        total = sum(count for count, _ in parts)
        if self._apart(job) and total > len(self.free):
            return "Can Never Run: Not enough total nodes available"
        wanted = int(job.get("Resource_List.ncpus"))
        most = self.cpus * len(self.free)
        if wanted > most:
            return f"Can Never Run: Insufficient amount of resource: ncpus (R: {wanted} A: {most} T: {most})"
        return None

    def _apart(self, job):
        return self.whole_nodes or job.get("Resource_List.place", "").startswith(("scatter", "vscatter"))

    def take(self, job):
        """[(node, slot, processors)], a chunk each; None where there is no room now."""
        found, left = [], dict(self.free)
        for count, wanted in chunks(job.get("Resource_List.select")):
            cpus = self.cpus if self.whole_nodes else int(wanted.get("ncpus", 1))
            for _ in range(count):
                used = {name for name, _, _ in found} if self._apart(job) else set()
                name = next((name for name, room in left.items() if room >= cpus and name not in used), None)
                if name is None:
                    return None
                left[name] -= cpus
                found.append((name, self.slots[name], int(wanted.get("ncpus", 1))))
        for name, room in left.items():
            self.slots[name] += self.free[name] != room
        self.taken[job.id] = {name: self.free[name] - room for name, room in left.items()}
        self.free = left
        return found

    def give_back(self, id):
        for name, cpus in self.taken.pop(id, {}).items():
            self.free[name] += cpus
