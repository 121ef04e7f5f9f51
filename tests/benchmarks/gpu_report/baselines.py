"""The two loops that gapbench is held against, written as one would without it. Same stopping rule, same recipes."""

import math
import time
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from zoo.corruptions import PreparedData
from zoo.recipe import Recipe
from zoo.training.record import EVALUATION_CHUNK, normalised
from zoo.training.stopping import CHECK_FACTOR
from zoo.training.train import network_of

Baseline = Literal["loader_float32", "resident_bf16"]

BASELINES: Final[dict[Baseline, str]] = {
    "loader_float32": "(a) a plain loop with a DataLoader, float32",
    "resident_bf16": "(b) a loop with data on the device, bf16 autocast, channels_last",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training a network came to."""

    seconds: float
    epochs: int
    test_accuracy: float
    converged: bool


def trained(kind: Baseline, recipe: Recipe, data: PreparedData, device: torch.device, workers: int) -> Outcome:
    """Train one network by a baseline to the recipe's stopping rule.

    Args:
        kind: which baseline.
        recipe: of the network; SGD with momentum, or AdamW.
        data: its images.
        device: where.
        workers: processes of the DataLoader.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    resident = kind == "resident_bf16"
    layout = torch.channels_last if resident else torch.contiguous_format
    network = network_of(recipe, data).to(device).to(memory_format=layout)  # type: ignore[call-overload]
    optimizer: torch.optim.Optimizer
    if recipe.optimizer == "sgd":
        optimizer = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    else:
        optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=0.0)
    inputs, labels = normalised(data.train_images, data), data.train_labels
    loader = DataLoader(
        TensorDataset(inputs, labels),
        recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=0 if resident else workers,
        persistent_workers=not resident and workers > 0,
        pin_memory=device.type == "cuda",
    )
    there = (inputs.to(device).contiguous(memory_format=layout), labels.to(device))
    epochs, converged = 0, False
    while epochs < recipe.max_epochs and not converged:
        mean = _resident_epoch(network, optimizer, *there, recipe) if resident else _epoch(network, optimizer, loader)
        epochs += 1
        if not math.isfinite(mean):
            break
        if mean <= CHECK_FACTOR * recipe.target_loss:
            converged = _evaluated(network, *there)[0] <= recipe.target_loss
    tested = normalised(data.test_images, data).to(device), data.test_labels.to(device)
    _evaluated(network, *there)  # what a record of gapbench holds, too
    accuracy = _evaluated(network, *tested)[1]
    return Outcome(time.perf_counter() - start, epochs, accuracy, converged)


def _epoch(network: nn.Module, optimizer: torch.optim.Optimizer, loader: "DataLoader[tuple[Tensor, ...]]") -> float:
    network.train()
    device = next(network.parameters()).device
    total = torch.zeros((), device=device)
    for x, y in loader:
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(x.to(device, non_blocking=True)), y.to(device, non_blocking=True))
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return float(total) / len(loader)


def _resident_epoch(
    network: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, labels: Tensor, recipe: Recipe
) -> float:
    network.train()
    steps = len(labels) // recipe.batch_size
    order = torch.randperm(len(labels), device=labels.device)
    total = torch.zeros((), device=labels.device)
    for chosen in order.split(recipe.batch_size)[:steps]:
        optimizer.zero_grad()
        with torch.autocast(labels.device.type, torch.bfloat16):
            logits = network(inputs[chosen])
        loss = functional.cross_entropy(logits.float(), labels[chosen])
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return float(total) / steps


def _evaluated(network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, float]:
    """Cross-entropy in nats and accuracy, in float32."""
    network.eval()
    with torch.no_grad():
        logits = torch.cat([network(x) for x in inputs.split(EVALUATION_CHUNK)])
    loss = functional.cross_entropy(logits, labels)
    return float(loss), float((logits.argmax(1) == labels).float().mean())
