"""qhold, qrls, qsig and qrerun, as far as a user may."""

import signal
import sys

from state import Refused, stamp


def run(state, command, arguments, faults, log):
    words, ids, option = list(arguments), [], None
    while words:
        word = words.pop(0)
        if word in ("-s", "-h"):
            option = words.pop(0) if words else None
        elif not word.startswith("-"):
            ids.append(word)
    if not ids:
        raise Refused(2, "", f"usage: {command} [-h hold_list] [-s signal] job_identifier...\n")
    faults.connect()
    status = 0
    for text in ids:
        with state.change():
            refusal = adjust(state, command, state.full_id(text), option)
        if refusal is not None:
            sys.stderr.write(f"{command}: {refusal.message}\n")
            status = refusal.status
    return status


def adjust(state, command, id, option):
    job = state.job(id or "")
    if job is None:
        return Refused(153, f"Unknown Job Id {id}")
    user = state.user()
    if job.get("job_state") == "F":
        return Refused(35, f"Job has finished {id}")
    manages = user in state.settings["managers"]
    if user != job.get("Job_Owner", "").partition("@")[0] and not manages or command == "qrerun" and not manages:
        return Refused(159, f"Unauthorized Request  {id}")
    record = job.record
    if command == "qhold":
        record["Hold_Types"] = "u"
        if record["job_state"] in "QW":
            record.update({"job_state": "H", "substate": "20"})
        record["comment"] = f"Job held by {user} on {stamp()}"
    elif command == "qrls":
        record["Hold_Types"] = "n"
        if record["job_state"] == "H":
            record.update({"job_state": "Q", "substate": "10", "etime": stamp()})
    elif command == "qsig":
        if record["job_state"] != "R":
            return Refused(138, f"Request invalid for state of job {id}")
        name = (option or "TERM").upper()
        record["_signal"] = int(name) if name.isdigit() else int(getattr(signal, f"SIG{name.replace('SIG', '')}"))
        job.attention = 1
    state.save(job)
    return None
