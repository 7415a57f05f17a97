"""The server, its scheduler and MOM in one process: it starts what is queued, watches what runs, and ends it.

It runs as long as the test that started it, also while the commands are told that the server is down: MOM does not end
with it.
"""

import os
import signal
import time

import ending
from cluster import Cluster
from processes import census, end_all, members, signal_all
from qsub import give_up
from resources import seconds
from running import CannotStart, clear, deliver, note_start, start
from state import stamp

PAUSE = 0.05


def serve(state):
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit(0)))
    server = Server(state)
    # Tests wait for this file.
    with open(state.path("server.pid"), "w") as file:
        file.write(f"{os.getpid()}\n")
    parent = os.getppid()
    try:
        # A test that was killed leaves nothing behind.
        while os.getppid() == parent:
            server.turn()
            time.sleep(PAUSE)
    finally:
        for running in server.running.values():
            end_all(running.session, running.cookie)


class Server:
    def __init__(self, state):
        self.state, self.running, self.cluster = state, {}, Cluster(state.settings)
        self.version, self.dirty, self.next_sweep = None, True, 0.0
        self.exiting, self.commented = {}, {}

    def turn(self):
        now = time.time()
        self.watch(now)
        (version,) = self.state.db.execute("PRAGMA data_version").fetchone()
        if version != self.version:
            self.version, self.dirty = version, True
            self.attend(now)
        if now >= self.next_sweep:
            self.sweep(now)
            self.next_sweep, self.dirty = now + 1, True
        if self.dirty and not self.state.down:
            self.dirty = False
            self.schedule(now)

    def attend(self, now):
        """Jobs that somebody wants ended."""
        for job in list(self.state.jobs("attention = 1 AND state IN ('R', 'E')")):
            running = self.running.get(job.id)
            if running is None:
                continue
            if job.get("_node_lost"):
                if job.get("_delete") == "force":
                    self.forget(job, running)
            elif "_signal" in job.record:
                self.send(job, running)
            elif job.get("_delete") == "force":
                running.why, running.term_at, running.kill_at = "forced", now, now
            elif running.term_at is None:
                running.why = "deleted"
                self.terminate(running, now)

    def send(self, job, running):
        number = job.record.pop("_signal")
        if number == signal.SIGKILL:
            running.why = "signalled"
        signal_all(members(census(), running.session, running.cookie), number)
        with self.state.change():
            job.attention = 0
            self.state.save(job)

    def forget(self, job, running):
        """A job on a host that is lost, deleted by force: nobody knows how it ended."""
        del self.running[job.id]
        self.cluster.give_back(job.id)
        with self.state.change():
            ending.ran(self.state, job, None, "lost")

    def terminate(self, running, now):
        running.term_at = now
        running.kill_at = now + self.state.settings["killDelaySeconds"]
        lag = self.state.settings["signalLagSeconds"]
        signal_all(members(census(), running.session, running.cookie), signal.SIGTERM, lag)

    def watch(self, now):
        """Ends what has to end, and takes note of what has."""
        ended, found = [], None
        for running in list(self.running.values()):
            if running.status is None:
                running.status = running.process.poll()
            if running.term_at is None and running.deadline is not None and now >= running.deadline:
                running.why = "walltime"
                self.terminate(running, now)
            if running.term_at is not None:
                found = found or census()
                left = members(found, running.session, running.cookie)
                if left and now >= running.kill_at:
                    signal_all(left, signal.SIGKILL)
                    continue
                # A deleted job is still R right after qdel has said that all is well.
                if left or running.status is None or now < running.term_at + 0.3 and running.why != "forced":
                    continue
            if running.status is not None:
                ended.append(running)
        if not ended:
            return
        found = census()
        for running in ended:
            signal_all(members(found, running.session, running.cookie), signal.SIGKILL)
            self.finish(running, now)

    def finish(self, running, now):
        job = self.state.job(running.id)
        if job is None or job.get("_node_lost") or job.get("_requeued") or job.get("_given_up"):
            if job is None or not job.get("_node_lost"):
                del self.running[running.id]
                self.cluster.give_back(running.id)
            return
        code = running.status
        status = {"walltime": -29, "deleted": 271, "forced": 265, "signalled": 137}.get(
            running.why, 256 - code if code < 0 else code
        )
        lingering = self.state.settings["exitingSeconds"]
        if lingering and running.id not in self.exiting:
            self.exiting[running.id] = now + lingering
            with self.state.change():
                job.record.update({"job_state": "E", "substate": "51", "Exit_status": str(status)})
                self.state.save(job)
        if now < self.exiting.get(running.id, 0):
            return
        self.exiting.pop(running.id, None)
        delivered = deliver(self.state, job)
        clear(self.state, job)
        with self.state.change():
            # As it is now: qdel may have come in the meantime.
            job = self.state.job(running.id)
            if job is not None:
                job.record["Stageout_status"] = "1" if delivered else "0"
                ending.ran(self.state, job, status, "finished" if running.why == "signalled" else running.why)
        del self.running[running.id]
        self.cluster.give_back(running.id)
        self.dirty = True

    def sweep(self, now):
        """Once a second: what is past its history goes, and what waited for its time is queued."""
        with self.state.change():
            for job in list(self.state.jobs("state = 'W'")):
                if job.get("_not_before") is not None and job.get("_not_before") <= now:
                    job.record.update({"job_state": "Q", "substate": "10", "etime": stamp()})
                    self.state.save(job)
            oldest = now - self.state.settings["historySeconds"]
            self.state.db.execute(
                "DELETE FROM jobs WHERE state = 'F' AND CAST(json_extract(record, '$.history_timestamp') AS INTEGER) < ?",
                (int(oldest),),
            )

    def schedule(self, now):
        state = self.state
        per_queue, per_user = {}, {}
        for queue, owner in state.db.execute("SELECT queue, owner FROM jobs WHERE state IN ('R', 'E') AND sub <> -1"):
            per_queue[queue] = per_queue.get(queue, 0) + 1
            per_user[queue, owner] = per_user.get((queue, owner), 0) + 1
        full = False
        for queue, owner, id in state.db.execute(
            "SELECT queue, owner, id FROM jobs WHERE state = 'Q' AND sub = -2 AND record NOT LIKE '%_requeued%' ORDER BY seq"
        ).fetchall():
            told = state.queue(queue)
            why = None
            if not told["started"]:
                why = "Not Running: Queue not started."
            elif told["maxRun"] is not None and per_queue.get(queue, 0) >= told["maxRun"]:
                why = f"Not Running: Queue {queue} job limit has been reached."
            elif told["maxRunPerUser"] is not None and per_user.get((queue, owner), 0) >= told["maxRunPerUser"]:
                why = f"Not Running: User has reached queue {queue} running job limit."
            if self.commented.get(id) == why if why is not None else full and id in self.commented:
                continue
            job = state.job(id)
            why = why or self.cluster.never(job)
            nodes = None
            if why is None:
                nodes = self.cluster.take(job)
                if nodes is None:
                    full = True
                    why = (
                        "Not Running: Insufficient amount of resource: ncpus "
                        f"(R: {job.get('Resource_List.ncpus')} A: {sum(self.cluster.free.values())} "
                        f"T: {self.cluster.cpus * len(self.cluster.free)})"
                    )
            if why is not None:
                self.explain(job, why)
                continue
            self.launch(job, nodes, now)
            per_queue[queue] = per_queue.get(queue, 0) + 1
            per_user[queue, owner] = per_user.get((queue, owner), 0) + 1

    def explain(self, job, why):
        self.commented[job.id] = why
        if job.get("comment") == why:
            return
        with self.state.change():
            fresh = self.state.job(job.id)
            if fresh is not None and fresh.get("job_state") == "Q":
                fresh.record["comment"] = why
                self.state.save(fresh, touch=False)

    def launch(self, job, nodes, now):
        state = self.state
        with state.change():
            # It may have been deleted since it was chosen.
            job = state.job(job.id)
            if job is None or job.get("job_state") != "Q":
                self.cluster.give_back(job.id if job else "")
                return
            walltime = seconds(job.get("Resource_List.walltime", "0"))
            hosts = [name for name, _, _ in nodes]
            try:
                running = start(
                    state, job, hosts, now, walltime + state.settings["walltimeLagSeconds"] if walltime else 0
                )
            except CannotStart:
                self.cluster.give_back(job.id)
                give_up(job)
            else:
                self.running[job.id] = running
                note_start(state, job, running, nodes, now)
            state.save(job)
        self.commented.pop(job.id, None)
