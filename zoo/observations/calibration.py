"""Feature calibration: joint distribution of classes and predictions against that of the training labels."""

import torch
from torch import Tensor

from zoo.observations.observed import Observed, Trained, observation


@observation
def feature_calibration(trained: Trained) -> Observed:
    r"""Class noise and what becomes of it on the test set, Nakkiran & Bansal 2020, arXiv:2009.08092.

    Given are, for the joint distribution of true class and label on the training set, p, and of true class and answer
    on the test set, q: `total_variation`,

    .. math:: \frac{1}{2} \sum_{y, l} \lvert p(y, l) - q(y, l) \rvert

    and for the first triple (from, to, probability) of the recipe's class noise, or where there is none for the classes
    3 and 5, `confused_train` and `confused_test`: the share of images of the class `from` that are labelled, and
    answered, `to`; and `others_right`, the test accuracy on all other classes.
    """
    recipe, data = trained.recipe, trained.data
    clean = trained.data_of(recipe.replace(class_noise=(), corruption="true_labels", corruption_p=0.0))
    answers = trained.predictions(data.test_images)
    train = _joint(clean.train_labels, data.train_labels, data.num_classes)
    test = _joint(data.test_labels, answers, data.num_classes)
    source, target, _ = recipe.class_noise[0] if recipe.class_noise else (3, 5, 0.0)
    others = data.test_labels != source
    return {
        "total_variation": float((train - test).abs().sum() / 2),
        "confused_train": float(train[source, target] / train[source].sum()),
        "confused_test": float(test[source, target] / test[source].sum()),
        "others_right": float((answers == data.test_labels)[others].double().mean()),
    }


def _joint(classes: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Shares [k, k] of classes and labels, float64."""
    cells = torch.bincount(classes * num_classes + labels, minlength=num_classes**2)
    return cells.view(num_classes, num_classes).double() / len(classes)
