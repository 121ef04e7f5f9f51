"""Solvers of linear classifiers in float64, by scipy: each says how far it came where it does not reach a solution."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from zoo.errors import SolverError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEASIBLE: Final = 1e-6  # how far a margin of a solution may fall short of 1


def max_margin(inputs: Floats, labels: Ints, num_classes: int) -> Floats:
    r"""Weights [k, d] of the hard-margin support vector machine without bias, of Crammer & Singer 2001, JMLR 2:265.

    .. math:: \min_W \tfrac{1}{2} \lVert W \rVert_F^2 \quad \text{such that} \quad
        (w_{y_i} - w_j)^\top x_i \ge 1 \text{ for all } i \text{ and } j \ne y_i

    With A the matrix of the constraints, A w >= 1, this is the least-distance problem of Lawson & Hanson 1974, ch. 23:
    an active-set solver finds u >= 0 that minimises :math:`\lVert A^\top u \rVert^2 + (1 - \mathbf 1^\top u)^2`, and
    :math:`w = A^\top u / (1 - \mathbf 1^\top u)`. Inputs are first rotated into the space that they span.

    Args:
        inputs: [n, d].
        labels: [n], 0 to k - 1.
        num_classes: k.

    Raises:
        SolverError: the classes cannot be separated, or the solver did not converge.
    """
    basis, triangle = np.linalg.qr(inputs.T)  # [d, r], [r, n]
    constraints = _constraints(triangle.T, labels, num_classes)
    count = len(constraints)
    system = np.vstack([constraints.T, np.ones(count)])
    target = np.zeros(len(system))
    target[-1] = 1
    try:
        multipliers, _ = nnls(system, target, maxiter=20 * count)
    except RuntimeError as error:
        raise SolverError(
            f"max_margin: the active-set solver (scipy.optimize.nnls) must converge in {20 * count} steps; it did not. "
            "Take fewer examples."
        ) from error
    slack = 1 - multipliers.sum()
    weights = constraints.T @ multipliers / slack if slack > 0 else np.zeros(constraints.shape[1])
    margin = float((constraints @ weights).min())
    if not margin >= 1 - FEASIBLE:
        raise SolverError(
            f"max_margin: the training examples must be linearly separable without a bias; the least margin that was "
            f"reached is {margin:.2g} instead of 1. Take fewer examples or more dimensions."
        )
    found: Floats = weights.reshape(num_classes, -1) @ basis.T
    return found


def gradient_descent(inputs: Floats, targets: Floats, learning_rate: float, steps: int) -> Floats:
    r"""Weights [k, d] after T steps of gradient descent from zero on half the mean squared distance from the targets.

    .. math:: W_T^\top = V \operatorname{diag}\Big( \frac{1 - (1 - \eta s^2 / n)^T}{s} \Big) U^\top Y,
        \qquad X = U \operatorname{diag}(s) V^\top

    Args:
        inputs: X [n, d].
        targets: Y [n, k].
        learning_rate: eta.
        steps: T.

    Raises:
        SolverError: a learning rate with which the steps diverge.
    """
    left, values, right = np.linalg.svd(inputs, full_matrices=False)
    curvatures = values**2 / len(inputs)
    if learning_rate * curvatures.max() >= 2:  # noqa: PLR2004  where the factor of a step has size one
        raise SolverError(
            f"gradient_descent: learning_rate must be below {2 / curvatures.max():.3g}, two divided by the largest "
            f"curvature, for it diverges otherwise; got {learning_rate}."
        )
    present = values > max(inputs.shape) * np.finfo(np.float64).eps * values.max()
    gains = np.zeros_like(values)
    gains[present] = (1 - (1 - learning_rate * curvatures[present]) ** steps) / values[present]
    found: Floats = (right.T @ (gains[:, None] * (left.T @ targets))).T
    return found


def _constraints(inputs: Floats, labels: Ints, num_classes: int) -> Floats:
    """Rows (e_y - e_j) x^T, flattened [n (k - 1), k r], of examples [n, r]."""
    unit = np.eye(num_classes)
    pairs = [(x, unit[y] - unit[j]) for x, y in zip(inputs, labels, strict=True) for j in range(num_classes) if j != y]
    return np.stack([np.outer(direction, x).ravel() for x, direction in pairs])
