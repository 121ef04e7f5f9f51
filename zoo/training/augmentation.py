"""Random crops and flips of training images, drawn independently for every example of every member of a fleet."""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from zoo.recipe_fields import Augmentation

CROP_REACH: Final = 1 / 8  # of the side: the customary 4 pixels of 32


def augmented(inputs: Tensor, kinds: Sequence[Augmentation], generators: Sequence[torch.Generator]) -> Tensor:
    """Augment images [f, b, c, h, w] by each member's augmentation; returns the same tensor if no member has one.

    "crop" pads each side by an eighth with zeros, the mean of normalised images, and cuts a window of the image's size
    at a uniformly random place; "flip" mirrors left and right with probability 1/2; "crop_flip" does both.

    Args:
        inputs: normalised images.
        kinds: of each member [f].
        generators: a stream on the CPU for each member; one without augmentation draws nothing.
    """
    if all(kind == "none" for kind in kinds):
        return inputs
    members, examples, _, height, width = inputs.shape
    reach_y, reach_x = math.ceil(height * CROP_REACH), math.ceil(width * CROP_REACH)
    down = torch.full((members, examples), reach_y)
    across = torch.full((members, examples), reach_x)
    mirrored = torch.zeros(members, examples, dtype=torch.bool)
    for index, (kind, stream) in enumerate(zip(kinds, generators, strict=True)):
        if kind in {"crop", "crop_flip"}:
            down[index] = torch.randint(2 * reach_y + 1, (examples,), generator=stream)
            across[index] = torch.randint(2 * reach_x + 1, (examples,), generator=stream)
        if kind in {"flip", "crop_flip"}:
            mirrored[index] = torch.rand(examples, generator=stream) < 0.5  # noqa: PLR2004  an even chance
    columns = torch.arange(width).expand(members, examples, width)
    columns = torch.where(mirrored.unsqueeze(2), columns.flip(2), columns) + across.unsqueeze(2)
    rows = torch.arange(height) + down.unsqueeze(2)
    device = inputs.device
    padded = functional.pad(inputs.flatten(0, 1), (reach_x, reach_x, reach_y, reach_y))
    example = torch.arange(members * examples, device=device)[:, None, None]
    rows, columns = rows.flatten(0, 1).to(device), columns.flatten(0, 1).to(device)
    cut = padded[example, :, rows[:, :, None], columns[:, None, :]]  # [f b, h, w, c]
    return cut.permute(0, 3, 1, 2).reshape(inputs.shape)
