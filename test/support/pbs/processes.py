"""The processes of jobs: those in a job's session, and those that carry its cookie in their environment.

MOM finds a job's processes by its session; a site with the cgroups hook also reaches those that left it, and so does this.
"""

import os
import signal
import time


def census():
    """@returns ({session: {pid}}, {cookie: {pid}}) of all that runs; zombies are no processes any more"""
    sessions, cookies = {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            if fields[0] in (b"Z", b"X"):
                continue
            sessions.setdefault(int(fields[3]), set()).add(int(name))
            with open(f"/proc/{name}/environ", "rb") as file:
                for entry in file.read().split(b"\0"):
                    if entry.startswith(b"PBS_JOBCOOKIE="):
                        cookies.setdefault(entry[14:].decode(), set()).add(int(name))
        except OSError:
            continue
    return sessions, cookies


def members(found, session, cookie):
    sessions, cookies = found
    return sessions.get(session, set()) | cookies.get(cookie, set())


def signal_all(pids, number, lag=0):
    """One after the other, children first, as MOM does (kill_session); the later a process began the higher is its id, mostly.

    @param lag seconds between one and the next
    """
    for pid in sorted(pids, reverse=True):
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
        time.sleep(lag)


def end_all(session, cookie):
    """Kills all of them at once, as where their host crashes: none sees another's end, so all stand still before the first dies."""
    still = set()
    # What was starting another process while it was stopped has that one found in the next look.
    for _ in range(50):
        left = members(census(), session, cookie)
        if not left:
            return
        moving = left - still
        signal_all(moving or left, signal.SIGSTOP if moving else signal.SIGKILL)
        still |= moving
