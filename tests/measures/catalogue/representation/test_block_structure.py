"""Block structure by singular values of centred activations, and of networks whose layers are known."""

from itertools import combinations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.representation.block_structure import first_component_share, largest_eigenvalue, layer_cka
from measures.per_layer import Layered
from tests.measures.networks import network

Array = NDArray[np.float64]


def centred_activations(subject: Subject, ends: tuple[int, ...]) -> list[Array]:
    """Activations [n, p] behind the first `end` modules, less their mean."""
    parts = list(subject.model.children())
    found = [nn.Sequential(*parts[:end])(subject.inputs).flatten(1).detach().numpy() for end in ends]
    return [points - points.mean(0) for points in found]


@pytest.mark.parametrize(("name", "ends"), [("mlp", (3, 5)), ("conv_bn", (4, 9))])
def test_by_features_instead_of_gram_matrices(name: str, ends: tuple[int, ...]) -> None:
    """Kornblith et al., eq. 4: the squared norm of Y^T X over those of X^T X and Y^T Y; shares by singular values."""
    subject = network(name).subject()
    layers = centred_activations(subject, ends)
    alike = [
        np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
        for x, y in combinations(layers, 2)
    ]
    squares = [np.linalg.svd(x, compute_uv=False) ** 2 for x in layers]

    assert layer_cka(subject) == pytest.approx(np.mean(alike), rel=1e-6)
    assert first_component_share(subject) == pytest.approx(np.mean([s[0] / s.sum() for s in squares]), rel=1e-6)


def test_a_block_of_equal_layers() -> None:
    """Identities behind a layer of one direction, with ReLU on numbers above zero."""
    points = torch.rand(20, 4, generator=torch.Generator().manual_seed(0)).double()
    weights = [torch.outer(torch.tensor([1.0, 2, 3]), torch.ones(4)), torch.eye(3), 5 * torch.eye(3), torch.ones(2, 3)]
    parts: list[nn.Module] = []
    for weight in weights:
        layer = nn.Linear(weight.shape[1], len(weight), bias=False)
        layer.weight.data = weight
        parts += [layer, nn.ReLU()]
    subject = Subject(nn.Sequential(*parts[:-1]).double(), points, torch.arange(20) % 2)

    assert layer_cka(subject) == pytest.approx(1, abs=1e-9)
    score = first_component_share.compute(subject)
    assert score == pytest.approx(1, abs=1e-9)
    assert isinstance(score, Layered)
    assert list(score.layers) == ["2", "4", "6"]


def test_the_largest_eigenvalue() -> None:
    """Of centred matrices, whose null vector is the constant one, also of two examples."""
    for count in (2, 3, 40):
        points = np.random.default_rng(count).normal(size=(count, 5))
        points -= points.mean(0)
        gram = points @ points.T
        assert largest_eigenvalue(gram) == pytest.approx(np.linalg.eigvalsh(gram)[-1], rel=1e-9)


def test_networks_without_a_pair_of_layers_are_refused(linear: Subject) -> None:
    """No hidden layer; one; one that is the same for all examples."""
    for measure in (layer_cka, first_component_share):
        with pytest.raises(UnsupportedModelError, match="hidden layer"):
            measure(linear)
    first = nn.Linear(4, 3)
    first.weight.data = torch.ones(3, 4) + torch.eye(3, 4)
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(3, 2)).double()
    shallow = Subject(model, torch.eye(4).double(), torch.arange(4) % 2)
    with pytest.raises(UnsupportedModelError, match="there is one"):
        layer_cka(shallow)
    assert 0 < first_component_share(shallow) <= 1
    first.bias.data.fill_(-100)
    dead = Subject(model, torch.eye(4).double(), torch.arange(4) % 2)
    with pytest.raises(UnsupportedModelError, match="same for all"):
        first_component_share(dead)
