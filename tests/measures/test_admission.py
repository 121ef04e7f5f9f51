"""What cannot be scored is refused when the subject is made, with a reason."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from measures.admission import first_not_finite
from measures.api import Subject
from tests.measures.networks import NUM_CLASSES, network


class Pair(nn.Module):
    """A network that returns its logits and something else."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, NUM_CLASSES).double()

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the inputs again."""
        return self.layer(inputs.flatten(1)), inputs


def linear(num_classes: int) -> nn.Module:
    """Softmax regression of so many classes."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes)).double()


DATA = network("mlp")
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
    "weights of 8 bits": ({"model": linear(10).to(torch.float8_e4m3fn)}, "16 bits or more; got torch.float8_e4m3fn"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_scored_is_refused_at_once(case: str) -> None:
    """Before any measure runs, and the message says what must hold and what was given."""
    changed, message = REFUSED[case]

    with pytest.raises(ValueError, match=message):
        Subject(**{"model": DATA.model, "inputs": DATA.inputs, "labels": DATA.labels, **changed})


@pytest.mark.parametrize("numbers", [[math.nan, 1.0], [1.0, math.inf], [-math.inf, 0.0], [math.inf, -math.inf]])
def test_one_number_that_is_not_finite_is_found(numbers: list[float]) -> None:
    """Also where two infinities would cancel; not where large numbers sum to infinity."""
    large = torch.full((9,), 3e38)

    assert first_not_finite({"large": large, "small": -large, "whole": torch.arange(3), "none": large[:0]}) is None
    assert first_not_finite({"large": large, "these": torch.tensor(numbers)}) == "these"
