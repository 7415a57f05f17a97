"""What `perdure diagnose` runs at a site. Standard library only, Python 3.9 or newer; PyTorch and MPI are looked for.

    python3 perdure_diagnose.py torch      # by hand: prints what the check finds, as JSON
"""

import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time

RANKS = ("PALS_RANKID", "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")
SIZES = ("PALS_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
MASKS = ("ZE_AFFINITY_MASK", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
MARK = "perdure-rank "


def check(params):
    """Called as a trial's function is."""
    return CHECKS[params.get("check", "site")](params)


def site(_params):
    packages = ("numpy", "torch", "mpi4py", "globus_compute_sdk")
    return {
        "time": time.time(),
        "host": socket.gethostname(),
        "system": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "modules": [name for name in os.environ.get("LOADEDMODULES", "").split(":") if name],
        "packages": {name: importlib.util.find_spec(name) is not None for name in packages},
        "devices": _masks(),
    }


def _masks():
    return {name: os.environ[name] for name in MASKS if name in os.environ}


def torch(_params):
    try:
        import torch as module
    except Exception as error:  # a broken installation raises anything
        return {"version": None, "error": "%s: %s" % (type(error).__name__, error), "executable": sys.executable}
    devices = _devices(module)
    return {
        "version": module.__version__,
        "executable": sys.executable,
        "devices": devices,
        "throughput": [_throughput(module, *one) for one in _measured(devices)],
    }


def _devices(module):
    found = []
    for kind in ("xpu", "cuda"):
        part = getattr(module, kind, None)
        try:
            count = part.device_count() if part is not None and part.is_available() else 0
        except Exception as error:
            found.append({"kind": kind, "name": "(%s)" % error, "memory": None, "error": True})
            continue
        for index in range(count):
            properties = part.get_device_properties(index)
            found.append({"kind": kind, "name": properties.name, "memory": properties.total_memory})
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found.append({"kind": "cpu", "name": platform.processor() or platform.machine(), "memory": memory})
    return found


def _measured(devices):
    kinds = [kind for kind in ("xpu", "cuda", "cpu") if any(d["kind"] == kind and not d.get("error") for d in devices)]
    best = kinds[0]
    return [(best, dtype) for dtype in ("float32", "bfloat16", "float16" if best != "cpu" else "float64")]


def _throughput(module, kind, dtype, seconds=0.5):
    size = 512 if kind == "cpu" else 4096
    wait = (lambda: None) if kind == "cpu" else getattr(module, kind).synchronize
    try:
        a = module.ones((size, size), dtype=getattr(module, dtype), device=kind)
        a @ a
        wait()
        count, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            for _ in range(4):
                a @ a
            wait()
            count += 4
        rate = 2 * size**3 * count / (time.perf_counter() - begun) / 1e12
        return {"device": kind, "dtype": dtype, "size": size, "tflops": round(rate, 4)}
    except Exception as error:
        return {"device": kind, "dtype": dtype, "size": size, "tflops": None, "error": str(error)[:200]}


def mpi(params):
    ranks = int(params.get("ranks", 2))
    if params.get("launched"):
        return _launched(ranks, params.get("seconds", 120))
    launcher = shutil.which("mpiexec") or shutil.which("mpirun")
    if launcher is None:
        return {"launcher": None, "asked": ranks, "ranks": []}
    environment = dict(
        os.environ,
        OMPI_ALLOW_RUN_AS_ROOT="1",
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
        OMPI_MCA_rmaps_base_oversubscribe="1",
        PRTE_MCA_rmaps_default_mapping_policy=":oversubscribe",
    )
    words = [launcher, "-n", str(ranks), sys.executable, os.path.abspath(__file__), "--rank"]
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=params.get("seconds", 120))
        status, out, said = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as error:
        status, out, said = None, error.stdout or "", "it did not end in time"
    text = out if isinstance(out, str) else out.decode("utf-8", "replace")
    lines = [line.split(MARK, 1)[1] for line in text.splitlines() if MARK in line]
    found = sorted((json.loads(line) for line in lines), key=lambda one: (one["rank"] is None, one["rank"]))
    return {"launcher": launcher, "asked": ranks, "status": status, "said": said[-500:], "ranks": found}


def _launched(ranks, seconds):
    """The site has started this once for each rank: each leaves word of itself, and every one returns what all have left."""
    folder = os.path.dirname(os.path.abspath(os.environ.get("PERDURE_RESULT", "result")))
    mine = os.path.join(folder, "rank-%s-%d" % (socket.gethostname(), os.getpid()))
    with open(mine + ".tmp", "w", encoding="utf-8") as file:
        json.dump(_this_rank(), file)
    os.replace(mine + ".tmp", mine + ".json")
    until = time.monotonic() + seconds
    while True:
        names = [name for name in os.listdir(folder) if name.startswith("rank-") and name.endswith(".json")]
        if len(names) >= ranks or time.monotonic() > until:
            break
        time.sleep(0.1)
    found = []
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found.append(json.load(file))
    found.sort(key=lambda one: (one["rank"] is None, one["rank"]))
    said = "" if len(names) >= ranks else "the others did not start in time"
    return {"launcher": os.environ.get("PARSL_MPI_PREFIX"), "asked": ranks, "status": 0, "said": said, "ranks": found}


def _this_rank():
    number = next((int(os.environ[name]) for name in RANKS if name in os.environ), None)
    size = next((int(os.environ[name]) for name in SIZES if name in os.environ), None)
    return {"rank": number, "size": size, "host": socket.gethostname(), "devices": _masks()}


def _rank():
    # One write, so that lines of several ranks do not mix.
    os.write(1, (MARK + json.dumps(_this_rank()) + "\n").encode())


def task(params):
    begun = time.time()
    time.sleep(params.get("seconds", 3))
    return {"begun": begun, "ended": time.time(), "host": socket.gethostname(), "devices": _masks()}


CHECKS = {"site": site, "torch": torch, "mpi": mpi, "task": task}

if __name__ == "__main__":
    if sys.argv[1:] == ["--rank"]:
        _rank()
    else:
        print(json.dumps(check({"check": (sys.argv + ["site"])[1]}), indent=2))
