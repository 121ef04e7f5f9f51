"""Part of a network's performance that a linear classifier explains, along training."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from zoo.observations.observed import Observed, Trained, observation
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.record import normalised

ITERATIONS = 10_000  # of L-BFGS, far more than it takes


@observation
def explained_by_linear(trained: Trained) -> Observed:
    r"""Mutual information on the test set, in bits, of labels Y, answers F and those of a linear classifier L.

    .. math:: \mu(F; Y \mid L) = I(F; Y) - I(F; Y \mid L)

    is the part of the performance that L explains: Nakkiran et al. 2019, arXiv:1905.11604, def. 1. L is a logistic
    regression on the same training data. `early_` figures are of the last checkpoint that is no more accurate than L,
    the first one where all are; `late_` figures of the trained network. Information is that of the counts. Departs
    from the paper, where L is trained by SGD.
    """
    data = trained.data
    labels = data.test_labels.numpy()
    linear = _linear_answers(trained)
    accuracy = float((linear == labels).mean())
    late: NDArray[np.int64] = trained.predictions(data.test_images).numpy()
    early: NDArray[np.int64] | None = None
    for snapshot in sorted(trained.snapshots, key=lambda kept: kept.epoch):
        load_state(trained.network, snapshot.state)
        answers = trained.predictions(data.test_images).numpy()
        if early is None or float((answers == labels).mean()) <= accuracy:
            early = answers
    found = {"linear_accuracy": accuracy, "linear_information": information(linear, labels)}
    stages = {"late": late} if early is None else {"early": early, "late": late}
    for name, answers in stages.items():
        total, beyond = information(answers, labels), conditional_information(answers, labels, linear)
        found |= {f"{name}_information": total, f"{name}_explained": total - beyond, f"{name}_beyond": beyond}
    return found


def _linear_answers(trained: Trained) -> NDArray[np.int64]:
    data = trained.data

    def flat(images: Tensor) -> NDArray[np.float64]:
        return normalised(images, data).flatten(1).to(torch.float64).numpy()

    classifier = LogisticRegression(max_iter=ITERATIONS).fit(flat(data.train_images), data.train_labels.numpy())
    return np.asarray(classifier.predict(flat(data.test_images)), dtype=np.int64)


def information(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Mutual information of two sequences of classes, in bits, of their counts."""
    size = int(max(a.max(), b.max())) + 1
    joint = np.bincount(a * size + b, minlength=size * size).reshape(size, size) / len(a)
    independent = np.outer(joint.sum(1), joint.sum(0))
    there = joint > 0
    return float((joint[there] * np.log2(joint[there] / independent[there])).sum())


def conditional_information(a: NDArray[np.int64], b: NDArray[np.int64], given: NDArray[np.int64]) -> float:
    """Mutual information within the values of a third sequence, averaged over it, in bits."""
    values, counts = np.unique(given, return_counts=True)
    parts = [information(a[given == value], b[given == value]) for value in values]
    return float(np.average(parts, weights=counts))
