"""Sensitivity: how much the answer moves with the input, at training examples and between them."""

import math
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from measures.api import Subject, UnsupportedModelError, measure, shared
from measures.passes.activations.features import flow, sample_examples
from measures.passes.activations.torch_calls import tensors
from measures.per_layer import Layered

JACOBIAN_ROWS: Final = 480  # examples times classes: backward passes of one example
MIN_EXAMPLES: Final = 8  # however many classes there are
NOISE: Final = 0.1  # standard deviations of a normalised pixel: small beside the image, large beside rounding
NOISE_EXAMPLES: Final = 128  # bounds the cost to a forward pass of each, twice
NUM_PATHS: Final = 4  # ellipses, each through three training examples
POINTS: Final = 32  # on each; bounds the cost to a forward pass of 128 points
JACOBIAN_COST: Final = "shared forward pass and K backward passes on max(8, 480 / K) examples"


@shared
def jacobian_grams(subject: Subject) -> tuple[Tensor, Tensor]:
    """Of sampled examples J J^T [s, k, k], with J the Jacobian of the logits by the input, and the softmax [s, k]."""
    subject.require_real_inputs()
    count = max(MIN_EXAMPLES, JACOBIAN_ROWS // subject.num_classes)
    x = sample_examples(subject, count).inputs.clone().requires_grad_()
    with torch.enable_grad():
        logits = subject.logits_of(x)
        rows = [torch.autograd.grad(logits[:, k].sum(), x, retain_graph=True)[0] for k in range(subject.num_classes)]
    jacobian = torch.stack([row.flatten(1) for row in rows], 1).double()
    return jacobian @ jacobian.mT, logits.detach().double().softmax(1)


@measure(source="Novak et al. 2018, arXiv:1802.08760, sec. 3.1", family="representation",
         cost=JACOBIAN_COST)  # fmt: skip
def jacobian_norm(subject: Subject) -> float:
    r"""Mean Frobenius norm of the Jacobian of the probabilities by the input.

    .. math:: \frac{1}{s} \sum_i \lVert \partial_x \mathrm{softmax} f(x_i) \rVert_F

    Of s = min(m, max(8, 480 / K)) training examples, where the paper has test examples. Unit: probability per unit of a
    normalised input. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    grams, p = jacobian_grams(subject)
    slope = p.diag_embed() - p[:, :, None] * p[:, None, :]
    squares = (slope @ grams @ slope).diagonal(dim1=1, dim2=2).sum(1)
    return float(squares.clamp_min(0).sqrt().mean())


@measure(source="Novak et al. 2018, arXiv:1802.08760, sec. 3.1, of the logits", family="representation",
         cost=JACOBIAN_COST)  # fmt: skip
def logit_jacobian_norm(subject: Subject) -> float:
    r"""Mean Frobenius norm of the Jacobian of the logits by the input.

    .. math:: \frac{1}{s} \sum_i \lVert \partial_x f(x_i) \rVert_F

    As `jacobian_norm` without the softmax, which flattens it where the network is sure. Unit: logits per unit of a
    normalised input. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    grams, _ = jacobian_grams(subject)
    return float(grams.diagonal(dim1=1, dim2=2).sum(1).sqrt().mean())


@measure(source="Hein & Andriushchenko 2017, arXiv:1705.08475, sec. 2 (local Lipschitz constant)",
         family="representation", cost=JACOBIAN_COST)  # fmt: skip
def local_lipschitz(subject: Subject) -> float:
    r"""Largest spectral norm of the Jacobian of the logits by the input over training examples.

    .. math:: \max_i \lVert \partial_x f(x_i) \rVert_2

    At the examples of `jacobian_norm` themselves; the source has the largest in a ball around one. Unit: logits per
    unit of a normalised input. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    grams, _ = jacobian_grams(subject)
    return math.sqrt(float(torch.linalg.eigvalsh(grams)[:, -1].max().clamp_min(0)))


@measure(source="Novak et al. 2018, arXiv:1802.08760, sec. 3.1 (its finite form); Arora et al. 2018, definition 1",
         family="representation", cost="2 forward passes on 128 examples")  # fmt: skip
def input_noise_sensitivity(subject: Subject) -> float:
    r"""Mean change of the logits relative to the Gaussian noise on the input that makes it.

    .. math:: \frac{1}{s} \sum_i \frac{\lVert f(x_i + e_i) - f(x_i) \rVert_2}{\lVert e_i \rVert_2}, \quad
        e_i \sim N(0, 0.1^2 I)

    Of min(m, 128) training examples, one draw each. Unit: logits per unit of a normalised input. Invariant when ReLU
    layers are rescaled or a constant is added to all logits.
    """
    x = sample_examples(subject, NOISE_EXAMPLES).inputs
    noise = torch.randn(x.shape, generator=subject.generator("input_noise"), device=subject.device).to(subject.dtype)
    with torch.no_grad():
        moved = subject.logits_of(x + NOISE * noise) - subject.logits_of(x)
    return float((moved.double().norm(dim=1) / (NOISE * noise).double().flatten(1).norm(dim=1)).mean())


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
        raise UnsupportedModelError(f"Noise that enters at {(silent or ['the input'])[0]!r} never reaches its logits.")
    if not psi.isfinite().all():
        raise UnsupportedModelError(
            f"Squares of its activations, Jacobians or logits exceed the range of {size.dtype}."
        )
    terms = {place.layer: -math.log(v) / len(psi) for place, v in zip(found.bottlenecks, psi.tolist(), strict=True)}
    return Layered(sum(terms.values()), terms)


@measure(source="Novak et al. 2018, arXiv:1802.08760, sec. 3.2", family="representation",
         cost="1 forward pass on 128 points between examples")  # fmt: skip
def linear_regions(subject: Subject) -> float:
    r"""Mean number of times that a ReLU switches along a closed path through three training examples.

    .. math:: \frac{1}{4} \sum_p \sum_{t=1}^{32} \lVert c(z_{t+1}) - c(z_t) \rVert_1, \quad
        z_t = \bar x + a \cos \theta_t + b \sin \theta_t

    c(z) in {0, 1} says of each ReLU whether its input is positive; the ellipse passes through the examples at angles
    0, 2 pi / 3 and 4 pi / 3 and starts there. The paper has more points and paths; 32 miss what switches there and back
    between two of them. Other nonlinearities are not counted. No unit. Invariant when ReLU layers are rescaled, a
    constant is added to all logits, and when they are scaled.
    """
    subject.require_real_inputs()
    points = _ellipses(sample_examples(subject, 3 * NUM_PATHS).inputs)
    total = 0
    for path in points:
        with torch.no_grad(), _Switches() as seen:
            subject.logits_of(path)
        if not seen.signs:
            raise UnsupportedModelError("The network has no ReLU, whose switching could be counted.")
        total += sum(int((signs != signs.roll(-1, 0)).sum()) for signs in seen.signs)
    return total / len(points)


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
