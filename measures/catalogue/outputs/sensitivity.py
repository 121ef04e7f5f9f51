"""Sensitivity of the output to the input: Jacobians, noise, linear regions."""

import math
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from measures.api import CHUNK, Subject, UnsupportedModelError, measure, shared
from measures.passes.activations.features import flow, sample_examples
from measures.passes.activations.torch_calls import tensors
from measures.per_layer import Layered

JACOBIAN_ROWS: Final = 4096  # examples times classes: backward passes of one example
MIN_EXAMPLES: Final = 8  # however many classes there are
NOISE: Final = 0.1  # standard deviations of a normalised pixel: small beside the image, large beside rounding
NOISE_EXAMPLES: Final = 512  # bounds the cost to three forward passes of each
NUM_PATHS: Final = 128  # ellipses, each through three training examples: all of a small training set
POINTS: Final = 32  # on each; bounds the cost to a forward pass of each
JACOBIAN_COST: Final = "shared forward pass and K backward passes on max(8, 4096 / K) examples"


@shared
def jacobian_grams(subject: Subject) -> tuple[Tensor, Tensor]:
    """Of sampled examples J J^T [s, k, k], with J the Jacobian of the logits by the input, and the softmax [s, k]."""
    subject.require_real_inputs()
    count = max(MIN_EXAMPLES, JACOBIAN_ROWS // subject.num_classes)
    grams, probabilities = [], []
    for inputs in sample_examples(subject, count).inputs.split(CHUNK):
        x = inputs.clone().requires_grad_()
        with torch.enable_grad():
            logits = subject.logits_of(x)
            rows = [torch.autograd.grad(logits[:, k].sum(), x, retain_graph=True)[0] for k in range(logits.shape[1])]
        jacobian = torch.stack([row.flatten(1) for row in rows], 1).double()
        grams.append(jacobian @ jacobian.mT)
        probabilities.append(logits.detach().double().softmax(1))
    return torch.cat(grams), torch.cat(probabilities)


@measure(source="Novak et al. 2018, arXiv:1802.08760, sec. 3.1", family="representation",
         version=2, cost=JACOBIAN_COST)  # fmt: skip
def jacobian_norm(subject: Subject) -> float:
    r"""Mean Frobenius norm of the Jacobian of the probabilities by the input.

    .. math:: \frac{1}{s} \sum_i \lVert \partial_x \mathrm{softmax} f(x_i) \rVert_F

    Of s = min(m, max(8, 4096 / K)) training examples, where the paper has test examples. Unit: probability per unit of
    a normalised input. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    grams, p = jacobian_grams(subject)
    slope = p.diag_embed() - p[:, :, None] * p[:, None, :]
    squares = (slope @ grams @ slope).diagonal(dim1=1, dim2=2).sum(1)
    return float(squares.clamp_min(0).sqrt().mean())


@measure(source="Novak et al. 2018, arXiv:1802.08760, sec. 3.1, of the logits", family="representation",
         version=2, cost=JACOBIAN_COST)  # fmt: skip
def logit_jacobian_norm(subject: Subject) -> float:
    r"""Mean Frobenius norm of the Jacobian of the logits by the input.

    .. math:: \frac{1}{s} \sum_i \lVert \partial_x f(x_i) \rVert_F

    As `jacobian_norm` without the softmax, which flattens it where the network is sure. Unit: logits per unit of a
    normalised input. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    grams, _ = jacobian_grams(subject)
    return float(grams.diagonal(dim1=1, dim2=2).sum(1).sqrt().mean())


@measure(source="Hein & Andriushchenko 2017, arXiv:1705.08475, sec. 2 (local Lipschitz constant)",
         family="representation", version=2, cost=JACOBIAN_COST)  # fmt: skip
def local_lipschitz(subject: Subject) -> float:
    r"""Largest spectral norm of the Jacobian of the logits by the input over training examples.

    .. math:: \max_i \lVert \partial_x f(x_i) \rVert_2

    At the examples of `jacobian_norm` themselves; the source has the largest in a ball around one. Unit: logits per
    unit of a normalised input. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    grams, _ = jacobian_grams(subject)
    return math.sqrt(float(torch.linalg.eigvalsh(grams)[:, -1].max().clamp_min(0)))


@measure(source="Bubeck & Sellke 2021, arXiv:2105.12806, theorem 1 (law of robustness)", family="representation",
         cost=JACOBIAN_COST)  # fmt: skip
def robustness_law(subject: Subject) -> float:
    r"""Local Lipschitz constant over the least that the law of robustness lets a network of its size have.

    .. math:: \max_i \lVert \partial_x f(x_i) \rVert_2 \, \sqrt{\frac{p}{n d}}

    with p parameters, n training examples and d numbers in an input: a function of p parameters that fits n labels
    below their noise has a Lipschitz constant of the order of sqrt(n d / p) at least. Large where a network is less
    smooth than its size allows, hence the sign. Departs from the paper, whose constant is that of the whole space:
    here `local_lipschitz`. Unit: logits per unit of a normalised input. Invariant when ReLU layers are rescaled or a
    constant is added to all logits.
    """
    num_params = sum(p.numel() for p in subject.params.values())
    return local_lipschitz(subject) * math.sqrt(num_params / subject.inputs.numel())


@measure(source="Novak et al. 2018, arXiv:1802.08760, sec. 3.1 (its finite form); Arora et al. 2018, definition 1",
         family="representation", version=2, cost="3 forward passes on 512 examples")  # fmt: skip
def input_noise_sensitivity(subject: Subject) -> float:
    r"""Mean change of the logits relative to the Gaussian noise on the input that makes it.

    .. math:: \frac{1}{2 s} \sum_i \sum_{\pm} \frac{\lVert f(x_i \pm e_i) - f(x_i) \rVert_2}{\lVert e_i \rVert_2},
        \quad e_i \sim N(0, 0.1^2 I)

    Of min(m, 512) training examples, one draw each, added and subtracted. Unit: logits per unit of a normalised input.
    Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    x = sample_examples(subject, NOISE_EXAMPLES).inputs
    draw = torch.randn(x.shape, generator=subject.generator("input_noise"), device=subject.device).to(subject.dtype)
    noise = NOISE * draw
    with torch.no_grad():
        start, *ends = (
            torch.cat([subject.logits_of(part) for part in moved.split(CHUNK)]).double()
            for moved in (x, x + noise, x - noise)
        )
    change = sum(((end - start).norm(dim=1) for end in ends), start.new_zeros(len(x))) / len(ends)
    return float((change / noise.double().flatten(1).norm(dim=1)).mean())


@measure(source="Garg, Ravikumar & Roy 2024, arXiv:2307.05831", family="representation",
         cost=JACOBIAN_COST)  # fmt: skip
def loss_curvature(subject: Subject) -> float:
    r"""Mean squared curvature of the loss by the input.

    .. math:: \frac{1}{s} \sum_i \left\lVert J_i^T (\mathrm{diag}\, p_i - p_i p_i^T) J_i \right\rVert_F^2

    with the Jacobian J_i of the logits by the input and the softmax p_i: the Gauss-Newton part of the Hessian, which is
    all of it where the network is piecewise linear. Departs from the paper, which estimates the Hessian's norm by
    finite differences along random directions. Examples as in `jacobian_norm`. Unit: nats squared per unit of a
    normalised input to the fourth. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    grams, p = jacobian_grams(subject)
    product = (p.diag_embed() - p[:, :, None] * p[:, None, :]) @ grams
    return float((product * product.mT).sum((1, 2)).mean())


@measure(source="Arora et al. 2018, arXiv:1802.05296, definition 1 and figure 1", family="representation",
         expected_sign=-1, cost="shared forward and 2 backward passes on 256 examples", version=2)  # fmt: skip
def noise_attenuation(subject: Subject) -> float:
    r"""How much the network damps noise that enters at a layer, in nats, averaged over the layers.

    .. math:: -\frac{1}{P} \sum_p \log \psi_p, \quad
        \psi_p = \frac{1}{s} \sum_i
        \frac{\lVert J_p(x_i) \rVert_F^2 \lVert h_p(x_i) \rVert_2^2}{\lVert f(x_i) \rVert_2^2}
        = \mathbb{E}_{i, \eta \sim N(0, I)}
        \frac{\lVert J_p \eta \rVert_2^2 \lVert h_p \rVert_2^2}{\lVert f(x_i) \rVert_2^2}

    psi is the noise sensitivity of the rest of the network at the activation h_p, with J_p the Jacobian of the logits
    by it; h_p are the P activations that all paths lead through, the input first. Departs from the paper, whose noise
    is finite, in the limit of small noise, and estimates J_p by one Rademacher vector an example. Of min(m, 256)
    training examples. Unit: nats. Invariant when ReLU layers without biases are rescaled.
    """
    found = flow(subject)
    size = found.logits.square().sum(1)
    psi = (found.jacobians * found.activations / size).double().mean(1)
    silent = [place.layer for place, value in zip(found.bottlenecks, psi.tolist(), strict=True) if value == 0]
    if silent or not size.all():
        raise UnsupportedModelError(f"Noise at {(silent or ['the input'])[0]!r} does not reach the logits.")
    if not psi.isfinite().all():
        raise UnsupportedModelError(
            f"Squares of its activations, Jacobians or logits exceed the range of {size.dtype}."
        )
    terms = {place.layer: -math.log(v) / len(psi) for place, v in zip(found.bottlenecks, psi.tolist(), strict=True)}
    return Layered(sum(terms.values()), terms)


@measure(source="Novak et al. 2018, arXiv:1802.08760, sec. 3.2", family="representation", version=2,
         cost="1 forward pass on up to 4096 points between examples")  # fmt: skip
def linear_regions(subject: Subject) -> float:
    r"""Mean number of times that a ReLU switches along a closed path through three training examples.

    .. math:: \frac{1}{q} \sum_p \sum_{t=1}^{32} \lVert c(z_{t+1}) - c(z_t) \rVert_1, \quad
        z_t = \bar x + a \cos \theta_t + b \sin \theta_t

    c(z) in {0, 1} says of each ReLU whether its input is positive; the ellipse passes through the examples at angles
    0, 2 pi / 3 and 4 pi / 3 and starts there. Of q = min(m / 3, 128) paths, which share no example. The paper has more
    points and paths; 32 points miss what switches there and back between two of them. Other nonlinearities are not
    counted. No unit. Invariant when ReLU layers are rescaled, a constant is added to all logits, and when they are
    scaled.
    """
    subject.require_real_inputs()
    paths = _ellipses(sample_examples(subject, 3 * NUM_PATHS).inputs)
    total = 0
    for some in paths.split(CHUNK // POINTS):
        with torch.no_grad(), _Switches() as seen:
            subject.logits_of(some.flatten(0, 1))
        if not seen.signs:
            raise UnsupportedModelError("The network has no ReLU.")
        for signs in seen.signs:
            along = signs.unflatten(0, (len(some), POINTS))
            total += int((along != along.roll(-1, 1)).sum())
    return total / len(paths)


def _ellipses(examples: Tensor) -> Tensor:
    """Points [paths, POINTS, c, h, w] on closed paths, each through three examples in turn.

    Raises:
        UnsupportedModelError: there are fewer than three.
    """
    if len(examples) < 3:  # noqa: PLR2004  a triangle
        raise UnsupportedModelError(f"A closed path needs three training examples; there are {len(examples)}.")
    corners = examples[: len(examples) // 3 * 3].unflatten(0, (-1, 3))  # [paths, 3, c, h, w]

    def waves(count: int) -> tuple[Tensor, Tensor]:
        angles = torch.arange(count, dtype=torch.float64, device=examples.device) * (2 * math.pi / count)
        return angles.cos().to(examples.dtype), angles.sin().to(examples.dtype)

    (cos3, sin3), (cos, sin) = waves(3), waves(POINTS)
    a, b = (2 / 3 * torch.einsum("pk...,k->p...", corners, wave) for wave in (cos3, sin3))
    middle = corners.mean(1, keepdim=True)
    points: Tensor = middle + torch.einsum("p...,t->pt...", a, cos) + torch.einsum("p...,t->pt...", b, sin)
    return points


class _Switches(TorchFunctionMode):
    """Notes for every ReLU which of its inputs are positive."""

    def __init__(self) -> None:
        super().__init__()
        self.signs: list[Tensor] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function."""
        del types
        if getattr(func, "__name__", "").strip("_") == "relu":
            self.signs.append(next(tensors((args, kwargs or {}))).detach() > 0)
        return func(*args, **(kwargs or {}))
