"""Refuse recipes with an impossible choice, or with two that contradict each other."""

from typing import TYPE_CHECKING, Any, Final, get_args

from zoo.data.synthetic import is_synthetic, synthetic
from zoo.errors import RecipeError, UnknownModelError, suggestion
from zoo.models.timm_names import timm_names
from zoo.recipe_fields import (
    FAMILIES,
    KERNELS,
    LINEAR,
    SOLVED,
    Augmentation,
    Checkpoints,
    DataOrder,
    Loss,
    Optimizer,
    Rewind,
    Schedule,
    Stem,
    traits_of,
)
from zoo.recipe_types import require_types

if TYPE_CHECKING:
    from zoo.recipe import Recipe  # which calls these checks

CHOICES: Final = {
    "optimizer": Optimizer, "loss": Loss, "schedule": Schedule, "data_order": DataOrder, "augmentation": Augmentation,
    "rewind": Rewind, "checkpoints": Checkpoints, "stem": Stem,
}  # fmt: skip
WITH_BATCH_NORM: Final = ("nin", "resnet")  # of the families
FROM_TIMM: Final = "timm"  # the weights that timm has for a model
WITHOUT_FACTORS: Final = ("nf_resnet",)  # its convolutions standardise their weights, which factors would undo


def require_possible(recipe: "Recipe") -> None:
    """Refuse a recipe that cannot be trained as it says.

    Raises:
        RecipeError: a choice that is impossible or that contradicts another; the message names the fields.
        UnknownModelError: no such model.
    """
    require_types(recipe)
    _single_fields(recipe)
    _ = recipe.data  # checks itself
    if is_synthetic(recipe.dataset):
        synthetic(recipe.dataset)  # checks its parameters
        _at_odds(recipe, "dataset", "image_side", "shift", "augmentation", "adversarial_radius")
    if recipe.corruption == "partial_labels" and recipe.corruption_p == 0:
        raise RecipeError("corruption_p must be above 0 with corruption='partial_labels'; got 0. Use 'true_labels'.")
    if recipe.model in SOLVED:
        _solved(recipe)
        return
    if recipe.train_size is not None and recipe.train_size * max(recipe.pairs, 1) < recipe.batch_size:
        raise RecipeError(
            f"batch_size must be at most train_size; got batch_size={recipe.batch_size} with "
            f"train_size={recipe.train_size}."
        )
    if recipe.model not in FAMILIES:
        _timm_name(recipe)
    _network(recipe)
    _objective(recipe)
    _optimization(recipe)
    _phases(recipe)
    _other_recipes(recipe)


def require_a_batch(recipe: "Recipe", num_examples: int) -> None:
    """Refuse a batch larger than the training set that data and imbalance leave, of which no step could be taken.

    Raises:
        RecipeError: see above.
    """
    if recipe.model not in SOLVED and num_examples < recipe.batch_size:
        raise RecipeError(
            f"batch_size must be at most the number of training examples; got {recipe.batch_size} with {num_examples} "
            f"examples of {recipe.dataset!r} (train_size={recipe.train_size}, imbalance={recipe.imbalance:g})."
        )


def _single_fields(recipe: "Recipe") -> None:
    for name, choices in CHOICES.items():
        value = getattr(recipe, name)
        _require(value in get_args(choices), name, value, f"be one of {', '.join(get_args(choices))}")
    _require(bool(recipe.dataset.strip()), "dataset", recipe.dataset, "name an image set")
    for name, traits in traits_of(type(recipe)).items():
        if traits.within is not None:
            _require(traits.within.holds(getattr(recipe, name)), name, getattr(recipe, name), traits.within.must)


def _solved(recipe: "Recipe") -> None:
    without = {"width", "weight_decay"} if recipe.model == "theorem1" else set()
    without |= {"width"} if recipe.model in ("kernel_gabor", *LINEAR) else set()
    without |= {"weight_decay"} if recipe.model in ("gradient_descent", "max_margin") else set()
    without |= set() if recipe.model in KERNELS else {"bandwidth"}
    steps = {"learning_rate", "max_epochs"} if recipe.model == "gradient_descent" else set()
    allowed = [
        name
        for name, traits in traits_of(type(recipe)).items()
        if (traits.solved and name not in without) or name in steps
    ]
    given = [f"{name}={value!r}" for name, value in recipe.changed().items() if name not in allowed]
    if given:
        raise RecipeError(
            f"Only {', '.join(allowed)} mean something for {recipe.model!r}, "
            f"which is solved and not trained; got {', '.join(given)}."
        )


def _timm_name(recipe: "Recipe") -> None:
    known = timm_names()
    if recipe.model not in known:
        families = [*FAMILIES, *SOLVED]
        hint = suggestion(recipe.model, [*families, *known], f"Families: {', '.join(families)}; or any timm model.")
        raise UnknownModelError(f"No model is called {recipe.model!r}. {hint}")
    if recipe.width != 1 or recipe.depth != 2:  # noqa: PLR2004  the defaults
        raise RecipeError(
            f"width and depth must keep their defaults for the timm model {recipe.model!r}, whose name fixes both; "
            f"got width={recipe.width}, depth={recipe.depth}."
        )


def _network(recipe: "Recipe") -> None:
    if recipe.bandwidth != 1:
        raise RecipeError(
            f"bandwidth must be 1 with model={recipe.model!r}, for only {', '.join(KERNELS)} have one; got "
            f"{recipe.bandwidth}."
        )
    if recipe.stem != "none" and recipe.model in FAMILIES:
        raise RecipeError(
            f"stem must be 'none' with model={recipe.model!r}, which is sized to the image; got {recipe.stem!r}."
        )
    if not recipe.batch_norm and recipe.model in FAMILIES and recipe.model not in WITH_BATCH_NORM:
        raise RecipeError(
            f"batch_norm must be True with model={recipe.model!r}, which has none to take out; got False. "
            f"Of the families {' and '.join(WITH_BATCH_NORM)} have it."
        )
    if recipe.rank < 1 and recipe.model in WITHOUT_FACTORS:
        raise RecipeError(
            f"rank must be 1 with model={recipe.model!r}, whose standardised weights have no factors; "
            f"got {recipe.rank}."
        )


def _objective(recipe: "Recipe") -> None:
    if recipe.loss == "squared_error":
        _at_odds(recipe, "loss", "label_smoothing", "vector_scaling", "teacher")
    if recipe.teacher is not None:
        _at_odds(recipe, "teacher", "label_smoothing", "vector_scaling", "label_resampling")


def _optimization(recipe: "Recipe") -> None:
    if recipe.noise_scale == 0:
        _at_odds(recipe, "noise_scale", "noise_tail", "noise_batch")
    if recipe.noise_batch:
        _at_odds(recipe, "noise_batch", "label_smoothing", "spectral_decoupling", "teacher")
        if recipe.noise_batch >= recipe.batch_size:
            raise RecipeError(
                f"noise_batch must be below batch_size, for the noise is the difference of their gradients; got "
                f"{recipe.noise_batch} with batch_size={recipe.batch_size}."
            )
    if recipe.adversarial_radius == 0:
        _at_odds(recipe, "adversarial_radius", "adversarial_steps")


def _phases(recipe: "Recipe") -> None:
    if recipe.pretrain_copies == 0:
        _at_odds(recipe, "pretrain_copies", "pretrain_erasure", "pretrain_epochs", "pretrain_target_loss")
    else:
        _at_odds(recipe, "pretrain_copies", "source", "pretrained")
    if recipe.prune == 0:
        _at_odds(recipe, "prune", "prune_rounds", "rewind", "rewind_epoch")
    if recipe.rewind_epoch >= recipe.max_epochs:
        raise RecipeError(
            f"rewind_epoch must be below max_epochs, for nothing is pruned before it was trained; got "
            f"rewind_epoch={recipe.rewind_epoch} with max_epochs={recipe.max_epochs}."
        )
    if recipe.pretrained is not None:
        _pretrained(recipe, recipe.pretrained)
    started = recipe.source is not None or recipe.pretrained is not None or recipe.pretrain_copies > 0
    for name in ("tuned_layers", "frozen_layers"):
        if (layers := getattr(recipe, name)) and not started:
            raise RecipeError(
                f"{name} must be empty without a source, pretrained or pretrain_copies, for there are no trained "
                f"weights to keep; got {layers}."
            )
    if recipe.frozen_layers:
        _at_odds(recipe, "frozen_layers", "tuned_layers")


def _pretrained(recipe: "Recipe", weights: str) -> None:
    _at_odds(recipe, "pretrained", "source")
    from_timm = weights.partition(":")[0] == FROM_TIMM
    if not (from_timm or weights.endswith(".safetensors")):
        raise RecipeError(
            f"pretrained must be the path of a file that ends in .safetensors, 'timm' or 'timm:TAG'; got {weights!r}."
        )
    if from_timm and recipe.model in FAMILIES:
        raise RecipeError(
            f"pretrained must be a file with model={recipe.model!r}, for which timm has no weights; got {weights!r}."
        )


def _other_recipes(recipe: "Recipe") -> None:
    for name in ("teacher", "source"):
        other: Recipe | None = getattr(recipe, name)
        if other is None:
            continue
        if not isinstance(other, type(recipe)):
            raise RecipeError(f"{name} must be a Recipe or None; got {other!r}.")
        if other.model in SOLVED:
            raise RecipeError(f"{name} must be trained; got model={other.model!r}, which is solved.")
        if other.pairs != recipe.pairs:
            raise RecipeError(f"{name} must see images as the recipe does; got pairs={other.pairs} and {recipe.pairs}.")
    if recipe.teacher is not None and _task(recipe) != _task(recipe.teacher):
        raise RecipeError(
            f"teacher must have the dataset, classes, merged and image_side of the recipe; got {_task(recipe.teacher)} "
            f"with {_task(recipe)}."
        )
    shape = ("model", "width", "depth", "stem", "batch_norm", "rank")
    if recipe.source is not None:
        differ = [name for name in shape if getattr(recipe, name) != getattr(recipe.source, name)]
        if differ:
            raise RecipeError(f"source must be of the same network; it differs in {', '.join(differ)}.")


def _task(recipe: "Recipe") -> tuple[object, ...]:
    """Images and classes, which a teacher shares."""
    return recipe.dataset, recipe.classes, recipe.merged, recipe.image_side


def _at_odds(recipe: "Recipe", field: str, *others: str) -> None:
    """Refuse others at anything but their defaults beside this field as it is."""
    changed = recipe.changed()
    given = [f"{name}={changed[name]!r}" for name in others if name in changed]
    if given:
        raise RecipeError(
            f"{', '.join(others)} must keep their defaults with {field}={getattr(recipe, field)!r}; "
            f"got {', '.join(given)}."
        )


def _require(condition: bool, name: str, value: Any, must: str) -> None:
    if not condition:
        raise RecipeError(f"{name} must {must}; got {value!r}.")
