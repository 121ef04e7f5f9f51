"""Inner products of the gradients of functions of the logits at pairs of inputs, without keeping the gradients."""

import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject
from measures.passes.gradients.layerwise import Layer, group_by_layer
from measures.passes.gradients.per_sample import FLOATS_AT_ONCE, chunk_size, gradients_of, slices
from measures.passes.gradients.tape import Tape
from measures.passes.gradients.weight_uses import AmbiguousBatchAxisError, NoFormulaError, Scratch

GRAM_ROWS: Final = 128  # of a block of inner products: those above the diagonal are copied, not computed
NUM_PROBED: Final = 8  # inputs whose pass tells what a pass of all would hold
MAX_FILLED: Final = 4  # networks with so many widths in a row are rare


def gram(
    subject: Subject, inputs: Tensor, cotangents: Tensor, state: Mapping[str, Tensor] = MappingProxyType({})
) -> Tensor:
    """Inner products [r, r], in float64, of the gradients of <cotangent, logits> at each of r inputs.

    Args:
        subject: the network.
        inputs: [r, c, h, w].
        cotangents: [r, k].
        state: parameters and buffers other than those of the subject.
    """
    try:
        return _gram_by_layer(subject, inputs, [cotangents], state)
    except NoFormulaError:
        return _gram_by_pairs_of_chunks(subject, inputs, cotangents, state)


def mean_gram(
    subject: Subject, inputs: Tensor, directions: Tensor, state: Mapping[str, Tensor] = MappingProxyType({})
) -> Tensor:
    """Mean over `directions` [d, k] of the logits of the inner products [r, r] at `inputs` [r, c, h, w]; see `gram`."""
    each = [direction.expand(len(inputs), -1).contiguous() for direction in directions]
    try:
        total = _gram_by_layer(subject, inputs, each, state)
    except NoFormulaError:
        total = torch.stack([gram(subject, inputs, cotangents, state) for cotangents in each]).sum(0)
    return total / len(each)


@torch.no_grad()
def _gram_by_layer(
    subject: Subject, inputs: Tensor, cotangents: Sequence[Tensor], state: Mapping[str, Tensor]
) -> Tensor:
    """A sum over layers and cotangents, from one pass of all inputs."""
    first, *others = cotangents
    if record(subject, inputs[:NUM_PROBED], first[:NUM_PROBED], state).floats * len(inputs) > FLOATS_AT_ONCE:
        raise NoFormulaError("One pass of all inputs would hold too much.")
    K = first.new_zeros(len(inputs), len(inputs))
    tape = record(subject, inputs, first, state, keep_graph=bool(others))
    _add_layers(K, tape)
    for other in others:
        tape.pull(functools.partial(_weighted, other))
        _add_layers(K, tape)
    return K.double()


def symmetric_products(rows: Tensor, known: Tensor | None = None) -> Tensor:
    """Inner products [r, r] of rows [r, p], each pair once; `known` are those [q, q] of the first q, if there are."""
    done = 0 if known is None else len(known)
    products = rows.new_empty(len(rows), len(rows))
    if known is not None:
        products[:done, :done] = known
    for block in slices(len(rows) - done, GRAM_ROWS):
        at, upto = slice(done + block.start, done + block.stop), done + block.stop
        found = rows[at] @ rows[:upto].T
        products[at, :upto] = found
        products[:upto, at] = found.T
    return products


def _add_layers(K: Tensor, tape: Tape) -> None:
    """Add the inner products of the gradients of every layer."""
    r, scratch = len(K), Scratch(K)
    for layer in group_by_layer(tape):
        use = layer.only_use
        if use is not None and use.flat is not None:
            a, delta = use.flat[0][:r], layer.uses[0][1][:r]
            K += (a @ a.T) * (delta @ delta.T)
        else:
            _add_layer(K, layer, scratch)


def record(
    subject: Subject,
    inputs: Tensor,
    cotangents: Tensor,
    state: Mapping[str, Tensor] = MappingProxyType({}),
    *,
    keep_graph: bool = False,
) -> Tape:
    """The record of a pass of these inputs, and of some more of no weight where their number is ambiguous.

    Args:
        subject: the network.
        inputs: [r, c, h, w].
        cotangents: derivatives [r, k] of the examples' losses by the logits.
        state: parameters and buffers other than those of the subject.
        keep_graph: keep the graph of the pass, for `Tape.pull`.

    Raises:
        NoFormulaError: a parameter is used in a way for whose gradient there is no formula.
    """
    for more in range(MAX_FILLED + 1):
        filled = torch.cat([inputs, inputs[:1].expand(more, *inputs.shape[1:])])
        try:
            return Tape(subject, filled, functools.partial(_weighted, cotangents), state, keep_graph=keep_graph)
        except AmbiguousBatchAxisError:
            continue
    raise NoFormulaError(f"Axes of the data are as long as {len(inputs)} to {len(inputs) + MAX_FILLED} examples.")


def _weighted(cotangents: Tensor, logits: Tensor) -> Tensor:
    return (logits[: len(cotangents)] * cotangents).sum()


def _add_layer(K: Tensor, layer: Layer, scratch: Scratch) -> None:
    """Add the inner products of the gradients of one layer, recomputed for each pair of pieces in memory."""
    parts = list(slices(len(K), max(1, FLOATS_AT_ONCE // layer.floats)))
    for i, at in enumerate(parts):
        left = {name: g.reshape(len(g), -1) for name, g in layer.gradients(at, scratch).items()}
        for g in left.values():
            K[at, at].addmm_(g, g.T)
        if len(parts) > 1:
            left = {name: g.clone() for name, g in left.items()}
        scratch.clear()
        for beside in parts[i + 1 :]:
            for name, g in layer.gradients(beside, scratch).items():
                product = left[name] @ g.reshape(len(g), -1).T
                K[at, beside] += product
                K[beside, at] += product.T
            scratch.clear()


def _gram_by_pairs_of_chunks(
    subject: Subject, inputs: Tensor, cotangents: Tensor, state: Mapping[str, Tensor]
) -> Tensor:
    """Gradients are made in chunks and made again for each pair of chunks, so that memory stays at two of them."""

    def gradients(rows: slice) -> Tensor:
        parts = gradients_of(subject, torch.dot, inputs[rows], cotangents[rows], state).values()
        return torch.cat([part.reshape(len(part), -1) for part in parts], 1)  # [b, p]

    K = torch.zeros(len(inputs), len(inputs), dtype=torch.float64, device=subject.device)
    chunks = list(slices(len(inputs), chunk_size(subject)))
    for i, at in enumerate(chunks):
        left = gradients(at)
        K[at, at] = (left @ left.T).double()
        for beside in chunks[i + 1 :]:
            K[at, beside] = (left @ gradients(beside).T).double()
            K[beside, at] = K[at, beside].T
    return K
