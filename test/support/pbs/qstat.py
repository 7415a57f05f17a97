"""qstat: jobs, queues and the server, as a table, as text, and as JSON."""

import re
import sys
import time

import json_listing
import places
import text_listing
from state import Refused, clock

USAGE = """usage: 
qstat [-f] [-J] [-p] [-t] [-x] [-E] [-F format | -w] [-D delim] [ job_identifier... | destination... ]
qstat [-a|-i|-r|-H|-T] [-J] [-t] [-u user] [-n] [-s] [-G|-M] [-1] [-w]
	[ job_identifier... | destination... ]
qstat -Q [-f] [-F format] [-D delim] [ destination... ]
qstat -q [-G|-M] [ destination... ]
qstat -B [-f] [-F format] [-D delim] [ server_name... ]
qstat --version
"""
FINISHED = "Job has finished, use -x or -H to obtain historical job information"


class Options:
    def __init__(self, arguments):
        self.flags, self.operands, self.format, self.delimiter, self.users = set(), [], None, "|", None
        words = list(arguments)
        while words:
            word = words.pop(0)
            if word == "--":
                self.operands += words
                break
            if not word.startswith("-") or word == "-":
                self.operands.append(word)
                continue
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in "FDu":
                    value, letters = (letters or (words.pop(0) if words else "")), ""
                    if letter == "F":
                        self.format = value
                    elif letter == "D":
                        self.delimiter = value
                    else:
                        self.users = {user.partition("@")[0] for user in value.split(",")}
                elif letter in "fJptxEwairHTnsGM1QqB":
                    self.flags.add(letter)
                else:
                    raise Refused(2, f"invalid option -- '{letter}'", USAGE)
        if self.users is not None and ("f" in self.flags or self.format):
            raise Refused(2, "conflicting options.", USAGE)
        if self.format not in (None, "json", "dsv", "default"):
            raise Refused(2, "illegal -F value", USAGE)

    @property
    def history(self):
        return "x" in self.flags or "H" in self.flags


def run(state, command, arguments, faults, log):
    if arguments == ["--version"]:
        print(f"pbs_version = {state.settings['version']}")
        return 0
    options = Options(arguments)
    now = int(time.time())
    full_json = options.format == "json" and "f" in options.flags
    try:
        faults.connect()
        if options.history:
            state.want_history(*options.operands)
    except Refused:
        if full_json:
            sys.stdout.write(json_listing.answer(state, now, "Jobs", []))
        raise
    if "Q" in options.flags or "B" in options.flags:
        kind, objects = places.queues(state, options) if "Q" in options.flags else places.server(state)
        sys.stdout.write(faults.spoil(show(state, options, now, kind, objects)))
        return 0
    jobs, problems, status = choose(state, options, faults)
    for job in jobs:
        if job.get("job_state") == "R" and "_began" in job.record:
            job.record["resources_used.walltime"] = clock(now - job.record["_began"])
        faults.elsewhere(job)
    if "f" in options.flags:
        text = show(state, options, now, "Jobs", [(job.id, job.attributes()) for job in jobs])
    elif options.users is not None or options.flags & set("airHTns"):
        text = text_listing.wide_table(jobs, state.host, now) if jobs else ""
    else:
        text = text_listing.table(jobs) if jobs else ""
    sys.stdout.write(faults.spoil(text))
    sys.stdout.flush()
    for problem in problems:
        sys.stderr.write(f"qstat: {problem}\n")
    return status


def show(state, options, now, kind, objects):
    if options.format == "json":
        return json_listing.answer(state, now, kind, objects)
    title = {"Jobs": "Job Id", "Queue": "Queue", "Server": "Server"}[kind]
    if options.format == "dsv":
        return "".join(text_listing.delimited(title, id, pairs, options.delimiter) for id, pairs in objects)
    if "f" in options.flags:
        return "".join(text_listing.full(title, id, pairs) for id, pairs in objects)
    return places.table(kind, objects)


def choose(state, options, faults):
    """The jobs asked for, what is wrong with the rest, and the exit code: that of the last thing that is wrong."""
    found, problems, status = [], [], 0
    subjobs = "t" in options.flags
    operands = options.operands or ["@" + state.host]
    # The newest client shows the first object of several alone where it prints JSON.
    first_only = (state.main and options.format == "json") or faults.of("one-id") is not None
    for operand in operands:
        if re.match(r"\d", operand):
            id = state.full_id(operand)
            if id is None:
                raise Refused(1, f"illegally formed job identifier: {operand}")
            job = state.job(id)
            if job is None:
                problems.append(f"Unknown Job Id {id}")
                status = 153
                continue
            if job.get("job_state") in "FX" and not options.history and job.sub != 0:
                problems.append(f"{id} {FINISHED}")
                status = 35
                continue
            chosen = [job]
            if subjobs and job.sub == -1:
                chosen += list(state.jobs("seq = ? AND sub >= 0", job.seq))
        else:
            name, at, server = operand.partition("@")
            if at and server not in (state.host, state.domain):
                raise Refused(255, f"cannot connect to server {server} (errno=15008)", before="Unknown Host.\n")
            if name and state.queue(name) is None:
                problems.append(f"Unknown queue {name}")
                status = 170
                continue
            where = "1" if options.history else "state <> 'F'"
            where += "" if subjobs else " AND sub < 0"
            chosen = list(state.jobs(where + " AND queue = ?", name) if name else state.jobs(where))
        if not first_only or not found:
            found += chosen
    if faults.of("one-id") is not None:
        found = found[:1]
    if options.users is not None:
        found = [job for job in found if job.get("Job_Owner", "").partition("@")[0] in options.users]
    return found, problems, status
