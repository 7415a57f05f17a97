"""A small neural network that learns to read scikit-learn's handwritten digits.

Perdure calls train() with a trial's parameters. It can be run by hand as well:

    python train.py '{"learning_rate": 0.003, "hidden": 128, "optimizer": "adam"}'
"""

import json
import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

try:
    import perdure_trial
except ImportError:  # run by hand
    perdure_trial = None

EPOCHS = 60


def train(params):
    """Train with these parameters; return the accuracy on digits that the network has not seen."""
    images, labels = load_digits(return_X_y=True)
    images, new_images, labels, new_labels = train_test_split(
        images, labels, test_size=0.25, random_state=0, stratify=labels
    )
    scaler = StandardScaler().fit(images)
    images, new_images = scaler.transform(images), scaler.transform(new_images)
    network = MLPClassifier(
        hidden_layer_sizes=(params["hidden"],),
        solver=params["optimizer"],
        learning_rate_init=params["learning_rate"],
        momentum=params.get("momentum", 0.9),  # only there where the optimizer is sgd
        batch_size=16,
        random_state=0,
    )
    accuracy = 0.0
    for epoch in range(EPOCHS):
        network.partial_fit(images, labels, classes=range(10))
        accuracy = network.score(new_images, new_labels)
        if perdure_trial is not None:
            perdure_trial.report(epoch, accuracy)
            if perdure_trial.should_prune():
                raise perdure_trial.TrialPruned()
    return {"accuracy": accuracy}


if __name__ == "__main__":
    print(json.dumps(train(json.loads(sys.argv[1]))))
