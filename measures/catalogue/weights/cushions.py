"""Noise stability of fully connected networks: gains of their layers on data relative to gains on noise."""

from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.catalogue.outputs.margins import MARGIN_FLOOR, percentile
from measures.passes.activations.outputs import margins
from measures.passes.weights.folding import Layer, layers
from measures.per_layer import Layered, layer_sum

NUM_EXAMPLES: Final = 64  # bounds the cost: a Jacobian from each layer to each later one for each of them
AGREEMENT: Final = 1e-3  # relative, of the chain of layers with the network: rounding of float32, not another function


@measure(
    source="Arora et al. 2018, arXiv:1802.05296, sec. 3 (cushions) and theorem 4.1",
    family="compression",
    cost="Jacobians between layers at 64 examples",
    version=2,
)
def arora_compress(subject: Subject) -> Layered:
    r"""Compressed size that the noise stability of a fully connected ReLU network affords, per example.

    .. math:: \frac{c^2 d^2 \max_x \lVert f(x) \rVert_2^2}{\gamma^2 n} \sum_{i=1}^d \frac{1}{\mu_i^2 \mu_{i \to}^2}

    With x^i = W_i phi(x^{i-1}) + b_i of the d layers, phi the ReLU (x^0 the input itself), and J^{ij} the Jacobian of
    x^j by x^i: layer cushion mu_i = min_x ||W_i phi(x^{i-1})|| / (||W_i||_F ||phi(x^{i-1})||); interlayer cushion
    mu_{i->} = min over x and j >= i of ||J^{ij} x^i|| / (||J^{ij}||_F ||x^i||), where j = i gives one over the root of
    the width; activation contraction c = max ||x^i|| / ||phi(x^i)|| over hidden layers. x runs over min(n, 64) training
    examples, gamma is the 10th percentile of all margins, at least 10^-3. This is the square of the theorem's bound
    without its constants and logarithms; batch norm is folded. Departs from it in the biases, which the theorem has
    not and which stay out of mu_i; in leaving out examples at which a hidden layer is silent, for which the bound says
    nothing, and images that are zero; and in that interlayer smoothness is not checked. No unit.

    Convolutions are refused: their theorem is another one, with a compression shared by all positions.
    """
    chain, inputs = _chain(subject), _inputs(subject)
    with torch.no_grad():
        awake = torch.stack([inputs.any(1), *((z > 0).any(1) for z in _outputs(chain, inputs)[:-1])])
        inputs = inputs[awake.all(0)]
        if len(inputs) == 0:
            raise UnsupportedModelError("A hidden layer has only zero activations at every training example.")
        outputs = _outputs(chain, inputs)
        contractions = [(z.norm(dim=1) / z.clamp_min(0).norm(dim=1)).max() for z in outputs[:-1]]
        contraction = max([1.0, *map(float, contractions)])
        cushions = _cushions(chain, inputs, outputs)
        squares = float(outputs[-1].square().sum(1).max())
    if not all(cushion > 0 for cushion in cushions):  # nor is it where a weight is all zeros
        raise UnsupportedModelError("A layer maps some training example to zero: its cushion is zero.")
    gamma = max(percentile(margins(subject)), MARGIN_FLOOR)
    factor = (contraction * len(chain)) ** 2 * squares / gamma**2 / subject.num_examples
    return layer_sum({layer.name: factor / cushion**2 for layer, cushion in zip(chain, cushions, strict=True)})


def _cushions(chain: list[Layer], inputs: Tensor, outputs: list[Tensor]) -> list[float]:
    """mu_i mu_{i->} of each layer."""
    found = []
    activations = [inputs, *(z.clamp_min(0) for z in outputs[:-1])]
    for i, (layer, a, z) in enumerate(zip(chain, activations, outputs, strict=True)):
        W = layer.matrix.double()
        own = float(((a @ W.T).norm(dim=1) / a.norm(dim=1)).min() / W.norm())
        onward = [z.shape[1] ** -0.5]
        J = torch.eye(z.shape[1], dtype=z.dtype, device=z.device).expand(len(z), -1, -1)  # [s, out_j, out_i]
        for j in range(i + 1, len(chain)):
            active = (outputs[j - 1] > 0).to(z.dtype)
            J = chain[j].matrix.double() @ (active.unsqueeze(2) * J)
            through = (J @ z.unsqueeze(2)).flatten(1).norm(dim=1)
            whole = J.flatten(1).norm(dim=1) * z.norm(dim=1)
            onward.append(float(torch.where(whole > 0, through / whole, torch.zeros_like(whole)).min()))
        found.append(own * min(onward))
    return found


def _chain(subject: Subject) -> list[Layer]:
    """The layers of a network that is a chain of linear layers with ReLU between.

    Raises:
        UnsupportedModelError: it has another form.
    """
    chain = layers(subject)
    refusal = "Cushions of layers are defined for fully connected layers in a chain with ReLU between; "
    odd = next((layer.name for layer in chain if layer.weight.dim() != 2), None)  # noqa: PLR2004  [out, in]
    if odd is not None:
        raise UnsupportedModelError(f"{refusal}{odd!r} is a convolution.")
    widths = [subject.inputs[0].numel(), *(len(layer.weight) for layer in chain)]
    if any(layer.weight.shape[1] != width for layer, width in zip(chain, widths, strict=False)):
        raise UnsupportedModelError(f"{refusal}its layers do not form a chain.")
    inputs = _inputs(subject)
    with torch.no_grad():
        expected = subject.logits_of(inputs.to(subject.dtype).view(-1, *subject.inputs.shape[1:])).double()
        apart = (_outputs(chain, inputs)[-1] - expected).norm()
    if not apart <= AGREEMENT * expected.norm():
        raise UnsupportedModelError(f"{refusal}the network applies other operations.")
    return chain


def _inputs(subject: Subject) -> Tensor:
    return subject.inputs[subject.sample(NUM_EXAMPLES)].flatten(1).double()


def _outputs(chain: list[Layer], inputs: Tensor) -> list[Tensor]:
    """x^1, ..., x^d [s, width] before ReLU, float64."""
    found: list[Tensor] = []
    for layer in chain:
        a = found[-1].clamp_min(0) if found else inputs
        z = a @ layer.matrix.double().T
        found.append(z if layer.bias is None else z + layer.bias.double())
    return found
