"""Training stops where it says, records what happened, and gives the same record whatever trains beside."""

import pytest
import torch
from torch import Tensor

from zoo.errors import EngineError
from zoo.recipe import Recipe
from zoo.training.record import TrainedRun, normalised
from zoo.training.train import data_of, network_of, shape_of, train

BASE = Recipe(train_size=96, batch_size=16, learning_rate=0.05, target_loss=0.05, max_epochs=60)


def by_id(*recipes: Recipe, fleet: int) -> dict[str, TrainedRun]:
    """Train in float64, where a fleet and a loop differ by rounding alone."""
    return {run.recipe.run_id: run for run in train(recipes, fleet=fleet, dtype=torch.float64)}


def test_a_fleet_and_the_loop_give_the_same_runs() -> None:
    """More recipes than places, of two shapes, ending at different epochs; weights agree to rounding."""
    recipes = [
        BASE.replace(learning_rate=rate, corruption=corruption, seed=seed, width=width)
        for rate, corruption, seed, width in [
            (0.05, "true_labels", 0, 1.0), (0.02, "random_labels", 0, 1.0), (0.05, "gaussian", 1, 1.0),
            (0.02, "shuffled_pixels", 0, 1.0), (0.05, "true_labels", 0, 0.5),
        ]
    ]  # fmt: skip
    fleet, loop = by_id(*recipes, fleet=3), by_id(*recipes, fleet=1)

    assert fleet.keys() == loop.keys() == {recipe.run_id for recipe in recipes}
    assert len({run.record.epochs for run in fleet.values()}) > 1, "members must end at different epochs"
    for run_id, run in fleet.items():
        assert (run.record.epochs, run.record.stopped) == (loop[run_id].record.epochs, loop[run_id].record.stopped)
        for name, value in run.final.items():
            torch.testing.assert_close(value, loop[run_id].final[name], rtol=1e-6, atol=1e-8)


def test_the_record_is_what_the_network_does() -> None:
    """Losses and accuracies, computed again from the weights; the target is met in eval mode, by no earlier margin."""
    (run,) = train([BASE.replace(corruption="partial_labels", corruption_p=0.5, model="resnet")], fleet=1)
    data = data_of(run.recipe)
    network = network_of(run.recipe, data)
    network.load_state_dict(run.final)
    network.eval()
    with torch.no_grad():
        train_logits = network(normalised(data.train_images, data))
        test_logits = network(normalised(data.test_images, data))
    loss = torch.nn.functional.cross_entropy(train_logits, data.train_labels)

    assert run.record.stopped == "target"
    assert run.record.converged
    assert run.record.train_loss == pytest.approx(loss.item(), rel=1e-5)
    assert run.record.train_loss is not None
    assert run.record.train_loss <= run.recipe.target_loss
    assert run.record.train_accuracy == pytest.approx(
        (train_logits.argmax(1) == data.train_labels).float().mean().item()
    )
    assert run.record.test_accuracy == pytest.approx((test_logits.argmax(1) == data.test_labels).float().mean().item())
    assert 0.2 < run.record.labels_changed < 0.7
    assert run.record.test_size == 500
    assert run.record.steps == run.record.epochs * (96 // 16)
    initial = network_of(run.recipe, data)
    assert all(torch.equal(run.initial[name], value) for name, value in initial.state_dict().items())


def test_epochs_run_out_and_divergence_is_recorded() -> None:
    """A target out of reach, and a rate that blows up; the neighbour in the fleet is untouched by it."""
    good, bad = BASE.replace(target_loss=0.0, max_epochs=3), BASE.replace(learning_rate=1e9, target_loss=0.0)
    runs = by_id(good, bad, fleet=2)

    assert (runs[good.run_id].record.stopped, runs[good.run_id].record.epochs) == ("epochs", 3)
    assert runs[bad.run_id].record.stopped == "diverged"
    alone = by_id(good, fleet=1)[good.run_id]
    assert all(torch.isfinite(value).all() for value in runs[good.run_id].final.values())
    assert runs[good.run_id].record.train_loss == pytest.approx(alone.record.train_loss, rel=1e-6)


def test_training_twice_gives_equal_records() -> None:
    """Except for the seconds, and within rounding: a library may sum in another order from one call to the next."""
    recipes = [BASE, BASE.replace(seed=1)]
    first, second = (list(train(recipes, fleet=2)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.recipe == other.recipe
        for name, value in one.final.items():
            torch.testing.assert_close(value, other.final[name], rtol=1e-4, atol=1e-6)
        assert one.record.losses == pytest.approx(other.record.losses, rel=1e-4)


def test_the_timing_does_not_change_the_runs() -> None:
    """The steps that it takes move neither the draws of the data nor the weights: each loss is as without a timing."""
    recipes = [BASE.replace(seed=seed, max_epochs=8) for seed in range(3)]
    timed = {run.recipe.run_id: run for run in train(recipes, fleet="auto", dtype=torch.float64)}
    plain = by_id(*recipes, fleet=1)

    assert timed.keys() == plain.keys()
    assert len({run.record.losses for run in plain.values()}) == 3, "each seed has different losses"
    for run_id, run in timed.items():
        assert run.record.losses == pytest.approx(plain[run_id].record.losses, rel=1e-6)
        for name, value in run.final.items():
            torch.testing.assert_close(value, plain[run_id].final[name], rtol=1e-6, atol=1e-8)


def test_networks_of_one_shape_train_together() -> None:
    """Rates, labels and seeds are a member's own; width, train size and optimizer are not."""
    assert shape_of(BASE) == shape_of(BASE.replace(learning_rate=0.3, corruption="gaussian", seed=4, weight_decay=0.1))
    assert len({shape_of(BASE.replace(**c)) for c in ({"width": 2.0}, {"train_size": 64}, {"optimizer": "adamw"})}) == 3


def test_sets_of_different_sizes_train_beside_each_other() -> None:
    """An imbalanced subset has another number of images for another seed; each network has as many steps as fit."""
    recipes = [Recipe(train_size=104, imbalance=10.0, batch_size=16, max_epochs=1, seed=seed) for seed in (0, 1, 3)]
    assert len({len(data_of(recipe).train_labels) for recipe in recipes}) > 1

    assert {run.recipe for run in train(recipes, fleet=3)} == set(recipes)


def test_a_fleet_below_one_is_refused() -> None:
    """With what it must be."""
    with pytest.raises(EngineError, match="fleet must be at least 1 or 'auto'; got 0"):
        list(train([BASE], fleet=0))


def test_initial_weights_and_data_have_seeds_of_their_own() -> None:
    """Recipes that share one of the seeds share what it decides, and nothing that it does not."""
    base = Recipe(train_size=32, batch_size=16, corruption="random_labels", max_epochs=1, target_loss=0.0, seed=1)
    other = base.replace(seed=2)

    def images(recipe: Recipe) -> Tensor:
        return data_of(recipe).train_images

    def starts(recipe: Recipe) -> Tensor:
        (run,) = train([recipe], fleet=1)
        return run.initial["1.weight"]

    same_start, same_data = other.replace(init_seed=1), other.replace(data_seed=1)
    assert torch.equal(starts(same_start), starts(base))
    assert not torch.equal(starts(same_data), starts(base))
    assert torch.equal(images(same_data), images(base))
    assert torch.equal(data_of(same_data).train_labels, data_of(base).train_labels)
    assert not torch.equal(images(same_start), images(base))
    (first, second) = (next(iter(train([r], fleet=1))) for r in (base, other.replace(init_seed=1, data_seed=1)))
    assert not torch.equal(first.final["1.weight"], second.final["1.weight"])  # another order of the examples
