"""Langevin dynamics against a transcription that moves one chain at a time."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.passes.curvature.hessian import top_of_spectrum
from measures.passes.perturbations import langevin
from measures.passes.perturbations.langevin import draws
from tests.measures.networks import network


def test_transcription(mlp: Subject) -> None:
    """The same minibatches and noise, torch's own gradient of one network, and its losses every tenth step."""
    n, generator, order = mlp.num_examples, mlp.generator("langevin"), mlp.sample(mlp.num_examples)
    strength = n / math.log(n)
    step = 0.2 / (strength * top_of_spectrum(mlp).eigenvalue + 1000)
    model = network("mlp").subject().model.requires_grad_()
    start = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    chains, rows = [start.clone() for _ in range(4)], []
    for count in range(1, 121):
        batches = torch.rand(4, n, generator=generator).argsort(1)[:, :32]
        noise = torch.randn(4, len(start), generator=generator)
        for chain in range(4):
            here = chains[chain]
            torch.nn.utils.vector_to_parameters(here, model.parameters())
            model.zero_grad()
            chosen = order[batches[chain]]
            cross_entropy(model(mlp.inputs[chosen]), mlp.labels[chosen]).backward()
            gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
            drift = strength * gradient + 1000 * (here - start)
            chains[chain] = here - step / 2 * drift + step**0.5 * noise[chain].double()
            if count > 40 and count % 10 == 0:
                torch.nn.utils.vector_to_parameters(chains[chain], model.parameters())
                rows.append(cross_entropy(model(mlp.inputs[order]), mlp.labels[order], reduction="none").detach())

    torch.testing.assert_close(draws(mlp).losses, torch.stack(rows), rtol=1e-6, atol=1e-9)


def test_what_has_no_posterior_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single example, and steps so long that the chain diverges."""
    data = network("mlp")
    with pytest.raises(UnsupportedModelError, match="1 example"):
        draws(Subject(data.model, data.inputs[:1], data.labels[:1]))

    monkeypatch.setattr(langevin, "STEP", 1e9)
    with pytest.raises(UnsupportedModelError, match="diverges"):
        draws(data.subject())
