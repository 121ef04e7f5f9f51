"""Trace one forward pass: every torch function call with the activations and the weights that it uses.

Operations that torch functions do not show (custom autograd functions, scripted code) are found in autograd's graph
when their results are used, so that no activation and no parameter drops out of the trace.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from measures.api import Subject, UnsupportedModelError
from measures.autograd_graph import leaves, nodes
from measures.passes.activations.torch_calls import LAYERS, tensors, track_modules

UNSEEN: Final = "an operation that torch does not show"  # in the place of a function's name

# May use a learned matrix without being a layer: it is added, multiplied elementwise or set beside activations.
ELEMENTWISE: Final = {"shift", "sub", "mul", "addcmul", "layer_norm", "cat", "stack", "where", "setitem"}
SPELLINGS: Final = {"iadd": "add", "radd": "add", "isub": "sub", "rsub": "sub", "imul": "mul", "rmul": "mul"} | {
    "div": "mul", "truediv": "mul", "itruediv": "mul"
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One call that makes activations of activations.

    Attributes:
        call: its number among all function calls of the pass, from one; for an operation that torch does not show, that
            of the call that uses its result.
        func: the torch function; None for an operation that torch does not show.
        args: positional arguments.
        kwargs: named arguments.
        module: name of the innermost module whose forward pass is under way.
        inputs: numbers of the activations used, by the id of the tensor.
        outputs: numbers of the activations made, with their tensors.
        differentiable: whether its outputs have a gradient; they have none inside an autograd function.
        weights: names of the parameters that each weight among the arguments is computed from, by the tensor's id.
        owned: names of the parameters that an operation which torch does not show uses.
    """

    call: int
    func: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    module: str
    inputs: Mapping[int, int]
    outputs: tuple[tuple[int, Tensor], ...]
    differentiable: bool
    weights: Mapping[int, frozenset[str]]
    owned: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name of the function."""
        return UNSEEN if self.func is None else self.func.__name__.strip("_")

    @property
    def operation(self) -> str:
        """The name of an operation on activations: one for its spellings, and "shift" and "scale" for constants."""
        name = SPELLINGS.get(self.name, self.name)
        if self.func in LAYERS:
            return f"{name} with a computed kernel"
        others = [other for other in (*self.args, *self.kwargs.values()) if id(other) not in self.inputs]
        if name == "add" and others:
            return "shift"
        if name == "mul" and all(isinstance(other, int | float) and other > 0 for other in others) and others:
            return "scale"
        return name

    def matrices(self) -> Iterator[tuple[Tensor | None, frozenset[str]]]:
        """Weights of more than one dimension among the arguments, and the parameters that they are computed from."""
        for tensor in tensors((self.args, dict(self.kwargs))):
            if id(tensor) in self.weights and tensor.dim() > 1:
                yield tensor, self.weights[id(tensor)]
        if self.owned:
            yield None, self.owned


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One forward pass.

    Attributes:
        steps: the calls that make activations of activations, in the order of execution.
        output: number of the logits; the input is number 0.
        state: parameters and buffers by name.
        params: the copies of the parameters that the pass used, by name.
    """

    steps: list[Step]
    output: int
    state: Mapping[str, Tensor]
    params: Mapping[str, Tensor]

    def value(self, weight: Tensor) -> Tensor:
        """A weight without its history: the parameter itself where it is one."""
        name = next((name for name, param in self.params.items() if param is weight), None)
        return weight.detach() if name is None else self.state[name]


def trace(subject: Subject, state: Mapping[str, Tensor], rows: int = 1) -> Trace:
    """Trace the network with these parameters and buffers on `rows` copies of its first training example.

    Raises:
        UnsupportedModelError: the logits, or a matrix that receives a gradient from them, could not be traced.
    """
    example = subject.inputs[:1].repeat(rows, *[1] * (subject.inputs.dim() - 1))
    params = {name: state[name].detach().requires_grad_() for name in subject.params}
    with torch.enable_grad(), track_modules(subject.model) as path:
        if example.is_floating_point():
            example = example.requires_grad_().clone()
        tracer = _Tracer(example, params, path)
        with tracer:
            logits = subject.forward({**state, **params}, example)
        output = tracer.number_of(logits)
    if output is None:
        raise UnsupportedModelError("Its logits could not be traced back to its inputs.")
    _require_all_met(logits, tracer.steps, params)
    return Trace(tracer.steps, output, state, params)


def _require_all_met(logits: Tensor, steps: list[Step], params: Mapping[str, Tensor]) -> None:
    """Refuse a matrix that the logits have a gradient to and that no step uses."""
    met = {name for step in steps for names in step.weights.values() for name in names}
    met = met.union(*(step.owned for step in steps))
    reached = {id(leaf) for leaf in leaves(logits.grad_fn)}
    for name, param in params.items():
        if param.dim() > 1 and id(param) in reached and name not in met:
            raise UnsupportedModelError(f"{name!r} receives a gradient, but no operation that uses it could be traced.")


@dataclass
class _Found:
    """Activations and parameters that a tensor of unknown origin is made of."""

    values: dict[int, int] = field(default_factory=dict)
    params: set[str] = field(default_factory=set)


class _Tracer(TorchFunctionMode):
    """Follows activations and weights through every torch function.

    Tensors are told apart by their ids; all are held, so that no id is given away twice.
    """

    def __init__(self, example: Tensor, params: Mapping[str, Tensor], path: list[str]) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self._path = path
        self._calls = self._count = 0
        self._values = {id(example): 0}
        self._weights = {id(param): frozenset({name}) for name, param in params.items()}
        self._storages: dict[int, int] = {}  # that an activation was written into, to its number
        self._made_by: dict[Any, int | frozenset[str]] = {example.grad_fn: 0} if example.grad_fn is not None else {}
        self._held: list[Any] = [example, params]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Make the call, and note it if it turns activations into activations or weights into weights."""
        del types
        kwargs = kwargs or {}
        self._calls += 1
        given = list(tensors((args, kwargs)))
        inputs = {id(t): number for t in given if (number := self.number_of(t)) is not None}
        weights = {id(t): self._weights[id(t)] for t in given if id(t) in self._weights and id(t) not in inputs}
        versions = [t._version for t in given]  # noqa: SLF001  torch's count of writes has no other name
        outcome = func(*args, **kwargs)
        written = [t for t, version in zip(given, versions, strict=True) if t._version != version]  # noqa: SLF001
        results = {id(t): t for t in (*tensors(outcome), *written)}
        if inputs and results:
            self._record(func, args, kwargs, inputs, weights, list(results.values()))
            for t in written:
                if pointer := t.untyped_storage().data_ptr():
                    self._storages[pointer] = self._values[id(t)]
        elif weights:
            names = frozenset[str]().union(*weights.values())
            for t in results.values():
                self._hold(t, names)
        return outcome

    def number_of(self, tensor: Tensor) -> int | None:
        """The number of an activation; None for weights and constants."""
        key = id(tensor)
        if key not in self._values and key not in self._weights:
            if (number := self._storages.get(_pointer(tensor))) is not None:
                self._values[key] = number
                self._held.append(tensor)
            elif tensor.requires_grad and tensor.grad_fn is not None:
                self._add_unseen(tensor)
        return self._values.get(key)

    def _add_unseen(self, tensor: Tensor) -> None:
        """Find out what a tensor was made of that no function call has made."""
        found = _Found()
        for node in nodes(tensor.grad_fn, self._made_by.__contains__):
            origin = self._made_by.get(node)
            if isinstance(origin, int):
                found.values[origin] = origin
            elif origin is not None:
                found.params |= origin
            elif hasattr(node, "variable"):
                found.params |= self._weights.get(id(node.variable), frozenset())
        if found.values:
            owned = frozenset(found.params)
            self._record(None, (), {}, found.values, {}, [tensor], owned)
        elif found.params:
            self._hold(tensor, frozenset(found.params))

    def _record(
        self,
        func: Callable[..., Any] | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        inputs: Mapping[int, int],
        weights: Mapping[int, frozenset[str]],
        results: list[Tensor],
        owned: frozenset[str] = frozenset(),
    ) -> None:
        outputs = []
        for tensor in results:
            self._count += 1
            self._hold(tensor, self._count)
            outputs.append((self._count, tensor))
        differentiable = all(tensor.requires_grad for tensor in results)
        self.steps.append(
            Step(
                self._calls, func, args, kwargs, self._path[-1], inputs, tuple(outputs), differentiable, weights, owned
            )
        )

    def _hold(self, tensor: Tensor, origin: int | frozenset[str]) -> None:
        """Know a tensor from now on as an activation, or as a weight."""
        if isinstance(origin, int):
            self._values[id(tensor)] = origin
            self._weights.pop(id(tensor), None)
        else:
            self._weights[id(tensor)] = origin
        if tensor.grad_fn is not None:
            self._made_by[tensor.grad_fn] = origin
        self._held.append(tensor)


def _pointer(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided else 0
