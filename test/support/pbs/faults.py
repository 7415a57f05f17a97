"""Faults that a test switches on: a file that every command reads.

A fault may be meant for one command, and for the next N commands only: each command that meets it appends a byte to the
fault's own file, and the place of that byte says whether it was among the first N.
"""

import json
import os
import re
import sys
import time

from state import Refused


class Faults:
    def __init__(self, state, command):
        self.state, self.command = state, command
        try:
            with open(state.path("faults.json")) as file:
                found = json.load(file)
        except FileNotFoundError:
            found = []
        self.active = [fault for fault in found if self._meant(fault)]

    def _meant(self, fault):
        if fault.get("command") not in (None, self.command):
            return False
        if fault["kind"] in ("lost-reply", "vanish", "hold") and self.command != "qsub":
            return False
        if fault["kind"] in ("truncate", "one-id", "invalid-json", "long-ids", "moved") and self.command != "qstat":
            return False
        if fault.get("times") is None:
            return True
        handle = os.open(self.state.path("faults", str(fault["id"])), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(handle, b".")
            return os.lseek(handle, 0, os.SEEK_CUR) <= fault["times"]
        finally:
            os.close(handle)

    def of(self, kind):
        return next((fault for fault in self.active if fault["kind"] == kind), None)

    def before(self, log):
        """What happens before the command reaches the server."""
        slow = self.of("slow")
        if slow is not None:
            time.sleep(slow["seconds"])
        if self.of("hang") is not None:
            hang(log)

    def connect(self):
        """Raises what a command says when it can't reach the server: each in its own way."""
        named = os.environ.get("PBS_SERVER") or self.state.host
        if named not in (self.state.host, self.state.domain):
            raise Refused(
                255 if self.command == "qstat" else 160,
                f"cannot connect to server {named} (errno=15008)",
                before="Unknown Host.\n",
            )
        if self.state.down or self.of("down") is not None:
            if self.command == "qdel":
                raise Refused(162, "", before=f"Connection refused\nCouldn't connect to cluster: {self.state.host}\n")
            raise Refused(
                255 if self.command == "qstat" else 162,
                f"cannot connect to server {self.state.host} (errno=15010)",
                before="Connection refused\n",
            )

    def elsewhere(self, job):
        """A job that the server has moved to another one, which tells it of the job's end and of nothing else."""
        over = job.record["job_state"] == "F"
        if self.of("moved") is None or not (over or job.record["job_state"] == "R"):
            return
        comment = 'Job finished at "other"' if over else 'Job has been moved to "other"'
        job.record.update({"job_state": "M", "substate": "92" if over else "94", "comment": comment})
        job.record.pop("Exit_status", None)

    def spoil(self, text):
        """What the command would have printed, as it arrives."""
        truncate = self.of("truncate")
        if truncate is not None:
            text = text[: int(len(text) * truncate.get("part", 0.5))]
        if self.of("long-ids") is not None:
            # A server that calls itself by another name than it ends ids with.
            text = re.sub(rf"(\d+(?:\[\d*\])?)\.{re.escape(self.state.host)}\b", rf"\1.{self.state.domain}", text)
        chatter = self.of("chatter")
        if chatter is not None:
            text = chatter["before"] + text + chatter.get("after", "")
        if self.of("invalid-json") is not None:
            # As the older client prints a variable whose value is nan.
            text = text.replace('"substate":', '"nan":nan,\n"substate":')
        return text


def hang(log):
    """Blocks for ever, as a command whose server does not answer; only a signal ends it."""
    sys.stdout.flush()
    log(None)
    while True:
        time.sleep(3600)
