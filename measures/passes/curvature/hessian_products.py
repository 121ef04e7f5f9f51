"""Products of the Hessian of the mean training loss with vectors, in bounded memory."""

from typing import Final

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError

NUM_EXAMPLES: Final = 256  # bounds the cost: a product takes about three passes over them, and a dozen are needed
GRAPH_BYTES: Final = 2**32  # that graphs of the gradient may keep: 4 GiB
SMALL: Final = 2**20  # parameters, and numbers in the inputs, below which graphs take no more than that
TRIED: Final = 4  # examples by which the graph of a larger network is measured


class Hessian:
    """Products H v with the Hessian of the mean loss over NUM_EXAMPLES training examples, vectors flat [p].

    The graph of the gradient is built once a batch and kept, so that a product is one backward pass through it. Where
    all graphs would take more than GRAPH_BYTES, each product builds them again, a smaller batch at a time.

    Raises:
        UnsupportedModelError: an operation of the network has no second derivative.
    """

    def __init__(self, subject: Subject) -> None:
        self._model, self._buffers = subject.model, subject.buffers  # not the subject, whose cache holds this
        self._weights = {name: p.detach().requires_grad_() for name, p in subject.params.items()}
        self._params = list(self._weights.values())
        self.dimension = sum(p.numel() for p in self._params)
        self._count = min(NUM_EXAMPLES, subject.num_examples)
        size = self._batch_size(subject)
        self._batches = list(subject.batches(NUM_EXAMPLES, size))
        self._kept = [self._gradient(x, y) for x, y in self._batches] if size >= self._count else None

    def __matmul__(self, vector: Tensor) -> Tensor:
        """H v [p] for v [p]."""
        pieces = [
            piece.view_as(param)
            for piece, param in zip(vector.split([p.numel() for p in self._params]), self._params, strict=True)
        ]
        gradients = self._kept if self._kept is not None else (self._gradient(x, y) for x, y in self._batches)
        return torch.stack([self._product(gradient, pieces) for gradient in gradients]).sum(0)

    def _gradient(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
        """Gradient of the share of these examples in the mean loss, with its graph."""
        found = functional_call(self._model, {**self._buffers, **self._weights}, (inputs,))
        loss = cross_entropy(found, labels, reduction="sum") / self._count
        return torch.autograd.grad(loss, self._params, create_graph=True, materialize_grads=True)

    def _batch_size(self, subject: Subject) -> int:
        """Number of examples whose graphs fit in GRAPH_BYTES, found on a few; all of a network that is small."""
        if max(self.dimension, self._count * subject.inputs[0].numel()) < SMALL:
            return NUM_EXAMPLES
        held: dict[int, int] = {}
        weights = {p.untyped_storage().data_ptr() for p in self._params}

        def note(tensor: Tensor) -> Tensor:
            if (place := tensor.untyped_storage().data_ptr()) not in weights:
                held[place] = tensor.untyped_storage().nbytes()
            return tensor

        inputs, labels = next(subject.batches(TRIED, TRIED))
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            graph = self._gradient(inputs, labels)
        of_weights = sum(g.untyped_storage().nbytes() for g in graph)  # the gradient's, whatever the batch
        each = max(1, sum(held.values()) - of_weights) / len(inputs)
        return max(1, min(NUM_EXAMPLES, int(GRAPH_BYTES / each)))

    def _product(self, gradient: tuple[Tensor, ...], pieces: list[Tensor]) -> Tensor:
        curved = [(g, piece) for g, piece in zip(gradient, pieces, strict=True) if g.requires_grad]
        if not curved:
            raise UnsupportedModelError(
                "The gradient of its loss does not depend on its parameters: no second derivative."
            )
        outputs, vectors = zip(*curved, strict=True)
        keep = self._kept is not None
        try:
            products = torch.autograd.grad(outputs, self._params, vectors, retain_graph=keep, materialize_grads=True)
        except RuntimeError as error:  # torch has no separate exception type for a missing formula
            if "not implemented" not in str(error):
                raise
            raise UnsupportedModelError(f"An operation of the network has no second derivative: {error}") from error
        return torch.cat([product.flatten() for product in products])
