"""Record of a training run, and the evaluation on training and test images that fills it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.corruptions import PreparedData
from zoo.models.build import num_params
from zoo.recipe import Recipe
from zoo.training.engines.modes import Mode
from zoo.training.engines.precision import Precision
from zoo.training.engines.stacked_fleet import State

Stopped = Literal["target", "epochs", "diverged", "solved", "elsewhere"]

EVALUATION_CHUNK: Final = 1024  # examples a forward pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Accuracies and losses of a network at one checkpoint.

    Attributes:
        epoch: epochs trained.
        train_accuracy, train_loss, test_accuracy, test_loss: as in `Record`.
    """

    epoch: int
    train_accuracy: float
    train_loss: float | None
    test_accuracy: float
    test_loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Result of a training run.

    Attributes:
        train_accuracy, train_loss: on the examples and labels that it was trained on; loss in nats.
        test_accuracy, test_loss: on the test images under their true labels.
        stopped: the cross-entropy target was reached, the epochs ran out, the loss was no longer finite, there was
            nothing to train: the coefficients were solved for; or the network was trained elsewhere.
        epochs, steps: how long it trained.
        seconds: its share of the fleet's time.
        fleet: members that its fleet was allowed.
        num_params: trainable parameters.
        labels_changed: fraction of training labels that differ from the true ones.
        test_size: number of test examples.
        device: where it was trained.
        losses: mean minibatch loss of each epoch, as it was trained on, penalties included.
        curve: the network at its checkpoints; empty where none were kept.
        mode: the engine that trained it; None for what is solved, and where an earlier version did not say.
        precision: of the matrix products of training.
        start_sha256: digest of the file of pretrained weights that it started from; None where there was none.
    """

    train_accuracy: float
    test_accuracy: float
    train_loss: float | None
    test_loss: float | None
    stopped: Stopped
    epochs: int
    steps: int
    seconds: float
    fleet: int
    num_params: int
    labels_changed: float
    test_size: int
    device: str
    losses: tuple[float, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    mode: Mode | None = None
    precision: Precision = "float32"
    start_sha256: str | None = None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Record":
        """The record that was written as JSON, by this version or an earlier one."""
        curve = tuple(CurvePoint(**point) for point in values.get("curve", ()))
        return cls(**{**values, "losses": tuple(values.get("losses", ())), "curve": curve})

    @property
    def converged(self) -> bool:
        """Whether the target was reached, the network is the solution of its problem, or it was trained elsewhere."""
        return self.stopped in {"target", "solved", "elsewhere"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Parameters and buffers after some epochs and steps."""

    epoch: int
    step: int
    state: State


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """A trained network: its recipe, its record, parameters and buffers before and after, and at its checkpoints."""

    recipe: Recipe
    record: Record
    initial: State
    final: State
    snapshots: tuple[Snapshot, ...] = ()


def normalised(images: Tensor, data: PreparedData) -> Tensor:
    """Images [n, c, h, w] as the network sees them: float32, (x - mean) / std by channel, where the images lie."""
    mean, std = (value.to(images.device)[:, None, None] for value in (data.mean, data.std))
    return (images.float() - mean) / std


def curve_point(network: nn.Module, data: PreparedData, epoch: int) -> CurvePoint:
    """Evaluate a network on its data after some epochs."""
    train_loss, train_accuracy = _evaluated(network, data, data.train_images, data.train_labels)
    test_loss, test_accuracy = _evaluated(network, data, data.test_images, data.test_labels)
    return CurvePoint(
        epoch=epoch,
        train_accuracy=train_accuracy,
        train_loss=train_loss,
        test_accuracy=test_accuracy,
        test_loss=test_loss,
    )


def record_of(
    network: nn.Module,
    data: PreparedData,
    stopped: Stopped,
    *,
    epochs: int,
    steps: int,
    seconds: float,
    fleet: int,
    losses: Sequence[float] = (),
    curve: Sequence[CurvePoint] = (),
    mode: Mode | None = None,
    precision: Precision = "float32",
    start_sha256: str | None = None,
) -> Record:
    """Evaluate a trained network on its data and make its record."""
    last = curve_point(network, data, epochs)
    return Record(
        train_accuracy=last.train_accuracy,
        test_accuracy=last.test_accuracy,
        train_loss=last.train_loss,
        test_loss=last.test_loss,
        stopped=stopped,
        epochs=epochs,
        steps=steps,
        seconds=seconds,
        fleet=fleet,
        num_params=num_params(network),
        labels_changed=data.labels_changed,
        test_size=len(data.test_labels),
        device=str(next(network.parameters()).device),
        losses=tuple(losses),
        curve=tuple(curve),
        mode=mode,
        precision=precision,
        start_sha256=start_sha256,
    )


def _evaluated(network: nn.Module, data: PreparedData, images: Tensor, labels: Tensor) -> tuple[float | None, float]:
    """Cross-entropy in nats, None where it is not finite, and accuracy."""
    network.eval()
    reference = next(network.parameters())
    total, correct = 0.0, 0
    with torch.no_grad():
        for x, y in zip(images.split(EVALUATION_CHUNK), labels.split(EVALUATION_CHUNK), strict=True):
            logits = network(normalised(x.to(reference.device), data).to(reference))  # a byte a pixel travels
            target = y.to(reference.device)
            total += float(functional.cross_entropy(logits, target, reduction="sum"))
            correct += int((logits.argmax(1) == target).sum())
    loss = total / len(labels)
    return (loss if loss < float("inf") else None), correct / len(labels)
