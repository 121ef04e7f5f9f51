"""Norms of weights against naive transcriptions in numpy."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from torch.nn.utils.fusion import fuse_conv_bn_weights

from measures.api import Subject, UnsupportedModel
from measures.norms import fro_over_spec, l2, param_norm, prod_of_spec, sum_of_spec

Matrices = list[npt.NDArray[np.float64]]


def folded_by_hand(conv_bn: Subject) -> Matrices:
    """The layers of `conv_bn` as matrices, folded by torch's own fusion."""
    state = {**conv_bn.params, **conv_bn.buffers}
    kernels = [
        fuse_conv_bn_weights(
            state[f"{conv}.weight"], state.get(f"{conv}.bias"), state[f"{norm}.running_mean"],
            state[f"{norm}.running_var"], 1e-5, state[f"{norm}.weight"], state[f"{norm}.bias"],
        )[0]
        for conv, norm in (("0", "1"), ("4", "5"))
    ]  # fmt: skip
    return [kernel.detach().flatten(1).numpy() for kernel in kernels] + [state["9.weight"].numpy()]


@pytest.fixture(params=["mlp", "conv_bn"])
def case(request: pytest.FixtureRequest) -> tuple[Subject, Matrices]:
    """A network and its layers as matrices, found without the code under test."""
    subject: Subject = request.getfixturevalue(request.param)
    if request.param == "conv_bn":
        return subject, folded_by_hand(subject)
    return subject, [subject.params[f"{place}.weight"].numpy() for place in (1, 3, 5)]


def test_sums(case: tuple[Subject, Matrices]) -> None:
    """Sums of squares and their root."""
    subject, matrices = case
    total = sum(float(np.linalg.norm(matrix, "fro")) ** 2 for matrix in matrices)

    assert param_norm(subject) == pytest.approx(total, rel=1e-12)
    assert l2(subject) == pytest.approx(math.sqrt(total), rel=1e-12)


def test_products(case: tuple[Subject, Matrices]) -> None:
    """The product of squared spectral norms, its logarithm and its geometric mean."""
    subject, matrices = case
    product = math.prod(float(np.linalg.norm(matrix, 2)) ** 2 for matrix in matrices)

    assert prod_of_spec(subject) == pytest.approx(math.log(product), rel=1e-9)
    assert sum_of_spec(subject) == pytest.approx(len(matrices) * product ** (1 / len(matrices)), rel=1e-9)


def test_stable_ranks(case: tuple[Subject, Matrices]) -> None:
    """Squared Frobenius over squared spectral norm, layer by layer."""
    subject, matrices = case
    ranks = [float(np.linalg.norm(matrix, "fro") / np.linalg.norm(matrix, 2)) ** 2 for matrix in matrices]

    assert fro_over_spec(subject) == pytest.approx(sum(ranks), rel=1e-9)


@pytest.mark.parametrize("measure", [prod_of_spec, sum_of_spec], ids=lambda measure: measure.name)
def test_products_are_refused_where_they_bound_nothing(vit: Subject, mixer: Subject, measure: object) -> None:
    """Layer norm, attention and GELU are named as the reason; sums stay defined."""
    for subject, reason in ((vit, "scaled_dot_product_attention"), (mixer, "gelu, layer_norm")):
        with pytest.raises(UnsupportedModel, match=reason):
            measure(subject)  # type: ignore[operator]  # an id that pytest shows, and a measure
        assert param_norm(subject) > 0
        assert fro_over_spec(subject) > 0
