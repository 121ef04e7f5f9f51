"""Arguments of the subject of a network that was trained elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.adopting.adopt import build
from harness.adopting.data import AdoptedData, load_data
from harness.adopting.errors import AdoptError
from harness.adopting.user_code import hash_of_code
from harness.sandbox.submission import Parts
from harness.store.adopted import AdoptedNetwork
from measures.training_history import Checkpoint, Trajectory
from zoo.data.subsets import stratified_subset
from zoo.seeds import seed_for
from zoo.training.record import Snapshot

State = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStates:
    """Weights of a network at all times that are known.

    Attributes:
        initial: at initialization; empty where it is not known.
        final: trained.
        twin: trained, of its twin, with the twin's record; None where there is none.
        snapshots: along training.
        losses: mean loss of each epoch.
        steps: of training.
    """

    initial: State
    final: State
    twin: State | None
    snapshots: Sequence[Snapshot]
    losses: Sequence[float]
    steps: int


def build_adopted_parts(network: AdoptedNetwork, states: StoredStates, device: str) -> Parts:
    """Build the arguments of a subject: training data and test inputs without labels, no hyperparameter and no gap.

    Raises:
        AdoptError: the code of the factory has changed since, or does not build the network any more.
    """
    if network.code_sha256 != hash_of_code(network.model):
        raise AdoptError(f"{network.model} has changed since the networks were adopted. Adopt them again.")
    data = load_data(network.data)
    model = build(network, data, states.final, network.name).to(device)
    chosen = _chosen(data, network.data.examples)
    return Parts(
        model=model,
        inputs=data.as_seen(data.train.inputs[chosen]),
        labels=data.train.labels[chosen].clone(),
        init_state=states.initial or None,
        twin=None if states.twin is None else build(network, data, states.twin, network.twin).to(device),
        unlabeled=None if data.unlabeled is None else data.as_seen(data.unlabeled),
        trajectory=_trajectory(network, states, [name for name, _ in model.named_parameters()], device),
        seed=seed_for("scores"),  # common random numbers: networks of one shape differ by weights, not by draws
    )


def _chosen(data: AdoptedData, count: int | None) -> Tensor:
    """Indices of the training examples that measures see: all, or a fixed draw with the shares of the classes."""
    labels = data.train.labels
    if count is None or count >= len(labels):
        return torch.arange(len(labels))
    return stratified_subset(labels, count, "adopted")


def _trajectory(network: AdoptedNetwork, states: StoredStates, names: Sequence[str], device: str) -> Trajectory | None:
    """Checkpoints and losses along training; None where they are not known."""
    epochs = len(states.losses)
    if not epochs or not states.initial or network.batch_size is None:
        return None
    first, last = Snapshot(0, 0, states.initial), Snapshot(epochs, states.steps, states.final)
    snapshots = [first, *(snapshot for snapshot in states.snapshots if snapshot.epoch < epochs), last]
    return Trajectory(
        checkpoints=[_checkpoint(snapshot, names, device) for snapshot in snapshots],
        losses=states.losses,
        learning_rates=network.learning_rates,
        steps_per_epoch=states.steps // epochs,
        batch_size=network.batch_size,
    )


def _checkpoint(snapshot: Snapshot, names: Sequence[str], device: str) -> Checkpoint:
    state = {name: value.to(device) for name, value in snapshot.state.items()}
    return Checkpoint(
        step=snapshot.step,
        epoch=snapshot.epoch,
        params={name: state[name] for name in names},
        buffers={name: value for name, value in state.items() if name not in names},
    )
