"""The stored networks under the golden numbers: one of every family, trained, and the images that they have seen."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import safetensors.torch
import torch
from torch import Tensor, nn

from tests.measures.networks import Network
from zoo.models.build import build
from zoo.recipe import Recipe

FOLDER: Final = Path(__file__).parent
WEIGHTS: Final = FOLDER / "networks.safetensors"
NUM_CLASSES: Final = 10


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


def stored_network(name: str) -> Network:
    """Load the stored network of this name: its weights, its initial weights, its twin and its images."""
    shape, tensors = SHAPES[name], safetensors.torch.load_file(WEIGHTS)
    inputs, unlabeled = (normalised(tensors[f"{shape.images}.{part}"]) for part in ("train", "unlabeled"))
    return Network(
        name=f"golden {name}",
        model=_loaded(shape, tensors, f"{name}.final."),
        init_state=dict(_loaded(shape, tensors, f"{name}.initial.").state_dict()),
        twin=_loaded(shape, tensors, f"{name}.twin."),
        inputs=inputs,
        labels=tensors[f"{shape.images}.labels"].long(),
        unlabeled=unlabeled,
        build=shape.seeded,
    )


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
