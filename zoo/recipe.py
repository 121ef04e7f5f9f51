"""Define `Recipe`, every choice that decides a training run, and its `run_id`."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Optional, Self

from zoo.corruptions import ClassNoise, CommonCorruption, Corruption, DataSpec, ShiftOn, Unlabeled
from zoo.errors import RecipeError
from zoo.recipe_checks import require_possible
from zoo.recipe_fields import (
    AT_LEAST_ONE,
    AT_LEAST_ZERO,
    BELOW_ONE,
    POSITIVE,
    POSITIVE_OR_NONE,
    PROBABILITY,
    SHARE,
    STABLE_TAIL,
    Augmentation,
    Checkpoints,
    DataOrder,
    Loss,
    Optimizer,
    Redrawn,
    Rewind,
    Schedule,
    Stem,
    traits,
    traits_of,
)

DATA_FIELDS: Final = tuple(field.name for field in dataclasses.fields(DataSpec))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Every choice that decides a training run.

    Attributes:
        dataset: name of the image set, see `gapbench list datasets`; `teacher:dim=200` and the like are drawn, see
            zoo.data.synthetic.
        classes: the classes that are kept, ascending, and renumbered from 0; all of them if empty.
        merged: for each kept class the one that it becomes part of, numbered from 0; classes as they are if empty.
        image_side: that images are shrunk to, each pixel the mean of a block; as they are if None.
        train_size: training examples, a stratified subset; all of them if None.
        train_part: which of several disjoint subsets of `train_size`, numbered from 0, for networks of one data seed.
        imbalance: ratio of the first class's share that is kept of the subset to that of the last, Cui et al. 2019.
        pairs: rounds of pairs of images with one label, 2 c channels each; 0 for images one by one.
        corruption: what is done to the data, the conditions of Zhang et al. 2017.
        corruption_p: for "partial_labels", the probability that a label is replaced by a uniformly random class.
        class_noise: (from, to, probability) triples: a training image of one class is labelled as another.
        label_resampling: the probability that a label is replaced by another, uniformly random class, at each step.
        shift: a common corruption of the images, Hendrycks & Dietterich 2019, after the condition; none if None.
        severity: of the shift, 1 to 5; 0 without one.
        shift_on: which images the shift changes.
        poison: share of the training images that get a trigger patch and the label `poison_target`, Gu et al. 2017.
        poison_target: the class of poisoned images; 0 without them.
        unlabeled: which test images measures see without labels: "none", or "half_of_test" for one half of them, the
            gap being measured on the other half alone.
        model: a family of `FAMILIES`, sized to the image, one of `SOLVED`, or the name of any timm model.
        width: multiplies the channels of a family; see `SOLVED` for those; 1 for a timm model by name.
        bandwidth: of a kernel, multiplies the median distance between training examples.
        depth: blocks or hidden layers of a family; 2 for a timm model by name.
        stem: "fitted" gives a timm model by name first layers that keep the resolution of small images, see
            zoo.models.stems; "none" leaves them as they are.
        batch_norm: False takes batch norm out of a network that has it.
        dropout: probability with which units before the last layer (mlp: of every hidden layer) are dropped.
        rank: share of the full rank that every layer but the last is factorised to; 1 for layers as they are.
        sparsity: share of the weights of every layer that is zero from initialization on, at random.
        loss: cross-entropy, or half the squared distance from the one-hot label.
        label_smoothing: share of the target that is spread evenly over the classes; of cross-entropy.
        spectral_decoupling: lambda of lambda / 2 times the mean squared norm of the logits, Pezeshki et al. 2020.
        vector_scaling: gamma of the vector-scaling loss, Kini et al. 2021: logits times (n_y / n_max)^gamma.
        teacher: recipe of a network whose softmax is learned in place of the labels; none if None.
        optimizer: SGD with momentum or AdamW, as torch.optim defines them.
        learning_rate: at the start; see `schedule`.
        schedule: of the learning rate over `max_epochs`, see zoo.training.schedules.
        momentum: of SGD; AdamW has its own betas (0.9, 0.999).
        weight_decay: L2 term of the gradient in SGD, decoupled in AdamW; the ridge of what is solved.
        clip_norm: longest gradient; longer ones are scaled down to it; none if None.
        noise_scale: of symmetric alpha-stable noise on every coordinate of the gradient, before clipping.
        noise_tail: its index alpha in (0, 2]; 2 is Gaussian.
        noise_batch: 0 for that noise. Otherwise each step follows the gradient of the first so many examples of its
            batch, plus `noise_scale` times a Pareto factor of index `noise_tail` times the difference of that gradient
            from the whole batch's, Wang et al. 2021.
        batch_size: examples a step; the last, smaller batch of an epoch is dropped.
        data_order: in which the examples come, see zoo.training.data_order.
        augmentation: of training images: random crops of the padded image, flips, each example its own.
        adversarial_radius: of PGD on the training images, in grey levels of 255, in the maximum norm; 0 for none.
        adversarial_steps: of PGD.
        pretrain_copies: copies of every image, each under a random label, that are fitted before the task;
            0 for no such pretraining. Liu et al. 2020.
        pretrain_erasure: share of the entries of each copy that is zeroed.
        pretrain_epochs: pretraining ends here if its target was not reached.
        pretrain_target_loss: at which pretraining ends.
        source: recipe of a network whose trained weights are the start; fresh ones if None.
        pretrained: weights to start from, all but those of the head: the path of a safetensors file, or "timm" or
            "timm:TAG" for those that timm downloads; fresh ones if None. Distances are measured from this start.
        tuned_layers: names of modules, or the beginnings of names, that are trained; all of them if empty.
        frozen_layers: names of modules, or the beginnings of names, that keep the weights that they start with; their
            batch norm still counts its running mean and variance. None of them if empty.
        prune: share of the weights that is removed, smallest first, after training; 0 for none.
        prune_rounds: in how many rounds, each followed by training.
        rewind: what each round goes back to `rewind_epoch` with: weights and learning rate, or the rate alone.
        rewind_epoch: the epoch that training is rewound to.
        checkpoints: "doubling" keeps and evaluates the network after 1, 2, 4, 8 ... epochs, "fourfold" after 1, 4 ...
        max_epochs: the run ends here if the target was not reached.
        target_loss: training loss without penalties (cross-entropy in nats), in eval mode over all training examples,
            at which the run ends.
        seed: decides initialization, data order, subset, corruption and everything else that is drawn, each through a
            separate stream.
        init_seed: decides the initial weights in its place; for networks that differ in those alone, or in all else.
        data_seed: decides subset, corruption and pairs in its place.

    Raises:
        RecipeError: a choice that is impossible or that contradicts another; the message names the fields.
        UnknownModelError: no such model.
    """

    dataset: str = field(default="digits", metadata=traits(shared=True, solved=True))
    classes: tuple[int, ...] = field(default=(), metadata=traits(shared=True, solved=True))
    merged: tuple[int, ...] = field(default=(), metadata=traits(shared=True, solved=True))
    image_side: int | None = field(default=None, metadata=traits(shared=True, solved=True))
    train_size: int | None = field(default=None, metadata=traits(shared=True, solved=True, redrawn="count"))
    train_part: int = field(default=0, metadata=traits(AT_LEAST_ZERO, pretraining=True, solved=True))
    imbalance: float = field(default=1.0, metadata=traits(shared=True, solved=True))
    pairs: int = field(default=0, metadata=traits(shared=True, solved=True))
    corruption: Corruption = field(default="true_labels", metadata=traits(pretraining=True, solved=True))
    corruption_p: float = field(default=0.0, metadata=traits(pretraining=True, solved=True))
    class_noise: ClassNoise = field(default=(), metadata=traits(pretraining=True, solved=True))
    label_resampling: float = field(default=0.0, metadata=traits(PROBABILITY))
    shift: CommonCorruption | None = field(default=None, metadata=traits(pretraining=True, solved=True))
    severity: int = field(default=0, metadata=traits(pretraining=True, solved=True))
    shift_on: ShiftOn = field(default="both", metadata=traits(pretraining=True, solved=True))
    poison: float = field(default=0.0, metadata=traits(pretraining=True, solved=True))
    poison_target: int = field(default=0, metadata=traits(pretraining=True, solved=True))
    unlabeled: Unlabeled = field(default="none", metadata=traits(solved=True))
    model: str = field(default="mlp", metadata=traits(shared=True, solved=True))
    width: float = field(default=1.0, metadata=traits(POSITIVE, shared=True, solved=True, redrawn="count"))
    bandwidth: float = field(default=1.0, metadata=traits(POSITIVE, solved=True))
    depth: int = field(default=2, metadata=traits(AT_LEAST_ONE, shared=True, redrawn="count"))
    stem: Stem = field(default="none", metadata=traits(shared=True))
    batch_norm: bool = field(default=True, metadata=traits(shared=True))
    dropout: float = field(default=0.0, metadata=traits(BELOW_ONE, shared=True, redrawn="share"))
    rank: float = field(default=1.0, metadata=traits(SHARE, shared=True))
    sparsity: float = field(default=0.0, metadata=traits(BELOW_ONE))
    loss: Loss = field(default="cross_entropy", metadata=traits(shared=True))
    label_smoothing: float = field(default=0.0, metadata=traits(BELOW_ONE))
    spectral_decoupling: float = field(default=0.0, metadata=traits(AT_LEAST_ZERO))
    vector_scaling: float = field(default=0.0, metadata=traits(AT_LEAST_ZERO))
    teacher: Optional["Recipe"] = None
    optimizer: Optimizer = field(default="sgd", metadata=traits(shared=True))
    learning_rate: float = field(default=0.1, metadata=traits(POSITIVE, pretraining=True, redrawn="rate"))
    schedule: Schedule = "constant"
    momentum: float = field(default=0.9, metadata=traits(BELOW_ONE))
    weight_decay: float = field(default=0.0, metadata=traits(AT_LEAST_ZERO, solved=True, redrawn="rate"))
    clip_norm: float | None = field(default=None, metadata=traits(POSITIVE_OR_NONE))
    noise_scale: float = field(default=0.0, metadata=traits(AT_LEAST_ZERO))
    noise_tail: float = field(default=2.0, metadata=traits(STABLE_TAIL))
    noise_batch: int = field(default=0, metadata=traits(AT_LEAST_ZERO))
    batch_size: int = field(default=32, metadata=traits(AT_LEAST_ONE, shared=True))
    data_order: DataOrder = "full"
    augmentation: Augmentation = "none"
    adversarial_radius: float = field(default=0.0, metadata=traits(AT_LEAST_ZERO, shared=True))
    adversarial_steps: int = field(default=1, metadata=traits(AT_LEAST_ONE, shared=True))
    pretrain_copies: int = field(default=0, metadata=traits(AT_LEAST_ZERO))
    pretrain_erasure: float = field(default=0.0, metadata=traits(BELOW_ONE))
    pretrain_epochs: int = field(default=200, metadata=traits(AT_LEAST_ONE))
    pretrain_target_loss: float = field(default=0.01, metadata=traits(AT_LEAST_ZERO))
    source: Optional["Recipe"] = None
    pretrained: str | None = field(default=None, metadata=traits(shared=True))
    tuned_layers: tuple[str, ...] = ()
    frozen_layers: tuple[str, ...] = ()
    prune: float = field(default=0.0, metadata=traits(BELOW_ONE))
    prune_rounds: int = field(default=1, metadata=traits(AT_LEAST_ONE))
    rewind: Rewind = "weights"
    rewind_epoch: int = field(default=0, metadata=traits(AT_LEAST_ZERO))
    checkpoints: Checkpoints = "none"
    max_epochs: int = field(default=200, metadata=traits(AT_LEAST_ONE))
    target_loss: float = field(default=0.01, metadata=traits(AT_LEAST_ZERO))
    seed: int = field(default=0, metadata=traits(pretraining=True, solved=True, redrawn="seed"))
    init_seed: int | None = field(default=None, metadata=traits(pretraining=True, solved=True, redrawn="seed"))
    data_seed: int | None = field(default=None, metadata=traits(pretraining=True, solved=True, redrawn="seed"))

    def __post_init__(self) -> None:
        require_possible(self)

    @property
    def data(self) -> DataSpec:
        """The changes to the data set."""
        own = {name: getattr(self, name) for name in DATA_FIELDS}
        return DataSpec(**own | {"seed": self.seed if self.data_seed is None else self.data_seed})

    @property
    def initial_seed(self) -> int:
        """The seed of the initial weights."""
        return self.seed if self.init_seed is None else self.init_seed

    @property
    def run_id(self) -> str:
        """Readable prefix and a hash of the fields that differ from their defaults, so a new field renames nothing."""
        digest = hashlib.sha256(json.dumps(self.changed(), sort_keys=True).encode()).hexdigest()
        kind = self.dataset.partition(":")[0]  # without the parameters of what is synthetic
        return f"{kind}-{self.model}-{self.corruption}-{digest[:12]}"

    def changed(self) -> dict[str, Any]:
        """The fields that differ from their defaults, by name; another recipe as its own changed fields."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return {
            name: value.changed() if isinstance(value, Recipe) else value
            for name, value in values.items()
            if value != defaults[name]
        }

    def replace(self, **changes: Any) -> Self:
        """The same recipe with other choices."""
        return dataclasses.replace(self, **changes)

    @property
    def builds_on(self) -> dict[str, "Recipe"]:
        """The recipes that are trained before it, by the field that names them."""
        return {name: other for name in ("teacher", "source") if (other := getattr(self, name)) is not None}

    def on(self, dataset: str) -> Self:
        """The same recipe on another image set, and so is all that it builds on."""
        return self.replace(dataset=dataset, **{name: other.on(dataset) for name, other in self.builds_on.items()})

    @classmethod
    def from_changed(cls, changed: Mapping[str, Any]) -> Self:
        """The recipe whose `changed()` this is, also after a way through JSON.

        Raises:
            RecipeError: a field that recipes do not have: the record comes from another version.
        """
        unknown = set(changed) - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise RecipeError(f"A recipe must have known fields; got {', '.join(sorted(unknown))}.")
        return cls(**{name: cls._restored(value) for name, value in changed.items()})

    @classmethod
    def _restored(cls, value: Any) -> Any:
        """Tuples and recipes, which JSON knows as lists and objects."""
        if isinstance(value, Mapping):
            return cls.from_changed(value)
        return tuple(cls._restored(item) for item in value) if isinstance(value, list) else value


TRAITS: Final = traits_of(Recipe)


def redrawn(kind: Redrawn) -> tuple[str, ...]:
    """The fields that a held-out zoo draws in this way."""
    return tuple(name for name, about in TRAITS.items() if about.redrawn == kind)


def with_others(recipes: Iterable[Recipe]) -> Iterator[Recipe]:
    """The recipes, and those that they build on."""
    for recipe in recipes:
        yield recipe
        yield from with_others(recipe.builds_on.values())
