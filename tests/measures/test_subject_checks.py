"""Test that a subject that cannot be scored is refused when it is made, with a reason."""

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.prune import identity
from torch.utils.checkpoint import checkpoint

from measures.api import Subject
from measures.subject_checks import first_not_finite
from measures.training_history import Trajectory
from tests.measures.networks import NUM_CLASSES, network


class Pair(nn.Module):
    """A network that returns its logits and something else."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, NUM_CLASSES).double()

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the inputs again."""
        return self.layer(inputs.flatten(1)), inputs


class Around(nn.Module):
    """A network with something done to its inputs and its answers."""

    def __init__(self, around: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.inner, self.around = linear(NUM_CLASSES), around

    def forward(self, inputs: Tensor) -> Any:
        """Whatever it is."""
        return self.around(self.inner, inputs)


def linear(num_classes: int) -> nn.Module:
    """Softmax regression of so many classes."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes)).double()


DATA = network("mlp")


def scripted(model: nn.Module) -> Any:
    """The network in torch's old language, which is going away."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(model)


def reparametrised(how: Callable[..., nn.Module]) -> nn.Module:
    """A network whose weight is made from others before every pass, as torch once did it."""
    model = linear(NUM_CLASSES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        how(model.get_submodule("1"), "weight")
    model(DATA.inputs)
    return model


def at_first(name: str, value: Tensor) -> Trajectory:
    """The past of the network with another first checkpoint."""
    past = DATA.trajectory()
    first = past.checkpoints[0]
    changed = dataclasses.replace(first, params={**first.params, name: value})
    return dataclasses.replace(past, checkpoints=[changed, *past.checkpoints[1:]])


def renamed(prefix: str) -> Trajectory:
    """Checkpoints whose names begin with something else."""
    past = DATA.trajectory()
    kept = [
        dataclasses.replace(one, params={f"{prefix}{name}": value for name, value in one.params.items()})
        for one in past.checkpoints
    ]
    return dataclasses.replace(past, checkpoints=kept)


START = DATA.init_state
NO_STATISTICS = nn.Sequential(
    nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)
).double()
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "labels that are floats": ({"labels": DATA.labels.double()}, r"labels must be int64.*float64"),
    "labels that are truths": ({"labels": DATA.labels > 4}, r"labels must be int64.*bool"),
    "labels one-hot": ({"labels": torch.eye(NUM_CLASSES).long()[DATA.labels]}, r"labels must be int64.*\(36, 10\)"),
    "labels that are a list": ({"labels": DATA.labels.tolist()}, "labels must be a tensor; got a list"),
    "inputs that are an array": ({"inputs": DATA.inputs.numpy()}, "inputs must be a tensor; got a ndarray"),
    "labels too large": ({"labels": DATA.labels + 1}, "labels must lie in 0 to 9; got 1 to 10"),
    "labels unknown": ({"labels": DATA.labels - 1}, "labels must lie in 0 to 9; got -1 to 8"),
    "no examples": ({"inputs": DATA.inputs[:0], "labels": DATA.labels[:0]}, "at least one; got 0 and 0"),
    "inputs with NaN": ({"inputs": DATA.inputs.index_fill(0, torch.tensor(5), math.nan)}, "inputs must be finite"),
    "inputs beyond the range": ({"inputs": DATA.inputs * 1e300, "model": linear(10).float()}, "in torch.float32"),
    "one logit": ({"model": linear(1), "labels": DATA.labels * 0}, "at least two classes; got 1"),
    "no parameters": ({"model": nn.Flatten()}, "must have parameters; got none"),
    "several answers": ({"model": Pair()}, "must return logits.*got a tuple"),
    "no weights": ({"model": linear(10).to("meta")}, "meta device"),
    "some without weights": (
        {"model": nn.Sequential(linear(10), nn.Linear(10, 10, device="meta"))},
        "'1.weight' on the",
    ),
    "weights of no shape": ({"model": nn.Sequential(nn.Flatten(), nn.LazyLinear(10))}, "no input has decided"),
    "scripted": ({"model": scripted(linear(10))}, "not scripted or traced; got a RecursiveScriptModule"),
    "a function": ({"model": torch.nn.functional.relu}, "must be a torch.nn.Module.*got a function"),
    "a weight norm": ({"model": reparametrised(nn.utils.weight_norm)}, "'weight' of '1', which every forward pass"),
    "a spectral norm": ({"model": reparametrised(nn.utils.spectral_norm)}, "'weight' of '1', which every forward pass"),
    "pruned": ({"model": reparametrised(identity)}, "'weight' of '1', which every forward pass.*prune.remove"),
    "whole answers": ({"model": Around(lambda f, x: f(x).round().long())}, "logits in torch.float64.*got torch.int64"),
    "answers in half": ({"model": Around(lambda f, x: f(x).half())}, "logits in torch.float64.*got torch.float16"),
    "an answer to all": ({"model": Around(lambda f, x: f(x).sum(0, keepdim=True))}, r"shape \(1, 10\) for n = 8"),
    "three answers each": ({"model": Around(lambda f, x: f(x).repeat(3, 1))}, r"shape \(24, 10\) for n = 8"),
    "writes on its inputs": ({"model": Around(lambda f, x: f(x.mul_(2)))}, "modifies its inputs"),
    "draws": ({"model": Around(lambda f, x: f(nn.functional.dropout(x, 1e-9)))}, "is random in eval mode"),
    "no gradient": ({"model": Around(torch.no_grad()(lambda f, x: f(x)))}, "must be differentiable"),
    "sees its batch": ({"model": Around(lambda f, x: f(x - 0.1 * x.mean(0)))}, "the same logits in every batch"),
    "no statistics": ({"model": NO_STATISTICS}, "the same logits in every batch"),
    "other inputs": ({"inputs": DATA.inputs.repeat(1, 3, 1, 1)}, r"shape \('n', 3, 8, 8\).*it raised RuntimeError"),
    "numbers alone": ({"inputs": DATA.inputs[:, 0, 3, 3]}, r"inputs must have shape \[n, \.\.\.\].*got \(36,\)"),
    "complex inputs": ({"inputs": DATA.inputs + 0j}, "dense tensor of real numbers; got complex numbers"),
    "sparse inputs": ({"inputs": DATA.inputs.to_sparse()}, "dense tensor of real numbers; got torch.sparse_coo"),
    "inputs without numbers": ({"inputs": DATA.inputs.to("meta")}, "inputs must be a dense.*got the meta device"),
    "labels without numbers": ({"labels": DATA.labels.to("meta")}, "labels must be a dense.*got the meta device"),
    "unlabeled that are an array": ({"unlabeled": DATA.unlabeled.numpy()}, "unlabeled must be a tensor"),
    "no unlabeled": ({"unlabeled": DATA.unlabeled[:0]}, "m at least one; got .0, 1, 8, 8"),
    "other unlabeled": ({"unlabeled": DATA.unlabeled[:, :, :4]}, "unlabeled must have shape .'m', 1, 8, 8"),
    "a twin of other classes": ({"twin": linear(7)}, "The twin must return 10 logits.*got 7"),
    "a twin of several answers": ({"twin": Pair()}, "The twin must return logits.*got a tuple"),
    "a twin that draws": (
        {"twin": Around(lambda f, x: f(nn.functional.dropout(x, 1e-9)))},
        "The twin is random in eval mode",
    ),
    "a start of whole numbers": (
        {"init_state": {k: v.long() for k, v in START.items()}},
        "floating-point numbers; got",
    ),
    "a start of arrays": ({"init_state": {k: v.numpy() for k, v in START.items()}}, "'1.weight'. must be a tensor"),
    "a past of other names": (
        {"trajectory": renamed("ema.")},
        "checkpoint 0 must hold every parameter; '1.weight'.*'ema.1",
    ),
    "a past of other shapes": (
        {"trajectory": at_first("3.bias", torch.zeros(3))},
        "checkpoint 0.'3.bias'. must have shape",
    ),
    "checkpoints": (
        {"model": Around(lambda f, x: checkpoint(f, x, use_reentrant=False))},
        "cannot be scored: activations are recomputed",
    ),
    "reentrant checkpoints": (
        {"model": Around(lambda f, x: checkpoint(f, x, use_reentrant=True))},
        "cannot be scored: activations are recomputed",
    ),
    "sees its batch, of equal examples": (
        {"model": Around(lambda f, x: f(x - 0.1 * x.mean(0))), "inputs": DATA.inputs[:1].repeat(36, 1, 1, 1)},
        "the same logits in every batch",
    ),
    "sees its batch, whose ends are equal": (
        {
            "model": Around(lambda f, x: f(x - 0.1 * x.mean(0))),
            "inputs": torch.cat([DATA.inputs[:35], DATA.inputs[:1]]),
        },
        "the same logits in every batch",
    ),
    "a scripted part": ({"model": nn.Sequential(scripted(linear(10)))}, "scripted or traced modules.*got '0'"),
    "probabilities": ({"model": Around(lambda f, x: f(x).softmax(1))}, "are probabilities.*Leave out the softmax"),
    "a twin of probabilities": ({"twin": Around(lambda f, x: f(x).softmax(1))}, "The twin must return logits; its out"),
    "a past of a deeper network": (
        {"trajectory": at_first("9.weight", torch.zeros(3, 3))},
        "checkpoint 0 must be of the same architecture; it holds 1 weights that the network lacks, such as '9.weight'",
    ),
    "unlabeled of bytes": (
        {"unlabeled": (255 * DATA.unlabeled.sigmoid()).byte()},
        "unlabeled must be normalised .*; got bytes",
    ),
    "images of bytes": ({"inputs": (255 * DATA.inputs.sigmoid()).byte()}, "must be normalised .*; got bytes"),
    "a start of a deeper network": (
        {"init_state": {**START, "9.weight": torch.zeros(3, 3), "9.bias": torch.zeros(3)}},
        "same architecture; it holds 1 weights that the network lacks, such as '9.weight'",
    ),
    "weights of 8 bits": ({"model": linear(10).to(torch.float8_e4m3fn)}, "16 bits or more; got torch.float8_e4m3fn"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_scored_is_refused_at_once(case: str) -> None:
    """Before any measure runs, and the message says what must hold and what was given."""
    changed, message = REFUSED[case]

    with pytest.raises(ValueError, match=message):
        Subject(**{"model": DATA.model, "inputs": DATA.inputs, "labels": DATA.labels, **changed})


def test_a_refused_network_has_changed_nothing() -> None:
    """Neither the caller's inputs nor the stream of chance."""
    models = Around(lambda f, x: f(x.mul_(2))), Around(lambda f, x: f(nn.functional.dropout(x)))
    inputs, chance = DATA.inputs.clone(), torch.get_rng_state()
    for model in models:
        with pytest.raises(ValueError, match=r"The network (modifies|is random)"):
            Subject(model, inputs, DATA.labels)

    assert torch.equal(inputs, DATA.inputs)
    assert torch.equal(chance, torch.get_rng_state())


def test_rounding_is_not_a_batch() -> None:
    """Logits may differ in their last digits between batches, also where one of them is zero."""
    zero = torch.tensor([0])
    model = Around(lambda f, x: f(x).index_fill(1, zero, 0) + 1e-9 * x.mean())

    assert Subject(model, DATA.inputs, DATA.labels).num_classes == NUM_CLASSES


def test_inference_mode_is_refused() -> None:
    """Nothing made in it can be differentiated."""
    with torch.inference_mode(), pytest.raises(ValueError, match=r"outside of torch\.inference_mode"):
        Subject(DATA.model, DATA.inputs, DATA.labels)


@pytest.mark.parametrize("numbers", [[math.nan, 1.0], [1.0, math.inf], [-math.inf, 0.0], [math.inf, -math.inf]])
def test_one_number_that_is_not_finite_is_found(numbers: list[float]) -> None:
    """Also where two infinities would cancel; not where large numbers sum to infinity."""
    large = torch.full((9,), 3e38)

    assert first_not_finite({"large": large, "small": -large, "whole": torch.arange(3), "none": large[:0]}) is None
    assert first_not_finite({"large": large, "these": torch.tensor(numbers)}) == "these"


def test_logits_that_sum_to_one_on_the_data_alone_are_logits() -> None:
    """As those of a network that interpolates one-hot labels: elsewhere they are no probabilities."""
    model = linear(NUM_CLASSES)
    layer = model.get_submodule("1")
    assert isinstance(layer, nn.Linear)
    inputs, labels = torch.eye(NUM_CLASSES, 64).double().reshape(-1, 1, 8, 8), torch.arange(NUM_CLASSES)
    with torch.no_grad():
        layer.bias.zero_()
        layer.weight.copy_(torch.eye(NUM_CLASSES, 64))
    assert Subject(model, inputs, labels).num_classes == NUM_CLASSES
