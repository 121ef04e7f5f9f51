"""Benchmark the memory of a sweep of per-sample gradients over ten million parameters, beside network and data.

Each network is swept in a separate process, on one thread. Linux is told to forget the peak of memory just before the
sweep, so that what loading the data took does not hide what the sweep takes.

A perceptron of 10.2 million parameters on one core of a busy machine: the norms of all 50,000 images of CIFAR-10 took
129 MB and 33 s, all statistics 233 MB and 54 s; of 5,000 images as much memory, to 1 MB. Convolutions of 10.5 million
parameters on 256 examples: 48 MB and 2.6 s, 178 MB and 6.5 s.

Run with `pytest tests/benchmarks/test_sweep_memory.py --benchmark-only -s`, where GAPBENCH_DATA names a folder with
cifar10.
"""

import os
import subprocess
import sys
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from zoo.data.datasets import load

MOST = 512  # MB: 256 of a chunk, and three sums of 41 with room for one to be made
MOST_GROWTH = 1.05  # of the peak when there are ten times as many images

# Arguments: which network, how many examples, and a file of their uint8 images or - for random ones.
# Of the convolutions the gradient of each example is formed, of the layers of the perceptron none.
SWEEP = r"""
import pathlib, re, sys, time
import numpy as np
import torch
from torch import nn
from measures.api import Subject
from measures.passes.gradients.per_sample import gradient_norms, gradient_statistics

kind, count, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)
torch.manual_seed(0)
if kind == "convolutions":
    shape = 512, 2, 2
    layers = [*[nn.Conv2d(512, 512, 3, padding=1) for _ in range(4)], nn.Flatten(), nn.Linear(2048, 500)]
else:
    shape = 3, 32, 32
    layers = [nn.Flatten(), nn.Linear(3072, 2048), nn.ReLU(), nn.Linear(2048, 1536), nn.ReLU()]
    layers += [nn.Linear(1536, 512), nn.ReLU(), nn.Linear(512, 10)]
if file == "-":
    inputs = torch.randn(count, *shape)
else:
    images = np.memmap(file, np.uint8, "r", shape=(count, *shape))
    inputs = torch.empty(count, *shape)
    for start in range(0, count, 1000):
        inputs[start : start + 1000] = torch.from_numpy(images[start : start + 1000] / np.float32(127.5) - 1)
    del images
subject = Subject(nn.Sequential(*layers), inputs, torch.arange(count) % 10)

def megabytes(what):
    return int(re.search(what + r":\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) / 2**10

print(sum(p.numel() for p in subject.params.values()))
for sweep in gradient_norms, gradient_statistics:
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak is forgotten
    before, start = megabytes("VmRSS"), time.thread_time()
    sweep(subject)
    seconds = time.thread_time() - start
    print(megabytes("VmHWM") - before, seconds)
"""


def swept(kind: str, count: int, file: str = "-") -> dict[str, tuple[float, float]]:
    """Peak in MB and seconds of each sweep."""
    command = [sys.executable, "-c", SWEEP, kind, str(count), file]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**17)}  # what is free is given back at once
    printed = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    assert int(printed[0]) >= 10_000_000
    peaks, seconds = zip(*(map(float, line.split()) for line in printed[1:]), strict=True)
    return dict(zip(("norms", "statistics"), zip(peaks, seconds, strict=True), strict=True))


def test_gradients_of_convolutions_are_not_kept(benchmark: BenchmarkFixture) -> None:
    """Those of 256 examples would be 11 GB."""
    found: dict[str, tuple[float, float]] = {}
    benchmark.pedantic(lambda: found.update(swept("convolutions", 256)), rounds=1)
    print(f"\n(MB at most beside network and data, seconds): {found}")
    assert max(peak for peak, _ in found.values()) <= MOST


def test_fifty_thousand_images(data_dir: Path, tmp_path: Path, benchmark: BenchmarkFixture) -> None:
    """CIFAR-10 and a perceptron: all images take no more memory than a tenth of them."""
    images = load("cifar10", data_dir).train_images
    assert images.shape == (50_000, 3, 32, 32)
    file = tmp_path / "images"
    images.numpy().tofile(file)
    found: dict[int, dict[str, tuple[float, float]]] = {}

    def measured() -> None:
        for count in (5_000, 50_000):
            found[count] = swept("perceptron", count, str(file))

    benchmark.pedantic(measured, rounds=1)
    print(f"\n(MB at most beside network and data, seconds) by number of images: {found}")
    for name, (peak, _) in found[50_000].items():
        assert peak <= min(MOST, MOST_GROWTH * found[5_000][name][0])
