"""Per-example gradients from the record of one batched pass: weight by weight, a few examples at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from measures.passes.gradients.pullback import Derivation
from measures.passes.gradients.tape import Tape
from measures.passes.gradients.weight_uses import Scratch, Use


@dataclass
class Layer:
    """Weights that no derivation connects to others: most often one parameter, or a weight before and after a norm.

    Attributes:
        params: the parameters among them, by name.
        uses: their uses with the gradients at the outputs.
        derivations: among them, in the order in which they were made.
    """

    params: dict[str, Tensor] = field(default_factory=dict)
    uses: list[tuple[Use, Tensor]] = field(default_factory=list)
    derivations: list[Derivation] = field(default_factory=list)

    @property
    def floats(self) -> int:
        """Count the numbers made for one example."""
        return sum(use.floats for use, _ in self.uses) + self.num_params

    @property
    def num_params(self) -> int:
        """Count the entries of the parameters."""
        return sum(p.numel() for p in self.params.values())

    @property
    def only_use(self) -> Use | None:
        """The use of a parameter that has no other."""
        return self.uses[0][0] if len(self.uses) == 1 and not self.derivations else None

    def gradients(self, rows: slice, scratch: Scratch) -> dict[str, Tensor]:
        """Gradients [s, *shape] of these examples, by parameter; a parameter without a use has none."""
        return self._of_params(
            [(use.weight, use.rule(rows, delta[rows], scratch)) for use, delta in self.uses], scratch
        )

    def jacobians(self, rows: slice, deltas: Sequence[Tensor], scratch: Scratch) -> dict[str, Tensor]:
        """As `gradients`, of k functions [s k, *shape], from their gradients at the outputs of the uses [n, k, ...]."""
        found = []
        for (use, _), delta in zip(self.uses, deltas, strict=True):
            some = delta[rows]
            if use.jacobian is None:
                each = torch.stack([use.rule(rows, some[:, label], scratch) for label in range(some.shape[1])], 1)
            else:
                each = use.jacobian(rows, some, scratch)
            found.append((use.weight, each.flatten(0, 1)))
        return self._of_params(found, scratch)

    def _of_params(self, of_uses: list[tuple[Tensor, Tensor]], scratch: Scratch) -> dict[str, Tensor]:
        """Sum gradients [s, *shape] of weights, and carry those of weights that are derived on to the parameters."""
        found: dict[int, Tensor] = {}

        def add(weight: Tensor, gradient: Tensor) -> None:
            found[id(weight)] = found[id(weight)] + gradient if id(weight) in found else gradient

        for weight, gradient in of_uses:
            add(weight, gradient)
        for made in reversed(self.derivations):
            if id(made.result) in found:
                for source, gradient in zip(made.sources, made.pull(found[id(made.result)], scratch), strict=True):
                    add(source, gradient)
        return {name: found[id(p)] for name, p in self.params.items() if id(p) in found}


def group_by_layer(tape: Tape) -> list[Layer]:
    """The weights of a record, apart where no derivation connects them."""
    group = {id(p): [id(p)] for p in tape.params.values()}  # the ids that are connected, one list for all of them
    for made in tape.derivations:
        joined = {id(ids): ids for ids in (group.get(id(source), [id(source)]) for source in made.sources)}
        merged = [id(made.result), *(key for ids in joined.values() for key in ids)]
        group |= dict.fromkeys(merged, merged)
    found = {id(ids): Layer() for ids in group.values()}
    for name, param in tape.params.items():
        found[id(group[id(param)])].params[name] = param
    for use, delta in zip(tape.uses, tape.deltas, strict=True):
        found[id(group[id(use.weight)])].uses.append((use, delta))
    for made in tape.derivations:
        found[id(group[id(made.result)])].derivations.append(made)
    return [layer for layer in found.values() if layer.uses]
