"""The Polyak-Lojasiewicz constant by autograd, and where there is none."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.gradients.polyak_lojasiewicz import pl_constant
from tests.measures.networks import network


@pytest.mark.parametrize("name", ["mlp", "conv_bn", "vit"])
def test_by_autograd(name: str) -> None:
    """Half the squared gradient of the mean loss over the loss."""
    subject = network(name).subject()
    leaves = {key: value.clone().requires_grad_() for key, value in subject.params.items()}
    loss = cross_entropy(subject.forward(leaves, subject.inputs), subject.labels)
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    squares = sum(float(g.square().sum()) for g in gradients)

    assert pl_constant(subject) == pytest.approx(squares / 2 / float(loss.detach()), rel=1e-8)


def test_a_loss_of_zero_is_refused() -> None:
    """Logits a thousand apart leave no loss."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data = 1000 * torch.eye(2).double()
    with pytest.raises(UnsupportedModelError, match="exactly zero"):
        pl_constant(Subject(layer, torch.eye(2).double(), torch.arange(2)))
