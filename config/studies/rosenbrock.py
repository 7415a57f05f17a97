"""Rosenbrock's valley for optuna-bridge.yaml. Standard library only."""


def rosenbrock(params):
    """Least, 0, at x = y = 1."""
    x, y = params["x"], params["y"]
    return {"loss": (1 - x) ** 2 + 100 * (y - x * x) ** 2}
