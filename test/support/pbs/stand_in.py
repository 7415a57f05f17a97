"""A stand-in for OpenPBS: qsub, qstat, qdel, qselect and some more over a folder, really running what is submitted.

    stand_in.py STATE_FOLDER COMMAND [ARGUMENT ...]

COMMAND is the name of a PBS command, or `server`, which runs until it is ended; `create`, `load`, `crash` and `requeue` are for
the tests that own the folder. For tests only: exit codes and messages are
those of OpenPBS 23.06 and the 22.05 client.
"""

import importlib
import json
import os
import sys
import time

from faults import Faults
from state import Refused, State

COMMANDS = {
    "qsub": "qsub",
    "qstat": "qstat",
    "qdel": "qdel",
    "qselect": "qselect",
    "qhold": "adjusting",
    "qrls": "adjusting",
    "qsig": "adjusting",
    "qrerun": "adjusting",
    "pbsdsh": "pbsdsh",
}


def main():
    folder, command, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    # Whoever logs in may use the commands, as with PBS.
    os.umask(0)
    if command == "server":
        return importlib.import_module("server").serve(State(folder))
    if command == "load":
        return importlib.import_module("interventions").load(State(folder), sys.stdin)
    if command == "crash":
        return importlib.import_module("interventions").crash(State(folder), arguments[0], arguments[1:] == ["noticed"])
    if command == "requeue":
        return importlib.import_module("interventions").requeue(State(folder), arguments[0])
    if command == "lose":
        return importlib.import_module("interventions").lose(State(folder), arguments[0])
    if command == "create":
        return State(folder).create()
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stderr.reconfigure(encoding="utf-8", errors="surrogateescape")
    began = time.time()

    def log(status):
        line = json.dumps(
            {
                "command": command,
                "argv": arguments,
                "rc": status,
                "began": began,
                "seconds": round(time.time() - began, 4),
                "user": os.getuid(),
            }
        )
        handle = os.open(os.path.join(folder, "commands.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.write(handle, (line + "\n").encode("utf-8", "surrogateescape"))
        os.close(handle)

    status = run(State(folder), command, arguments, log)
    log(status)
    return status


def run(state, command, arguments, log):
    faults = Faults(state, command)
    try:
        faults.before(log)
        reject = faults.of("reject")
        if reject is not None:
            raise Refused(reject["rc"], reject["message"])
        return importlib.import_module(COMMANDS[command]).run(state, command, arguments, faults, log)
    except Refused as refused:
        sys.stdout.flush()
        sys.stderr.write(refused.before)
        if refused.message:
            sys.stderr.write(f"{command}: {refused.message}\n")
        if refused.usage:
            sys.stderr.write(refused.usage)
        return refused.status


if __name__ == "__main__":
    sys.exit(main())
