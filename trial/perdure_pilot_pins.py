"""Which devices and CPUs of a node a slot has."""

import subprocess

from perdure_pilot_files import read


def share(things, parts, part):
    """What falls to one of so many parts: adjacent things, or one that several share where there are more parts."""
    first = part * len(things) // parts
    return things[first : max(first + 1, (part + 1) * len(things) // parts)]


def cores_of(cpus):
    """Logical CPUs by physical core, so that no two slots share one."""
    cores = {}
    for cpu in sorted(cpus):
        try:
            siblings = read("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % cpu)
        except OSError:
            siblings = None
        cores.setdefault(siblings or cpu, []).append(cpu)
    return list(cores.values())


class Pins:
    """Which devices and CPUs a slot has. Pure; all nodes are taken to be like the first."""

    # Aurora: 6 GPUs of 2 tiles; 2 sockets of 52 cores, the first of each reserved; 8 cores a tile, 6 tiles a socket.
    TILES = range(12)
    TILE_CORES = [range(base + 8 * tile, base + 8 * tile + 8) for base in (1, 53) for tile in range(6)]
    # A core's second hardware thread.
    SIBLING = 104

    def __init__(self, kind, slots, environment, cpus, devices=()):
        self.kind, self.slots, self.environment = kind, slots, environment
        self.cpus, self.cores, self.devices = set(cpus), cores_of(cpus), list(devices)

    def of(self, first, count):
        """Environment and CPUs (None: as they are) of adjacent slots of a node."""
        slots = range(first, first + count)
        if self.kind == "cuda":
            return {"CUDA_VISIBLE_DEVICES": ",".join(self._union(self.devices, slots))}, None
        if self.kind == "cores":
            return self._bound({}, self._union(self.cores, slots))
        if self.kind == "aurora_tiles":
            tiles = self._union(self.TILES, slots)
            cores = [core for tile in tiles for core in self.TILE_CORES[tile]]
            if self.slots > len(self.TILES):
                cores = self._union([core for tile in self.TILE_CORES for core in tile], slots)
            return self._bound(self.masks(tiles), [[core, core + self.SIBLING] for core in cores])
        return {}, None

    def masks(self, tiles):
        """Level Zero numbers tiles through (FLAT) or by GPU (COMPOSITE). Both are given, as the trial's own set-up may
        choose the other one after this."""
        flat, composite = ",".join(map(str, tiles)), []
        for gpu in sorted({tile // 2 for tile in tiles}):
            own = [tile for tile in tiles if tile // 2 == gpu]
            composite += ["%d" % gpu] if len(own) == 2 else ["%d.%d" % (gpu, tile % 2) for tile in own]
        hierarchy = self.environment.get("ZE_FLAT_DEVICE_HIERARCHY") or "COMPOSITE"
        return {
            # Said, since drivers differ in what they take for granted.
            "ZE_FLAT_DEVICE_HIERARCHY": hierarchy,
            "ZE_AFFINITY_MASK": ",".join(composite) if hierarchy.upper() == "COMPOSITE" else flat,
            "PERDURE_TILES_FLAT": flat,
            "PERDURE_TILES_COMPOSITE": ",".join(composite),
        }

    def _union(self, things, slots):
        found = [thing for slot in slots for thing in share(things, self.slots, slot)]
        return [thing for index, thing in enumerate(found) if thing not in found[:index]]

    def _bound(self, environment, cores):
        cpus = {cpu for core in cores for cpu in core}
        # Another kind of node, or a job that has only a part of it.
        if not cores or not cpus <= self.cpus:
            return environment, None
        threads = self.environment.get("OMP_NUM_THREADS", str(len(cores)))
        return dict(environment, OMP_NUM_THREADS=threads), cpus


def cuda_devices(environment, slots):
    """The job's devices: what it was given, else what the driver lists, else one a slot."""
    given = environment.get("CUDA_VISIBLE_DEVICES")
    if given is not None and given.strip():
        return [word.strip() for word in given.split(",") if word.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
        count = sum(line.startswith(b"GPU ") for line in listed.stdout.splitlines())
    except (OSError, subprocess.SubprocessError):
        count = 0
    return [str(index) for index in range(count or slots)]
