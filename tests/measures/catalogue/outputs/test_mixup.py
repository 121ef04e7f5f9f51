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
from tests.measures.networks import network


def pairs_of(subject: Subject) -> list[tuple[int, int]]:
    """All pairs within a class, and the examples that are alone in theirs with themselves."""
    labels = subject.labels.tolist()
    pairs = [(i, j) for i, j in itertools.combinations(range(36), 2) if labels[i] == labels[j]]
    return pairs + [(i, i) for i in range(36) if labels.count(labels[i]) == 1]


def accuracy(subject: Subject, right: dict[tuple[int, int], bool]) -> float:
    """Averaged over the classes."""
    labels = subject.labels.tolist()
    return float(np.mean([np.mean([right[p] for p in right if labels[p[0]] == k]) for k in sorted(set(labels))]))


def test_mixup_accuracy(mlp: Subject, conv_bn: Subject) -> None:
    """Midpoints of inputs."""
    for subject in (mlp, conv_bn):
        right = {}
        for i, j in pairs_of(subject):
            answer = subject.model(((subject.inputs[i] + subject.inputs[j]) / 2).unsqueeze(0))
            right[i, j] = int(answer.argmax()) == int(subject.labels[i])

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
            right[i, j] = int(answer.argmax()) == int(subject.labels[i])

        assert manifold_mixup(subject) == pytest.approx(accuracy(subject, right), rel=1e-12)


def test_mixing_the_middle_of_a_residual_network_mixes_its_skips(
    residual: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In chunks too: with every example of one class as its own partner nothing changes."""
    alone = Subject(residual.model, residual.inputs[:10], torch.arange(10))
    monkeypatch.setattr(mixtures, "CHUNK", 3)
    logits, labels = mixtures.logits_of_hidden_mixtures(alone)

    assert torch.allclose(logits, alone.logits_of(alone.inputs))
    assert torch.equal(labels, alone.sample(10).sort().values)


def test_one_layer_has_only_its_input_to_mix(linear: Subject) -> None:
    """Then the two are the same."""
    assert manifold_mixup(linear) == mixup_acc(linear)


def test_pairs_within_classes() -> None:
    """All of them, each once, where they are few enough; else the next of the class in a circle, for every example."""
    labels = torch.tensor([0, 1, 0, 2, 1, 0, 0])
    subject = Subject(network("mlp").model, network("mlp").inputs[:7], labels)
    every, next_ones = (mixtures.pairs_within_classes(subject, count) for count in (99, 7))
    found = {frozenset(pair) for pair in zip(every.first.tolist(), every.second.tolist(), strict=True)}

    expected = [{0, 2}, {0, 5}, {0, 6}, {2, 5}, {2, 6}, {5, 6}, {1, 4}, {3}]
    assert found == {frozenset(pair) for pair in expected}
    assert len(every.first) == len(expected)
    assert torch.equal(every.labels, labels[every.second])
    assert sorted(next_ones.first.tolist()) in ([0, 1, 2, 3, 5, 6], [0, 2, 3, 4, 5, 6])  # of two, one pair
    assert torch.equal(next_ones.labels, labels[next_ones.second])


def test_the_winner_of_the_competition_is_a_product(conv_bn: Subject) -> None:
    """Index times error; one class has no index."""
    assert dbi_mixup(conv_bn) == pytest.approx(davies_bouldin(conv_bn) * (1 - mixup_acc(conv_bn)))
    assert dbi_mixup(conv_bn) > 0
    data = network("mlp")
    with pytest.raises(UnsupportedModelError, match="two classes"):
        dbi_mixup(Subject(data.model, data.inputs, torch.zeros(36).long()))
