"""Inner products of the gradients of functions of the logits at pairs of inputs, without keeping the gradients."""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject
from measures.passes.gradients.layerwise import Layer, group_by_layer
from measures.passes.gradients.per_sample import FLOATS_AT_ONCE, chunk_size, gradients_of, slices
from measures.passes.gradients.tape import Tape
from measures.passes.gradients.weight_uses import AmbiguousBatchAxisError, NoFormulaError, Scratch

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
        return _gram_by_layer(subject, inputs, cotangents, state)
    except NoFormulaError:
        return _gram_by_pairs_of_chunks(subject, inputs, cotangents, state)


@torch.no_grad()
def _gram_by_layer(subject: Subject, inputs: Tensor, cotangents: Tensor, state: Mapping[str, Tensor]) -> Tensor:
    """A sum over layers, from one pass of all inputs."""
    if _tape(subject, inputs[:NUM_PROBED], cotangents[:NUM_PROBED], state).floats * len(inputs) > FLOATS_AT_ONCE:
        raise NoFormulaError("One pass of all inputs would hold too much.")
    r = len(inputs)
    K = cotangents.new_zeros(r, r)
    scratch = Scratch(cotangents)
    for layer in group_by_layer(_tape(subject, inputs, cotangents, state)):
        use = layer.only_use
        if use is not None and use.flat is not None:
            a, delta = use.flat[0][:r], layer.uses[0][1][:r]
            K += (a @ a.T) * (delta @ delta.T)
        else:
            _add_layer(K, layer, scratch)
    return K.double()


def _tape(subject: Subject, inputs: Tensor, cotangents: Tensor, state: Mapping[str, Tensor]) -> Tape:
    """The record of a pass of these inputs, and of some more of no weight where their number is ambiguous."""
    for more in range(MAX_FILLED + 1):
        filled = torch.cat([inputs, inputs[:1].expand(more, *inputs.shape[1:])])
        weights = torch.cat([cotangents, cotangents.new_zeros(more, cotangents.shape[1])])
        weighted = functools.partial(_weighted, weights)
        try:
            return Tape(subject, filled, weighted, state)
        except AmbiguousBatchAxisError:
            continue
    raise NoFormulaError(f"Axes of the data are as long as {len(inputs)} to {len(inputs) + MAX_FILLED} examples.")


def _weighted(weights: Tensor, logits: Tensor) -> Tensor:
    return (logits * weights).sum()


def _add_layer(K: Tensor, layer: Layer, scratch: Scratch) -> None:
    """Add the inner products of the gradients of one layer, made anew for each pair of pieces that are held at once."""
    parts = list(slices(len(K), max(1, FLOATS_AT_ONCE // layer.floats)))
    for i, at in enumerate(parts):
        left = {name: g.reshape(len(g), -1).clone() for name, g in layer.gradients(at, scratch).items()}
        scratch.clear()
        for g in left.values():
            K[at, at] += g @ g.T
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
