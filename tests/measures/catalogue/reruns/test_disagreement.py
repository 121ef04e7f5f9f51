"""Disagreement with a twin whose answers are known, and the shifts one image at a time."""

import pytest
import torch
from torch import Tensor, nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.reruns.disagreement import (
    atc,
    average_confidence,
    confidence_drop,
    disagreement_train_aug,
    gde_disagreement,
    self_gde,
)
from tests.measures.networks import network as trained_network


class Brightness(nn.Module):
    """Class 1 where the sum of the pixels exceeds a threshold, else class 0."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(threshold, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Two logits."""
        return torch.stack([self.threshold.expand(len(x)), x.flatten(1).sum(1)], 1)


def images(levels: list[float]) -> Tensor:
    """Constant images [n, 1, 8, 8] whose pixels sum to these levels."""
    return (torch.tensor(levels, dtype=torch.float64) / 64).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous()


def subject_with(twin: float, train: list[float], unlabeled: list[float]) -> Subject:
    """A network with threshold 0.5 and a twin with another one."""
    labels = torch.tensor([level > 0.5 for level in train]).long()
    return Subject(Brightness(0.5), images(train), labels, twin=Brightness(twin), unlabeled=images(unlabeled))


def test_disagreement_is_the_share_between_the_thresholds() -> None:
    """Of five unlabeled images two lie between 0.5 and 1.5; of the training images one in four."""
    subject = subject_with(1.5, [0.0, 1.0, 2.0, 3.0], [0.0, 0.9, 1.1, 1.9, 7.0])

    assert gde_disagreement(subject) == 2 / 5
    assert disagreement_train_aug(subject) == 1 / 4, "constant images are what they were, however shifted"


def test_a_network_agrees_with_itself(mlp: Subject) -> None:
    """Both are zero, and not zero with the true twin."""
    itself = Subject(mlp.model, mlp.inputs, mlp.labels, twin=mlp.model, unlabeled=mlp.inputs[:5])

    assert gde_disagreement(itself) == 0
    assert disagreement_train_aug(itself) == 0
    assert 0 < gde_disagreement(mlp) < 1
    assert 0 < disagreement_train_aug(mlp) < 1


def test_only_images_can_be_shifted() -> None:
    """Vectors have no neighbours."""
    subject = Subject(Brightness(0.5), torch.ones(3, 5).double(), torch.ones(3).long(), twin=Brightness(1.0))
    with pytest.raises(UnsupportedModelError, match="Only images"):
        disagreement_train_aug(subject)


def test_shifted_images_are_what_is_compared() -> None:
    """A bright column lies where the network looks for it after two of the four shifts; the twin never sees it."""
    bright = torch.zeros(5, 1, 8, 8, dtype=torch.float64)
    bright[:, :, :, 4] = 1.0
    looking, blind = nn.Linear(64, 2).double(), nn.Linear(64, 2).double()
    for layer in (looking, blind):
        nn.init.zeros_(layer.weight)
        layer.bias.data = torch.tensor([1.0, 0.0], dtype=torch.float64)
    looking.weight.data[1, 5::8] = 1.0
    network, twin = nn.Sequential(nn.Flatten(), looking), nn.Sequential(nn.Flatten(), blind)
    subject = Subject(network, bright, torch.ones(5).long(), twin=twin)

    assert disagreement_train_aug(subject) == 2 / 4


def test_doubt_on_unlabeled_inputs(mlp: Subject) -> None:
    """Squares and largest of the probabilities, one input at a time."""
    unlabeled = [mlp.model(x.unsqueeze(0))[0].softmax(0).tolist() for x in trained_network("mlp").unlabeled]
    training = [mlp.model(x.unsqueeze(0))[0].softmax(0).tolist() for x in mlp.inputs]

    assert self_gde(mlp) == pytest.approx(1 - sum(sum(q * q for q in p) for p in unlabeled) / 36, rel=1e-10)
    assert average_confidence(mlp) == pytest.approx(sum(max(p) for p in unlabeled) / 36, rel=1e-10)
    drop = sum(max(p) for p in training) / 36 - sum(max(p) for p in unlabeled) / 36
    assert confidence_drop(mlp) == pytest.approx(drop, rel=1e-10)

    wrong = sum(p.index(max(p)) != y for p, y in zip(training, mlp.labels.tolist(), strict=True))
    threshold = sorted(max(p) for p in training)[wrong]
    assert 0 < wrong < 36
    assert sum(max(p) < threshold for p in training) == wrong
    assert atc(mlp) == pytest.approx(sum(max(p) < threshold for p in unlabeled) / 36)


def test_the_threshold_of_networks_that_are_always_right_or_wrong() -> None:
    """All right: less sure than of any training image. All wrong: everything is expected to be."""
    right = Subject(Brightness(0.5), images([3.0, 4.0]), torch.tensor([1, 1]), unlabeled=images([1, 2.9, 3, 5, -3]))
    wrong = Subject(Brightness(0.5), images([3.0, 4.0]), torch.tensor([0, 0]), unlabeled=images([1.0, 9.0]))

    assert atc(right) == 2 / 5
    assert atc(wrong) == 1
