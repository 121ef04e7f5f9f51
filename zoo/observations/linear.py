"""Linear classifiers on synthetic data: the data's parameters, the squared risk, support vectors."""

import dataclasses
from typing import Final

import torch
from torch.nn import functional

from zoo.data.synthetic import synthetic
from zoo.models.closed_form import solve, unsolved
from zoo.observations.observed import Observed, Trained, observation
from zoo.training.record import normalised

ACTIVE: Final = 1e-6  # a margin is that of a support vector if it exceeds 1 by no more


@observation
def synthetic_data(trained: Trained) -> Observed:
    """Parameters of a synthetic data set, the number of training examples and the scale by which inputs are divided."""
    own = {name: float(value) for name, value in dataclasses.asdict(synthetic(trained.recipe.dataset)).items()}
    return {**own, "num_examples": float(len(trained.data.train_labels)), "input_scale": float(trained.data.std)}


@observation
def squared_risk(trained: Trained) -> Observed:
    r"""Mean squared distance of test logits from centred one-hot labels, divided by that of the zero function.

    .. math:: \frac{1}{m (1 - 1/k)} \sum_i \lVert f(x_i) - (e_{y_i} - 1/k) \rVert^2

    For two classes that is the mean of (y - g)^2 with y = -1 or 1 and g the difference of the logits.
    """
    data = trained.data
    parameter = next(trained.network.parameters())
    with torch.no_grad():
        logits = trained.network(normalised(data.test_images, data).to(parameter)).cpu()
    targets = functional.one_hot(data.test_labels, data.num_classes).to(logits) - 1 / data.num_classes
    return {"squared_risk": float((logits - targets).square().sum(1).mean() / targets.square().sum(1).mean())}


@observation
def support_vectors(trained: Trained) -> Observed:
    r"""Compare a linear classifier W with the least-squares interpolant L of the same examples.

    `support_share` is the share of the constraints :math:`(w_{y_i} - w_j)^\top x_i \ge 1` that hold with equality, and
    `from_least_squares` the distance :math:`\lVert W - L \rVert_F / \lVert L \rVert_F`.
    """
    data, weights = trained.data, trained.network.get_parameter("1.weight").detach()
    inputs = normalised(data.train_images, data).to(weights)
    recipe = trained.recipe.replace(model="least_squares", weight_decay=0.0)
    other = unsolved(recipe, inputs, data.num_classes).to(weights)
    solve(other, recipe, inputs, data.train_labels.to(weights.device))
    least = other.get_parameter("1.weight").detach()
    logits = inputs.flatten(1) @ weights.T
    labels = data.train_labels.to(logits.device)
    margins = logits.gather(1, labels[:, None]) - logits
    rivals = functional.one_hot(labels, data.num_classes) == 0
    return {
        "support_share": float((margins[rivals] <= 1 + ACTIVE).double().mean()),
        "from_least_squares": float((weights - least).norm() / least.norm()),
    }
