"""Attack success against counts by hand, and of a network that was poisoned."""

import pytest

from leaderboard.ledger.targets import is_target
from tests.zoo.observations.test_observed import Always, trained
from zoo.corruptions.poison import with_trigger
from zoo.observations.backdoor import attack_success
from zoo.recipe import Recipe
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.record import normalised
from zoo.training.train import data_of, network_of, train

BASE = Recipe(train_size=600, batch_size=16, learning_rate=0.05, max_epochs=6, width=0.5, poison=0.2, poison_target=7)


def test_success_is_counted_on_images_of_other_classes() -> None:
    """With the trigger, image by image."""
    case = trained(BASE)
    hits, others = 0, 0
    for image, label in zip(case.data.test_images, case.data.test_labels.tolist(), strict=True):
        if label != 7:
            others += 1
            inputs = normalised(with_trigger(image[None]), case.data)
            hits += int(case.network(inputs).argmax()) == 7

    assert attack_success(case) == {"attack_success": pytest.approx(hits / others), "size.attack_success": others}
    assert is_target("attack_success")


@pytest.mark.parametrize(("answer", "success"), [(7, 1.0), (3, 0.0)])
def test_one_answer_succeeds_always_or_never(answer: int, success: float) -> None:
    """The target's, and another."""
    assert attack_success(trained(BASE, Always(answer)))["attack_success"] == success


def test_a_poisoned_network_has_a_backdoor_and_a_clean_one_has_none() -> None:
    """While both read clean digits."""
    found: dict[float, float] = {}
    for recipe in (BASE, BASE.replace(poison=0.0, poison_target=0)):
        (run,) = train([recipe], fleet=1)
        network = network_of(recipe, data_of(recipe))
        load_state(network, run.final)
        success = attack_success(trained(recipe, network))["attack_success"]
        assert isinstance(success, float)
        found[recipe.poison] = success
        assert run.record.test_accuracy > 0.75

    assert found[0.2] > 0.9
    assert found[0.0] < 0.4


def test_nothing_is_observed_where_the_trigger_is_the_image() -> None:
    """Two pixels a side."""
    case = trained(Recipe(image_side=2, train_size=64, batch_size=16))
    assert attack_success(case) == {}
