"""What MOM does: starts a job as its user, by that user's login shell, and brings its output where it belongs."""

import os
import pwd
import shlex
import shutil
import subprocess
import time

from state import stamp


class CannotStart(Exception):
    """The job's output files can't be made, its home is not there, or its shell is none."""


class Running:
    """A job that runs, as long as it does. `deadline`: when its walltime is over; `killing`: when KILL follows TERM."""

    def __init__(self, job, process, cookie, deadline):
        self.id, self.process, self.cookie, self.deadline = job.id, process, cookie, deadline
        self.session = process.pid
        self.why, self.term_at, self.kill_at, self.status = "finished", None, None, None


class As:
    """`with As(user):` what is opened is opened with that user's rights."""

    def __init__(self, uid, gid):
        self.uid, self.gid, self.root = uid, gid, os.geteuid() == 0

    def __enter__(self):
        if self.root:
            os.setegid(self.gid)
            os.seteuid(self.uid)

    def __exit__(self, *_):
        if self.root:
            os.seteuid(0)
            os.setegid(0)


def cookie_of(state, id):
    return f"{state.folder}:{id}"


def start(state, job, hosts, clock_now, walltime):
    record = job.record
    uid, gid = record["_uid"], record["_gid"]
    user = pwd.getpwuid(uid)
    nodefile = state.path("aux", job.id)
    with open(nodefile, "w") as file:
        file.write("".join(f"{host}\n" for host in hosts))
    scratch = state.path("tmp", f"pbs.{job.id}")
    os.makedirs(scratch, exist_ok=True)
    os.chown(scratch, uid, gid)
    shell = record.get("Shell_Path_List", "").partition("@")[0] or user.pw_shell or "/bin/sh"
    stdin = shell_input(state, job, uid, gid)
    with As(uid, gid):
        out, err = open_outputs(state, job)
    environment = job_environment(state, job, user, shell, nodefile, scratch)
    identity = (
        {"user": uid, "group": gid, "extra_groups": os.getgrouplist(user.pw_name, gid)} if os.geteuid() == 0 else {}
    )
    try:
        process = subprocess.Popen(
            ["-" + os.path.basename(shell)],
            executable=shell,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            cwd=record["_home"],
            env=environment,
            start_new_session=True,
            **identity,
        )
    except OSError as error:
        raise CannotStart(str(error)) from error
    finally:
        for handle in {out, err}:
            os.close(handle)
    try:
        process.stdin.write(stdin)
        process.stdin.close()
    except BrokenPipeError:
        pass
    cookie = environment["PBS_JOBCOOKIE"]
    return Running(job, process, cookie, clock_now + walltime if walltime else None)


def shell_input(state, job, uid, gid):
    """The shell is handed the path of the script and so honours its first line; or the command after `--`."""
    command = job.record.get("_command")
    if command:
        return (shlex.join(command) + "\n").encode("utf-8", "surrogateescape")
    script = state.path("spool", f"{job.id}.SC")
    shutil.copyfile(state.path("scripts", str(job.seq)), script)
    os.chmod(script, 0o700)
    os.chown(script, uid, gid)
    return f"{script}\n".encode()


def job_environment(state, job, user, shell, nodefile, scratch):
    record = job.record
    return {
        "HOME": record["_home"],
        "LOGNAME": user.pw_name,
        "USER": user.pw_name,
        "SHELL": shell,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": scratch,
        "NCPUS": record.get("Resource_List.ncpus", "1"),
        "OMP_NUM_THREADS": record.get("Resource_List.ncpus", "1"),
        **dict(record["_variables"]),
        "PBS_ENVIRONMENT": "PBS_BATCH",
        "PBS_JOBID": job.id,
        "PBS_JOBNAME": record["Job_Name"],
        "PBS_QUEUE": record["queue"],
        "PBS_NODEFILE": nodefile,
        "PBS_NODENUM": "0",
        "PBS_TASKNUM": "1",
        "PBS_JOBDIR": record["_home"],
        "PBS_MOMPORT": "15003",
        "PBS_JOBCOOKIE": cookie_of(state, job.id),
        "ENVIRONMENT": "BATCH",
    }


def where_outputs_go(job):
    """(standard output, standard error, direct): paths, and whether they are written there while the job runs."""
    record = job.record
    paths = []
    for name, end in (("Output_Path", "OU"), ("Error_Path", "ER")):
        path = record[name].partition(":")[2]
        paths.append(os.path.join(path, f"{job.id}.{end}") if path.endswith("/") or os.path.isdir(path) else path)
    keep, join = record["Keep_Files"], record["Join_Path"]
    direct = "d" in keep
    kept = {letter: letter in keep and not direct for letter in "oe"}
    for place, (letter, end) in enumerate((("o", "o"), ("e", "e"))):
        if kept[letter]:
            paths[place] = os.path.join(record["_home"], f"{record['Job_Name']}.{end}{job.seq}")
    if join == "oe":
        paths[1] = paths[0]
    elif join == "eo":
        paths[0] = paths[1]
    return paths[0], paths[1], {"o": direct and "o" in keep or kept["o"], "e": direct and "e" in keep or kept["e"]}


def spooled(state, job, letter):
    return state.path("spool", f"{job.id}.{'OU' if letter == 'o' else 'ER'}")


def open_outputs(state, job):
    out_path, err_path, direct = where_outputs_go(job)
    paths = [
        out_path if direct["o"] else spooled(state, job, "o"),
        err_path if direct["e"] else spooled(state, job, "e"),
    ]
    if job.record["Join_Path"] == "oe":
        paths[1] = paths[0]
    elif job.record["Join_Path"] == "eo":
        paths[0] = paths[1]
    old = os.umask(0o077)
    try:
        handles = {
            path: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600) for path in set(paths)
        }
    except OSError as error:
        raise CannotStart(str(error)) from error
    finally:
        os.umask(old)
    return handles[paths[0]], handles[paths[1]]


def deliver(state, job):
    """Copies what was spooled to where it was wanted. @returns False where some of it had to stay in the spool"""
    done = True
    out_path, err_path, direct = where_outputs_go(job)
    joined = job.record["Join_Path"]
    wanted = [("o", out_path), ("e", err_path)]
    wanted = wanted[:1] if joined == "oe" else wanted[1:] if joined == "eo" else wanted
    with As(job.record["_uid"], job.record["_gid"]):
        for letter, path in wanted:
            if direct[letter]:
                continue
            try:
                shutil.copyfile(spooled(state, job, letter), path)
                os.chmod(path, 0o600)
                os.unlink(spooled(state, job, letter))
            except OSError:
                done = False
    return done


def clear(state, job):
    """Removes what the job had of its own; output that could not be delivered stays."""
    for path in (state.path("aux", job.id), state.path("spool", f"{job.id}.SC"), state.path("scripts", str(job.seq))):
        if os.path.exists(path):
            os.unlink(path)
    shutil.rmtree(state.path("tmp", f"pbs.{job.id}"), ignore_errors=True)


def note_start(state, job, running, vnodes, now):
    record = job.record
    cpus = record.get("Resource_List.ncpus", "1")
    record.update(
        {
            "job_state": "R",
            "substate": "42",
            "stime": stamp(now),
            "session_id": str(running.session),
            "jobdir": record["_home"],
            "exec_host": "+".join(f"{host}/{slot}" + (f"*{n}" if n > 1 else "") for host, slot, n in vnodes),
            "exec_vnode": "+".join(f"({host}:ncpus={n})" for host, _, n in vnodes),
            "_began": now,
            "run_count": str(int(record.get("run_count", "0")) + 1),
            "resources_used.cpupercent": "0",
            "resources_used.cput": "00:00:00",
            "resources_used.mem": "0kb",
            "resources_used.ncpus": cpus,
            "resources_used.vmem": "0kb",
            "resources_used.walltime": "00:00:00",
        }
    )
    at = time.strftime("%a %b %d at %H:%M", time.localtime(now))
    record["comment"] = f"Job run at {at} on {record['exec_vnode']}"
