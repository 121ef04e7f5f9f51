"""Compression against searches that try everything, and codes against their lengths."""

import copy
import math
import signal
import time
import zlib

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.weights import compression
from measures.catalogue.weights.compression import (
    deflated_length,
    entropy,
    entropy_bits,
    find_grid,
    gzip_bits,
    order_by_magnitude,
    prunability,
    prunability_accuracy,
    quant_bits,
    round_to_grid,
    set_to_zero,
)
from tests.measures.networks import network


def loss(subject: Subject, params: dict[str, Tensor]) -> float:
    """Mean cross-entropy under other parameters."""
    return float(cross_entropy(subject.forward(params, subject.inputs), subject.labels))


def accuracy(subject: Subject, params: dict[str, Tensor]) -> float:
    """Accuracy under other parameters."""
    return float((subject.forward(params, subject.inputs).argmax(1) == subject.labels).double().mean())


def without_smallest(params: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights at or below the threshold of the share, set to zero; vectors stay."""
    magnitudes = sorted(float(v) for w in params.values() if w.dim() > 1 for v in w.abs().flatten())
    count = round(share * len(magnitudes))
    threshold = magnitudes[count - 1] if count else -1.0
    return {name: w * (w.abs() > threshold) if w.dim() > 1 else w for name, w in params.items()}


@pytest.mark.parametrize("name", ["mlp", "linear", "conv_bn", "vit"])
def test_pruning_stops_where_it_hurts(name: str) -> None:
    """At the share found the loss has grown by less than a tenth, and at the next one by more."""
    subject = network(name).subject()
    share, limit = prunability(subject), 1.1 * loss(subject, subject.params)

    assert 0 < share < 1
    assert loss(subject, without_smallest(subject.params, share)) <= limit
    assert loss(subject, without_smallest(subject.params, share + 1 / 128)) > limit

    share, least = prunability_accuracy(subject), accuracy(subject, subject.params) - 0.01
    assert accuracy(subject, without_smallest(subject.params, share)) >= least
    assert accuracy(subject, without_smallest(subject.params, share + 1 / 128)) < least


def test_pruning_is_global() -> None:
    """The smallest go first whatever their layer, and vectors not at all."""
    params = {"a": torch.tensor([[3.0, -1.0]]), "bias": torch.tensor([0.1]), "b": torch.tensor([[0.5], [-4.0]])}
    found = set_to_zero(params, order_by_magnitude(params)[:2])

    assert found["a"].tolist() == [[3.0, 0.0]]
    assert found["b"].tolist() == [[0.0], [-4.0]]
    assert found["bias"] is params["bias"]
    assert order_by_magnitude(params).tolist() == [2, 1, 0, 3]


def test_what_needs_no_weights_can_lose_them_all() -> None:
    """A network whose loss falls without its weights is pruned to the last."""
    layer = nn.Linear(4, 2).double()
    layer.weight.data.fill_(0.0)
    layer.weight.data[0] = 1.0
    layer.bias.data = torch.tensor([0.0, 5.0], dtype=torch.float64)
    inputs = torch.ones(10, 1, 2, 2, dtype=torch.float64)
    subject = Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.ones(10, dtype=torch.int64))

    assert prunability(subject) == 1
    assert prunability_accuracy(subject) == 1


@pytest.mark.parametrize("name", ["mlp", "conv_bn", "vit"])
def test_the_coarsest_grid(name: str) -> None:
    """Accuracy stays on the grid found and does not on the next coarser; each weight is at its nearest point."""
    subject = network(name).subject()
    levels, least = find_grid(subject).levels, accuracy(subject, subject.params) - 0.01

    def on_grid(w: Tensor, q: int) -> Tensor:
        grid = w.abs().max() * torch.arange(-q, q + 1, dtype=w.dtype) / q
        return grid[(w.unsqueeze(-1) - grid).abs().argmin(-1)] if w.dim() > 1 else w

    assert quant_bits(subject) == pytest.approx(math.log2(2 * levels + 1))
    assert levels > 1
    for q, serves in ((levels, True), (levels - 1, False)):
        by_hand = {key: on_grid(w, q) for key, w in subject.params.items()}
        for key, w in round_to_grid(subject.params, q).items():
            torch.testing.assert_close(w, by_hand[key])
        assert (accuracy(subject, by_hand) >= least) == serves


def test_the_first_grid_that_serves_is_taken() -> None:
    """A weight of 1/3 must stay between 0.32 and 0.35: three levels keep it, and 4, 5, 7, 8 and 16 do not."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data = torch.tensor([[1 / 3, 1.0], [0.0, 0.0]], dtype=torch.float64)
    inputs = torch.tensor([[1.0, -0.32], [-1.0, 0.35]], dtype=torch.float64).reshape(2, 1, 1, 2)
    subject = Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.zeros(2, dtype=torch.int64))
    serving = [q for q in range(1, 17) if accuracy(subject, round_to_grid(subject.params, q)) == 1]

    assert serving[0] == 3
    assert not {4, 5, 7, 8, 16} & set(serving)
    assert find_grid(subject).levels == 3


def test_whole_numbers_are_the_rounded_weights() -> None:
    """Times the step of their tensor; biases are not among them."""
    subject = network("mlp").subject()
    found = find_grid(subject)
    on_grid = round_to_grid(subject.params, found.levels)

    assert set(found.values) == {"1.weight", "3.weight", "5.weight"}
    for name, values in found.values.items():
        step = float(subject.params[name].abs().max()) / found.levels
        np.testing.assert_allclose(values * step, on_grid[name].flatten().numpy(), atol=1e-12)


def test_entropy_of_known_frequencies() -> None:
    """A fair coin has one bit, four equal values two, a constant none."""
    assert entropy(np.array([1, 0, 0, 1])) == 1
    assert entropy(np.array([5, -5, 0, 7])) == 2
    assert entropy(np.array([3, 3, 3])) == 0
    assert entropy(np.array([0, 0, 0, 1])) == pytest.approx(2 - 0.75 * math.log2(3))


def test_code_lengths() -> None:
    """Bits an example: of each tensor its number of weights times its entropy; and of the stream its bytes."""
    subject = network("mlp").subject()
    values = find_grid(subject).values
    lengths = {}
    for name, tensor in values.items():
        p = np.array([np.mean(tensor == value) for value in set(tensor.tolist())])
        lengths[name] = -len(tensor) * float((p * np.log2(p)).sum()) / 36
    found = entropy_bits(subject)
    stream = b"".join(
        bytes(value % 256 for value in values[name].tolist()) for name in subject.params if name in values
    )

    assert found == pytest.approx(sum(lengths.values()), rel=1e-12)
    assert found.layers == pytest.approx(lengths, rel=1e-12)  # type: ignore[attr-defined]  # a measure is typed float
    assert gzip_bits(subject) == 8 * len(zlib.compress(stream, 9)) / 36
    assert gzip_bits(subject) > entropy_bits(subject), (
        "DEFLATE cannot be better than the frequencies, nor is its table free"
    )


def fine_grid() -> Subject:
    """Two classes told apart by one weight that is a thousandth of the largest."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data = torch.tensor([[1.0, 0.001], [1.0, -0.001]], dtype=torch.float64)
    inputs = torch.tensor([[0.0, 1.0], [0.0, -1.0]], dtype=torch.float64).reshape(2, 1, 1, 2)
    return Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.tensor([0, 1]))


def test_a_fine_grid_takes_two_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousandth is rounded away on grids of less than 500 levels, and a byte holds 127."""
    assert 501 <= find_grid(fine_grid()).levels <= 501 * (1 + 1 / 64)
    monkeypatch.setattr(compression, "FINE_LEVELS", 512)
    subject = fine_grid()
    values = [v for row in ([501, 1], [501, -1]) for v in row]
    stream = b"".join(value.to_bytes(2, "little", signed=True) for value in values)

    assert find_grid(subject).levels == 501
    assert quant_bits(subject) == pytest.approx(math.log2(1003))
    assert gzip_bits(subject) == 8 * len(zlib.compress(stream, 9)) / 2


def test_a_stream_is_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What matches is found across the cuts; the search for it is the longest that zlib has."""
    sparse = (np.random.default_rng(0).random(2**15) < 0.2).tobytes()
    parts = [sparse, b"", bytes(5000), bytes(i * i % 256 for i in range(50_000))]
    whole = len(zlib.compress(b"".join(parts), 9))

    assert deflated_length(parts) == whole < len(zlib.compress(b"".join(parts), 8))
    monkeypatch.setattr(compression, "PIECE", 7)
    assert deflated_length(parts) == whole


def test_a_time_limit_ends_a_long_stream() -> None:
    """A signal is heard between two pieces; processor time, so that other work on the machine does not decide."""
    stream = np.random.default_rng(0).integers(-7, 8, 2**23, dtype=np.int8).tobytes()
    start = time.process_time()
    zlib.compress(stream, 9)
    whole = time.process_time() - start

    def ring(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, ring)
    start = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, whole / 10)
    try:
        with pytest.raises(TimeoutError):
            deflated_length([stream])
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

    assert time.process_time() - start < whole / 2


def test_no_grid_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the finest is too coarse there is no number."""
    monkeypatch.setattr(compression, "MAX_LEVELS", 256)
    with pytest.raises(UnsupportedModelError, match="Rounding the weights to 256 levels"):
        quant_bits(fine_grid())


def test_a_layer_of_zeros_stays() -> None:
    """Nothing is divided by its largest magnitude."""
    assert round_to_grid({"w": torch.zeros(2, 3)}, 4)["w"].equal(torch.zeros(2, 3))


def test_a_network_that_is_not_a_number_is_refused() -> None:
    """Its accuracy is that of chance and would bear anything."""
    data = network("mlp")
    model = copy.deepcopy(data.model)
    with torch.no_grad():
        model.get_parameter("3.weight")[0, 0] = torch.nan
    for measure in (prunability, prunability_accuracy, quant_bits, entropy_bits, gzip_bits):
        with pytest.raises(UnsupportedModelError, match="contains NaN or Inf"):
            measure(Subject(model, data.inputs, data.labels))
