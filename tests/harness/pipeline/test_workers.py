"""Subjects that a worker builds hold the network as it was trained, and no test label, recipe or gap."""

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.pipeline.run_options import RunOptions
from harness.pipeline.tasks import ScoreTask
from harness.pipeline.workers import parts_of, subject_of
from harness.store.store import Store
from measures import Subject
from zoo.corruptions import PreparedData
from zoo.data.datasets import load
from zoo.recipe import Recipe
from zoo.training.record import Record, normalised
from zoo.training.train import data_of

CODE = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)  # from there on, all of the program is near


@pytest.fixture(scope="module")
def task(finished: Path) -> ScoreTask:
    """A network on true labels, with a twin."""
    with Store(finished) as store:
        runs = [run for run in store.runs().values() if run.recipe.model == "mlp" and run.recipe.width == 1]
        first, second = sorted(runs, key=lambda run: run.recipe.seed)
        (initial, final), (_, twin) = store.weight_files(first.run_id), store.weight_files(second.run_id)
    return ScoreTask(
        origin=first.recipe,
        initial=initial,
        final=final,
        trajectory=None,
        losses=first.record.losses,
        steps=first.record.steps,
        twin=twin,
        names=("fro_dist",),
        options=RunOptions(device="cpu"),
    )


@pytest.fixture(scope="module")
def subject(task: ScoreTask) -> Subject:
    """What the measures see of it."""
    return subject_of(task)


def test_unlabeled_inputs_are_other_images_than_those_of_the_gap(task: ScoreTask) -> None:
    """With half of the test images for measures; a copy of one of them is found where it is."""
    recipe = task.recipe.replace(unlabeled="half_of_test")
    data, seen = data_of(recipe), parts_of(replace(task, origin=recipe)).unlabeled
    assert seen is not None
    tested = {image.numpy().tobytes() for image in normalised(data.test_images, data)}
    assert len(seen) + len(data.test_images) == len(load(recipe.dataset).test_images)
    assert abs(len(seen) - len(data.test_images)) <= 1
    assert not tested & {image.numpy().tobytes() for image in seen}
    assert normalised(data.test_images[:1], data)[0].numpy().tobytes() in tested


def reachable(root: object) -> Iterator[Any]:
    """All that can be reached from an object without passing through code."""
    seen, waiting = {id(root)}, [root]
    while waiting:
        item = waiting.pop()
        yield item
        parts = [*gc.get_referents(item), *([item._base] if isinstance(item, Tensor) else [])]
        for part in parts:
            if id(part) not in seen and not isinstance(part, CODE):
                seen.add(id(part))
                waiting.append(part)


def holds(tensor: Tensor, sequence: list[int]) -> bool:
    """Whether the numbers stand in a row somewhere in the memory that a tensor is a view of."""
    whole = tensor.detach().as_strided((tensor.untyped_storage().nbytes() // tensor.element_size(),), (1,), 0)
    text = ",".join(str(int(value)) for value in whole.tolist() if abs(value) < 1e9)
    return f",{','.join(map(str, sequence))}," in f",{text},"


def test_a_subject_holds_the_trained_network(task: ScoreTask, subject: Subject) -> None:
    """Weights before and after, the inputs of training, their labels."""
    final, initial = task.final.state(), task.initial.state()
    data = data_of(task.recipe)

    assert all(torch.equal(value, final[name]) for name, value in subject.params.items())
    granted = subject._with_needs(frozenset({"init"}))
    assert all(torch.equal(value, initial[name]) for name, value in granted.init_params.items())
    assert torch.equal(subject.labels, data.train_labels)
    assert len(subject.inputs) == len(data.train_labels)
    assert subject.inputs.mean().item() == pytest.approx(0, abs=0.2)


def test_no_test_label_recipe_or_gap_can_be_reached_from_a_subject(task: ScoreTask, subject: Subject) -> None:
    """Not by an attribute, and not in the memory behind a tensor."""
    data = data_of(task.recipe)
    secret = data.test_labels[:40].tolist()
    assert holds(data.test_labels, secret), "the search must find what is there"
    assert holds(torch.cat([torch.zeros(3, dtype=torch.int64), data.test_labels])[:2], secret)
    found = list(reachable(subject))

    tensors = [item for item in found if isinstance(item, Tensor)]
    assert any(torch.equal(item, data.train_labels) for item in tensors), "the walk must reach the labels of training"
    assert not any(holds(item, secret) for item in tensors)
    assert not [item for item in found if isinstance(item, Recipe | Record | PreparedData | Path)]
    assert not [item for item in found if isinstance(item, list) and item[:40] == secret]


def test_a_measure_that_writes_into_its_labels_spoils_no_other_network(task: ScoreTask) -> None:
    """The data are kept between networks; a subject has its own labels."""
    subject_of(task).labels.zero_()

    assert data_of(task.recipe).train_labels.max() > 0
