"""The arguments of a subject, some of them other than usual, and all scores of it."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from measures.api import Subject
from measures.registry import catalog
from measures.scores import Score
from measures.scoring import score_subject
from tests.measures.networks import network

AT_ONCE = [measure for measure in catalog().values() if not measure.needs & {"trajectory", "refit"}]

Parts = dict[str, Any]


def parts(name: str, **changed: Any) -> Parts:
    """The arguments of a subject without past and future, some of them other than usual."""
    found = {**network(name).parts(), **changed}
    return {key: value for key, value in found.items() if key not in {"trajectory", "refit"}}


def scored(arguments: Mapping[str, Any]) -> dict[str, Score]:
    """Every measure that trains nothing and looks at no past."""
    return score_subject(Subject(**arguments), AT_ONCE)


class Heated(nn.Module):
    """A network whose logits are multiplied by one number that is learned."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.heat = inner, nn.Parameter(torch.tensor(1.5, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        return self.heat * self.inner(x)  # type: ignore[no-any-return]


def heated(name: str) -> Parts:
    """A network with a parameter that is a single number."""
    data = network(name)
    init_state = Heated(copy.deepcopy(data.model)).state_dict()
    return parts(
        name, model=Heated(copy.deepcopy(data.model)), init_state=init_state, twin=Heated(copy.deepcopy(data.twin))
    )
