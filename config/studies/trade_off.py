"""A made-up trade-off for multi-objective.yaml. Standard library only."""


def evaluate(params):
    """A larger network errs less and costs more."""
    cost = params["layers"] * params["width"]
    overfit = 0.1 * params["layers"] * abs(params.get("dropout", 0.0) - 0.2)
    return {"error": 1 / (1 + cost**0.5) + overfit, "cost": cost}
