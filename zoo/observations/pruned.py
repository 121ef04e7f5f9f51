"""Weights that a network has at zero, and the epochs that its siblings shared with it."""

import torch

from zoo.observations.observed import Observed, Trained, observation


@observation
def pruned_weights(trained: Trained) -> Observed:
    """For each weight of more than one dimension whether it is zero, and the epochs of the recipe's source; 0 if none.

    Weights stand in the order of the network's parameters. Meant for networks that were pruned: one number a weight.
    """
    weights = torch.cat([p.detach().flatten() for p in trained.network.parameters() if p.dim() > 1])
    source = trained.recipe.source
    return {
        "pruned_weights": (weights == 0).int().tolist(),
        "shared_epochs": 0.0 if source is None else float(source.max_epochs),
    }
