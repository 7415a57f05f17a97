"""What an endpoint can do with PyTorch, a function each. Every one is whole in itself (its imports are inside), so that it runs
wherever its source does: as `--function torch_test.py:train_wrapper` of a job of Perdure's, as a trial, or with Globus' own
Executor:

    from globus_compute_sdk import Executor
    from torch_test import train_wrapper

    with Executor(endpoint_id=ENDPOINT_ID) as executor:
        print(executor.submit(train_wrapper, {"lr": 0.01, "batch": 32, "optimizer": "adam"}).result())
"""


def train_wrapper(hparams):
    """Train a small network for a moment; return its loss, accuracy, device and seconds. Known are lr, batch, optimizer and epochs."""
    import time

    import torch

    xpu = hasattr(torch, "xpu") and torch.xpu.is_available()
    device = torch.device("xpu" if xpu else "cuda" if torch.cuda.is_available() else "cpu")
    began = time.perf_counter()
    torch.manual_seed(0)
    points = torch.randn(2048, 16)
    labels = (points[:, :8].square().sum(1) > points[:, 8:].square().sum(1)).long()
    points, labels = points.to(device), labels.to(device)
    network = torch.nn.Sequential(
        torch.nn.Linear(16, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)
    ).to(device)
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}
    name = hparams.get("optimizer", "adam")
    if name not in kinds:
        raise ValueError("optimizer has to be one of %s, not %r" % (", ".join(kinds), name))
    optimizer = kinds[name](network.parameters(), lr=float(hparams.get("lr", 0.01)))
    batch = int(hparams.get("batch", 32))
    for _ in range(int(hparams.get("epochs", 3))):
        for start in range(0, len(labels), batch):
            part = slice(start, start + batch)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(points[part]), labels[part]).backward()
            optimizer.step()
    with torch.no_grad():
        answers = network(points)
        loss = float(torch.nn.functional.cross_entropy(answers, labels))
        accuracy = float((answers.argmax(1) == labels).float().mean())
    return {
        "loss": loss,
        "accuracy": accuracy,
        "device": str(device),
        "torch": str(torch.__version__),
        "seconds": time.perf_counter() - began,
    }


def torch_info(_=None):
    """PyTorch's version and the devices that it sees here, with their memory in GiB."""
    import os
    import platform
    import socket

    import torch

    devices = [{"kind": "cpu", "name": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}]
    for kind in ("xpu", "cuda"):
        module = getattr(torch, kind, None)
        if module is None or not module.is_available():
            continue
        for index in range(module.device_count()):
            about = module.get_device_properties(index)
            devices.append({"kind": kind, "name": about.name, "memory": about.total_memory / 2**30})
    masks = ("ZE_AFFINITY_MASK", "ZE_FLAT_DEVICE_HIERARCHY", "CUDA_VISIBLE_DEVICES")
    return {
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "devices": devices,
        "pinned": {name: os.environ[name] for name in masks if name in os.environ},
    }


def tensor_speed(params=None):
    """TFLOP/s of a matrix product on the best device here. Known are size and repeats."""
    import time

    import torch

    params = params or {}
    size, repeats = int(params.get("size", 2048)), int(params.get("repeats", 10))
    kind = "xpu" if hasattr(torch, "xpu") and torch.xpu.is_available() else "cuda" if torch.cuda.is_available() else "cpu"
    wait = getattr(torch, kind).synchronize if kind != "cpu" else lambda: None
    a = torch.randn(size, size, device=kind)
    a @ a
    wait()
    began = time.perf_counter()
    for _ in range(repeats):
        a @ a
    wait()
    return {"device": kind, "tflops": 2 * size**3 * repeats / (time.perf_counter() - began) / 1e12}


# Globus' SDK sends the name alone of a function whose module can be imported, and the endpoint has no such module. Of the main
# program's functions it sends the function itself; both ends then need the same minor version of Python. Perdure sends source.
for _function in (train_wrapper, torch_info, tensor_speed):
    _function.__module__ = "__main__"
