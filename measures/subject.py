"""`Subject`: one trained network and its training data, as measures see them."""

import copy
import hashlib
from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeVar, cast

import torch
from torch import Tensor, nn

from measures.errors import InvalidSubjectError, UndeclaredNeedError, UnsupportedModelError
from measures.pass_cache import PassCache
from measures.private_copy import frozen_copy, unwrapped
from measures.pure_forward import PureForward
from measures.state_checks import check_checkpoints, check_state
from measures.subject_checks import (
    as_inputs,
    check_classes,
    check_data,
    check_network,
    dense_copy,
    device_and_dtype,
    first_not_finite,
    require_no_bytes,
)
from measures.training_history import Refit, Trajectory

Need = Literal["init", "twin", "unlabeled", "trajectory", "refit"]

T = TypeVar("T")

TOKENS: Final = "Its inputs are token ids, which cannot be moved, mixed or differentiated."

CHUNK: Final = 256  # examples a forward pass: bounds memory, and no score depends on it beyond rounding
KEYED: Final = 256  # examples converted to float64 at once; a power of two: BLAS then sums each row as in one product


def seed_for(*names: object) -> int:
    """A 63-bit seed that depends on the names alone, the same on every machine and in every process."""
    digest = hashlib.sha256("\0".join(map(str, names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Subject:
    """One trained network and its training data, as measures see them: no test label, gap, path or recipe.

    Every parameter counts, also one that does not require gradients: a network frozen for inference is the network that
    was trained. Everything lies on one device and in one floating dtype, those of the network; a network of half
    precision is scored in float32, to which its weights convert exactly. Token ids stay integers. The network is a
    private copy in eval mode, whose parameters do not require gradients: measures differentiate through `forward`, a
    pure function.

    Args:
        model: the trained network, inputs [n, ...] to logits [n, k].
        inputs: training inputs [n, c, h, w], normalised as the network expects them.
        labels: the labels [n] that it was trained on, 0 to k - 1.
        init_state: `state_dict` at initialization, for measures that need "init".
        twin: a second network of the same recipe from another seed, for measures that need "twin".
        unlabeled: inputs [m, c, h, w] without labels, for measures that need "unlabeled".
        trajectory: checkpoints and losses along training, for measures that need "trajectory".
        refit: trains networks by the same recipe on other data, for measures that need "refit".
        seed: decides every draw; the same seed gives the same scores.

    Raises:
        InvalidSubjectError: shapes or types do not fit together, labels are out of range, inputs are not finite, or
            the network cannot be scored: it has no weights or a single logit, fails on the inputs or modifies them, is
            random, depends on the rest of the batch, or cannot be differentiated; the message says which.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor,
        labels: Tensor,
        *,
        init_state: Mapping[str, Tensor] | None = None,
        twin: nn.Module | None = None,
        unlabeled: Tensor | None = None,
        trajectory: Trajectory | None = None,
        refit: Refit | None = None,
        seed: int = 0,
    ) -> None:
        network = unwrapped(model)
        self.device, self.dtype = device_and_dtype(network)
        self.model = frozen_copy(network, self.device, self.dtype)
        self._pure_forward = PureForward(self.model)
        self.params: dict[str, Tensor] = {name: p.detach() for name, p in self.model.named_parameters()}
        self.buffers: dict[str, Tensor] = {name: b.detach() for name, b in self.model.named_buffers()}
        self.inputs = as_inputs(self.model, dense_copy("inputs", inputs).to(self.device), self.dtype)
        self._labels: Tensor | None = dense_copy("labels", labels).to(self.device)
        self.seed = seed
        self._init_state = (
            None if init_state is None else check_state(self.params, init_state, self.model.state_dict().keys())
        )
        self._unlabeled: Tensor | None = None
        if unlabeled is not None:
            given = dense_copy("unlabeled", unlabeled)
            require_no_bytes("unlabeled", given)
            self._unlabeled = given.to(self.device, self.inputs.dtype)
        names = {*self.model.state_dict(), *self.buffers}
        self._trajectory = None if trajectory is None else check_checkpoints(self.params, trajectory, names)
        self._refit = refit
        self._granted: frozenset[Need] = frozenset()
        self._cache = PassCache()
        self._weights_only_view: Subject | None = None
        check_data(self.inputs, self.labels, self._unlabeled)
        self.num_classes = check_network(self.model, self.inputs, self.dtype)
        check_classes(self.labels, self.num_classes)
        self._twin = None if twin is None else self._check_twin(twin)
        self._not_finite: dict[str, str] = {}

    @property
    def labels(self) -> Tensor:
        """The labels [n] that it was trained on, 0 to k - 1.

        Raises:
            UndeclaredNeedError: for a measure that is declared to see weights only.
        """
        if self._labels is None:
            raise UndeclaredNeedError("A measure that reads labels must not be declared weights_only=True.")
        return self._labels

    # -- parts that a measure must declare ---------------------------------------------------------------------------

    @property
    def init_params(self) -> dict[str, Tensor]:
        """Parameters at initialization, by name; needs "init"."""
        state = self._require_need("init", self._init_state)
        return {name: state[name] for name in self.params}

    @property
    def init_buffers(self) -> dict[str, Tensor]:
        """Buffers at initialization, by name; needs "init"."""
        state = self._require_need("init", self._init_state)
        return {name: state.get(name, value) for name, value in self.buffers.items()}

    @property
    def twin(self) -> nn.Module:
        """A second network of the same recipe from another seed; needs "twin"."""
        return self._require_need("twin", self._twin)

    @property
    def unlabeled(self) -> Tensor:
        """Inputs [m, c, h, w] of the test distribution without labels; needs "unlabeled"."""
        return self._require_need("unlabeled", self._unlabeled)

    @property
    def trajectory(self) -> Trajectory:
        """Checkpoints and losses along training; needs "trajectory"."""
        return self._require_need("trajectory", self._trajectory)

    @property
    def refit(self) -> Refit:
        """Trains networks by the recipe of this one on other data; needs "refit"."""
        return self._require_need("refit", self._refit)

    def _require_need(self, need: Need, part: T | None) -> T:
        if need not in self._granted:
            raise UndeclaredNeedError(f"A measure that uses {need!r} must declare it; add needs={{{need!r}}}.")
        if part is None:
            raise UnsupportedModelError(f"The measure needs {need!r}, which was not given.")
        return part

    def _with_needs(self, needs: frozenset[Need]) -> "Subject":
        """The same subject with the parts of these needs accessible; shared results stay shared.

        Raises:
            UnsupportedModelError: the weights, or the parts of these needs, contain NaN or Inf.
        """
        for part in ("weights", *sorted(needs)):
            if part not in self._not_finite:
                self._not_finite[part] = self._find_not_finite(part)
            if self._not_finite[part]:
                raise UnsupportedModelError(self._not_finite[part])
        granted = copy.copy(self)
        granted._granted = needs  # noqa: SLF001  the same class
        return granted

    def without_data(self) -> "Subject":
        """The network with one input of zeros, no labels and a separate cache: for weights-only measures."""
        if self._weights_only_view is None:
            blind = copy.copy(self)
            blind.inputs, blind._labels = torch.zeros_like(self.inputs[:1]), None  # noqa: SLF001  the same class
            blind._unlabeled = blind._trajectory = blind._twin = blind._refit = None  # noqa: SLF001  the same class
            blind._cache, blind._weights_only_view = PassCache(), blind  # noqa: SLF001
            self._weights_only_view = blind
        return self._weights_only_view

    @property
    def given_needs(self) -> frozenset[Need]:
        """The parts beyond the network and its data that were given."""
        parts: dict[Need, object] = {
            "init": self._init_state, "twin": self._twin, "unlabeled": self._unlabeled,
            "trajectory": self._trajectory, "refit": self._refit,
        }  # fmt: skip
        return frozenset(need for need, part in parts.items() if part is not None)

    def pass_seconds(self) -> dict[str, float]:
        """Seconds of each shared pass that has been computed, without those of the passes that it used."""
        return self._cache.own_seconds()

    # -- the network as a function -----------------------------------------------------------------------------------

    @property
    def num_examples(self) -> int:
        """Number of training examples."""
        return len(self.inputs)

    @property
    def has_tokens(self) -> bool:
        """Whether its inputs are token ids, integers that cannot be moved, mixed or differentiated."""
        return not self.inputs.is_floating_point()

    def require_real_inputs(self) -> None:
        """Refuse token ids, for measures that move, mix or differentiate inputs.

        Raises:
            UnsupportedModelError: the inputs are token ids.
        """
        if self.has_tokens:
            raise UnsupportedModelError(TOKENS)

    def forward(self, params: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """Logits [n, k] of `inputs` [n, c, h, w] under other parameters: a pure function, fit for torch.func.

        Raises:
            UnsupportedModelError: real numbers in the place of token ids.
        """
        if inputs.is_floating_point():
            self.require_real_inputs()
        return cast("Tensor", self._pure_forward({**self.buffers, **params}, inputs))

    def logits_of(self, inputs: Tensor) -> Tensor:
        """Logits [n, k] of `inputs` [n, c, h, w] under the trained parameters."""
        return self.forward(self.params, inputs)

    def batches(self, limit: int | None = None, size: int = CHUNK) -> Iterator[tuple[Tensor, Tensor]]:
        """Training inputs [b, c, h, w] and labels [b] in chunks; with `limit`, of the first `limit` of a fixed draw."""
        chosen = self.sample(limit) if limit is not None and limit < self.num_examples else None
        inputs, labels = (self.inputs, self.labels) if chosen is None else (self.inputs[chosen], self.labels[chosen])
        yield from zip(inputs.split(size), labels.split(size), strict=True)

    def sample(self, count: int) -> Tensor:
        """Indices of `count` training examples [count], drawn without replacement, the same at every call.

        The draw follows the content of the examples, not their place, so that a score does not depend on their order.
        """
        return self._cache.get("example_order", self._example_order)[:count]

    def _example_order(self) -> Tensor:
        size = self.inputs[0].numel()
        weights = torch.randn(size, generator=self._cpu_generator("example_order"), dtype=torch.float64).to(self.device)
        chunks = self.inputs.split(KEYED)  # in float32, so that a network in float64 draws the same examples
        key = torch.cat([chunk.reshape(len(chunk), size).float().double() @ weights for chunk in chunks])
        scrambled = torch.frac(torch.sin(key * 12.9898) * 43758.5453).abs()
        return scrambled.argsort(stable=True)

    # -- random numbers ----------------------------------------------------------------------------------------------

    def generator(self, *names: object) -> torch.Generator:
        """A generator on the network's device whose stream depends on the subject's seed and the names alone."""
        return torch.Generator(self.device).manual_seed(seed_for(self.seed, *names))

    def _cpu_generator(self, *names: object) -> torch.Generator:
        return torch.Generator().manual_seed(seed_for(self.seed, *names))

    def _check_twin(self, twin: nn.Module) -> nn.Module:
        network = unwrapped(twin)
        device_and_dtype(network)
        fitting = frozen_copy(network, self.device, self.dtype)
        if (logits := check_network(fitting, self.inputs, self.dtype, "The twin")) != self.num_classes:
            raise InvalidSubjectError(
                f"The twin must return {self.num_classes} logits, as the network does; got {logits}."
            )
        mine, other = (sorted(tuple(p.shape) for p in each) for each in (self.params.values(), fitting.parameters()))
        if mine != other:
            raise InvalidSubjectError(
                "The twin must be of the same architecture, a second network of the same recipe; its parameters have "
                "other shapes."
            )
        return fitting

    def _find_not_finite(self, part: str) -> str:
        """A sentence on the first tensor of the weights, or of a need, that contains NaN or Inf; empty if none does."""
        tensors: dict[str, Tensor] = {}
        match part:
            case "weights":
                tensors = {**self.params, **self.buffers}
            case "init":
                tensors = self._init_state or {}
            case "twin" if self._twin is not None:
                tensors = dict([*self._twin.named_parameters(), *self._twin.named_buffers()])
            case "unlabeled" if self._unlabeled is not None:
                tensors = {"inputs": self._unlabeled}
            case "trajectory" if self._trajectory is not None:
                tensors = self._trajectory.tensors()
        wrong = first_not_finite(tensors)
        owner = {"weights": "The network", "init": "init_state"}.get(part, part)
        return "" if wrong is None else f"{owner} contains NaN or Inf in {wrong!r}."
