"""Variance of penultimate features within classes, early and late in training."""

import torch
from torch import Tensor, nn

from zoo.observations.observed import Observed, Trained, observation
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.record import EVALUATION_CHUNK, normalised


@observation
def class_spread(trained: Trained) -> Observed:
    r"""Mean squared distance of the training images' features from the mean of their class, early and late.

    .. math:: \frac{1}{n} \sum_i \lVert h_i - \mu_{y_i} \rVert^2

    h is what goes into the last layer, averaged over places where that is a convolution. `early_class_spread` is that
    of the first checkpoint, `late_class_spread` that of the trained network. Nothing without checkpoints.
    """
    if not trained.snapshots:
        return {}
    late = _spread(trained)
    load_state(trained.network, min(trained.snapshots, key=lambda kept: kept.epoch).state)
    return {"early_class_spread": _spread(trained), "late_class_spread": late}


def _spread(trained: Trained) -> float:
    labels = trained.data.train_labels
    features = penultimate(trained.network, normalised(trained.data.train_images, trained.data))
    means = torch.stack([features[labels == label].mean(0) for label in labels.unique()])
    _, place = labels.unique(return_inverse=True)
    return float((features - means[place]).square().sum(1).mean())


def penultimate(network: nn.Module, inputs: Tensor) -> Tensor:
    """Features [n, p] that go into the last linear or convolutional layer, averaged over places."""
    last = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]
    found: list[Tensor] = []

    def keep(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        found.append(given[0].flatten(2).mean(2) if given[0].dim() > 2 else given[0])  # noqa: PLR2004  [n, p] have no places

    handle = last.register_forward_pre_hook(keep)
    try:
        with torch.no_grad():
            for chunk in inputs.to(next(network.parameters())).split(EVALUATION_CHUNK):
                network(chunk)
    finally:
        handle.remove()
    return torch.cat(found).double().cpu()
