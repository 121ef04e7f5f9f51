"""What a training run came to: its record, and the evaluation that it is made of."""

from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.corruptions import PreparedData
from zoo.fleet import State
from zoo.models import num_params
from zoo.recipe import Recipe

Stopped = Literal["target", "epochs", "diverged", "solved"]

EVALUATION_CHUNK: Final = 1024  # examples a forward pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a training run came to.

    Attributes:
        train_accuracy, train_loss: on the examples and labels that it was trained on; loss in nats.
        test_accuracy, test_loss: on the test images under their true labels.
        stopped: the cross-entropy target was reached, the epochs ran out, the loss was no longer finite, or there was
            nothing to train: the coefficients were solved for.
        epochs, steps: how long it trained.
        seconds: its share of the fleet's time.
        fleet: members that its fleet was allowed.
        num_params: trainable parameters.
        labels_changed: fraction of training labels that differ from the true ones.
        test_size: number of test examples.
        device: where it was trained.
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

    @property
    def converged(self) -> bool:
        """Whether the cross-entropy target was reached, or the network is the solution of its problem."""
        return self.stopped in {"target", "solved"}


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """A trained network: its recipe, its record, and parameters and buffers before and after."""

    recipe: Recipe
    record: Record
    initial: State
    final: State


def normalised(images: Tensor, data: PreparedData) -> Tensor:
    """Images [n, c, h, w] as the network sees them: float32, (x - mean) / std by channel."""
    return (images.float() - data.mean[:, None, None]) / data.std[:, None, None]


def record_of(
    network: nn.Module, data: PreparedData, stopped: Stopped, *, epochs: int, steps: int, seconds: float, fleet: int
) -> Record:
    """What a network came to, evaluated on its data."""
    train_loss, train_accuracy = _evaluated(network, data, data.train_images, data.train_labels)
    test_loss, test_accuracy = _evaluated(network, data, data.test_images, data.test_labels)
    return Record(
        train_accuracy=train_accuracy,
        test_accuracy=test_accuracy,
        train_loss=train_loss,
        test_loss=test_loss,
        stopped=stopped,
        epochs=epochs,
        steps=steps,
        seconds=seconds,
        fleet=fleet,
        num_params=num_params(network),
        labels_changed=data.labels_changed,
        test_size=len(data.test_labels),
        device=str(next(network.parameters()).device),
    )


def _evaluated(network: nn.Module, data: PreparedData, images: Tensor, labels: Tensor) -> tuple[float | None, float]:
    """Cross-entropy in nats, None where it is not finite, and accuracy."""
    network.eval()
    reference = next(network.parameters())
    total, correct = 0.0, 0
    with torch.no_grad():
        for x, y in zip(images.split(EVALUATION_CHUNK), labels.split(EVALUATION_CHUNK), strict=True):
            logits = network(normalised(x, data).to(reference))
            target = y.to(reference.device)
            total += float(functional.cross_entropy(logits, target, reduction="sum"))
            correct += int((logits.argmax(1) == target).sum())
    loss = total / len(labels)
    return (loss if loss < float("inf") else None), correct / len(labels)
