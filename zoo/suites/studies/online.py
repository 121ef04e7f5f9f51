"""Online learning: small against large batches in one pass and in many; a caricature of 80 steps on digits.

Vyas et al. 2023, arXiv:2306.08590: in one pass over fresh data the noise of small batches confers no advantage, as it
does over many epochs. One pass: as many steps at every batch size, so that larger batches differ in less noise alone.
Many epochs: one training set, fitted to one loss. The paper has ImageNet, CIFAR-5m and language; distances between the
functions at equal loss are not staged.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

STEPS: Final = 80
BATCHES: Final = (4, 16)
RATES: Final = (0.05, 0.2)
SEEDS: Final = range(10, 18)  # the staging was chosen on other seeds
ONLINE: Final = Recipe(width=2.0, momentum=0.0, max_epochs=1, target_loss=0.0)
OFFLINE: Final = Recipe(width=2.0, momentum=0.0, train_size=128, max_epochs=1000)
OFFLINE_BATCHES: Final = (4, 128)


def small() -> Iterator[Recipe]:
    """Two batch sizes, two rates, one pass and many, eight seeds."""
    yield from _recipes(ONLINE, STEPS, BATCHES, OFFLINE, OFFLINE_BATCHES, SEEDS)


def full() -> Iterator[Recipe]:
    """The same of residual networks on CIFAR-10, three seeds."""
    online = ONLINE.replace(dataset="cifar10", model="resnet", width=8.0)
    offline = OFFLINE.replace(dataset="cifar10", model="resnet", width=8.0, train_size=5000, max_epochs=200)
    yield from _recipes(online, 97, (64, 512), offline, (64, 512), range(3))


def _recipes(
    online: Recipe,
    steps: int,
    batches: tuple[int, ...],
    offline: Recipe,
    offline_batches: tuple[int, ...],
    seeds: range,
) -> Iterator[Recipe]:
    for rate, seed in product(RATES, seeds):
        for batch in batches:
            yield online.replace(train_size=steps * batch, batch_size=batch, learning_rate=rate, seed=seed)
        for batch in offline_batches:
            yield offline.replace(batch_size=batch, learning_rate=rate, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 5 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin"),
)
