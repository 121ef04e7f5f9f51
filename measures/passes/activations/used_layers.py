"""The layers that a forward pass uses, whatever their modules: as `folding.layers`, before anything folds."""

from collections.abc import Iterator
from dataclasses import dataclass

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.activations.adapters import find_adapters
from measures.passes.activations.layer_calls import matched_layer
from measures.passes.activations.tracing import ELEMENTWISE, Step, trace


@dataclass(frozen=True, slots=True)
class UsedLayer:
    """A convolution or linear layer.

    Attributes:
        name: of its module.
        parameter: the parameter that is its weight, or that its weight is computed from and as large as; None if none.
    """

    name: str
    parameter: str | None


@shared
def used_layers(subject: Subject) -> list[UsedLayer]:
    """Every layer in the order of execution, once for each of its uses. Modules that no forward pass uses are none.

    Raises:
        UnsupportedModelError: a learned matrix is used otherwise than in a layer, or could not be traced.
    """
    return list(_layers(subject, trace(subject, {**subject.buffers, **subject.params}).steps))


def _layers(subject: Subject, steps: list[Step]) -> Iterator[UsedLayer]:
    beside = {step for adapter in find_adapters(steps) for step in adapter.beside}
    for step in steps:
        if step in beside:
            continue
        call = matched_layer(step)
        if call is not None:
            size = call.weight.numel()
            sources = {name for _, names in step.matrices() for name in names}
            same = sorted(name for name in sources if subject.params[name].numel() == size)
            yield UsedLayer(step.module, same[0] if len(same) == 1 else None)
        elif step.operation not in ELEMENTWISE:
            for _, names in step.matrices():
                raise UnsupportedModelError(
                    f"Only convolutions and linear layers are known; {step.operation} uses {min(names)!r}."
                )
