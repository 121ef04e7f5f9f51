"""The stored networks under the golden numbers: one of every family, trained."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import safetensors.torch
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from tests.measures.networks import Network
from zoo.data.datasets import load
from zoo.models.build import build
from zoo.recipe import Recipe

FOLDER: Final = Path(__file__).parent
WEIGHTS: Final = FOLDER / "networks.safetensors"
NUM_CLASSES: Final = 10
NUM_EXAMPLES: Final = 24


@dataclass(frozen=True, slots=True)
class Images:
    """Training images and unlabeled ones [n, c, h, w], and labels [n]."""

    train: Tensor
    labels: Tensor
    unlabeled: Tensor


@dataclass(frozen=True, slots=True)
class Shape:
    """A family, its size, and the images that the network was trained on."""

    model: str
    width: float
    depth: int
    images: str

    def build(self, seed: int) -> nn.Module:
        """Build the network at initialization, in float64."""
        size = (1, 8, 8) if self.images == "digits" else (3, 32, 32)
        return build(Recipe(model=self.model, width=self.width, depth=self.depth), size, NUM_CLASSES, seed).double()

    def seeded(self) -> nn.Module:
        """Build it from the seed that torch has."""
        return self.build(torch.initial_seed())


SHAPES: Final = {
    "mlp": Shape("mlp", 0.25, 2, "digits"),
    "nin": Shape("nin", 0.25, 2, "cifar10"),
    "resnet": Shape("resnet", 0.5, 1, "cifar10"),
    "nf_resnet": Shape("nf_resnet", 0.25, 1, "digits"),
    "vit": Shape("vit", 0.5, 1, "digits"),
    "mixer": Shape("mixer", 0.5, 1, "digits"),
}


def stored_network(name: str, data: Path | None = None) -> Network:
    """Load the stored network of this name, its initial weights, its twin, and the images that it was trained on.

    Args:
        name: of `SHAPES`.
        data: folder that holds cifar10, for the networks that were trained on its images.
    """
    shape, tensors = SHAPES[name], safetensors.torch.load_file(WEIGHTS)
    images = first_images(shape.images, data)
    inputs, unlabeled = normalised(images.train), normalised(images.unlabeled)
    return Network(
        name=f"golden {name}",
        model=_loaded(shape, tensors, f"{name}.final."),
        init_state=dict(_loaded(shape, tensors, f"{name}.initial.").state_dict()),
        twin=_loaded(shape, tensors, f"{name}.twin."),
        inputs=inputs,
        labels=images.labels,
        unlabeled=unlabeled,
        build=shape.seeded,
    )


@functools.cache
def first_images(dataset: str, data: Path | None) -> Images:
    """Load the first images of digits or of CIFAR-10: some to train on, and as many that are unlabeled.

    Raises:
        DatasetError: there is no such data set in `data`.
    """
    if dataset == "digits":
        pixels, targets = load_digits(return_X_y=True)
        every, labels = torch.from_numpy(pixels).reshape(-1, 1, 8, 8), torch.from_numpy(targets)
    else:
        colour = load(dataset, data)
        every, labels = colour.train_images, colour.train_labels
    return Images(every[:NUM_EXAMPLES], labels[:NUM_EXAMPLES].long(), every[NUM_EXAMPLES : 2 * NUM_EXAMPLES])


def normalised(images: Tensor) -> Tensor:
    """Images [n, c, h, w] in float64 with mean 0 and standard deviation 1."""
    images = images.double()
    return (images - images.mean()) / images.std()


def _loaded(shape: Shape, tensors: dict[str, Tensor], prefix: str) -> nn.Module:
    network = shape.build(seed=0)
    network.load_state_dict(
        {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    )
    return network.eval()
