"""The competition's form is a measure like any other."""

from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from measures import Subject
from measures.pgdl_adapter import Examples
from measures.registry import from_file
from tests.measures.networks import network

MEAN_GRADIENT = '''"""Norm of the gradient of the mean loss."""
import torch

COST = "1 backward pass"

def complexity(model, dataset):
    """Euclidean norm of the gradient, the sum over all parameters."""
    total = 0.0
    for images, labels in dataset.batch(8):
        total = total + torch.nn.functional.cross_entropy(model(images), labels, reduction="sum")
    gradient = torch.autograd.grad(total / len(dataset), list(model.parameters()))
    return sum(g.square().sum() for g in gradient) ** 0.5
'''


def test_complexity_is_a_measure_named_after_its_file(tmp_path: Path) -> None:
    """With the network's gradients open to it, and the number of the same sum by hand."""
    path = tmp_path / "mean_gradient.py"
    path.write_text(MEAN_GRADIENT)
    data = network("mlp")
    (measure,) = from_file(path).values()

    assert (measure.name, measure.expected_sign, measure.cost) == ("mean_gradient", 1, "1 backward pass")
    assert "PGDL" in measure.source
    loss = torch.nn.functional.cross_entropy(data.model(data.inputs), data.labels)
    gradients = torch.autograd.grad(loss, list(data.model.parameters()))
    assert measure(data.subject()) == pytest.approx(float(torch.cat([g.flatten() for g in gradients]).norm()), rel=1e-9)


def test_chance_repeats_and_stays_inside(tmp_path: Path) -> None:
    """The competition's form knows only the global generator: it is seeded for it and put back."""
    path = tmp_path / "chance.py"
    path.write_text('"""Chance."""\nimport torch\n\ndef complexity(model, dataset):\n    return torch.rand(()) + 1\n')
    (measure,) = from_file(path).values()
    first = measure(network("mlp").subject())
    torch.rand(1)  # the global generator goes on
    before = torch.get_rng_state()

    assert measure(network("conv_bn").subject()) == first
    assert torch.equal(torch.get_rng_state(), before)


def test_examples_are_a_torch_dataset_in_an_order_of_their_own(mlp: Subject) -> None:
    """Pairs one by one, from a DataLoader, and in batches; the same whichever way the examples lay."""
    examples = Examples(mlp)
    turned = Examples(network("mlp").subject(order=torch.arange(35, -1, -1)))

    assert len(examples) == 36
    assert torch.equal(examples.images, turned.images)
    assert torch.equal(torch.cat([y for _, y in DataLoader(examples, batch_size=5)]), examples.labels)
    assert torch.equal(torch.cat([x for x, _ in examples.batch(7)]), examples.images)
    assert [tuple(image.shape) for image, _ in examples] == [(1, 8, 8)] * 36
    with pytest.raises(IndexError, match="0 to 35"):
        examples[36]


def test_other_forms_are_refused(tmp_path: Path) -> None:
    """Three arguments, and a name that is none."""
    three, dashed = tmp_path / "three.py", tmp_path / "my-measure.py"
    three.write_text('"""A."""\ndef complexity(model, dataset, folder):\n    return 1.0\n')
    dashed.write_text('"""A."""\ndef complexity(model, dataset):\n    return 1.0\n')

    with pytest.raises(ValueError, match="got 3 arguments"):
        from_file(three)
    with pytest.raises(ValueError, match=r"such as max_dist\.py; got my-measure\.py"):
        from_file(dashed)
