"""qsub: makes a job of what is asked, gives its id, and leaves the rest to the server."""

import os
import pwd
import re
import sys
import time
from xml.sax.saxutils import escape

import admission
from faults import hang
from resources import resource_list
from state import Job, Refused, clock, stamp
from submission import Submission, variables

# In PBS's order; those that the submitting environment lacks are left out.
PASSED_ON = ("HOME", "LANG", "LOGNAME", "PATH", "MAIL", "SHELL", "TZ")


def run(state, command, arguments, faults, log):
    if arguments == ["--version"]:
        print(f"pbs_version = {state.settings['version']}")
        return 0
    submission = Submission(arguments, sys.stdin)
    pairs = variables(submission, os.environ)
    faults.connect()
    user = pwd.getpwuid(os.getuid())
    resources = dict(submission.resources)
    admission.hooks(state, submission, resources)
    asked = resource_list(resources)
    with state.change():
        queue = submission.options.get("q", state.settings["defaultQueue"]).partition("@")[0]
        found = admission.place(state, queue, asked, state.user())
        seq = state.next_seq()
        array = submission.options.get("J")
        job = Job(seq, -1 if array else -2, f"{seq}{'[]' if array else ''}.{state.host}", {})
        job.record = record(state, submission, job, found or queue, queue, asked, pairs, user)
        if faults.of("hold") is not None:
            give_up(job)
        if found is not None and faults.of("vanish") is None:
            depend(state, job)
            if submission.script is not None:
                with open(state.path("scripts", str(seq)), "wb") as file:
                    file.write(submission.script)
            state.save(job)
    lost = faults.of("lost-reply")
    if lost is not None:
        if lost.get("end") == "hang":
            hang(log)
        raise Refused(183, "Premature end of message")
    if not submission.options.get("z"):
        sys.stdout.write(faults.spoil(f"{job.id}\n"))
    return 0


def record(state, submission, job, queue, first_queue, asked, pairs, user):
    options, host = submission.options, state.domain
    home = state.settings["home"] or user.pw_dir
    here = os.environ.get("PWD") if same_directory(os.environ.get("PWD")) else os.getcwd()
    name = options.get("N") or submission.name[:230]
    now = stamp()
    longest = (state.queue(queue) or {}).get("maxWalltimeSeconds")
    if "walltime" not in asked and longest is not None:
        asked["walltime"] = clock(longest)
    later = parse_date(options["a"]) if "a" in options else None
    held = bool(options.get("h"))
    state_letter = "H" if held else "W" if later else "Q"
    part = ".^array_index^" if job.sub == -1 else ""
    pairs = all_variables(pairs, here, first_queue, host)
    found = {
        "Job_Name": name,
        "Job_Owner": f"{state.user()}@{host}",
        "job_state": state_letter,
        "queue": queue,
        "server": state.host,
        "Checkpoint": "u",
        "ctime": now,
        "Error_Path": output_path(host, here, options.get("e"), f"{name}.e{job.seq}{part}"),
        "Hold_Types": "u" if held else "n",
        "Join_Path": options.get("j", "n"),
        "Keep_Files": options.get("k", "n"),
        "Mail_Points": options.get("m", "a"),
        "mtime": now,
        "Output_Path": output_path(host, here, options.get("o"), f"{name}.o{job.seq}{part}"),
        "Priority": options.get("p", "0"),
        "qtime": now,
        "Rerunable": "False" if options.get("r") == "n" else "True",
        "substate": {"H": "20", "W": "30", "Q": "10"}[state_letter],
        "Variable_List": ",".join(f"{name}={protect(value)}" for name, value in pairs),
        "project": options.get("P", "_pbs_project_default"),
        "Submit_Host": host,
        "_command": submission.command,
        "_uid": user.pw_uid,
        "_gid": user.pw_gid,
        "_home": home,
        "_variables": pairs,
        "_not_before": later,
    }
    for resource, value in asked.items():
        found[f"Resource_List.{resource}"] = value
    if submission.arguments:
        found["Submit_arguments"] = " ".join(submission.arguments)
    if options.get("A"):
        found["Account_Name"] = options["A"]
    if options.get("S"):
        found["Shell_Path_List"] = options["S"]
    if state_letter == "Q":
        found["etime"] = now
    if later:
        found["Execution_Time"] = stamp(later)
    if submission.command:
        quoted = [escape(word, {'"': "&quot;", "'": "&apos;"}) for word in submission.command]
        found["executable"] = f"<jsdl-hpcpa:Executable>{quoted[0]}</jsdl-hpcpa:Executable>"
        if quoted[1:]:
            found["argument_list"] = "".join(
                f"<jsdl-hpcpa:Argument>{word}</jsdl-hpcpa:Argument>" for word in quoted[1:]
            )
    if job.sub == -1:
        found.update({"array": "True", "array_indices_submitted": options["J"]})
    after = re.search(r"depend=([^ ]+)", options.get("W", ""))
    if after:
        found["depend"] = after.group(1)
    return found


def depend(state, job):
    """Holds a job until those that it depends on have ended, and tells them who waits."""
    text = job.get("depend")
    if not text:
        return
    kind, _, rest = text.partition(":")
    parents = [state.job(state.full_id(id) or "") for id in rest.split(":")]
    if any(parent is None for parent in parents):
        raise Refused(153, f"Unknown Job Id {rest}")
    job.record["depend"] = kind + "".join(f":{parent.id}@{state.host}" for parent in parents)
    job.record.update({"job_state": "H", "substate": "22", "Hold_Types": "s", "_parents": [p.id for p in parents]})
    job.record.pop("etime", None)
    job.attention = 1
    for parent in parents:
        parent.record["depend"] = f"{kind.replace('after', 'before')}:{job.id}@{state.host}"
        state.save(parent, touch=False)


def give_up(job):
    """As PBS leaves a job that could not be started twenty-one times."""
    job.record.update(
        {
            "job_state": "H",
            "substate": "20",
            "Hold_Types": "s",
            "run_count": "21",
            "Exit_status": "-3",
            "comment": "job held, too many failed attempts to run",
            "stime": stamp(),
            "obittime": stamp(),
        }
    )
    for name in ("etime", "exec_host", "exec_vnode", "session_id", "jobdir"):
        job.record.pop(name, None)


def all_variables(pairs, here, queue, host):
    passed = [(f"PBS_O_{name}", os.environ[name]) for name in PASSED_ON if name in os.environ]
    fixed = [
        ("PBS_O_INTERACTIVE_AUTH_METHOD", "resvport"),
        ("PBS_O_INTERACTIVE_ENCRYPT_METHOD", ""),
        ("PBS_O_WORKDIR", here),
        ("PBS_O_SYSTEM", "Linux"),
    ]
    last = [("PBS_O_QUEUE", queue), ("PBS_O_HOST", host)]
    return passed + fixed + pairs + last


def protect(value):
    """As the value comes back from the server: double quotes become backslashes, and those and commas are escaped."""
    return value.replace("\\", "\\\\").replace('"', "\\").replace("\\", "\\\\").replace(",", "\\,")


def output_path(host, here, given, default):
    if given is None:
        return f"{host}:{os.path.join(here, default)}"
    where, colon, path = given.partition(":")
    if not colon or "/" in where:
        where, path = host, given
    return f"{where}:{os.path.join(here, path)}"


def same_directory(path):
    try:
        return path is not None and os.path.isabs(path) and os.path.samefile(path, ".")
    except OSError:
        return False


def parse_date(text):
    """`[[[[CC]YY]MM]DD]hhmm[.SS]`"""
    digits, _, second = text.partition(".")
    now = time.localtime()
    full = time.strftime("%Y%m%d", now)[: max(0, 12 - len(digits))] + digits
    try:
        return time.mktime(time.strptime(full + (second or "00"), "%Y%m%d%H%M%S"))
    except ValueError:
        raise Refused(2, "illegal -a value") from None
