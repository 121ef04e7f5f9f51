"""The Jacobians of the logits by the parameters at single examples, kept: all other gradients are combinations of them.

The gradient of any function of an example's logits is J_i^T times its derivative by the logits [k]. The Gauss-Newton
rows, the tangent kernel and the gradients of the losses are then matrix products with one J.
"""

import functools
from typing import Final

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, shared
from measures.passes.gradients.gram import record
from measures.passes.gradients.layerwise import group_by_layer
from measures.passes.gradients.per_sample import FLOATS_AT_ONCE, FLOATS_IN_CACHE, gradients_of, slices
from measures.passes.gradients.tape import Tape
from measures.passes.gradients.weight_uses import NoFormulaError, Scratch

MAX_LOGITS: Final = 4096  # examples times classes: all of a small training set
KEPT_FLOATS: Final = 2**27  # 0.5 GB of float32: beyond it gradients are taken where they are needed
MIN_EXAMPLES: Final = 8  # of a chunk: fewer say nothing of what a pass of a chunk holds


@shared
def logit_jacobian(subject: Subject) -> Tensor | None:
    """J [s, k, P] of the first s = min(n, 4096 / k) examples of the sample; None where it would be too large."""
    count = min(subject.num_examples, MAX_LOGITS // subject.num_classes)
    num_params = sum(p.numel() for p in subject.params.values())
    if not 0 < count * subject.num_classes * num_params <= KEPT_FLOATS:
        return None
    inputs = subject.inputs[subject.sample(count)]
    J = inputs.new_empty(count, subject.num_classes, num_params, dtype=subject.dtype)
    try:
        _fill_by_layer(J, subject, inputs)
    except NoFormulaError:
        _fill_by_example(J, subject, inputs)
    return J


def pull_back(J: Tensor, example: Tensor, cotangents: Tensor) -> Tensor:
    """The vectors J_i^T v [r, P] of examples i [r], as indices of J [s, k, P], and cotangents v [r, k]."""
    order = example.argsort(stable=True)
    sizes = torch.bincount(example, minlength=len(J)).tolist()
    rows = J.new_empty(len(example), J.shape[2])
    for jacobian, at in zip(J, order.split(sizes), strict=True):
        if len(at):
            rows[at] = cotangents[at].to(J.dtype) @ jacobian
    return rows


@torch.no_grad()
def _fill_by_layer(J: Tensor, subject: Subject, inputs: Tensor) -> None:
    """One forward pass of a chunk and a backward pass for each logit."""
    units = torch.eye(J.shape[1], dtype=J.dtype, device=J.device)
    probed = inputs[:MIN_EXAMPLES]
    floats = record(subject, probed, units[0].expand(len(probed), -1)).floats
    for rows in slices(len(J), max(1, min(CHUNK, FLOATS_AT_ONCE // max(1, floats * len(units))))):
        some = inputs[rows]
        tape = record(subject, some, units[0].expand(len(some), -1), keep_graph=True)
        deltas = [tape.deltas]
        for unit in units[1:]:
            tape.pull(functools.partial(_dot, unit.expand(len(some), -1)))
            deltas.append(tape.deltas)
        _write(J[rows], tape, deltas)


def _write(target: Tensor, tape: Tape, deltas: list[list[Tensor]]) -> None:
    """Write the gradients of every layer into their columns of `target` [s, k, P]; without a use they are zero.

    Args:
        target: of the examples of the tape.
        tape: the record of their pass.
        deltas: of each of the k logits, the gradients at the outputs of the uses.
    """
    s, k, _ = target.shape
    sizes = {name: p.numel() for name, p in tape.params.items()}
    columns = dict(zip(sizes, target.split(list(sizes.values()), 2), strict=True))
    of_use = {id(use): torch.stack([each[place] for each in deltas], 1) for place, use in enumerate(tape.uses)}
    scratch = Scratch(target)
    for layer in group_by_layer(tape):
        stacked = [of_use[id(use)] for use, _ in layer.uses]
        for few in slices(s, max(1, FLOATS_IN_CACHE // (k * layer.floats))):
            for name, gradient in layer.jacobians(few, stacked, scratch).items():
                columns[name][few] = gradient.reshape(-1, k, columns[name].shape[2])
                sizes.pop(name, None)
            scratch.clear()
    for name in sizes:
        columns[name].zero_()


def _dot(cotangents: Tensor, logits: Tensor) -> Tensor:
    return (logits[: len(cotangents)] * cotangents).sum()


def _fill_by_example(J: Tensor, subject: Subject, inputs: Tensor) -> None:
    """A gradient for each example and logit."""
    _, k, num_params = J.shape
    units = torch.eye(k, dtype=J.dtype, device=J.device)
    for rows in slices(len(J), max(1, min(CHUNK, FLOATS_AT_ONCE // (k * num_params)))):
        x = inputs[rows]
        gradients = gradients_of(subject, torch.dot, x.repeat_interleave(k, 0), units.repeat(len(x), 1))
        flat = torch.cat([part.reshape(len(part), -1) for part in gradients.values()], 1)
        J[rows] = flat.view(len(x), k, num_params)
