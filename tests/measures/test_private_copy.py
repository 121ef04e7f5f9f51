"""The private copy of a network: out of its wrappers, without what it kept, in one real dtype."""

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel

from measures.api import Subject
from measures.errors import InvalidSubjectError
from measures.registry import catalog
from measures.scoring import score_subject
from tests.measures.networks import network

DATA = network("mlp")
NAMES = ("l2", "fro_dist", "cross_entropy", "path_length")


def values(model: nn.Module, start: Mapping[str, Any] | None = None) -> dict[str, float | None]:
    """Scores of the weights, the start, the answers and the checkpoints."""
    subject = Subject(
        model, DATA.inputs, DATA.labels, init_state=start or DATA.init_state, trajectory=DATA.parts()["trajectory"]
    )
    return {name: score.value for name, score in score_subject(subject, [catalog()[name] for name in NAMES]).items()}


def compiled_inside(model: nn.Module) -> nn.Module:
    """One part of the network is compiled."""
    copied = copy.deepcopy(model)
    assert isinstance(copied, nn.Sequential)
    copied[3] = torch.compile(copied[3])  # type: ignore[assignment]
    return copied


def compiled_in_place(model: nn.Module) -> nn.Module:
    """The network under its own method `compile`."""
    copied = copy.deepcopy(model)
    copied.compile()
    return copied


WRAPPED: dict[str, Callable[[nn.Module], Any]] = {
    "DataParallel": nn.DataParallel,
    "average": AveragedModel,
    "compiled": torch.compile,
    "compiled twice wrapped": lambda model: nn.DataParallel(torch.compile(model)),
    "compiled inside": compiled_inside,
    "compiled in place": compiled_in_place,
}


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # of torch.compile itself
@pytest.mark.parametrize("wrapper", WRAPPED)
def test_a_wrapped_network_is_the_network(wrapper: str) -> None:
    """Nothing is compiled, and the start has the names of the network inside."""
    expected = values(DATA.model)

    assert None not in expected.values()
    assert values(WRAPPED[wrapper](DATA.model)) == expected


@pytest.mark.parametrize(
    "state",
    [
        {f"module.{name}": value for name, value in DATA.init_state.items()},
        {f"_orig_mod.{name}": value for name, value in DATA.init_state.items()},
        {f"module._orig_mod.{name}": value for name, value in DATA.init_state.items()},
        {"epoch": 3, "state_dict": DATA.init_state},
        {"model": {f"module.{name}": value for name, value in DATA.init_state.items()}},
    ],
)
def test_a_start_may_come_from_a_wrapper_or_a_checkpoint(state: dict[str, Any]) -> None:
    """Prefixes go, and the state is taken out of a checkpoint."""
    assert values(DATA.model, state) == values(DATA.model)


def test_a_start_of_other_names_says_which_it_has() -> None:
    """The first of them."""
    with pytest.raises(InvalidSubjectError, match=r"'1\.weight' is missing\. It holds 'ema\.1\.weight', "):
        values(DATA.model, {f"ema.{name}": value for name, value in DATA.init_state.items()})


class Keeping(nn.Module):
    """A network that keeps its logits in a list, and a hook's object that keeps them in a dictionary."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.kept: list[Tensor] = []
        self.seen: dict[str, Tensor] = {}
        inner.register_forward_hook(self.save)

    def save(self, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        """Keep the output."""
        self.seen["output"] = output

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        self.kept.append(self.inner(x))
        return self.kept[-1]


def test_what_a_network_keeps_of_a_pass_is_no_matter() -> None:
    """It is copied without its history, and the caller's network keeps what it had."""
    model = Keeping(copy.deepcopy(DATA.model).requires_grad_())
    model(DATA.inputs[:3])
    start = {f"inner.{name}": value for name, value in DATA.init_state.items()}
    subject = Subject(model, DATA.inputs, DATA.labels, init_state=start)

    assert torch.equal(subject.logits_of(DATA.inputs), DATA.model(DATA.inputs))
    assert len(model.kept) == 1
    assert model.kept[0].requires_grad
    assert model.seen["output"] is model.kept[0]


def test_what_cannot_be_copied_is_named() -> None:
    """The attribute and its module."""
    model = copy.deepcopy(DATA.model)
    model.get_submodule("3").lock = threading.Lock()  # type: ignore[assignment]

    with pytest.raises(InvalidSubjectError, match=r"must be copyable.*Remove attribute 'lock' of module '3'"):
        Subject(model, DATA.inputs, DATA.labels)


class Turned(nn.Module):
    """A layer, a rotation by complex numbers that are kept in a buffer, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(64, 8), nn.Linear(8, 10)
        self.register_buffer("turns", torch.polar(torch.ones(4), torch.arange(4.0)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        pairs = torch.view_as_complex(self.layer(x.flatten(1)).unflatten(1, (4, 2)))
        return self.head(torch.view_as_real(pairs * self.get_buffer("turns")).flatten(1))  # type: ignore[no-any-return]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_complex_buffers_stay_complex(dtype: torch.dtype) -> None:
    """The loss is that of the caller's network, in half precision too."""
    torch.manual_seed(0)
    model = Turned()
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    same = copy.deepcopy(model)
    for parameter in same.parameters():
        parameter.data = parameter.data.float()
    x = DATA.inputs.float()
    scores = score_subject(Subject(model, x, DATA.labels), [catalog()["cross_entropy"]])

    assert scores["cross_entropy"].value == pytest.approx(float(cross_entropy(same(x), DATA.labels).detach()), rel=1e-6)


def test_complex_parameters_are_refused_by_name() -> None:
    """No measure knows what to do with them."""
    model = Turned()
    del model.turns
    model.turns = nn.Parameter(torch.ones(4, dtype=torch.complex64))

    with pytest.raises(InvalidSubjectError, match="real parameters; got complex 'turns'"):
        Subject(model, DATA.inputs, DATA.labels)


def test_checkpointing_of_known_libraries_is_switched_off() -> None:
    """In the copy, not in the caller's network."""

    class Switched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.grad_checkpointing = DATA.model, True

        def forward(self, x: Tensor) -> Tensor:
            if self.grad_checkpointing:
                return torch.utils.checkpoint.checkpoint(self.inner, x, use_reentrant=False)  # type: ignore[no-any-return]
            return self.inner(x)  # type: ignore[no-any-return]

    model = Switched()
    subject = Subject(model, DATA.inputs, DATA.labels)

    assert torch.equal(subject.logits_of(DATA.inputs), DATA.model(DATA.inputs))
    assert model.grad_checkpointing
