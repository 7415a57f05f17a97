"""Runs many trials in one PBS job. Standard library only, Python 3.9 or newer; started on the job's first node.

Trials that are ready lie in W/ready, shared by all blocks; whoever renames one into its own W/blocks/BLOCK/taken has
it. Renaming and linking is all that is asked of the file system: no locks, no notifications.

The pilot may be killed at any line, and nothing is lost or doubled. A trial that it had taken has no status then, and
its block is gone: that is a new attempt. What it had started ends too: the guard, in a session of its own, holds the
other end of a pipe, and a trial's process waits at a gate until the guard knows it. Killed at the same moment as its
guard, it leaves its trials to PBS. The fence is the wrapper's, in the attempt.

W/PATH/.perdure/block names the block; who makes it first has the trial, should it ever be ready twice. 'unfinished'
beside it says that the attempt did not end by itself: 'REASON' before the first signal, 'REASON over' once nothing of
it runs. Reasons: walltime, terminated (the job was told to end), killed (the pilot was killed), given_up (the attempt
or the block was given up), lost (the wrapper disappeared; the block goes on). An exit status does not count then,
except 0 with a result: that attempt was finished, and its 'unfinished' is removed.

The parts of it lie beside this file: perdure_pilot_*.py.
"""

import argparse
import collections
import json
import os
import select
import signal
import socket
import sys
import time

from perdure_pilot_attempt import Attempt
from perdure_pilot_files import said, write
from perdure_pilot_guard import ENDING_SIGNALS, Guard
from perdure_pilot_inbox import Inbox
from perdure_pilot_launcher import Launcher
from perdure_pilot_nodes import Nodes, is_wide, nodes_of
from perdure_pilot_pins import Pins, cores_of, cuda_devices
from perdure_pilot_trial import Trial


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
        self.given_up, self.given_up_at = False, 0.0

    def run(self):
        source, sink = os.pipe()
        os.set_blocking(source, False)
        os.set_blocking(sink, False)
        signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in ENDING_SIGNALS:
            signal.signal(number, self.on_signal)
        # A block that has not said anything has begun nothing, and one that has is watched over.
        self.try_to(self.guard.check)
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
        # The scheduler says that the block has ended, as after its node was cut off. Its trials are repeated elsewhere.
        elif self.ending is None and self.is_given_up():
            self.end_all("given_up")
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

    def is_given_up(self):
        """Whether a worker has noted that this block is over. Checked every 5 s, and before the block takes a trial."""
        if not self.given_up and time.monotonic() >= self.given_up_at:
            self.given_up_at = time.monotonic() + 5
            # The directory is listed, because the client of a file server may cache that a file does not exist.
            self.given_up = "over" in os.listdir(self.folder)
        return self.given_up

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
            if name not in self.waiting:
                self.given_up_at = 0.0
                if self.is_given_up() or not self.inbox.claim(name):
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
        if not {"stop", "tombstone"}.isdisjoint(trial.names()) or not trial.belongs_to(self.options.block):
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
