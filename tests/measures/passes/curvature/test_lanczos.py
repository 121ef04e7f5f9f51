"""The largest eigenvalue: of spectra that are known, of every family in few products, and that of ARPACK."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.passes.curvature import hessian as curvature
from measures.passes.curvature.hessian import MIN_PRODUCTS, lanczos, top_of_spectrum
from measures.passes.curvature.hessian_products import Hessian
from measures.scoring import numerics
from tests.measures.networks import ARCHITECTURES, network
from zoo.models.build import build
from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES


def counted(matrix: Tensor) -> tuple["CountedMatrix", Tensor]:
    """A matrix that counts its products, and a start for Lanczos."""
    start = torch.linspace(1, 2, len(matrix), dtype=matrix.dtype).mul(1000).sin()
    return CountedMatrix(matrix), start


class CountedMatrix(Hessian):
    """A symmetric matrix in the place of a Hessian."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix, self.products = matrix, 0

    def __matmul__(self, vector: Tensor) -> Tensor:
        self.products += 1
        return self.matrix @ vector


def test_lanczos_finds_the_largest_and_not_the_largest_in_magnitude() -> None:
    """A spectrum from -50 to 3 with outliers at 5 and 8: the answer is 8, in at most 25 products."""
    spectrum = torch.cat([torch.linspace(-50, 3, 300), torch.tensor([5.0, 8.0])]).double()
    rotation = torch.linalg.qr(torch.arange(302.0**2).double().sin().reshape(302, 302)).Q
    operator, start = counted(rotation @ spectrum.diag() @ rotation.T)

    top = lanczos(operator, start)

    assert top.eigenvalue == pytest.approx(8, rel=0.01)
    assert abs(top.eigenvalue - 8) <= top.error
    assert operator.products == top.basis.shape[1] <= 40


def test_lanczos_looks_for_what_its_start_does_not_hold() -> None:
    """It starts at an eigenvector of 9, to which the largest eigenvalue adds little: the answer is not 9, but 10."""
    spectrum = torch.cat([torch.linspace(0, 1, 300), torch.tensor([9.0, 10.0])]).double()
    operator = CountedMatrix(spectrum.diag())
    start = torch.full_like(spectrum, 1e-3)
    start[-2] = 1

    top = lanczos(operator, start)

    assert top.basis.shape[1] >= MIN_PRODUCTS
    assert top.eigenvalue == pytest.approx(10, rel=0.01)


def test_lanczos_keeps_its_basis_orthogonal() -> None:
    """Without reorthogonalisation a converged outlier comes back as a ghost."""
    spectrum = torch.cat([torch.linspace(0, 1, 400), torch.tensor([1e6])]).double()
    operator, start = counted(spectrum.diag())

    basis = lanczos(operator, start).basis

    torch.testing.assert_close(basis.T @ basis, torch.eye(basis.shape[1], dtype=basis.dtype), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("diagonal", "products"), [([2.0] * 9, 1), ([1.0, 1.0, 4.0, 4.0, 4.0], 2), ([-3.0], 1)])
def test_lanczos_stops_where_the_space_is_exhausted(diagonal: list[float], products: int) -> None:
    """As many products as there are different eigenvalues, then the answer is exact."""
    operator, start = counted(torch.tensor(diagonal, dtype=torch.float64).diag())

    top = lanczos(operator, start)

    assert top.eigenvalue == pytest.approx(max(diagonal), rel=1e-12)
    assert operator.products == products


def test_lanczos_says_that_it_did_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unfinished estimate is no answer."""
    monkeypatch.setattr(curvature, "MAX_PRODUCTS", 10)
    operator, start = counted(torch.linspace(0, 1, 5000, dtype=torch.float64).diag())

    with pytest.raises(UnsupportedModelError, match="within 10 products"):
        lanczos(operator, start)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Every product with a Hessian that is made."""
    made: list[Tensor] = []
    plain = Hessian.__matmul__

    def counted(self: Hessian, vector: Tensor) -> Tensor:
        made.append(plain(self, vector))
        return made[-1]

    monkeypatch.setattr(Hessian, "__matmul__", counted)
    return made


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_top_takes_few_products_on_every_family(name: str, products: list[Tensor]) -> None:
    """At most 25, counted, on the networks of all families."""
    with numerics():
        top = top_of_spectrum(network(name).subject())

    assert min(MIN_PRODUCTS, len(top.basis)) <= len(products) == top.basis.shape[1] <= 25
    assert top.error <= 0.01 * top.eigenvalue


@pytest.mark.parametrize("family", FAMILIES)
def test_the_top_of_the_networks_of_the_zoo(family: str, products: list[Tensor]) -> None:
    """Within 1 % of ARPACK's, in at most 25 products, of networks of the default size that have learned a little."""
    subject = of_the_zoo(family)
    with numerics():
        top = top_of_spectrum(subject)
        count = len(products)
        H = Hessian(subject)
        by_arpack = LinearOperator(
            (H.dimension, H.dimension), lambda v: (H @ torch.from_numpy(v).float()).numpy(), dtype=np.float32
        )
        exact = eigsh(by_arpack, k=1, which="LA", tol=1e-3, return_eigenvectors=False).item()

    assert count <= 25
    assert top.eigenvalue == pytest.approx(exact, rel=0.01)


def of_the_zoo(family: str) -> Subject:
    """A network of a family on 128 digits, after 40 steps."""
    pixels, labels = load_digits(return_X_y=True)
    inputs = torch.from_numpy(pixels[:128]).float().view(-1, 1, 8, 8)
    inputs, targets = (inputs - inputs.mean()) / inputs.std(), torch.from_numpy(labels[:128]).long()
    model = build(Recipe(model=family), (1, 8, 8), 10, seed=0).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return Subject(model, inputs, targets)
