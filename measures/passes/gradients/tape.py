"""Record every use of a parameter in one forward pass of a batch.

Function calls are watched, not modules, so that weights which are shared, used twice, standardised or reparametrised
need no special cases. Each weight is passed to its operation detached from the parameters: a gradient that still
reaches a parameter came by a use that was not seen, and the record is refused.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from measures.api import Subject
from measures.passes.activations.torch_calls import tensors
from measures.passes.gradients.gradient_formulas import FORMULAS, find_uses
from measures.passes.gradients.pullback import Derivation, derive, map_tensors
from measures.passes.gradients.weight_uses import Call, NoFormulaError, Rule, Use

IN_PLACE = frozenset({Tensor.add_, Tensor.mul_})


class Tape:
    """Every use of a parameter in one pass of a batch, and the gradients of its examples' losses there.

    Args:
        subject: the network.
        inputs: [b, c, h, w].
        objective: logits [b, k] to the sum of the examples' losses.
        state: parameters and buffers other than those of the subject.
        keep_graph: keep the graph of the pass, for `pull`.

    Attributes:
        params: the parameters, by name.
        uses: every use on the way to the loss.
        deltas: the gradients at the outputs of the uses.
        derivations: how weights that are no parameters follow from those that are, in the order of their making.
        floats: how many numbers of one example it holds, inputs of layers and gradients at outputs.

    Raises:
        NoFormulaError: `measures.passes.gradients.gradient_formulas` has no rule for the way a parameter is used.
    """

    def __init__(
        self,
        subject: Subject,
        inputs: Tensor,
        objective: Callable[[Tensor], Tensor],
        state: Mapping[str, Tensor] = MappingProxyType({}),
        *,
        keep_graph: bool = False,
    ) -> None:
        self.params = {name: state.get(name, p).detach().requires_grad_() for name, p in subject.params.items()}
        buffers = {name: state.get(name, b) for name, b in subject.buffers.items()}
        watch = _Watch(self.params, buffers, len(inputs))
        with torch.enable_grad(), watch:
            logits = subject.forward({**buffers, **self.params}, inputs)
        with torch.enable_grad():
            loss = objective(logits)
        params = list(self.params.values())
        edges: list[Any] = list({id(use.edge): use.edge for use in watch.uses}.values())
        found: tuple[Tensor | None, ...] = ()
        if loss.requires_grad:
            found = torch.autograd.grad(loss, [*edges, *params], allow_unused=True, retain_graph=keep_graph)
        self._logits = logits if keep_graph else None
        if any(gradient is not None for gradient in found[len(edges) :]):
            raise NoFormulaError("A gradient reaches a parameter by a way that was not seen.")
        at = {id(edge): delta for edge, delta in zip(edges, found, strict=False) if delta is not None}
        reached = [(use, at[id(use.edge)]) for use in watch.uses if id(use.edge) in at]
        if any(use.overwritten for use, _ in reached):
            raise NoFormulaError("The network has worked in place on the input of a layer.")
        self.uses, self.deltas = [use for use, _ in reached], [delta for _, delta in reached]
        self.derivations = watch.derivations
        held = {id(t): t.numel() for use, delta in reached for t in (delta, *(a for a, _ in use.held))}
        self.floats = sum(held.values()) // len(inputs)

    def pull(self, objective: Callable[[Tensor], Tensor]) -> None:
        """Replace the gradients at the outputs of the uses by those of another function of the same logits."""
        assert self._logits is not None  # noqa: S101  the graph was kept
        edges: list[Any] = list({id(use.edge): use.edge for use in self.uses}.values())
        with torch.enable_grad():
            value = objective(self._logits)
        found = torch.autograd.grad(value, edges, allow_unused=True, retain_graph=True)
        at = {id(edge): delta for edge, delta in zip(edges, found, strict=True)}
        self.deltas = [
            torch.zeros_like(delta) if (new := at[id(use.edge)]) is None else new
            for use, delta in zip(self.uses, self.deltas, strict=True)
        ]


class _Watch(TorchFunctionMode):
    """Watches every call and keeps those that use a weight."""

    def __init__(self, params: Mapping[str, Tensor], buffers: Mapping[str, Tensor], num_examples: int) -> None:
        super().__init__()
        self.uses: list[Use] = []
        self.derivations: list[Derivation] = []
        self._num_examples = num_examples
        # All are kept, so that no id is used twice.
        self._weights = {id(p): p for p in params.values()}
        self._cut: dict[int, Tensor] = {}
        self._constants = {id(b): b for b in buffers.values()}
        self._copies: dict[int, Tensor] = {}  # a weight repeated for every example, to the weight

    def __torch_function__(
        self, func: Callable[..., Any], _types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Make the call, and note what it does with weights."""
        kwargs = kwargs or {}
        given = _tensors(*args, *kwargs.values())
        sources = [t for t in given if id(t) in self._weights]
        if not sources:
            return func(*args, **kwargs)
        if all(id(t) in self._weights or id(t) in self._constants for t in given):
            return self._of_weights_alone(func, args, kwargs, sources)
        return self._on_data(func, args, kwargs)

    def _of_weights_alone(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], sources: list[Tensor]
    ) -> Any:
        """A function of weights is a weight, or a constant where it has no gradient."""
        versions = [t._version for t in sources]  # noqa: SLF001  it has no other name
        result = func(*args, **kwargs)
        if [t._version for t in sources] != versions:  # noqa: SLF001  as above
            raise NoFormulaError("A weight is changed in place.")
        outputs = list(tensors(result))
        if not any(t.requires_grad for t in outputs):
            self._constants |= {id(t): t for t in outputs}
        elif not isinstance(result, Tensor):
            raise NoFormulaError("Several weights made of one.")
        elif id(result) not in self._weights:
            self._weights[id(result)] = result
            self.derivations.append(derive(func, args, kwargs, result, sources))
            if func is Tensor.expand and result.shape == (self._num_examples, *sources[0].shape[1:]):
                self._copies[id(result)] = sources[0]
        return result

    def _on_data(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An operation of weights on a batch."""
        if func is torch.cat:
            return self._side_by_side(*args, **kwargs)
        if func not in FORMULAS:
            raise NoFormulaError(f"{func} has none.")
        kept = args[0].clone() if func is Tensor.mul_ else None
        output = func(*self._cut_off(args), **self._cut_off(kwargs))
        call = Call(output, self._num_examples, lambda t: id(t) in self._weights, kept)
        self.uses += find_uses(func, args, kwargs, call)
        return output

    def _side_by_side(self, parts: Any, dim: int = 0) -> Tensor:
        """Weights repeated for every example, beside data."""
        copies = [self._copies.get(id(part)) for part in parts]
        if any(copy is None and id(part) in self._weights for copy, part in zip(copies, parts, strict=True)):
            raise NoFormulaError("A weight beside data.")
        output = torch.cat(self._cut_off(parts), dim)
        axis = dim % output.dim()
        if axis == 0:
            raise NoFormulaError("Examples added to examples.")
        call = Call(output, self._num_examples, lambda t: id(t) in self._weights)
        start = 0
        for copy, part in zip(copies, parts, strict=True):
            if copy is not None:
                self.uses.append(call.use(copy, _piece(axis, start, part, copy), copy.numel()))
            start += part.shape[axis]
        return output

    def _cut_off(self, nested: Any) -> Any:
        """The arguments with weights replaced by detached copies that require gradients, so that outputs do."""
        return map_tensors(nested, self._without_history)

    def _without_history(self, tensor: Tensor) -> Tensor:
        if id(tensor) not in self._weights:
            return tensor
        if id(tensor) not in self._cut:
            self._cut[id(tensor)] = tensor.detach().requires_grad_()
        return self._cut[id(tensor)]


def _tensors(*arguments: Any) -> list[Tensor]:
    """The tensors among the arguments; fast, since it runs on every call."""
    found = [argument for argument in arguments if isinstance(argument, Tensor)]
    if len(found) < len(arguments):
        for argument in arguments:
            if isinstance(argument, tuple | list):
                found += tensors(argument)
    return found


def _piece(axis: int, start: int, part: Tensor, copy: Tensor) -> Rule:
    """The gradient of what stands at `start` on an axis."""
    length, shape = part.shape[axis], copy.shape
    return lambda _rows, delta, _: delta.narrow(axis, start, length).reshape(len(delta), *shape)
