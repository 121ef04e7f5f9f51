"""The nuclear norm of predictions, against its extremes and the roots of eigenvalues."""

import pytest
import torch
from torch import Tensor, nn

from measures import Subject
from measures.catalogue.outputs.nuclear_norm import nuclear_norm
from tests.measures.networks import network


def subject_with_logits(logits: Tensor) -> Subject:
    """A linear network that gives these logits [k, k] on the k unit vectors, which are its unlabeled inputs."""
    k = len(logits)
    layer = nn.Linear(k, k, bias=False)
    with torch.no_grad():
        layer.weight.copy_(logits.T)
    model = nn.Sequential(nn.Flatten(), layer).double()
    units = torch.eye(k).double().reshape(k, 1, 1, k)
    return Subject(model, units, torch.arange(k), unlabeled=units)


def test_confident_and_even_is_one_and_ignorant_is_one_over_k() -> None:
    """P = I has norm k, over sqrt(k k); the uniform matrix has rank one and norm 1, over k."""
    assert nuclear_norm(subject_with_logits(100 * torch.eye(4))) == pytest.approx(1.0, rel=1e-12)
    assert nuclear_norm(subject_with_logits(torch.zeros(4, 4))) == pytest.approx(0.25, rel=1e-12)


def test_it_is_the_sum_of_roots_of_eigenvalues() -> None:
    """Singular values of P are the roots of the eigenvalues of its Gram matrix."""
    data = network("conv_bn")
    predictions = data.model(data.unlabeled).detach().softmax(1)
    roots = torch.linalg.eigvalsh(predictions.T @ predictions).clamp(min=0).sqrt()
    m, k = predictions.shape

    assert nuclear_norm(data.subject()) == pytest.approx(float(roots.sum()) / (m * min(m, k)) ** 0.5, rel=1e-8)
