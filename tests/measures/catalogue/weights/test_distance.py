"""Distances from initialization against naive transcriptions in numpy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Measure, Subject, UnsupportedModelError
from measures.catalogue.weights.distance import (
    cos_to_init,
    dist_spec_init,
    dist_spec_init_fft,
    fro_dist,
    l2_dist,
    path_length,
    rel_dist,
    w_cka,
)
from measures.per_layer import Layered
from measures.training_history import Checkpoint, Trajectory
from tests.measures import by_hand
from tests.measures.catalogue.weights.test_spectral import by_fourier, spectral
from tests.measures.networks import network

Ends = tuple[Subject, list[by_hand.Array], list[by_hand.Array]]


@pytest.fixture(params=["mlp", "conv_bn"])
def ends(request: pytest.FixtureRequest) -> Ends:
    """A network and its kernels after and before training, each end folded with its own batch norm."""
    data = network(request.param)
    state = data.model.state_dict()
    return data.subject(), by_hand.kernels(request.param, state), by_hand.kernels(request.param, data.init_state)


def test_distances(ends: Ends) -> None:
    """Squares summed, their root, and the root relative to the start; weights count, biases do not."""
    subject, after, before = ends
    squares = [float(((end - start) ** 2).sum()) for end, start in zip(after, before, strict=True)]
    start_norm = math.sqrt(sum(float((start**2).sum()) for start in before))

    score = fro_dist(subject)
    assert score == pytest.approx(sum(squares), rel=1e-12)
    assert isinstance(score, Layered)
    assert list(score.layers.values()) == pytest.approx(squares, rel=1e-12)
    assert l2_dist(subject) == pytest.approx(math.sqrt(sum(squares)), rel=1e-12)
    assert rel_dist(subject) == pytest.approx(math.sqrt(sum(squares)) / start_norm, rel=1e-12)


def test_spectral_distances(ends: Ends) -> None:
    """Of reshaped kernels, and of maps between images of 8 x 8 and 4 x 4 pixels."""
    subject, after, before = ends
    moved = [end - start for end, start in zip(after, before, strict=True)]

    assert dist_spec_init(subject) == pytest.approx(sum(spectral(kernel) ** 2 for kernel in moved), rel=1e-9)
    assert dist_spec_init_fft(subject) == pytest.approx(
        sum(by_fourier(kernel, side) ** 2 for kernel, side in zip(moved, (8, 4, 0), strict=True)), rel=1e-9
    )


def test_angles(ends: Ends) -> None:
    """The cosine of all weights as one vector."""
    subject, after, before = ends
    w, w0 = (np.concatenate([kernel.ravel() for kernel in end]) for end in (after, before))

    assert cos_to_init(subject) == pytest.approx(
        1 - float(w @ w0) / float(np.linalg.norm(w) * np.linalg.norm(w0)), rel=1e-9
    )


def test_kernel_alignment(ends: Ends) -> None:
    """By the definition of Kornblith et al.: Hilbert-Schmidt independence with a centring matrix."""
    subject, after, before = ends
    alignments = []
    for end, start in zip(after, before, strict=True):
        n = len(end)
        centring = np.eye(n) - np.ones((n, n)) / n
        k, l = (kernel.reshape(n, -1) @ kernel.reshape(n, -1).T for kernel in (end, start))  # noqa: E741  as in the paper

        def independence(a: by_hand.Array, b: by_hand.Array, h: by_hand.Array = centring) -> float:
            return float(np.trace(a @ h @ b @ h))

        alignments.append(independence(k, l) / math.sqrt(independence(k, k) * independence(l, l)))

    assert w_cka(subject) == pytest.approx(1 - np.mean(alignments), rel=1e-9)


def test_equal_units_have_no_alignment(mlp: Subject) -> None:
    """A layer that begins at zero is left out; where all do, there is a reason."""
    start = network("mlp").init_state
    zero = {name: torch.zeros_like(value) for name, value in start.items()}
    whole, without, none = (
        Subject(mlp.model, mlp.inputs, mlp.labels, init_state=state)
        for state in (start, {**start, "5.weight": zero["5.weight"]}, zero)
    )
    score, rest = w_cka(whole), w_cka(without)

    assert isinstance(score, Layered)
    assert isinstance(rest, Layered)
    assert list(rest.layers) == ["1", "3"]
    assert rest == pytest.approx(1 - (score.layers["1"] + score.layers["3"]) / 2, rel=1e-12)
    with pytest.raises(UnsupportedModelError, match="units that differ"):
        w_cka(none)
    equal = {**start, "5.weight": torch.full_like(start["5.weight"], 0.1)}
    assert w_cka(Subject(mlp.model, mlp.inputs, mlp.labels, init_state=equal)) == rest


def test_a_path_through_checkpoints() -> None:
    """Of a parameter on a square: three sides are the path, one is the distance."""
    model = nn.Linear(2, 2, bias=True).double()
    corners = [[0.0, 0.0], [0.0, 2.0], [2.0, 2.0], [2.0, 0.0]]
    checkpoints = [
        Checkpoint(step=step, epoch=step, params={"weight": torch.zeros(2, 2), "bias": torch.tensor(corner)})
        for step, corner in enumerate(corners)
    ]
    trajectory = Trajectory(
        checkpoints=checkpoints, losses=[1.0] * 3, learning_rates=[0.1] * 3, steps_per_epoch=1, batch_size=1
    )
    inputs, labels = torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64)

    assert path_length(Subject(model, inputs, labels, trajectory=trajectory)) == pytest.approx(6, rel=1e-12)
    with pytest.raises(UnsupportedModelError, match="at least three checkpoints"):
        path_length(Subject(model, inputs, labels, trajectory=replace(trajectory, checkpoints=checkpoints[:2])))


def test_a_straight_path_is_the_distance(conv_bn: Subject) -> None:
    """The checkpoints of the test networks divide the line between the ends; all parameters count, as trained."""
    start = network("conv_bn").init_state
    expected = math.sqrt(sum(float((w - start[name]).square().sum()) for name, w in conv_bn.params.items()))

    assert path_length(conv_bn) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("measure", [rel_dist, cos_to_init], ids=lambda measure: measure.name)
def test_from_zero_there_is_no_ratio(mlp: Subject, measure: Measure) -> None:
    """Neither a relative distance nor an angle."""
    zeros = {name: torch.zeros_like(value) for name, value in mlp.model.state_dict().items()}

    with pytest.raises(UnsupportedModelError, match="All weights are zero"):
        measure(Subject(mlp.model, mlp.inputs, mlp.labels, init_state=zeros))


def test_an_untrained_network_has_gone_nowhere(residual: Subject) -> None:
    """Zero from its own state, and unsupported where no start is known."""
    still = Subject(residual.model, residual.inputs, residual.labels, init_state=residual.model.state_dict())

    for measure in (fro_dist, l2_dist, dist_spec_init, dist_spec_init_fft, rel_dist):
        assert measure(still) == 0
    for measure in (cos_to_init, w_cka):
        assert measure(still) == pytest.approx(0, abs=1e-12)
    with pytest.raises(UnsupportedModelError, match="'init'"):
        l2_dist(Subject(residual.model, residual.inputs, torch.zeros_like(residual.labels)))
