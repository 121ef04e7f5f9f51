"""Small trained networks on real images, one of every family, for the contract of measures.

Each is trained for a few steps on some of scikit-learn's digits, in float64, so that estimates can be compared with
exact values.
"""

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import zoo.models.vision_stack  # noqa: F401  makes timm importable beside a CPU build of torch; it comes before timm
from measures.api import Subject
from measures.training_history import Checkpoint, Refitted, Training, Trajectory

import timm  # isort: skip  after zoo.models.vision_stack
from timm.models.mlp_mixer import MlpMixer  # isort: skip
from timm.models.resnet import BasicBlock, ResNet  # isort: skip

NUM_EXAMPLES = 36
NUM_CLASSES = 10
STEPS = 20


@dataclass(frozen=True)
class Network:
    """A trained network, its initial weights, its data, and a twin from another seed."""

    name: str
    model: nn.Module
    init_state: dict[str, Tensor]
    twin: nn.Module
    inputs: Tensor  # [n, 1, 8, 8]
    labels: Tensor  # [n]
    unlabeled: Tensor  # [m, 1, 8, 8]
    build: Callable[[], nn.Module]

    def subject(self, *, dtype: torch.dtype = torch.float64, order: Tensor | None = None, seed: int = 0) -> Subject:
        """Make a subject with nothing computed yet; `order` [n] permutes its examples."""
        return Subject(**self.parts(dtype=dtype, order=order), seed=seed)

    def parts(self, *, dtype: torch.dtype = torch.float64, order: Tensor | None = None) -> dict[str, Any]:
        """Return the arguments of its subject by name."""
        chosen = torch.arange(len(self.labels)) if order is None else order
        return {
            "model": copy.deepcopy(self.model).to(dtype),
            "inputs": self.inputs[chosen],
            "labels": self.labels[chosen],
            "init_state": self.init_state,
            "twin": self.twin,
            "unlabeled": self.unlabeled,
            "trajectory": self.trajectory(),
            "refit": self.refit,
        }

    def trajectory(self) -> Trajectory:
        """Make a trajectory of full-batch training to these weights: an epoch is a step, and every fifth is kept.

        Checkpoints lie on the line from the initial to the trained weights, also for a network whose weights were
        rewritten after training.
        """
        return straight_way(self.init_state, self.model, len(self.labels))

    def refit(self, trainings: Sequence[Training]) -> list[Refitted]:
        """Train networks as this one was trained."""
        return [self._refitted(training) for training in trainings]

    def _refitted(self, training: Training) -> Refitted:
        inputs, labels = training.inputs.cpu().double(), training.labels.cpu()
        content = inputs.numpy().tobytes(), labels.numpy().tobytes(), training.seed
        key = self.name, *map(hash, content)
        if key not in _REFITTED:  # every test of every measure trains the same networks
            losses: list[float] = []
            seed = 0 if training.seed is None else training.seed
            model, _ = trained(self.build, inputs, labels, seed=seed, losses=losses)
            _REFITTED[key] = Refitted(
                params={name: p.detach() for name, p in model.named_parameters()},
                buffers=dict(model.named_buffers()),
                losses=losses,
                steps_per_epoch=1,
                converged=False,
            )
        return _REFITTED[key]


_REFITTED: dict[tuple[object, ...], Refitted] = {}


def straight_way(init_state: Mapping[str, Tensor], model: nn.Module, batch_size: int) -> Trajectory:
    """Make a trajectory on the line from initial to trained weights, with checkpoints at an epoch and the quarters."""
    params, buffers = dict(model.named_parameters()), dict(model.named_buffers())

    def at(share: float) -> Checkpoint:
        mixed = {
            name: (1 - share) * init_state[name] + share * value.detach() if value.is_floating_point() else value
            for name, value in {**params, **buffers}.items()
        }
        step = round(share * STEPS)
        return Checkpoint(
            step=step, epoch=step, params={n: mixed[n] for n in params}, buffers={n: mixed[n] for n in buffers}
        )

    return Trajectory(
        checkpoints=[at(share) for share in (0.0, 1 / STEPS, 0.25, 0.5, 0.75, 1.0)],
        losses=[2.3 * 0.7**epoch for epoch in range(STEPS)],  # down to below 0.01
        learning_rates=[0.02] * STEPS,
        steps_per_epoch=1,
        batch_size=batch_size,
    )


def linear() -> nn.Module:
    """Build softmax regression, whose measures have closed forms."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, NUM_CLASSES))


def mlp() -> nn.Module:
    """Build two hidden layers with ReLU."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 10), nn.ReLU(), nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, NUM_CLASSES)
    )


def conv_bn() -> nn.Module:
    """Build convolutions with and without a bias, each with batch norm, and a max-pool."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(6, NUM_CLASSES),
    )  # fmt: skip


def residual() -> nn.Module:
    """Build a residual network with batch norm and a strided projection on the second skip."""
    return ResNet(
        BasicBlock,  # type: ignore[arg-type]  # timm means the class and writes the instance
        (1, 1, 1, 1), num_classes=NUM_CLASSES, in_chans=1, channels=(4, 4, 8, 8), stem_type="deep", stem_width=4,
        zero_init_last=False,
    )  # fmt: skip


def norm_free() -> nn.Module:
    """Build a residual network of weight-standardised convolutions without batch norm."""
    return timm.create_model(
        "nf_resnet26", in_chans=1, num_classes=NUM_CLASSES, depths=(1, 1), channels=(8, 16), stem_type="3x3", stem_chs=8
    )


def vit() -> nn.Module:
    """Build a vision transformer of one block."""
    return timm.create_model(
        "vit_tiny_patch16_224", img_size=8, patch_size=4, in_chans=1, num_classes=NUM_CLASSES, embed_dim=12, depth=1,
        num_heads=2, mlp_ratio=2,
    )  # fmt: skip


def mixer() -> nn.Module:
    """Build an MLP-mixer of one block."""
    return MlpMixer(
        num_classes=NUM_CLASSES, img_size=8, in_chans=1, patch_size=4, num_blocks=1, embed_dim=12, mlp_ratio=(0.5, 2.0)
    )


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    build.__name__: build for build in (linear, mlp, conv_bn, residual, norm_free, vit, mixer)
}


@functools.cache
def network(name: str) -> Network:
    """Return the trained network of this name, which is made once."""
    images, labels = _digits()
    inputs, targets = images[:NUM_EXAMPLES].clone(), labels[:NUM_EXAMPLES].clone()  # without a view of the other digits
    unlabeled = images[NUM_EXAMPLES : 2 * NUM_EXAMPLES].clone()
    model, init_state = trained(ARCHITECTURES[name], inputs, targets, seed=0)
    twin, _ = trained(ARCHITECTURES[name], inputs, targets, seed=1)
    return Network(name, model, init_state, twin, inputs, targets, unlabeled, ARCHITECTURES[name])


def trained(
    build: Callable[[], nn.Module],
    inputs: Tensor,
    labels: Tensor,
    *,
    seed: int,
    steps: int = STEPS,
    losses: list[float] | None = None,
) -> tuple[nn.Module, dict[str, Tensor]]:
    """Train by full-batch steps in float64; returns the network in eval mode and its initial state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build().double().train()
    init_state = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        if losses is not None:
            losses.append(float(loss.detach()))
        optimizer.step()
    return model.eval(), init_state


@functools.cache
def _digits() -> tuple[Tensor, Tensor]:
    """Return all digits [1797, 1, 8, 8] with mean 0 and standard deviation 1, and their labels [1797]."""
    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels).reshape(-1, 1, 8, 8)
    return (images - images.mean()) / images.std(), torch.from_numpy(labels).long()
