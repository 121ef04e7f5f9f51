"""Train the networks under the golden numbers and store them; done once, since other weights are other numbers.

python -m tests.golden.numbers.train DATA      # a folder with cifar10
"""

import sys
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from tests.golden.numbers.stored import SHAPES, WEIGHTS, first_images, normalised
from tests.measures.networks import trained

STEPS = 60


def main(data: Path) -> None:
    """Write the file of networks."""
    tensors: dict[str, Tensor] = {}
    for name, shape in SHAPES.items():
        images = first_images(shape.images, data)
        inputs, labels = normalised(images.train), images.labels
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
