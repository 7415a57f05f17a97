"""Runs many trials in one PBS job. Standard library only, Python 3.9 or newer; started on the job's first node.

Trials that are ready lie in W/ready, shared by all blocks; whoever renames one into its own W/blocks/BLOCK/taken has
it. Renaming and linking is all that is asked of the file system: no locks, no notifications.

The pilot may be killed at any line, and nothing is lost or doubled. A trial that it had taken has no status then, and
its block is gone: that is a new attempt. What it had started ends too: the guard, in a session of its own, holds the
other end of a pipe, and a trial's process waits at a gate until the guard knows it. Killed at the same moment as its
guard, it leaves its trials to PBS. The fence is the wrapper's, in the attempt.

W/PATH/.perdure/block names the block; who makes it first has the trial, should it ever be ready twice. 'unfinished'
beside it says that the attempt did not end by itself: 'REASON' before the first signal, 'REASON over' once nothing of
it runs. Reasons: walltime, terminated (the job was told to end), killed (the pilot was), lost (the wrapper vanished;
the block goes on). A status counts for nothing then, except 0 with a result: that one was done, and loses its mark.
"""

import argparse
import collections
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# What a launcher says to each program it starts.
LAUNCHERS_OWN = re.compile(
    r"(PMI|PMIX|PALS|HYDRA|OMPI|PRTE|MPI)_|(PBS_(NODENUM|TASKNUM)|HOSTNAME|PWD|OLDPWD|SHLVL|_)$"
)
# pbsdsh passes TERM on, and says nothing of its program's end. Words: pbsdsh and its arguments.
PBSDSH = """
trap : TERM
"$@" >>output.log 2>&1
code=$?
[ -r .perdure/exit ] && read -r code <.perdure/exit
exit $code"""
# On another node, after `set -- PROGRAM`. Output would go to the job's, and nothing would end it when pbsdsh is killed.
UNDER_PBSDSH = """
exec >>output.log 2>&1 </dev/null
trap : TERM INT HUP
(exec "$@") & program=$!
(trap '' TERM; while sleep 2; do [ -e .perdure/over ] && kill -KILL 0; done) & watch=$!
wait $program; code=$?
# A trap interrupts it.
while kill -0 $program 2>/dev/null; do wait $program; code=$?; done
kill -KILL $watch
echo $code >.perdure/exit.tmp && mv .perdure/exit.tmp .perdure/exit
"""
# Waits for a word before it becomes the wrapper; one that never comes ends it. The process id stays the same.
GATE = 'read -r word || exit 0; exec "$@" </dev/null'


def write(path, text, mode=0o644):
    """Write a file so that it is there whole or not at all."""
    temporary = "%s.%s.%d.tmp" % (path, socket.gethostname(), os.getpid())
    try:
        opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(opened, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        remove(temporary)
        raise


def read(path):
    """A small file's text; None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def remove(path):
    try:
        os.unlink(path)
    except OSError:
        pass


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


def said(error):
    return "%s: %s" % (type(error).__name__, error)


class Attempt:
    """An attempt's directory and the process group that runs it: what the pilot and its guard do to one."""

    def __init__(self, root, name, path, group=None):
        self.root, self.name, self.path, self.group = root, name, path, group
        self.directory = os.path.join(root, path)

    def own(self, name):
        return os.path.join(self.directory, ".perdure", name)

    def has(self, name):
        # Listed, since a file server's client may remember for half a minute that a file was not there.
        return name in os.listdir(self.own(""))

    def status(self):
        """The wrapper's words: ['0'], ['143', 'stopped', 'signalled']; None until its line is complete."""
        text = read(self.own("status")) or ""
        return text.split() if text.endswith("\n") else None

    def belongs_to(self, block):
        """Whether this block is the first that wanted it."""
        temporary = self.own("block.%s.tmp" % block)
        write(temporary, block)
        try:
            os.link(temporary, self.own("block"))
            return True
        except FileExistsError:
            return read(self.own("block")) == block
        finally:
            remove(temporary)

    def mark(self, reason):
        """Say that the block ends it, before it is told so. One that ended by itself, or was asked to stop, is not."""
        if self.has("stop") or self._ended():
            return
        write(self.own("unfinished"), reason + "\n")
        if self._ended():
            remove(self.own("unfinished"))

    def _ended(self):
        # Signalled: where PBS told every process of the job to end, the trial may have been faster than the pilot.
        status = self.status()
        return status is not None and "signalled" not in status

    def ask_to_end(self, reason):
        """With a reason where the block does so. Where that can't be written down, there must be no status either."""
        try:
            if reason is not None:
                self.mark(reason)
            self.signal(signal.SIGTERM)
        except OSError:
            self.kill()

    def signal(self, number):
        """False where the group is gone."""
        try:
            os.killpg(self.group, number)
            return True
        except ProcessLookupError:
            return False
        except PermissionError:
            return True

    def runs(self):
        """True while anything of the group runs: dead processes are members until somebody reaps them."""
        if not self.signal(0) or not os.path.isdir("/proc/self"):
            return self.signal(0)
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                # The command's name, before the last bracket, may hold anything.
                state, _, group = (read("/proc/%s/stat" % process) or "").rpartition(")")[2].split()[:3]
            except (OSError, ValueError):
                continue
            if group == str(self.group) and state not in "ZX":
                return True
        return False

    def kill(self):
        try:
            # Programs on other nodes look for it, where nothing else tells them (see Launcher).
            write(self.own("over"), "")
        except OSError:
            pass
        self.signal(signal.SIGKILL)

    def settle(self, code):
        """Make certain how it ended, once nothing of it runs. True where it ended by itself.

        code: the wrapper's, None where nobody knows it."""
        status, reason = self.status(), (read(self.own("unfinished")) or "").split()
        if reason:
            if status and status[0] == "0" and self.has("result.json"):
                remove(self.own("unfinished"))
            else:
                write(self.own("unfinished"), reason[0] + " over\n")
            return False
        if status is None and self._is_own(code):
            if self.has("stop"):
                write(self.own("status"), "%d stopped\n" % (137 if code is None else code))
            else:
                write(self.own("unfinished"), "lost over\n")
        by_itself = status is not None and len(status) == 1
        if by_itself:
            # One that was killed with everything else of the block does not come here.
            write(self.own("settled"), "")
        return by_itself

    def _is_own(self, code):
        """False where another process took the fence: then the end of this one says nothing."""
        identity = read(self.own("pid"))
        return code != 0 or self.has("stop") if identity is None else identity.split()[:1] == [str(self.group)]

    def tell(self, word):
        write(os.path.join(self.root, "news", self.name), word)


class Guard:
    """Ends the trials when the pilot is gone, however it went: a process that reads from a pipe of the pilot's."""

    def __init__(self, on_end):
        self.on_end, self.held, self.process, self.pipe = on_end, {}, None, None

    def hold(self, attempt):
        """When it returns, this one can't outlive the pilot."""
        self.held[attempt.group] = (attempt.name, attempt.path)
        self._tell(attempt.group)

    def let_go(self, attempt):
        self.held.pop(attempt.group)
        self._tell(attempt.group)

    def check(self):
        """Start it where it does not run: it may have been killed."""
        if self.process is None or os.waitpid(self.process, os.WNOHANG) != (0, 0):
            self._start()

    def dismiss(self):
        self._tell(None)
        os.close(self.pipe)
        os.waitpid(self.process, 0)

    def _tell(self, group):
        try:
            os.write(self.pipe, (json.dumps([group, self.held.get(group)]) + "\n").encode())
        except BrokenPipeError:
            os.waitpid(self.process, 0)
            self._start()

    def _start(self):
        if self.pipe is not None:
            os.close(self.pipe)
        source, self.pipe = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            try:
                self._watch(source)
            finally:
                os._exit(0)
        os.close(source)

    def _watch(self, source):
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        # Whoever reads the job's output must not wait for the guard.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nowhere, number)
        os.dup2(source, 3)
        os.closerange(4, 65536)
        with open(3, encoding="utf-8") as lines:
            for line in lines:
                group, attempt = json.loads(line)
                if group is None:
                    return
                self.held[group] = attempt
        self.on_end([(attempt[0], attempt[1], group) for group, attempt in self.held.items() if attempt])


class Launcher:
    """The words that start a program on other nodes: from a file, since no launcher passes everything on."""

    def __init__(self, kind, hosts, indices, cores):
        if kind == "auto":
            kind = next((name for name in ("mpiexec", "pbsdsh") if shutil.which(name)), None)
        self.kind, self.hosts, self.indices, self.cores, self.binds = kind, hosts, indices, cores, None

    def _binding(self, *words):
        """Cray PALS binds a rank to one core when nothing is said; others don't know the option."""
        if self.binds is None:
            try:
                asked = subprocess.run(["mpiexec", "--help"], stdout=subprocess.PIPE, timeout=20)
                self.binds = b"--cpu-bind" in asked.stdout
            except (OSError, subprocess.SubprocessError):
                self.binds = False
        return ["--cpu-bind", *words] if self.binds else []

    def words(self, attempt, entry, place, environment, cpus):
        """What the wrapper has to run."""
        ranks, host, program = entry["ranks_per_node"], attempt.own("host"), attempt.own("launch.sh")
        if ranks is None and place.nodes[0] == 0:
            return entry["argv"]
        alone = ranks is None and self.kind == "pbsdsh"
        write(program, self._script(attempt, entry["argv"], environment, cpus, alone), 0o700)
        program = ["/bin/sh", program]
        if ranks is not None:
            words = ["mpiexec", "-n", str(ranks * len(place.nodes)), "-ppn", str(ranks)]
            words += ["--hostfile", environment["PERDURE_HOSTFILE"]]
            return words + self._binding("depth", "--depth", str(max(1, self.cores // ranks))) + program
        if alone:
            index = str(self.indices[place.nodes[0]])
            return ["/bin/sh", "-c", PBSDSH, "sh", "pbsdsh", "-n", index, "--"] + program
        write(host, self.hosts[place.nodes[0]] + "\n")
        return ["mpiexec", "-n", "1", "--hostfile", host] + self._binding("none") + program

    def _script(self, attempt, argv, environment, cpus, alone):
        lines = []
        for name, value in environment.items():
            if re.fullmatch(r"[A-Za-z_]\w*", name) and not LAUNCHERS_OWN.match(name):
                lines.append("export %s=%s" % (name, shlex.quote(value)))
        lines += ["cd %s || exit 70" % shlex.quote(attempt.directory), "set -- " + shlex.join(argv)]
        if cpus is not None:
            numbers = ",".join(map(str, sorted(cpus)))
            lines += ['taskset -c %s true 2>/dev/null && set -- taskset -c %s "$@"' % (numbers, numbers)]
        return "\n".join(lines + [UNDER_PBSDSH if alone else 'exec "$@"', ""])


class Trial(Attempt):
    """An attempt that this block runs."""

    def __init__(self, root, name, entry, place):
        super().__init__(root, name, entry["path"])
        self.place, self.began = place, time.monotonic()
        self.process, self.code, self.ended, self.kill_at = None, None, None, None

    def start(self, words, wrapper, environment, cpus, guard):
        """Nothing of it runs before the guard knows its group."""
        words = ["/bin/sh", "-c", GATE, "sh", "/bin/sh", wrapper, self.directory] + words
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, env=environment, start_new_session=True, **nowhere
        )
        self.group = self.process.pid
        try:
            guard.hold(self)
            if cpus is not None:
                os.sched_setaffinity(self.group, cpus)
            self.process.stdin.write(b"go\n")
            self.process.stdin.close()
        except BaseException:
            # The gate stays shut.
            self.signal(signal.SIGKILL)
            self.process.wait()
            guard.let_go(self)
            raise

    def end(self, reason, grace):
        self.kill_at = time.monotonic() + grace
        self.ask_to_end(reason)

    def look(self, grace):
        """True once nothing of it runs."""
        now = time.monotonic()
        if self.ended is None:
            code = self.process.poll()
            if code is None:
                if self.kill_at is not None and now > self.kill_at:
                    self.kill()
                elif self.kill_at is None and self.has("stop"):
                    self.end(None, grace)
                return False
            self.ended, self.code = now, code if code >= 0 else 128 - code
            if self.status() is None:
                # The wrapper was killed: nobody would learn how its program ends.
                self.kill()
        if not self.runs():
            return True
        if now > self.ended + grace:
            self.kill()
        # One that hangs in the kernel does not even end when it is killed.
        return now > self.ended + grace + 60


class Pilot:
    """Keeps the block's slots filled, until it is idle, its time is near its end, or it is told to end."""

    def __init__(self, options, hosts, indices, environment):
        self.options, self.environment = options, environment
        self.root, self.folder = options.working_dir, os.path.join(options.working_dir, "blocks", options.block)
        self.problems, self.told = collections.deque(maxlen=20), set()
        self.running, self.waiting, self.news = {}, {}, {}
        self.longest, self.pause_until, self.idle_since = 0.0, 0.0, time.monotonic()
        self.ends_at = options.started + options.walltime if options.walltime > 0 else None
        cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        self.launcher = Launcher(options.launcher, hosts, indices, len(cores_of(cpus)))
        if len(hosts) > 1 and self.launcher.kind is None:
            self.problem("neither mpiexec nor pbsdsh is on PATH: only the first of %d nodes is used" % len(hosts))
            hosts = hosts[:1]
        self.hosts, self.nodes = hosts, Nodes(len(hosts), options.slots_per_node)
        devices = cuda_devices(environment, options.slots_per_node) if options.pin == "cuda" else ()
        self.pins = Pins(options.pin, options.slots_per_node, environment, cpus, devices)
        self.inbox = Inbox(self.root, options.block, self.problem)
        self.guard = Guard(self.end_without_pilot)
        self.signalled, self.ending, self.reported = False, None, (None, 0.0)

    def run(self):
        source, sink = os.pipe()
        os.set_blocking(source, False)
        os.set_blocking(sink, False)
        signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in ENDING_SIGNALS:
            signal.signal(number, self.on_signal)
        # A block that has not said anything has begun nothing.
        self.try_to(self.report, "running")
        while True:
            self.try_to(self.guard.check)
            reason = self.turn()
            if reason is not None:
                break
            # Thousands of trials are not looked at three times a second.
            select.select([source], [], [], self.options.poll * (1 + len(self.running) / 300))
            try:
                os.read(source, 65536)
            except BlockingIOError:
                pass
        for name, entry in self.waiting.items():
            self.try_to(self.inbox.give_back, name, entry)
        self.try_to(self.report, "ended", reason)
        self.guard.dismiss()

    def turn(self):
        """One look at everything. Returns why the block ends, once it does."""
        # Before the trials are looked at: the signal may have reached them too.
        if self.ending is None and (self.signalled or self.left() < self.options.notice):
            self.end_all("walltime" if self.left() < self.options.notice else "terminated")
        for trial in list(self.running.values()):
            self.try_to(self.watch, trial)
        draining = self.ending is not None or self.left() < self.drain()
        if not draining:
            self.try_to(self.fill)
        for name, word in list(self.news.items()):
            self.try_to(self.tell, name, word)
        if self.running:
            self.idle_since = time.monotonic()
        elif draining:
            return self.ending or "walltime"
        elif time.monotonic() - self.idle_since >= self.options.idle_timeout:
            return "idle"
        self.try_to(self.report, "draining" if draining else "running", self.ending)
        return None

    def left(self):
        return float("inf") if self.ends_at is None else self.ends_at - time.time()

    def drain(self):
        """When so many seconds are left, nothing new is begun: as long as the longest trial took so far, so that few
        are cut off, but at most half of the block's time, so that trials which go on from checkpoints use it."""
        if self.options.drain is not None:
            return self.options.drain
        walltime = self.options.walltime
        return max(self.options.notice, min(0.1 * walltime, 300), min(1.1 * self.longest, walltime / 2))

    def fill(self):
        if time.monotonic() < self.pause_until or not any(self.nodes.free):
            return
        for name, entry in list(self.waiting.items()) + self.inbox.look():
            if name in self.running:
                continue
            if not self.nodes.could_hold(entry):
                self.problem("ready/%s is left to other blocks: it does not fit into this one" % name)
                continue
            place = self.nodes.take(entry)
            if place is None:
                # Later ones do not overtake it: it would wait for ever.
                return
            if name not in self.waiting and not self.inbox.claim(name):
                self.nodes.release(place)
                continue
            self.waiting[name] = entry
            trial = Trial(self.root, name, entry, place)
            try:
                self.begin(trial, entry)
            except OSError as error:
                self.problem("%s could not be started: %s" % (name, said(error)))
                # A full disk may have room again; a directory that is gone stays away.
                if os.path.isdir(trial.own("")):
                    self.pause_until = time.monotonic() + 5
                    return
            finally:
                if name not in self.running:
                    self.nodes.release(place)
            self.waiting.pop(name)

    def begin(self, trial, entry):
        if trial.has("stop") or not trial.belongs_to(self.options.block):
            self.news[trial.name] = "ended"
            return
        first, node = trial.place.first, self.hosts[trial.place.nodes[0]]
        pins, cpus = ({}, None) if is_wide(entry) else self.pins.of(first, trial.place.count)
        environment = dict(self.environment, **pins, PERDURE_BLOCK=self.options.block)
        environment.update(PERDURE_SLOT=str(first), PERDURE_NODE=node)
        if is_wide(entry):
            environment["PERDURE_HOSTFILE"] = trial.own("hostfile")
            write(trial.own("hostfile"), "".join(self.hosts[node] + "\n" for node in trial.place.nodes))
        words = self.launcher.words(trial, entry, trial.place, environment, cpus)
        here = None if words is not entry["argv"] else cpus
        trial.start(words, self.options.wrapper, environment, here, self.guard)
        self.running[trial.name] = trial
        self.news[trial.name] = "started"

    def watch(self, trial):
        if not trial.look(self.options.grace):
            return
        try:
            if trial.settle(trial.code):
                self.longest = max(self.longest, trial.ended - trial.began)
        except FileNotFoundError:
            self.problem("%s: its directory is gone" % trial.name)
        self.guard.let_go(trial)
        self.running.pop(trial.name)
        self.nodes.release(trial.place)
        self.news[trial.name] = "ended"

    def end_all(self, reason):
        self.ending = reason
        grace = max(self.options.grace, self.options.notice - 5) if reason == "walltime" else self.options.grace
        for trial in self.running.values():
            if trial.kill_at is None:
                self.try_to(trial.end, reason, grace)

    def end_without_pilot(self, held):
        """What the guard does when the pilot is gone."""
        attempts = [Attempt(self.root, *words) for words in held]
        for attempt in attempts:
            self.try_to(attempt.ask_to_end, "killed")
        for step in (lambda attempt: None, Attempt.kill):
            until = time.monotonic() + self.options.grace
            left = [attempt for attempt in attempts if attempt.runs()]
            for attempt in left:
                step(attempt)
            while time.monotonic() < until and any(attempt.runs() for attempt in left):
                time.sleep(0.1)
        for attempt in attempts:
            self.try_to(attempt.settle, None)
            self.try_to(attempt.tell, "ended")
        self.running = {}
        self.try_to(self.report, "ended", "killed")

    def report(self, state, reason=None):
        """Tell who watches: at every change, and every five seconds as a sign of life."""
        known = [state, reason, sorted(self.running), list(self.problems)]
        if known == self.reported[0] and time.monotonic() < self.reported[1]:
            return
        said_now = {
            "state": state,
            "reason": reason,
            "slots": len(self.hosts) * self.options.slots_per_node,
            "busy": sum(len(trial.place.nodes) * trial.place.count for trial in self.running.values()),
            "running": known[2],
            "time": time.time(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "job": self.environment.get("PBS_JOBID"),
            "ends_at": self.ends_at,
            "problems": known[3],
        }
        write(os.path.join(self.folder, "pilot.json"), json.dumps(said_now) + "\n")
        self.reported = (known, time.monotonic() + 5)

    def tell(self, name, word):
        write(os.path.join(self.root, "news", name), word)
        self.news.pop(name)

    def on_signal(self, *_):
        self.signalled = True

    def problem(self, text):
        if text not in self.told:
            self.told.add(text)
            self.problems.append(text)

    def try_to(self, step, *words):
        """One trial's trouble, or a full disk, must not end the others."""
        try:
            step(*words)
        except Exception as error:
            self.problem("%s: %s" % (getattr(step, "__name__", "step"), said(error)))


def nodes_of(environment):
    """The job's hosts, and the line of PBS' list at which each begins: pbsdsh counts lines."""
    text = read(environment.get("PBS_NODEFILE", "")) or socket.gethostname()
    lines = text.split()
    hosts = list(dict.fromkeys(lines))
    return hosts, [lines.index(host) for host in hosts]


def main(words):
    parser = argparse.ArgumentParser(description="Runs the trials of a block: see the text at the top of this file.")
    parser.add_argument("--working-dir", required=True, type=os.path.abspath, help="the site's working directory")
    parser.add_argument("--block", required=True, help="this block's name")
    parser.add_argument("--wrapper", required=True, type=os.path.abspath, help="wrapper.sh")
    parser.add_argument("--slots-per-node", type=int, default=1)
    parser.add_argument("--pin", choices=("none", "cores", "cuda", "aurora_tiles"), default="none")
    parser.add_argument("--launcher", choices=("auto", "mpiexec", "pbsdsh"), default="auto")
    parser.add_argument("--idle-timeout", type=float, default=300, help="seconds")
    parser.add_argument("--walltime", type=float, default=0, help="of the job, in seconds; 0: no limit")
    parser.add_argument("--started", type=float, default=time.time(), help="when the job began: seconds since 1970")
    parser.add_argument("--drain", type=float, help="begin nothing in the last seconds; else by the trials' durations")
    parser.add_argument("--notice", type=float, help="seconds before the end in which trials may write a checkpoint")
    parser.add_argument("--grace", type=float, default=5, help="seconds between TERM and KILL")
    parser.add_argument("--poll", type=float, default=0.3, help="seconds between two looks")
    options = parser.parse_args(words)
    if options.notice is None:
        options.notice = min(30, options.walltime / 20)
    folder = os.path.join(options.working_dir, "blocks", options.block)
    os.makedirs(folder, exist_ok=True)
    try:
        # A job that was submitted twice is one block.
        os.close(os.open(os.path.join(folder, "pilot.lock"), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        print("block %s has a pilot already" % options.block, file=sys.stderr)
        return
    Pilot(options, *nodes_of(os.environ), dict(os.environ)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
