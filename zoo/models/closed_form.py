"""Solve networks instead of training them: Theorem 1 of Zhang et al. 2017, kernels, random features, linear models.

Each is an `nn.Module` from inputs [n, c, h, w] to logits [n, k] in float64, since interpolants are ill-conditioned. Its
parameters are what the labels decide; what is drawn (filters, features) or read off the images (kernel centres,
bandwidth) are buffers, save the projection and the biases of Theorem 1, which the theorem counts among its weights.
`unsolved` gives the network with zero output coefficients, its state of initialization: every distance from there is a
norm of the solution. `solve` writes the coefficients.
"""

from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.errors import RecipeError
from zoo.models.fixed_features import PATCH, GaborFeatures, PatchFeatures
from zoo.models.linear_solvers import gradient_descent, max_margin
from zoo.recipe import Recipe
from zoo.recipe_fields import KERNELS, LINEAR
from zoo.seeds import generator

NUM_FEATURES: Final = 64  # at width 1, as the hidden layer of the mlp family
POOLED: Final = 4  # random convolutional features are averaged over a 4 x 4 grid of cells
BANDWIDTH_EXAMPLES: Final = 1000  # half a million pairs settle a median
KNOT: Final = 0.25  # a bias lies a quarter of the gap after a projection: at a half, rounding errors would not decay
SHARPNESS: Final = 5.3  # log 200: a fitted inner class has a cross-entropy of 0.01 nats, where trained networks stop
TOLERANCE: Final = 1e-6  # how far a solved output may lie from its target


class FixedLinear(nn.Module):
    """x W^T + b with a weight [out, in] that no label decides: a buffer; the bias [out] may be a parameter."""

    weight: Tensor

    def __init__(self, weight: Tensor, bias: nn.Parameter | nn.Buffer | None = None) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.bias = bias

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs [m, out] of inputs [m, in]."""
        return functional.linear(inputs, self.weight, self.bias)


class FixedConvolution(nn.Module):
    """Convolution with filters [out, in, 3, 3] that no label decides, which keeps the image's size."""

    filters: Tensor

    def __init__(self, filters: Tensor) -> None:
        super().__init__()
        self.register_buffer("filters", filters)

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps [m, out, h, w] of images [m, in, h, w]."""
        return functional.conv2d(inputs, self.filters, padding=1)


class GaussianKernel(nn.Module):
    r"""Similarity to the n training examples, inputs [m, d] to [m, n].

    .. math:: k(x, c_j) = \exp(-\lVert x - c_j \rVert^2 / (2 \sigma^2))

    The bandwidth sigma is the median of the Euclidean distances between training examples, at most
    `BANDWIDTH_EXAMPLES` of them evenly spaced, times `scale`: the median heuristic of Gretton et al. 2012, JMLR 13:723.

    Args:
        centres: training examples [n, d].
        scale: multiplies the bandwidth.
    """

    centres: Tensor
    bandwidth: Tensor

    def __init__(self, centres: Tensor, scale: float) -> None:
        super().__init__()
        step = -(-len(centres) // BANDWIDTH_EXAMPLES)
        distances = functional.pdist(centres[::step])
        if len(distances) == 0 or distances.median() == 0:
            raise RecipeError(
                "The median distance between training examples must be positive, since it is the kernel's bandwidth; "
                "got 0. Take more examples, or ones that differ."
            )
        self.register_buffer("centres", centres.clone())
        self.register_buffer("bandwidth", scale * distances.median())

    def forward(self, inputs: Tensor) -> Tensor:
        """Kernel values [m, n] of inputs [m, d]."""
        squares = inputs.square().sum(1, keepdim=True) + self.centres.square().sum(1)
        return torch.exp((inputs @ self.centres.T - squares / 2) / self.bandwidth.square())


def unsolved(recipe: Recipe, inputs: Tensor, num_classes: int) -> nn.Sequential:
    """The network of a solved family with zero output coefficients, in float64.

    Args:
        recipe: its `model`, `width` and seed decide the network.
        inputs: normalised training inputs [n, c, h, w].
        num_classes: k.

    Raises:
        RecipeError: images too much alike for a kernel's bandwidth.
    """
    inputs = inputs.double()
    count, channels = inputs.shape[:2]
    draw = generator("initialization", recipe.initial_seed)
    match recipe.model:
        case "theorem1":
            return _theorem1(inputs.flatten(1), num_classes, draw)
        case "kernel_gaussian":
            scale = recipe.width * recipe.bandwidth
            features, size = nn.Sequential(nn.Flatten(), GaussianKernel(inputs.flatten(1), scale)), count
        case "kernel_conv":
            filters = _normal(draw, _num_features(recipe), channels, 3, 3) * (2 / (9 * channels)) ** 0.5
            maps = nn.Sequential(FixedConvolution(filters), nn.ReLU(), nn.AdaptiveAvgPool2d(POOLED), nn.Flatten())
            features, size = _kernel_on(maps, inputs, recipe.bandwidth), count
        case "kernel_patches":
            normal = _normal(draw, _num_features(recipe), channels * PATCH**2)
            features, size = _kernel_on(PatchFeatures(normal, inputs), inputs, recipe.bandwidth), count
        case "kernel_gabor":
            features, size = _kernel_on(GaborFeatures(inputs), inputs, recipe.bandwidth), count
        case "random_features":
            size, dim = _num_features(recipe), inputs[0].numel()
            weight = _normal(draw, size, dim) * (2 / (dim * size)) ** 0.5  # the kernel's scale is free of the size
            features = nn.Sequential(nn.Flatten(), FixedLinear(weight), nn.ReLU())
        case linear if linear in LINEAR:
            features, size = nn.Sequential(nn.Flatten()), inputs[0].numel()
        case _:
            raise ValueError(f"The model must be solved in closed form; got {recipe.model!r}.")
    return nn.Sequential(features, _zero_linear(size, num_classes))


def solve(network: nn.Sequential, recipe: Recipe, inputs: Tensor, labels: Tensor) -> None:
    r"""Write the output coefficients that the training examples decide into an unsolved network.

    Targets of kernels and random features are centred one-hot labels, Y = onehot - 1/k, and with ridge
    lambda = `recipe.weight_decay` the network f minimises

    .. math:: \frac{1}{n} \sum_i \lVert f(x_i) - Y_i \rVert^2 + \lambda \lVert f \rVert^2,

    with the norm of the kernel's Hilbert space, or of the coefficients on random features. At lambda = 0 that is the
    limit: of all f that fit the targets best, the one of least norm. Theorem 1 fits the class index, see `_theorem1`.

    Args:
        network: what `unsolved` returned for this recipe and these inputs.
        recipe: its `model` and `weight_decay`.
        inputs: normalised training inputs [n, c, h, w].
        labels: int64 [n].

    Raises:
        RecipeError: equal images under different labels, or images so near that the system is numerically singular.
        SolverError: no solution was reached, or there is none, see zoo.models.linear_solvers.
    """
    inputs = inputs.double()
    with torch.no_grad():
        if recipe.model == "theorem1":
            _solve_theorem1(network, inputs, labels)
            return
        features, readout = network[0], network.get_parameter("1.weight")
        if recipe.model == "max_margin":
            readout.copy_(
                torch.from_numpy(max_margin(features(inputs).cpu().numpy(), labels.cpu().numpy(), len(readout)))
            )
            return
        targets = functional.one_hot(labels, len(readout)).double() - 1 / len(readout)
        if recipe.model == "gradient_descent":
            rows = gradient_descent(
                features(inputs).cpu().numpy(), targets.cpu().numpy(), recipe.learning_rate, recipe.max_epochs
            )
            readout.copy_(torch.from_numpy(rows))
            return
        ridge = len(labels) * recipe.weight_decay
        solver = _kernel_coefficients if recipe.model in KERNELS else _least_norm
        readout.copy_(solver(features(inputs), targets, ridge).T)


def _kernel_coefficients(gram: Tensor, targets: Tensor, ridge: float) -> Tensor:
    """Solve (K + ridge I) alpha = Y for K [n, n] and Y [n, k] by Cholesky."""
    count = len(gram)
    factor, failed = torch.linalg.cholesky_ex(gram + ridge * torch.eye(count, dtype=gram.dtype, device=gram.device))
    pivot = 0.0 if int(failed) else float(factor.diagonal().min().square())
    floor = count * torch.finfo(gram.dtype).eps
    if pivot <= floor:
        raise RecipeError(
            f"The kernel matrix must be numerically regular; got a pivot of {pivot:.1e}, at most the rounding error of "
            f"{floor:.1e}. Some training images are equal or nearly so: give a ridge (weight_decay) or other images."
        )
    return torch.cholesky_solve(targets, factor)


def _least_norm(features: Tensor, targets: Tensor, ridge: float) -> Tensor:
    """V diag(s / (s^2 + ridge)) U^T Y for features U diag(s) V^T [n, p]; at ridge 0 the pseudo-inverse times Y."""
    left, values, right = torch.linalg.svd(features, full_matrices=False)
    cutoff = max(features.shape) * torch.finfo(features.dtype).eps * values.max()
    gains = torch.where(values > cutoff, values / (values.square() + ridge), 0.0)
    solution: Tensor = right.T @ (gains[:, None] * (left.T @ targets))
    return solution


def _theorem1(inputs: Tensor, num_classes: int, draw: torch.Generator) -> nn.Sequential:
    r"""The two-layer ReLU network of Zhang et al. 2017, arXiv:1611.03530, Theorem 1 and app. C, still with w = 0.

    .. math:: c(x) = \sum_j w_j \max(\langle a, x \rangle - b_j, 0), \qquad b_1 < z_1 < b_2 < z_2 < \dots

    for the sorted projections z of the n training examples on a random unit vector a: 2n + d weights a, b and w. One
    output cannot say k classes, so c fits the class index y, and the logit of class l is s (2 l c - l^2), which up to
    a constant is -s (c - l)^2, the nearest index winning; its s is `SHARPNESS`, not a weight. Equal images share a
    unit, and the units that they leave over are idle: b at the largest projection, w = 0.
    """
    direction = _normal(draw, 1, inputs.shape[1])
    direction /= direction.norm()
    _, _, knots = _projected(inputs, direction)
    idle = knots.new_full((len(inputs) - len(knots),), float((inputs @ direction.T).max()))
    ones = torch.ones(len(inputs), 1, dtype=torch.float64)
    spread = FixedLinear(ones, nn.Parameter(-torch.cat([knots, idle])))
    index = torch.arange(num_classes, dtype=torch.float64)
    readout = FixedLinear(2 * SHARPNESS * index[:, None], nn.Buffer(-SHARPNESS * index.square()))
    return nn.Sequential(nn.Flatten(), _linear(direction), spread, nn.ReLU(), _zero_linear(len(inputs), 1), readout)


def _solve_theorem1(network: nn.Sequential, inputs: Tensor, labels: Tensor) -> None:
    """Solve A w = y for the lower triangular A_ij = max(z_i - b_j, 0) of the distinct images (Lemma 1)."""
    first, owner, knots = _projected(inputs.flatten(1), network.get_parameter("1.weight"))
    targets = labels[first].double()
    clash = (targets[owner] != labels).nonzero().flatten()
    if len(clash):
        raise RecipeError(
            f"Equal images must have equal labels, since no function tells them apart; got {len(clash)} images that "
            f"contradict another, number {int(clash[0])} among them. Remove the duplicates or train another model."
        )
    hidden = network[:4](inputs[first])[:, : len(knots)]  # [u, u]
    weight = network.get_parameter("4.weight")
    weight.zero_()
    weight[0, : len(knots)] = torch.linalg.solve_triangular(hidden, targets[:, None], upper=False)[:, 0]
    error = float((network[:5](inputs)[:, 0] - labels).abs().max())
    if not error <= TOLERANCE:
        raise RecipeError(
            f"The projections must lie far enough apart for float64; got an output that misses its class index by "
            f"{error:.1e}. Take another seed or fewer examples."
        )


def _projected(inputs: Tensor, direction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distinct examples in the order of their projections.

    Args:
        inputs: examples [n, d], u of them distinct.
        direction: [1, d].

    Returns:
        For each distinct example one index [u] into the inputs; for each input the place [n] of its equal in that list;
        and b [u], the knots between the projections.
    """
    distinct, owner = inputs.unique(dim=0, return_inverse=True)
    projections, order = (distinct @ direction[0]).sort()
    place = order.argsort()[owner]
    first = torch.empty_like(order)
    first[place.flip(0)] = torch.arange(len(inputs), device=inputs.device).flip(0)
    gaps = projections.diff()
    start = gaps.mean() if len(gaps) else projections.new_ones(())
    return first, place, torch.cat([projections[:1] - start, projections[:-1] + KNOT * gaps])


def _kernel_on(maps: nn.Module, inputs: Tensor, scale: float) -> nn.Sequential:
    """A Gaussian kernel on features of the training inputs."""
    return nn.Sequential(maps, GaussianKernel(maps(inputs), scale))


def _num_features(recipe: Recipe) -> int:
    return max(1, round(NUM_FEATURES * recipe.width))


def _normal(draw: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=draw, dtype=torch.float64)


def _zero_linear(num_inputs: int, num_outputs: int) -> nn.Linear:
    return _linear(torch.zeros(num_outputs, num_inputs, dtype=torch.float64))


def _linear(weight: Tensor) -> nn.Linear:
    """A layer with this weight [out, in]; skip_init draws nothing from the global generator."""
    layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], bias=False)
    layer.weight = nn.Parameter(weight)
    return cast("nn.Linear", layer)
