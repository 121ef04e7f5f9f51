"""Inputs of a `Subject`: network, data and trajectory, and retraining by the recipe."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from harness.pipeline.tasks import ScoreTask
from harness.sandbox.submission import Parts
from measures.training_history import Checkpoint, Refit, Refitted, Training, Trajectory
from zoo.corruptions import PreparedData
from zoo.models.pretrained import without_head
from zoo.recipe import Recipe
from zoo.seeds import seed_for
from zoo.training.engines.stacked_fleet import State, load_state
from zoo.training.member import Job
from zoo.training.record import Snapshot, TrainedRun, normalised
from zoo.training.schedules import factor
from zoo.training.train import network_of, shape_of
from zoo.training.trainer import Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedNetwork:
    """A trained network as its subject sees it: weights and losses, and the recipe that decides all else.

    Attributes:
        recipe: of the network.
        initial, final: parameters and buffers before and after training.
        twin: those of the same recipe trained from another seed; None where there is none.
        losses: mean minibatch loss of each epoch.
        steps: optimizer steps.
        snapshots: parameters and buffers at the checkpoints.
    """

    recipe: Recipe
    initial: State
    final: State
    twin: State | None
    losses: Sequence[float]
    steps: int
    snapshots: Sequence[Snapshot] = ()


def build_parts(network: TrainedNetwork, data: PreparedData, device: str = "cpu") -> Parts:
    """Build the arguments of a subject: training data and test inputs without labels, no recipe and no gap."""
    model = load_network(network.recipe, data, network.final, device)
    return Parts(
        model=model,
        inputs=normalised(data.train_images, data),
        labels=data.train_labels.clone(),  # the data are kept for the next network, and a measure might write into them
        init_state=network.initial,
        twin=None if network.twin is None else load_network(network.recipe, data, network.twin, device),
        unlabeled=None if data.unlabeled_images is None else normalised(data.unlabeled_images, data),
        trajectory=_build_trajectory(network, [name for name, _ in model.named_parameters()], device),
        seed=seed_for("scores"),  # common random numbers: networks of one shape differ by weights, not by draws
    )


def load_network(recipe: Recipe, data: PreparedData, state: State, device: str) -> nn.Module:
    """Build the network of a recipe and load its parameters and buffers."""
    network = network_of(recipe, data)
    load_state(network, state)
    return network.to(device)


def _build_trajectory(network: TrainedNetwork, names: Sequence[str], device: str) -> Trajectory | None:
    """Build checkpoints and losses along training; None where none were recorded, as for what is solved."""
    recipe, epochs = network.recipe, len(network.losses)
    if epochs == 0:
        return None
    first, last = Snapshot(0, 0, network.initial), Snapshot(epochs, network.steps, network.final)
    snapshots = [first, *(snapshot for snapshot in network.snapshots if snapshot.epoch < epochs), last]
    rates = [recipe.learning_rate * factor(recipe.schedule, t, recipe.max_epochs) for t in range(epochs)]
    return Trajectory(
        checkpoints=[_checkpoint(snapshot, names, device) for snapshot in snapshots],
        losses=network.losses,
        learning_rates=rates,
        steps_per_epoch=network.steps // epochs,
        batch_size=recipe.batch_size,
    )


def make_refit(task: ScoreTask, data: PreparedData) -> Refit:
    """Make a function that trains by the recipe of a network on other data.

    Without pruning, teacher and resampled labels, which belong to the network's own task.
    """
    plain = task.recipe.replace(
        teacher=None, label_resampling=0.0, prune=0.0, prune_rounds=1, rewind="weights", rewind_epoch=0,
        checkpoints="none",
    )  # fmt: skip
    blind = dataclasses.replace(data, test_labels=data.test_labels[:0], held_out_labels=data.held_out_labels[:0])

    def refit(trainings: Sequence[Training]) -> list[Refitted]:
        jobs = [_job(plain, blind, task, training) for training in trainings]
        names = [name for name, _ in network_of(plain, blind).named_parameters()]
        found: dict[int, Refitted] = {}  # by identity of the recipe: each job has its own object
        for size in sorted({len(job.data.train_labels) for job in jobs}):
            together = [job for job in jobs if len(job.data.train_labels) == size]
            trainer = Trainer(shape_of(plain), together, torch.device(task.options.device), torch.float32)
            for run in trainer.run(len(together)):
                found[id(run.recipe)] = _refitted(run, names)
        return [found[id(job.recipe)] for job in jobs]

    return refit


def _checkpoint(snapshot: Snapshot, names: Sequence[str], device: str) -> Checkpoint:
    state = {name: value.to(device) for name, value in snapshot.state.items()}
    params = {name: state[name] for name in names}
    buffers = {name: value for name, value in state.items() if name not in names}
    return Checkpoint(step=snapshot.step, epoch=snapshot.epoch, params=params, buffers=buffers)


def _job(recipe: Recipe, data: PreparedData, task: ScoreTask, training: Training) -> Job:
    """Make a job on inputs that are normalised already; without a seed it starts from the subject's initial weights."""
    channels = training.inputs.shape[1]
    given = dataclasses.replace(
        data,
        train_images=training.inputs.float().cpu(),
        train_labels=training.labels.cpu(),
        test_images=training.inputs[:1].float().cpu(),
        test_labels=training.labels[:1].cpu(),
        mean=torch.zeros(channels),
        std=torch.ones(channels),
    )
    if training.seed is None:
        return Job(recipe=recipe.replace(), data=given, start=task.initial.state())
    start = {}
    if recipe.pretrained is not None:  # the network's initial weights are those, and a head
        start = without_head(task.initial.state(), network_of(recipe, data))
    return Job(recipe=recipe.replace(seed=training.seed, init_seed=None), data=given, start=start)


def _refitted(run: TrainedRun, names: Sequence[str]) -> Refitted:
    steps = run.record.steps // max(run.record.epochs, 1)
    return Refitted(
        params={name: run.final[name] for name in names},
        buffers={name: value for name, value in run.final.items() if name not in names},
        losses=run.record.losses,
        steps_per_epoch=steps,
        converged=run.record.converged,
    )
