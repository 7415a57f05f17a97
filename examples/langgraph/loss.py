"""A loss that is known: quick to compute, best at a learning rate of 0.003 with sgd and a momentum of 0.9."""

import math


def loss(params):
    distance = math.log10(params["learning_rate"] / 0.003) ** 2
    if params["optimizer"] == "adam":
        return 0.2 + distance
    return distance + 2 * (params["momentum"] - 0.9) ** 2
