"""Linear mode connectivity: the loss on the straight line between the network and its twin."""

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import CHUNK, Subject, UnsupportedModelError, measure

POINTS: Final = 5  # between the ends; the barrier is widest in the middle


@measure(
    source="Frankle et al. 2020, arXiv:1912.05671, sec. 2; Entezari et al. 2022, arXiv:2110.06296, definition 2.1",
    family="disagreement",
    needs={"twin"},
    cost="7 forward passes",
)
def lmc_barrier(subject: Subject) -> float:
    r"""Height of the training loss on the line to the twin above that of its ends.

    .. math:: \max_{\alpha} L(\alpha w + (1 - \alpha) w') - \alpha L(w) - (1 - \alpha) L(w')

    over alpha = 0, 1/6, ..., 1, with the cross-entropy L at the training examples and labels of the network itself, and
    w' the parameters and running statistics of its twin. Departs from the papers in the ends, which there share the
    first steps of training or are aligned by a permutation of units: here they share nothing but the recipe. Unit:
    nats, at least zero. Changes when hidden units of one of them are renamed.

    Raises:
        UnsupportedModelError: the twin has other parameters.
    """
    twin = subject.twin
    first: dict[str, Tensor] = {**subject.params, **subject.buffers}
    second: dict[str, Tensor] = dict([*twin.named_parameters(), *twin.named_buffers()])
    if {name: value.shape for name, value in first.items()} != {name: value.shape for name, value in second.items()}:
        raise UnsupportedModelError("Its twin has other parameters: there is no line between them.")

    def loss(share: float) -> float:
        state = {
            name: torch.lerp(second[name].detach(), value, share) if value.is_floating_point() else value
            for name, value in first.items()
        }
        with torch.no_grad():
            logits = torch.cat([subject.forward(state, x) for x in subject.inputs.split(CHUNK)])
        return float(cross_entropy(logits.double(), subject.labels))

    shares: Tensor = torch.linspace(0, 1, POINTS + 2, dtype=torch.float64)
    losses = torch.tensor([loss(share) for share in shares.tolist()], dtype=torch.float64)
    if not bool(losses.isfinite().all()):
        raise UnsupportedModelError("The loss on the line to its twin is not finite.")
    return max(0.0, float((losses - torch.lerp(losses[0], losses[-1], shares)).max()))
