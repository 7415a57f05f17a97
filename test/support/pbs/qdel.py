"""qdel: ends jobs. For a running one it only asks; the server does it, and until then the job is still R."""

import sys

import ending
from state import Refused


def run(state, command, arguments, faults, log):
    force = history = False
    ids, words = [], list(arguments)
    while words:
        word = words.pop(0)
        if word.startswith("-W"):
            value = word[2:] or (words.pop(0) if words else "")
            force = force or "force" in value
        elif word == "-x":
            history = True
        elif word.startswith("-"):
            raise Refused(
                2,
                f"invalid option -- '{word[1:2]}'",
                "usage:\n\tqdel [-W force|suppress_email=X] [-x] job_identifier...\n\tqdel --version\n",
            )
        else:
            ids.append(word)
    if not ids:
        raise Refused(2, "", "usage:\n\tqdel [-W force|suppress_email=X] [-x] job_identifier...\n\tqdel --version\n")
    faults.connect()
    status = 0
    for text in ids:
        try:
            delete(state, text, force, history)
        except Refused as refused:
            sys.stderr.write(f"qdel: {refused.message}\n")
            status = refused.status
    return status


def delete(state, text, force, history):
    id = state.full_id(text)
    if id is None:
        raise Refused(1, f"illegally formed job identifier: {text}")
    with state.change():
        refusal = decide(state, id, force, history)
    if refusal is not None:
        raise refusal


def decide(state, id, force, history):
    """Notes what is wanted. @returns what to say instead; the change is kept in either case"""
    job = state.job(id)
    if job is None:
        return Refused(153, f"Unknown Job Id {id}")
    user = state.user()
    owner = job.get("Job_Owner", "").partition("@")[0]
    if user != owner and user not in state.settings["managers"]:
        return Refused(159, f"Unauthorized Request  {id}")
    if job.get("job_state") in "FX":
        if not force and not history:
            return Refused(35, f"Job has finished {id}")
        # The record goes, and whoever forced it is told that there is none.
        state.remove(job)
        return None if history else Refused(153, f"Unknown Job Id {id}")
    if job.get("job_state") not in "RE":
        ending.never_ran(state, job)
        return None
    if job.get("_node_lost") and not force:
        return Refused(222, f"Server could not connect to MOM {id}")
    if "_delete" in job.record and not force:
        return None
    if "_delete" not in job.record and not job.get("_node_lost"):
        job.record["comment"] = f"{job.get('comment')} and terminated by {user}@{state.domain}"
    job.record["_delete"] = "force" if force else "gently"
    job.attention = 1
    state.save(job)
    return None
