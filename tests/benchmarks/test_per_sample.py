"""Per-sample gradient statistics on one core: at most 2.5 times a forward and backward pass of the same batch.

Run with `pytest tests/benchmarks --benchmark-only`. The two are timed in turn, in seconds of this thread's own
processor time, and the minima of many rounds are compared, so that other work on the machine does not decide.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn
from torch.nn.functional import cross_entropy

import zoo.vision_stack  # noqa: F401  makes timm importable beside a CPU build of torch; it comes before timm
from measures.api import Subject
from measures.passes.per_sample import gradient_statistics

import timm  # isort: skip  after zoo.vision_stack
from timm.models.mlp_mixer import MlpMixer  # isort: skip

NUM_EXAMPLES = 512
ROUNDS = 20
LIMIT = 2.5


def mlp() -> nn.Module:
    """64-64-64-10."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def resnet() -> nn.Module:
    """Two stages of basic blocks with batch norm, without pooling in the stem."""
    network = timm.create_model(
        "resnet18", in_chans=1, num_classes=10, layers=(1, 1), channels=(8, 16), stem_type="deep", stem_width=4
    )
    network.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=False)
    network.maxpool = network.layer3 = network.layer4 = nn.Identity()
    return network


def vit() -> nn.Module:
    """Two blocks on sixteen patches."""
    return timm.create_model(
        "vit_tiny_patch16_224", img_size=8, patch_size=2, in_chans=1, num_classes=10, embed_dim=16, depth=2, num_heads=2
    )


def mixer() -> nn.Module:
    """Two blocks on sixteen patches."""
    return MlpMixer(num_classes=10, img_size=8, in_chans=1, patch_size=2, num_blocks=2, embed_dim=16)


def nf_resnet() -> nn.Module:
    """Two stages of pre-activation bottlenecks with standardized weights."""
    return timm.create_model(
        "nf_resnet26", in_chans=1, num_classes=10, depths=(1, 1), channels=(32, 64), stem_type="3x3", stem_chs=8
    )


STANDARDIZED = pytest.param(
    nf_resnet,
    marks=pytest.mark.xfail(
        reason="many small layers, whose gradients of each example must pass the standardization: 3 to 3.4 times",
        strict=True,
    ),
)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """A single core, as when several networks are scored side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("build", [mlp, resnet, vit, mixer, STANDARDIZED])
@pytest.mark.usefixtures("one_thread")
def test_gradient_statistics_cost_little_more_than_a_step(
    build: Callable[[], nn.Module], benchmark: BenchmarkFixture
) -> None:
    """Norms, products with the weights, means and squares of all per-sample gradients."""
    network = build().eval()
    attention: list[Any] = [module for module in network.modules() if hasattr(module, "fused_attn")]
    for module in attention:
        module.fused_attn = False  # the fused kernels have no batching rule
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(NUM_EXAMPLES, 1, 8, 8, generator=generator)
    labels = torch.randint(0, 10, (NUM_EXAMPLES,), generator=generator)

    def step() -> None:
        network.zero_grad()
        cross_entropy(network(inputs), labels).backward()

    best = {"step": float("inf"), "sweep": float("inf")}

    def interleaved() -> None:
        subject = Subject(network, inputs, labels)  # anew, since a sweep is done once a subject
        for name, work in (("step", step), ("sweep", lambda: gradient_statistics(subject))):
            start = time.thread_time()
            work()
            best[name] = min(best[name], time.thread_time() - start)

    benchmark.pedantic(interleaved, rounds=ROUNDS, warmup_rounds=2)
    ratio = best["sweep"] / best["step"]
    benchmark.extra_info["ratio"] = round(ratio, 2)
    print(f"{build.__name__}: {ratio:.2f} times a forward and backward pass")
    assert ratio <= LIMIT
