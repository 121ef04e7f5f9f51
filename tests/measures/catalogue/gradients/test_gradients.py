"""Gradient measures against their definitions, example by example, and closed forms."""

from statistics import mean

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.gradients.gradients import (
    coherence,
    efim_trace,
    fisher_rao,
    fisher_rao_jiang,
    fisher_trace,
    grad_noise_final,
    gradient_confusion,
    gradient_disparity,
    gradient_diversity,
    gsnr,
    noise_scale,
    stiffness,
    stiffness_between_classes,
    stiffness_within_class,
)
from tests.measures.networks import network


def gradients(subject: Subject) -> Tensor:
    """Gradient at each example, flat [n, p]."""
    params = {name: p.clone().requires_grad_() for name, p in subject.params.items()}
    rows = []
    for x, y in zip(subject.inputs, subject.labels, strict=True):
        loss = cross_entropy(subject.forward(params, x.unsqueeze(0)), y.unsqueeze(0))
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(params.values()))]))
    return torch.stack(rows)


def softmax_regression(inputs: Tensor, labels: Tensor, weight: Tensor) -> Subject:
    """Logits W x without bias."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False).double()
    layer.weight.data = weight
    return Subject(nn.Sequential(nn.Flatten(), layer), inputs, labels)


@pytest.fixture
def saturated() -> Subject:
    """Softmax regression so sure of itself that every gradient is exactly zero."""
    inputs, labels = torch.eye(3, dtype=torch.float64).reshape(3, 1, 1, 3), torch.arange(3)
    return softmax_regression(inputs, labels, 1e4 * torch.eye(3, dtype=torch.float64))


@pytest.fixture
def orthogonal() -> Subject:
    """Five examples whose gradients (p - y) e_i^T are orthogonal and of equal length."""
    inputs = torch.eye(5, dtype=torch.float64).reshape(5, 1, 1, 5)
    return softmax_regression(inputs, torch.ones(5, dtype=torch.int64), torch.zeros(3, 5, dtype=torch.float64))


@pytest.fixture
def identical(mlp: Subject) -> Subject:
    """One example, seven times."""
    return Subject(mlp.model, mlp.inputs[:1].repeat(7, 1, 1, 1), mlp.labels[:1].repeat(7))


def test_grad_noise_final_is_the_mean_squared_distance_from_the_mean(mlp: Subject, conv_bn: Subject) -> None:
    """The mean over examples of ||g_i - g||^2."""
    for subject in (mlp, conv_bn):
        g = gradients(subject)
        expected = mean(float((row - g.mean(0)).square().sum()) for row in g)
        assert grad_noise_final(subject) == pytest.approx(expected, rel=1e-9)


def test_identical_examples_have_no_noise_and_full_coherence(identical: Subject) -> None:
    """Equal gradients: variance zero, coherence one."""
    assert grad_noise_final(identical) == pytest.approx(0, abs=1e-12)
    assert coherence(identical) == pytest.approx(1, rel=1e-12)


def test_coherence_of_orthogonal_gradients(orthogonal: Subject) -> None:
    """Orthogonal gradients of equal length: one over their number."""
    assert coherence(orthogonal) == pytest.approx(1 / 5, rel=1e-12)


def test_coherence_is_the_ratio_of_squared_norms(mlp: Subject) -> None:
    """The ratio m ||g||^2 / sum ||g_i||^2 with g the mean."""
    g = gradients(mlp)
    expected = len(g) * float(g.mean(0).square().sum()) / sum(float(row.square().sum()) for row in g)

    assert coherence(mlp) == pytest.approx(expected, rel=1e-9)


def test_fisher_rao_has_all_parameters_and_jiangs_the_depth(mlp: Subject, residual: Subject) -> None:
    """The mean square of <w, g_i>; times (d + 1)^2 with three layers in one, and 3 + 4 x 2 + 4 + 1 in the other."""
    for subject, depth in ((mlp, 3), (residual, 16)):
        w = torch.cat([p.flatten() for p in subject.params.values()])
        expected = mean(float(row @ w) ** 2 for row in gradients(subject))
        assert fisher_rao(subject) == pytest.approx(expected, rel=1e-9)
        assert fisher_rao_jiang(subject) == pytest.approx((depth + 1) ** 2 * expected, rel=1e-9)


def test_fisher_rao_of_a_homogeneous_network() -> None:
    """Without biases a ReLU network of d layers is homogeneous of degree d: <w, g_i> = d <f(x_i), p_i - y_i>."""
    data = network("mlp")
    layers = nn.Linear(64, 6, bias=False).double(), nn.Linear(6, 10, bias=False).double()
    for layer in layers:
        layer.weight.data = torch.arange(layer.weight.numel()).double().sin().view_as(layer.weight)
    model = nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1])
    subject = Subject(model, data.inputs, data.labels)
    f = subject.logits_of(subject.inputs)
    products = (f * (f.softmax(1) - one_hot(subject.labels, 10))).sum(1)

    assert fisher_rao(subject) == pytest.approx(2**2 * float(products.square().mean()), rel=1e-9)


def test_layers_that_the_data_do_not_pass_do_not_count(mlp: Subject) -> None:
    """A head that is never called leaves the depth as it was."""

    class WithAHead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = mlp.model, nn.Linear(3, 3).double()

        def forward(self, x: Tensor) -> Tensor:
            """The body alone."""
            logits: Tensor = self.body(x)
            return logits

    subject = Subject(WithAHead(), mlp.inputs, mlp.labels)
    assert fisher_rao_jiang(subject) == pytest.approx(fisher_rao_jiang(mlp), rel=1e-9)


def test_gsnr_is_the_mean_ratio_over_parameters(mlp: Subject) -> None:
    """g_k^2 over the variance of g_ik, population variance, averaged where the gradient varies."""
    g = gradients(mlp)
    ratios = [
        float(column.mean() ** 2 / column.var(correction=0)) for column in g.T if column.max() - column.min() > 1e-12
    ]

    assert 0 < len(ratios) < g.shape[1], "pixels that are always dark should give gradients without variance"
    assert gsnr(mlp) == pytest.approx(mean(ratios), rel=1e-6)


def test_gsnr_of_two_examples() -> None:
    """Zero weights, two classes, x = (1) and (3) of one class: gradients 1/2 and 3/2, mean 1, variance 1/4."""
    inputs = torch.tensor([1.0, 3.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    subject = softmax_regression(inputs, torch.zeros(2, dtype=torch.int64), torch.zeros(2, 1, dtype=torch.float64))

    assert gsnr(subject) == pytest.approx(4, rel=1e-12)


def test_gradients_that_do_not_vary_have_no_ratio(identical: Subject, saturated: Subject) -> None:
    """No number stands for a division by zero."""
    for subject in (identical, saturated):
        with pytest.raises(UnsupportedModelError, match="varies"):
            gsnr(subject)
    with pytest.raises(UnsupportedModelError, match="exactly zero"):
        coherence(saturated)


def test_efim_trace_is_the_mean_squared_norm(mlp: Subject) -> None:
    """The trace of the mean of g_i g_i^T."""
    g = gradients(mlp)

    assert efim_trace(mlp) == pytest.approx(float((g.T @ g / len(g)).trace()), rel=1e-9)


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_fisher_trace_sums_over_the_labels_that_the_network_predicts(name: str, request: pytest.FixtureRequest) -> None:
    """The squared norm of the gradient at every label, weighed by its probability."""
    subject: Subject = request.getfixturevalue(name)
    p = subject.logits_of(subject.inputs).softmax(1)
    by_label = [
        gradients(Subject(subject.model, subject.inputs, torch.full_like(subject.labels, label))) for label in range(10)
    ]
    expected = sum(float((p[:, label] * g.square().sum(1)).mean()) for label, g in enumerate(by_label))

    assert fisher_trace(subject) == pytest.approx(expected, rel=1e-9)


def test_diversity_and_noise_scale_by_their_definitions(mlp: Subject) -> None:
    """Sums of squared norms over squared norms of sums; trace of the covariance over the squared norm of the mean."""
    g = gradients(mlp)
    covariance = torch.cov(g.T, correction=0)

    assert gradient_diversity(mlp) == pytest.approx(float(g.square().sum() / g.sum(0).square().sum()), rel=1e-9)
    assert noise_scale(mlp) == pytest.approx(float(covariance.trace() / g.mean(0).square().sum()), rel=1e-9)


def test_gradients_that_are_orthogonal(orthogonal: Subject) -> None:
    """Five of equal length: diversity one, noise scale four, no stiffness, no confusion."""
    assert gradient_diversity(orthogonal) == pytest.approx(1, rel=1e-12)
    assert noise_scale(orthogonal) == pytest.approx(4, rel=1e-12)
    assert stiffness(orthogonal) == pytest.approx(0, abs=1e-12)
    assert gradient_confusion(orthogonal) == pytest.approx(0, abs=1e-12)


def test_stiffness_and_confusion_pair_by_pair(mlp: Subject) -> None:
    """Cosines of all pairs, of those of one label and of those of two; the smallest product."""
    g, labels = gradients(mlp), mlp.labels.tolist()
    pairs = [(i, j) for i in range(len(g)) for j in range(len(g)) if i != j]
    cosine = {(i, j): float(g[i] @ g[j] / (g[i].norm() * g[j].norm())) for i, j in pairs}
    within = [value for (i, j), value in cosine.items() if labels[i] == labels[j]]
    between = [value for (i, j), value in cosine.items() if labels[i] != labels[j]]

    assert stiffness(mlp) == pytest.approx(mean(cosine.values()), rel=1e-9)
    assert stiffness_within_class(mlp) == pytest.approx(mean(within), rel=1e-9)
    assert stiffness_between_classes(mlp) == pytest.approx(mean(between), rel=1e-9)
    assert gradient_confusion(mlp) == pytest.approx(-min(float(g[i] @ g[j]) for i, j in pairs), rel=1e-9)


def test_disparity_of_five_batches(mlp: Subject) -> None:
    """Thirty-five of the examples, seven a batch, in each of 64 divisions."""
    g = gradients(mlp)[mlp.sample(36)]
    orders = torch.rand(64, 36, generator=mlp.generator("groups", 7)).argsort(1)
    distances = []
    for order in orders:
        means = [g[order[7 * batch : 7 * batch + 7]].mean(0) for batch in range(5)]
        distances += [float((means[a] - means[b]).norm()) for a in range(5) for b in range(a)]

    assert gradient_disparity(mlp) == pytest.approx(mean(distances), rel=1e-9)


def test_too_few_examples_or_gradients(mlp: Subject, saturated: Subject) -> None:
    """One example has no pair, four no five batches, one class no other, and a gradient of zero no direction."""
    alone = Subject(mlp.model, mlp.inputs[:1], mlp.labels[:1])
    four = Subject(mlp.model, mlp.inputs[:4], mlp.labels[:1].repeat(4))
    for measure in (stiffness, gradient_confusion):
        with pytest.raises(UnsupportedModelError, match="at least two training examples"):
            measure(alone)
    with pytest.raises(UnsupportedModelError, match="at least 5 training examples"):
        gradient_disparity(four)
    with pytest.raises(UnsupportedModelError, match="No pair"):
        stiffness_between_classes(four)
    with pytest.raises(UnsupportedModelError, match="No pair"):
        stiffness(saturated)
    for measure in (gradient_diversity, noise_scale):
        with pytest.raises(UnsupportedModelError, match="exactly zero"):
            measure(saturated)
