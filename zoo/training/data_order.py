"""Order of the training examples in each epoch: shuffled, sorted, or shuffled in shards as CorgiPile does.

For every order but "full" the examples lie on an imagined disk sorted by label, as in the worst case that CorgiPile (Xu
et al. 2022, arXiv:2206.05830) and Corgi2 (Livne et al. 2023, arXiv:2309.01640) are made for, in `NUM_SHARDS` shards.
"""

from typing import Final

import torch
from torch import Tensor

from zoo.recipe_fields import DataOrder

NUM_SHARDS: Final = 32
BUFFER_SHARDS: Final = 4  # held in memory at once: an eighth of the data, within the papers' range


class EpochOrders:
    """Orders of the epochs of one network.

    Args:
        kind: "full" shuffles everything each epoch; "none" reads the disk from end to end; "corgipile" reads shards in
            random order and shuffles within a buffer of `BUFFER_SHARDS`; "corgi2" does so once to rewrite the disk, and
            then again each epoch.
        labels: training labels [n], by which the disk is sorted.
        generator: decides the orders; on the CPU.
    """

    def __init__(self, kind: DataOrder, labels: Tensor, generator: torch.Generator) -> None:
        self._kind = kind
        self._generator = generator
        self._count = len(labels)
        self._disk = labels.cpu().argsort(stable=True)
        if kind == "corgi2":
            self._disk = self._buffered()

    def next(self) -> Tensor:
        """Indices [n] of the next epoch, each example once."""
        if self._kind == "full":
            return torch.randperm(self._count, generator=self._generator)
        return self._disk if self._kind == "none" else self._buffered()

    def _buffered(self) -> Tensor:
        shards = self._disk.tensor_split(min(NUM_SHARDS, self._count))
        order = torch.randperm(len(shards), generator=self._generator).tolist()
        buffers = []
        for start in range(0, len(order), BUFFER_SHARDS):
            held = torch.cat([shards[index] for index in order[start : start + BUFFER_SHARDS]])
            buffers.append(held[torch.randperm(len(held), generator=self._generator)])
        return torch.cat(buffers)
