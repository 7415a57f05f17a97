"""Runs Python code with Optuna: one JSON line {"code", "args"} in, one JSON line {"output"} or {"error"} out.

Optuna's imports take more than a second of CPU time. This process imports once and runs each code in a fork of its own.
"""

import contextlib
import io
import json
import math
import os
import sys
import traceback
import warnings

import optuna

warnings.simplefilter("error", UserWarning)
optuna.logging.set_verbosity(optuna.logging.ERROR)
# Imports what a storage needs (SQLAlchemy, Alembic).
optuna.storages.RDBStorage("sqlite:///:memory:").engine.dispose()


def answer(code: str, args: list[str]) -> dict[str, str]:
    sys.argv = ["-c", *args]
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            exec(code, {"__name__": "__main__", "json": json, "math": math, "sys": sys, "optuna": optuna})
    except BaseException:
        return {"error": traceback.format_exc()}
    return {"output": output.getvalue()}


for line in sys.stdin:
    request = json.loads(line)
    child = os.fork()
    if child == 0:
        print(json.dumps(answer(request["code"], request["args"])), flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != 0:
        print(json.dumps({"error": f"the process of the code ended with status {status}"}), flush=True)
