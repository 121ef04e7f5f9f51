"""The studies' suites: how many networks, of what, and that each can be built."""

from itertools import islice

import pytest

from zoo.data.datasets import DATASETS
from zoo.data.synthetic import is_synthetic
from zoo.models.build import build
from zoo.observations.observed import require_observations
from zoo.recipe_fields import SOLVED
from zoo.suites.registry import suite, suites
from zoo.training.train import shape_of

NETWORKS = {  # small and full
    "randomization": (72, 54), "regularizers": (80, 90), "expressivity": (72, 72), "min_norm": (250, 270),
    "bad_minima": (40, 30), "jiang": (84, 2187), "dziugaite": (108, 10_000), "disagreement": (75, 125),
    "feature_calibration": (54, 54), "double_descent": (200, 150), "rationality": (32, 12), "simplicity": (15, 6),
    "ridge_peak": (180, 180), "multiclass_margin": (70, 80), "noisy_margin": (60, 80),
    "epochwise_descent": (190, 190),
    "profiles": (112, 168), "label_noise_sgd": (50, 36), "truncated_sgd": (24, 12),
    "momentum": (40, 24), "sparsity": (25, 18), "distillation": (30, 18), "depth": (25, 18),
    "low_rank": (30, 18), "gradient_starvation": (18, 9), "width_shift": (30, 18), "early_stopping": (10, 6),
    "partial_shuffle": (24, 12), "online": (64, 24), "subtuning": (40, 24), "fewer_classes": (30, 18),
    "pruning": (60, 36), "siblings": (40, 24), "vector_scaling": (36, 18),
    "compactness": (40, 24),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_study_has_two_sizes(name: str) -> None:
    """The small one in the box, with seeds to draw intervals from; the full one on larger images."""
    study = suite(name)
    small, full = study.recipes("small"), study.recipes("full")

    assert (len({r.run_id for r in small}), len({r.run_id for r in full})) == NETWORKS[name]
    assert all(recipe.dataset in DATASETS or is_synthetic(recipe.dataset) for recipe in small)
    assert {recipe.dataset for recipe in full}.isdisjoint(DATASETS)
    assert len({recipe.seed for recipe in small}) >= 3
    assert require_observations(study.study.observations) is not None
    assert study.study.measures


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_networks_of_the_full_size_can_be_built(name: str) -> None:
    """On images of CIFAR-10; the first shapes of each."""
    shapes = dict.fromkeys(shape_of(r) for r in suite(name).recipes("full") if r.model not in SOLVED)
    for shape in islice(shapes, 3):
        classes = max(shape.merged, default=len(shape.classes or range(10)) - 1) + 1
        network = build(shape, (3 * (2 if shape.pairs else 1), 32, 32), classes, seed=0)
        assert sum(p.numel() for p in network.parameters()) > 0


def test_each_family_of_disagreement_differs_in_one_thing() -> None:
    """From its base: initialization; order; data; all three."""
    for base, init, order, data, every in zip(*[iter(suite("disagreement").recipes())] * 5, strict=True):
        family = (base, init, order, data, every)
        of = [(r.seed, r.initial_seed, r.data.seed, r.train_part) for r in family]
        s, other = base.seed, base.seed + 100
        assert of == [(s, s, s, 0), (s, other, s, 0), (other, s, s, 0), (s, s, s, 1), (other, other, s, 1)]
        assert len({r.replace(seed=0, init_seed=None, data_seed=None, train_part=0) for r in family}) == 1


@pytest.mark.parametrize(("name", "dense"), [("sparsity", 0.5), ("width_shift", 1.0)])
def test_sparse_networks_have_the_weights_of_a_dense_one(name: str, dense: float) -> None:
    """Weights of more than one dimension that are not zero, to a hundredth of their number."""
    counts = {}
    for recipe in suite(name).recipes():
        network = build(recipe, (1, 8, 8), 10, seed=0)
        whole = sum(p.numel() for p in network.parameters() if p.dim() > 1)
        if recipe.sparsity or recipe.width == dense:
            counts[recipe.width] = whole * (1 - recipe.sparsity)

    assert len(counts) >= 3
    assert list(counts.values()) == pytest.approx([counts[dense]] * len(counts), rel=0.01)


def test_every_claimed_study_is_counted() -> None:
    """A new study belongs into the list above."""
    assert {name for name, known in suites().items() if known.study.measures} == set(NETWORKS)
