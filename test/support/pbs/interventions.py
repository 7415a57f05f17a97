"""What a test does behind PBS's back: puts jobs there that took hours to make, crashes a job's host, puts one back."""

import json
import re

import ending
from processes import end_all
from running import cookie_of
from state import Job


def load(state, stream):
    jobs = json.load(stream)
    with state.change():
        state.db.execute("DELETE FROM jobs")
        for told in jobs:
            seq, bracket, sub = re.match(r"(\d+)(\[)?(\d*)", told["id"]).groups()
            place = -2 if bracket is None else int(sub) if sub else -1
            state.save(Job(int(seq), place, told["id"], told["attributes"]), touch=False)
        highest = max((int(re.match(r"\d+", told["id"]).group()) for told in jobs), default=-1)
        state.db.execute("UPDATE counter SET next = max(next, ?)", (highest + 1,))
    return 0


def requeue(state, id):
    """Puts a running job back, as where its node fails. It is not started again."""
    with state.change():
        job = state.job(id)
        job.record.update({"job_state": "Q", "substate": "10", "_requeued": True})
        state.save(job, touch=False)
    end_all(int(job.get("session_id")), cookie_of(state, id))
    return 0


def crash(state, id, noticed):
    """Kills every process of a job at once. Unless it is noticed, the job stays R, as where its host is gone."""
    with state.change():
        job = state.job(id)
        if job is None or job.get("job_state") != "R":
            return 1
        if not noticed:
            job.record["_node_lost"] = True
            state.save(job, touch=False)
    end_all(int(job.get("session_id")), cookie_of(state, id))
    return 0


def lose(state, id):
    """PBS gives a running job up, as where its node loses PBS (-20). Its processes live on, and so does their disk."""
    with state.change():
        job = state.job(id)
        if job is None or job.get("job_state") != "R":
            return 1
        job.record["_given_up"] = True
        ending.ran(state, job, -20, "node")
    return 0
