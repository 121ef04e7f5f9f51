"""Inner products of the gradients at single examples: of the losses, and of every logit (the tangent kernel).

They are exact, on a sample of the training examples. A sketch of all gradients has an error of the order of
||g_i|| ||g_j|| / sqrt(width) in each product, which is as large as the products themselves where gradients are close to
orthogonal, as those of most pairs are; the statistics that are made of the products are means over pairs, which
converge with the number of pairs.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModel, shared
from measures.passes.layerwise import Layer, layers
from measures.passes.per_sample import FLOATS_AT_ONCE, chunk_size, gradients_of, pieces
from measures.passes.tape import Tape
from measures.passes.uses import Ambiguous, NoFormula, Scratch

NUM_ROWS: Final = 480  # one for each example and class; time grows with its square times the number of parameters
MIN_EXAMPLES: Final = 8  # fewer say nothing of the training set
MAX_FILLED: Final = 4  # networks with so many widths in a row are rare
NUM_GRADIENTS: Final = 250  # of losses: 31,125 pairs


@dataclass(frozen=True, slots=True)
class TangentKernel:
    """The empirical neural tangent kernel of a sample of s training examples.

    Attributes:
        inputs: [s, c, h, w].
        labels: [s].
        logits: [s, k].
        gram: <grad_w f_a(x_i), grad_w f_b(x_j)> as [s, k, s, k], in float64.
    """

    inputs: Tensor
    labels: Tensor
    logits: Tensor
    gram: Tensor

    @property
    def traced(self) -> Tensor:
        """The kernel [s, s] of examples: the sum over logits a of <grad f_a(x_i), grad f_a(x_j)>."""
        return self.gram.diagonal(dim1=1, dim2=3).sum(-1)

    @property
    def blocks(self) -> Tensor:
        """The kernel [s, k, k] of the logits of each example."""
        return self.gram.diagonal(dim1=0, dim2=2).permute(2, 0, 1)


@shared
def tangent_kernel(subject: Subject) -> TangentKernel:
    """The kernel at the trained weights.

    Raises:
        UnsupportedModel: it has so many classes that NUM_ROWS leave fewer than MIN_EXAMPLES examples.
    """
    return _kernel(subject, {})


@shared
def initial_tangent_kernel(subject: Subject) -> TangentKernel:
    """The kernel of the same examples at initialization; needs "init"."""
    return _kernel(subject, {**subject.init_buffers, **subject.init_params})


@dataclass(frozen=True, slots=True)
class GradientPairs:
    """The gradients g_i of the losses of a sample of s training examples, pair by pair.

    Attributes:
        labels: [s].
        gram: <g_i, g_j> [s, s], in float64.
    """

    labels: Tensor
    gram: Tensor


@shared
def gradient_pairs(subject: Subject) -> GradientPairs:
    """Exact inner products of the gradients of the cross-entropy at NUM_GRADIENTS examples."""
    inputs, labels = _sampled(subject, NUM_GRADIENTS)
    with torch.no_grad():
        at_logits = subject.logits_of(inputs).softmax(1)
    at_logits[torch.arange(len(labels), device=labels.device), labels] = _at_label(subject, inputs, labels)
    return GradientPairs(labels, gram(subject, inputs, at_logits))


def softmax_factors(logits: Tensor) -> Tensor:
    """L_i^T [s, k, k] in float64 with L_i = diag(sqrt p_i) - p_i sqrt(p_i)^T, so L_i L_i^T = diag(p_i) - p_i p_i^T."""
    log_p = logits.double().log_softmax(1)
    p, root = log_p.exp(), (log_p / 2).exp()
    return root.diag_embed() - root.unsqueeze(2) * p.unsqueeze(1)


def _at_label(subject: Subject, inputs: Tensor, labels: Tensor) -> Tensor:
    """The derivative p - 1 of the loss by the logit of the label, without the rounding of a p near 1."""
    with torch.no_grad():
        log_p = subject.logits_of(inputs).log_softmax(1)
    others = log_p.scatter(1, labels.unsqueeze(1), -torch.inf)
    return -others.exp().sum(1)


def _kernel(subject: Subject, state: Mapping[str, Tensor]) -> TangentKernel:
    k = subject.num_classes
    count = NUM_ROWS // k
    if count < MIN_EXAMPLES:
        raise UnsupportedModel(
            f"It has {k} classes, and the tangent kernel of {MIN_EXAMPLES} examples must have at most {NUM_ROWS} rows, "
            f"one for each example and class."
        )
    inputs, labels = _sampled(subject, count)
    with torch.no_grad():
        logits = subject.forward({**subject.buffers, **subject.params, **state}, inputs)
    s = len(labels)
    each_class = torch.eye(k, dtype=inputs.dtype, device=inputs.device).repeat(s, 1)
    K = gram(subject, inputs.repeat_interleave(k, 0), each_class, state)
    return TangentKernel(inputs, labels, logits, K.view(s, k, s, k))


def _sampled(subject: Subject, count: int) -> tuple[Tensor, Tensor]:
    """Inputs and labels of at most this many training examples, in an order that follows their content."""
    chosen = subject.sample(count)
    return subject.inputs[chosen], subject.labels[chosen]


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
    except NoFormula:
        return _gram_by_pairs_of_chunks(subject, inputs, cotangents, state)


@torch.no_grad()
def _gram_by_layer(subject: Subject, inputs: Tensor, cotangents: Tensor, state: Mapping[str, Tensor]) -> Tensor:
    """A sum over layers, from one pass of all inputs."""
    if _tape(subject, inputs[:MIN_EXAMPLES], cotangents[:MIN_EXAMPLES], state).floats * len(inputs) > FLOATS_AT_ONCE:
        raise NoFormula("One pass of all inputs would hold too much.")
    r = len(inputs)
    K = inputs.new_zeros(r, r)
    scratch = Scratch(inputs)
    for layer in layers(_tape(subject, inputs, cotangents, state)):
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
        except Ambiguous:
            continue
    raise NoFormula(f"Axes of the data are as long as {len(inputs)} to {len(inputs) + MAX_FILLED} examples.")


def _weighted(weights: Tensor, logits: Tensor) -> Tensor:
    return (logits * weights).sum()


def _add_layer(K: Tensor, layer: Layer, scratch: Scratch) -> None:
    """Add the inner products of the gradients of one layer, made anew for each pair of pieces that are held at once."""
    parts = list(pieces(len(K), max(1, FLOATS_AT_ONCE // layer.floats)))
    for i, at in enumerate(parts):
        left = {name: g.flatten(1).clone() for name, g in layer.gradients(at, scratch).items()}
        scratch.clear()
        for g in left.values():
            K[at, at] += g @ g.T
        for beside in parts[i + 1 :]:
            for name, g in layer.gradients(beside, scratch).items():
                product = left[name] @ g.flatten(1).T
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
    chunks = list(pieces(len(inputs), chunk_size(subject)))
    for i, at in enumerate(chunks):
        left = gradients(at)
        K[at, at] = (left @ left.T).double()
        for beside in chunks[i + 1 :]:
            K[at, beside] = (left @ gradients(beside).T).double()
            K[beside, at] = K[at, beside].T
    return K
