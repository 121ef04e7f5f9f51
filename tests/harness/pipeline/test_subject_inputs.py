"""Measures see the training that was: its checkpoints and losses, and training by the same recipe once more."""

from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from rich.console import Console

from harness.pipeline.plan import make_plan
from harness.pipeline.run_options import RunOptions
from harness.pipeline.steps import train_missing
from harness.pipeline.subject_inputs import make_refit
from harness.pipeline.tasks import ScoreTask
from harness.pipeline.workers import subject_of
from harness.store.store import Store
from measures import Subject
from measures.errors import UnsupportedModelError
from measures.training_history import Refitted, Training, Trajectory
from zoo.corruptions.spec import Unlabeled
from zoo.recipe import Recipe
from zoo.training.record import normalised
from zoo.training.train import data_of, train

RECIPE = Recipe(train_size=64, batch_size=16, learning_rate=0.05, target_loss=0.0, max_epochs=6, checkpoints="doubling")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> ScoreTask:
    """One network with checkpoints, stored and about to be scored."""
    return stored(RECIPE, tmp_path_factory.mktemp("zoo"))


def stored(recipe: Recipe, folder: Path) -> ScoreTask:
    """Train and store a network, and make the task that scores it."""
    (run,) = train([recipe], fleet=1)
    from harness.store.weights import pack

    store = Store(folder)
    run_id = store.add_run(pack(run, {}))
    initial, final = store.weight_files(run_id)
    return ScoreTask(
        origin=recipe, initial=initial, final=final, trajectory=store.trajectory_file(run_id),
        losses=run.record.losses, steps=run.record.steps, twin=None, names=(), options=RunOptions(device="cpu"),
    )  # fmt: skip


def trajectory_in(subject: Subject) -> Trajectory:
    """What a measure that needs it sees."""
    return subject._with_needs(frozenset({"trajectory"})).trajectory


def test_checkpoints_are_those_of_training(task: ScoreTask) -> None:
    """After 0, 1, 2, 4 epochs and at the end; a shorter run of the same recipe ends where a checkpoint lies."""
    trajectory = trajectory_in(subject_of(task))
    (short,) = train([RECIPE.replace(max_epochs=2, checkpoints="none")], fleet=1)

    assert [c.epoch for c in trajectory.checkpoints] == [0, 1, 2, 4, 6]
    assert [c.step for c in trajectory.checkpoints] == [0, 4, 8, 16, 24]
    assert len(trajectory.losses) == 6
    assert trajectory.learning_rates == [0.05] * 6
    for name, value in trajectory.checkpoints[2].params.items():
        torch.testing.assert_close(value, short.final[name])


@pytest.mark.parametrize("unlabeled", ["none", "half_of_test"])
def test_unlabeled_inputs_are_not_those_of_the_gap(task: ScoreTask, unlabeled: Unlabeled) -> None:
    """The other half of the test images as the network sees them, or no inputs at all."""
    recipe = RECIPE.replace(unlabeled=unlabeled)
    data = data_of(recipe)
    subject = subject_of(replace(task, origin=recipe))._with_needs(frozenset({"unlabeled"}))
    if data.unlabeled_images is None:
        with pytest.raises(UnsupportedModelError, match="unlabeled"):
            _ = subject.unlabeled
    else:
        assert torch.equal(subject.unlabeled, normalised(data.unlabeled_images, data).to(subject.dtype))
        assert len(subject.unlabeled) + len(data.test_images) == 500


def test_a_refit_on_the_same_data_is_the_same_network(task: ScoreTask) -> None:
    """With its own seed; another seed or other labels give another network, all side by side."""
    data = data_of(RECIPE)
    inputs = normalised(data.train_images, data)
    refit = make_refit(task, data)
    same, other, noisy, fewer = refit(
        [
            Training(inputs=inputs, labels=data.train_labels),
            Training(inputs=inputs, labels=data.train_labels, seed=5),
            Training(inputs=inputs, labels=data.train_labels.flip(0)),
            Training(inputs=inputs[:32], labels=data.train_labels[:32]),
        ]
    )
    final = task.final.state()

    def distance(network: Refitted) -> float:
        return sum(float((value - final[name]).norm()) for name, value in network.params.items())

    assert distance(same) < 1e-3
    assert min(distance(other), distance(noisy), distance(fewer)) > 0.1
    assert [network.steps_per_epoch for network in (same, fewer)] == [4, 2]
    assert list(same.losses) == pytest.approx(list(task.losses), rel=1e-4)


def test_a_refit_of_another_seed_starts_from_the_pretrained_weights(tmp_path: Path) -> None:
    """Though the file is gone: frozen, they are those of the network, and the head is another."""
    weights = tmp_path / "weights.safetensors"
    (run,) = train([RECIPE.replace(seed=9)], fleet=1)
    safetensors.torch.save_file(run.final, weights)
    task = stored(RECIPE.replace(pretrained=str(weights), frozen_layers=("1",), checkpoints="none"), tmp_path / "zoo")
    weights.unlink()
    data = data_of(RECIPE)
    (other,) = make_refit(task, data)(
        [Training(inputs=normalised(data.train_images, data), labels=data.train_labels, seed=5)]
    )
    assert torch.equal(other.params["1.weight"], run.final["1.weight"])
    assert not torch.allclose(other.params["5.weight"], task.final.state()["5.weight"], atol=0.01)


def test_a_lost_checkpoint_file_is_a_damaged_run(tmp_path: Path) -> None:
    """It is trained again, as with any file of weights."""
    options = RunOptions(suite="smoke", out=tmp_path / "zoo", device="cpu", fleet=1, limit=1, measures="params")
    plan = make_plan(options)
    recipe = plan.recipes[0].replace(checkpoints="doubling", max_epochs=2)
    plan = replace(plan, recipes=(recipe,))
    console = Console(quiet=True)
    with Store(plan.folder) as store:
        assert train_missing(plan, store, console) == 0
        file = store.trajectory_file(recipe.run_id)
        assert file is not None
        file.path.unlink()
        assert train_missing(plan, store, console) == 0
        assert file.path.is_file()
