"""Train the networks under the golden numbers and store them; done once, since other weights are other numbers.

python -m tests.golden.numbers.train DATA      # a folder with cifar10
"""

import sys
from pathlib import Path

import safetensors.torch
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from tests.golden.numbers.stored import SHAPES, WEIGHTS, normalised
from tests.measures.networks import trained
from zoo.data.datasets import load

NUM_EXAMPLES, STEPS = 24, 60


def main(data: Path) -> None:
    """Write the file of networks and images."""
    pixels, targets = load_digits(return_X_y=True)
    colour = load("cifar10", data)
    images = {
        "digits": (torch.from_numpy(pixels).reshape(-1, 1, 8, 8).to(torch.uint8), torch.from_numpy(targets)),
        "cifar10": (colour.train_images, colour.train_labels),
    }
    tensors: dict[str, Tensor] = {}
    for name, (every, labels) in images.items():
        tensors[f"{name}.train"] = every[:NUM_EXAMPLES].clone()
        tensors[f"{name}.labels"] = labels[:NUM_EXAMPLES].to(torch.uint8)
        tensors[f"{name}.unlabeled"] = every[NUM_EXAMPLES : 2 * NUM_EXAMPLES].clone()
    for name, shape in SHAPES.items():
        inputs, labels = normalised(tensors[f"{shape.images}.train"]), tensors[f"{shape.images}.labels"].long()
        for part, seed in (("final", 1), ("twin", 2)):
            model, initial = trained(shape.seeded, inputs, labels, seed=seed, steps=STEPS)
            tensors |= {f"{name}.{part}.{key}": value.clone() for key, value in model.state_dict().items()}
            if part == "final":
                tensors |= {f"{name}.initial.{key}": value for key, value in initial.items()}
    # Single precision is enough to say which network it is; the buffers of batch norm count in integers.
    single = {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
    safetensors.torch.save_file(single, WEIGHTS)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
