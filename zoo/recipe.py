"""Recipe: every choice that decides a training run, and the run_id that follows from it."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Optional, Self

from zoo.corruptions import ClassNoise, CommonCorruption, Corruption, DataSpec, ShiftOn, Unlabeled
from zoo.errors import RecipeError

Optimizer = Literal["sgd", "adamw"]
Loss = Literal["cross_entropy", "squared_error"]
Schedule = Literal["constant", "linear", "cosine", "step", "exponential"]
DataOrder = Literal["full", "none", "corgipile", "corgi2"]
Augmentation = Literal["none", "crop", "flip", "crop_flip"]
Rewind = Literal["weights", "learning_rate"]
Checkpoints = Literal["none", "doubling"]

FAMILIES: Final = {
    "mlp": "plain ReLU network on the flattened image, Flatten-Linear-ReLU-...-Linear",
    "nin": "network in network: per block a 3x3 convolution of stride 2 and two 1x1 convolutions, batch norm, ReLU",
    "resnet": "timm ResNet of basic blocks with batch norm, 3x3 stem without pooling",
    "nf_resnet": "timm NF-ResNet: pre-activation bottlenecks, weight standardization, no normalization layer",
    "vit": "timm vision transformer, 4 x 4 patches",
    "mixer": "timm MLP-Mixer, 4 x 4 patches",
}

SOLVED: Final = {
    "theorem1": "the two-layer ReLU network with 2n + d weights of Zhang et al. 2017, Theorem 1",
    "kernel_gaussian": "Gaussian kernel on pixels, bandwidth `width` times the median distance",
    "kernel_conv": "Gaussian kernel on 64 x `width` random convolutional features of 3x3 pixels, pooled to 4 x 4",
    "random_features": "linear regression on 64 x `width` random ReLU features",
}  # solved instead of trained, see zoo.models.closed_form

DATA_FIELDS: Final = tuple(field.name for field in dataclasses.fields(DataSpec))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Every choice that decides a training run.

    Attributes:
        dataset: name of the image set, see `gapbench list datasets`.
        classes: the classes that are kept, ascending, and numbered anew from 0; all of them if empty.
        merged: for each kept class the one that it becomes part of, numbered from 0; classes as they are if empty.
        train_size: training examples, a stratified subset; all of them if None.
        pairs: rounds of pairs of images with one label, 2 c channels each; 0 for images one by one.
        corruption: what is done to the data, the conditions of Zhang et al. 2017.
        corruption_p: for "partial_labels", the probability that a label is replaced by a uniformly random class.
        class_noise: (from, to, probability) triples: a training image of one class is labelled as another.
        label_resampling: the probability with which a label is another, uniformly random class, drawn anew each step.
        shift: a common corruption of the images, Hendrycks & Dietterich 2019, after the condition; none if None.
        severity: of the shift, 1 to 5; 0 without one.
        shift_on: which images the shift changes.
        unlabeled: which test images measures see without labels: "test" for those on which the gap is measured,
            "half_of_test" for one half of them, the gap being measured on the other half alone.
        model: a family of `FAMILIES`, sized to the image, one of `SOLVED`, or the name of any timm model.
        width: multiplies the channels of a family; see `SOLVED` for those; 1 for a timm model by name.
        depth: blocks or hidden layers of a family; 2 for a timm model by name.
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
        batch_size: examples a step; the last, smaller batch of an epoch is dropped.
        data_order: in which the examples come, see zoo.training.data_order.
        augmentation: of training images: random crops of the padded image, flips, each example its own.
        adversarial_radius: of PGD on the training images, in grey levels of 255, in the maximum norm; 0 for none.
        adversarial_steps: of PGD.
        pretrain_copies: copies of every image, each under labels of its own at random, that are fitted before the task;
            0 for no such pretraining. Liu et al. 2020.
        pretrain_erasure: share of the entries of each copy that is zeroed.
        pretrain_epochs: pretraining ends here if its target was not reached.
        pretrain_target_loss: at which pretraining ends.
        source: recipe of a network whose trained weights are the start; fresh ones if None.
        tuned_layers: names of modules, or the beginnings of names, that are trained; all of them if empty.
        prune: share of the weights that is removed, smallest first, after training; 0 for none.
        prune_rounds: in how many rounds, each followed by training.
        rewind: what each round goes back to `rewind_epoch` with: weights and learning rate, or the rate alone.
        rewind_epoch: the epoch that training is rewound to.
        checkpoints: "doubling" keeps and evaluates the network after 1, 2, 4, 8 ... epochs.
        max_epochs: the run ends here if the target was not reached.
        target_loss: training loss without penalties (cross-entropy in nats), in eval mode over all training examples,
            at which the run ends.
        seed: decides initialization, data order, subset, corruption and all else that is drawn, each through a stream
            of its own.
        init_seed: decides the initial weights in its place; for networks that differ in those alone, or in all else.
        data_seed: decides subset, corruption and pairs in its place, likewise.

    Raises:
        RecipeError: a choice that is impossible or that contradicts another; the message names the fields.
        UnknownModelError: no such model.
    """

    dataset: str = "digits"
    classes: tuple[int, ...] = ()
    merged: tuple[int, ...] = ()
    train_size: int | None = None
    pairs: int = 0
    corruption: Corruption = "true_labels"
    corruption_p: float = 0.0
    class_noise: ClassNoise = ()
    label_resampling: float = 0.0
    shift: CommonCorruption | None = None
    severity: int = 0
    shift_on: ShiftOn = "both"
    unlabeled: Unlabeled = "test"
    model: str = "mlp"
    width: float = 1.0
    depth: int = 2
    batch_norm: bool = True
    dropout: float = 0.0
    rank: float = 1.0
    sparsity: float = 0.0
    loss: Loss = "cross_entropy"
    label_smoothing: float = 0.0
    spectral_decoupling: float = 0.0
    vector_scaling: float = 0.0
    teacher: Optional["Recipe"] = None
    optimizer: Optimizer = "sgd"
    learning_rate: float = 0.1
    schedule: Schedule = "constant"
    momentum: float = 0.9
    weight_decay: float = 0.0
    clip_norm: float | None = None
    noise_scale: float = 0.0
    noise_tail: float = 2.0
    batch_size: int = 32
    data_order: DataOrder = "full"
    augmentation: Augmentation = "none"
    adversarial_radius: float = 0.0
    adversarial_steps: int = 1
    pretrain_copies: int = 0
    pretrain_erasure: float = 0.0
    pretrain_epochs: int = 200
    pretrain_target_loss: float = 0.01
    source: Optional["Recipe"] = None
    tuned_layers: tuple[str, ...] = ()
    prune: float = 0.0
    prune_rounds: int = 1
    rewind: Rewind = "weights"
    rewind_epoch: int = 0
    checkpoints: Checkpoints = "none"
    max_epochs: int = 200
    target_loss: float = 0.01
    seed: int = 0
    init_seed: int | None = None
    data_seed: int | None = None

    def __post_init__(self) -> None:
        from zoo.recipe_checks import require_possible  # it reads recipes

        require_possible(self)

    @property
    def data(self) -> DataSpec:
        """What is done to the data set."""
        own = {name: getattr(self, name) for name in DATA_FIELDS}
        return DataSpec(**own | {"seed": self.seed if self.data_seed is None else self.data_seed})

    @property
    def initial_seed(self) -> int:
        """What decides the initial weights."""
        return self.seed if self.init_seed is None else self.init_seed

    @property
    def run_id(self) -> str:
        """Readable prefix and a hash of the fields that differ from their defaults, so a new field renames nothing."""
        digest = hashlib.sha256(json.dumps(self.changed(), sort_keys=True).encode()).hexdigest()
        return f"{self.dataset}-{self.model}-{self.corruption}-{digest[:12]}"

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


def with_others(recipes: Iterable[Recipe]) -> Iterator[Recipe]:
    """The recipes, and those that they build on."""
    for recipe in recipes:
        yield recipe
        yield from with_others(recipe.builds_on.values())
