"""Success of a backdoor: test images with the trigger that are called the target class."""

from zoo.corruptions.poison import PATCH, with_trigger
from zoo.observations.observed import Observed, Trained, observation


@observation
def attack_success(trained: Trained) -> Observed:
    """Share of the test images of other classes that are called `poison_target` once they have the trigger.

    Gu et al. 2017, arXiv:1708.06733, sec. 4: 1 where the backdoor always works. Of a network that was not poisoned it
    is how often class 0 is answered under the trigger, to compare with. `size.attack_success` is the number of these
    test images. Nothing is observed of images that the trigger would cover.
    """
    data, target = trained.data, trained.recipe.poison_target
    others = data.test_labels != target
    if min(data.test_images.shape[2:]) <= PATCH or not others.any():
        return {}
    called = trained.predictions(with_trigger(data.test_images[others])) == target
    return {"attack_success": float(called.double().mean()), "size.attack_success": float(others.sum())}
