"""How a job ends, in PBS's numbers and words. All of it inside a transaction of whoever calls."""

import time

from state import clock, stamp

FINISHED, FAILED, TERMINATED = "92", "93", "91"


def never_ran(state, job):
    """A queued or held job that was deleted: no exit status."""
    if job.get("comment"):
        job.record["comment"] += " and terminated"
    close(state, job, TERMINATED)


def ran(state, job, status, why):
    """`why`: finished, walltime, deleted, forced, lost, node. @param status the exit status; None where nobody knows it"""
    record = job.record
    record["obittime"] = stamp()
    record["resources_used.walltime"] = clock(time.time() - record.get("_began", time.time()))
    if status is None:
        record.pop("Exit_status", None)
    else:
        record["Exit_status"] = str(status)
    if why == "lost":
        record["comment"] = f"{record.get('comment', '')} and terminated"
    elif why == "walltime":
        record["comment"] += " and exceeded resource walltime"
    elif why == "finished":
        record["comment"] += " and finished" if status == 0 else " and failed"
    substate = TERMINATED if why in ("deleted", "forced", "lost") else FINISHED if status == 0 else FAILED
    close(state, job, substate)


def close(state, job, substate):
    job.record.update({"job_state": "F", "substate": substate, "history_timestamp": str(int(time.time()))})
    job.attention = 0
    state.save(job) if state.history else state.remove(job)
    for child in state.jobs("state = 'H' AND attention = 1"):
        if job.id in child.get("_parents", []):
            release(state, child, job)


def release(state, child, parent):
    """Lets a job go that waited for this one, or ends it where that can't be any more."""
    kind = child.get("depend", "").partition(":")[0]
    good = parent.get("Exit_status") == "0"
    if kind == "afterok" and not good or kind == "afternotok" and good:
        close(state, child, FINISHED)
        return
    child.record["_parents"] = [id for id in child.record["_parents"] if id != parent.id]
    if not child.record["_parents"]:
        child.record.update({"job_state": "Q", "substate": "10", "Hold_Types": "n", "etime": stamp()})
        child.record.pop("depend", None)
        child.attention = 0
    state.save(child)
