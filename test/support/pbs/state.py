"""What the stand-in knows: settings, jobs and faults in one folder that every command opens afresh.

A job is the list of attributes that PBS would send over the wire, in PBS's own order and as text; names that begin with an
underscore are the stand-in's own. Everything is written in one transaction a change, so a command killed midway leaves
nothing half done.
"""

import json
import os
import pwd
import re
import sqlite3
import time

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  seq INTEGER NOT NULL, sub INTEGER NOT NULL DEFAULT -2, id TEXT PRIMARY KEY, name TEXT, owner TEXT, account TEXT,
  queue TEXT, state TEXT, attention INTEGER NOT NULL DEFAULT 0, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_place ON jobs (seq, sub);
CREATE INDEX IF NOT EXISTS by_state ON jobs (state);
CREATE INDEX IF NOT EXISTS by_attention ON jobs (attention);
CREATE INDEX IF NOT EXISTS by_name ON jobs (name);
CREATE TABLE IF NOT EXISTS counter (next INTEGER NOT NULL);
"""

# In the order of PBS's own table of job attributes, which every output of qstat keeps.
ORDER = """Job_Name Job_Owner resources_used job_state queue server Account_Name Checkpoint ctime depend Error_Path exec_host
exec_vnode Execution_Time Hold_Types Join_Path Keep_Files Mail_Points mtime Output_Path Priority qtime Rerunable
Resource_List stime obittime session_id Shell_Path_List jobdir substate Variable_List comment etime run_count
Stageout_status Exit_status Submit_arguments executable argument_list array array_state_count array_indices_submitted
array_indices_remaining array_id array_index history_timestamp project Submit_Host""".split()
RANK = {name: place for place, name in enumerate(ORDER)}


class Job:
    """One job. `sub` is -2 for a plain job, -1 for the parent of an array, else the index within one."""

    __slots__ = ("seq", "sub", "id", "record", "attention")

    def __init__(self, seq, sub, id, record, attention=0):
        self.seq, self.sub, self.id, self.record, self.attention = seq, sub, id, record, attention

    def get(self, name, default=None):
        return self.record.get(name, default)

    def attributes(self):
        """Pairs of (name, value) that PBS shows, in its order; resources as `Resource_List.NAME`."""
        shown = [(name, value) for name, value in self.record.items() if name[0] != "_"]
        return sorted(shown, key=lambda pair: (RANK.get(pair[0].partition(".")[0], 99), pair[0]))


class State:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "settings.json")) as file:
            self.settings = json.load(file)
        self._db = None

    def path(self, *names):
        return os.path.join(self.folder, *names)

    @property
    def host(self):
        return self.settings["host"]

    @property
    def domain(self):
        return self.settings["domain"]

    @property
    def main(self):
        return self.settings["flavour"] == "main"

    @property
    def history(self):
        return self.settings["historySeconds"] > 0

    def want_history(self, *operands):
        """The error has the number 36, of which the clients make 0 (`src/cmds/qstat.c`, `qselect.c`); qstat says it of each job."""
        if not self.history:
            what = "PBS is not configured to maintain job history"
            raise Refused(0, "\nqstat: ".join(f"{what} {id}" for id in operands) or what)

    @property
    def down(self):
        return os.path.exists(self.path("down"))

    @property
    def db(self):
        if self._db is None:
            self._db = sqlite3.connect(self.path("jobs.sqlite"), timeout=60, isolation_level=None)
            self._db.execute("PRAGMA synchronous = OFF")
        return self._db

    def create(self):
        """Once, before any command: the database, open to every user that logs in."""
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(SCHEMA)
        self.db.execute(
            "INSERT INTO counter SELECT ? WHERE NOT EXISTS (SELECT 1 FROM counter)", (self.settings["firstId"],)
        )
        for name in ("jobs.sqlite", "jobs.sqlite-wal", "jobs.sqlite-shm"):
            if os.path.exists(self.path(name)):
                os.chmod(self.path(name), 0o666)

    def change(self):
        """`with state.change():` one transaction that nobody writes into."""
        return Transaction(self.db)

    def next_seq(self):
        (seq,) = self.db.execute("SELECT next FROM counter").fetchone()
        self.db.execute("UPDATE counter SET next = next + 1")
        return seq

    def save(self, job, touch=True):
        record = job.record
        if touch:
            record["mtime"] = stamp()
        owner = record.get("Job_Owner", "").partition("@")[0]
        row = (
            job.seq,
            job.sub,
            job.id,
            record.get("Job_Name"),
            owner,
            record.get("Account_Name"),
            record.get("queue"),
            record.get("job_state"),
            job.attention,
            json.dumps(record),
        )
        self.db.execute("INSERT OR REPLACE INTO jobs VALUES (?,?,?,?,?,?,?,?,?,?)", row)

    def remove(self, job):
        self.db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))

    def jobs(self, where="1", *values):
        rows = self.db.execute(
            f"SELECT seq, sub, id, record, attention FROM jobs WHERE {where} ORDER BY seq, sub", values
        )
        for seq, sub, id, record, attention in rows:
            yield Job(seq, sub, id, json.loads(record), attention)

    def job(self, id):
        return next(self.jobs("id = ?", id), None)

    def full_id(self, text):
        """`16`, `16.pbsci` or `16.pbsci.test.example` as the id that PBS prints; None where it is no id of this server."""
        match = re.match(r"(\d+(?:\[\d*\])?)(?:\.(.+))?$", text)
        if match is None or match.group(2) not in (None, self.host, self.domain):
            return None
        return f"{match.group(1)}.{self.host}"

    def user(self):
        """The name by which PBS knows whoever runs this command."""
        return self.settings["userName"] or pwd.getpwuid(os.getuid()).pw_name

    def queue(self, name):
        return self.settings["queues"].get(name)


class Transaction:
    def __init__(self, db):
        self.db = db

    def __enter__(self):
        self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, error, trace):
        self.db.execute("COMMIT" if kind is None else "ROLLBACK")


class Refused(Exception):
    """What PBS answers with an exit code and a line on standard error."""

    def __init__(self, status, message, usage="", before=""):
        super().__init__(message)
        self.status, self.message, self.usage, self.before = status, message, usage, before


def stamp(seconds=None):
    """As the server prints times: local, without a zone."""
    return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(seconds))


def clock(seconds):
    seconds = max(0, int(seconds))
    return "%02d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)
