"""Prediction depth of inputs that are clusters or noise, and one example at a time."""

from collections import Counter

import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.representation.prediction_depth import prediction_depth


def test_clusters_of_the_input_are_settled_at_once(linear: Subject) -> None:
    """Two far clusters with a network that tells them apart: depth zero; one that tells them wrongly: one."""
    points = torch.cat([torch.randn(15, 2, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]).double()
    points[15:] += 50
    layer = nn.Linear(2, 2).double()
    layer.weight.data, layer.bias.data = torch.tensor([[-1.0, 0], [1, 0]]).double(), torch.tensor([25.0, -25]).double()
    labels = torch.arange(30) // 15

    assert prediction_depth(Subject(layer, points, labels)) == 0
    assert prediction_depth(Subject(layer, points, 1 - labels)) == 1
    assert prediction_depth(linear) > 0


def test_votes_one_example_at_a_time(mlp: Subject) -> None:
    """Places from the last backwards while the vote is the answer."""
    parts = list(mlp.model.children())
    places = [nn.Sequential(*parts[:end])(mlp.inputs).flatten(1).detach() for end in (0, 3, 5)]
    answers, labels = mlp.logits_of(mlp.inputs).argmax(1).tolist(), mlp.labels.tolist()
    depths = []
    for i in range(36):
        depth = 3
        for points in reversed(places):
            others = sorted((float((points[i] - points[j]).norm()), j) for j in range(36) if j != i)[:10]
            votes = Counter(labels[j] for _, j in others)
            winner = min(votes, key=lambda label: (-votes[label], label))
            if winner != answers[i]:
                break
            depth -= 1
        depths.append(depth / 3)

    assert len(set(depths)) > 2
    assert prediction_depth(mlp) == pytest.approx(sum(depths) / 36)


def test_few_examples_have_too_few_neighbours(mlp: Subject) -> None:
    """Ten neighbours take eleven examples."""
    with pytest.raises(UnsupportedModelError, match="it has 10"):
        prediction_depth(Subject(mlp.model, mlp.inputs[:10], mlp.labels[:10]))
