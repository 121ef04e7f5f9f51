r"""Block structure: layers whose representations are alike because one direction dominates them.

K_p = H X_p X_p^T H is the centred Gram matrix [n, n] of the flattened activations X_p at the p-th bottleneck of min(m,
400) training examples, H = I - 1 1^T / n. Bottlenecks are the activations that all paths lead through, between layers
or blocks; those behind the first layer count, P of them. Nguyen et al. find the structure in networks whose capacity is
large for their training set, and that it comes from few examples and differs between seeds; hence the signs.
"""

from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import eigsh
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure, shared
from measures.passes.activations.bottlenecks import hidden_bottlenecks
from measures.passes.activations.geometry import layer_distances
from measures.per_layer import Layered

COST: Final = "shared forward pass on 400 examples, and their distances at every layer"
SMALL: Final = 3  # examples from which on a sparse solver has an eigenvector to look for


@measure(
    source="Nguyen et al. 2021, arXiv:2010.15327 (block structure); Kornblith et al. 2019, arXiv:1905.00414, sec. 3",
    family="representation",
    cost=COST,
)
def layer_cka(subject: Subject) -> float:
    r"""Mean linear centred kernel alignment of the representations of different layers.

    .. math:: \frac{2}{P (P - 1)} \sum_{p < q} \frac{\langle K_p, K_q \rangle_F}{\lVert K_p \rVert_F \lVert K_q
        \rVert_F}

    Large where a block of layers has nearly the same representation. Departs from the paper, which looks at the matrix
    of all pairs and estimates it over minibatches: this is its mean off the diagonal, over one sample. No unit, between
    0 and 1. Invariant when ReLU layers are rescaled, units are renamed, logits are scaled or a constant is added to
    them.
    """
    grams = _grams(subject)
    if len(grams) < 2:  # noqa: PLR2004  a pair
        raise UnsupportedModelError("It needs two hidden layers that everything passes through; there is one.")
    unit = [gram / gram.norm() for gram in grams]
    pairs = [float((a * b).sum()) for a, b in combinations(unit, 2)]
    return sum(pairs) / len(pairs)


@measure(source="Nguyen et al. 2021, arXiv:2010.15327 (variance explained by the first principal component)",
         family="representation", cost=COST)  # fmt: skip
def first_component_share(subject: Subject) -> float:
    r"""Share of the variance of a layer's representation along its first principal component, averaged over layers.

    .. math:: \frac{1}{P} \sum_p \frac{\lambda_{\max}(K_p)}{\mathrm{tr}\, K_p}

    Nearly one in the layers of a block. No unit, between 1 / n and 1. Invariant when ReLU layers are rescaled, units
    are renamed, logits are scaled or a constant is added to them.
    """
    shares = [largest_eigenvalue(gram.cpu().numpy()) / float(gram.trace()) for gram in _grams(subject)]
    names = [place.layer for place in hidden_bottlenecks(subject)]
    terms = {name: share / len(shares) for name, share in zip(names, shares, strict=True)}
    return Layered(sum(terms.values()), terms)


@shared
def _grams(subject: Subject) -> Tensor:
    """K_p [P, n, n] at the hidden bottlenecks, from squared distances (Torgerson 1952).

    Raises:
        UnsupportedModelError: there is no hidden layer, or the activations there are the same for all examples.
    """
    hidden = hidden_bottlenecks(subject)
    squares = layer_distances(subject)[1:].square()
    for place, square in zip(hidden, squares, strict=True):
        if not square.any():
            raise UnsupportedModelError(f"The input of {place.layer!r} is the same for all examples.")
    return -0.5 * (squares - squares.mean(1, keepdim=True) - squares.mean(2, keepdim=True) + squares.mean((1, 2), True))


def largest_eigenvalue(gram: NDArray[np.float64]) -> float:
    """Largest eigenvalue of a positive semidefinite matrix [n, n]."""
    if len(gram) < SMALL:
        return float(np.linalg.eigvalsh(gram)[-1])
    start = gram[:, gram.diagonal().argmax()]  # not orthogonal to the eigenvector, as constants are to those of K
    return float(eigsh(gram, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
