"""Networks that vmap cannot transform have the scores that a plain loop gives, and their records say so."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from measures.api import Subject
from measures.passes.gradients.per_sample import gradient_statistics
from measures.registry import catalog
from measures.scoring import score_subject
from tests.measures.networks import network

DATA = network("mlp")
CHOSEN = [measure for measure in catalog().values() if not measure.needs]


class Swish(torch.autograd.Function):
    """x sigmoid(x), without a rule for vmap."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The function."""
        ctx.save_for_backward(x)
        return torch.mul(x, torch.sigmoid(x))

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> Tensor:
        """Its derivative."""
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return torch.mul(delta, s * (1 + x * (1 - s)))


class Through(nn.Module):
    """A layer, something that vmap does not know, and a head."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.function, self.head = nn.Linear(64, 6), function, nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.function(self.layer(x.flatten(1))))  # type: ignore[no-any-return]


class Recurrent(nn.Module):
    """A recurrent layer over the rows of the images."""

    def __init__(self, kind: type[nn.GRU | nn.RNN | nn.LSTM]) -> None:
        super().__init__()
        self.layer, self.head = kind(8, 5, batch_first=True), nn.Linear(5, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.layer(x.squeeze(1))[0][:, -1])  # type: ignore[no-any-return]


def guarded(x: Tensor) -> Tensor:
    """A branch on the data."""
    if torch.isnan(x).any():
        raise ValueError("NaN")
    return x.relu()


def counted(x: Tensor) -> Tensor:
    """A loop over the examples, of as many rounds as each example says."""
    return torch.stack([row * float(1 + int(row.detach().abs().max().item())) for row in x])


CASES: dict[str, Callable[[], nn.Module]] = {
    "autograd function": lambda: Through(Swish.apply),
    "branch": lambda: Through(guarded),
    "loop": lambda: Through(counted),
    "GRU": lambda: Recurrent(nn.GRU),
    "RNN": lambda: Recurrent(nn.RNN),
    "LSTM": lambda: Recurrent(nn.LSTM),
}


def subject_of(case: str) -> Subject:
    """The network in float64 and some of the digits."""
    torch.manual_seed(0)
    return Subject(CASES[case]().double(), DATA.inputs[:12], DATA.labels[:12])


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_a_loop(case: str) -> None:
    """Squared norms, the mean and the products with the weights, from one backward pass an example."""
    subject = subject_of(case)
    model = subject.model.requires_grad_()
    parameters = dict(model.named_parameters())
    rows = []
    for x, y in zip(subject.inputs.split(1), subject.labels.split(1), strict=True):
        found = torch.autograd.grad(cross_entropy(model(x), y), list(parameters.values()))
        rows.append(torch.cat([g.flatten() for g in found]))
    G = torch.stack(rows)
    w = torch.cat([p.detach().flatten() for p in parameters.values()])
    model.requires_grad_(requires_grad=False)
    statistics = gradient_statistics(subject)

    assert torch.allclose(statistics.squared_norms, G.square().sum(1), rtol=1e-9)
    assert torch.allclose(statistics.dots, G @ w, rtol=1e-8, atol=1e-12)
    assert torch.allclose(torch.cat([g.flatten() for g in statistics.mean.values()]), G.mean(0), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("case", ["autograd function", "loop", "GRU"])
def test_no_measure_fails_and_the_record_names_the_loop(case: str) -> None:
    """Scored or unsupported; what runs a loop says so among its passes."""
    scores = score_subject(subject_of(case), CHOSEN)

    assert {name: score.why for name, score in scores.items() if score.outcome not in {"scored", "unsupported"}} == {}
    looped = {name for name, score in scores.items() if "vectorization.plain_loop" in score.passes}
    assert looped >= ({"grad_noise_final", "avg_sharpness"} if case == "GRU" else {"avg_sharpness"})
    assert "cross_entropy" not in looped


class Words(nn.Module):
    """An embedding of tokens, a layer and a head."""

    def __init__(self, *, cast: bool) -> None:
        super().__init__()
        self.cast = cast
        self.embedding, self.layer, self.head = nn.Embedding(30, 8), nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the mean over tokens."""
        return self.head(self.layer(self.embedding(x.long() if self.cast else x).mean(1)).relu())  # type: ignore[no-any-return]


@pytest.mark.parametrize("cast", [False, True])
def test_token_ids_are_scored_as_they_are(*, cast: bool) -> None:
    """An embedding is a layer; what moves, mixes or differentiates inputs is refused in one sentence."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    x, y = torch.randint(0, 30, (40, 7), generator=generator), torch.randint(0, 4, (40,), generator=generator)
    subject = Subject(Words(cast=cast).double(), x, y)
    scores = score_subject(subject, CHOSEN)

    assert {name: score.why for name, score in scores.items() if score.outcome not in {"scored", "unsupported"}} == {}
    assert torch.equal(subject.inputs, x)
    assert scores["depth"].value == 3
    assert scores["num_weights"].value == 30 * 8 + 8 * 8 + 8 * 4
    assert scores["cross_entropy"].value == pytest.approx(float(cross_entropy(subject.model(x), y)), rel=1e-12)
    for name in ("jacobian_norm", "mixup_acc", "input_margin", "adv_radius", "input_noise_sensitivity"):
        assert "token ids" in scores[name].why, name
