"""Mixtures of a class one pair at a time."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.outputs.mixup import dbi_mixup, manifold_mixup, mixup_acc
from measures.catalogue.representation.representation import davies_bouldin
from measures.passes.activations import mixtures
from measures.passes.activations.mixtures import partners
from tests.measures.networks import network


def pairs_of(subject: Subject) -> list[tuple[int, int]]:
    """Each example in the order of the draw with the next of its class, the last with the first."""
    order = subject.sample(36).tolist()
    labels = [int(subject.labels[i]) for i in order]
    found = []
    for i in range(36):
        j = next(j for j in itertools.chain(range(i + 1, 36), range(36)) if labels[j] == labels[i])
        found.append((order[i], order[j]))
    return found


def accuracy(subject: Subject, right: dict[int, bool]) -> float:
    """Averaged over the classes."""
    labels = subject.labels.tolist()
    return float(np.mean([np.mean([right[i] for i in right if labels[i] == k]) for k in sorted(set(labels))]))


def test_mixup_accuracy(mlp: Subject, conv_bn: Subject) -> None:
    """Midpoints of inputs."""
    for subject in (mlp, conv_bn):
        right = {}
        for i, j in pairs_of(subject):
            answer = subject.model(((subject.inputs[i] + subject.inputs[j]) / 2).unsqueeze(0))
            right[i] = int(answer.argmax()) == int(subject.labels[i])

        assert accuracy(subject, right) != np.mean(list(right.values()))
        assert mixup_acc(subject) == pytest.approx(accuracy(subject, right), rel=1e-12)


def test_manifold_mixup(mlp: Subject, conv_bn: Subject) -> None:
    """Midpoints of what goes into the second of three layers."""
    for subject, cut in ((mlp, 3), (conv_bn, 4)):
        parts = list(subject.model.children())
        first, second = nn.Sequential(*parts[:cut]), nn.Sequential(*parts[cut:])
        right = {}
        for i, j in pairs_of(subject):
            answer = second((first(subject.inputs[i][None]) + first(subject.inputs[j][None])) / 2)
            right[i] = int(answer.argmax()) == int(subject.labels[i])

        assert manifold_mixup(subject) == pytest.approx(accuracy(subject, right), rel=1e-12)


def test_mixing_the_middle_of_a_residual_network_mixes_its_skips(
    residual: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In chunks too: with every example of one class as its own partner nothing changes."""
    alone = Subject(residual.model, residual.inputs[:10], torch.arange(10))
    monkeypatch.setattr(mixtures, "CHUNK", 3)
    logits, labels = mixtures.logits_of_hidden_mixtures(alone)

    assert torch.allclose(logits, alone.logits_of(alone.inputs[alone.sample(10)]))
    assert torch.equal(labels, alone.sample(10))


def test_one_layer_has_only_its_input_to_mix(linear: Subject) -> None:
    """Then the two are the same."""
    assert manifold_mixup(linear) == mixup_acc(linear)


def test_partners_are_of_the_same_class() -> None:
    """The next; the first after the last; itself where there is no other."""
    assert partners(torch.tensor([0, 1, 0, 2, 1, 0])).tolist() == [2, 4, 5, 3, 1, 0]


def test_the_winner_of_the_competition_is_a_product(conv_bn: Subject) -> None:
    """Index times error; one class has no index."""
    assert dbi_mixup(conv_bn) == pytest.approx(davies_bouldin(conv_bn) * (1 - mixup_acc(conv_bn)))
    assert dbi_mixup(conv_bn) > 0
    data = network("mlp")
    with pytest.raises(UnsupportedModelError, match="two classes"):
        dbi_mixup(Subject(data.model, data.inputs, torch.zeros(36).long()))
