"""ResNet-18 learns to tell small images apart, on a tile of an Intel GPU, on CUDA or on a CPU.

Perdure calls train() with a trial's parameters. It can be run by hand as well:

    python resnet18.py '{"learning_rate": 0.01, "batch_size": 64, "num_epochs": 2}'

Images come from CIFAR-10 where CIFAR10 names the folder cifar-10-batches-py, and are made up otherwise: bright bars at ten angles
in noise. Nothing is downloaded.
"""

import json
import os
import pickle
import sys

import torch
from torch import nn
from torch.nn import functional

try:
    import perdure_trial
except ImportError:  # run by hand
    perdure_trial = None


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.around = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.around = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(y)) + self.around(x))


def resnet18(width=64, classes=10):
    """ResNet-18 (He et al. 2016, arXiv:1512.03385) with the first layer that 32x32 images want."""
    layers = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    inputs = width
    for stage in range(4):
        outputs = width * 2**stage
        layers += [Block(inputs, outputs, 1 if stage == 0 else 2), Block(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def device():
    """The tile or GPU that this trial may use, else the CPU. The site pins it: ZE_AFFINITY_MASK, CUDA_VISIBLE_DEVICES."""
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        return torch.device("xpu")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def images(samples, seed):
    """Images and labels of ten classes: CIFAR-10 where it is there, or bars in noise."""
    folder = os.environ.get("CIFAR10")
    if folder:
        names = ["data_batch_%d" % i for i in range(1, 6)] if seed == 0 else ["test_batch"]
        batches = []
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                batches.append(pickle.load(file, encoding="bytes"))
        pixels = torch.cat([torch.as_tensor(batch[b"data"]) for batch in batches])
        labels = torch.cat([torch.as_tensor(batch[b"labels"]) for batch in batches])
        return pixels.reshape(-1, 3, 32, 32)[:samples].float() / 255 - 0.5, labels[:samples]
    chance = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (samples,), generator=chance)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    angle = labels[:, None, None] * torch.pi / 10
    shift = torch.rand(samples, 1, 1, generator=chance) * 0.6 - 0.3
    bar = torch.exp(-20 * (x * torch.cos(angle) + y * torch.sin(angle) - shift) ** 2)
    return bar[:, None] + 0.4 * torch.randn(samples, 3, 32, 32, generator=chance), labels


def optimizer(name, weights, learning_rate):
    if name == "adam":
        return torch.optim.Adam(weights, lr=learning_rate)
    if name == "sgd":
        return torch.optim.SGD(weights, lr=learning_rate, momentum=0.9, weight_decay=5e-4)
    raise ValueError("optimizer has to be adam or sgd, not %r" % name)


def accuracy_on(model, pixels, labels, batch_size):
    model.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(labels), batch_size):
            part = slice(start, start + batch_size)
            right += int((model(pixels[part]).argmax(1) == labels[part]).sum())
    return right / len(labels)


def train(params):
    """Train with these parameters; return the accuracy on images that the network has not seen."""
    if params.get("model_type", "resnet18") != "resnet18":
        raise ValueError("model_type has to be resnet18, not %r" % params["model_type"])
    epochs, batch_size = int(params.get("num_epochs", 10)), int(params.get("batch_size", 64))
    samples = int(os.environ.get("RESNET18_SAMPLES", 10000))
    where = device()
    torch.manual_seed(0)
    pixels, labels = (part.to(where) for part in images(samples, 0))
    new_pixels, new_labels = (part.to(where) for part in images(max(100, samples // 5), 1))
    model = resnet18(int(params.get("width", 64))).to(where)
    steps = optimizer(params.get("optimizer", "sgd"), model.parameters(), params.get("learning_rate", 0.01))
    state = os.path.join(perdure_trial.checkpoint_dir(), "state.pt") if perdure_trial else None
    done, accuracy = 0, 0.0
    if state and os.path.exists(state):
        # An earlier attempt was ended by its walltime, or with its node.
        kept = torch.load(state, map_location=where)
        model.load_state_dict(kept["model"])
        steps.load_state_dict(kept["steps"])
        done, accuracy = kept["epochs"], kept["accuracy"]
        print("going on after epoch %d" % done, flush=True)
    for epoch in range(done, epochs):
        model.train()
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(epoch))
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size].to(where)
            steps.zero_grad()
            loss = functional.cross_entropy(model(pixels[part]), labels[part])
            loss.backward()
            steps.step()
        accuracy = accuracy_on(model, new_pixels, new_labels, 256)
        print("epoch %d on %s: accuracy %.4f" % (epoch + 1, where, accuracy), flush=True)
        if state:
            kept = {"model": model.state_dict(), "steps": steps.state_dict()}
            torch.save({**kept, "epochs": epoch + 1, "accuracy": accuracy}, state + ".new")
            os.replace(state + ".new", state)
        if perdure_trial is not None:
            perdure_trial.report(epoch + 1, accuracy)
            if perdure_trial.should_prune():
                raise perdure_trial.TrialPruned()
    return {"accuracy": accuracy, "epochs": epochs}


if __name__ == "__main__":
    print(json.dumps(train(json.loads(sys.argv[1]))))
