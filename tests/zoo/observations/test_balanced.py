"""Balanced error against scikit-learn and by hand."""

import pytest
from sklearn.metrics import balanced_accuracy_score

from leaderboard.ledger.targets import is_target
from tests.zoo.observations.test_observed import Always, trained
from zoo.observations.balanced import balanced_error
from zoo.recipe import Recipe

BASE = Recipe(train_size=300, batch_size=16, width=0.25, imbalance=10)


def test_balanced_error_is_one_minus_the_mean_recall() -> None:
    """As scikit-learn computes it."""
    case = trained(BASE)
    labels, answers = case.data.test_labels.numpy(), case.predictions(case.data.test_images).numpy()
    found = balanced_error(case)

    assert found == {"balanced_error": pytest.approx(1 - balanced_accuracy_score(labels, answers))}
    assert all(map(is_target, found))


def test_one_answer_is_wrong_on_all_classes_but_one() -> None:
    """Nine tenths, whatever the sizes of the classes; a half where only two classes are kept."""
    assert balanced_error(trained(BASE, Always(3))) == {"balanced_error": pytest.approx(0.9)}
    two = balanced_error(trained(BASE.replace(train_size=100, classes=(3, 8)), Always(1)))
    assert two == {"balanced_error": pytest.approx(0.5)}
