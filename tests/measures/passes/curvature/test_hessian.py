"""Hessian-vector products, the trace and the top eigenvalue against the dense Hessian."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.passes.curvature import gauss_newton, hessian_products
from measures.passes.curvature import hessian as curvature
from measures.passes.curvature.hessian import moments, random_signs, squared_norm, top_of_spectrum, trace
from measures.passes.curvature.hessian_products import Hessian
from measures.passes.gradients import logit_jacobian
from measures.passes.perturbations.ascent import box_scale
from measures.passes.perturbations.noise_scale import noise_scale
from measures.scoring import numerics
from tests.measures.networks import mlp as mlp_network
from tests.measures.networks import network


def dense_hessian(subject: Subject, inputs: Tensor, labels: Tensor) -> Tensor:
    """Hessian [p, p] of the mean loss, all rows at once."""
    flat = torch.cat([p.flatten() for p in subject.params.values()]).requires_grad_()
    sizes = [p.numel() for p in subject.params.values()]
    pieces = zip(subject.params.items(), flat.split(sizes), strict=True)
    loss = cross_entropy(subject.forward({name: part.view_as(p) for (name, p), part in pieces}, inputs), labels)
    (gradient,) = torch.autograd.grad(loss, flat, create_graph=True)
    (rows,) = torch.autograd.grad(gradient, flat, torch.eye(len(flat), dtype=flat.dtype), is_grads_batched=True)
    return rows


def test_hessian_of_a_linear_softmax(linear: Subject) -> None:
    """H v for softmax regression: mean over examples of [(diag p - p p^T) V x~] x~^T, with x~ = (x, 1)."""
    x = torch.cat([linear.inputs.flatten(1), torch.ones(linear.num_examples, 1, dtype=linear.dtype)], 1)
    p = linear.logits_of(linear.inputs).softmax(1)
    V = torch.linspace(-1, 1, 650, dtype=linear.dtype).mul(99).sin().reshape(10, 65)
    moved = x @ V.T
    curved = p * moved - p * (p * moved).sum(1, keepdim=True)
    expected = curved.T @ x / linear.num_examples

    found = Hessian(linear) @ torch.cat([V[:, :64].flatten(), V[:, 64]])

    torch.testing.assert_close(found, torch.cat([expected[:, :64].flatten(), expected[:, 64]]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_products_top_and_trace_of_the_dense_hessian(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Products are exact, the top is within its own bound and 1 %, the trace within its own scatter."""
    subject: Subject = request.getfixturevalue(name)
    H = dense_hessian(subject, subject.inputs, subject.labels)
    operator = Hessian(subject)
    vector = random_signs(len(H), torch.Generator().manual_seed(0), subject)
    torch.testing.assert_close(operator @ vector, H @ vector, rtol=1e-8, atol=1e-10)

    top = top_of_spectrum(subject)
    exact = float(torch.linalg.eigvalsh(H)[-1])
    assert abs(top.eigenvalue - exact) <= max(top.error, 1e-12)
    assert top.eigenvalue == pytest.approx(exact, rel=0.01)
    assert top.basis.shape[1] <= 25

    monkeypatch.setattr(curvature, "MIN_PROBES", 200)
    monkeypatch.setattr(curvature, "MAX_PROBES", 200)
    scatter = (2 / 200) ** 0.5 * float((H - gauss_newton_part(subject)).norm())
    assert moments(subject).trace == pytest.approx(float(H.trace()), abs=4 * scatter)
    assert moments(subject).square == pytest.approx(float(H.square().sum()), rel=0.1)


def gauss_newton_part(subject: Subject) -> Tensor:
    """Mean over examples of J_i^T (diag p_i - p_i p_i^T) J_i [p, p]."""
    blocks = jacrev(lambda params: subject.forward(params, subject.inputs))(subject.params)
    J = torch.cat([block.flatten(2) for block in blocks.values()], 2)  # [n, k, p]
    p = subject.logits_of(subject.inputs).softmax(1)
    terms = [Ji.T @ (q.diag() - q.outer(q)) @ Ji for Ji, q in zip(J, p, strict=True)]
    return torch.stack(terms).mean(0)


def test_the_control_variate_leaves_no_scatter_on_a_linear_network(linear: Subject) -> None:
    """Where H is G, four probes are exact for any seed."""
    H = dense_hessian(linear, linear.inputs, linear.labels)

    assert moments(linear).trace == pytest.approx(float(H.trace()), rel=1e-9)
    assert moments(linear).square == pytest.approx(float(H.square().sum()), rel=1e-9)


class Recurrent(nn.Module):
    """An LSTM over the rows of the images."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.LSTM(8, 3, batch_first=True), nn.Linear(3, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.layer(x.squeeze(1))[0][:, -1])  # type: ignore[no-any-return]


def recurrent(seed: int, steps: int) -> Subject:
    """A small recurrent network after some steps: far from its Gauss-Newton part."""
    data = network("linear")
    torch.manual_seed(seed)
    model = Recurrent().double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(model(data.inputs), data.labels).backward()
        optimizer.step()
    return Subject(model, data.inputs, data.labels, seed=seed)


@pytest.mark.parametrize(("seed", "steps"), [(0, 0), (1, 5)])
def test_estimates_hold_their_promise_on_recurrent_networks(seed: int, steps: int) -> None:
    """The top to 1 %, trace and norm to three standard errors of 5 %, by as many products as that takes."""
    subject = recurrent(seed, steps)
    operator = Hessian(subject)
    H = torch.stack([operator @ unit for unit in torch.eye(operator.dimension, dtype=torch.float64)])

    assert top_of_spectrum(subject).eigenvalue == pytest.approx(float(torch.linalg.eigvalsh(H)[-1]), rel=0.01)
    assert trace(subject) == pytest.approx(float(H.trace()), rel=0.15)
    assert squared_norm(subject) ** 0.5 == pytest.approx(float(H.norm()), rel=0.15)


def test_estimates_that_do_not_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the network is too large for a product with every unit vector."""
    monkeypatch.setattr(curvature, "EXACT_DIMENSION", 0)
    subject = recurrent(0, 0)

    with pytest.raises(UnsupportedModelError, match="could not be estimated to 5% by 64 products"):
        trace(subject)


def test_moments_without_a_known_part(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """With rows too long to keep, plain Hutchinson: unbiased over seeds, and Lanczos from chance."""
    monkeypatch.setattr(logit_jacobian, "KEPT_FLOATS", 1)
    monkeypatch.setattr(gauss_newton, "KEPT_FLOATS", 1)
    monkeypatch.setattr(gauss_newton, "SKETCH_WIDTH", 64)
    H = dense_hessian(mlp, mlp.inputs, mlp.labels)
    seeds = [Subject(mlp.model, mlp.inputs, mlp.labels, seed=seed) for seed in range(40)]
    traces = torch.tensor([moments(subject).trace for subject in seeds])

    assert curvature.known_part(seeds[0]) is None
    assert float(traces.mean()) == pytest.approx(float(H.trace()), abs=4 * float(traces.std()) / 40**0.5)
    assert top_of_spectrum(seeds[0]).eigenvalue == pytest.approx(float(torch.linalg.eigvalsh(H)[-1]), rel=0.01)


def test_a_lanczos_that_starts_from_nothing_in_common_still_finds_the_top() -> None:
    """Of a network at initialization, where residuals are large and G says little of H."""
    data = network("mlp")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        subject = Subject(mlp_network().double(), data.inputs, (data.labels + 3) % 10)
    exact = float(torch.linalg.eigvalsh(dense_hessian(subject, subject.inputs, subject.labels))[-1])

    assert top_of_spectrum(subject).eigenvalue == pytest.approx(exact, rel=0.01)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # by a part of curvlinops
@pytest.mark.parametrize("name", ["mlp", "conv_bn", "residual"])
def test_products_are_those_of_curvlinops(name: str) -> None:
    """An independent implementation of the Hessian; of layer norm and of standardized weights it gives another product.

    Those are held to the slope of the gradient, above.
    """
    import curvlinops

    subject = network(name).subject()
    vector = random_signs(Hessian(subject).dimension, torch.Generator().manual_seed(0), subject)
    model = copy.deepcopy(subject.model).requires_grad_(requires_grad=True)
    parameters = [p for p in model.parameters() if p.requires_grad]
    with numerics():
        theirs = curvlinops.HessianLinearOperator(
            model, nn.CrossEntropyLoss(), parameters, [(subject.inputs, subject.labels)], check_deterministic=False
        )
        torch.testing.assert_close(Hessian(subject) @ vector, theirs @ vector, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ["residual", "norm_free", "vit", "mixer"])
def test_products_are_linear_symmetric_and_slopes_of_the_gradient(name: str, request: pytest.FixtureRequest) -> None:
    """On networks too large for a dense Hessian: u^T H v = v^T H u, and H v is the change of the gradient along v."""
    subject: Subject = request.getfixturevalue(name)
    step = 1e-7  # across few kinks of ReLU: at 1e-5 rounding decided whether one of norm_free was crossed
    with numerics():
        operator = Hessian(subject)
        generator = torch.Generator().manual_seed(0)
        u, v = (random_signs(operator.dimension, generator, subject) for _ in range(2))
        found = operator @ v
        assert float(u @ found) == pytest.approx(float(v @ (operator @ u)), rel=1e-7)
        slope = (gradient_at(subject, step * v) - gradient_at(subject, -step * v)) / (2 * step)

    assert float((found - slope).norm() / slope.norm()) < 1e-2, "kinks of ReLU allow no more"


def gradient_at(subject: Subject, displacement: Tensor) -> Tensor:
    """Gradient [p] of the mean loss at the displaced parameters."""
    pieces = displacement.split([p.numel() for p in subject.params.values()])
    params = {
        name: (p + piece.view_as(p)).requires_grad_()
        for (name, p), piece in zip(subject.params.items(), pieces, strict=True)
    }
    loss = cross_entropy(subject.forward(params, subject.inputs), subject.labels)
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(params.values()))])


def test_a_sample_stands_for_a_large_training_set(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more examples than NUM_EXAMPLES, the mean is over the sample, whatever the batches it comes in."""
    monkeypatch.setattr(hessian_products, "NUM_EXAMPLES", 20)
    monkeypatch.setattr(Subject.batches, "__defaults__", (None, 6))
    chosen = mlp.sample(20)
    H = dense_hessian(mlp, mlp.inputs[chosen], mlp.labels[chosen])
    vector = torch.ones(len(H), dtype=H.dtype)

    torch.testing.assert_close(Hessian(mlp) @ vector, H @ vector, rtol=1e-8, atol=1e-10)


def test_random_signs_are_signs(mlp: Subject) -> None:
    """+1 and -1, as often."""
    signs = random_signs(10_000, torch.Generator().manual_seed(0), mlp)

    assert signs.abs().eq(1).all()
    assert abs(float(signs.mean())) < 0.04


def test_networks_without_second_derivative_are_refused(mlp: Subject) -> None:
    """A hard sigmoid can be differentiated once."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Hardsigmoid(), nn.Linear(8, 10)).double()
    with pytest.raises(UnsupportedModelError, match="no second derivative"):
        top_of_spectrum(Subject(model, mlp.inputs, mlp.labels))


def test_weights_that_are_not_numbers_are_refused(mlp: Subject) -> None:
    """No product is made of them."""
    model = copy.deepcopy(mlp.model)
    with torch.no_grad():
        next(model.parameters())[0, 0] = torch.nan
    subject = Subject(model, mlp.inputs, mlp.labels)

    for measure in (top_of_spectrum, moments, noise_scale, box_scale):
        with pytest.raises(UnsupportedModelError, match="finite"):
            measure(subject)


def test_graphs_that_take_too_much_are_built_again_for_each_product(
    mlp: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The products are the same, and no more than a batch is held at once."""
    whole = Hessian(mlp)
    monkeypatch.setattr(hessian_products, "SMALL", 0)
    monkeypatch.setattr(hessian_products, "GRAPH_BYTES", 1)
    parts = Hessian(mlp)
    vector = random_signs(whole.dimension, torch.Generator().manual_seed(0), mlp)

    assert parts._kept is None
    assert 1 < len(parts._batches) <= mlp.num_examples
    torch.testing.assert_close(parts @ vector, whole @ vector, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(parts @ vector, whole @ vector, rtol=1e-4, atol=1e-6)  # and again
    monkeypatch.setattr(hessian_products, "GRAPH_BYTES", 2**40)
    assert Hessian(mlp)._kept is not None
